/** The built package in worker threads that are ended while everything is under way. */
import { expect, jest, test } from '@jest/globals';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { leavesNothing, openDescriptors, threadNamespaces, until } from '../support/leftovers.js';
import { noNetns, rootless } from '../support/netns.js';
import { build, noBuild } from '../support/program.js';
import { describeUnless } from '../support/skip.js';

leavesNothing();
jest.setTimeout(240_000);

const skip = noNetns ?? noBuild;

/** A worker that runs `body` with the package's exports and the port to its parent. */
function work(body: string): Worker {
  const source = `
    const { parentPort } = require('node:worker_threads');
    const { Netns, Rtnetlink } = require(${JSON.stringify(build)});
    (async () => { ${body} })();`;
  return new Worker(source, { eval: true, execArgv: [] });
}

/** Namespaces, clients, sockets, dumps and watches, none of them closed; the message comes when all are under way. */
const busy = `
  const netns = await Netns.create({ rootless: ${rootless} });
  const client = await Rtnetlink.open({ netns });
  await Promise.all(Array.from({ length: 20 }, (_, number) => client.link.add({ name: 'v' + number, kind: 'veth', data: { peer: { name: 'w' + number } } })));
  await client.link.set('lo', { up: true });
  const server = await netns.listen(require('node:net').createServer(), { host: '127.0.0.1' });
  const socket = netns.connect({ host: '127.0.0.1', port: server.address().port });
  await require('node:events').once(socket, 'connect');
  const udp = await netns.udp();
  const watch = client.watch(['link', 'address', 'route']);
  for (;;) if ((await watch.next()).value.type === 'synced') break;
  void watch.next();
  const stands = client.watch(['link']);
  await stands.next();
  const forever = async () => { for (;;) await client.link.list(); };
  const changes = async () => { for (let mtu = 1000; ; mtu = 1000 + (mtu + 1) % 400) await client.link.set('v3', { mtu }); };
  const opens = async () => { for (;;) (await Rtnetlink.open({ netns })).close(); };
  const makes = async () => { for (;;) (await Netns.create({ rootless: ${rootless} })).close(); };
  const sysctls = async () => { for (;;) await netns.sysctl.set('net.ipv4.ip_forward', 1); };
  for (const each of [forever, changes, opens, makes, sysctls]) void each();
  parentPort.postMessage('busy');`;

describeUnless(skip, 'a worker thread', () => {
  test('uses the package, and ends by itself when it is done', async () => {
    const worker = work(`
      const netns = await Netns.create({ rootless: ${rootless} });
      const client = await Rtnetlink.open({ netns });
      await client.link.add({ name: 'left', kind: 'veth', data: { peer: { name: 'right' } } });
      const names = (await client.link.list()).map(({ name }) => name).sort();
      client.close();
      netns.close();
      parentPort.postMessage(names);`);
    const ended = once(worker, 'exit');
    expect(await once(worker, 'message')).toEqual([['left', 'lo', 'right']]);
    expect(await ended).toEqual([0]);
  });

  test('with an open client that has nothing to do ends by itself', async () => {
    const worker = work(`
      const client = await Rtnetlink.open({ netns: await Netns.create({ rootless: ${rootless} }) });
      parentPort.postMessage((await client.link.get('lo')).index);`);
    const ended = once(worker, 'exit');
    expect(await once(worker, 'message')).toEqual([1]);
    expect(await ended).toEqual([0]);
  });

  test('can be ended 50 times with everything under way, and leaves nothing', async () => {
    const namespaces = threadNamespaces();
    let baseline = Infinity;
    for (let round = 0; round < 50; round++) {
      const worker = work(busy);
      const failed = once(worker, 'error').then(([error]) => Promise.reject(error as Error));
      await Promise.race([once(worker, 'message'), failed]);
      failed.catch(() => undefined);
      await worker.terminate();
      // After the first ones the runtime has opened for good whatever it keeps.
      if (round === 2) {
        await until(() => !openDescriptors().some((each) => each.includes('net:[')));
        baseline = openDescriptors().length;
      }
    }
    expect(await until(() => openDescriptors().length <= baseline)).toBe(true);
    expect(await until(() => threadNamespaces().join() === namespaces.join())).toBe(true);
  });

  test('several at once do not get in each other’s way', async () => {
    const workers = Array.from({ length: 4 }, () => work(busy));
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    await Promise.all(workers.map((worker) => worker.terminate()));
  });
});
