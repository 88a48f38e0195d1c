/** Whole packets inside network namespaces: packet sockets, raw sockets, TUN and TAP devices. */
import { expect, jest, test } from '@jest/globals';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { Netns } from '../../lib/namespaces/netns.js';
import type { Tun } from '../../lib/namespaces/tun.js';
import { Rtnetlink } from '../../lib/rtnetlink/client.js';
import { leavesNothing, threadsAreHome } from '../support/leftovers.js';
import { inSandbox, newNetns, noNetns } from '../support/netns.js';
import { errorOf } from '../support/rejection.js';
import { describeUnless, testUnless } from '../support/skip.js';

leavesNothing();
jest.setTimeout(30_000);

/** A protocol that nobody else speaks: IEEE's first for local experiments. */
const ETH_P_LOCAL = 0x88b5;
const NEAR = '02:00:00:00:07:01';
const FAR = '02:00:00:00:07:02';

/** Two namespaces with a cable between them. */
async function inPair(body: (near: Netns, far: Netns, nearby: Rtnetlink) => Promise<void>): Promise<void> {
  await using near = await newNetns({ loopback: true });
  await using far = await newNetns({ loopback: true });
  await using nearby = await Rtnetlink.open({ netns: near });
  await using remote = await Rtnetlink.open({ netns: far });
  await nearby.link.add({ name: 'cable', kind: 'veth', data: { peer: { name: 'cable', netns: far } } });
  for (const [place, client] of [nearby, remote].entries()) {
    const address = [NEAR, FAR][place]!;
    await client.link.set('cable', { address, up: true, afSpec: { inet6: { addrGenMode: 'none' } } });
    await client.address.add({ link: 'cable', address: `10.7.0.${place + 1}/24` });
    await client.address.add({ link: 'cable', address: `fd07::${place + 1}/64`, flags: ['nodad'] });
  }
  await body(near, far, nearby);
}

function frame(to: string, from: string, payload: readonly number[]): Uint8Array {
  const mac = (text: string) => text.split(':').map((hex) => parseInt(hex, 16));
  return Uint8Array.from([...mac(to), ...mac(from), ETH_P_LOCAL >> 8, ETH_P_LOCAL & 0xff, ...payload]);
}

async function next<T>(packets: AsyncIterable<T>): Promise<T> {
  const result = await packets[Symbol.asyncIterator]().next();
  if (result.done) throw new Error('there was nothing more');
  return result.value;
}

