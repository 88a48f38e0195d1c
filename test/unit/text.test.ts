import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bytes, linkName, nulString, string } from '../../lib/wire/text.js';
import { codecError, decode, encode, hex, refusal, unhex } from '../support/codec.js';

describe('text', () => {
  test('with a NUL at its end, or without', () => {
    expect(encode(nulString(), 'eth0')).toBe('6574683000');
    expect(encode(string(), 'eth0')).toBe('65746830');
    expect(encode(nulString(), '')).toBe('00');
  });

  test('is read up to the NUL or the end', () => {
    for (const codec of [nulString(), string()]) {
      expect(decode(codec, '6574683000')).toBe('eth0');
      expect(decode(codec, '65746830')).toBe('eth0');
      expect(decode(codec, '6574683000ffff')).toBe('eth0');
      expect(decode(codec, '')).toBe('');
      expect(decode(codec, '0041')).toBe('');
    }
  });

  test('is UTF-8, its limits count bytes', () => {
    expect(encode(nulString(4), 'ää')).toBe('c3a4c3a400');
    expect(decode(nulString(), 'c3a4c3a40041')).toBe('ää');
    expect(refusal(nulString(3), 'ää')).toBe('"ää" has 4 bytes; 3 are the most');
    expect(refusal(string(3), 'abcd')).toContain('3 are the most');
  });

  test('long text is read like short text', () => {
    const text = 'x'.repeat(200);
    expect(decode(nulString(), encode(nulString(), text))).toBe(text);
    expect(decode(string(), `${encode(nulString(), text)}4141`)).toBe(text);
  });

  test('bytes that are no UTF-8 become replacement characters', () => {
    expect(decode(nulString(), '41ff00')).toBe('A\ufffd');
  });

  test('a byte order mark is a character like any other', () => {
    expect(decode(nulString(), 'efbbbf4100')).toBe('\ufeffA');
  });

  test('refuses what would come back as something else', () => {
    expect(refusal(nulString(), 'a\0b')).toContain('contains a NUL');
    expect(refusal(nulString(), 7)).toBe('takes a string, not 7');
    expect(refusal(nulString(10, 1), '')).toBe('must not be empty');
  });

  test('a long bad value is not repeated in full', () => {
    expect(refusal(nulString(3), 'y'.repeat(500)).length).toBeLessThan(120);
  });

  test('comes back as it was', () => {
    const text = fc.string({ unit: 'binary', maxLength: 90 }).filter((value) => !value.includes('\0'));
    fc.assert(fc.property(text, (value) => decode(nulString(), encode(nulString(), value)) === value));
  });
});

describe('names of links', () => {
  test.each(['a', 'eth0', 'veth-box.100', '15-bytes-at-mos', 'ä', 'a.', '...'])('%p', (name) => {
    expect(decode(linkName, encode(linkName, name))).toBe(name);
  });

  test.each(['', '16-bytes-is-more', '.', '..', 'a/b', 'a:b', 'a b', 'a\tb', 'a\nb', 'a\0b', 'äääääääää', 7, null])(
    'not %p',
    (name) => {
      codecError(() => encode(linkName, name as string));
    },
  );

  test('the reason is told', () => {
    expect(refusal(linkName, '16-bytes-is-more')).toBe('"16-bytes-is-more" has 16 bytes; 15 are the most');
    expect(refusal(linkName, 'a b')).toContain('no name for a link');
  });
});

describe('bytes', () => {
  test('as they are', () => {
    expect(encode(bytes(), Uint8Array.of(1, 0, 255))).toBe('0100ff');
    expect(hex(decode(bytes(), '0100ff'))).toBe('0100ff');
  });

  test('what was read is a copy', () => {
    const source = unhex('0102');
    const read = bytes().read(new DataView(source.buffer as ArrayBuffer), 0, 2, {}, 0);
    source[0] = 9;
    expect(hex(read)).toBe('0102');
  });

  test('within limits', () => {
    expect(refusal(bytes(4, 4), Uint8Array.of(1))).toBe('takes 4 bytes, not 1');
    expect(refusal(bytes(4, 1), new Uint8Array(5))).toBe('takes 1 to 4 bytes, not 5');
    expect(refusal(bytes(), [1, 2])).toBe('takes a Uint8Array, not an array of 2');
    expect(encode(bytes(), Buffer.from('a'))).toBe('61');
  });
});
