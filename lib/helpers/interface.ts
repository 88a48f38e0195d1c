import type { CallOptions } from '../netlink/options.js';
import { Netns } from '../namespaces/index.js';
import {
  Rtnetlink,
  type Link,
  type LinkAttrsIn,
  type LinkRef,
  type NewAddress,
  type NewRoute,
} from '../rtnetlink/index.js';

/** What a link gets beside its own attributes, in the same call. */
export interface InterfaceOptions {
  /** The namespace that the link shall live in; without it, that of the process. */
  readonly netns?: Netns | undefined;
  /** The master, by name or index in that namespace. */
  readonly master?: LinkRef | undefined;
  readonly up?: boolean | undefined;
  /** Addresses with their prefix length, `'10.1.0.2/24'`, or with more to say of each. */
  readonly addresses?: readonly (string | Omit<NewAddress, 'link'>)[] | undefined;
  /** Routes, by this link unless they say otherwise; made when the link is up and has its addresses. */
  readonly routes?: readonly NewRoute[] | undefined;
}

/** A link's own attributes that can be given at creation. */
export type LinkOptions = Omit<
  LinkAttrsIn,
  'kind' | 'data' | 'portKind' | 'port' | 'netns' | 'master' | 'link' | 'up' | 'name'
> & {
  readonly name: string;
};

/** The last argument of every helper. */
export interface HelperOptions extends CallOptions {
  /** An open client where the link is created, to save opening one: of the first end's, the underlay's or the parent's namespace. */
  readonly client?: Rtnetlink | undefined;
}

/** Opens clients as they are needed, one a namespace, and closes them together; one that was given stays open. */
export class Clients {
  readonly #opened = new Map<Netns | undefined, Promise<Rtnetlink>>();
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

  /** A handle of the namespace, to create links in it. */
  handle(netns: Netns | undefined): Netns {
    return netns ?? (this.#own ??= Netns.current());
  }

  async close(): Promise<void> {
    this.#own?.close();
    for (const result of await Promise.allSettled(this.#opened.values()))
      if (result.status === 'fulfilled') result.value.close();
  }
}

function isSame(a: Netns | undefined, b: Netns | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.equals(b));
}

/**
 * Brings the link up and gives it its master, addresses and routes, in as few trips to the kernel as their order allows.
 * Undoing that is up to whoever made the link: with the link, all of it goes.
 */
export async function configure(
  client: Rtnetlink,
  name: string,
  options: InterfaceOptions,
  call: CallOptions,
): Promise<Link> {
  const { master, up, addresses = [], routes = [] } = options;
  const change = { ...(master === undefined ? {} : { master }), ...(up === undefined ? {} : { up }) };
  const changed = Object.keys(change).length === 0 ? undefined : client.link.set(name, change, call);
  const [link] = await allDone([client.link.get(name, call), changed]);
  const { index } = link;
  await allDone([
    ...addresses.map((address) =>
      client.address.add({ ...(typeof address === 'string' ? { address } : address), link: index }, call),
    ),
    ...routes.map((route) => client.route.add(needsLink(route) ? { ...route, link: index } : route, call)),
  ]);
  // What was read together with the change may be older than it.
  return changed === undefined ? link : client.link.get(index, call);
}

function needsLink({ link, nexthops, type = 'unicast' }: NewRoute): boolean {
  return link === undefined && nexthops === undefined && type === 'unicast';
}

/** Waits for all, then throws the first error: nothing may still be under way when undoing begins. */
async function allDone<T extends readonly unknown[]>(
  promises: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const results = await Promise.allSettled(promises);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return results.map((result) => (result as PromiseFulfilledResult<unknown>).value) as {
    -readonly [K in keyof T]: Awaited<T[K]>;
  };
}
