import { describe, expect, test } from '@jest/globals';
import {
  ClosedError,
  CodecError,
  DumpInterruptedError,
  KernelError,
  SyscallError,
  TimeoutError,
} from '../../lib/errors.js';
import { NLM_F_DUMP, NLM_F_REQUEST } from '../../lib/netlink/constants.js';
import {
  datagram,
  done,
  encodeMessage,
  interrupted,
  overrun,
  raw,
  refuse,
  silence,
  type Answer,
  type Handler,
} from '../../lib/testing.js';
import {
  addThing,
  GET_THING,
  listThings,
  NEW_THING,
  rejection,
  settled,
  setUp,
  stateOf,
  thing,
  type Thing,
} from '../support/things.js';

/** Together more than one receive buffer holds, so that they come in several exchanges. */
const COUNT = 300;
const blob = new Uint8Array(3000);
const all: Handler = (request) =>
  request.type === GET_THING
    ? Array.from({ length: COUNT }, (_, index) => thing({ index, name: `t${index}`, blob }))
    : undefined;
const expected = Array.from({ length: COUNT }, (_, index) => `${index} t${index} 3000`);
const brief = (each: readonly Thing[]) => each.map(({ index, name, blob }) => `${index} ${name} ${blob?.length}`);

async function gathered(dump: AsyncIterable<Thing>): Promise<Thing[]> {
  const out: Thing[] = [];
  for await (const each of dump) out.push(each);
  return out;
}

describe('a dump', () => {
  test('awaited is an array', async () => {
    const { kernel, connection } = setUp(all);
    expect(brief(await connection.dump(listThings()))).toEqual(expected);
    expect(kernel.requests[0]).toMatchObject({ type: GET_THING, flags: NLM_F_REQUEST | NLM_F_DUMP });
  });

  test('in datagrams of any size', async () => {
    for (const dumpDatagramBytes of [1, 10_000, 200_000, 10_000_000]) {
      const { connection, kernel } = setUp(all, {}, { dumpDatagramBytes });
      expect(brief(await connection.dump(listThings()))).toEqual(expected);
      // What is longer than expected, and than the room, is lost, and asked for again.
      expect(kernel.requests).toHaveLength(dumpDatagramBytes > 256 * 1024 ? 2 : 1);
      expect(brief(connection.dumpSync(listThings()))).toEqual(expected);
    }
  });

  test('iterated over gives the objects one by one', async () => {
    const { connection } = setUp(all);
    expect(brief(await gathered(connection.dump(listThings())))).toEqual(expected);
  });

  test('synchronously is an array', () => {
    const { connection } = setUp(all);
    expect(brief(connection.dumpSync(listThings()))).toEqual(expected);
  });

  test('of nothing', async () => {
    const { connection } = setUp();
    await expect(connection.dump(listThings())).resolves.toEqual([]);
    await expect(gathered(connection.dump(listThings()))).resolves.toEqual([]);
    expect(connection.dumpSync(listThings())).toEqual([]);
  });

  test('is not asked for until somebody wants it, and awaited twice is one', async () => {
    const { kernel, connection } = setUp(all);
    const dump = connection.dump(listThings());
    await settled();
    expect(kernel.requests.length).toBe(0);
    const [first, second] = await Promise.all([dump, dump]);
    expect(first).toBe(second);
    await expect(dump.finally(() => undefined)).resolves.toBe(first);
    expect(kernel.requests.length).toBe(1);
  });

  test('has a socket for itself, which the next one uses again', async () => {
    const { kernel, connection } = setUp(all);
    for (let i = 0; i < 3; i++) await connection.dump(listThings());
    connection.dumpSync(listThings());
    expect(kernel.openSockets).toBe(2);
    await Promise.all(Array.from({ length: 8 }, () => connection.dump(listThings())));
    // The socket for requests, and four that are kept.
    expect(kernel.openSockets).toBe(5);
  });

  test('with a filter that cannot be written is an error, and nothing is sent', async () => {
    const { kernel, connection } = setUp(all);
    expect(await rejection(connection.dump(listThings({ size: -1 })))).toMatchObject({ path: 'thing.size' });
    expect(() => connection.dumpSync(listThings({ size: -1 }))).toThrow(CodecError);
    expect(kernel.requests).toEqual([]);
    expect(kernel.openSockets).toBe(1);
  });

  test('of objects larger than the buffer', async () => {
    const blob = new Uint8Array(60000).fill(9);
    const huge = datagram(...Array.from({ length: 10 }, (_, index) => thing({ index, blob })));
    const { connection } = setUp(() => [huge, huge]);
    await expect(connection.dump(listThings())).resolves.toHaveLength(20);
    expect(connection.dumpSync(listThings())).toHaveLength(20);
  });
});

