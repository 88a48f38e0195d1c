import { constants } from 'node:os';
import { expect, test } from '@jest/globals';
import { errnoName, errnoOf, errnoText } from '../../lib/errno.js';

/** ENOTSUP is EOPNOTSUPP on Linux, EWOULDBLOCK is EAGAIN: a number has one name here. */
const aliases = new Set(['ENOTSUP', 'EWOULDBLOCK']);
const ofNode = Object.entries(constants.errno).filter(([name]) => !aliases.has(name));

test('agrees with what Node knows', () => {
  expect(ofNode.length).toBeGreaterThan(60);
  for (const [name, number] of ofNode) {
    expect(errnoName(number)).toBe(name);
    expect(errnoOf(name)).toBe(number);
  }
});

test('has what Node does not', () => {
  expect(errnoName(95)).toBe('EOPNOTSUPP');
  expect(errnoName(117)).toBe('EUCLEAN');
  expect(errnoName(524)).toBe('ENOTSUPP');
  expect(errnoText(95)).toBe('Operation not supported');
});

test('each name and each number once, without gaps that Linux does not have', () => {
  const missing = [];
  for (let number = 1; number <= 132; number++) {
    const name = errnoName(number);
    if (name === `E${number}`) missing.push(number);
    else expect(errnoOf(name)).toBe(number);
    expect(errnoText(number) === `Unknown error ${number}`).toBe(name === `E${number}`);
  }
  expect(missing).toEqual([41, 58]);
});

test('numbers and names that do not exist', () => {
  expect(errnoName(999)).toBe('E999');
  expect(errnoName(0)).toBe('E0');
  expect(errnoText(999)).toBe('Unknown error 999');
  expect(() => errnoOf('EWHAT')).toThrow(TypeError);
});
