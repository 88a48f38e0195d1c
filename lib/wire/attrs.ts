import { CodecError } from '../errors.js';
import { readBytes } from './text.js';
import { checkObject, show, type AnyCodec, type Codec, type InputOf, type OutputOf, type Step } from './codec.js';
import { own } from '../own.js';
import { Sequence, type FixedField, type FoundField } from './shape.js';
import { LITTLE_ENDIAN, type Writer } from './writer.js';

const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;
/** The kernel nests less deep; bytes that nest deeper are not worth a stack overflow. */
const MAX_DEPTH = 32;
let depth = 0;

/** Where the attributes of the objects being read are, two numbers each: a stack, as objects nest. */
const places = new Int32Array(8192);
let placed = 0;

/** One row of a table: an attribute's number and its codec. */
export interface Attr<in In, out Out> {
  readonly id: number;
  readonly codec: Codec<In, Out>;
  /** Another attribute for the same option, see `either`. */
  readonly second?: Second<In, Out> | undefined;
}

interface Second<in In, out Out> {
  readonly id: number;
  readonly codec: Codec<In, Out>;
  /** Whether a value goes into this attribute. */
  takes(value: In, siblings: object): boolean;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- rows have codecs of every type
export type Rows = Readonly<Record<string, Attr<any, any>>>;

/** An attribute that this table has no row for; kept as it came, and written as it is. */
export interface UnknownAttr {
  readonly type: number;
  readonly bytes: Uint8Array;
  /** The prefix of the nested table that it stands in, where that table's attributes are beside those around it: `'IFLA_INFO'`. */
  readonly within?: string | undefined;
}

/** What can be written: every attribute is optional, and `undefined` means that it is not sent. */
export type AttrsIn<T extends Rows> = { readonly [K in keyof T]?: InputOf<T[K]['codec']> | undefined } & {
  readonly unknown?: readonly UnknownAttr[] | undefined;
};
/** What has been read: an attribute that the kernel did not send is not there. */
export type AttrsOut<T extends Rows> = { readonly [K in keyof T]?: OutputOf<T[K]['codec']> } & {
  readonly unknown?: readonly UnknownAttr[];
};

/** The fixed part of a message before its attributes, `struct ifinfomsg` say. Its members share one object with them. */
export interface Header {
  /** The struct's name in C. */
  readonly name: string;
  readonly size: number;
  /** Fills in `size` bytes, already reserved, at `base`. */
  write(writer: Writer, value: object, base: number): void;
  /** The members that the result has. */
  readonly fields: readonly FixedField[];
}

export interface AttrSet<T extends Rows> {
  /** The kernel's prefix: `'IFLA_VXLAN'`. */
  readonly prefix: string;
  readonly rows: T;
  readonly header: Header | undefined;
  /** The number of the attribute that means nothing, see `attrSet`. */
  readonly pad: number | undefined;
  /** The name of the attribute with this number. */
  nameOf(id: number): string | undefined;
  /** The codec of the attribute with this number. */
  codecOf(id: number): AnyCodec | undefined;
  /** Appends the header and the attributes of `value` in the order of its keys. A key that is no attribute is an error. */
  write(writer: Writer, value: AttrsIn<T>): void;
  read(view: DataView, at: number, end: number): AttrsOut<T>;
  /** Only those attributes of `value` that are in the set; for sets that are spread into their parent. */
  writePart(writer: Writer, value: AttrsIn<T>): void;
  /** Assigns the attributes read to `out`, beside what it has; unknown ones are noted as being `within` this set, if that is said. */
  readInto(out: object, view: DataView, at: number, end: number, base: number, within?: string): void;
  has(key: string): boolean;
}

export function attr<In, Out>(id: number, codec: Codec<In, Out>): Attr<In, Out> {
  return { id, codec };
}

/**
 * One option for which the kernel has two attributes: a value goes into the first unless `takesSecond`, and whichever
 * the kernel sends is read as this option.
 */
export function either<In, Out>(
  first: Attr<In, Out>,
  second: Attr<In, Out>,
  takesSecond: (value: In, siblings: object) => boolean,
): Attr<In, Out> {
  return { ...first, second: { ...second, takes: takesSecond } };
}

interface Row {
  readonly name: string;
  readonly id: number;
  readonly type: number;
  readonly codec: AnyCodec;
  /** The table whose attributes appear beside this one's siblings. */
  readonly spread: Table<Rows> | undefined;
  /** The codec assigns what it reads itself. */
  readonly merges: boolean;
  /** Written once, from the whole object, whichever of its fields are there. */
  readonly whole: boolean;
  readonly field: FoundField;
  /** A number that tells the attribute apart in sequences; those of a spread table follow its own. */
  readonly slot: number;
  /** The option's other attribute, written instead when it takes the value. */
  readonly second: (Row & Second<unknown, unknown>) | undefined;
}

/** A codec whose attributes belong to the object around it, as IFLA_LINKINFO's belong to the link. */
interface SpreadCodec<T extends Rows> extends Codec<AttrsIn<T>, AttrsOut<T>> {
  readonly spread: AttrSet<T>;
}

/** A codec that puts what it reads into its siblings itself. */
interface MergeCodec<In, Out> extends Codec<In, Out> {
  readonly merges: true;
  readonly keys?: readonly string[] | undefined;
}

/** What a table looks its attributes up in. */
class Index {
  readonly byName = new Map<string, Row>();
  readonly byId: (Row | undefined)[] = [];
  readonly headerKeys: ReadonlySet<string>;
  readonly start: Sequence;
  /** How many slots the attributes take up. */
  readonly slots: number;

