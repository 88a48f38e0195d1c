import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { attr, attrSet } from '../../lib/wire/attrs.js';
import { mapped, type Codec } from '../../lib/wire/codec.js';
import { enumeration, flagList } from '../../lib/wire/enums.js';
import * as numbers from '../../lib/wire/numbers.js';
import { codecError, decode, encode, refusal, unhex, viewOf } from '../support/codec.js';

const { be16, be32, be64, bool16, bool32, bool8, flag, ranged, s16, s32, s64, s8, seconds, u16, u32, u64, u8 } =
  numbers;

describe('integers of up to 32 bits', () => {
  const rows: [string, Codec<number>, number, number, number, string][] = [
    ['u8', u8, 0, 0xff, 0x12, '12'],
    ['u16', u16, 0, 0xffff, 0x1234, '3412'],
    ['u32', u32, 0, 0xffffffff, 0xf2345678, '785634f2'],
    ['s8', s8, -0x80, 0x7f, -2, 'fe'],
    ['s16', s16, -0x8000, 0x7fff, -2, 'feff'],
    ['s32', s32, -0x80000000, 0x7fffffff, -2, 'feffffff'],
    ['be16', be16, 0, 0xffff, 0x1234, '1234'],
    ['be32', be32, 0, 0xffffffff, 0xf2345678, 'f2345678'],
  ];

  test.each(rows)('%s', (_name, codec, minimum, maximum, value, bytes) => {
    expect(encode(codec, value)).toBe(bytes);
    expect(decode(codec, bytes)).toBe(value);
    expect(codec.size).toBe(bytes.length / 2);
    for (const edge of [minimum, maximum]) expect(decode(codec, encode(codec, edge))).toBe(edge);
    for (const bad of [minimum - 1, maximum + 1, 0.5, NaN, Infinity, '1', 1n, null, undefined, true, {}, []]) {
      expect(refusal(codec, bad)).toContain(`takes an integer from ${minimum} to ${maximum}`);
    }
    fc.assert(fc.property(fc.integer({ min: minimum, max: maximum }), (n) => decode(codec, encode(codec, n)) === n));
  });

  test('say what they got instead', () => {
    expect(refusal(u8, '7')).toBe('takes an integer from 0 to 255, not "7"');
    expect(refusal(u8, 7n)).toBe('takes an integer from 0 to 255, not 7n');
    expect(refusal(u8, [7])).toBe('takes an integer from 0 to 255, not an array of 1');
    expect(refusal(u8, Uint8Array.of(7))).toBe('takes an integer from 0 to 255, not 1 bytes');
    expect(refusal(u8, { seven: 7 })).toBe('takes an integer from 0 to 255, not an object');
  });

  test.each(rows)('%s reads neither less nor the rest', (_name, codec, _minimum, _maximum, value, bytes) => {
    expect(codecError(() => decode(codec, bytes.slice(2))).reason).toContain(`instead of ${codec.size!}`);
    expect(decode(codec, `${bytes}ffff`)).toBe(value);
  });
});

/** What a table's compiled reader makes of an attribute with these bytes: it has an expression in the place of the codec's function. */
function decodeInTable<Out>(codec: Codec<never, Out>, bytes: string): Out | undefined {
  const attribute = new Uint8Array([4 + bytes.length / 2, 0, 7, 0, ...unhex(bytes), 0, 0, 0]);
  const found = attrSet('T', () => ({ value: attr(7, codec as Codec<unknown, Out>) })).read(
    viewOf(attribute),
    0,
    attribute.length & ~3,
  );
  return found.value;
}

