import { whenAborted } from '../abort.js';
import { TimeoutError } from '../errors.js';
import type { CallOptions } from './options.js';

/**
 * Calls `giveUp` once, when the signal is aborted (perhaps at once) or the time is over. Returns what ends that. `operation` says
 * what was waited for.
 */
export function limit(
  { signal, timeout }: CallOptions,
  operation: () => string,
  giveUp: (error: unknown) => void,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let forget: (() => void) | undefined;
  const release = () => {
    clearTimeout(timer);
    forget?.();
  };
  if (timeout !== undefined) {
    timer = setTimeout(() => {
      release();
      giveUp(new TimeoutError(operation(), timeout));
    }, timeout);
  }
  if (signal !== undefined) {
    forget = whenAborted(signal, () => {
      clearTimeout(timer);
      giveUp(signal.reason);
    });
  }
  return release;
}
