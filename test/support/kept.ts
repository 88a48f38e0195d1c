import { afterAll, beforeAll } from '@jest/globals';

/**
 * What `within` hands to a body, kept for all tests of a `describe`. For things that take long to make, and tests that leave them as
 * they were: after one that does not, those behind it fail, too.
 */
export function kept<T>(within: (body: (it: T) => Promise<void>) => Promise<void>): () => T {
  let it!: T;
  let end: (() => void) | undefined;
  let ended: Promise<void> | undefined;
  beforeAll(
    () =>
      new Promise<void>((ready, failed) => {
        ended = within((made) => {
          it = made;
          ready();
          return new Promise((resolve) => (end = resolve));
        });
        ended.catch(failed);
      }),
  );
  afterAll(async () => {
    end?.();
    await ended;
  });
  return () => it;
}
