/** What a child has of its host, what it can do to it, and what is left of one that did not get to be the program. */
import { expect, jest, test } from '@jest/globals';
import { execFileSync, spawn as spawnHost } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { SpawnOptions } from '../../lib/process/spawn-options.js';
import { Cgroup } from '../../lib/cgroup/cgroup.js';
import { leavesNothing } from '../support/leftovers.js';
import { noNetns, notRoot } from '../support/netns.js';
import { build, noBuild, processBuild, tell } from '../support/program.js';
import { describeUnless, testUnless } from '../support/skip.js';
import {
  field,
  idle,
  lines,
  nodeEnvironment,
  noRights,
  notInitialRoot,
  outcome,
  rootless,
  temporaryFolder,
} from '../support/spawned.js';
import { compiled, noCompiler } from './programs.js';

leavesNothing();
jest.setTimeout(120_000);

const base = temporaryFolder('children');
chmodSync(base, 0o755);
const map = [{ inside: 0, outside: 100_000, count: 65_536 }];
const mapped: SpawnOptions = { uidMap: map, gidMap: map };
const proc = { type: 'proc', target: '/proc' } as const;

describeUnless(noBuild ?? noNetns, 'a signal to the process group, or to all processes,', () => {
  /** Programs in namespaces of several kinds do `how`; the host is process group leader, with a witness beside it. */
  async function signalled(options: string): Promise<{ host: string[]; witness: string }> {
    const source = `
      const { spawn: witnessed } = require('node:child_process');
      const { once } = require('node:events');
      const { spawn } = require(${JSON.stringify(processBuild)});
      (async () => {
        const seen = [];
        for (const signal of ['SIGUSR2', 'SIGTERM', 'SIGHUP']) process.on(signal, () => seen.push(signal));
        const witness = witnessed('sh', ['-c', 'cat; echo over'], { stdio: ['pipe', 'pipe', 'inherit'] });
        const ended = once(witness, 'close');
        const box = await spawn('sh', ['-c', 'trap "" USR2 TERM HUP; cat'], { init: true, namespaces: { pid: 'new', mnt: 'new', ...${JSON.stringify(rootless)} },
          mounts: [{ type: 'proc', target: '/proc' }], stdio: ['pipe', 'ignore', 'inherit'] });
        const user = ${JSON.stringify(rootless.user ?? null)} === null ? {} : { user: { pid: box.pid } };
        const script = 'trap "" USR2 TERM HUP; for s in USR2 TERM HUP; do kill -s $s 0; kill -s $s -- -1; done; true';
        for (const options of ${options}) await (await spawn('sh', ['-c', script], { stdio: 'ignore', ...options })).exited;
        // Comes behind those.
        const last = once(process, 'SIGWINCH');
        process.on('SIGWINCH', () => {});
        process.kill(process.pid, 'SIGWINCH');
        await last;
        witness.stdin.end();
        const [, signal] = await ended;
        box.kill('SIGKILL');
        await box.exited;
        console.log(JSON.stringify({ host: [...new Set(seen)].sort(), witness: signal ?? 'none' }));
        process.exit();
      })();`;
    const host = spawnHost(process.execPath, ['-e', source], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
      env: nodeEnvironment,
    });
    const [out] = await Promise.all([text(host.stdout), once(host, 'exit')]);
    return JSON.parse(out) as { host: string[]; witness: string };
  }

  test('reaches nobody outside of a new or joined pid namespace', async () => {
    expect(
      await signalled(`[
        { namespaces: { pid: 'new', ...${JSON.stringify(rootless)} } },
        { namespaces: { pid: 'new', ...${JSON.stringify(rootless)} }, init: true },
        { namespaces: { pid: 'new', user: 'new' }, rlimits: { nofile: 100 } },
        { namespaces: { pid: { pid: box.pid }, ...user } },
        { namespaces: { pid: { pid: box.pid }, mnt: { pid: box.pid }, ...user }, umask: 0 },
      ]`),
    ).toEqual({ host: [], witness: 'none' });
  });

  test('reaches the group when that is asked for', async () => {
    const { host, witness } = await signalled(
      `[{ namespaces: { pid: { pid: box.pid }, ...user }, detached: false },
        { namespaces: { pid: 'new', ...${JSON.stringify(rootless)} }, detached: false }]`,
    );
    expect(host).toEqual(['SIGHUP', 'SIGTERM', 'SIGUSR2']);
    expect(witness).not.toBe('none');
  });
});

