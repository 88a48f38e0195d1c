/** The fake kernel keeps the contract of `NetlinkSocket.exchange`, and answers what its handler says. */
import { describe, expect, test } from '@jest/globals';
import { ClosedError } from '../../lib/errors.js';
import {
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_MULTI,
  NLMSG_DONE,
  NLMSG_ERROR,
} from '../../lib/netlink/constants.js';
import { Rtnetlink } from '../../lib/rtnetlink/client.js';
import { linkAttrs } from '../../lib/rtnetlink/link-attrs.js';
import { RTM_GETLINK, RTM_NEWLINK } from '../../lib/rtnetlink/constants.js';
import {
  ack,
  datagram,
  done,
  encodeBody,
  encodeMessage,
  FakeKernel,
  interrupted,
  overrun,
  raw,
  refuse,
  reply,
  silence,
  type Handler,
} from '../../lib/testing.js';
import { hex, viewOf } from '../support/codec.js';
import { addThing, indexOf, listThings, rejection, settled, setUp, stateOf, thing } from '../support/things.js';

const ECANCELED = 125;
const ENOBUFS = 105;

function request(sequence: number, flags = NLM_F_ACK): Uint8Array {
  return encodeMessage({ type: 18, flags: flags | 1, sequence });
}

function joinedRequests(...sequences: number[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(sequences.map((sequence) => request(sequence))));
}

/** `'type/flags/sequence'` of each message. */
function messages(bytes: Uint8Array, length: number): string[] {
  const view = viewOf(bytes);
  const out: string[] = [];
  for (let at = 0; at < length; at += (view.getUint32(at, true) + 3) & ~3) {
    out.push([view.getUint16(at + 4, true), view.getUint16(at + 6, true), view.getUint32(at + 8, true)].join('/'));
  }
  return out;
}

function socket(handler?: Handler) {
  const kernel = new FakeKernel(handler);
  return { kernel, channel: kernel.openSync() };
}

const small = reply(20, Uint8Array.of(1, 2, 3));

describe('an exchange', () => {
  test('ends with the answer that it waits for', async () => {
    const { channel } = socket();
    const into = new Uint8Array(1000);
    const received = await channel.exchange(joinedRequests(1, 2, 3), into, 2, -1, 0);
    expect(messages(into, received)).toEqual([`${NLMSG_ERROR}/256/1`, `${NLMSG_ERROR}/256/2`]);
    expect(await channel.exchange(null, into, 2, -1, 0)).toBe(0);
    const rest = await channel.exchange(null, into, 3, -1, 0);
    expect(messages(into, rest)).toEqual([`${NLMSG_ERROR}/256/3`]);
  });

  test('starts each datagram at a multiple of 4', async () => {
    const { channel } = socket(() => small);
    const into = new Uint8Array(1000);
    const received = await channel.exchange(request(1), into, 1, -1, 0);
    expect(received).toBe(20 + 36);
    expect(messages(into, received)).toEqual(['20/0/1', `${NLMSG_ERROR}/256/1`]);
  });

  test('stops before what does not fit, and gives it next time', async () => {
    const { channel } = socket(() => [small, small, small]);
    const into = new Uint8Array(40);
    expect(await channel.exchange(request(1), into, 1, -1, 0)).toBe(39);
    expect(messages(into, 39)).toEqual(['20/0/1', '20/0/1']);
    expect(await channel.exchange(null, into, 1, -1, 0)).toBe(19);
    expect(await channel.exchange(null, into, 1, -1, 0)).toBe(36);
  });

  test('says how much room the next datagram needs', async () => {
    const { channel } = socket(() => reply(20, new Uint8Array(100)));
    expect(await channel.exchange(request(1), new Uint8Array(50), 1, -1, 0)).toBe(116);
    expect(await channel.exchange(null, new Uint8Array(116), 1, -1, 0)).toBe(116);
  });

  test('with a greatest length stops when less is left, and loses what is longer than the room', async () => {
    const { channel } = socket(() => [small, small, small]);
    const into = new Uint8Array(70);
    expect(await channel.exchange(request(1), into, 1, -1, 40)).toBe(39);
    expect(await channel.exchange(null, into, 1, -1, 20)).toBe(20 + 36);
    const { channel: another } = socket(() => [small, reply(20, new Uint8Array(100)), small]);
    expect(await another.exchange(request(1), into, 1, -1, 40)).toBe(19);
    expect(await another.exchange(null, into, 1, -1, 40)).toBe(-90);
    expect(await another.exchange(null, into, 1, -1, 0)).toBe(20 + 36);
  });

  test('waits its turn', async () => {
    let letGo!: () => void;
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    const { kernel, channel } = socket(({ sequence }) => (sequence === 1 ? gate : undefined));
    const order: number[] = [];
    const first = channel.exchange(request(1), new Uint8Array(100), 1, -1, 0).then(() => order.push(1));
    const second = channel.exchange(request(2), new Uint8Array(100), 2, -1, 0).then(() => order.push(2));
    await settled();
    expect(kernel.requests.map(({ sequence }) => sequence)).toEqual([1]);
    letGo();
    await Promise.all([first, second]);
    expect(order).toEqual([1, 2]);
  });

  test('ends after a while without anything', async () => {
    const { channel } = socket(() => [small, silence]);
    expect(await channel.exchange(request(1), new Uint8Array(100), 1, 1, 0)).toBe(19);
    expect(await channel.exchange(null, new Uint8Array(100), 1, 1, 0)).toBe(0);
    expect(channel.exchangeSync(request(1), new Uint8Array(100), 1, 1, 0)).toBe(19);
    expect(channel.exchangeSync(null, new Uint8Array(100), 1, 1, 0)).toBe(0);
  });

  test('gives what there is before an error, then the error, before it sends', async () => {
    const { kernel, channel } = socket(() => [small, overrun, small]);
    const into = new Uint8Array(100);
    expect(await channel.exchange(request(1), into, 1, -1, 0)).toBe(19);
    expect(await channel.exchange(request(2), into, 2, -1, 0)).toBe(-ENOBUFS);
    expect(kernel.requests.length).toBe(1);
    expect(await channel.exchange(null, into, 1, -1, 0)).toBe(56);
  });

  test('of bytes that are no message ends at once', async () => {
    for (const bytes of [Uint8Array.of(1), encodeMessage({ type: 20, size: 99 }), new Uint8Array(17).fill(0)]) {
      const { channel } = socket(() => [raw(bytes), silence]);
      expect(await channel.exchange(request(1), new Uint8Array(100), 5, -1, 0)).toBe(bytes.length);
    }
  });

  test('is ended by close, as are those behind it', async () => {
    const { kernel, channel } = socket(() => silence);
    const both = [1, 2].map((sequence) => channel.exchange(request(sequence), new Uint8Array(100), 1, -1, 0));
    await kernel.received(1);
    expect(channel.exchangeSync(request(3), new Uint8Array(100), 1, -1, 0)).toBe(-16);
    channel.close();
    channel.close();
    expect(await Promise.all(both)).toEqual([-ECANCELED, -ECANCELED]);
    expect(await channel.exchange(request(3), new Uint8Array(100), 1, -1, 0)).toBe(-ECANCELED);
    expect(channel.exchangeSync(request(3), new Uint8Array(100), 1, -1, 0)).toBe(-9);
    expect(kernel.openSockets).toBe(0);
  });

  test('that would block for ever says so', () => {
    const { channel } = socket(() => silence);
    expect(() => channel.exchangeSync(request(1), new Uint8Array(100), 1, -1, 0)).toThrow('would wait for ever');
  });
});

