import { describe, expect, test } from '@jest/globals';
import { Flattened } from '../../lib/netlink/flattened.js';

async function* chunks(
  ...all: readonly (readonly number[] | Error)[]
): AsyncGenerator<readonly number[], void, undefined> {
  for (const chunk of all) {
    if (chunk instanceof Error) throw chunk;
    yield chunk;
  }
}

const value = (number: number) => ({ done: false, value: number });
const end = { done: true, value: undefined };

describe('chunks, flattened', () => {
  test('give their elements in order, empty ones none', async () => {
    const out: number[] = [];
    for await (const each of new Flattened(chunks([], [1, 2], [], [3]))) out.push(each);
    expect(out).toEqual([1, 2, 3]);
  });

  test('answer calls that do not wait for each other in order', async () => {
    const flattened = new Flattened(chunks([1, 2], [3]));
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => flattened.next()));
    expect(answers).toEqual([value(1), value(2), value(3), end, end]);
  });

  test('fail once, with those before it answered, and have ended then', async () => {
    const flattened = new Flattened(chunks([1], new Error('torn')));
    const [first, second, third] = await Promise.allSettled([flattened.next(), flattened.next(), flattened.next()]);
    expect(first).toEqual({ status: 'fulfilled', value: value(1) });
    expect(second).toMatchObject({ status: 'rejected', reason: { message: 'torn' } });
    expect(third).toEqual({ status: 'fulfilled', value: end });
  });

  test('end their source when the loop is left', async () => {
    let ended = false;
    async function* source(): AsyncGenerator<readonly number[], void, undefined> {
      try {
        yield [1, 2];
        yield [3];
      } finally {
        ended = true;
      }
    }
    const flattened = new Flattened(source());
    for await (const each of flattened) if (each === 1) break;
    expect(ended).toBe(true);
    await expect(flattened.next()).resolves.toEqual(end);
  });
});
