/** Threads that live inside a network namespace, and that no other thread does. */
import { expect, jest, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { Netns } from '../../lib/namespaces/netns.js';
import { NetnsWorker } from '../../lib/namespaces/worker.js';
import { leavesNothing, threadNamespaces, until } from '../support/leftovers.js';
import { newNetns, noNetns, rootless } from '../support/netns.js';
import { build, noBuild } from '../support/program.js';
import { errorOf } from '../support/rejection.js';
import { describeUnless, testUnless } from '../support/skip.js';
import { noRights } from '../support/spawned.js';

leavesNothing();
jest.setTimeout(60_000);

const skip = noNetns ?? noBuild;
const home = readlinkSync('/proc/self/ns/net');
const linkOf = (netns: Netns) => `net:[${netns.ino}]`;

/** How many threads of this process are in the namespace. */
function threadsIn(netns: Netns): number {
  return readdirSync('/proc/self/task').filter((thread) => {
    try {
      return readlinkSync(`/proc/self/task/${thread}/ns/net`) === linkOf(netns);
    } catch {
      return false;
    }
  }).length;
}

const inFolder = async (body: (folder: string) => Promise<void>) => {
  const folder = mkdtempSync(join(tmpdir(), 'netlace-worker-'));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** A script's URL. */
const script = (source: string) => new URL(`data:text/javascript,${encodeURIComponent(source)}`);

describeUnless(noNetns, 'a NetnsWorker', () => {
  testUnless(noRights, 'is inside before its code runs, whatever its code is', () =>
    inFolder(async (folder) => {
      await using netns = await newNetns();
      const body = `[readlinkSync('/proc/thread-self/ns/net'), workerData, process.argv[1], process.argv.slice(2)]`;
      const files = { cjs: join(folder, 'a file.cjs'), mjs: join(folder, 'a#file.mjs') };
      writeFileSync(
        files.cjs,
        `const { readlinkSync } = require('fs'); const { parentPort, workerData } = require('worker_threads'); parentPort.postMessage(${body})`,
      );
      const module = `import { readlinkSync } from 'node:fs'; import { parentPort, workerData } from 'node:worker_threads'; parentPort.postMessage(${body})`;
      writeFileSync(files.mjs, module);
      const data = script(module);
      for (const [file, name] of [
        [files.cjs, files.cjs],
        [files.mjs, files.mjs],
        [pathToFileURL(files.mjs), files.mjs],
        [data, data.href],
      ] as const) {
        const worker = new NetnsWorker(file, { netns, workerData: { some: 'data' }, argv: ['--flag'] });
        const ended = once(worker, 'exit');
        expect(await once(worker, 'message')).toEqual([[linkOf(netns), { some: 'data' }, name, ['--flag']]]);
        expect(await ended).toEqual([0]);
        expect(worker).toBeInstanceOf(Worker);
      }
      // A thread is gone a moment after its Worker.
      expect(await until(() => threadNamespaces().length === 1)).toBe(true);
      expect(threadNamespaces()).toEqual([home]);
    }),
  );

  testUnless(noRights, 'serves inside, is the only thread there, and starts children there', async () => {
    await using netns = await newNetns({ loopback: true });
    const worker = new NetnsWorker(
      script(`
        import { readlinkSync, promises } from 'node:fs';
        import { execFileSync } from 'node:child_process';
        import { createServer } from 'node:http';
        import { parentPort } from 'node:worker_threads';
        await Promise.all(Array.from({ length: 32 }, () => promises.readFile('/proc/self/status')));
        const child = execFileSync('readlink', ['/proc/self/ns/net']).toString().trim();
        const server = createServer((request, response) => response.end(child + request.url));
        server.listen(8080, '127.0.0.1', () => parentPort.postMessage('listening'));`),
      { netns },
    );
    await once(worker, 'message');
    const agent = netns.agent();
    const answers = await Promise.all(
      Array.from({ length: 16 }, async (_, i) => {
        const request = get({ agent, host: '127.0.0.1', port: 8080, path: `/${i}` });
        return text(((await once(request, 'response')) as [IncomingMessage])[0]);
      }),
    );
    expect(answers).toEqual(answers.map((_, i) => `${linkOf(netns)}/${i}`));
    // Those of the agent's connections come and go.
    expect(await until(() => threadsIn(netns) === 1)).toBe(true);
    expect(threadNamespaces().sort()).toEqual([home, linkOf(netns)].sort());
    agent.destroy();
    await worker.terminate();
    expect(await until(() => threadsIn(netns) === 0)).toBe(true);
  });

  testUnless(noRights, 'keeps the namespace when the handle is closed at once; several live in several', async () => {
    const own = `import { readlinkSync } from 'node:fs'; import { parentPort } from 'node:worker_threads';
      parentPort.on('message', () => parentPort.postMessage(readlinkSync('/proc/thread-self/ns/net')));`;
    const made = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const netns = await newNetns();
        const link = linkOf(netns);
        const worker = new NetnsWorker(script(own), { netns });
        netns.close();
        return { worker, link };
      }),
    );
    for (const { worker, link } of made) {
      worker.postMessage('where?');
      expect(await once(worker, 'message')).toEqual([link]);
    }
    await Promise.all(made.map(({ worker }) => worker.terminate()));
  });

  testUnless(noRights, 'an error of its code is its error', async () => {
    await using netns = await newNetns();
    const worker = new NetnsWorker(script(`throw new RangeError('mine')`), { netns });
    const [error] = (await once(worker, 'error')) as [Error];
    expect([error.name, error.message]).toEqual(['RangeError', 'mine']);
  });

  test('what cannot be is refused', async () => {
    await using netns = await newNetns();
    const closed = await newNetns();
    closed.close();
    using file = Netns.current();
    for (const [path, options, expected] of [
      ['script.js', { netns }, { argument: 'file' }],
      [new URL('https://example.org/x.js'), { netns }, { argument: 'file' }],
      [7, { netns }, { argument: 'file' }],
      ['/x.js', {}, { argument: 'options.netns' }],
      ['/x.js', undefined, { argument: 'options.netns' }],
      ['/x.js', { netns: { fd: 0 } }, { argument: 'options.netns' }],
      ['1', { netns, eval: true }, { argument: 'options.eval' }],
      ['/x.js', { netns: closed }, { code: 'ERR_NETLACE_CLOSED' }],
      ['/x.js', { netns: file, execArgv: ['--no-such-flag'] }, { code: 'ERR_WORKER_INVALID_EXEC_ARGV' }],
    ] as const) {
      expect(await errorOf(() => new NetnsWorker(path as never, options as never))).toMatchObject(expected);
    }
  });
});

