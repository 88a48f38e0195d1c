import { describe, expect, test } from '@jest/globals';
import { attr, attrSet } from '../../lib/wire/attrs.js';
import { enumeration } from '../../lib/wire/enums.js';
import { be16, s32, u16, u32, u8 } from '../../lib/wire/numbers.js';
import { header, member, struct } from '../../lib/wire/struct.js';
import { Writer } from '../../lib/wire/writer.js';
import { codecError, decode, encode, hex, refusal, unhex, viewOf } from '../support/codec.js';

const port = struct('port', 12, {
  flags: member(0, u32),
  low: member(4, be16),
  high: member(6, be16),
  state: member(8, enumeration(u8, { off: 0, on: 1 })),
});

describe('structs', () => {
  test('each member at its place, what is left out is 0', () => {
    expect(encode(port, { high: 0x1234, state: 'on' })).toBe('00000000' + '0000' + '1234' + '01' + '000000');
    expect(encode(port, {})).toBe('00'.repeat(12));
    expect(encode(port, { low: undefined, flags: 1 })).toBe('01' + '00'.repeat(11));
  });

  test('reads all members', () => {
    expect(decode(port, '04030201' + '0016' + '0017' + '01' + 'ffffff')).toEqual({
      flags: 0x01020304,
      low: 22,
      high: 23,
      state: 'on',
    });
  });

  test('an older kernel sends less: the rest is not there', () => {
    const short = decode(port, '04030201' + '0016' + '00');
    expect(short).toEqual({ flags: 0x01020304, low: 22 });
    expect(Object.keys(short)).toEqual(['flags', 'low']);
    expect(decode(port, '')).toEqual({});
  });

  test('a newer kernel sends more: it is passed over', () => {
    expect(decode(port, '00'.repeat(12) + 'ffffffff')).toEqual({ flags: 0, low: 0, high: 0, state: 'off' });
  });

  test('errors name the member', () => {
    const error = codecError(() => encode(port, { low: 65536 }));
    expect([error.path, error.reason]).toEqual(['low', 'takes an integer from 0 to 65535, not 65536']);
    expect(refusal(port, { hihg: 1 })).toBe('hihg: is no member of struct port');
    expect(refusal(port, 7)).toBe('takes an object, not 7');
    expect(refusal(port, null)).toBe('takes an object, not null');
  });

  test('a struct within a struct', () => {
    const range = struct('range', 16, { size: member(0, u32), port: member(4, port) });
    expect(encode(range, { size: 2, port: { low: 1 } })).toBe('02000000' + '00000000' + '0001' + '00'.repeat(6));
    expect(decode(range, '02000000' + '00000000' + '0001' + '00'.repeat(6)).port.low).toBe(1);
    expect(codecError(() => encode(range, { port: { low: -1 } })).path).toBe('port.low');
  });

  test('a member that does not fit is a mistake in the table', () => {
    expect(() => struct('small', 4, { first: member(2, u32) })).toThrow('struct small: first does not fit');
  });
});

describe('a struct as the header of attributes', () => {
  const set = attrSet(
    'T',
    () => ({ mtu: attr(3, u16) }),
    header('tmsg', 6, { family: member(0, u8), index: member(2, s32) }),
  );

  test('shares one object with them, padded to 4', () => {
    const writer = new Writer(1);
    set.write(writer, { mtu: 1500, index: 7, family: 2 } as object);
    expect(hex(writer.finish())).toBe('0200' + '07000000' + '0000' + '06000300' + 'dc05' + '0000');
    const bytes = unhex(hex(writer.finish()));
    expect(set.read(viewOf(bytes), 0, bytes.length)).toEqual({ family: 2, index: 7, mtu: 1500 });
  });

  test('the padding may be missing', () => {
    expect(set.read(viewOf(unhex('0200' + '07000000')), 0, 6)).toEqual({ family: 2, index: 7 });
  });

  test('a message shorter than it is an error', () => {
    expect(codecError(() => set.read(viewOf(unhex('0200070000')), 0, 5)).reason).toBe(
      '5 bytes are less than the 6 of the header',
    );
  });

  test('errors name the member', () => {
    expect(codecError(() => set.write(new Writer(), { index: 'lo' } as object)).path).toBe('index');
  });
});
