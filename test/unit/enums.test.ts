import { describe, expect, test } from '@jest/globals';
import { Bits, enumeration, flagList } from '../../lib/wire/enums.js';
import { u16, u32, u8 } from '../../lib/wire/numbers.js';
import { decode, encode, refusal } from '../support/codec.js';

describe('enumerations', () => {
  const mode = enumeration(u16, { private: 1, vepa: 2, bridge: 4, alias: 4 });

  test('by name, both ways', () => {
    expect(encode(mode, 'vepa')).toBe('0200');
    expect(decode(mode, '0200')).toBe('vepa');
    expect(mode.size).toBe(2);
  });

  test('the first of two names for a number is read, both are written', () => {
    expect(encode(mode, 'alias')).toBe('0400');
    expect(decode(mode, '0400')).toBe('bridge');
  });

  test('a number without a name stays one', () => {
    expect(decode(mode, '0300')).toBe(3);
    expect(encode(mode, 3)).toBe('0300');
  });

  test('anything else names the choices', () => {
    expect(refusal(mode, 'brigde')).toBe(`takes 'private', 'vepa', 'bridge', 'alias' or a number, not "brigde"`);
    expect(refusal(mode, 'toString')).toContain("takes 'private'");
    expect(refusal(mode, 0x10000)).toContain('from 0 to 65535');
    expect(refusal(mode, null)).toContain('not null');
  });
});

describe('lists of flags', () => {
  const flags = flagList(u32, { up: 1, running: 0x40, top: 0x80000000 });

  test('by name, both ways', () => {
    expect(encode(flags, ['top', 'up'])).toBe('01000080');
    expect(decode(flags, '01000080')).toEqual(['up', 'top']);
    expect(encode(flags, [])).toBe('00000000');
    expect(decode(flags, '00000000')).toEqual([]);
  });

  test('bits without a name are kept as numbers', () => {
    expect(decode(flags, '06000040')).toEqual([2, 4, 0x40000000]);
    expect(encode(flags, decode(flags, '07000040'))).toBe('07000040');
    expect(decode(flagList(u8, { low: 1 }), '81')).toEqual(['low', 128]);
  });

  test('refuse what is no flag', () => {
    expect(refusal(flags, ['dwon'])).toContain("takes 'up', 'running', 'top', not");
    expect(refusal(flags, 'up')).toBe('takes an array of flag names, not "up"');
    for (const bad of [1.5, -1, 2 ** 32, NaN]) expect(refusal(flags, [bad])).toContain(`not ${bad}`);
    expect(refusal(flagList(u8, { low: 1 }), [256])).toContain('from 0 to 255');
  });

  test('lists are shared, so they are frozen', () => {
    const bits = new Bits({ up: 1 });
    expect(bits.list(1)).toBe(bits.list(1));
    expect(Object.isFrozen(bits.list(1))).toBe(true);
  });
});
