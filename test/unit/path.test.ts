/** From the offset in an extended ACK to the name of the attribute that it points at. */
import { expect, test } from '@jest/globals';
import { attr, attrSet, list, nest, selected, spread, type AttrSet, type Rows } from '../../lib/wire/attrs.js';
import { split, type Codec } from '../../lib/wire/codec.js';
import { bool8, flag, u16, u32, u8 } from '../../lib/wire/numbers.js';
import { placeAt } from '../../lib/wire/path.js';
import { header, member } from '../../lib/wire/struct.js';
import { nulString } from '../../lib/wire/text.js';
import { Writer } from '../../lib/wire/writer.js';

const red = attrSet('RED', () => ({ depth: attr(1, u8), inherit: attr(2, split(flag, bool8)), id: attr(3, u32) }));
const info = attrSet('INFO', () => ({
  kind: attr(1, nulString()),
  data: attr(
    2,
    selected<object, object>(() => ({ red }), 'kind'),
  ),
}));
const hop = attrSet('HOP', () => ({ via: attr(5, u32), weight: attr(6, u8) }));
/** Written and never read: what comes before the attribute at fault must not be read. */
const writeOnly: Codec<number> = {
  write: (writer, value, siblings, base) => u32.write(writer, value, siblings, base),
  read: () => {
    throw new Error('is never reported');
  },
};
const set: AttrSet<Rows> = attrSet(
  'T',
  () => ({
    fd: attr(9, writeOnly),
    name: attr(1, nulString()),
    limits: attr(2, nest(hop)),
    info: attr(3, spread(info)),
    hops: attr(4, list(nest(hop))),
    ports: attr(5, list(u16)),
  }),
  header('tmsg', 8, { index: member(0, u32), flags: member(4, u32) }),
);

const writer = new Writer();
// A message in front, as in a batch.
writer.append(new Uint8Array(24).fill(0xff));
const start = writer.length;
set.write(writer, {
  index: 7,
  fd: 3,
  name: 'abc',
  limits: { via: 1, weight: 2 },
  kind: 'red',
  data: { inherit: true, depth: 1, id: 2 },
  hops: [{ via: 3 }, { via: 4, weight: 5 }],
  ports: [1, 2],
  unknown: [{ type: 77, bytes: new Uint8Array(4) }],
});

// fd 8 (8 bytes), name 16 (8), limits 24: via 28, weight 36; info 44: kind 48, data 56: inherit 60, depth 64, id 72;
// hops 80: [0] 84: via 88, [1] 96: via 100, weight 108; ports 116: [0] 120, [1] 128; unknown 136.
test.each([
  [8, 'fd'],
  [16, 'name'],
  [20, 'name'],
  [24, 'limits'],
  [28, 'limits.via'],
  [32, 'limits.via'],
  [36, 'limits.weight'],
  [44, ''],
  [48, 'kind'],
  [56, 'data(red)'],
  [60, 'data(red).inherit'],
  [64, 'data(red).depth'],
  [72, 'data(red).id'],
  [80, 'hops'],
  [84, 'hops[0]'],
  [88, 'hops[0].via'],
  [96, 'hops[1]'],
  [100, 'hops[1].via'],
  [108, 'hops[1].weight'],
  [116, 'ports'],
  [136, 'attribute 77'],
])('the byte at %i is of %p', (offset, path) => {
  expect(placeAt(set, writer.view, start, writer.length, start + offset)?.path).toBe(path);
});

test.each([0, 7, 144, 100000, -8])('the byte at %i is of none', (offset) => {
  expect(placeAt(set, writer.view, start, writer.length, start + offset)).toBeUndefined();
});

test('tells what table is inside', () => {
  const inside = (offset: number) => placeAt(set, writer.view, start, writer.length, start + offset)?.inside;
  expect(inside(24)).toBe(hop);
  expect(inside(44)).toBe(info);
  expect(inside(56)).toBe(red);
  expect(inside(96)).toBe(hop);
  expect(inside(16)).toBeUndefined();
});