describe('while a dump is read', () => {
  test('requests can be made', async () => {
    const { connection } = setUp(all);
    let made = 0;
    for await (const { index } of connection.dump(listThings())) {
      if (index! % 30 === 0) {
        await connection.request(addThing({ index: index! }));
        connection.requestSync(addThing({ index: index! }));
        made++;
      }
    }
    expect(made).toBe(10);
  });

  test('another one can be', async () => {
    const { connection } = setUp(all);
    const pairs: unknown[] = [];
    for await (const { index } of connection.dump(listThings()))
      if (index! % 150 === 0) pairs.push((await connection.dump(listThings())).length);
    expect(pairs).toEqual([COUNT, COUNT]);
  });

  test('leaving early closes its socket, and no other', async () => {
    const { kernel, connection } = setUp(all);
    for await (const { index } of connection.dump(listThings())) if (index === 5) break;
    await settled();
    expect(kernel.openSockets).toBe(1);
    expect(brief(await connection.dump(listThings()))).toEqual(expected);
    await connection.request(addThing({}));
  });

  test('leaving at the very end keeps it', async () => {
    const { kernel, connection } = setUp(all);
    for await (const { index } of connection.dump(listThings())) if (index === COUNT - 1) break;
    expect(kernel.openSockets).toBe(2);
    expect(brief(await connection.dump(listThings()))).toEqual(expected);
  });

  test("an error of the caller's own reaches him, and closes its socket", async () => {
    const { kernel, connection } = setUp(all);
    const own = new Error('own');
    const run = async () => {
      for await (const _ of connection.dump(listThings())) throw own;
    };
    expect(await rejection(run())).toBe(own);
    await settled();
    expect(kernel.openSockets).toBe(1);
  });
});

describe('an interrupted dump', () => {
  /** Marked in the middle in the first `times` passes. */
  const changing = (times: number): Handler => {
    let pass = 0;
    return () =>
      pass++ < times ? [thing({ index: pass }), interrupted(thing({ index: pass }))] : [thing({ index: 99 })];
  };

  test('is made anew', async () => {
    const { kernel, connection } = setUp(changing(2));
    await expect(connection.dump(listThings())).resolves.toEqual([{ index: 99 }]);
    expect(kernel.requests.length).toBe(3);
    const sync = setUp(changing(2));
    expect(sync.connection.dumpSync(listThings())).toEqual([{ index: 99 }]);
    expect(sync.kernel.requests.length).toBe(3);
  });

  test('also when only its end is marked', async () => {
    let pass = 0;
    const { kernel, connection } = setUp(() => [thing({ index: pass }), pass++ === 0 ? interrupted(done()) : done()]);
    await expect(connection.dump(listThings())).resolves.toEqual([{ index: 1 }]);
    expect(kernel.requests.length).toBe(2);
  });

  test('over and over ends in an error with what there was', async () => {
    const { kernel, connection } = setUp(changing(1000));
    const error = await rejection(connection.dump(listThings()));
    expect(error).toBeInstanceOf(DumpInterruptedError);
    expect(error).toMatchObject({ attempts: 8, partial: [{ index: 8 }, { index: 8 }] });
    expect(kernel.requests.length).toBe(8);
    expect(() => connection.dumpSync(listThings())).toThrow(DumpInterruptedError);
    expect(kernel.openSockets).toBe(2);
  });

  test('iterated over ends in the error after its last object', async () => {
    const { kernel, connection } = setUp(changing(1));
    const seen: Thing[] = [];
    const run = async () => {
      for await (const each of connection.dump(listThings())) seen.push(each);
    };
    expect(await rejection(run())).toBeInstanceOf(DumpInterruptedError);
    expect(seen).toEqual([{ index: 1 }, { index: 1 }]);
    expect(kernel.requests.length).toBe(1);
  });
});

describe('a dump that fails', () => {
  const both = async (handler: Handler) => {
    const { kernel, connection } = setUp(handler);
    const error = await rejection(connection.dump(listThings()));
    let thrown: unknown;
    try {
      connection.dumpSync(listThings());
    } catch (caught) {
      thrown = caught;
    }
    expect((thrown as Error).message).toBe(error.message);
    expect(await rejection(gathered(connection.dump(listThings())))).toMatchObject({ message: error.message });
    return { error, kernel };
  };

  test('at once', async () => {
    const { error, kernel } = await both(() => refuse('EOPNOTSUPP', { message: 'Not here' }));
    expect(error).toBeInstanceOf(KernelError);
    expect(error.message).toBe('GET_THING: Not here (EOPNOTSUPP)');
    // The socket is as good as before.
    expect(kernel.openSockets).toBe(2);
  });

  test('in its end', async () => {
    const { error } = await both(() => [thing({}), done('ENOMEM', { message: 'Too much' })]);
    expect(error).toMatchObject({ code: 'ENOMEM', kernelMessage: 'Too much' });
  });

  test('with an attribute at fault', async () => {
    const { connection } = setUp((request) => done('EINVAL', { offset: request.offsetOf(listThings().set, 1) }));
    expect(await rejection(connection.dump(listThings({ name: 'x' })))).toMatchObject({ path: 'thing.name' });
  });

  test('by an object that cannot be read', async () => {
    const bad = {
      ...thing({}),
      encode: ({ sequence }: { sequence: number }) => ({ type: NEW_THING, sequence, body: new Uint8Array(2) }),
    } as Answer;
    const { error, kernel } = await both(() => [thing({}), bad]);
    expect(error).toBeInstanceOf(CodecError);
    expect(error.message).toBe('thing: 2 bytes are less than the 4 of the header');
    expect(kernel.openSockets).toBe(1);
  });

  test('by bytes that are no message', async () => {
    const { error } = await both(({ sequence }) => [
      raw(encodeMessage({ type: NEW_THING, sequence, size: 3 })),
      silence,
    ]);
    expect(error).toBeInstanceOf(CodecError);
  });

  test('by ENOBUFS', async () => {
    const { error, kernel } = await both(() => [thing({}), overrun]);
    expect(error).toBeInstanceOf(SyscallError);
    expect(error).toMatchObject({ code: 'ENOBUFS' });
    expect(kernel.openSockets).toBe(1);
  });

  test("a stranger's end does not end it", async () => {
    const stranger = raw(encodeMessage({ type: 3, sequence: 0xdeadbeef, body: new Uint8Array(4) }));
    const { connection } = setUp(() => [stranger, thing({ index: 1 }), stranger, thing({ index: 2 })]);
    await expect(connection.dump(listThings())).resolves.toEqual([{ index: 1 }, { index: 2 }]);
    expect(connection.dumpSync(listThings())).toEqual([{ index: 1 }, { index: 2 }]);
  });
});