describeUnless(noNetns, 'a packet socket', () => {
  test('sends and receives frames of one link', () =>
    inPair(async (near, far, nearby) => {
      await using sender = near.packetSocket({ link: 'cable' });
      await using receiver = far.packetSocket({ link: 'cable', protocol: ETH_P_LOCAL });
      const sent = frame('ff:ff:ff:ff:ff:ff', NEAR, [1, 2, 3, 4, 5]);
      const waiting = next(receiver);
      await sender.send(sent);
      const { index } = await nearby.link.get('cable');
      const { data, length, from } = await waiting;
      expect([...data]).toEqual([...sent]);
      expect(length).toBe(sent.length);
      expect(from).toEqual({
        link: expect.any(Number),
        protocol: ETH_P_LOCAL,
        packetType: 'broadcast',
        hardwareType: 1,
        address: NEAR,
      });
      await sender.send(frame(FAR, NEAR, [6]), { link: index });
      await sender.send(frame('02:00:00:00:07:77', NEAR, [7]), { link: 'cable', protocol: ETH_P_LOCAL });
      expect((await next(receiver)).from.packetType).toBe('host');
      expect((await next(receiver)).from.packetType).toBe('otherhost');
      // Of all protocols: what this host sends, too.
      await using observer = near.packetSocket({ link: 'cable' });
      await sender.send(frame(FAR, NEAR, [8]));
      for await (const { data, from } of observer) {
        if (data.at(-1) !== 8) continue;
        expect(from.packetType).toBe('outgoing');
        break;
      }
    }));

  test('with dgram has no headers: the kernel makes them', () =>
    inPair(async (near, far) => {
      await using sender = near.packetSocket({ link: 'cable', type: 'dgram', protocol: ETH_P_LOCAL });
      await using receiver = far.packetSocket({ type: 'dgram', protocol: ETH_P_LOCAL, snapLength: 3 });
      await sender.send(Uint8Array.of(1, 2, 3, 4, 5), { address: FAR });
      const { data, length, from } = await next(receiver);
      expect([[...data], length, from.packetType, from.address]).toEqual([[1, 2, 3], 5, 'host', NEAR]);
      expect(await errorOf(() => receiver.send(Uint8Array.of(1)))).toMatchObject({
        code: 'ERR_NETLACE_ARGUMENT',
        argument: 'to.link',
      });
    }));

  test('tells VLAN tags that were taken off', () =>
    inPair(async (near, far) => {
      await using receiver = far.packetSocket({ link: 'cable' });
      await using sender = near.packetSocket({ link: 'cable' });
      const untagged = frame(FAR, NEAR, [0, 0, 0, 9]);
      // Priority 5, id 42.
      await sender.send(Uint8Array.from([...untagged.subarray(0, 12), 0x81, 0, 0xa0, 42, ...untagged.subarray(12)]));
      for await (const { data, from } of receiver) {
        if (data.at(-1) !== 9) continue;
        expect(from.vlan).toEqual({ id: 42, priority: 5, protocol: 0x8100 });
        break;
      }
    }));

  test('receives what its filter lets in, from the first packet on', () =>
    inPair(async (near, far) => {
      // Frames with 7 behind the header.
      const filter = [
        { code: 0x30, jt: 0, jf: 0, k: 14 },
        { code: 0x15, jt: 0, jf: 1, k: 7 },
        { code: 0x06, jt: 0, jf: 0, k: 0xffffffff },
        { code: 0x06, jt: 0, jf: 0, k: 0 },
      ];
      await using sender = near.packetSocket({ link: 'cable' });
      let flooding = true;
      const flood = (async () => {
        for (let i = 0; flooding; i++) {
          await sender.send(frame(FAR, NEAR, [8]));
          if (i % 32 === 0) await new Promise(setImmediate);
        }
      })();
      for (let round = 0; round < 20; round++) {
        await new Promise(setImmediate);
        await using receiver = far.packetSocket({ link: 'cable', protocol: ETH_P_LOCAL, filter });
        await sender.send(frame(FAR, NEAR, [7, round]));
        expect([...(await next(receiver)).data].slice(14)).toEqual([7, round]);
      }
      flooding = false;
      await flood;
    }));

  test('many packets come in order, one call for many', () =>
    inPair(async (near, far) => {
      await using sender = near.packetSocket({ link: 'cable' });
      await using receiver = far.packetSocket({ link: 'cable', protocol: ETH_P_LOCAL });
      for (let i = 0; i < 100; i++) await sender.send(frame(FAR, NEAR, [i, ...new Array<number>(i).fill(i)]));
      const seen: number[] = [];
      for await (const { data } of receiver) {
        expect(data).toHaveLength(15 + data[14]!);
        seen.push(data[14]!);
        if (seen.length === 100) break;
      }
      expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => i));
    }));

  test('closed while waiting ends the loop; a link that goes down is an error', () =>
    inPair(async (near, _far, nearby) => {
      const socket = near.packetSocket({ link: 'cable', protocol: ETH_P_LOCAL });
      const failed = errorOf(() => socket[Symbol.asyncIterator]().next());
      await nearby.link.set('cable', { up: false });
      expect(await failed).toMatchObject({ code: 'ENETDOWN', syscall: 'recvmsg' });
      const again = socket[Symbol.asyncIterator]().next();
      socket.close();
      socket.close();
      expect(await again).toEqual({ done: true, value: undefined });
      expect(await socket[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
      expect(await errorOf(() => socket.send(Uint8Array.of(1)))).toMatchObject({ code: 'ERR_NETLACE_CLOSED' });
    }));

  test('what cannot be is refused with the name of the option', () =>
    inPair(async (near) => {
      for (const [options, expected] of [
        [{ link: 'nosuch' }, { code: 'ENODEV' }],
        [{ link: 4711 }, { code: 'ENODEV', syscall: 'bind' }],
        [{ link: '' }, { argument: 'options.link' }],
        [{ link: 'x'.repeat(16) }, { argument: 'options.link' }],
        [{ protocol: 0x10000 }, { argument: 'options.protocol' }],
        [{ type: 'stream' }, { argument: 'options.type' }],
        [{ filter: [] }, { argument: 'options.filter' }],
        [{ filter: [{ code: 6, jt: 0, jf: 0, k: -1 }] }, { argument: 'options.filter[0].k' }],
        // Leads out of the program: the kernel sees that.
        [{ filter: [{ code: 5, jt: 0, jf: 0, k: 9 }] }, { code: 'EINVAL', syscall: 'setsockopt' }],
        [{ snapLength: 0 }, { argument: 'options.snapLength' }],
        [{ lnk: 1 }, { argument: 'options.lnk' }],
      ] as const) {
        expect(await errorOf(() => near.packetSocket(options as never))).toMatchObject(expected);
      }
      await using socket = near.packetSocket({ link: 'cable' });
      for (const [run, argument] of [
        [() => socket.send('text' as never), 'data'],
        [() => socket.send(Uint8Array.of(1), { address: 'x' }), 'to.address'],
        [() => socket.send(Uint8Array.of(1), { address: '0:'.repeat(9) }), 'to.address'],
        [() => socket.send(Uint8Array.of(1), { addres: 'x' } as never), 'to.addres'],
      ] as const) {
        expect(await errorOf(run)).toMatchObject({ code: 'ERR_NETLACE_ARGUMENT', argument });
      }
      expect(await errorOf(() => socket.send(new Uint8Array(5000)))).toMatchObject({ code: 'EMSGSIZE' });
    }));
});

