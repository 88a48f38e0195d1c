/**
 * Random numbers that can be had again: a failure prints the seed, and FUZZ_SEED=that repeats the run. FUZZ_SCALE=10
 * makes ten times as many attempts.
 */
export const seed = Number(process.env['FUZZ_SEED'] ?? (Math.random() * 0x100000000) >>> 0);
export const scale = Number(process.env['FUZZ_SCALE'] ?? 1);

/** Mulberry32: 32 bits of state, good enough to choose bytes. */
export class Random {
  #state: number;

  constructor(start: number) {
    this.#state = start >>> 0;
  }

  /** 0 to `below` - 1. */
  int(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  }

  chance(oneIn: number): boolean {
    return this.int(oneIn) === 0;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.int(from.length)]!;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.int(256);
    return bytes;
  }
}

function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Lengths and numbers at which something may go wrong. */
const edges = [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xfffc, 0xffff];

/** The same bytes with one to four faults. */
export function mutated(bytes: Uint8Array, random: Random): Uint8Array {
  let out = Uint8Array.from(bytes);
  for (let faults = 1 + random.int(4); faults > 0; faults--) {
    const at = random.int(out.length + 1);
    switch (random.int(7)) {
      case 0:
        if (at < out.length) out[at]! ^= 1 << random.int(8);
        break;
      case 1:
        if (at < out.length) out[at] = random.int(256);
        break;
      case 2: {
        // Where lengths and types are: at even places.
        const even = at & ~1;
        const value = random.pick(edges);
        if (even + 1 < out.length) {
          out[even] = value & 0xff;
          out[even + 1] = value >> 8;
        }
        break;
      }
      case 3:
        out = out.slice(0, at);
        break;
      case 4:
        out = concat(out.subarray(0, at), random.bytes(random.int(9)), out.subarray(at));
        break;
      case 5: {
        const to = at + random.int(out.length - at + 1);
        out = concat(out.subarray(0, at), out.subarray(to));
        break;
      }
      default: {
        const to = at + random.int(Math.min(64, out.length - at) + 1);
        out = concat(out.subarray(0, to), out.subarray(at, to), out.subarray(to));
      }
    }
  }
  return out;
}