describeUnless(notInitialRoot, 'a user namespace that is joined', () => {
  test('makes the program root of there, without groups, who is nobody outside', async () => {
    const file = join(base, 'of-root');
    writeFileSync(file, 'secret', { mode: 0o600 });
    await using box = await idle({ namespaces: { user: 'new', net: 'new' }, ...mapped });
    const user = { pid: box.pid };
    for (const namespaces of [{ user }, { user, net: user }, { user, mnt: 'new' }] as const) {
      expect(await lines('id -u; id -g; id -G', { namespaces })).toEqual(['0', '0', '0']);
      await using child = await idle({ namespaces });
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      expect(field(status, 'Uid').split('\t')).toEqual(Array.from({ length: 4 }, () => '100000'));
      expect(field(status, 'Gid').split('\t')).toEqual(Array.from({ length: 4 }, () => '100000'));
      expect(field(status, 'Groups').trim()).toBe('');
      expect(await outcome('cat', [file], { namespaces })).toMatchObject({ out: '', exit: { code: 1 } });
    }
    // Also a program of another user inside.
    expect(await lines('id -u; id -g; id -G', { namespaces: { user }, uid: 7, gid: 8 })).toEqual(['7', '8', '8']);
  });
});

const kinds: Readonly<Record<string, SpawnOptions>> = {
  plain: {},
  limited: { rlimits: { nofile: 200 } },
  'with a user namespace': { namespaces: { user: 'new', pid: 'new', mnt: 'new' }, mounts: [proc] },
  'with an init': { namespaces: { user: 'new', pid: 'new', mnt: 'new' }, mounts: [proc], init: true },
};

