import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, test } from '@jest/globals';
import { ClosedError, CodecError, KernelError, SyscallError, TimeoutError } from '../../lib/errors.js';
import { NLM_F_ACK, NLM_F_CREATE, NLM_F_REQUEST } from '../../lib/netlink/constants.js';
import {
  ack,
  datagram,
  encodeMessage,
  overrun,
  raw,
  refuse,
  silence,
  type FakeRequest,
  type Handler,
} from '../../lib/testing.js';
import {
  addThing,
  GET_THING,
  getThing,
  indexOf,
  NEW_THING,
  rejection,
  settled,
  setUp,
  stateOf,
  thing,
  things,
} from '../support/things.js';

/** Answers each get with the thing of that index. */
const store: Handler = (request) =>
  request.type === GET_THING ? thing({ index: indexOf(request), name: 'it' }) : undefined;

describe('a request', () => {
  test('is sent as its value says, with an ACK asked for', async () => {
    const { kernel, connection } = setUp();
    await expect(connection.request(addThing({ index: 7, name: 'abc' }))).resolves.toBeUndefined();
    const [request] = kernel.requests;
    expect(request).toMatchObject({ type: NEW_THING, flags: NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE });
    expect(request!.decode(things)).toEqual({ index: 7, name: 'abc' });
    expect(request!.sequence).not.toBe(0);
  });

  test('resolves with the object that the reply decodes to', async () => {
    const { connection } = setUp(store);
    await expect(connection.request(getThing(3))).resolves.toEqual({ index: 3, name: 'it' });
  });

  test('is rejected with what the kernel says', async () => {
    const { connection } = setUp(() => refuse('EEXIST'));
    const error = await rejection(connection.request(addThing({})));
    expect(error).toBeInstanceOf(KernelError);
    expect(error).toMatchObject({
      code: 'EEXIST',
      errno: 17,
      operation: 'NEW_THING',
      message: 'NEW_THING: File exists (EEXIST)',
    });
  });

  test('that cannot be written is not sent, and does not harm its neighbours', async () => {
    const { kernel, connection } = setUp();
    const results = await Promise.allSettled([
      connection.request(addThing({ index: 1 })),
      connection.request(addThing({ index: 2, name: 'x', size: -1 })),
      connection.request(addThing({ index: 3 })),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((results[1] as PromiseRejectedResult).reason).toMatchObject({
      code: 'ERR_NETLACE_CODEC',
      path: 'thing.size',
    });
    expect(kernel.requests.map(indexOf)).toEqual([1, 3]);
    expect(kernel.sends.length).toBe(1);
  });

  test('alone that cannot be written leaves nothing to send', async () => {
    const { kernel, connection } = setUp();
    await rejection(connection.request(addThing({ size: -1 })));
    await settled();
    expect(kernel.sends).toEqual([]);
    await connection.request(addThing({}));
    expect(kernel.sends.length).toBe(1);
  });

  test('takes the last of several replies, and none that are of no interest', async () => {
    const { connection } = setUp(() => [
      thing({ index: 1 }),
      thing({ index: 2 }),
      { ...thing({}), encode: ({ sequence }) => ({ type: 99, sequence }) },
    ]);
    await expect(connection.request(getThing(2))).resolves.toMatchObject({ index: 2 });
  });

  test('is announced on a diagnostics channel', async () => {
    const seen: unknown[] = [];
    const listener = (message: unknown) => seen.push(message);
    subscribe('netlace:request', listener);
    const { connection } = setUp();
    await connection.request(addThing({ index: 4 }));
    unsubscribe('netlace:request', listener);
    expect(seen).toEqual([{ operation: 'NEW_THING', value: { index: 4 } }]);
  });
});

describe('requests of one tick', () => {
  const indexes = (requests: readonly FakeRequest[]) => requests.map(indexOf);

  test('travel in one send, in order', async () => {
    const { kernel, connection } = setUp(store);
    const answers = await Promise.all([1, 2, 3].map((index) => connection.request(getThing(index))));
    expect(kernel.sends.length).toBe(1);
    expect(indexes(kernel.requests)).toEqual([1, 2, 3]);
    expect(answers.map(({ index }) => index)).toEqual([1, 2, 3]);
  });

  test('those of the next tick in another', async () => {
    const { kernel, connection } = setUp();
    const first = connection.request(addThing({ index: 1 }));
    await Promise.resolve();
    const second = connection.request(addThing({ index: 2 }));
    await Promise.all([first, second]);
    expect(kernel.sends.map(indexes)).toEqual([[1], [2]]);
  });

  test('at most 128 in one send: their ACKs must fit into the receive buffer', async () => {
    const { kernel, connection } = setUp();
    await Promise.all(Array.from({ length: 300 }, (_, index) => connection.request(addThing({ index }))));
    expect(kernel.sends.map(({ length }) => length)).toEqual([128, 128, 44]);
    expect(indexes(kernel.requests)).toEqual(Array.from({ length: 300 }, (_, index) => index));
  });

  test('fewer of those whose answers are objects', async () => {
    const { kernel, connection } = setUp(store);
    await Promise.all(Array.from({ length: 40 }, (_, index) => connection.request(getThing(index))));
    expect(kernel.sends.map(({ length }) => length)).toEqual([16, 16, 8]);
  });

  test('and no more than 16 KiB, but always one', async () => {
    const { kernel, connection } = setUp();
    const blob = new Uint8Array(6000);
    await Promise.all(Array.from({ length: 7 }, (_, index) => connection.request(addThing({ index, blob }))));
    expect(kernel.sends.map(({ length }) => length)).toEqual([3, 3, 1]);
    await connection.request(addThing({ blob: new Uint8Array(60000) }));
    expect(kernel.sends.at(-1)!.length).toBe(1);
  });

  test('ask for an ACK where there is a reply, and of the others the last one', async () => {
    const { kernel, connection } = setUp(store);
    const wants = () => kernel.sends.map((requests) => requests.map(({ wantsAck }) => wantsAck));
    await Promise.all([1, 2, 3].map((index) => connection.request(addThing({ index }))));
    await Promise.all([connection.request(addThing({})), connection.request(getThing(1))]);
    await Promise.all([connection.request(getThing(1)), connection.request(addThing({}))]);
    expect(wants()).toEqual([
      [false, false, true],
      [false, true],
      [true, true],
    ]);
  });

  test('all ask for one where somebody listens to warnings', async () => {
    const heard: string[] = [];
    const { kernel, connection } = setUp((request) => ack({ message: `${indexOf(request)} is deprecated` }), {
      onWarning: ({ message }) => heard.push(message),
    });
    await Promise.all([1, 2, 3].map((index) => connection.request(addThing({ index }))));
    expect(kernel.requests.every(({ wantsAck }) => wantsAck)).toBe(true);
    expect(heard).toEqual(['1 is deprecated', '2 is deprecated', '3 is deprecated']);
  });

  test('settle in order, also where one has failed', async () => {
    const { connection } = setUp((request) => (indexOf(request) === 3 ? refuse('ENODEV') : store(request)));
    const order: string[] = [];
    await Promise.allSettled(
      [1, 2, 3, 4, 5, 6].map((index) =>
        connection.request<unknown>(index === 5 ? getThing(5) : addThing({ index })).then(
          () => order.push(`done ${index}`),
          () => order.push(`failed ${index}`),
        ),
      ),
    );
    expect(order).toEqual(['done 1', 'done 2', 'failed 3', 'done 4', 'done 5', 'done 6']);
  });

  test('a dump that is asked for between them takes nothing from them', async () => {
    const { kernel, connection } = setUp((request) => (indexOf(request) === 2 ? refuse('ENODEV') : store(request)));
    const results = await Promise.allSettled([
      connection.request(addThing({ index: 1 })),
      connection.dump(getThing(8)),
      connection.request(addThing({ index: 2 })),
      connection.dump(getThing(9)),
      connection.request(addThing({ index: 3 })),
    ]);
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
    expect(kernel.requests.filter(({ type }) => type === NEW_THING).length).toBe(3);
  });

  test('fail one by one', async () => {
    const { connection } = setUp((request) => (indexOf(request) % 2 === 0 ? refuse('ENODEV') : undefined));
    const results = await Promise.allSettled([1, 2, 3, 4].map((index) => connection.request(addThing({ index }))));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
  });

  test('a later batch goes out while an earlier one is under way, and arrives behind it', async () => {
    const order: number[] = [];
    let letGo!: () => void;
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    const { kernel, connection } = setUp((request) => (indexOf(request) === 1 ? gate : undefined));
    const all = [1, 2, 3].map(async (index) => {
      for (let i = 1; i < index; i++) await Promise.resolve();
      await connection.request(addThing({ index }));
      order.push(index);
    });
    await kernel.received(1);
    expect(await stateOf(all[2]!)).toBe('pending');
    letGo();
    await Promise.all(all);
    expect(order).toEqual([1, 2, 3]);
  });
});

describe('replies', () => {
  test('larger than the buffer are asked for again with a larger one', async () => {
    const blob = new Uint8Array(60000).fill(7);
    const message = (index: number) => thing({ index, blob });
    const { connection } = setUp((request) => datagram(...[1, 2, 3].map(() => message(indexOf(request))), ack()));
    const answers = await Promise.all([connection.request(getThing(1)), connection.request(getThing(2))]);
    expect(answers.map(({ index }) => index)).toEqual([1, 2]);
    expect(answers[1].blob).toEqual(blob);
  });

  test('that fill the buffer are taken in over several exchanges', async () => {
    const blob = new Uint8Array(30000);
    const { kernel, connection } = setUp((request) => thing({ index: indexOf(request), blob }));
    const answers = await Promise.all(Array.from({ length: 9 }, (_, index) => connection.request(getThing(index))));
    expect(answers.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(kernel.sends.length).toBe(1);
  });

  test('to several batches, each too much for one exchange', async () => {
    const blob = new Uint8Array(50000);
    const { connection } = setUp((request) => thing({ index: indexOf(request), blob }));
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => connection.request(getThing(index))));
    expect(answers.map(({ index }) => index)).toEqual(Array.from({ length: 50 }, (_, index) => index));
  });

  test('of other sequence numbers are passed over', async () => {
    const stranger = raw(encodeMessage({ type: NEW_THING, sequence: 0xdeadbeef, body: new Uint8Array(4) }));
    const strangersAck = raw(encodeMessage({ type: 2, sequence: 0xdeadbeef, body: new Uint8Array(20) }));
    const { connection } = setUp((request) => [stranger, strangersAck, thing({ index: indexOf(request) })]);
    await expect(connection.request(getThing(5))).resolves.toMatchObject({ index: 5 });
    await expect(connection.request(getThing(6))).resolves.toMatchObject({ index: 6 });
  });

  test('that cannot be decoded are an error with a path', async () => {
    const bad = raw(new Uint8Array());
    const { connection } = setUp((request) =>
      request.type === GET_THING
        ? [
            bad,
            {
              ...thing({}),
              encode: ({ sequence }) => ({
                type: NEW_THING,
                sequence,
                body: Uint8Array.of(0, 0, 0, 0, 6, 0, 2, 0, 1, 1),
              }),
            },
          ]
        : undefined,
    );
    const error = await rejection(connection.request(getThing(1)));
    expect(error).toBeInstanceOf(CodecError);
    expect(error).toMatchObject({ path: 'thing.size' });
    await connection.request(addThing({}));
  });

  test('that are no messages reject what waits for them, and nothing behind it', async () => {
    const { connection } = setUp((request) =>
      indexOf(request) === 1
        ? [raw(encodeMessage({ type: NEW_THING, sequence: request.sequence, size: 5 })), silence]
        : undefined,
    );
    const first = connection.request(addThing({ index: 1 }));
    const second = Promise.resolve().then(() => connection.request(addThing({ index: 2 })));
    expect(await rejection(first)).toBeInstanceOf(CodecError);
    await second;
    await connection.request(addThing({ index: 3 }));
  });

  test('an ACK without an errno in it is an error', async () => {
    const { connection } = setUp(({ sequence }) => [
      raw(encodeMessage({ type: 2, sequence, body: new Uint8Array(2) })),
      silence,
    ]);
    expect(await rejection(connection.request(addThing({})))).toBeInstanceOf(CodecError);
  });

  test('NLMSG_DONE ends a request as well', async () => {
    const { connection } = setUp(({ sequence }) => [raw(encodeMessage({ type: 3, sequence })), silence]);
    await connection.request(addThing({}));
  });
});

describe('ENOBUFS', () => {
  test('rejects the requests whose answers may be lost, and no other', async () => {
    const { connection } = setUp((request) => (indexOf(request) === 2 ? [overrun, silence] : undefined));
    await connection.request(addThing({ index: 1 }));
    const results = await Promise.allSettled([1, 2, 3].map((index) => connection.request(addThing({ index }))));
    // Nothing was said of the first: it may have failed, too.
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    const { reason } = results[1] as PromiseRejectedResult;
    expect(reason).toBeInstanceOf(SyscallError);
    expect(reason).toMatchObject({ code: 'ENOBUFS', syscall: 'netlink exchange' });
    await connection.request(addThing({ index: 4 }));
  });

  test('does not reach a batch behind, and nothing waits for ever', async () => {
    const { connection } = setUp((request) => (indexOf(request) === 2 ? [overrun, silence] : undefined));
    const first = [1, 2].map((index) => connection.request(addThing({ index })));
    await Promise.resolve();
    const second = connection.request(addThing({ index: 3 }));
    const results = await Promise.allSettled([...first, second]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
    await connection.request(addThing({ index: 4 }));
  });
});

describe('giving up', () => {
  test('a timeout rejects', async () => {
    const { connection } = setUp(() => silence);
    const error = await rejection(connection.request(addThing({}), { timeout: 5 }));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error.message).toBe('NEW_THING: no answer within 5 ms');
  });

  test('an answer in time ends the timer', async () => {
    const { connection } = setUp(store);
    await expect(connection.request(getThing(1), { timeout: 100_000 })).resolves.toMatchObject({ index: 1 });
  });

  test('a signal that is aborted already: nothing is sent', async () => {
    const { kernel, connection } = setUp();
    const reason = new Error('no longer wanted');
    expect(await rejection(connection.request(addThing({}), { signal: AbortSignal.abort(reason) }))).toBe(reason);
    await settled();
    expect(kernel.requests).toEqual([]);
  });

  test('a signal before the send withdraws the request, and no other', async () => {
    const { kernel, connection } = setUp(store);
    const controller = new AbortController();
    const reason = new Error('no longer wanted');
    const [first, taken, third] = [
      connection.request(getThing(1)),
      connection.request(addThing({ index: 2 }), { signal: controller.signal }),
      connection.request(getThing(3)),
    ];
    controller.abort(reason);
    expect(await rejection(taken)).toBe(reason);
    await expect(first).resolves.toMatchObject({ index: 1 });
    await expect(third).resolves.toMatchObject({ index: 3 });
    expect(kernel.requests.map(({ type }) => type)).toEqual([GET_THING, GET_THING]);
    await expect(connection.request(getThing(4))).resolves.toMatchObject({ index: 4 });
  });

  test('a signal that withdraws the last one: the one before asks for the ACK', async () => {
    const { kernel, connection } = setUp();
    const controller = new AbortController();
    const first = connection.request(addThing({ index: 1 }));
    const taken = connection.request(addThing({ index: 2 }), { signal: controller.signal });
    controller.abort();
    expect((await rejection(taken)).name).toBe('AbortError');
    await first;
    expect(kernel.requests.map((request) => [indexOf(request), request.wantsAck])).toEqual([[1, true]]);
  });

  test('a signal that withdraws all there is: nothing is sent', async () => {
    const { kernel, connection } = setUp(store);
    const controller = new AbortController();
    const taken = connection.request(addThing({}), { signal: controller.signal });
    controller.abort();
    expect((await rejection(taken)).name).toBe('AbortError');
    await settled();
    expect(kernel.requests).toEqual([]);
    await expect(connection.request(getThing(3))).resolves.toMatchObject({ index: 3 });
  });

  test('a signal after the send: the late answer is dropped, those behind it are not', async () => {
    let answer!: () => void;
    const later = new Promise<void>((resolve) => (answer = resolve));
    const { kernel, connection } = setUp(async (request) => {
      if (indexOf(request) === 1) await later;
      return request.type === GET_THING ? thing({ index: indexOf(request) }) : undefined;
    });
    const controller = new AbortController();
    const first = connection.request(getThing(1), { signal: controller.signal });
    const second = connection.request(getThing(2));
    await kernel.received(2);
    controller.abort();
    expect((await rejection(first)).name).toBe('AbortError');
    expect(await stateOf(second)).toBe('pending');
    answer();
    await expect(second).resolves.toMatchObject({ index: 2 });
    await expect(connection.request(getThing(3))).resolves.toMatchObject({ index: 3 });
  });

  test('a signal after the answer does nothing', async () => {
    const controller = new AbortController();
    const { connection } = setUp(store);
    await connection.request(getThing(1), { signal: controller.signal });
    controller.abort();
    await connection.request(getThing(2));
  });

  test.each([
    [{ timeout: 0 }, 'options.timeout'],
    [{ timeout: 1.5 }, 'options.timeout'],
    [{ timeout: '5' }, 'options.timeout'],
    [{ signal: {} }, 'options.signal'],
    [{ timout: 5 }, 'options.timout'],
    [null, 'options'],
    [7, 'options'],
  ])('options %j', async (options, argument) => {
    const { kernel, connection } = setUp();
    expect(await rejection(connection.request(addThing({}), options as object))).toMatchObject({
      code: 'ERR_NETLACE_ARGUMENT',
      argument,
    });
    expect(kernel.requests).toEqual([]);
  });
});

describe('close', () => {
  test('rejects what is pending and what comes later, closes the sockets; twice is once', async () => {
    const { kernel, connection } = setUp(() => silence);
    const sent = connection.request(addThing({}));
    await kernel.received(1);
    const unsent = connection.request(addThing({}));
    connection.close();
    connection.close();
    for (const promise of [sent, unsent, connection.request(addThing({}))])
      expect(await rejection(promise)).toBeInstanceOf(ClosedError);
    await settled();
    expect(kernel.requests.length).toBe(1);
    expect(kernel.openSockets).toBe(0);
    await expect(kernel.open()).rejects.toBeInstanceOf(ClosedError);
  });
});

describe('synchronous requests', () => {
  test('give the object or throw', () => {
    const { connection } = setUp((request) => (indexOf(request) === 9 ? refuse('ENODEV') : store(request)));
    expect(connection.requestSync(getThing(1))).toEqual({ index: 1, name: 'it' });
    expect(connection.requestSync(addThing({}))).toBeUndefined();
    expect(() => connection.requestSync(getThing(9))).toThrow(KernelError);
    expect(() => connection.requestSync(addThing({ size: -1 }))).toThrow(CodecError);
    expect(connection.requestSync(getThing(2))).toMatchObject({ index: 2 });
  });

  test('use the socket at rest; beside asynchronous ones another, which is kept', async () => {
    let letGo!: () => void;
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    const { kernel, connection } = setUp((request) => (indexOf(request) === 1 ? gate : store(request)));
    connection.requestSync(getThing(5));
    expect(kernel.openSockets).toBe(1);
    const slow = connection.request(addThing({ index: 1 }));
    await kernel.received(2);
    expect(connection.requestSync(getThing(6))).toMatchObject({ index: 6 });
    expect(connection.requestSync(getThing(7))).toMatchObject({ index: 7 });
    expect(kernel.openSockets).toBe(2);
    expect(await stateOf(slow)).toBe('pending');
    letGo();
    await slow;
  });

  test('a large reply, and one over several exchanges', () => {
    const blob = new Uint8Array(60000);
    const { connection } = setUp((request) => [
      datagram(thing({ blob }), thing({ blob, index: indexOf(request) })),
      thing({ blob }),
    ]);
    expect(connection.requestSync(getThing(3)).blob).toEqual(blob);
  });

  test('a timeout, after which the late answer meets nobody', () => {
    let late: ReturnType<typeof raw> | undefined;
    const { connection } = setUp((request) => {
      if (indexOf(request) !== 1)
        return late === undefined ? store(request) : [late, thing({ index: indexOf(request) })];
      late = raw(encodeMessage({ type: 2, sequence: request.sequence, body: new Uint8Array(20) }));
      return silence;
    });
    expect(() => connection.requestSync(getThing(1), { timeout: 5 })).toThrow(TimeoutError);
    expect(connection.requestSync(getThing(2))).toMatchObject({ index: 2 });
    expect(connection.requestSync(getThing(3))).toMatchObject({ index: 3 });
  });

  test('a reply that cannot be decoded, and bytes that are no message', () => {
    const broken = {
      ...thing({}),
      encode: ({ sequence }: { sequence: number }) => ({ type: NEW_THING, sequence, body: new Uint8Array(2) }),
    };
    const { connection } = setUp((request) => {
      if (request.type === NEW_THING) return undefined;
      return indexOf(request) === 1
        ? broken
        : [raw(encodeMessage({ type: NEW_THING, sequence: request.sequence, size: 1 })), silence];
    });
    expect(() => connection.requestSync(getThing(1))).toThrow(CodecError);
    expect(() => connection.requestSync(getThing(2))).toThrow(CodecError);
    connection.requestSync(addThing({}));
  });

  test('bytes that are no message do not harm asynchronous requests', async () => {
    let letGo!: () => void;
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    const { kernel, connection } = setUp((request) =>
      indexOf(request) === 1
        ? gate
        : [raw(encodeMessage({ type: NEW_THING, sequence: request.sequence, size: 1 })), silence],
    );
    const slow = connection.request(addThing({ index: 1 }));
    await kernel.received(1);
    expect(() => connection.requestSync(getThing(2))).toThrow(CodecError);
    expect(kernel.openSockets).toBe(1);
    letGo();
    await slow;
  });

  test('ENOBUFS and a closed client', () => {
    const { connection } = setUp(() => [overrun, silence]);
    expect(() => connection.requestSync(addThing({}))).toThrow(SyscallError);
    connection.close();
    expect(() => connection.requestSync(addThing({}))).toThrow(ClosedError);
    expect(() => connection.dumpSync(getThing(1))).toThrow(ClosedError);
  });
});

describe('warnings', () => {
  test('beside a success reach the listener and the diagnostics channel', async () => {
    const told: unknown[] = [];
    const published: unknown[] = [];
    const listener = (message: unknown) => published.push(message);
    subscribe('netlace:warning', listener);
    const { connection } = setUp(() => ack({ message: 'It is deprecated.' }), {
      onWarning: (warning) => told.push(warning),
    });
    await connection.request(addThing({}));
    connection.requestSync(addThing({}));
    unsubscribe('netlace:warning', listener);
    const warning = { operation: 'NEW_THING', message: 'It is deprecated.' };
    expect(told).toEqual([warning, warning]);
    expect(published).toEqual([warning, warning]);
  });
});
