import { ArgumentError } from './errors.js';

/** Refuses what is no object, and options that there are not; `argument` is what the error calls it. */
export function checkKeys(argument: string, value: object, known: readonly string[]): void {
  if (typeof value !== 'object' || value === null) throw new ArgumentError(argument, `takes { ${known.join(', ')} }`);
  for (const key in value) {
    if (!known.includes(key))
      throw new ArgumentError(`${argument}.${key}`, `there is no such option; there are ${known.join(', ')}`);
  }
}