describeUnless(noBuild ?? noNetns, 'descriptors of the host', () => {
  test('without close-on-exec reach no child', () => {
    // Node.js marks those that it is given only up to the first gap.
    const files = Array.from({ length: 20 }, (_, i) => {
      writeFileSync(join(base, `given-${i}`), '');
      return openSync(join(base, `given-${i}`), 'r');
    });
    try {
      const told = tell(
        `
        const { text } = require('node:stream/consumers');
        const flags = (fd) => parseInt(/flags:\\s*(\\d+)/.exec(fs.readFileSync('/proc/self/fdinfo/' + fd, 'utf8'))[1], 8);
        const open = fs.readdirSync('/proc/self/fd').map(Number).filter((fd) => { try { return fs.readlinkSync('/proc/self/fd/' + fd).includes('given-'); } catch { return false; } });
        told.inheritable = open.filter((fd) => (flags(fd) & 0o2000000) === 0).length;
        told.found = {};
        for (const [name, options] of Object.entries(${JSON.stringify(kinds)})) {
          const script = 'for p in $$ 1; do for f in /proc/$p/fd/*; do readlink $f; done; done';
          const child = await netlace.spawn('sh', ['-c', options.init ? script : script.replace(' 1;', ';')], { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
          const out = await text(child.stdout);
          await child.exited;
          told.found[name] = out.split('\\n').filter((link) => link !== '' && !/^(\\/dev\\/null|(pipe|socket):.*)$/.test(link));
        }`,
        { descriptors: [...Array.from({ length: 30 }, () => 'ignore' as never), ...files] },
      );
      expect(told['inheritable']).toBeGreaterThan(10);
      // Standard errors are the test's.
      const found = told['found'] as Record<string, string[]>;
      for (const [name, links] of Object.entries(found))
        expect({
          name,
          links: links.filter((link) => link.includes('given-') || /memfd|anon_inode|\[/.test(link)),
        }).toEqual({
          name,
          links: [],
        });
    } finally {
      for (const file of files) closeSync(file);
    }
  });
});

describeUnless(noCompiler ?? noNetns, 'the session keyring', () => {
  const keyring = noCompiler === undefined ? compiled('keyring') : '';
  const number = async (options: SpawnOptions = {}) => Number((await outcome(keyring, [], options)).out);

  test('is the host’s for a plain program, and another one in user and pid namespaces', async () => {
    const hosts = await number();
    expect(hosts).toBeGreaterThan(0);
    expect(await number()).toBe(hosts);
    await using box = await idle({ namespaces: { user: 'new', pid: 'new', mnt: 'new' }, mounts: [proc], init: true });
    const at = { pid: box.pid };
    const all: SpawnOptions[] = [
      { namespaces: { user: 'new' } },
      { namespaces: { user: 'new', pid: 'new' }, init: true },
      { namespaces: { user: at } },
      { namespaces: { user: at, pid: at, mnt: at } },
      ...(noRights === undefined
        ? ([{ namespaces: { pid: 'new' } }, { namespaces: { pid: at } }] as SpawnOptions[])
        : []),
    ];
    const found = await Promise.all(all.map((options) => number(options)));
    for (const each of found) expect(each).toBeGreaterThan(0);
    expect(new Set([hosts, ...found]).size).toBe(1 + all.length);
  });
});

describeUnless(noCompiler ?? notRoot, 'a filter as container runtimes have it', () => {
  const seccomp = noCompiler === undefined ? execFileSync(compiled('filter')) : undefined;
  const granted = ['CAP_CHOWN', 'CAP_SETUID', 'CAP_SETGID', 'CAP_KILL'] as const;
  const capabilities = { effective: granted, permitted: granted, inheritable: [], bounding: granted };
  const script =
    'grep -E "^(NoNewPrivs|Seccomp|CapBnd):" /proc/self/status; unshare -u true 2> /dev/null || echo refused';

  for (const noNewPrivileges of [false, true])
    for (const [title, more] of Object.entries<SpawnOptions>({
      'of a program': {},
      'of another user': { uid: 1234, gid: 1234 },
      'in a container': { namespaces: { pid: 'new', mnt: 'new', net: 'new' }, mounts: [proc] },
      'in a container with an init': { namespaces: { pid: 'new', mnt: 'new' }, mounts: [proc], init: true },
      'with a user namespace': { namespaces: { user: 'new', pid: 'new', mnt: 'new' }, mounts: [proc], cwd: '/usr' },
    }))
      test(`${title} goes together with fewer capabilities, ${noNewPrivileges ? 'with' : 'without'} no_new_privs`, async () => {
        const options: SpawnOptions = { ...more, capabilities, noNewPrivileges, seccomp: seccomp!, timeout: 30_000 };
        expect(await lines(script, options)).toEqual([
          'CapBnd:\t00000000000000e1',
          `NoNewPrivs:\t${noNewPrivileges ? 1 : 0}`,
          'Seccomp:\t2',
          'refused',
        ]);
      });

  for (const noNewPrivileges of [false, true])
    test(`does not keep an init’s program from beginning, ${noNewPrivileges ? 'with' : 'without'} no_new_privs`, async () => {
      // The program goes on for as long as its input, and the init has nothing of it.
      await using child = await idle({
        namespaces: { pid: 'new', mnt: 'new' },
        mounts: [proc],
        init: true,
        seccomp: seccomp!,
        noNewPrivileges,
        timeout: 20_000,
      });
      expect(readdirSync(`/proc/${child.pid}/fd`)).toEqual([]);
    });
});

/** A file system that answers nothing, in a mount namespace of the host's own. */
const noFuse = (() => {
  if (notRoot !== undefined) return notRoot;
  try {
    closeSync(openSync('/dev/fuse', 'r+'));
    return undefined;
  } catch (error) {
    return `no FUSE: ${(error as Error).message}`;
  }
})();
const noCgroups = await (async () => {
  try {
    await (await Cgroup.create(`/netlace-probe-${process.pid}`)).delete();
    return undefined;
  } catch (error) {
    return `no cgroups can be made: ${(error as Error).message}`;
  }
})();

/** Starts what waits, eight times in each way, and gives up. */
const STUCK = `
  const children = () => fs.readdirSync('/proc/self/task').flatMap((task) => { try { return fs.readFileSync('/proc/self/task/' + task + '/children', 'utf8').split(' ').filter(Boolean); } catch { return []; } });
  const descriptors = () => fs.readdirSync('/proc/self/fd').length;
  const threads = () => fs.readdirSync('/proc/self/task').length;
  const until = async (holds) => { for (const end = Date.now() + 20_000; !holds() && Date.now() < end; ) await new Promise((resolve) => setTimeout(resolve, 5)); return holds(); };
  const stuck = async (key, options, command = '/bin/true') => {
    const before = [descriptors(), threads()];
    const controller = new AbortController();
    const kept = setInterval(() => {}, 1000);
    const made = Array.from({ length: 8 }, (_, i) =>
      netlace.spawn(command, [], { stdio: 'ignore', ...options, ...(i % 2 ? { timeout: 1000 } : { signal: controller.signal }) })
        .then(() => 'started', (error) => error.name + ' ' + (error.message === 'enough' ? 'enough' : error.code ?? '')));
    // The pool's four threads, and this one, do not wait.
    const read = [];
    for (let i = 0; i < 8; i++) read.push((await fs.promises.readFile('/proc/self/comm', 'utf8')).length > 0);
    setTimeout(() => controller.abort(new Error('enough')), 200);
    const ends = await Promise.all(made);
    clearInterval(kept);
    await until(() => children().length === 0 && descriptors() <= before[0] && threads() <= before[1]);
    told[key] = { ends: [...new Set(ends)].sort(), read: read.every(Boolean), children: children().length,
      descriptors: Math.max(0, descriptors() - before[0]), threads: Math.max(0, threads() - before[1]) };
  };
  await (await netlace.spawn('/bin/true', [], { rlimits: { nofile: 100 }, stdio: 'ignore' })).exited;
  await Promise.all(Array.from({ length: 8 }, () => fs.promises.stat('/')));`;
const GIVEN_UP = {
  ends: ['Error enough', expect.stringMatching(/^TimeoutError/)],
  read: true,
  children: 0,
  descriptors: 0,
  threads: 0,
};

describeUnless(noBuild, 'what is given up while it waits leaves nothing, and holds no thread', () => {
  testUnless(noFuse, 'for a file system that does not answer', () => {
    const told = tell(
      `
      const { mount } = require(${JSON.stringify(build.replace('index.js', 'mount/index.js'))});
      ${STUCK}
      const folder = ${JSON.stringify(base)} + '/hung';
      fs.mkdirSync(folder);
      const device = fs.openSync('/dev/fuse', 'r+');
      await mount({ type: 'fuse', source: 'hung', target: folder, data: { fd: device, rootmode: '40000', user_id: 0, group_id: 0 } });
      const at = folder + '/x';
      await stuck('cwd', { cwd: at });
      await stuck('cwd of a launcher', { cwd: at, rlimits: { nofile: 100 } });
      await stuck('command', {}, at);
      await stuck('root', { root: at, namespaces: { mnt: 'new' } });
      await stuck('changed root', { root: at });
      await stuck('source', { namespaces: { mnt: 'new' }, mounts: [{ type: 'bind', source: at, target: '/mnt' }] });
      await stuck('source with a user', { namespaces: { mnt: 'new', user: 'new', pid: 'new' }, mounts: [{ type: 'bind', source: at, target: '/mnt' }] });
      await stuck('target', { namespaces: { mnt: 'new' }, mounts: [{ type: 'tmpfs', target: at }] });
      await stuck('command in an init', { namespaces: { pid: 'new' }, init: true }, at);
      fs.closeSync(device);`,
      { under: 'unshare --mount --propagation private' },
    );
    expect(told).toEqual(Object.fromEntries(Object.keys(told).map((key) => [key, GIVEN_UP])));
    expect(Object.keys(told)).toHaveLength(9);
  });

  testUnless(noCgroups, 'for a frozen cgroup', () => {
    const told = tell(
      `
      const { Cgroup } = require(${JSON.stringify(build.replace('index.js', 'cgroup/index.js'))});
      ${STUCK}
      const cgroup = await Cgroup.create('/netlace-frozen-' + process.pid);
      await cgroup.freeze();
      await stuck('plain', { cgroup });
      await stuck('container', { cgroup, namespaces: { user: 'new', pid: 'new', mnt: 'new' } });
      await stuck('init', { cgroup, namespaces: { user: 'new', pid: 'new' }, init: true });
      await cgroup.thaw();
      await cgroup.delete();`,
    );
    expect(told).toEqual({ plain: GIVEN_UP, container: GIVEN_UP, init: GIVEN_UP });
  });
});

describeUnless(noBuild ?? noNetns, 'Workers that are terminated amid 200 spawns', () => {
  test('leave no zombie and no descriptor', () => {
    const told = tell(`
      const { once } = require('node:events');
      const { Worker } = require('node:worker_threads');
      const source = \`
        const { spawn } = require(${JSON.stringify(processBuild)});
        const { parentPort } = require('node:worker_threads');
        const kinds = [{}, { rlimits: { nofile: 100 } }, { namespaces: { user: 'new', pid: 'new' }, init: true }, { stdio: 'ignore' }];
        let done = 0;
        for (let i = 0; i < 200; i++)
          spawn('/bin/true', [], kinds[i % 4]).then(() => parentPort.postMessage(++done), () => parentPort.postMessage(++done));
      \`;
      const children = () => fs.readdirSync('/proc/self/task').flatMap((task) => { try { return fs.readFileSync('/proc/self/task/' + task + '/children', 'utf8').split(' ').filter(Boolean); } catch { return []; } });
      const descriptors = () => fs.readdirSync('/proc/self/fd').map((fd) => { try { return fs.readlinkSync('/proc/self/fd/' + fd).replace(/\\d+/g, ''); } catch { return ''; } }).sort();
      const until = async (holds) => { for (const end = Date.now() + 20_000; !holds() && Date.now() < end; ) await new Promise((resolve) => setTimeout(resolve, 5)); return holds(); };
      let before = [];
      told.rounds = 0;
      for (let round = 0; round < 8; round++, told.rounds++) {
        const worker = new Worker(source, { eval: true });
        // After none, a few, or many of them.
        for (let i = 0; i < [0, 3, 40, 120][round % 4]; i++) await once(worker, 'message');
        await worker.terminate();
        if (round === 3) {
          await until(() => children().length === 0);
          before = descriptors();
        }
      }
      await until(() => children().length === 0 && descriptors().length <= before.length);
      told.children = children().length;
      const counts = (list) => list.reduce((all, each) => ({ ...all, [each]: (all[each] ?? 0) + 1 }), {});
      const now = counts(descriptors());
      const then = counts(before);
      told.more = Object.entries(now).filter(([key, count]) => count > (then[key] ?? 0)).map(([key, count]) => key + ' ' + (count - (then[key] ?? 0)));`);
    expect(told).toEqual({ rounds: 8, children: 0, more: [] });
  });
});
