import { CodecError } from '../errors.js';
import { NLM_F_DUMP } from '../netlink/constants.js';
import type { Decode, Request } from '../netlink/request.js';
import type { AttrSet, Rows } from '../wire/attrs.js';
import { AF_INET6, AF_UNSPEC, RTM_DELROUTE, RTM_GETROUTE, RTM_NEWROUTE } from './constants.js';
import { familyNumber } from './family.js';
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
const suspects = { EEXIST: 'to', ENOENT: 'to', ESRCH: 'to', ENODEV: 'link', ENETUNREACH: 'via', EHOSTUNREACH: 'via' };

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
  return { operation: 'RTM_NEWROUTE', subject: 'route', type: RTM_NEWROUTE, flags: verbs[verb], set, value, suspects };
}

/** Deletes the first route that is like `route` in all that it says. */
export function deleteRoute(route: RouteAttrsIn): Request<void> {
  checkDestination(route.to);
  const family = routeFamily(route);
  const value = { scope: 'nowhere', table: 'main', family, ...withGateway(route, family) };
  value.family = family;
  return { operation: 'RTM_DELROUTE', subject: 'route', type: RTM_DELROUTE, flags: 0, set, value, suspects };
}

const FILTERS = ['family', 'table', 'type', 'protocol', 'link'];

/** What the kernel filters a dump by, since Linux 4.20. */
export type RouteFilterAttrs = Pick<RouteAttrsIn, 'family' | 'table' | 'type' | 'protocol' | 'link'>;

export function listRoutes(filter: RouteFilterAttrs = {}): Request<Route> {
  for (const key in filter)
    if (!FILTERS.includes(key) && routeAttrs.has(key))
      throw new CodecError(`route.${key}`, `is nothing to filter by; ${FILTERS.join(', ')} are`);
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
    suspects: { ENETUNREACH: 'to', EHOSTUNREACH: 'to', ENODEV: 'link' },
  };
}
