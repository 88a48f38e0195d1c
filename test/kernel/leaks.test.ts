/** What is used and closed again leaves nothing: descriptors, threads, mounts, namespaces, memory. */
import { expect, jest, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { Netns } from '../../lib/namespaces/netns.js';
import { Rtnetlink } from '../../lib/rtnetlink/client.js';
import { leavesNothing, openDescriptors, threadCount, until } from '../support/leftovers.js';
import { newNetns, newNetnsSync, noNames, noNetns } from '../support/netns.js';
import { errorOf } from '../support/rejection.js';
import { describeUnless, testUnless } from '../support/skip.js';

leavesNothing();
jest.setTimeout(120_000);

const mounts = () => readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n').length;

/** Runs `cycle` some times to reach a steady state, then `times` more, and asserts that nothing has grown. */
async function expectSteady(times: number, cycle: (round: number) => Promise<void>): Promise<void> {
  for (let round = 0; round < 10; round++) await cycle(round);
  const descriptors = openDescriptors().length;
  const threads = threadCount();
  const mounted = mounts();
  const memory = process.memoryUsage().rss;
  for (let round = 10; round < times + 10; round++) await cycle(round);
  expect(await until(() => openDescriptors().length <= descriptors)).toBe(true);
  expect(await until(() => threadCount() <= threads)).toBe(true);
  expect(mounts()).toBe(mounted);
  // The garbage collector takes its time: only what grows with each cycle gets this far.
  expect(process.memoryUsage().rss - memory).toBeLessThan(96 * 1024 * 1024);
}

describeUnless(noNetns, 'nothing is left of', () => {
  test('namespaces', () =>
    expectSteady(100, async () => {
      (await newNetns()).close();
      newNetnsSync().close();
    }));

  testUnless(noNames, 'namespaces with names', () =>
    expectSteady(100, async (round) => {
      const name = `netlace-leak-${process.pid}-${round}`;
      await using named = await Netns.create({ name });
      using opened = Netns.openSync(name);
      expect(opened.equals(named)).toBe(true);
      Netns.delete(name);
      expect(await errorOf(() => Netns.open(name))).toMatchObject({ code: 'ENOENT' });
    }),
  );

  test('clients that are closed while requests, dumps and watches are under way', async () => {
    await using netns = await newNetns();
    await expectSteady(100, async () => {
      const client = await Rtnetlink.open({ netns });
      const sync = Rtnetlink.openSync({ netns });
      sync.sync.link.list();
      sync.close();
      const watch = client.watch(['link', 'route']);
      await watch.next();
      const pending = [
        client.link.get('lo'),
        client.link.list().then(),
        client.route.list().then(),
        client.link.set('lo', { mtu: 60_000 }),
        client.watch(['link']).next(),
      ];
      client.close();
      for (const result of await Promise.allSettled(pending)) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'ERR_NETLACE_CLOSED' });
      }
      await watch.next();
    });
  });

  test('dumps and watches that are left halfway', async () => {
    await using netns = await newNetns();
    await using client = await Rtnetlink.open({ netns });
    await Promise.all(Array.from({ length: 30 }, (_, number) => client.link.add({ name: `v${number}`, kind: 'veth' })));
    await expectSteady(100, async () => {
      for await (const _ of client.link.list()) break;
      for await (const _ of client.watch(['link'])) break;
      const watch = client.watch(['link', 'address']);
      await watch.next();
      watch.close();
      client.watch(['link']);
    });
  });

  test('sockets and sysctls', async () => {
    await using netns = await newNetns();
    await using client = await Rtnetlink.open({ netns });
    await client.link.set('lo', { up: true });
    await expectSteady(100, async () => {
      const closed = (await netns.udp()).close();
      expect(closed).toBeDefined();
      await netns.sysctl.set('net.ipv4.ip_forward', 1);
      netns.sysctl.getSync('net.ipv4.ip_forward');
      expect(await errorOf(() => netns.sysctl.set('net.ipv4.ip_forward', 'x'))).toMatchObject({ code: 'EINVAL' });
      expect(await errorOf(() => netns.udp({ address: '192.0.2.1' }))).toMatchObject({ code: 'EADDRNOTAVAIL' });
    });
  });

  test('requests that are refused', async () => {
    await using netns = await newNetns();
    await using client = await Rtnetlink.open({ netns });
    await expectSteady(100, async () => {
      const refused = await Promise.allSettled(
        Array.from({ length: 100 }, (_, number) => client.link.set(1000 + number, { mtu: 1400 })),
      );
      expect(refused.every(({ status }) => status === 'rejected')).toBe(true);
      expect(await errorOf(() => client.sync.link.get('nosuch'))).toMatchObject({ code: 'ENODEV' });
    });
  });

  test('handles that nobody closed, once they are collected', async () => {
    expect(await collectable()).toBe(true);
  });
});

/** Descriptors that were forgotten are closed by the garbage collector, which starts when memory gets short. */
async function collectable(): Promise<boolean> {
  const before = openDescriptors().length;
  for (let number = 0; number < 50; number++) newNetnsSync();
  let waste: unknown[] = [];
  return until(() => {
    waste = Array.from({ length: 20_000 }, () => ({ waste: waste.length }));
    return openDescriptors().length <= before;
  }, 20_000);
}
