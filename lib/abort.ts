/** The callbacks of each signal. A signal gets one listener for all: Node.js warns of a leak above ten. */
const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `onAbort` when the signal is aborted, at once if it is already. Returns what takes that back. For everything that takes a
 * `signal`: any number of calls may share one.
 */
export function whenAborted(signal: AbortSignal, onAbort: () => void): () => void {
  if (signal.aborted) {
    onAbort();
    return nothing;
  }
  let told = waiting.get(signal);
  if (told === undefined) {
    told = new Set();
    waiting.set(signal, told);
    signal.addEventListener('abort', tell);
  }
  // A function that is passed twice gets two entries, so each can be removed alone.
  const one = () => onAbort();
  const all = told.add(one);
  return () => {
    all.delete(one);
    if (all.size > 0 || waiting.get(signal) !== all) return;
    waiting.delete(signal);
    signal.removeEventListener('abort', tell);
  };
}

function nothing(): void {
  // Nothing waits any more.
}

function tell(this: AbortSignal): void {
  const told = waiting.get(this);
  waiting.delete(this);
  this.removeEventListener('abort', tell);
  if (told === undefined) return;
  // One that fails keeps no other from being told; Node.js reports it as it does for any listener.
  for (const onAbort of told) {
    try {
      onAbort();
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
