/** Children that are being made or live. */
let children = 0;
/** From when on another one may be made at once, as `performance.now()` counts. */
let next = -Infinity;
/** Of the time, this thread spends no more on making children while there are others. */
const SHARE = 1 / 10;

/**
 * Whether a child should be made in the JavaScript thread, which can do nothing else meanwhile but is sooner done than another thread is
 * woken for it: where it is the only one, and else now and then.
 */
export function isForThisThread(): boolean {
  return children <= 1 || performance.now() >= next;
}

/** Makes a child in this thread. */
export function atOnce<T>(make: () => T): T {
  const start = performance.now();
  try {
    return make();
  } finally {
    const end = performance.now();
    next = end + (end - start) * (1 / SHARE - 1);
  }
}

export function countChild(change: 1 | -1): void {
  children += change;
}
