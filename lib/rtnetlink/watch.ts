import { whenAborted } from '../abort.js';
import { ECANCELED, ENOBUFS } from '../errno.js';
import { ArgumentError, CodecError, DumpInterruptedError, SyscallError } from '../errors.js';
import type { Connection } from '../netlink/connection.js';
import { NLMSG_HDRLEN } from '../netlink/constants.js';

import type { Decode, Request } from '../netlink/request.js';
import type { Listener } from '../netlink/source.js';

import { checkKeys, checkSignal, checkSwitch } from '../options.js';
import { LITTLE_ENDIAN } from '../wire/writer.js';
import { decodeAddress, listAddresses, type Address } from './address.js';
import {
  AF_BRIDGE,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_DELROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
} from './constants.js';
import { decodeFdbEntry, listFdb, type FdbEntry } from './fdb.js';
import { decodeLink, listLinks, type Link } from './link.js';
import { decodeNeighbour, listNeighbours, type Neighbour } from './neighbour.js';
import { decodeRoute, listRoutes, type Route } from './route.js';
import { show } from '../wire/codec.js';
import { VanishingRoutes, type RouteChange } from './vanishing-routes.js';

/** The objects that can be watched, and what an event about each carries. */
export interface Watched {
  readonly link: Link;
  readonly address: Address;
  readonly route: Route;
  readonly neighbour: Neighbour;
  readonly fdb: FdbEntry;
}
/** What `watch` takes: `'link'` and so on. */
export type WatchedObject = keyof Watched;

/** Something that is, has become or has ceased to be. */
export type ObjectEvent<O extends WatchedObject = WatchedObject> = {
  readonly [K in O]: {
    /**
     * `existing`: there when it was listed; `new`: made or changed (the kernel does not tell which); `deleted`: gone.
     *
     * The kernel does not tell of IPv4 routes that go with a link, an address or a nexthop object, nor of next hops that die
     * with their links. A watch finds out and tells of them. Routes to the same destination that stay are told again as `new`.
     */
    readonly type: 'existing' | 'new' | 'deleted';
    readonly object: K;
    readonly value: Watched[K];
  };
}[O];

/**
 * `synced`: all `existing` objects have been told; what follows are changes. `overrun`: more changed than the kernel had
 * room to remember; forget what you know, everything is told again as `existing`, and another `synced` follows.
 */
export type StateEvent = { readonly type: 'synced' } | { readonly type: 'overrun' };

/** What a watch tells. */
export type WatchEvent<O extends WatchedObject = WatchedObject> = ObjectEvent<O> | StateEvent;

interface Source {
  readonly groups: readonly number[];
  readonly list: () => Request<unknown>;
  readonly decode: Decode<unknown>;
  /** Message types for new and deleted. */
  readonly types: readonly [number, number];
  /** Messages of this type that are about something else. */
  readonly skip?: (view: DataView, at: number) => boolean;
}

const SOURCES: { readonly [O in WatchedObject]: Source } = {
  link: {
    groups: [RTNLGRP_LINK],
    list: listLinks,
    decode: decodeLink,
    types: [RTM_NEWLINK, RTM_DELLINK],
    // Bridges tell of their ports with messages that look like a link's; "deleted" means no more than that the port left.
    skip: (view, at) => view.getUint8(at) === AF_BRIDGE,
  },
  address: {
    groups: [RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR],
    list: listAddresses,
    decode: decodeAddress,
    types: [RTM_NEWADDR, RTM_DELADDR],
  },
  route: {
    groups: [RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE],
    list: listRoutes,
    decode: decodeRoute,
    types: [RTM_NEWROUTE, RTM_DELROUTE],
  },
  neighbour: {
    groups: [RTNLGRP_NEIGH],
    list: listNeighbours,
    decode: decodeNeighbour,
    types: [RTM_NEWNEIGH, RTM_DELNEIGH],
  },
  fdb: {
    groups: [RTNLGRP_NEIGH],
    list: listFdb,
    decode: decodeFdbEntry,
    types: [RTM_NEWNEIGH, RTM_DELNEIGH],
  },
};

