/** Exchanges over the kernel's own sockets, as `NetlinkSocket.exchange` of the addon describes them. */
import { expect, jest, test } from '@jest/globals';
import { EMSGSIZE } from '../../lib/errno.js';
import { KernelSource } from '../../lib/netlink/kernel.js';
import { NETLINK_ROUTE, NLM_F_DUMP, NLM_F_REQUEST } from '../../lib/netlink/constants.js';
import type { Channel } from '../../lib/netlink/source.js';
import { RTM_GETLINK } from '../../lib/rtnetlink/constants.js';
import { endsAnswer } from '../../lib/testing/datagrams.js';
import { encodeMessage } from '../../lib/testing.js';
import { leavesNothing } from '../support/leftovers.js';
import { inSandbox, noNetns } from '../support/netns.js';
import { describeUnless } from '../support/skip.js';

leavesNothing();
jest.setTimeout(60_000);

const PAIRS = 100;
const dumpOfLinks = encodeMessage({
  type: RTM_GETLINK,
  flags: NLM_F_REQUEST | NLM_F_DUMP,
  sequence: 7,
  body: new Uint8Array(16),
});

/** Runs `body` with a socket where a dump of links takes several datagrams of nearly 32 KiB. */
function withChannel(body: (channel: Channel) => Promise<void>): Promise<void> {
  return inSandbox(async ({ netns, client }) => {
    await Promise.all(
      Array.from({ length: PAIRS }, (_, i) =>
        client.link.add({ name: `a${i}`, kind: 'veth', data: { peer: { name: `b${i}` } } }),
      ),
    );
    const source = new KernelSource(NETLINK_ROUTE, netns);
    const channel = await source.open();
    try {
      await body(channel);
    } finally {
      channel.close();
      source.close();
    }
  });
}

describeUnless(noNetns, 'a dump', () => {
  test('fills the buffer, datagram by datagram', () =>
    withChannel(async (channel) => {
      const into = new Uint8Array(100 * 1024);
      const received = await channel.exchange(dumpOfLinks, into, 7, -1, 0);
      expect(received).toBeGreaterThan(68 * 1024);
      expect(received).toBeLessThanOrEqual(into.length);
    }));

  test('with a greatest length ends when less room is left, and goes on in the next exchange', () =>
    withChannel(async (channel) => {
      const into = new Uint8Array(100 * 1024);
      const received = await channel.exchange(dumpOfLinks, into, 7, -1, 64 * 1024);
      expect(received).toBeGreaterThan(36 * 1024);
      expect(received).toBeLessThanOrEqual(68 * 1024);
      let last = received;
      let more = 0;
      while (!endsAnswer(into.subarray(0, last), 7)) {
        last = await channel.exchange(null, into, 7, -1, 64 * 1024);
        expect(last).toBeGreaterThan(0);
        more++;
      }
      expect(more).toBeGreaterThan(1);
      expect(await channel.exchange(null, into, 7, -1, 64 * 1024)).toBe(0);
    }));

  test('of which a datagram is longer than the greatest length, and than the room, has lost it', () =>
    withChannel(async (channel) => {
      // From the room offered here the kernel learns how long a datagram may be.
      expect(await channel.exchange(dumpOfLinks, new Uint8Array(100 * 1024), 7, -1, 0)).toBeGreaterThan(68 * 1024);
      const into = new Uint8Array(20 * 1024);
      // Without a greatest length it says how much room it takes.
      const needed = await channel.exchange(null, into, 7, -1, 0);
      expect(needed).toBeGreaterThan(into.length);
      expect(await channel.exchange(null, into, 7, -1, 16 * 1024)).toBe(-EMSGSIZE);
      expect(await channel.exchange(null, new Uint8Array(needed), 7, -1, 0)).toBeGreaterThan(0);
    }));
});

describeUnless(noNetns, 'requests that travel together', () => {
  test('are told apart where some fail: the kernel answers failures, and otherwise only the last one', () =>
    inSandbox(async ({ client }) => {
      await client.link.set('lo', { up: true });
      const add = (i: number) => client.route.add({ to: `10.${i >> 8}.${i & 255}.0/24`, link: 1, scope: 'link' });
      const isTaken = (i: number) => i % 7 === 3 || i === 127 || i === 128 || i === 299;
      const taken = Array.from({ length: 300 }, (_, i) => i).filter(isTaken);
      await Promise.all(taken.map(add));
      const results = await Promise.allSettled(Array.from({ length: 300 }, (_, i) => add(i)));
      const failed = results.flatMap(({ status }, i) => (status === 'rejected' ? [i] : []));
      expect(failed).toEqual(taken);
      expect(results[299]).toMatchObject({
        reason: { code: 'EEXIST', path: 'route.to', message: expect.stringContaining('10.1.43.0/24') },
      });
      const routes = await client.route.list({ family: 'inet', table: 'main' });
      expect(routes.length).toBe(300);
    }));

  test('and all fail', () =>
    inSandbox(async ({ client }) => {
      const results = await Promise.allSettled(
        Array.from({ length: 1000 }, (_, i) => client.route.delete({ to: `10.${i >> 8}.${i & 255}.0/24` })),
      );
      const codes = results.map((result) =>
        result.status === 'rejected' ? (result.reason as { code: string }).code : '',
      );
      expect(new Set(codes)).toEqual(new Set(['ESRCH']));
    }));
});