  constructor(prefix: string, rows: Rows, header: Header | undefined) {
    const fixed = header?.fields ?? [];
    this.headerKeys = new Set(fixed.map(({ key }) => key));
    this.start = new Sequence(fixed);
    let slots = 0;
    for (const [name, { id, codec, second }] of Object.entries(rows)) {
      const spread = 'spread' in codec ? ((codec as SpreadCodec<Rows>).spread as Table<Rows>) : undefined;
      const merges = spread !== undefined || 'merges' in codec;
      const keys =
        spread === undefined ? (codec as Partial<MergeCodec<unknown, unknown>>).keys : Object.keys(spread.rows);
      const whole = keys !== undefined;
      const type = id | (codec.typeFlags ?? 0);
      const field = fieldOf(name, codec);
      const first = { name, id, type, codec, spread, merges, whole, field, slot: slots, second: undefined };
      slots += spread === undefined ? 1 : spread.index.slots;
      const row: Row =
        second === undefined ? first : { ...first, second: { ...first, ...second, ...variant(name, second, slots++) } };
      this.#number(prefix, row);
      if (row.second !== undefined) this.#number(prefix, row.second);
      for (const key of keys ?? [name]) {
        // A field may be half in the header and half in an attribute, but not in two of either.
        if (whole && spread === undefined ? this.byName.has(key) : this.has(key))
          throw new TypeError(`${prefix}: two attributes named ${key}`);
        this.byName.set(key, row);
      }
    }
    this.slots = slots;
  }

  #number(prefix: string, row: Row): void {
    const { id, name } = row;
    if (this.byId[id] !== undefined) throw new TypeError(`${prefix}: ${name} and ${this.byId[id].name} are both ${id}`);
    while (this.byId.length < id) this.byId.push(undefined);
    this.byId[id] = row;
  }

  has(key: string): boolean {
    return this.byName.has(key) || this.headerKeys.has(key);
  }
}

class Table<T extends Rows> implements AttrSet<T> {
  readonly prefix: string;
  readonly header: Header | undefined;
  readonly pad: number | undefined;
  readonly #make: () => T;
  #rows: T | undefined;
  #index: Index | undefined;

  constructor(prefix: string, make: () => T, header: Header | undefined, pad: number | undefined) {
    this.prefix = prefix;
    this.header = header;
    this.pad = pad;
    this.#make = make;
  }

