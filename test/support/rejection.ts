/** Errors as values, so that a test can look at each field of them. */

/** What `run` throws or rejects with. */
export async function errorOf(run: () => unknown): Promise<Error & Record<string, unknown>> {
  try {
    await run();
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new Error('nothing was thrown');
}
