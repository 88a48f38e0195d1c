import { constants } from 'node:os';
import { ArgumentError } from '../errors.js';

const names = new Map(
  Object.entries(constants.signals)
    .reverse()
    .map(([name, number]) => [number, name as NodeJS.Signals]),
);

/** The number of a signal that is given by name or number. */
export function signalNumber(argument: string, signal: NodeJS.Signals | number): number {
  const number = typeof signal === 'number' ? signal : constants.signals[signal];
  if (!Number.isInteger(number) || number < 0 || number > 64)
    throw new ArgumentError(argument, "takes a signal: its name, 'SIGTERM', or its number");
  return number;
}

/** Real-time signals have no names here. */
export function signalName(number: number): NodeJS.Signals | number {
  return names.get(number) ?? number;
}