describeUnless(skip, 'a Worker that is ended', () => {
  test('leaves nothing of its sockets, lookups, readers and NetnsWorkers', async () => {
    const source = `
      const { Netns, NetnsWorker } = require(${JSON.stringify(build)});
      (async () => {
        const netns = await Netns.create({ loopback: true, rootless: ${rootless} });
        const packets = netns.packetSocket({ link: 'lo' });
        const raw = netns.rawSocket({ family: 4, protocol: 17 });
        for (const each of [packets, raw]) (async () => { for await (const packet of each); })();
        (async () => { for (;;) await packets.send(new Uint8Array(60)); })();
        (async () => { for (;;) await netns.lookup('some.name.example').catch(() => 0); })();
        for (let i = 0; i < 8; i++) netns.connect({ host: 'some.name.example', port: 1 }).on('error', () => 0);
        ${noRights === undefined ? "new NetnsWorker(new URL('data:text/javascript,setInterval(()=>0,1)'), { netns });" : ''}
        require('worker_threads').parentPort.postMessage('busy');
      })();`;
    let baseline = Infinity;
    for (let round = 0; round < 20; round++) {
      const worker = new Worker(source, { eval: true, execArgv: [] });
      const failed = once(worker, 'error').then(([error]) => Promise.reject(error as Error));
      await Promise.race([once(worker, 'message'), failed]);
      failed.catch(() => undefined);
      // Further on each time.
      for (let turns = 0; turns < 10 * round; turns++) await new Promise(setImmediate);
      await worker.terminate();
      // After the first ones the runtime has opened for good whatever it keeps.
      if (round === 2) baseline = readdirSync('/proc/self/fd').length;
    }
    expect(await until(() => readdirSync('/proc/self/fd').length <= baseline)).toBe(true);
    expect(await until(() => threadNamespaces().join() === home)).toBe(true);
  });
});