/** How to watch. */
export interface WatchOptions {
  /** Ends the watch: the iteration throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Whether waiting for events keeps the process alive; true unless said. */
  readonly persistent?: boolean | undefined;
}

interface Delivery {
  readonly bytes: Uint8Array | null;
  readonly errno: number;
}

/**
 * What there is, then what changes, without a gap between the two. Iterate over it; it ends when the loop is left, when
 * it is closed, or when its client is closed.
 */
export class Watch<O extends WatchedObject = WatchedObject> implements AsyncIterableIterator<WatchEvent<O>> {
  readonly #connection: Connection;
  readonly #objects: readonly O[];
  readonly #options: WatchOptions;
  readonly #events: AsyncGenerator<WatchEvent<O>, void, undefined>;
  #listener: Listener | undefined;
  #delivery: Delivery | undefined;
  #wake: (() => void) | undefined;
  #closed = false;
  /** Calls of `next` that have not been answered. */
  #awaited = 0;
  #routes: VanishingRoutes | undefined;
  /** Takes the signal's listener back. */
  #forget: (() => void) | undefined;
  #failure: { readonly reason: unknown } | undefined;
  readonly #onAbort = () => {
    this.#failure = { reason: this.#options.signal!.reason };
    this.close();
  };

  /** @internal */
  constructor(connection: Connection, objects: readonly O[], options: WatchOptions = {}) {
    if (!Array.isArray(objects) || objects.length === 0)
      throw new ArgumentError('objects', `takes a list of ${Object.keys(SOURCES).join(', ')}`);
    for (const object of objects as readonly string[]) {
      if (!Object.hasOwn(SOURCES, object))
        throw new ArgumentError('objects', `takes ${Object.keys(SOURCES).join(', ')}, not ${show(object)}`);
    }
    const checked = checkKeys('options', options, ['signal', 'persistent']);
    checkSignal('options.signal', checked.signal);
    checkSwitch('options.persistent', checked.persistent);
    this.#connection = connection;
    this.#objects = objects;
    this.#options = checked;
    this.#events = this.#run();
    if (checked.signal !== undefined) this.#forget = whenAborted(checked.signal, this.#onAbort);
  }

  async next(): Promise<IteratorResult<WatchEvent<O>, void>> {
    this.#awaited++;
    const result = await this.#events.next().finally(() => this.#awaited--);
    const failure = this.#failure;
    if (result.done !== true || failure === undefined) return result;
    this.#failure = undefined;
    throw failure.reason;
  }

  async return(): Promise<IteratorResult<WatchEvent<O>, void>> {
    // A generator that waits for an event would let this wait too.
    this.close();
    return this.#events.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Ends the iteration. A second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#forget?.();
    this.#listener?.close();
    this.#wake?.();
    // Where it stands at an event, nobody may ever ask for the next one.
    if (this.#awaited === 0) void this.#events.return();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async #listen(): Promise<Listener> {
    this.#delivery = undefined;
    const groups = [...new Set(this.#objects.flatMap((object) => SOURCES[object].groups))];
    this.#routes = this.#watches('route') ? new VanishingRoutes() : undefined;
    if (this.#routes !== undefined)
      for (const group of VanishingRoutes.groups) if (!groups.includes(group)) groups.push(group);
    const listener = await this.#connection.listen(groups, (bytes, errno) => {
      if (errno === ECANCELED) return this.close();
      this.#delivery = { bytes, errno };
      this.#wake?.();
    });
    this.#listener = listener;
    if (this.#closed) listener.close();
    else if (this.#options.persistent === false) listener.unref();
    return listener;
  }

  async *#run(): AsyncGenerator<WatchEvent<O>, void, undefined> {
    try {
      while (!this.#closed) {
        // From here on every change is kept for later, so that nothing falls between the lists and the events.
        const listener = await this.#listen();
        yield* this.#existing();
        if (!this.#closed) yield { type: 'synced' };
        yield* this.#changes(listener);
        // What is still queued was sent before the overrun, and would overwrite newer state: so a new socket.
        listener.close();
        if (!this.#closed) yield { type: 'overrun' };
      }
    } finally {
      this.close();
    }
  }

  async *#existing(): AsyncGenerator<ObjectEvent<O>, void, undefined> {
    for (const object of this.#objects) while (!(yield* this.#list(object)));
  }

  /**
   * Lists once; false: has to be done again. A list that changes interrupted may lack what did not change itself, which
   * no event tells. What is told twice does no harm, and what is gone by the second time is deleted by an event to come.
   */
  async *#list(object: O): AsyncGenerator<ObjectEvent<O>, boolean, undefined> {
    try {
      const request = SOURCES[object].list();
      const listed = object === 'route' ? this.#routes!.listing(request as Request<Route>) : request;
      for await (const value of this.#connection.dump<unknown>(listed)) {
        if (this.#closed) return true;
        yield { type: 'existing', object, value } as ObjectEvent<O>;
      }
      return true;
    } catch (error) {
      if (this.#closed) return true;
      if (error instanceof DumpInterruptedError) return false;
      throw error;
    }
  }

  /** Changes until the watch is closed or an overrun is met. */
  async *#changes(listener: Listener): AsyncGenerator<ObjectEvent<O>, void, undefined> {
    for (;;) {
      if (this.#delivery === undefined && !this.#closed) await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
      const delivery = this.#delivery;
      if (this.#closed || delivery === undefined) return;
      if (delivery.bytes === null) {
        if (delivery.errno === ENOBUFS) return;
        throw new SyscallError(delivery.errno, 'recvmsg');
      }
      for (const event of this.#decode(delivery.bytes)) {
        yield event;
        if (this.#closed) return;
      }
      while (this.#routes?.isDue === true) {
        for (const { type, value } of await this.#routesChanged(this.#routes)) {
          if (this.#closed) return;
          yield { type, object: 'route', value } as unknown as ObjectEvent<O>;
        }
        if (this.#closed) return;
      }
      this.#delivery = undefined;
      listener.resume();
    }
  }

  #watches(object: WatchedObject): boolean {
    return (this.#objects as readonly WatchedObject[]).includes(object);
  }

  async #routesChanged(routes: VanishingRoutes): Promise<RouteChange[]> {
    try {
      return await routes.changes(this.#connection);
    } catch (error) {
      if (this.#closed) return [];
      throw error;
    }
  }

  *#decode(bytes: Uint8Array): Generator<ObjectEvent<O>, void, undefined> {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; view.byteLength - at >= NLMSG_HDRLEN;) {
      const size = view.getUint32(at, LITTLE_ENDIAN);
      if (size < NLMSG_HDRLEN || size > view.byteLength - at)
        throw new CodecError('watch', `a netlink message of ${size} bytes where ${view.byteLength - at} are left`);
      const type = view.getUint16(at + 4, LITTLE_ENDIAN);
      const body = at + NLMSG_HDRLEN;
      this.#routes?.notice(type, view, body, at + size);
      for (const object of this.#objects) {
        const { types, decode, skip } = SOURCES[object];
        const place = types.indexOf(type);
        if (place < 0 || size === NLMSG_HDRLEN || skip?.(view, body) === true) continue;
        const value = decode(view, body, at + size, types[0]);
        if (value === undefined) continue;
        if (
          object === 'route' &&
          !this.#routes!.told(value as Route, place === 0, view.getUint16(at + 6, LITTLE_ENDIAN), view, body, at + size)
        )
          continue;
        yield { type: place === 0 ? 'new' : 'deleted', object, value } as ObjectEvent<O>;
      }
      at += (size + 3) & ~3;
    }
  }
}
