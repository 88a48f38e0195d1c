/** Inherits nothing: what is not there is undefined, whatever somebody has put into `Object.prototype`. */
class Own {}
Object.setPrototypeOf(Own.prototype, null);

const EMPTY = {};

function isClean(): boolean {
  for (const _ in EMPTY) return false;
  return true;
}

/** `value` with nothing but its own members; itself where it inherits none. */
export function own<T extends object>(value: T): T {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Own.prototype || prototype === null || (prototype === Object.prototype && isClean())) return value;
  return Object.assign(new Own() as T, value);
}

/** Deeper than any argument that makes sense: one that goes on is a circle. */
const DEEPEST = 16;

/**
 * A copy of an argument's own members, each read once, down to the objects and arrays inside: getters, proxies and later changes
 * have no part in what follows. Bytes are copied; what is of a class, such as a handle, is kept. What is no object is returned.
 */
export function snapshot<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  return (Array.isArray(value) || value instanceof Uint8Array ? copyOf(value, 0) : copyOfMembers(value, 0)) as T;
}

function copyOfMembers(value: object, depth: number): object {
  const copy = Object.assign(new Own(), value) as Record<string, unknown>;
  for (const key in copy) {
    const member = copy[key];
    if (typeof member === 'object' && member !== null) copy[key] = copyOf(member, depth + 1);
  }
  return copy;
}

function copyOf(value: object, depth: number): object {
  if (depth > DEEPEST) return value;
  if (Array.isArray(value)) return copyOfItems(value, depth);
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || prototype === Own.prototype
    ? copyOfMembers(value, depth)
    : value;
}

function copyOfItems(items: readonly unknown[], depth: number): unknown[] {
  return Array.from({ length: items.length }, (_, i) => {
    const item = items[i];
    return typeof item === 'object' && item !== null ? copyOf(item, depth + 1) : item;
  });
}
