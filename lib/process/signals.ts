import { ArgumentError } from '../errors.js';
import { lazy } from '../lazy.js';

/** The number of a signal that is given by name or number. */
export function signalNumber(argument: string, signal: NodeJS.Signals | number): number {
  const number = typeof signal === 'number' ? signal : lazy('os').constants.signals[signal];
  if (!Number.isInteger(number) || number < 0 || number > 64)
    throw new ArgumentError(argument, "takes a signal: its name, 'SIGTERM', or its number");
  return number;
}

/** Real-time signals have no names here. */
export function signalName(number: number): NodeJS.Signals | number {
  for (const [name, other] of Object.entries(lazy('os').constants.signals))
    if (other === number) return name as NodeJS.Signals;
  return number;
}
