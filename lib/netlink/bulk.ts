import { whenAborted } from '../abort.js';
import { ArgumentError, BulkError, TimeoutError } from '../errors.js';
import { checkKeys, checkLimits } from '../options.js';
import type { CallOptions } from './options.js';
import { inWindows, WINDOW, windowsOf } from './windows.js';

/** How to carry out many calls. */
export interface BulkOptions<T> {
  /**
   * Told of each call that fails, with its item and that item's place (from 0); the others go on. What it throws ends the bulk. Without
   * it, the first failure ends the bulk with a `BulkError`.
   */
  readonly onError?: ((error: unknown, item: T, index: number) => void) | undefined;
  /** Ends the bulk: no further calls are made. Those under way are given up by it only if `call` passes it on. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for all calls together; without it, as long as they take. Rejects with `TimeoutError`. */
  readonly timeout?: number | undefined;
}

/** What each call is given besides its item, for its own options: it ends with the bulk. */
export type BulkCallOptions = Pick<CallOptions, 'signal'>;

/**
 * Makes a call for each of many items, some hundred at a time: while the kernel works on some, the next are taken from `items`, and
 * timers and other sockets get their turn between. Resolves with how many succeeded.
 */
export async function bulk<T>(
  items: Iterable<T> | AsyncIterable<T>,
  call: (item: T, options: BulkCallOptions, index: number) => Promise<unknown>,
  options: BulkOptions<T> = {},
): Promise<number> {
  const { onError, signal, timeout } = checkKeys('options', options, ['onError', 'signal', 'timeout']);
  checkLimits('options', { signal, timeout });
  if (onError !== undefined && typeof onError !== 'function')
    throw new ArgumentError('options.onError', 'takes a function');
  if (typeof call !== 'function') throw new ArgumentError('call', 'takes a function that makes a call for an item');
  let stop!: () => void;
  const stopped = new Promise<undefined>((resolve) => (stop = () => resolve(undefined)));
  const windows = windowsIn(items, stopped);
  signal?.throwIfAborted();
  const ended = new AbortController();
  let giveUp!: (error: unknown) => void;
  const givenUp = new Promise<never>((_, reject) => (giveUp = reject));
  givenUp.catch(() => {});
  const end = (error: unknown) => {
    stop();
    ended.abort(error);
    giveUp(error);
  };
  const timer = timeout === undefined ? undefined : setTimeout(() => end(new TimeoutError('bulk', timeout)), timeout);
  const forget = signal && whenAborted(signal, () => end(signal.reason));
  let failure: { readonly reason: unknown } | undefined;
  const limits = { signal: ended.signal };
  try {
    const done = inWindows(
      windows,
      async (item, index) => call(item, limits, index),
      (error, item, index) => {
        if (ended.signal.aborted) return false;
        try {
          if (onError === undefined) throw new BulkError(index, item, error);
          onError(error, item, index);
          return true;
        } catch (reason) {
          failure ??= { reason };
          stop();
          return false;
        }
      },
    );
    const count = await Promise.race([done, givenUp]);
    if (failure !== undefined) throw failure.reason;
    return count;
  } finally {
    clearTimeout(timer);
    forget?.();
  }
}

function windowsIn<T>(
  items: Iterable<T> | AsyncIterable<T>,
  stopped: Promise<undefined>,
): Iterable<T[]> | AsyncIterable<T[]> {
  if (typeof items === 'object' && items !== null) {
    if (Symbol.asyncIterator in items) return gathered(items, stopped);
    if (Symbol.iterator in items) return windowsOf(items);
  }
  throw new ArgumentError('items', 'takes what can be iterated over');
}

/** What comes while the event loop goes round once, at most a window: a slow source has its items carried out as they come. */
async function* gathered<T>(
  items: AsyncIterable<T>,
  stopped: Promise<undefined>,
): AsyncGenerator<T[], void, undefined> {
  const iterator = items[Symbol.asyncIterator]();
  let next = iterator.next();
  let isOver = false;
  let isStopped = false;
  void stopped.then(() => (isStopped = true));
  try {
    while (!isOver && !isStopped) {
      const window: T[] = [];
      let round: Promise<undefined> | undefined;
      while (window.length < WINDOW) {
        const result: IteratorResult<T, unknown> | undefined = await Promise.race([next, round ?? stopped]);
        if (result === undefined) break;
        if (result.done === true) {
          isOver = true;
          break;
        }
        window.push(result.value);
        next = iterator.next();
        // A failure of the source comes when it is waited for.
        next.catch(() => {});
        round ??= new Promise((resolve) => setImmediate(resolve, undefined));
      }
      if (window.length > 0) yield window;
    }
  } finally {
    // It may be waiting for its next item without end.
    if (!isOver) void iterator.return?.().then(undefined, () => {});
  }
}