  get rows(): T {
    return (this.#rows ??= this.#make());
  }

  get index(): Index {
    return (this.#index ??= new Index(this.prefix, this.rows, this.header));
  }

  nameOf(id: number): string | undefined {
    return this.index.byId[id]?.name;
  }

  codecOf(id: number): AnyCodec | undefined {
    return this.index.byId[id]?.codec;
  }

  has(key: string): boolean {
    return this.index.has(key);
  }

  write(writer: Writer, given: AttrsIn<T>): void {
    checkObject(given, '');
    const value = own(given);
    this.#writeRows(writer, value, this.#writeHeader(writer, value), true);
    if (value.unknown !== undefined) this.#writeUnknown(writer, value.unknown);
  }

  writePart(writer: Writer, value: AttrsIn<T>): void {
    this.#writeRows(writer, value, this.#writeHeader(writer, value), false);
    if (value.unknown !== undefined) this.#writeUnknown(writer, value.unknown, this.prefix);
  }

  #writeHeader(writer: Writer, value: object): number {
    if (this.header === undefined) return writer.length;
    const base = writer.reserve((this.header.size + 3) & ~3);
    this.header.write(writer, value, base);
    return base;
  }

  /** With `isAll`, `value` has nothing that belongs to another table. */
  #writeRows(writer: Writer, value: object, base: number, isAll: boolean): void {
    const { byName, headerKeys } = this.index;
    let written: Row[] | undefined;
    for (const key in value) {
      const row = byName.get(key);
      const field = (value as Record<string, unknown>)[key];
      if (field === undefined) continue;
      if (row === undefined) {
        if (!isAll || headerKeys.has(key)) continue;
        if (key !== 'unknown') throw CodecError.noSuchOption(key, [...byName.keys(), ...headerKeys]);
        for (const spread of this.#spreadAround(field as readonly UnknownAttr[]))
          written = this.#writeWhole(writer, spread, value, base, written);
      } else if (row.whole) {
        written = this.#writeWhole(writer, row, value, base, written);
      } else {
        this.#writeRow(writer, row.second?.takes(field, value) === true ? row.second : row, field, value, base);
      }
    }
  }

  /** Once, whichever of its fields come; returns what has been written so. */
  #writeWhole(writer: Writer, row: Row, value: object, base: number, written: Row[] = []): Row[] {
    if (!written.includes(row)) {
      written.push(row);
      this.#writeRow(writer, row, value, value, base);
    }
    return written;
  }

  #writeRow(writer: Writer, row: Row, field: unknown, siblings: object, base: number): void {
    try {
      if (row.codec.omit?.(field) === true) return;
      const at = writer.beginAttr(row.type);
      row.codec.write(writer, field, siblings, base);
      writer.endAttr(at);
    } catch (error) {
      throw error instanceof CodecError && !row.whole ? error.within(row.name) : error;
    }
  }

  /** The attributes that are nested tables which some of `unknown` are within. */
  #spreadAround(unknown: readonly UnknownAttr[]): Row[] {
    checkUnknown(unknown);
    const around: Row[] = [];
    for (const [index, entry] of (unknown as readonly (UnknownAttr | undefined | null)[]).entries()) {
      const within = entry?.within;
      if (within === undefined) continue;
      const row = this.index.byId.find((each) => each?.spread?.prefix === within);
      if (row === undefined) throw new CodecError(`unknown[${index}].within`, `${show(within)} is not spread here`);
      around.push(row);
    }
    return around;
  }

  /** Those that are within the table with this prefix, without one those that are in no other. */
  #writeUnknown(writer: Writer, unknown: readonly UnknownAttr[], prefix?: string): void {
    checkUnknown(unknown);
    for (const [index, entry] of (unknown as readonly (UnknownAttr | undefined | null)[]).entries()) {
      const { type = -1, bytes, within } = entry ?? {};
      if (within !== prefix) continue;
      if (!Number.isInteger(type) || type < 0 || type > 0xffff || !(bytes instanceof Uint8Array)) {
        throw new CodecError(`unknown[${index}]`, 'takes { type: a 16-bit number, bytes: a Uint8Array }');
      }
      const at = writer.beginAttr(type);
      writer.append(bytes);
      writer.endAttr(at);
    }
  }

  read(view: DataView, at: number, end: number): AttrsOut<T> {
    const { header } = this;
    const base = at;
    if (header !== undefined) {
      if (end - at < header.size)
        throw new CodecError('', `${end - at} bytes are less than the ${header.size} of the header`);
      at += (header.size + 3) & ~3;
    }
    const first = placed;
    const sequence = this.#follow(this.index.start, 0, first, view, at, end);
    if (sequence === undefined) {
      const out = this.index.start.read(view, base, places, first);
      this.readInto(out, view, at, end, base);
      return out;
    }
    enter();
    placed = first + 2 * sequence.length;
    try {
      return sequence.read(view, base, places, first);
    } finally {
      placed = first;
      depth--;
    }
  }

  /**
   * The sequence of the attributes from `at` to `end`, with their places put down from `first` on; if there can be one:
   * undefined for what is malformed, unknown or assigned by its codec, and for more than there is room for.
   */
  #follow(
    sequence: Sequence,
    slot: number,
    first: number,
    view: DataView,
    at: number,
    end: number,
  ): Sequence | undefined {
    const { byId } = this.index;
    while (end - at >= 4) {
      const size = view.getUint16(at, LITTLE_ENDIAN);
      const id = view.getUint16(at + 2, LITTLE_ENDIAN) & NLA_TYPE_MASK;
      const row = byId[id];
      if (size < 4 || size > end - at || (row === undefined && id !== this.pad)) return undefined;
      let next: Sequence | undefined;
      if (row === undefined) {
        // Padding has no place in the object.
        next = sequence;
      } else if (row.spread !== undefined) {
        next = row.spread.#follow(sequence, slot + row.slot, first, view, at + 4, at + size);
      } else if (!row.merges) {
        const place = first + 2 * sequence.length;
        if (place + 2 > places.length) return undefined;
        places[place] = at + 4;
        places[place + 1] = size - 4;
        next = sequence.then(slot + row.slot, row.field);
      }
      if (next === undefined) return undefined;
      sequence = next;
      at += (size + 3) & ~3;
    }
    return sequence;
  }

  readInto(out: object, view: DataView, at: number, end: number, base: number, within?: string): void {
    const fields = out as Record<string, unknown>;
    const { byId } = this.index;
    enter();
    try {
      while (end - at >= 4) {
        const size = view.getUint16(at, LITTLE_ENDIAN);
        if (size < 4 || size > end - at)
          throw new CodecError('', `an attribute of ${size} bytes where ${end - at} are left`);
        const type = view.getUint16(at + 2, LITTLE_ENDIAN);
        const row = byId[type & NLA_TYPE_MASK];
        if (row === undefined) {
          if ((type & NLA_TYPE_MASK) !== this.pad)
            ((fields['unknown'] ??= []) as UnknownAttr[]).push(
              within === undefined
                ? { type, bytes: readBytes(view, at + 4, size - 4) }
                : { type, bytes: readBytes(view, at + 4, size - 4), within },
            );
        } else {
          const value = readRow(row, view, at + 4, size - 4, out, base);
          if (!row.merges) fields[row.name] = value;
        }
        at += (size + 3) & ~3;
      }
    } finally {
      depth--;
    }
  }
}

