/**
 * Objects with the same keys in the same order, made from a list of values.
 *
 * A dump has thousands of objects of few shapes. Adding the keys one after the other, `object[key] = value`, takes 10 to
 * 20 times as long as an object literal, and beyond a dozen keys leaves a slow dictionary behind; so each shape gets a
 * function with a literal, compiled once. The keys are those of this library's tables, never a user's or the kernel's.
 */
export type Factory = (values: readonly unknown[]) => object;

export function factory(keys: readonly string[]): Factory {
  try {
    const members = keys.map((key, index) => `${JSON.stringify(key)}: v[${index}]`);
    // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call
    return new Function(`return function (v) { return { ${members.join(', ')} }; }`)() as Factory;
  } catch {
    // node --disallow-code-generation-from-strings: slower, the same objects.
    return (values) => fromKeys(keys, values);
  }
}

export function fromKeys(keys: readonly string[], values: readonly unknown[]): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (let i = 0; i < keys.length; i++) object[keys[i]!] = values[i];
  return object;
}

/** A place in the tree of the sequences of attributes met so far. */
export class Sequence {
  readonly keys: readonly string[];
  readonly #next: (Sequence | undefined)[] = [];
  #make: Factory | undefined;

  constructor(keys: readonly string[]) {
    this.keys = keys;
  }

  /** Where one more attribute leads. `slot` tells the attributes of a table apart. */
  then(slot: number, key: string): Sequence {
    return (this.#next[slot] ??= new Sequence([...this.keys, key]));
  }

  make(values: readonly unknown[]): object {
    return (this.#make ??= factory(this.keys))(values);
  }
}
