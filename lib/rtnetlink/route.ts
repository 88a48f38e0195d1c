import { CodecError } from '../errors.js';
import { parseIp } from '../wire/ip.js';
import { Writer } from '../wire/writer.js';
import { NLM_F_DUMP } from '../netlink/constants.js';
import type { Decode, Request } from '../netlink/request.js';
import type { AttrSet, Rows } from '../wire/attrs.js';
import { AF_INET6, AF_UNSPEC, RTM_DELROUTE, RTM_GETROUTE, RTM_NEWROUTE } from './constants.js';
import { familyNumber } from './family.js';
import { checkFilter, checkIpFamily, checkLinkFilter, checkNotAny } from './filters.js';
import type { LinkRef } from './link-index.js';
import {
  routeAttrs,
  routeFamily,
  withGateway,
  type NexthopIn,
  type RouteAttrsIn,
  type RouteAttrsOut,
} from './route-attrs.js';
import type { Scope } from './route-enums.js';
import { verbs, type Verb } from './verbs.js';

/** A route as the kernel reports it. What it says can be given back to `add`. */
export type Route = Omit<RouteAttrsOut, 'to' | 'viaOtherFamily'> & {
  /** `'default'`, or the destination: `'10.1.0.0/16'`. */
  readonly to: string;
};

type Named<T> = Omit<T, 'link' | 'viaOtherFamily'> & { readonly link?: LinkRef | undefined };

/** One of several next hops. */
export type NewNexthop = Named<NexthopIn>;

/** A route to make. Without `table` it goes to `'main'`, without `protocol` it is of `'boot'`, both as with `ip route`. */
export type NewRoute = Omit<Named<RouteAttrsIn>, 'nexthops'> & {
  /** `'default'`, or the destination: `'10.1.0.0/16'`. */
  readonly to: string;
  /** Several ways to the destination, in the place of `via` and `link`. */
  readonly nexthops?: readonly NewNexthop[] | undefined;
};

const set: AttrSet<Rows> = routeAttrs;
const suspects: Request<void>['suspects'] = {
  EEXIST: 'to',
  ENOENT: 'to',
  // A lightweight tunnel may be what there is not.
  ENODEV: (_said, route) => ('encapType' in route ? undefined : 'link'),
  ENETUNREACH: 'via',
  EHOSTUNREACH: 'via',
};
const deleteSuspects: Request<void>['suspects'] = {
  ESRCH: (said, route) => (said?.includes('table') === true ? 'table' : onlyTo(route)),
};
const lookupSuspects: Request<Route>['suspects'] = {
  // A link that is down leads nowhere, either.
  ENETUNREACH: (_said, { link }: RouteLookup) => (link === undefined ? 'to' : undefined),
  EHOSTUNREACH: (_said, { link }: RouteLookup) => (link === undefined ? 'to' : undefined),
  // With an incoming link the kernel does not look at the other one.
  ENODEV: (_said, { link, iif }: RouteLookup) => (iif === undefined ? 'link' : link === undefined ? 'iif' : undefined),
};

/** `'to'`, unless a route says more, which may be at fault instead. Deletions always have a scope and a table. */
function onlyTo(route: RouteAttrsIn): 'to' | undefined {
  for (const key in route) {
    const value: unknown = route[key as keyof RouteAttrsIn];
    const isDefault =
      value === undefined || (key === 'scope' && value === 'nowhere') || (key === 'table' && value === 'main');
    if (!isDefault && key !== 'to' && key !== 'family') return undefined;
  }
  return 'to';
}

export const decodeRoute: Decode<Route> = (view, at, end, type) => {
  if (type !== RTM_NEWROUTE) return undefined;
  const route = routeAttrs.read(view, at, end) as { to?: string; expires?: number } & RouteAttrsOut;
  route.to ??= 'default';
  // IPv6 tells only how long it still has. IPv4 has such only of what it has found out itself.
  const { cacheinfo } = route;
  if (cacheinfo !== undefined && cacheinfo.expires > 0 && route.family === 'inet6')
    route.expires = Math.ceil(cacheinfo.expires / TICKS);
  return route as Route;
};

/** In a second, as the kernel tells users: include/uapi/asm-generic/param.h, HZ. */
const TICKS = 100;

/** Without a destination the kernel would take it for the default route. */
function checkDestination(to: unknown): void {
  if (to === undefined) throw new CodecError('route.to', "is missing; the default route's is 'default'");
}

