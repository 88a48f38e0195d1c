/** Children that are being made or live. */
let children = 0;
/** When the last one was made at once, in milliseconds. */
let last = -Infinity;
/** A child that is made at once takes some tenths of a millisecond, in which nothing else can happen. */
const INTERVAL = 5;

/**
 * Whether a child should be made in the JavaScript thread, which is sooner done than another thread is woken for it: where there is no other one,
 * and else now and then, so that this thread gets on with other things.
 */
export function isForThisThread(): boolean {
  const now = performance.now();
  if (children > 1 && now - last < INTERVAL) return false;
  last = now;
  return true;
}

export function countChild(change: 1 | -1): void {
  children += change;
}
