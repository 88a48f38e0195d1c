import { CodecError } from '../errors.js';
import type { Inline, Read } from './codec.js';

/**
 * Functions that read all fields of an object at once, each compiled for one sequence of fields.
 *
 * A dump has thousands of messages of few shapes. An object literal is made 10 to 20 times as fast as the same object key by
 * key, which beyond a dozen keys is a slow dictionary besides; and a call that stands in a function of its own is always of
 * the same codec, so that the engine can inline it. What is compiled are the keys of this library's tables and numbers,
 * never anything of a user's or the kernel's.
 */
export type Reader = (view: DataView, base: number, places: Int32Array, first: number) => object;

/** A field at a fixed distance from `base`. */
export interface FixedField {
  readonly key: string;
  readonly offset: number;
  readonly size: number;
  readonly read: Read<unknown>;
}

/** A field in an attribute. Where that begins, and its length, are in `places`, two numbers a field, from `first` on. */
export interface FoundField {
  readonly key: string;
  readonly read: Read<unknown>;
  /** The key of the field that says how to read this one. */
  readonly decidedBy: string | undefined;
}

const NO_SIBLINGS = Object.freeze({});
export const NO_PLACES = new Int32Array(0);

export function reader(fixed: readonly FixedField[], found: readonly FoundField[]): Reader {
  try {
    return compiled(fixed, found);
  } catch {
    // node --disallow-code-generation-from-strings: slower, the same objects.
    return interpreted(fixed, found);
  }
}

function compiled(fixed: readonly FixedField[], found: readonly FoundField[]): Reader {
  const captured: string[] = [];
  const capture = (name: string, path: string, { inline }: Read<unknown>) => {
    captured.push(`${name} = ${path}.read`);
    inline?.steps.forEach((_, i) => captured.push(`${name}_${i} = ${path}.read.inline.steps[${i}]`));
  };
  const expression = (name: string, { number, steps }: Inline, at: string) =>
    steps.reduce((value, _, i) => `${name}_${i}(${value})`, number(at));
  const decided = new Map<number, number>();
  found.forEach((_, i) => {
    const by = deciding(found, i);
    if (by >= 0) decided.set(i, by);
  });
  const deciders = new Set(decided.values());
  const read = (i: number): string => {
    const by = decided.get(i);
    const siblings = by === undefined ? 'none' : `{ ${JSON.stringify(found[by]!.key)}: value${by} }`;
    const at = `places[first + ${2 * i}]`;
    const length = `places[first + ${2 * i + 1}]`;
    const call = `found${i}(view, ${at}, ${length}, ${siblings}, base)`;
    const { inline } = found[i]!.read;
    // The call is what says that there are too few bytes.
    const value =
      inline === undefined ? call : `${length} < ${inline.size} ? ${call} : ${expression(`found${i}`, inline, at)}`;
    return `(field = ${i}, ${value})`;
  };
  const first = [...deciders].map((i) => `const value${i} = ${read(i)};`);
  const members: string[] = [];
  fixed.forEach(({ key, offset, size, read: way }, i) => {
    capture(`fixed${i}`, `fixed[${i}]`, way);
    const { inline } = way;
    const at = `base + ${offset}`;
    const value =
      inline === undefined ? `fixed${i}(view, ${at}, ${size}, none, base)` : expression(`fixed${i}`, inline, at);
    members.push(`${JSON.stringify(key)}: ${value}`);
  });
  found.forEach(({ key, read: way }, i) => {
    capture(`found${i}`, `found[${i}]`, way);
    members.push(`${JSON.stringify(key)}: ${deciders.has(i) ? `value${i}` : read(i)}`);
  });
  const body = `
    ${captured.map((one) => `const ${one};`).join('\n')}
    return (view, base, places, first) => {
      let field = -1;
      try {
        ${first.join('\n')}
        return { ${members.join(',\n')} };
      } catch (error) {
        throw located(error, field);
      }
    };`;
  const located = (error: unknown, field: number) => within(error, found[field]?.key);
  // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call
  return new Function('fixed', 'found', 'none', 'located', body)(fixed, found, NO_SIBLINGS, located) as Reader;
}

