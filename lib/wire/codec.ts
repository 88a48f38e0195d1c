import { CodecError } from '../errors.js';
import type { AttrSet, Rows } from './attrs.js';
import type { Writer } from './writer.js';

/** The inner attributes that contain a byte of an attribute's payload; for the paths of extended ACKs. */
export interface Step {
  /** What to add to the attribute's name: `'(vxlan)'`, `'[2]'` or nothing. */
  readonly label: string;
  readonly set: AttrSet<Rows>;
  /** Where the set's header, if it has one, begins. */
  readonly at: number;
  readonly end: number;
}

/** How a payload is read. */
export interface Read<out Out> {
  (view: DataView, at: number, length: number, siblings: object, base: number): Out;
  /** The same as an expression, where the payload is but a number: it stands in compiled readers, see shape.ts. */
  readonly inline?: Inline | undefined;
}

export interface Inline {
  /** The number's bytes. */
  readonly size: number;
  /** The number itself: `view.getUint8(at)`. */
  readonly number: (at: string) => string;
  /** What makes the value of it, one after the other. */
  readonly steps: readonly ((value: never) => unknown)[];
}

/** Reads what `plain` does, and makes another value of that. */
export function readAs<Plain, Out>(plain: Read<Plain>, toValue: (plain: Plain) => Out): Read<Out> {
  const read: Read<Out> = (view, at, length, siblings, base) => toValue(plain(view, at, length, siblings, base));
  const { inline } = plain;
  return inline === undefined
    ? read
    : Object.assign(read, { inline: { ...inline, steps: [...inline.steps, toValue] } satisfies Inline });
}

/**
 * Writes one kind of payload and reads it back. `In` and `Out` differ where the kernel dumps something else than it takes.
 *
 * `siblings` is the object that the attribute belongs to: when writing the user's, when reading what has been decoded
 * so far. `base` is where the fixed header of the attribute's set begins: some attributes keep half of their value there.
 */
export interface Codec<in In, out Out = In> {
  readonly write: (writer: Writer, value: In, siblings: object, base: number) => void;
  /** `view` holds at least `length` bytes from `at` on: the caller has checked that. */
  readonly read: Read<Out>;
  /** The number of bytes, where it is the same for every value: a member of a struct needs one. */
  readonly size?: number | undefined;
  /** Values that are expressed by sending nothing. */
  readonly omit?: ((value: In) => boolean) | undefined;
  /** NLA_F_NESTED or NLA_F_NET_BYTEORDER, where the kernel wants to see them. */
  readonly typeFlags?: number | undefined;
  /** The name of the sibling that says how to read this attribute. */
  readonly decidedBy?: string | undefined;
  /** The attributes inside, to descend into the one that holds the byte at `offset`; none does when that is before `at`. */
  readonly step?:
    ((view: DataView, at: number, length: number, offset: number, siblings: object) => Step | undefined) | undefined;
  /** The inner sets that a value can consist of; like the following for checks that go over all tables. */
  readonly inner?: (() => readonly AttrSet<Rows>[]) | undefined;
  /** The names that a value, or a flag of it, can have and the numbers that they stand for. */
  readonly names?: Readonly<Record<string, number>> | undefined;
  /** The codecs that this one leaves the bytes to. */
  readonly parts?: readonly AnyCodec[] | undefined;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a table's rows have codecs of every type
export type AnyCodec = Codec<any, any>;
export type InputOf<C> = C extends Codec<infer In, unknown> ? In : never;
export type OutputOf<C> = C extends Codec<never, infer Out> ? Out : never;

/** Refuses what is no object; `path` is where an error says that it is. */
export function checkObject(value: unknown, path: string): asserts value is object {
  if (typeof value !== 'object' || value === null) throw new CodecError(path, `takes an object, not ${show(value)}`);
}

/** How a bad value appears in a message: short, and told from its neighbours (`'1'` from `1`). */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 64 ? `${value.slice(0, 61)}...` : value);
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

/** Reads nothing but a payload of exactly `size` bytes, or of more, which a newer kernel may send. */
export function needBytes(length: number, size: number): void {
  if (length < size) throw new CodecError('', `${length} bytes instead of ${size}`);
}

/** A codec made of another one: the same bytes, other values. */
export function mapped<In, Out, PlainIn, PlainOut>(
  plain: Codec<PlainIn, PlainOut>,
  toPlain: (value: In) => PlainIn,
  fromPlain: (value: PlainOut) => Out,
): Codec<In, Out> {
  return {
    ...plain,
    omit: undefined,
    names: undefined,
    write: (writer, value, siblings, base) => plain.write(writer, toPlain(value), siblings, base),
    read: readAs(plain.read, fromPlain),
  };
}

/** Written as one codec says, read as another: `split(flag, bool8)`. */
export function split<In, Out>(input: Codec<In, unknown>, output: Codec<never, Out>): Codec<In, Out> {
  return {
    write: input.write,
    read: output.read,
    omit: input.omit,
    typeFlags: input.typeFlags,
  };
}

/** For what the kernel only ever reports. It is passed over when written, so that what was read can be written back. */
export function readOnly<Out>(plain: Codec<never, Out>): Codec<unknown, Out> {
  return {
    omit: () => true,
    write: () => undefined,
    read: plain.read,
    step: plain.step,
    inner: plain.inner,
    parts: [plain as AnyCodec],
  };
}

/** Longer payloads are not compared. */
const MOST_SHARED = 512;

/**
 * For what many objects of a dump have alike. From the second time in a row on that the same bytes come, they are read as
 * one and the same value, which is frozen. The bytes alone decide about the value, not its siblings.
 */
export function shared<In, Out>(plain: Codec<In, Out>): Codec<In, Out> {
  const last = new DataView(new ArrayBuffer(MOST_SHARED));
  let lastLength = -1;
  let value: Out | undefined;
  return {
    ...plain,
    read(view, at, length, siblings, base) {
      if (length === lastLength && isSame(last, view, at, length)) {
        return (value ??= Object.freeze(plain.read(view, at, length, siblings, base)));
      }
      value = undefined;
      lastLength = length > MOST_SHARED ? -1 : copy(last, view, at, length);
      return plain.read(view, at, length, siblings, base);
    },
  };
}

function isSame(bytes: DataView, view: DataView, at: number, length: number): boolean {
  let i = 0;
  for (; i + 4 <= length; i += 4) if (bytes.getInt32(i) !== view.getInt32(at + i)) return false;
  for (; i < length; i++) if (bytes.getUint8(i) !== view.getUint8(at + i)) return false;
  return true;
}

function copy(bytes: DataView, view: DataView, at: number, length: number): number {
  let i = 0;
  for (; i + 4 <= length; i += 4) bytes.setInt32(i, view.getInt32(at + i));
  for (; i < length; i++) bytes.setUint8(i, view.getUint8(at + i));
  return length;
}
