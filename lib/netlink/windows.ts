import { givingWay } from './give-way.js';

/** Requests that are encoded and sent together: more make the event loop wait for longer, fewer take longer in all. */
export const WINDOW = 256;
/** While the kernel works on one window, the next one is encoded. */
const UNDER_WAY = 2;

/**
 * Begins `work` for each item, a window of them at a time, and goes on when an earlier window is done. `onError` is told of what
 * failed, and stops it by returning false; what has begun is waited for. Resolves when all are done, with how many succeeded.
 */
export async function inWindows<T>(
  windows: Iterable<readonly T[]> | AsyncIterable<readonly T[]>,
  work: (item: T, index: number) => Promise<unknown>,
  onError: (error: unknown, item: T, index: number) => boolean,
): Promise<number> {
  const under: Promise<unknown>[] = [];
  let index = 0;
  let done = 0;
  let goesOn = true;
  const giveWay = givingWay();
  const begin = async (item: T, place: number) => {
    try {
      await work(item, place);
      done++;
    } catch (error) {
      if (!onError(error, item, place)) goesOn = false;
    }
  };
  for await (const window of windows) {
    if (!goesOn) break;
    under.push(Promise.all(window.map((item) => begin(item, index++))));
    if (under.length === UNDER_WAY) await under.shift();
    await giveWay();
    if (!goesOn) break;
  }
  await Promise.all(under);
  return done;
}

/** `items` in windows; each item is made when its window is. */
export function* windowsOf<T>(items: Iterable<T>): Generator<T[], void, undefined> {
  let window: T[] = [];
  for (const item of items) {
    if (window.push(item) < WINDOW) continue;
    yield window;
    window = [];
  }
  if (window.length > 0) yield window;
}
