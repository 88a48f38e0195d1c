/** Whoever may add objects chooses which attributes they have: what is remembered of that is bounded. */
import { expect, test } from '@jest/globals';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { attr, attrSet } from '../../lib/wire/attrs.js';
import { u32 } from '../../lib/wire/numbers.js';
import { Writer } from '../../lib/wire/writer.js';

const KEYS = Array.from({ length: 14 }, (_, i) => `attribute${i}`);
const set = attrSet('MANY', () => Object.fromEntries(KEYS.map((key, i) => [key, attr(i + 1, u32)])));

function valueOf(choice: number): Record<string, number> {
  return Object.fromEntries(KEYS.filter((_, i) => ((choice >> i) & 1) === 1).map((key, i) => [key, choice + i]));
}

function heap(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

test('objects of one sequence read the same, however often it was met', () => {
  const value = valueOf(0b10110);
  const writer = new Writer();
  set.write(writer, value);
  for (let i = 0; i < 20; i++) {
    const read = set.read(writer.view, 0, writer.length);
    expect(read).toEqual(value);
    expect(Object.keys(read)).toEqual(Object.keys(value));
  }
});

test('many sequences take little memory, and all are read', () => {
  const writer = new Writer();
  const before = heap();
  for (let round = 0; round < 3; round++) {
    for (let choice = 0; choice < 1 << KEYS.length; choice++) {
      writer.truncate(0);
      const value = valueOf(choice);
      set.write(writer, value);
      const read = set.read(writer.view, 0, writer.length) as Record<string, number>;
      const last = KEYS.findLast((key) => key in value);
      if (last !== undefined && read[last] !== value[last])
        throw new Error(`${choice} was read as ${JSON.stringify(read)}`);
    }
  }
  expect(heap() - before).toBeLessThan(8 * 1024 * 1024);
}, 60_000);