const FOR_LOOKUPS = 'is only for lookups';
const FOR_MPLS = 'is nothing that IP routes have';
const FOR_IPV6 = 'is nothing that IPv4 routes have';
/** What the kernel passes over without a word, and why it is refused. */
const UNHEEDED = new Map<string, string>([
  ['iif', FOR_LOOKUPS],
  ['mark', FOR_LOOKUPS],
  ['uid', FOR_LOOKUPS],
  ['ipProtocol', FOR_LOOKUPS],
  ['sourcePort', FOR_LOOKUPS],
  ['destinationPort', FOR_LOOKUPS],
  ['flowLabel', FOR_LOOKUPS],
  ['ttlPropagate', FOR_MPLS],
  ['newDestination', FOR_MPLS],
  ['from', FOR_IPV6],
  ['preference', FOR_IPV6],
  ['expires', FOR_IPV6],
  ['realm', 'is nothing that IPv6 routes have'],
]);

/** Refuses what would have no effect; but what a lookup told of a route may be given back. */
export function checkHeeded(route: RouteAttrsIn): void {
  if (route.table === 0 && !isCloned(route)) throw new CodecError('route.table', "is none: the usual one is 'main'");
  for (const key in route) {
    const why = UNHEEDED.get(key);
    if (why === undefined || route[key as keyof RouteAttrsIn] === undefined) continue;
    const family = routeFamily(route);
    const isHeeded = why === FOR_IPV6 ? family === AF_INET6 : key === 'realm' && family !== AF_INET6;
    if (!isHeeded && !isCloned(route)) throw new CodecError(`route.${key}`, why);
  }
}

/** Whether a lookup told it. */
function isCloned({ flags }: Pick<RouteAttrsIn, 'flags'>): boolean {
  return Array.isArray(flags) && flags.includes('cloned');
}

/** How `ip route` chooses: IPv6 knows no scope; local routes end on the host; without a gateway it is on the link. */
function defaultScope(route: RouteAttrsIn, family: number): Scope {
  if (family === AF_INET6) return 'universe';
  const { type = 'unicast' } = route;
  if (type === 'local' || type === 'nat') return 'host';
  if (type === 'broadcast' || type === 'multicast' || type === 'anycast') return 'link';
  const toLink =
    type === 'unicast' && route.via === undefined && route.nexthops === undefined && route.nexthopId === undefined;
  return toLink ? 'link' : 'universe';
}

export type RouteVerb = Verb;

/** `route.link` and those of the next hops as indexes. */
export function newRoute(verb: RouteVerb, route: RouteAttrsIn): Request<void> {
  checkDestination(route.to);
  const family = routeFamily(route);
  const value = {
    type: 'unicast',
    protocol: 'boot',
    scope: defaultScope(route, family),
    table: 'main',
    family,
    ...withGateway(route, family),
  };
  value.family = family;
  if (isCloned(value)) value.flags = value.flags!.filter((flag) => flag !== 'cloned');
  return { operation: 'RTM_NEWROUTE', subject: 'route', type: RTM_NEWROUTE, flags: verbs[verb], set, value, suspects };
}

/** What the kernel takes for "any" where it deletes; and undefined, where nothing is said. */
function checkSelects(route: RouteAttrsIn): void {
  const { table, type, protocol, metric, link, realm, nexthopId, nexthops, metrics, scope, via, source } = route;
  checkNotAny(table, [0], 'route.table');
  checkNotAny(type, [0, 'unspec'], 'route.type');
  checkNotAny(protocol, [0, 'unspec'], 'route.protocol');
  checkNotAny(scope, [255, 'nowhere'], 'route.scope');
  checkNotAny(metric, [0], 'route.metric');
  checkNotAny(realm, [0], 'route.realm');
  checkNotAny(nexthopId, [0], 'route.nexthopId');
  checkLinkFilter(link, 'route.link');
  if (Array.isArray(nexthops) && nexthops.length === 0) throw new CodecError('route.nexthops', 'takes at least one');
  if (metrics !== undefined && !Object.values(metrics).some((value) => value !== undefined))
    throw new CodecError('route.metrics', 'says nothing of what to delete');
  for (const [key, address] of [
    ['via', via],
    ['source', source],
  ] as const)
    if (typeof address === 'string' && parseIp(address)?.every((byte) => byte === 0) === true)
      throw new CodecError(`route.${key}`, `"${address}" is any to the kernel: leave it out for that`);
}

/**
 * Deletes the first route that is like `route` in all that the kernel compares: of IPv4 `table`, `tos`, `metric`, `type`,
 * `protocol`, `scope`, `source`, `realm`, `metrics` and the next hops, of IPv6 `table`, `metric`, `protocol` and the next hops.
 */
export function deleteRoute(route: RouteAttrsIn): Request<void> {
  checkDestination(route.to);
  checkSelects(route);
  checkHeeded(route);
  return deleteRead(route);
}

