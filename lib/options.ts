import { ArgumentError } from './errors.js';
import { show } from './wire/codec.js';

/** Refuses what is no object, and options that there are not; `argument` is what the error calls it. */
export function checkKeys(argument: string, value: object, known: readonly string[]): void {
  if (typeof value !== 'object' || value === null) throw new ArgumentError(argument, `takes { ${known.join(', ')} }`);
  for (const key in value) {
    if (!known.includes(key))
      throw new ArgumentError(`${argument}.${key}`, `there is no such option; there are ${known.join(', ')}`);
  }
}

export function checkInteger(argument: string, value: unknown, least: number, most: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
    throw new ArgumentError(argument, `takes an integer from ${least} to ${most}, not ${show(value)}`);
  return value;
}

/** A path from the root folder. What is relative depends on the thread, and what takes these is done by others than the caller's. */
export function checkPath(argument: string, path: unknown): string {
  if (typeof path !== 'string' || !path.startsWith('/') || path.includes('\0'))
    throw new ArgumentError(argument, `takes an absolute path without NUL, not ${show(path)}`);
  return path;
}
