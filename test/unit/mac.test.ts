import { expect, test } from '@jest/globals';
import { linkLayerAddress, mac } from '../../lib/wire/mac.js';
import { decode, encode, refusal } from '../support/codec.js';

test('six bytes in hexadecimal', () => {
  expect(encode(mac(), '02:42:ac:1B:00:0f')).toBe('0242ac1b000f');
  expect(encode(mac(), '02-42-ac-1b-00-0f')).toBe('0242ac1b000f');
  expect(decode(mac(), '0242ac1b000f')).toBe('02:42:ac:1b:00:0f');
});

test('another number of bytes', () => {
  expect(refusal(mac(), '02:42:ac:1b:00')).toBe('takes 6 bytes, and "02:42:ac:1b:00" has 5');
  expect(encode(linkLayerAddress, '7f')).toBe('7f');
  expect(decode(linkLayerAddress, '7f000001')).toBe('7f:00:00:01');
  expect(decode(linkLayerAddress, '')).toBe('');
  const many = (count: number) => Array(count).fill('01').join(':');
  for (const count of [1, 2, 4, 6, 8, 16, 20]) expect(encode(linkLayerAddress, many(count))).toBe('01'.repeat(count));
  for (const count of [3, 5, 33]) expect(refusal(linkLayerAddress, many(count))).toContain(`has ${count} bytes`);
});

test.each([
  '',
  '2:42:ac:1b:0:f',
  '0242ac1b000f',
  '02:42:ac:1b:00:0g',
  '02:42:ac:1b:00:0f:',
  ' 02:42:ac:1b:00:0f',
  2,
  null,
])('not %p', (text) => {
  expect(refusal(mac(), text)).toContain('takes a link-layer address');
});
