import { CodecError } from '../errors.js';
import { needBytes, readAs, show, type Codec, type Inline } from './codec.js';
import { LITTLE_ENDIAN } from './writer.js';

function integer(value: unknown, minimum: number, maximum: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < minimum || value > maximum) {
    throw new CodecError('', `takes an integer from ${minimum} to ${maximum}, not ${show(value)}`);
  }
  return value;
}

function bigInteger(value: unknown, minimum: bigint, maximum: bigint): bigint {
  const big = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof big !== 'bigint' || big < minimum || big > maximum) {
    throw new CodecError('', `takes an integer from ${minimum} to ${maximum}, not ${show(value)}`);
  }
  return big;
}

/** What a number of each width is read and written with: one row a type. */
function number(
  size: number,
  minimum: number,
  maximum: number,
  get: (view: DataView, at: number) => number,
  set: (view: DataView, at: number, value: number) => void,
  inline: (at: string) => string,
): Codec<number> {
  const read = (view: DataView, at: number, length: number): number => {
    needBytes(length, size);
    return get(view, at);
  };
  return {
    size,
    write(writer, value) {
      const checked = integer(value, minimum, maximum);
      const at = writer.reserve(size);
      set(writer.view, at, checked);
    },
    read: Object.assign(read, { inline: { size, number: inline, steps: [] } satisfies Inline }),
  };
}

function bigNumber(
  minimum: bigint,
  maximum: bigint,
  get: (view: DataView, at: number) => bigint,
  set: (view: DataView, at: number, value: bigint) => void,
): Codec<number | bigint, bigint> {
  return {
    size: 8,
    write(writer, value) {
      const checked = bigInteger(value, minimum, maximum);
      const at = writer.reserve(8);
      set(writer.view, at, checked);
    },
    read(view, at, length) {
      needBytes(length, 8);
      // Most counters are 0, and a bigint is an allocation.
      return view.getUint32(at) === 0 && view.getUint32(at + 4) === 0 ? 0n : get(view, at);
    },
  };
}

const HOST = LITTLE_ENDIAN;
const U16 = 0xffff;
const U32 = 0xffffffff;
const U64 = 0xffffffffffffffffn;

export const u8 = number(
  1,
  0,
  0xff,
  (v, at) => v.getUint8(at),
  (v, at, n) => v.setUint8(at, n),
  (at) => `view.getUint8(${at})`,
);
export const u16 = number(
  2,
  0,
  U16,
  (v, at) => v.getUint16(at, HOST),
  (v, at, n) => v.setUint16(at, n, HOST),
  (at) => `view.getUint16(${at}, ${HOST})`,
);
export const u32 = number(
  4,
  0,
  U32,
  (v, at) => v.getUint32(at, HOST),
  (v, at, n) => v.setUint32(at, n, HOST),
  (at) => `view.getUint32(${at}, ${HOST})`,
);
export const u64 = bigNumber(
  0n,
  U64,
  (v, at) => v.getBigUint64(at, HOST),
  (v, at, n) => v.setBigUint64(at, n, HOST),
);
export const s8 = number(
  1,
  -0x80,
  0x7f,
  (v, at) => v.getInt8(at),
  (v, at, n) => v.setInt8(at, n),
  (at) => `view.getInt8(${at})`,
);
export const s16 = number(
  2,
  -0x8000,
  0x7fff,
  (v, at) => v.getInt16(at, HOST),
  (v, at, n) => v.setInt16(at, n, HOST),
  (at) => `view.getInt16(${at}, ${HOST})`,
);
export const s32 = number(
  4,
  -0x80000000,
  0x7fffffff,
  (v, at) => v.getInt32(at, HOST),
  (v, at, n) => v.setInt32(at, n, HOST),
  (at) => `view.getInt32(${at}, ${HOST})`,
);
export const s64 = bigNumber(
  -(1n << 63n),
  (1n << 63n) - 1n,
  (v, at) => v.getBigInt64(at, HOST),
  (v, at, n) => v.setBigInt64(at, n, HOST),
);
export const be16 = number(
  2,
  0,
  U16,
  (v, at) => v.getUint16(at),
  (v, at, n) => v.setUint16(at, n),
  (at) => `view.getUint16(${at})`,
);
export const be32 = number(
  4,
  0,
  U32,
  (v, at) => v.getUint32(at),
  (v, at, n) => v.setUint32(at, n),
  (at) => `view.getUint32(${at})`,
);
export const be64 = bigNumber(
  0n,
  U64,
  (v, at) => v.getBigUint64(at),
  (v, at, n) => v.setBigUint64(at, n),
);

/** The same number, but in a smaller range than its type has. */
export function ranged(codec: Codec<number>, minimum: number, maximum: number): Codec<number> {
  return {
    size: codec.size,
    write(writer, value, siblings, base) {
      codec.write(writer, integer(value, minimum, maximum), siblings, base);
    },
    read: codec.read,
  };
}

function boolean(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new CodecError('', `takes true or false, not ${show(value)}`);
  return value;
}

function bool(plain: Codec<number>): Codec<boolean> {
  return {
    size: plain.size,
    write: (writer, value, siblings, base) => plain.write(writer, boolean(value) ? 1 : 0, siblings, base),
    read: readAs(plain.read, (number) => number !== 0),
  };
}

export const bool8 = bool(u8);
export const bool16 = bool(u16);
export const bool32 = bool(u32);

/** An attribute without payload: there or not. */
export const flag: Codec<boolean, true> = {
  write: () => undefined,
  read: () => true,
  omit: (value) => !boolean(value),
};

/** `'forever'` for the largest u32, as lifetimes have it; else seconds. */
export const seconds: Codec<number | 'forever'> = {
  size: 4,
  write: (writer, value, siblings, base) => u32.write(writer, value === 'forever' ? U32 : value, siblings, base),
  read(view, at, length, siblings, base) {
    const value = u32.read(view, at, length, siblings, base);
    return value === U32 ? 'forever' : value;
  },
};