function checkUnknown(unknown: unknown): void {
  if (!Array.isArray(unknown)) throw new CodecError('unknown', `takes an array, not ${show(unknown)}`);
}

function fieldOf(key: string, { read, decidedBy }: AnyCodec): FoundField {
  return { key, read, decidedBy };
}

/** What an option's second attribute has of its own. */
function variant(
  name: string,
  { id, codec }: Second<unknown, unknown>,
  slot: number,
): Pick<Row, 'type' | 'field' | 'slot'> {
  return { type: id | (codec.typeFlags ?? 0), field: fieldOf(name, codec), slot };
}

function readRow(row: Row, view: DataView, at: number, length: number, siblings: object, base: number): unknown {
  try {
    return row.codec.read(view, at, length, siblings, base);
  } catch (error) {
    throw error instanceof CodecError && !row.whole ? error.within(row.name) : error;
  }
}

function enter(): void {
  if (depth === MAX_DEPTH) throw new CodecError('', `attributes are nested more than ${MAX_DEPTH} deep`);
  depth++;
}

/**
 * A table of attributes, in the order in which the documentation shows them. Numbers must differ. `pad` is the number of
 * the empty attribute that kernels put before 64-bit ones on machines that need them aligned (IFLA_BR_PAD). The rows are
 * made when the table is first used: no program uses all tables, and they would be a quarter of what loading takes.
 */
export function attrSet<const T extends Rows>(
  prefix: string,
  rows: () => T,
  header?: Header,
  pad?: number,
): AttrSet<T> {
  return new Table(prefix, rows, header, pad);
}

/** Attributes inside an attribute. */
export function nest<T extends Rows>(set: AttrSet<T>): Codec<AttrsIn<T>, AttrsOut<T>> {
  return {
    typeFlags: NLA_F_NESTED,
    write: (writer, value) => set.write(writer, value),
    read: (view, at, length) => set.read(view, at, at + length),
    step: (_view, at, length) => ({ label: '', set, at, end: at + length }),
    inner: () => [set],
  };
}

