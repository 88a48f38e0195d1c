import { checkKeys, checkLimits } from '../options.js';

/** The last argument of every call. */
export interface CallOptions {
  /** Gives up waiting. A request that was sent already may still be carried out. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds to wait for the answer; without it, as long as it takes. Rejects with `TimeoutError`. */
  readonly timeout?: number | undefined;
}

/** Returns those that count: own ones. */
export function checkCallOptions<O extends CallOptions | undefined>(options: O): O {
  if (options === undefined) return options;
  const own = checkKeys('options', options, ['signal', 'timeout']);
  checkLimits('options', own);
  return own;
}