describeUnless(noNetns, 'a raw socket', () => {
  test('pings, over IPv4 and IPv6', () =>
    inPair(async (near) => {
      await using four = near.rawSocket({ family: 4, protocol: 1 });
      const echo = Uint8Array.of(8, 0, 0, 0, 0x12, 0x34, 0, 1);
      new DataView(echo.buffer).setUint16(2, 0xffff - (0x0800 + 0x1234 + 1));
      await four.send(echo, { address: '10.7.0.2' });
      const { data, from } = await next(four);
      expect(from).toEqual({ address: '10.7.0.2' });
      expect(data[0]).toBe(0x45);
      expect([...data.subarray(20)]).toEqual([0, 0, expect.any(Number), expect.any(Number), 0x12, 0x34, 0, 1]);

      // Only answers: to this socket its own questions to itself would come, too.
      const filter = [
        { code: 0x30, jt: 0, jf: 0, k: 0 },
        { code: 0x15, jt: 0, jf: 1, k: 129 },
        { code: 0x06, jt: 0, jf: 0, k: 0xffff },
        { code: 0x06, jt: 0, jf: 0, k: 0 },
      ];
      await using six = near.rawSocket({ family: 6, protocol: 58, filter });
      await six.send(Uint8Array.of(128, 0, 0, 0, 0x56, 0x78, 0, 2), { address: 'fd07::2' });
      const answer = await next(six);
      expect(answer.from).toEqual({ address: 'fd07::2' });
      expect([...answer.data]).toEqual([129, 0, expect.any(Number), expect.any(Number), 0x56, 0x78, 0, 2]);
    }));

  test('what cannot be is refused', () =>
    inPair(async (near) => {
      for (const [options, expected] of [
        [{ family: 5, protocol: 1 }, { argument: 'options.family' }],
        [{ family: 4, protocol: 256 }, { argument: 'options.protocol' }],
        [{ family: 4 }, { argument: 'options.protocol' }],
        [{ family: 6, protocol: 58, headerIncluded: true }, { argument: 'options.headerIncluded' }],
      ] as const) {
        expect(await errorOf(() => near.rawSocket(options as never))).toMatchObject(expected);
      }
      await using socket = near.rawSocket({ family: 4, protocol: 1 });
      for (const address of ['fd07::2', 'server.test']) {
        expect(await errorOf(() => socket.send(Uint8Array.of(8), { address }))).toMatchObject({
          argument: 'to.address',
        });
      }
    }));
});

const noTun =
  noNetns ??
  (await (async () => {
    if (!existsSync('/dev/net/tun')) return 'no /dev/net/tun';
    await using netns = await newNetns();
    try {
      (await netns.tun({ mode: 'tun' })).close();
      return undefined;
    } catch (error) {
      return `no TUN devices: ${(error as Error).message}`;
    }
  })());

