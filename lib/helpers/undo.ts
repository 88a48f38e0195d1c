/** Takes note of how to undo the step that has just been done. */
export type Undo = (step: () => unknown) => void;

/**
 * Runs several operations that are to be done as a whole: when one fails, what was done is undone, the last first, and
 * the error is thrown. Where undoing fails too, an AggregateError has the first error and what undoing met.
 */
export async function asWhole<T>(run: (undo: Undo) => Promise<T>): Promise<T> {
  const steps: (() => unknown)[] = [];
  try {
    return await run((step) => steps.push(step));
  } catch (error) {
    const failures: unknown[] = [];
    for (const step of steps.reverse()) {
      try {
        await step();
      } catch (failure) {
        failures.push(failure);
      }
    }
    if (failures.length === 0) throw error;
    throw new AggregateError([error, ...failures], `${String(error)}; and not everything could be undone`, {
      cause: error,
    });
  }
}
