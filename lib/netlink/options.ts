import { ArgumentError } from '../errors.js';
import { checkKeys } from '../options.js';

/** The last argument of every call. */
export interface CallOptions {
  /** Gives up waiting. A request that was sent already may still be carried out. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds to wait for the answer; without it, as long as it takes. Rejects with `TimeoutError`. */
  readonly timeout?: number | undefined;
}

export function checkCallOptions(options: CallOptions | undefined): void {
  if (options === undefined) return;
  checkKeys('options', options, ['signal', 'timeout']);
  const { signal, timeout } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new ArgumentError('options.signal', 'takes an AbortSignal');
  if (timeout !== undefined && !(Number.isInteger(timeout) && timeout >= 1 && timeout <= 0x7fffffff)) {
    throw new ArgumentError('options.timeout', 'takes milliseconds, an integer from 1 to 2147483647');
  }
}
