/**
 * Milliseconds after which the event loop gets its turn: what the threads of the pool hand over may follow so closely that timers
 * and other sockets would wait until the end.
 */
const LONGEST = 10;

/** For work in parts: between two of them, call it and await what it returns, if anything. */
export function givingWay(): () => Promise<void> | undefined {
  let since = performance.now();
  const immediately = (resolve: () => void) =>
    setImmediate(() => {
      since = performance.now();
      resolve();
    });
  return () => (performance.now() - since < LONGEST ? undefined : new Promise(immediately));
}
