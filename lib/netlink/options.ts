import { checkKeys, checkLimits } from '../options.js';

/** The last argument of every call. */
export interface CallOptions {
  /** Gives up waiting. A request that was sent already may still be carried out. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds to wait for the answer; without it, as long as it takes. Rejects with `TimeoutError`. */
  readonly timeout?: number | undefined;
}

/** The options, each read once. */
export function checkCallOptions(options: CallOptions | undefined): CallOptions | undefined {
  if (options === undefined) return undefined;
  const limits = checkKeys('options', options, ['signal', 'timeout']);
  checkLimits('options', limits);
  return limits;
}
