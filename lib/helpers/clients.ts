import { Netns } from '../namespaces/index.js';
import { lazy } from '../lazy.js';
import { Rtnetlink } from '../rtnetlink/index.js';

/** Opens clients as they are needed, one a namespace, and closes them together; one that was given stays open. */
export class Clients {
  readonly #opened = new Map<Netns | undefined, Promise<Rtnetlink>>();
  readonly #added: Rtnetlink[] = [];
  readonly #given: { readonly netns: Netns | undefined; readonly client: Rtnetlink } | undefined;

  #own: Netns | undefined;

  constructor(netns: Netns | undefined, client: Rtnetlink | undefined) {
    this.#given = client === undefined ? undefined : { netns, client };
  }

  in(netns: Netns | undefined): Promise<Rtnetlink> {
    if (this.#given !== undefined && isSame(this.#given.netns, netns)) return Promise.resolve(this.#given.client);
    for (const [known, client] of this.#opened) if (isSame(known, netns)) return client;
    const client = Rtnetlink.open(netns === undefined ? {} : { netns });
    this.#opened.set(netns, client);
    return client;
  }

  /** Closes this one, too, at the end. */
  add(client: Rtnetlink): Rtnetlink {
    this.#added.push(client);
    return client;
  }

  /** What says that a link is to be created in the namespace. */
  place(netns: Netns | undefined): { readonly netns: Netns } | { readonly netnsPid: number } {
    if (netns !== undefined) return { netns };
    // That of the process is its first thread's; in a Worker it need not be this one's.
    if (lazy('worker_threads').isMainThread) return { netnsPid: process.pid };
    return { netns: (this.#own ??= Netns.current()) };
  }

  async close(): Promise<void> {
    this.#own?.close();
    for (const client of this.#added) client.close();
    for (const result of await Promise.allSettled(this.#opened.values()))
      if (result.status === 'fulfilled') result.value.close();
  }
}

/** Whether two ends are in one namespace; undefined is that of the process. */
export function isSame(a: Netns | undefined, b: Netns | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.equals(b));
}