describe('answers', () => {
  const received = async (handler: Handler, flags = NLM_F_ACK) => {
    const { channel } = socket(handler);
    const into = new Uint8Array(1000);
    return messages(into, await channel.exchange(request(7, flags), into, 7, 1, 0));
  };

  test('have an end added, unless they have one', async () => {
    expect(await received(() => undefined)).toEqual(['2/256/7']);
    expect(await received(() => undefined, NLM_F_DUMP)).toEqual(['3/2/7']);
    expect(await received(() => undefined, 0)).toEqual([]);
    expect(await received(() => [small, ack()])).toEqual(['20/0/7', '2/256/7']);
    expect(await received(() => datagram(small, ack()))).toEqual(['20/0/7', '2/256/7']);
    expect(await received(() => [small, done()], NLM_F_DUMP)).toEqual([`20/${NLM_F_MULTI}/7`, '3/2/7']);
    expect(await received(() => silence)).toEqual([]);
    expect(await received(() => ack(), 0)).toEqual([]);
    expect(await received(() => datagram(ack()), 0)).toEqual([]);
    expect(await received(() => refuse('EEXIST'), 0)).toEqual(['2/256/7']);
  });

  test('refusals carry the errno and the header of the request', async () => {
    const { channel } = socket(() => refuse('EEXIST', { message: 'x' }));
    const into = new Uint8Array(1000);
    const length = await channel.exchange(request(7), into, 7, -1, 0);
    expect(hex(into.subarray(0, length))).toBe(
      '2c000000' + '02000003' + '07000000' + '00000000' + 'efffffff' + hex(request(7)) + '0600010078000000',
    );
  });

  test('can be marked as interrupted', async () => {
    expect(await received(() => [interrupted(small)], NLM_F_DUMP)).toEqual([
      `20/${NLM_F_MULTI | NLM_F_DUMP_INTR}/7`,
      `${NLMSG_DONE}/2/7`,
    ]);
    expect(() => interrupted(silence)).toThrow(TypeError);
  });

  test('of a handler that throws, or whose promise is rejected, say so', async () => {
    const throwing = setUp(() => {
      throw new Error('no such case');
    });
    expect((await rejection(throwing.connection.request(addThing({})))).message).toContain(
      "the fake kernel's handler threw Error: no such case",
    );
    const rejecting = setUp(async () => Promise.reject(new Error('no such case')));
    expect((await rejection(rejecting.connection.request(addThing({})))).message).toContain('no such case');
  });

  test('come when the handler has them, in order', async () => {
    const gates: (() => void)[] = [];
    const { kernel, connection } = setUp(async (asked) => {
      await new Promise<void>((resolve) => (gates[indexOf(asked)] = resolve));
    });
    const [first, second] = [connection.request(addThing({ index: 0 })), connection.request(addThing({ index: 1 }))];
    await kernel.received(2);
    expect(gates.length).toBe(1);
    gates[0]!();
    expect(await stateOf(second)).toBe('pending');
    expect(gates.length).toBe(2);
    gates[1]!();
    await Promise.all([first, second]);
  });
});