describeUnless(skip, 'in a process of its own', () => {
  /** What the program prints, as JSON. */
  async function run(source: string): Promise<unknown> {
    const program = `const { Netns, NetnsWorker } = require(${JSON.stringify(build)}); const fs = require('fs');
      const places = () => fs.readdirSync('/proc/self/task').flatMap((thread) => { try { return [fs.readlinkSync('/proc/self/task/' + thread + '/ns/net')]; } catch { return []; } });
      (async () => { ${source} })();`;
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', program], { timeout: 30_000 });
    return JSON.parse(stdout) as unknown;
  }

  testUnless(noRights, 'no thread of the pool is started inside', async () => {
    const result = await run(`
      const netns = Netns.createSync();
      const worker = new NetnsWorker(new URL('data:text/javascript,' + encodeURIComponent(
        "import { promises } from 'node:fs'; import { parentPort } from 'node:worker_threads'; await Promise.all(Array.from({ length: 16 }, () => promises.stat('/'))); parentPort.on('message', () => parentPort.close()); parentPort.postMessage(1);")), { netns });
      worker.once('message', () => {
        const inside = places().filter((each) => each === 'net:[' + netns.ino + ']').length;
        worker.once('exit', async () => {
          for (let i = 0; i < 20_000 && new Set(places()).size > 1; i++) await new Promise((resolve) => setTimeout(resolve, 1));
          console.log(JSON.stringify([inside, new Set(places()).size]));
        });
        worker.postMessage('end');
      });`);
    expect(result).toEqual([1, 1]);
  });

  testUnless(noRights, 'run() takes a Worker inside for one call, and the main thread never', async () => {
    const inWorker = `
      const { Netns } = require(${JSON.stringify(build)});
      const fs = require('fs'); const { execFileSync } = require('child_process');
      const { parentPort } = require('worker_threads');
      const place = () => fs.readlinkSync('/proc/thread-self/ns/net');
      const caught = (call) => { try { call(); } catch (error) { return error.argument ?? error.message; } };
      const netns = Netns.createSync();
      const home = place();
      parentPort.postMessage({
        inside: netns.run(place) === 'net:[' + netns.ino + ']',
        child: netns.run(() => execFileSync('readlink', ['/proc/self/ns/net']).toString().trim()) === 'net:[' + netns.ino + ']',
        nested: netns.run(() => Netns.createSync().run(place) !== place()),
        thrown: caught(() => netns.run(() => { throw new Error('mine'); })),
        async: caught(() => netns.run(async () => 1)),
        promise: caught(() => netns.run(() => Promise.resolve(1))),
        none: caught(() => netns.run('x')),
        back: place() === home,
      });`;
    const result = await run(`
      const netns = Netns.createSync();
      let code;
      try { netns.run(() => 1); } catch (error) { code = error.code; }
      const { Worker } = require('worker_threads');
      new Worker(${JSON.stringify(inWorker)}, { eval: true }).on('message', (told) => {
        // Threads that have ended are listed a moment longer.
        const end = Date.now() + 20_000;
        const look = () => new Set(places()).size > 1 && Date.now() < end ? setTimeout(look, 1) : console.log(JSON.stringify({ ...told, code, places: new Set(places()).size }));
        look();
      });`);
    expect(result).toEqual({
      inside: true,
      child: true,
      nested: true,
      thrown: 'mine',
      async: 'fn',
      promise: 'fn',
      none: 'fn',
      back: true,
      code: 'ERR_NETLACE_UNSUPPORTED',
      places: 1,
    });
  });
});
