import { ArgumentError } from './errors.js';
import { show } from './wire/codec.js';
import { snapshot } from './own.js';
import { noSuchOption } from './wire/suggestion.js';

/**
 * Refuses what is no object, and options that there are not; `argument` is what the error calls it. Returns the options: each was
 * read once, and what the object inherits is none of them.
 */
export function checkKeys<T extends object>(argument: string, value: T, known: readonly string[]): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ArgumentError(argument, `takes { ${known.join(', ')} }, not ${show(value)}`);
  const options = snapshot(value);
  for (const key in options) if (!known.includes(key)) throw noSuchKey(argument, key, known);
  return options;
}

export function noSuchKey(argument: string, key: string, known: readonly string[]): ArgumentError {
  const reason = noSuchOption(key, known);
  return new ArgumentError(
    `${argument}.${key}`,
    reason.endsWith('?') ? reason : `${reason}; there are ${known.join(', ')}`,
  );
}

export function checkInteger(argument: string, value: unknown, least: number, most: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
    throw new ArgumentError(argument, `takes an integer from ${least} to ${most}, not ${show(value)}`);
  return value;
}

/** The number of an open file: an `int` in the kernel, where a greater one would be another file's. */
export function isDescriptor(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0x7fffffff;
}

/** `of`: what it has to be of. */
export function checkDescriptor(argument: string, value: unknown, of: string): number {
  if (!isDescriptor(value)) throw new ArgumentError(argument, `takes a descriptor ${of}, not ${show(value)}`);
  return value;
}

export function checkPid(argument: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value <= 0 || value > 0x7fffffff)
    throw new ArgumentError(argument, `takes the pid of a process, not ${show(value)}`);
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