describe('giving a dump up', () => {
  test('by a signal, before and during', async () => {
    const { kernel, connection } = setUp(() => [thing({}), silence]);
    const reason = new Error('enough');
    expect(await rejection(connection.dump(listThings(), { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(kernel.requests.length).toBe(0);
    const controller = new AbortController();
    const dump = connection.dump(listThings(), { signal: controller.signal });
    const wanted = dump.then();
    await kernel.received(1);
    expect(await stateOf(wanted)).toBe('pending');
    controller.abort(reason);
    expect(await rejection(wanted)).toBe(reason);
    await settled();
    expect(kernel.openSockets).toBe(1);
    await connection
      .request(addThing({}), { timeout: 1000 })
      .catch((error: unknown) => expect(error).toBeInstanceOf(TimeoutError));
  });

  test('by a signal while its socket is being opened', async () => {
    const { kernel, connection } = setUp(() => silence);
    const controller = new AbortController();
    const open = kernel.open.bind(kernel);
    kernel.open = async () => {
      const channel = await open();
      controller.abort();
      return channel;
    };
    const wanted = connection.dump(listThings(), { signal: controller.signal }).then();
    expect((await rejection(wanted)).name).toBe('AbortError');
    await settled();
    expect(kernel.openSockets).toBe(1);
  });

  test('by a signal between two objects', async () => {
    const { connection } = setUp(all);
    const controller = new AbortController();
    let seen = 0;
    const run = async () => {
      for await (const _ of connection.dump(listThings(), { signal: controller.signal }))
        if (++seen === 20) controller.abort();
    };
    expect((await rejection(run())).name).toBe('AbortError');
    expect(seen).toBeLessThan(COUNT);
  });

  test('by a signal after everything has arrived: the socket is not used again', async () => {
    const { connection } = setUp(() => [thing({ index: 1 })]);
    const controller = new AbortController();
    for await (const _ of connection.dump(listThings(), { signal: controller.signal })) controller.abort();
    await expect(connection.dump(listThings())).resolves.toEqual([{ index: 1 }]);
  });

  test('by a timeout', async () => {
    const { kernel, connection } = setUp(() => [thing({}), silence]);
    expect(await rejection(connection.dump(listThings(), { timeout: 5 }))).toBeInstanceOf(TimeoutError);
    expect(() => connection.dumpSync(listThings(), { timeout: 5 })).toThrow(TimeoutError);
    await settled();
    expect(kernel.openSockets).toBe(1);
  });

  test('by wrong options', async () => {
    const { kernel, connection } = setUp(all);
    expect(await rejection(connection.dump(listThings(), { timeout: -1 }))).toMatchObject({
      argument: 'options.timeout',
    });
    expect(() => connection.dumpSync(listThings(), { timout: 1 } as object)).toThrow('there is no such option');
    expect(kernel.requests).toEqual([]);
  });

  test('by closing the client', async () => {
    const { kernel, connection } = setUp(() => [thing({}), silence]);
    const wanted = connection.dump(listThings()).then();
    const opening = connection.dump(listThings()).then();
    await kernel.received(1);
    connection.close();
    expect(await rejection(wanted)).toBeInstanceOf(ClosedError);
    expect(await rejection(opening)).toBeInstanceOf(ClosedError);
    expect(await rejection(connection.dump(listThings()))).toBeInstanceOf(ClosedError);
    await settled();
    expect(kernel.openSockets).toBe(0);
  });

  test('by closing the client between two objects', async () => {
    const { connection } = setUp(all);
    const run = async () => {
      for await (const _ of connection.dump(listThings())) connection.close();
    };
    expect(await rejection(run())).toBeInstanceOf(ClosedError);
  });
});
