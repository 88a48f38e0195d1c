/** Calls for many items, in windows. */
import { describe, expect, test } from '@jest/globals';
import { ArgumentError, BulkError, KernelError, TimeoutError } from '../../lib/errors.js';
import { Rtnetlink } from '../../lib/rtnetlink/client.js';
import { FakeKernel, refuse, routeAttrs, type Handler } from '../../lib/testing.js';
import { rejection, settled } from '../support/things.js';

interface Item {
  readonly to: string;
}

const item = (i: number): Item => ({ to: `10.${i >> 8}.${i & 255}.0/24` });
const items = (count: number) => Array.from({ length: count }, (_, i) => item(i));

/** Refuses the routes to `bad`. */
async function setUp(...bad: readonly number[]) {
  const handler: Handler = (request) => {
    const { to } = request.decode(routeAttrs) as unknown as Item;
    return bad.some((i) => item(i).to === to) ? refuse('EEXIST') : undefined;
  };
  const kernel = new FakeKernel(handler);
  const client = await Rtnetlink.over(kernel);
  const add = (route: Item) => client.route.add({ ...route, link: 1 });
  return {
    kernel,
    client,
    add,
    seen: () => kernel.requests.map((request) => (request.decode(routeAttrs) as unknown as Item).to),
  };
}

describe('a bulk', () => {
  test('makes a call for each item, in their order', async () => {
    const { client, add, seen, kernel } = await setUp();
    expect(await client.bulk(items(1000), add)).toBe(1000);
    expect(seen()).toEqual(items(1000).map(({ to }) => to));
    // 128 requests travel together.
    expect(kernel.sends.length).toBeLessThan(12);
    expect(await client.bulk([], add)).toBe(0);
  });

  test('takes items only as the kernel carries them out', async () => {
    const { client, add } = await setUp();
    let taken = 0;
    let answered = 0;
    let most = 0;
    function* source() {
      for (const each of items(5000)) {
        most = Math.max(most, ++taken - answered);
        yield each;
      }
    }
    await client.bulk(source(), async (each) => {
      await add(each);
      answered++;
    });
    expect(taken).toBe(5000);
    expect(most).toBeLessThanOrEqual(3 * 256);
  });

  test('lets timers have their turn', async () => {
    const { client, add } = await setUp();
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    await client.bulk(items(20_000), add);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
  });

  test('takes what comes asynchronously, many at a time where there are many', async () => {
    const { client, add, seen, kernel } = await setUp();
    async function* source() {
      for (const each of items(600)) yield each;
      await settled();
      yield item(700);
    }
    expect(await client.bulk(source(), add)).toBe(601);
    expect(seen()).toEqual([...items(600), item(700)].map(({ to }) => to));
    expect(kernel.sends.length).toBeLessThan(12);
  });

  test('carries out what has come while its source keeps it waiting', async () => {
    const { client, add, kernel } = await setUp();
    const controller = new AbortController();
    async function* source() {
      yield item(1);
      await new Promise(() => {});
    }
    const done = rejection(client.bulk(source(), add, { signal: controller.signal }));
    await kernel.received(1);
    controller.abort(new Error('enough'));
    expect(await done).toMatchObject({ message: 'enough' });
  });

  test('ends with the first failure, which says what it was about', async () => {
    const { client, add, kernel } = await setUp(300, 310);
    const error = await rejection(client.bulk(items(10_000), add));
    expect(error).toBeInstanceOf(BulkError);
    expect(error).toMatchObject({
      code: 'ERR_NETLACE_BULK',
      index: 300,
      item: item(300),
      message: expect.stringContaining('item 300: RTM_NEWROUTE'),
    });
    expect(error.cause).toBeInstanceOf(KernelError);
    expect(kernel.requests.length).toBeLessThan(300 + 1024);
    const before = kernel.requests.length;
    await settled();
    expect(kernel.requests).toHaveLength(before);
  });

  test('ends with a failure while its source keeps it waiting', async () => {
    const { client, add } = await setUp(1);
    async function* source() {
      yield item(1);
      await new Promise(() => {});
    }
    expect(await rejection(client.bulk(source(), add))).toMatchObject({ index: 0, item: item(1) });
  });

  test('goes on where somebody is told of failures', async () => {
    const { client, add } = await setUp(5, 999);
    const failed: unknown[] = [];
    const done = await client.bulk(items(1000), add, {
      onError: (error, { to }, index) => failed.push([(error as KernelError).code, to, index]),
    });
    expect(done).toBe(998);
    expect(failed).toEqual([
      ['EEXIST', item(5).to, 5],
      ['EEXIST', item(999).to, 999],
    ]);
  });

  test('ends with what they throw, and with what the source or the call does', async () => {
    const { client, add } = await setUp(5);
    const fail = () => {
      throw new RangeError('no');
    };
    await expect(client.bulk(items(10), add, { onError: fail })).rejects.toThrow('no');
    expect(await rejection(client.bulk(items(10), fail))).toMatchObject({ name: 'BulkError', index: 0 });
    function* source() {
      yield item(1);
      fail();
    }
    await expect(client.bulk(source(), add)).rejects.toThrow('no');
    async function* late() {
      yield item(1);
      fail();
    }
    await expect(client.bulk(late(), add)).rejects.toThrow('no');
  });

  test('ends in time, and its calls with it where they are told', async () => {
    const kernel = new FakeKernel(() => new Promise(() => {}));
    const client = await Rtnetlink.over(kernel);
    const calls: unknown[] = [];
    const call = (each: Item, options: object) => {
      const made = client.route.add({ ...each, link: 1 }, options);
      made.catch((error: unknown) => calls.push(error));
      return made;
    };
    expect(await rejection(client.bulk(items(3), call, { timeout: 10 }))).toBeInstanceOf(TimeoutError);
    await settled();
    expect(calls).toEqual([expect.any(TimeoutError), expect.any(TimeoutError), expect.any(TimeoutError)]);
    const signal = AbortSignal.abort(new Error('before'));
    await expect(client.bulk(items(3), call, { signal })).rejects.toThrow('before');
    client.close();
  });

  test('refuses what it cannot use', async () => {
    const { client, add } = await setUp();
    for (const [all, call, options, argument] of [
      [5, add, {}, 'items'],
      [[], 5, {}, 'call'],
      [[], add, { onError: 5 }, 'options.onError'],
      [[], add, { timeout: -1 }, 'options.timeout'],
      [[], add, { stop: true }, 'options.stop'],
    ] as const) {
      const error = await rejection(
        client.bulk(all as unknown as Item[], call as typeof add, options as unknown as undefined),
      );
      expect(error).toBeInstanceOf(ArgumentError);
      expect(error).toMatchObject({ argument });
    }
  });
});
