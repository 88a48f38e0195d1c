import { ENODEV } from '../errno.js';
import { DumpInterruptedError, KernelError } from '../errors.js';
import type { Connection } from '../netlink/connection.js';
import { NLM_F_REPLACE } from '../netlink/constants.js';
import type { Request } from '../netlink/request.js';
import { LITTLE_ENDIAN } from '../wire/writer.js';
import { decodeAddress } from './address.js';
import {
  AF_BRIDGE,
  AF_INET,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEXTHOP,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEXTHOP,
  RTM_NEWROUTE,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_LINK,
  RTNLGRP_NEXTHOP,
} from './constants.js';
import { getLink } from './link.js';
import { decodeRoute, listRoutes, type Route } from './route.js';

/** IFF_UP, IFF_RUNNING and IFF_LOWER_UP: what decides whether routes by a link are there, and usable. */
const STATE = 0x1 | 0x40 | 0x10000;
const RTA_MULTIPATH = 9;

/** A route as it was told: its message, a character a byte, which takes less than the object that it is read as. */
interface Known {
  readonly identity: string;
  message: string;
  readonly links: readonly number[];
}

/** What a watch has to tell of a route. */
export interface RouteChange {
  readonly type: 'new' | 'deleted';
  readonly value: Route;
}

/**
 * IPv4 routes go with their links, addresses and nexthop objects without a word of the kernel, and next hops become `dead` or
 * `linkdown`. So this keeps the routes that a watch has told, and lists those of a link anew when something happened to it: what is
 * missing has gone. IPv6 routes are told by the kernel. Kernel: net/ipv4/fib_frontend.c, fib_disable_ip and fib_del_ifaddr; fib_table_flush in
 * fib_trie.c.
 */
export class VanishingRoutes {
  /** What has to be listened to beside routes. */
  static readonly groups = [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_NEXTHOP];

  /** By table, destination, TOS and metric; several where routes were appended. */
  readonly #known = new Map<string, Known[]>();
  readonly #byLink = new Map<number, Set<Known>>();
  /** The links of the routes with a source address, which go with that. */
  readonly #bySource = new Map<string, Set<number>>();
  /** The links of the routes by nexthop objects. */
  readonly #byObject = new Set<number>();
  readonly #states = new Map<number, number>();
  /** The links to look at. */
  #due = new Set<number>();

  get isDue(): boolean {
    return this.#due.size > 0;
  }

  /** Request `list` so that what it finds is known. */
  listing(request: Request<Route>): Request<Route> {
    return Object.assign({}, request, {
      decode: (view: DataView, at: number, end: number, type: number) => {
        const route = request.decode!(view, at, end, type);
        if (route !== undefined) this.#add(route, textOf(view, at, end), false);
        return route;
      },
    });
  }

  /** The kernel tells of a route. False: that it has gone was told before. */
  told(route: Route, isNew: boolean, flags: number, view: DataView, at: number, end: number): boolean {
    const message = textOf(view, at, end);
    if (isNew) this.#add(route, message, (flags & NLM_F_REPLACE) !== 0);
    else if (route.family === 'inet') {
      const known = this.#find(route, message) ?? this.#known.get(identityOf(route))?.[0];
      this.#remove(known);
      return known !== undefined;
    }
    return true;
  }