describe('events', () => {
  const event = (index: number) => ({ type: 16, body: Uint8Array.of(index, 0, 0, 0) });
  const listening = async (...groups: number[]) => {
    const kernel = new FakeKernel();
    const deliveries: string[] = [];
    const listener = await kernel.listen(groups, (bytes, errno) =>
      deliveries.push(bytes === null ? `error ${errno}` : bytes.filter((_, at) => at % 20 === 16).join()),
    );
    return { kernel, listener, deliveries };
  };

  test('reach those who listen to the group', async () => {
    const { kernel, deliveries } = await listening(1, 5);
    kernel.emit(1, event(1), event(2));
    await settled();
    kernel.emit(2, event(3));
    await settled();
    expect(deliveries).toEqual(['1,2']);
  });

  test('wait for resume, and then come together', async () => {
    const { kernel, listener, deliveries } = await listening(1);
    for (const index of [1, 2, 3]) {
      kernel.emit(1, event(index));
      await settled();
    }
    expect(deliveries).toEqual(['1']);
    listener.resume();
    await settled();
    expect(deliveries).toEqual(['1', '2,3']);
  });

  test('an overrun is told before what is queued', async () => {
    const { kernel, listener, deliveries } = await listening(1);
    kernel.emit(1, event(1));
    kernel.overrun();
    await settled();
    listener.resume();
    await settled();
    expect(deliveries).toEqual([`error ${ENOBUFS}`, '1']);
  });

  test('end with close', async () => {
    const { kernel, listener, deliveries } = await listening(1);
    kernel.emit(1, event(1));
    listener.close();
    listener.close();
    kernel.emit(1, event(2));
    await settled();
    expect(deliveries).toEqual([]);
    expect(kernel.openSockets).toBe(0);
    kernel.close();
    await expect(kernel.listen([1], () => undefined)).rejects.toBeInstanceOf(ClosedError);
  });
});

describe('requests', () => {
  test('can be looked at', async () => {
    const { kernel, connection } = setUp();
    await connection.request(addThing({ index: 3, name: 'abc', size: 9 }));
    await connection.dump(listThings());
    const [add, list] = kernel.requests;
    expect(add!.decode(listThings().set)).toEqual({ index: 3, name: 'abc', size: 9 });
    expect([add!.wantsAck, add!.isDump, list!.wantsAck, list!.isDump]).toEqual([true, false, false, true]);
    expect(add!.offsetOf(listThings().set, 2)).toBe(16 + 4 + 8);
    expect(() => add!.offsetOf(listThings().set, 3)).toThrow(RangeError);
    expect(thing({}).step).toBe('message');
  });
});

test('a client over it', async () => {
  const kernel = new FakeKernel((asked) => {
    if (asked.type !== RTM_GETLINK) return refuse('EPERM');
    const link = { name: 'eth7', index: 7, mtu: 1400 };
    if (asked.isDump)
      return [reply(RTM_NEWLINK, linkAttrs, link), reply(RTM_NEWLINK, linkAttrs, { ...link, name: 'eth8' })];
    return asked.decode(linkAttrs).name === 'eth7' ? reply(RTM_NEWLINK, encodeBody(linkAttrs, link)) : refuse('ENODEV');
  });
  await using client = await Rtnetlink.over(kernel);
  expect(await client.link.get('eth7')).toMatchObject({ name: 'eth7', index: 7, mtu: 1400 });
  expect((await client.link.list()).map(({ name }) => name)).toEqual(['eth7', 'eth8']);
  expect(await rejection(client.link.get('eth9'))).toMatchObject({ code: 'ENODEV' });
  expect(client.sync.link.get('eth7').mtu).toBe(1400);
  expect(await rejection(client.link.add({ name: 'x', kind: 'dummy' }))).toMatchObject({ code: 'EPERM' });
});