/** Attributes inside an attribute that the user sees beside the outer ones: the nesting says nothing. */
export function spread<T extends Rows>(set: AttrSet<T>): Codec<AttrsIn<T>, AttrsOut<T>> {
  const codec: SpreadCodec<T> = {
    spread: set,
    typeFlags: NLA_F_NESTED,
    write: (writer, value) => set.writePart(writer, value),
    read(view, at, length, siblings) {
      set.readInto(siblings, view, at, at + length, at, set.prefix);
      return siblings;
    },
    step: (_view, at, length) => ({ label: '', set, at, end: at + length }),
    inner: () => [set],
  };
  return codec;
}

/**
 * A codec that assigns to its siblings what it reads, instead of to a field of its own. With `keys` it also writes
 * those fields of its siblings: its value is the object around it.
 */
export function merging<In, Out>(codec: Codec<In, Out>, keys?: readonly string[]): Codec<In, Out> {
  const merge: MergeCodec<In, Out> = { ...codec, merges: true, keys };
  return merge;
}

/** The attributes inside depend on a sibling, as IFLA_INFO_DATA's depend on IFLA_INFO_KIND. */
export function selected<In, Out>(sets: () => Readonly<Record<string, AttrSet<Rows>>>, key: string): Codec<In, Out> {
  const choose = (siblings: object): [string | undefined, AttrSet<Rows> | undefined] => {
    const kind = (siblings as Record<string, unknown>)[key] as string | undefined;
    const all = sets();
    return [kind, kind !== undefined && Object.hasOwn(all, kind) ? all[kind] : undefined];
  };
  return {
    typeFlags: NLA_F_NESTED,
    decidedBy: key,
    write(writer, value, siblings) {
      const [kind, set] = choose(siblings);
      if (value instanceof Uint8Array) writer.append(value);
      else if (set !== undefined) labelled(kind, () => set.write(writer, value as AttrsIn<Rows>));
      else if (kind === undefined) throw new CodecError('', `needs ${key}, which says what it consists of`);
      else
        throw new CodecError(
          '',
          `the attributes of ${key} ${show(kind)} are not known here: pass them as a Uint8Array`,
        );
    },
    read(view, at, length, siblings) {
      const [kind, set] = choose(siblings);
      if (set === undefined) return readBytes(view, at, length) as Out;
      return labelled(kind, () => set.read(view, at, at + length)) as Out;
    },
    step(_view, at, length, _offset, siblings): Step | undefined {
      const [kind, set] = choose(siblings);
      return set === undefined ? undefined : { label: `(${kind})`, set, at, end: at + length };
    },
    inner: () => Object.values(sets()),
  };
}

function labelled<T>(kind: string | undefined, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw error instanceof CodecError ? error.within(`(${kind})`) : error;
  }
}

/** An array, each element an attribute; the kernel looks at `type` (1 unless said) or at none. */
export function list<In, Out>(element: Codec<In, Out>, type = 1): Codec<readonly In[], readonly Out[]> {
  const elementType = type | (element.typeFlags ?? 0);
  return {
    typeFlags: NLA_F_NESTED,
    write(writer, value, siblings, base) {
      if (!Array.isArray(value)) throw new CodecError('', `takes an array, not ${show(value)}`);
      for (const [index, item] of (value as readonly In[]).entries()) {
        try {
          const at = writer.beginAttr(elementType);
          element.write(writer, item, siblings, base);
          writer.endAttr(at);
        } catch (error) {
          throw error instanceof CodecError ? error.within(`[${index}]`) : error;
        }
      }
    },
    read(view, at, length, siblings, base) {
      const out: Out[] = [];
      const end = at + length;
      while (end - at >= 4) {
        const size = view.getUint16(at, LITTLE_ENDIAN);
        if (size < 4 || size > end - at)
          throw new CodecError(`[${out.length}]`, `${size} bytes where ${end - at} are left`);
        try {
          out.push(element.read(view, at + 4, size - 4, siblings, base));
        } catch (error) {
          throw error instanceof CodecError ? error.within(`[${out.length}]`) : error;
        }
        at += (size + 3) & ~3;
      }
      return out;
    },
    step(view, at, length, offset, siblings) {
      const end = at + length;
      if (offset < at) return undefined;
      for (let index = 0; end - at >= 4; index++) {
        const size = view.getUint16(at, LITTLE_ENDIAN);
        if (size < 4 || size > end - at) return undefined;
        if (offset < at + size) {
          const inner = element.step?.(view, at + 4, size - 4, offset, siblings);
          return inner === undefined ? undefined : { ...inner, label: `[${index}]${inner.label}` };
        }
        at += (size + 3) & ~3;
      }
      return undefined;
    },
    inner: element.inner,
    parts: [element],
  };
}
