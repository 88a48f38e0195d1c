import { expect, test } from '@jest/globals';
import { maskedFlags } from '../../lib/wire/masked-flags.js';
import { decode, encode, refusal } from '../support/codec.js';

const codec = maskedFlags({ red: 1, green: 2, blue: 8 });

test('flags that are left out are not in the mask', () => {
  expect(encode(codec, { red: true, blue: false })).toBe('0100000009000000');
  expect(encode(codec, { green: undefined })).toBe('0000000000000000');
});

test('each known flag of the mask is read as on or off', () => {
  expect(decode(codec, '0800000009000000')).toEqual({ red: false, blue: true });
  expect(decode(codec, '02000000ffffffff')).toEqual({ red: false, green: true, blue: false });
});

test('a flag without a name goes by its value, both ways', () => {
  expect(decode(codec, '4000000041000000')).toEqual({ red: false, 64: true });
  expect(encode(codec, { 64: true, 4: false })).toBe('4000000044000000');
});

test('what is no object of flags is refused', () => {
  expect(refusal(codec, ['red'])).toBe('takes an object of flags, not an array of 1');
  expect(refusal(codec, { red: 1 })).toBe('red: takes true or false, not 1');
  expect(refusal(codec, { gren: true })).toContain("takes 'red', 'green', 'blue'");
});
