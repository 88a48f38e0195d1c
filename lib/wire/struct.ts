import { CodecError } from '../errors.js';
import type { Header } from './attrs.js';
import { checkObject, type AnyCodec, type Codec, type InputOf, type OutputOf } from './codec.js';
import { own } from '../own.js';
import { NO_PLACES, reader, type FixedField, type Reader } from './shape.js';
import type { Writer } from './writer.js';

/** A member of a C struct: where it is and how it is read. Its default, if it has one, is written when it is left out. */
export interface Member<In, Out> {
  readonly offset: number;
  readonly codec: Codec<In, Out>;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- members have codecs of every type
export type Members = Readonly<Record<string, Member<any, any>>>;
export type StructIn<M extends Members> = { readonly [K in keyof M]?: InputOf<M[K]['codec']> | undefined };
export type StructOut<M extends Members> = { readonly [K in keyof M]: OutputOf<M[K]['codec']> };

/** The members of a header, as written and as read. */
export type HeaderIn<H extends { readonly members: Members }> = StructIn<H['members']>;
export type HeaderOut<H extends { readonly members: Members }> = StructOut<H['members']>;

export interface Struct<M extends Members> extends Codec<StructIn<M>, StructOut<M>> {
  readonly struct: { readonly name: string; readonly size: number; readonly members: M };
}

export function member<In, Out>(offset: number, codec: Codec<In, Out>): Member<In, Out> {
  return { offset, codec };
}

interface Row extends FixedField {
  readonly codec: AnyCodec;
}

/** In the order of their offsets: what an older kernel leaves out is at the end. */
function rowsOf(name: string, size: number, members: Members): Row[] {
  return Object.entries(members).map(([key, { offset, codec }]) => {
    if (codec.size === undefined || offset + codec.size > size)
      throw new TypeError(`struct ${name}: ${key} does not fit`);
    return { key, offset, size: codec.size, read: codec.read, codec: codec as AnyCodec };
  });
}

/** Each codec appends; so a member is written at its place by taking the end back to it, and forth again. */
function writeMember(writer: Writer, row: Row, field: unknown, value: object, at: number): void {
  const end = writer.length;
  writer.length = at + row.offset;
  try {
    row.codec.write(writer, field, value, at);
  } catch (error) {
    throw error instanceof CodecError ? error.within(row.key) : error;
  } finally {
    writer.length = end;
  }
}

/**
 * A C struct. Members that are left out are written as 0; a reply that is shorter than the struct, as an older kernel
 * sends it, leaves the members beyond its end out; bytes beyond the struct are passed over.
 */
export function struct<M extends Members>(name: string, size: number, members: M): Struct<M> {
  const rows = rowsOf(name, size, members);
  const known = new Map(rows.map((row) => [row.key, row]));
  /** By the number of members that are there. */
  const readers: Reader[] = [];
  return {
    size,
    struct: { name, size, members },
    write(writer, given) {
      checkObject(given, '');
      const value = own(given);
      const at = writer.reserve(size);
      for (const key in value) {
        const row = known.get(key);
        const field = (value as Record<string, unknown>)[key];
        if (row === undefined) throw new CodecError(key, `is no member of struct ${name}`);
        if (field !== undefined) writeMember(writer, row, field, value, at);
      }
    },
    read(view, at, length) {
      let count = rows.length;
      while (count > 0 && rows[count - 1]!.offset + rows[count - 1]!.size > length) count--;
      return (readers[count] ??= reader(rows.slice(0, count), []))(view, at, NO_PLACES, 0) as StructOut<M>;
    },
  };
}

/** A struct as the header of a set of attributes: its members and the attributes share one object. */
export function header<M extends Members>(name: string, size: number, members: M): Header & { readonly members: M } {
  const rows = rowsOf(name, size, members);
  return {
    name,
    size,
    members,
    fields: rows,
    write(writer, value, at) {
      for (const row of rows) {
        const field = (value as Record<string, unknown>)[row.key];
        if (field !== undefined) writeMember(writer, row, field, value, at);
      }
    },
  };
}
