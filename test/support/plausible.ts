import { Writer } from '../../lib/wire/writer.js';
import type { AttrSet, Rows } from '../../lib/wire/attrs.js';
import type { Random } from './random.js';

/** Sizes that payloads have. */
const sizes = [0, 1, 2, 4, 4, 4, 6, 8, 16, 20, 24, 32];
const words = ['veth', 'bridge', 'vxlan', 'macvlan', 'ipvlan', 'vlan', 'dummy', 'eth0', ''].map((word) =>
  new TextEncoder().encode(`${word}\0`),
);

/** Bytes of a message as the table has it: known attributes, nested where the table nests, with any values. */
export function plausible(set: AttrSet<Rows>, random: Random): Uint8Array {
  const writer = new Writer(1024);
  append(writer, set, random, 0);
  return writer.finish();
}

function append(writer: Writer, set: AttrSet<Rows>, random: Random, depth: number): void {
  const { header, rows } = set;
  if (header !== undefined) {
    writer.append(random.bytes(header.size));
    writer.pad4();
  }
  const all = Object.values(rows);
  for (let count = all.length === 0 ? 0 : random.int(depth === 0 ? 12 : 5); count > 0; count--) {
    const { id, codec } = random.pick(all);
    const at = writer.beginAttr(random.chance(20) ? random.int(0x10000) : id | (codec.typeFlags ?? 0));
    const inner = codec.inner?.() ?? [];
    if (inner.length > 0 && depth < 6 && !random.chance(12)) append(writer, random.pick(inner), random, depth + 1);
    else if (random.chance(6)) writer.append(random.pick(words));
    else writer.append(random.bytes(random.pick(sizes)));
    writer.endAttr(at);
  }
}

/** The first bytes of most headers choose a family: one that exists makes the rest more interesting. */
export function withFamily(bytes: Uint8Array, random: Random): Uint8Array {
  if (bytes.length > 0) bytes[0] = random.pick([0, 2, 7, 10, 17, 28]);
  return bytes;
}
