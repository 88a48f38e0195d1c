/** The texts of /proc/PID/uid_map, and which maps there cannot be. */
import { describe, expect, test } from '@jest/globals';
import { hasInside, mapText, type IdMapping } from '../../lib/process/id-map.js';
import { errorOf } from '../support/rejection.js';

const LAST = 2 ** 32 - 2;
const map = (...mappings: IdMapping[]) => mapText('it', mappings);

describe('a map', () => {
  test('is a line for each range', () => {
    expect(map({ inside: 0, outside: 1000 })).toBe('0 1000 1\n');
    expect(map({ inside: 7, outside: 100_000, count: 65_536 }, { inside: 0, outside: 1000, count: 1 })).toBe(
      '7 100000 65536\n0 1000 1\n',
    );
  });

  test('reaches up to the last id, and not beyond', async () => {
    expect(map({ inside: 0, outside: 0, count: LAST + 1 })).toBe('0 0 4294967295\n');
    expect(map({ inside: LAST, outside: 0 })).toBe('4294967294 0 1\n');
    for (const [mapping, argument] of [
      [{ inside: LAST + 1, outside: 0 }, 'it[0].inside'],
      [{ inside: 0, outside: LAST + 1 }, 'it[0].outside'],
      [{ inside: LAST, outside: 0, count: 2 }, 'it[0].count'],
      [{ inside: 0, outside: LAST, count: 2 }, 'it[0].count'],
      [{ inside: 0, outside: 0, count: LAST + 2 }, 'it[0].count'],
      [{ inside: 0, outside: 0, count: 0 }, 'it[0].count'],
      [{ inside: 0.5, outside: 0 }, 'it[0].inside'],
      [{ inside: 0, outside: '0' as unknown as number }, 'it[0].outside'],
    ] as const)
      expect(await errorOf(() => map(mapping))).toMatchObject({ name: 'ArgumentError', argument });
  });

  test('has ranges that touch, but none that overlap', async () => {
    expect(map({ inside: 0, outside: 50, count: 5 }, { inside: 5, outside: 45, count: 5 })).toBe('0 50 5\n5 45 5\n');
    // What is inside of one may be outside of another.
    expect(map({ inside: 0, outside: 1, count: 1 }, { inside: 1, outside: 0 })).toBe('0 1 1\n1 0 1\n');
    expect(
      await errorOf(() => map({ inside: 0, outside: 50, count: 6 }, { inside: 5, outside: 70, count: 2 })),
    ).toMatchObject({ argument: 'it[0]', message: expect.stringMatching(/it\[1\] inside/) });
    expect(
      await errorOf(() =>
        map({ inside: 90, outside: 0 }, { inside: 0, outside: 50, count: 6 }, { inside: 20, outside: 55, count: 2 }),
      ),
    ).toMatchObject({ argument: 'it[1]', message: expect.stringMatching(/it\[2\] outside/) });
    expect(await errorOf(() => map({ inside: 3, outside: 1 }, { inside: 3, outside: 2 }))).toMatchObject({
      argument: 'it[0]',
    });
  });

  test('has 1 to 340 ranges', async () => {
    const ranges = Array.from({ length: 341 }, (_, i) => ({ inside: i, outside: 1000 + i }));
    expect(map(...ranges.slice(1)).split('\n')).toHaveLength(341);
    expect(await errorOf(() => map(...ranges))).toMatchObject({
      argument: 'it',
      message: expect.stringMatching(/340/),
    });
    expect(await errorOf(() => map())).toMatchObject({ argument: 'it' });
    expect(await errorOf(() => mapText('it', { inside: 0 } as never))).toMatchObject({ argument: 'it' });
  });

  test('has no other fields', async () => {
    expect(await errorOf(() => map({ inside: 0, outside: 0, size: 3 } as IdMapping))).toMatchObject({
      argument: 'it[0].size',
    });
    expect(await errorOf(() => map(null as unknown as IdMapping))).toMatchObject({ argument: 'it[0]' });
  });

  test('tells which ids there are inside', () => {
    const mappings: IdMapping[] = [
      { inside: 10, outside: 0, count: 3 },
      { inside: 20, outside: 7 },
    ];
    expect([9, 10, 12, 13, 19, 20, 21].filter((id) => hasInside(mappings, id))).toEqual([10, 12, 20]);
  });
});