  /** Any message: of a link or an address, say. */
  notice(type: number, view: DataView, at: number, end: number): void {
    if (type === RTM_NEWLINK || type === RTM_DELLINK) this.#noticeLink(type, view, at, end);
    else if ((type === RTM_DELADDR || type === RTM_NEWADDR) && at < end && view.getUint8(at) === AF_INET) {
      if (type === RTM_DELADDR) this.#noticeAddress(view, at, end);
    } else if (type === RTM_NEWNEXTHOP || type === RTM_DELNEXTHOP)
      for (const link of this.#byObject) this.#due.add(link);
  }

  #noticeLink(type: number, view: DataView, at: number, end: number): void {
    if (end - at < 16 || view.getUint8(at) === AF_BRIDGE) return;
    const index = view.getInt32(at + 4, LITTLE_ENDIAN);
    const state = view.getUint32(at + 8, LITTLE_ENDIAN) & STATE;
    const before = this.#states.get(index);
    if (type === RTM_DELLINK) this.#states.delete(index);
    else this.#states.set(index, state);
    if ((type === RTM_DELLINK || before !== state) && this.#byLink.has(index)) this.#due.add(index);
  }

  #noticeAddress(view: DataView, at: number, end: number): void {
    const address = decodeAddress(view, at, end, RTM_NEWADDR);
    if (address === undefined) return;
    if (this.#byLink.has(address.link)) this.#due.add(address.link);
    for (const link of this.#bySource.get(address.address.replace(/\/.*/, '')) ?? []) this.#due.add(link);
  }

  /** What has become of the routes that something may have happened to. */
  async changes(connection: Connection): Promise<RouteChange[]> {
    const links = this.#due;
    this.#due = new Set();
    // A link is told to go down before its routes go. Whoever takes it down holds the lock that this waits for.
    const loopback = getLink(1);
    await connection.request(Object.assign({}, loopback, { value: { index: 1, extMask: ['skipStats'] } }));
    const changes: RouteChange[] = [];
    for (const link of links) await this.#compare(connection, link, changes);
    // Another one to the same destination may have been told before it was found that this one has gone.
    const gone = new Set(changes.filter(({ type }) => type === 'deleted').map(({ value }) => identityOf(value)));
    for (const identity of gone)
      for (const { message } of this.#known.get(identity) ?? []) changes.push({ type: 'new', value: read(message) });
    return changes.sort((a, b) => Number(a.type === 'new') - Number(b.type === 'new'));
  }

  async #compare(connection: Connection, link: number, changes: RouteChange[]): Promise<void> {
    const there = await list(connection, link);
    for (const known of [...(this.#byLink.get(link) ?? [])]) {
      const found = there.get(lasting(known.message));
      if (found !== undefined) continue;
      changes.push({ type: 'deleted', value: read(known.message) });
      this.#remove(known);
    }
    for (const { route, message } of there.values()) {
      const known = this.#find(route, message);
      if (known?.message === message) continue;
      if (known === undefined) this.#add(route, message, false);
      else known.message = message;
      changes.push({ type: 'new', value: route });
    }
  }

  #find(route: Route, message: string): Known | undefined {
    const all = this.#known.get(identityOf(route));
    if (all === undefined) return undefined;
    const wanted = lasting(message);
    return all.find((known) => lasting(known.message) === wanted);
  }

  #add(route: Route, message: string, replaces: boolean): void {
    if (route.family !== 'inet' || route.flags.includes('cloned')) return;
    const identity = identityOf(route);
    const same = this.#find(route, message);
    if (replaces && same === undefined) this.#remove(this.#known.get(identity)?.[0]);
    if (same !== undefined) {
      same.message = message;
      return;
    }
    const links = linksOf(route);
    const known: Known = { identity, message, links };
    const others = this.#known.get(identity);
    if (others === undefined) this.#known.set(identity, [known]);
    else others.push(known);
    for (const link of links) {
      setIn(this.#byLink, link).add(known);
      if (route.source !== undefined) setIn(this.#bySource, route.source).add(link);
      if (route.nexthopId !== undefined) this.#byObject.add(link);
    }
  }

  #remove(known: Known | undefined): void {
    if (known === undefined) return;
    const others = this.#known.get(known.identity)!.filter((other) => other !== known);
    if (others.length === 0) this.#known.delete(known.identity);
    else this.#known.set(known.identity, others);
    for (const link of known.links) {
      const all = this.#byLink.get(link)!;
      all.delete(known);
      if (all.size === 0) this.#forgetLink(link);
    }
  }

  #forgetLink(link: number): void {
    this.#byLink.delete(link);
    this.#byObject.delete(link);
    for (const [source, links] of this.#bySource)
      if (links.delete(link) && links.size === 0) this.#bySource.delete(source);
  }
}

/** The IPv4 routes by a link, by what lasts of their messages; 0: those by none. */
async function list(connection: Connection, link: number): Promise<Map<string, { route: Route; message: string }>> {
  const request = listRoutes(link === 0 ? { family: 'inet' } : { family: 'inet', link });
  for (;;) {
    const there = new Map<string, { route: Route; message: string }>();
    const decode: typeof request.decode = (view, at, end, type) => {
      const route = request.decode!(view, at, end, type);
      if (route !== undefined && !route.flags.includes('cloned') && (link !== 0 || linksOf(route)[0] === 0)) {
        const message = textOf(view, at, end);
        there.set(lasting(message), { route, message });
      }
      return undefined;
    };
    try {
      await connection.dump(Object.assign({}, request, { decode }));
      return there;
    } catch (error) {
      // The link has gone, and with it all routes by it.
      if (error instanceof KernelError && error.errno === ENODEV) return new Map();
      if (!(error instanceof DumpInterruptedError)) throw error;
    }
  }
}

function setIn<K, V>(map: Map<K, Set<V>>, key: K): Set<V> {
  let set = map.get(key);
  if (set === undefined) map.set(key, (set = new Set()));
  return set;
}

function identityOf({ table, to, tos, metric }: Route): string {
  return `${to} ${table} ${tos} ${metric}`;
}

function linksOf({ link, nexthops }: Route): readonly number[] {
  if (nexthops === undefined) return [link ?? 0];
  return [...new Set(nexthops.map((hop) => hop.link ?? 0))];
}

function textOf(view: DataView, at: number, end: number): string {
  return Buffer.from(view.buffer, view.byteOffset + at, end - at).toString('latin1');
}

function read(message: string): Route {
  const bytes = Uint8Array.from(Buffer.from(message, 'latin1'));
  return decodeRoute(new DataView(bytes.buffer), 0, bytes.length, RTM_NEWROUTE)!;
}

/** The message without the flags, which change with the state of links. They are at 8, and at 2 in each next hop. */
function lasting(message: string): string {
  const hasHops = message.includes(HOPS);
  if (!hasHops && message.startsWith(NO_FLAGS, 8)) return message;
  const bytes = Buffer.from(message, 'latin1');
  bytes.fill(0, 8, 12);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 12; hasHops && at + 4 <= bytes.length;) {
    const size = view.getUint16(at, LITTLE_ENDIAN);
    if (size < 4) break;
    if ((view.getUint16(at + 2, LITTLE_ENDIAN) & 0x3fff) === RTA_MULTIPATH) clearHops(view, at + 4, at + size);
    at += (size + 3) & ~3;
  }
  return bytes.toString('latin1');
}

const NO_FLAGS = '\0\0\0\0';
/** The type of the attribute that has next hops, as it is in a message; also in others, by chance. */
const HOPS = Buffer.from(new Uint16Array([RTA_MULTIPATH]).buffer).toString('latin1');

function clearHops(view: DataView, at: number, end: number): void {
  while (at + 8 <= end) {
    const size = view.getUint16(at, LITTLE_ENDIAN);
    if (size < 8) return;
    view.setUint8(at + 2, 0);
    at += (size + 3) & ~3;
  }
}
