import { expect, test } from '@jest/globals';
import { addressPair } from '../../lib/rtnetlink/address-pair.js';
import { attr, attrSet } from '../../lib/wire/attrs.js';
import { u64, u8 } from '../../lib/wire/numbers.js';
import { placeAt } from '../../lib/wire/path.js';
import { Writer } from '../../lib/wire/writer.js';
import { codecError, hex, unhex, viewOf } from '../support/codec.js';

const set = attrSet(
  'TEST',
  () => ({ group: addressPair(2, 16), level: attr(3, u8), time: attr(4, u64) }),
  undefined,
  9,
);

function write(value: Parameters<typeof set.write>[1]): string {
  const writer = new Writer();
  set.write(writer, value);
  return hex(writer.finish());
}

function read(text: string): unknown {
  const bytes = unhex(text);
  return set.read(viewOf(bytes), 0, bytes.length);
}

const inet = '0800 0200 0a010203';
const inet6 = '1400 1000 fd000000 00000000 00000000 00000102';

test('an address goes into the attribute of its family', () => {
  expect(write({ group: '10.1.2.3' })).toBe(inet.replaceAll(' ', ''));
  expect(write({ group: 'fd00::102' })).toBe(inet6.replaceAll(' ', ''));
});

test('both attributes are read as the one option', () => {
  expect(read(inet)).toEqual({ group: '10.1.2.3' });
  expect(read(inet6)).toEqual({ group: 'fd00::102' });
});

test('what is no address is refused under the name of the option', () => {
  expect(codecError(() => write({ group: '10.1.2' })).message).toBe('group: takes an IP address, not "10.1.2"');
  expect(codecError(() => write({ group: 'fd00::z' })).message).toBe('group: takes an IPv6 address, not "fd00::z"');
});

test('the place of either is named alike', () => {
  for (const text of [inet, inet6]) {
    const bytes = unhex(text);
    expect(placeAt(set, viewOf(bytes), 0, bytes.length, 6)?.path).toBe('group');
  }
});

test('padding is passed over, wherever it is and whatever follows', () => {
  expect(read('0400 0900 0c00 0400 0700000000000000')).toEqual({ time: 7n });
  expect(read('0500 0300 01000000 0400 0900')).toEqual({ level: 1 });
  expect(read('0400 0900 0400 0800')).toEqual({ unknown: [{ type: 8, bytes: new Uint8Array() }] });
});

test('two attributes with one number are an error in the table', () => {
  expect(() => attrSet('TEST', () => ({ group: addressPair(2, 16), level: attr(16, u8) })).has('level')).toThrow(
    'level and group are both 16',
  );
});