function interpreted(fixed: readonly FixedField[], found: readonly FoundField[]): Reader {
  return (view, base, places, first) => {
    const object: Record<string, unknown> = {};
    for (const { key, offset, size, read } of fixed) object[key] = read(view, base + offset, size, NO_SIBLINGS, base);
    for (const [i, { key, read }] of found.entries()) {
      try {
        object[key] = read(view, places[first + 2 * i]!, places[first + 2 * i + 1]!, object, base);
      } catch (error) {
        throw within(error, key);
      }
    }
    return object;
  };
}

/** The index of the field that says how to read the one at `index`, or -1: the last one of that name before it. */
function deciding(found: readonly FoundField[], index: number): number {
  const { decidedBy } = found[index]!;
  for (let i = index - 1; i >= 0 && decidedBy !== undefined; i--) if (found[i]!.key === decidedBy) return i;
  return -1;
}

function within(error: unknown, key: string | undefined): unknown {
  return error instanceof CodecError && key !== undefined ? error.within(key) : error;
}

/** The bytes that what is remembered of sequences may take, in all tables together: whoever may add routes, say, chooses sequences. */
const MOST_BYTES = 2 * 1024 * 1024;
/** What a place in the tree takes, and what a compiled reader does beside and for each field: more than was measured. */
const PLACE_BYTES = 256;
const READER_BYTES = 3072;
const FIELD_BYTES = 512;
/**
 * How often a sequence is met before it is compiled, which takes as long as reading hundreds of objects. Where there are so many
 * sequences that they have to be forgotten, it has to be met more often from then on.
 */
let often = 8;
const MOST_OFTEN = 4096;
/** Longer ones are not compiled. */
const LONGEST_COMPILED = 128;

/** The trees' roots, of one table each. */
const roots: Sequence[] = [];
let remembered = 0;

/** Makes room: what is met again is remembered again. */
function remember(bytes: number): void {
  remembered += bytes;
  if (remembered <= MOST_BYTES) return;
  remembered = bytes;
  often = Math.min(4 * often, MOST_OFTEN);
  for (const root of roots) root.forget();
}

/** A place in the tree of the sequences of attributes met so far. */
export class Sequence {
  /** How many attributes led here. */
  readonly length: number;
  readonly #fixed: readonly FixedField[];
  readonly #parent: Sequence | undefined;
  readonly #field: FoundField | undefined;
  #next: (Sequence | undefined)[] = [];
  #reader: Reader | undefined;
  #met = 0;

  constructor(fixed: readonly FixedField[], parent?: Sequence, field?: FoundField) {
    this.length = parent === undefined ? 0 : parent.length + 1;
    this.#fixed = fixed;
    this.#parent = parent;
    this.#field = field;
    if (parent === undefined) roots.push(this);
  }

  /** Where one more attribute leads. `slot` tells the attributes of a table apart. */
  then(slot: number, field: FoundField): Sequence {
    return this.#next[slot] ?? this.#grow(slot, field);
  }

  #grow(slot: number, field: FoundField): Sequence {
    remember(PLACE_BYTES + 8 * Math.max(0, slot + 1 - this.#next.length));
    return (this.#next[slot] = new Sequence(this.#fixed, this, field));
  }

  forget(): void {
    this.#next = [];
    this.#reader = undefined;
    this.#met = 0;
  }

  /** Reads all fields of an object at once. */
  read(view: DataView, base: number, places: Int32Array, first: number): object {
    const read = this.#reader;
    return read === undefined ? this.#meet(view, base, places, first) : read(view, base, places, first);
  }

  #meet(view: DataView, base: number, places: Int32Array, first: number): object {
    const found = this.#fields();
    if (++this.#met < often || this.length > LONGEST_COMPILED)
      return interpreted(this.#fixed, found)(view, base, places, first);
    remember(READER_BYTES + FIELD_BYTES * (this.#fixed.length + this.length));
    this.#reader = reader(this.#fixed, found);
    return this.#reader(view, base, places, first);
  }

  #fields(): FoundField[] {
    const found = this.#field === undefined ? [] : [this.#field];
    for (let at = this.#parent; at !== undefined && at.length > 0; at = at.#parent) found.push(at.#field!);
    return found.reverse();
  }
}