describe('in a table', () => {
  const named = enumeration(s16, { low: -2, high: 0x1234 });
  const codecs: [string, Codec<never, unknown>, string, unknown][] = [
    ['u8', u8, 'f2', 0xf2],
    ['u16', u16, '34f2', 0xf234],
    ['u32', u32, '785634f2', 0xf2345678],
    ['s8', s8, 'fe', -2],
    ['s16', s16, 'fdff', -3],
    ['s32', s32, 'fcffffff', -4],
    ['be16', be16, 'f234', 0xf234],
    ['be32', be32, 'f2345678', 0xf2345678],
    ['a range', ranged(u16, 1, 0x1234), '3412', 0x1234],
    ['on', bool16, '0001', true],
    ['off', bool32, '00000000', false],
    ['a name of a negative number', named, 'feff', 'low'],
    ['a name of a large number', named, '3412', 'high'],
    ['a number without a name', named, '0300', 3],
    ['flags', flagList(be16, { one: 1, many: 0x4000 }), '4001', ['one', 'many']],
    ['what is made of something made', mapped(named, Number, (name) => ({ name })), '3412', { name: 'high' }],
  ];

  test.each(codecs)('%s is read as by itself', (_title, codec, bytes, value) => {
    expect(decode(codec, bytes)).toEqual(value);
    expect(decodeInTable(codec, bytes)).toEqual(value);
    expect(() => decodeInTable(codec, bytes.slice(2))).toThrow(`value: ${bytes.length / 2 - 1} bytes instead of`);
  });
});

describe('integers of 64 bits', () => {
  const rows: [string, Codec<number | bigint, bigint>, bigint, bigint, bigint, string][] = [
    ['u64', u64, 0n, 2n ** 64n - 1n, 0xf23456789abcdef0n, 'f0debc9a785634f2'],
    ['s64', s64, -(2n ** 63n), 2n ** 63n - 1n, -2n, 'feffffffffffffff'],
    ['be64', be64, 0n, 2n ** 64n - 1n, 0xf23456789abcdef0n, 'f23456789abcdef0'],
  ];

  test.each(rows)('%s', (_name, codec, minimum, maximum, value, bytes) => {
    expect(encode(codec, value)).toBe(bytes);
    expect(decode(codec, bytes)).toBe(value);
    for (const edge of [minimum, maximum]) expect(decode(codec, encode(codec, edge))).toBe(edge);
    for (const bad of [minimum - 1n, maximum + 1n, 0.5, 2 ** 53, NaN, '1', null, {}]) {
      expect(refusal(codec, bad)).toContain(`takes an integer from ${minimum} to ${maximum}`);
    }
    expect(codecError(() => decode(codec, bytes.slice(2))).reason).toBe('7 bytes instead of 8');
    fc.assert(fc.property(fc.bigInt({ min: minimum, max: maximum }), (n) => decode(codec, encode(codec, n)) === n));
  });

  test('a safe number will do', () => {
    expect(decode(u64, encode(u64, Number.MAX_SAFE_INTEGER))).toBe(2n ** 53n - 1n);
    expect(decode(s64, encode(s64, -5))).toBe(-5n);
  });
});

test('a range narrower than the type', () => {
  const vni = ranged(u32, 1, 0xffffff);
  expect(encode(vni, 0xffffff)).toBe('ffffff00');
  expect(refusal(vni, 0x1000000)).toBe('takes an integer from 1 to 16777215, not 16777216');
  expect(refusal(vni, 0)).toContain('from 1 to');
  // The kernel is believed.
  expect(decode(vni, '00000000')).toBe(0);
  expect(vni.size).toBe(4);
});

test.each([
  ['bool8', bool8, '01', '00', 'ff'],
  ['bool16', bool16, '0100', '0000', 'ff00'],
  ['bool32', bool32, '01000000', '00000000', '00010000'],
] as const)('%s', (_name, codec, yes, no, also) => {
  expect(encode(codec, true)).toBe(yes);
  expect(encode(codec, false)).toBe(no);
  expect(decode(codec, yes)).toBe(true);
  expect(decode(codec, no)).toBe(false);
  expect(decode(codec, also)).toBe(true);
  for (const bad of [0, 1, 'true', null]) expect(refusal(codec, bad)).toContain('takes true or false');
});

test('a flag is there or not', () => {
  expect(encode(flag, true)).toBe('');
  expect(flag.omit!(true)).toBe(false);
  expect(flag.omit!(false)).toBe(true);
  expect(codecError(() => flag.omit!(1 as never)).reason).toBe('takes true or false, not 1');
  expect(decode(flag, '')).toBe(true);
});

test("seconds, or 'forever'", () => {
  expect(encode(seconds, 300)).toBe('2c010000');
  expect(encode(seconds, 'forever')).toBe('ffffffff');
  expect(decode(seconds, '2c010000')).toBe(300);
  expect(decode(seconds, 'ffffffff')).toBe('forever');
  expect(refusal(seconds, 'never')).toContain('takes an integer');
  expect(refusal(seconds, -1)).toContain('takes an integer');
});
