import { ArgumentError } from '../errors.js';
import type { Watch, WatchedObject, WatchEvent, WatchOptions } from './watch.js';

/** What `watchAll` needs of a client. */
interface Watchable {
  watch<O extends WatchedObject>(objects: readonly O[], options?: WatchOptions): Watch<O>;
}

type Told<C, O extends WatchedObject> = readonly [client: C, event: WatchEvent<O>];

/** The events of several watches, in the order in which they come. */
class Merged<C extends Watchable, O extends WatchedObject> implements AsyncIterableIterator<Told<C, O>> {
  readonly #watches: readonly (readonly [C, Watch<O>])[];
  readonly #ready: { readonly told: Told<C, O>; readonly again: () => void }[] = [];
  #open: number;
  #failure: { readonly reason: unknown } | undefined;
  #wake: (() => void) | undefined;
  #again: (() => void) | undefined;

  constructor(watches: readonly (readonly [C, Watch<O>])[]) {
    this.#watches = watches;
    this.#open = watches.length;
    for (const [client, watch] of watches) this.#take(client, watch);
  }

  /** Has one event of a watch come; the next one only when that has been handed out, so that nothing piles up here. */
  #take(client: C, watch: Watch<O>): void {
    watch.next().then(
      ({ done, value }) => {
        if (done === true) this.#open--;
        else this.#ready.push({ told: [client, value], again: () => this.#take(client, watch) });
        this.#wake?.();
      },
      (reason: unknown) => {
        this.#open--;
        this.#failure ??= { reason };
        this.#wake?.();
      },
    );
  }

  async next(): Promise<IteratorResult<Told<C, O>, void>> {
    this.#again?.();
    this.#again = undefined;
    while (this.#ready.length === 0 && this.#open > 0 && this.#failure === undefined) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const first = this.#ready.shift();
    if (first !== undefined) {
      this.#again = first.again;
      return { done: false, value: first.told };
    }
    this.#close();
    if (this.#failure !== undefined) throw this.#failure.reason;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Told<C, O>, void>> {
    this.#close();
    return { done: true, value: undefined };
  }

  #close(): void {
    for (const [, watch] of this.#watches) watch.close();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
  }
}

function checked<C extends Watchable>(clients: Iterable<C>): C[] {
  const list = typeof clients === 'object' && clients !== null && Symbol.iterator in clients ? [...clients] : undefined;
  if (list?.every((client) => typeof client?.watch === 'function') !== true)
    throw new ArgumentError('clients', 'takes a list of open clients');
  return list;
}

/**
 * Watches several namespaces at once: each event comes with the client that it is of. Each client has its own `synced`
 * and `overrun`. Ends when all watches have ended; an error in one ends all.
 */
export function watchAll<C extends Watchable, O extends WatchedObject>(
  clients: Iterable<C>,
  objects: readonly O[],
  options?: WatchOptions,
): AsyncIterableIterator<Told<C, O>> & AsyncDisposable {
  const watches: [C, Watch<O>][] = [];
  try {
    for (const client of checked(clients)) watches.push([client, client.watch(objects, options)]);
  } catch (error) {
    for (const [, watch] of watches) watch.close();
    throw error;
  }
  return new Merged(watches);
}