/** Deletes a route that was read. */
export function deleteRead(route: RouteAttrsIn): Request<void> {
  const family = routeFamily(route);
  const value = { scope: 'nowhere', table: 'main', family, ...withGateway(route, family) };
  value.family = family;
  return {
    operation: 'RTM_DELROUTE',
    subject: 'route',
    type: RTM_DELROUTE,
    flags: 0,
    set,
    value,
    suspects: deleteSuspects,
  };
}

const NOT_COMPARED = ['type', 'source', 'from', 'metrics', 'preference'] as const;
const COMPARED = ['to', 'metric', 'protocol', 'link', 'via', 'nexthopId', ...NOT_COMPARED] as const;

/**
 * Whether the kernel would delete without a look at something that `route` says: IPv6 compares less than IPv4. Routes
 * that were read, which have `cacheinfo`, say enough else.
 */
export function isComparedHere(route: RouteAttrsIn): boolean {
  if (route.cacheinfo !== undefined || !NOT_COMPARED.some((key) => route[key] !== undefined)) return false;
  return routeFamily(route) === AF_INET6;
}

/** Whether a route that was read is as `route` says; for those that are compared here. */
export function fitting(route: RouteAttrsIn): (read: Route) => boolean {
  const family = routeFamily(route);
  // As it would be read: `fd00:0::/64` and `fd00::/64` are the same.
  const writer = new Writer();
  routeAttrs.write(writer, Object.assign({}, withGateway(route, family), { family }));
  const said = routeAttrs.read(writer.view, 0, writer.length) as Record<string, unknown>;
  said['to'] ??= 'default';
  const keys = COMPARED.filter((key) => route[key] !== undefined);
  return (read) => keys.every((key) => hasAll(read[key], said[key]));
}

/** Whether `read` is what was said, or has each member of it. */
function hasAll(read: unknown, said: unknown): boolean {
  if (typeof said !== 'object' || said === null) return read === said;
  return Object.entries(said).every(([key, value]) =>
    hasAll((read as Readonly<Record<string, unknown>> | undefined)?.[key], value),
  );
}

const FILTERS = ['family', 'table', 'type', 'protocol', 'link'];

/** What the kernel filters a dump by, since Linux 4.20. */
export type RouteFilterAttrs = Pick<RouteAttrsIn, 'family' | 'table' | 'type' | 'protocol' | 'link'>;

export function checkRouteFilter(filter: object): void {
  checkFilter(filter, FILTERS, 'route');
  const { family, table, type, protocol, link } = filter as RouteFilterAttrs;
  checkIpFamily(family, 'route.family');
  checkNotAny(table, [0], 'route.table');
  checkNotAny(type, [0, 'unspec'], 'route.type');
  checkNotAny(protocol, [0, 'unspec'], 'route.protocol');
  checkLinkFilter(link, 'route.link');
}

export function listRoutes(filter: RouteFilterAttrs = {}): Request<Route> {
  checkRouteFilter(filter);
  return {
    operation: 'RTM_GETROUTE',
    subject: 'route',
    type: RTM_GETROUTE,
    flags: NLM_F_DUMP,
    set,
    // All families: in a list of one, a route that is too long and all behind it are missing, and no error says so (since Linux 6.10).
    // Kernel: net/core/rtnetlink.c, rtnl_dumpit.
    value: filter.family === undefined ? filter : Object.assign({}, filter, { family: 'unspec' }),
    decode: filter.family === undefined ? decodeRoute : ofFamily(familyNumber(filter.family, 'route.family')),
    // A table comes into being with its first route, `main` too.
    emptyOn: 'ENOENT',
    suspects: { ENODEV: 'link' },
  };
}

function ofFamily(family: number): Decode<Route> {
  return (view, at, end, type) => {
    const isOther = family !== AF_UNSPEC && at < end && view.getUint8(at) !== family;
    return isOther ? undefined : decodeRoute(view, at, end, type);
  };
}

/** What `ip route get` can say. */
export type RouteLookup = Pick<
  RouteAttrsIn,
  | 'to'
  | 'from'
  | 'iif'
  | 'link'
  | 'mark'
  | 'tos'
  | 'uid'
  | 'ipProtocol'
  | 'sourcePort'
  | 'destinationPort'
  | 'flowLabel'
  | 'flags'
  | 'family'
>;

/** Which route the kernel would take. */
export function getRoute(lookup: RouteLookup): Request<Route> {
  checkDestination(lookup.to);
  const value = Object.assign({}, lookup, { family: routeFamily(lookup) });
  return {
    operation: 'RTM_GETROUTE',
    subject: 'route',
    type: RTM_GETROUTE,
    flags: 0,
    set,
    value,
    decode: decodeRoute,
    suspects: lookupSuspects,
  };
}
