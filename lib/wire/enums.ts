import { CodecError } from '../errors.js';
import { readAs, show, type Codec } from './codec.js';

/** One of the kernel's named values. A number that has no name here is read as the number, and may be written as one. */
export function enumeration<Name extends string>(
  plain: Codec<number>,
  values: Readonly<Record<Name, number>>,
): Codec<Name | number> {
  const byName = new Map<unknown, number>(Object.entries<number>(values));
  // An array where the numbers are small, which is nearly always: half the time of a Map.
  const byValue: (Name | undefined)[] = [];
  const beyond = new Map<number, Name>();
  for (const [name, value] of Object.entries(values) as [Name, number][]) {
    if (value >= 0 && value < 256) byValue[value] ??= name;
    else if (!beyond.has(value)) beyond.set(value, name);
  }
  return {
    size: plain.size,
    names: values,
    write(writer, value, siblings, base) {
      const number = typeof value === 'number' ? value : byName.get(value);
      if (number === undefined)
        throw new CodecError('', `takes ${oneOf(byName.keys())} or a number, not ${show(value)}`);
      plain.write(writer, number, siblings, base);
    },
    read: readAs(plain.read, (value) => byValue[value] ?? beyond.get(value) ?? value),
  };
}

/** A value of an enumeration as it is read, to compare what was read with. `path` is where an error says that it is. */
export function asRead<Name extends string>(
  { names = {} }: Codec<Name | number>,
  value: Name | number,
  path: string,
): Name | number {
  if (typeof value === 'number') return (Object.keys(names) as Name[]).find((name) => names[name] === value) ?? value;
  if (!Object.hasOwn(names, value))
    throw new CodecError(path, `takes ${oneOf(Object.keys(names))} or a number, not ${show(value)}`);
  return value;
}

function oneOf(names: Iterable<unknown>): string {
  return [...names].map((name) => `'${String(name)}'`).join(', ');
}

/** Names of the bits that are set; a bit without a name appears as its value. */
export type FlagList<Name extends string> = readonly (Name | number)[];

/** Who may set flags chooses combinations; the others are made anew each time. */
const MOST_LISTS = 256;

const NONE: readonly never[] = Object.freeze([]);

/** The bits of a number and their names. */
export class Bits<Name extends string> {
  readonly names: Readonly<Record<Name, number>>;
  readonly #byName: Map<unknown, number>;
  readonly #entries: readonly [Name, number][];
  /** Few combinations occur, and dumps repeat them: each list is made once and shared. */
  readonly #lists = new Map<number, FlagList<Name>>();

  constructor(bits: Readonly<Record<Name, number>>) {
    this.names = bits;
    this.#entries = Object.entries(bits) as [Name, number][];
    this.#byName = new Map(this.#entries);
  }

  list(value: number): FlagList<Name> {
    if (value === 0) return NONE;
    let list = this.#lists.get(value);
    if (list === undefined) {
      list = this.#make(value);
      if (this.#lists.size < MOST_LISTS) this.#lists.set(value, list);
    }
    return list;
  }

  #make(value: number): FlagList<Name> {
    const list: (Name | number)[] = [];
    let rest = value;
    for (const [name, bit] of this.#entries) {
      if ((value & bit) >>> 0 === bit >>> 0) {
        list.push(name);
        rest &= ~bit;
      }
    }
    for (let bit = 0; bit < 32; bit++) if (((rest >>> bit) & 1) === 1) list.push((1 << bit) >>> 0);
    return Object.freeze(list);
  }

  /** `path` is where an error says that it is, where no codec does. */
  bit(name: unknown, path = ''): number {
    const bit = typeof name === 'number' ? name : this.#byName.get(name);
    if (bit === undefined || !Number.isInteger(bit) || bit < 0 || bit > 0xffffffff) {
      throw new CodecError(path, `takes ${oneOf(this.#byName.keys())}, not ${show(name)}`);
    }
    return bit;
  }

  value(list: unknown, path = ''): number {
    if (!Array.isArray(list)) throw new CodecError(path, `takes an array of flag names, not ${show(list)}`);
    let value = 0;
    for (const name of list) value |= this.bit(name, path);
    return value >>> 0;
  }
}

/**
 * A number of which each bit has a name: read and written as the list of the names that are set. The bits of `state` are
 * only reported: they are passed over when they are written.
 */
export function flagList<Name extends string>(
  plain: Codec<number>,
  bits: Readonly<Record<Name, number>>,
  state = 0,
): Codec<FlagList<Name>> {
  const names = new Bits(bits);
  return {
    size: plain.size,
    names: bits,
    write: (writer, value, siblings, base) => plain.write(writer, (names.value(value) & ~state) >>> 0, siblings, base),
    read: readAs(plain.read, (value) => names.list(value)),
  };
}
