/** Children that are being made or live. */
let children = 0;
/** When this thread may wait again, as `performance.now()` counts. */
let next = -Infinity;
/** While there are other children, this thread spends no more of its time on waiting. */
const SHARE = 1 / 10;
/** The longest wait in milliseconds. Loading a program takes some tenths of one. */
const PATIENCE = 2;

/**
 * Milliseconds for which the JavaScript thread should wait for a child to run its program: this takes less time than to be told by another thread,
 * but nothing else can be done meanwhile. So it waits for the only child, and else now and then.
 */
export function patience(): number {
  return children <= 1 || performance.now() >= next ? PATIENCE : 0;
}

/** Makes a child in this thread, and waits for it. */
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
