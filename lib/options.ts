import { ArgumentError } from './errors.js';
import { show } from './wire/codec.js';
import { snapshot } from './own.js';

/**
 * Refuses what is no object, and options that there are not; `argument` is what the error calls it. Returns the options: each was
 * read once, and what the object inherits is none of them.
 */
export function checkKeys<T extends object>(argument: string, value: T, known: readonly string[]): T {
  if (typeof value !== 'object' || value === null) throw new ArgumentError(argument, `takes { ${known.join(', ')} }`);
  const options = snapshot(value);
  for (const key in options) {
    if (!known.includes(key))
      throw new ArgumentError(`${argument}.${key}`, `there is no such option; there are ${known.join(', ')}`);
  }
  return options;
}

export function checkInteger(argument: string, value: unknown, least: number, most: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
    throw new ArgumentError(argument, `takes an integer from ${least} to ${most}, not ${show(value)}`);
  return value;
}

export function checkSwitch(argument: string, value: unknown): boolean {
  if (value !== undefined && typeof value !== 'boolean')
    throw new ArgumentError(argument, `takes true or false, not ${show(value)}`);
  return value ?? false;
}

export function checkSignal(argument: string, signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new ArgumentError(argument, 'takes an AbortSignal');
}

/** When to give up. */
export function checkLimits(argument: string, { signal, timeout }: { signal?: unknown; timeout?: unknown }): void {
  checkSignal(`${argument}.signal`, signal);
  // Milliseconds: no timer takes more.
  if (timeout !== undefined) checkInteger(`${argument}.timeout`, timeout, 1, 0x7fffffff);
}

/** A path from the root folder. What is relative depends on the thread, and what takes these is done by others than the caller's. */
export function checkPath(argument: string, path: unknown): string {
  if (typeof path !== 'string' || !path.startsWith('/') || path.includes('\0'))
    throw new ArgumentError(argument, `takes an absolute path without NUL, not ${show(path)}`);
  return path;
}