describeUnless(noTun, 'a TUN device', () => {
  /** A device with 10.8.0.1/24. */
  async function made(netns: Netns, client: Rtnetlink): Promise<Tun> {
    // Or the kernel sends of its own accord.
    await netns.sysctl.set('net.ipv6.conf.default.disable_ipv6', true);
    const tun = await netns.tun({ mode: 'tun', name: 'tun%d' });
    await client.link.set(tun.name, { up: true });
    await client.address.add({ link: tun.name, address: '10.8.0.1/24' });
    return tun;
  }

  test('is inside; packets are read and written whole', () =>
    inSandbox(async ({ netns, client }) => {
      await using tun = await made(netns, client);
      expect(tun).toMatchObject({ name: 'tun0', mode: 'tun' });
      expect((await client.link.get('tun0')).kind).toBe('tun');
      expect(await threadsAreHome()).toBe(true);
      const udp = await netns.udp({ address: '10.8.0.1', port: 5000 });
      for (const size of [1, 1000, 1400]) {
        udp.send(Buffer.alloc(size, 7), 6000, '10.8.0.2');
        const packet = await next(tun);
        expect(packet).toHaveLength(28 + size);
        // Back from where it went: the sum in the header stays, a UDP checksum of 0 says that there is none.
        const reply = Uint8Array.from(packet);
        reply.copyWithin(12, 16, 20);
        reply.set(packet.subarray(12, 16), 16);
        reply.copyWithin(20, 22, 24);
        reply.set(packet.subarray(20, 22), 22);
        reply.set([0, 0], 26);
        const message = once(udp, 'message') as Promise<[Buffer, { address: string; port: number }]>;
        tun.write(reply);
        const [data, from] = await message;
        expect([data.length, from.address, from.port]).toEqual([size, '10.8.0.2', 6000]);
      }
      udp.close();
    }));

  test('100 packets at once, read by several at once', () =>
    inSandbox(async ({ netns, client }) => {
      await using tun = await made(netns, client);
      const udp = await netns.udp({ address: '10.8.0.1' });
      const reads = Array.from({ length: 100 }, () => next(tun));
      for (let i = 0; i < 100; i++) udp.send(Uint8Array.of(i), 6000, '10.8.0.2');
      expect((await Promise.all(reads)).map((packet) => packet.at(-1))).toEqual(reads.map((_, i) => i));
      udp.close();
    }));

  test('with packet information, with several queues, one that persists', () =>
    inSandbox(async ({ netns, client }) => {
      const informed = await netns.tun({ mode: 'tap', name: 'eve', packetInfo: true });
      await client.link.set('eve', { up: true, afSpec: { inet6: { addrGenMode: 'none' } } });
      await client.address.add({ link: 'eve', address: '10.8.0.1/24' });
      const udp = await netns.udp();
      udp.send('x', 9, '10.8.0.2');
      // An ARP request for that address, behind the flags and the protocol; IPv6 may have something to say before.
      let packet = await next(informed);
      while (packet[2] !== 8) packet = await next(informed);
      expect([...packet.subarray(0, 4), ...packet.subarray(42, 46)]).toEqual([0, 0, 8, 6, 10, 8, 0, 2]);
      expect(await errorOf(() => netns.tun({ mode: 'tap', name: 'eve' }))).toMatchObject({ code: 'EBUSY' });
      udp.close();
      informed.close();
      informed.close();
      expect(await errorOf(() => client.link.get('eve'))).toMatchObject({ code: 'ENODEV' });

      const queues = [
        await netns.tun({ mode: 'tun', name: 'many', multiqueue: true }),
        await netns.tun({ mode: 'tun', name: 'many', multiqueue: true }),
      ];
      expect((await client.link.get('many')).kind).toBe('tun');
      for (const queue of queues) queue.close();

      (await netns.tun({ mode: 'tap', name: 'stays', persist: true })).close();
      expect((await client.link.get('stays')).name).toBe('stays');
      expect(await errorOf(() => netns.tun({ mode: 'tun', name: 'stays' }))).toMatchObject({ code: 'EINVAL' });
      (await netns.tun({ mode: 'tap', name: 'stays', persist: false })).close();
      expect(await errorOf(() => client.link.get('stays'))).toMatchObject({ code: 'ENODEV' });
    }));

  test('errors: link down, no packet, link deleted, closed', () =>
    inSandbox(async ({ netns, client }) => {
      const tun = await netns.tun({ mode: 'tun', name: 'short' });
      const packet = Uint8Array.from([0x45, ...new Array<number>(19).fill(0)]);
      expect(await errorOf(() => tun.write(packet))).toMatchObject({ code: 'EIO', syscall: 'write' });
      await client.link.set('short', { up: true });
      expect(await errorOf(() => tun.write(Uint8Array.of(1)))).toMatchObject({ code: 'EINVAL' });
      for await (const first of tun) {
        expect(first[0]! >> 4).toBe(6);
        break;
      }
      await client.link.delete('short');
      const read = async () => {
        for await (const _ of tun);
      };
      expect(await errorOf(read)).toMatchObject({ code: 'EBADFD', syscall: 'read' });
      tun.close();
      expect(await errorOf(() => tun.write(packet))).toMatchObject({ code: 'ERR_NETLACE_CLOSED' });
      expect(await tun[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
      for (const [options, argument] of [
        [{ mode: 'tunnel' }, 'options.mode'],
        [{}, 'options.mode'],
        [{ mode: 'tun', name: 'x'.repeat(16) }, 'options.name'],
        [{ mode: 'tun', name: 'a/b' }, 'options.name'],
        [{ mode: 'tun', nam: 'x' }, 'options.nam'],
      ] as const) {
        expect(await errorOf(() => netns.tun(options as never))).toMatchObject({
          code: 'ERR_NETLACE_ARGUMENT',
          argument,
        });
      }
    }));
});

testUnless(noNetns, 'sockets of a closed namespace are refused', async () => {
  const netns = await newNetns();
  netns.close();
  for (const run of [
    () => netns.packetSocket(),
    () => netns.rawSocket({ family: 4, protocol: 1 }),
    () => netns.tun({ mode: 'tun' }),
  ]) {
    expect(await errorOf(run)).toMatchObject({ code: 'ERR_NETLACE_CLOSED' });
  }
});
