import type { CallOptions } from '../netlink/options.js';
import type { Request } from '../netlink/request.js';
import { kept, last, many, type List, type Mode, type Result, type Runner, type Steps } from '../netlink/runner.js';
import type { LinkRef } from './link-index.js';
import { ESRCH } from '../errno.js';
import { KernelError } from '../errors.js';
import { checkNarrows } from './filters.js';
import { hasNames, withIndexes } from './resolve.js';
import {
  checkHeeded,
  checkRouteFilter,
  deleteRead,
  deleteRoute,
  fitting,
  getRoute,
  isComparedHere,
  listRoutes,
  newRoute,
  type NewNexthop,
  type NewRoute,
  type Route,
  type RouteFilterAttrs,
  type RouteLookup,
  type RouteVerb,
} from './route.js';
import type { RouteAttrsIn } from './route-attrs.js';

const REFS = ['link', 'iif'];

/** Which routes to list; the kernel chooses. */
export type RouteFilter = Omit<RouteFilterAttrs, 'link'> & { readonly link?: LinkRef | undefined };

/**
 * A route to delete: what it says has to fit, what it leaves out does not matter. For IPv6 the kernel compares neither
 * `type`, `source`, `from`, `metrics` nor `preference`: with one of these the routes of the table are listed first.
 */
export type RouteToDelete = NewRoute;

/** What the kernel shall look a route up for. */
export type NewRouteLookup = Omit<RouteLookup, 'link' | 'iif' | 'to'> & {
  /** The address that packets go to. */
  readonly to: string;
  /** Packets leave by this link. */
  readonly link?: LinkRef | undefined;
  /** Packets come in by this link. */
  readonly iif?: LinkRef | undefined;
};

function needsLookup(route: { readonly nexthops?: readonly NewNexthop[] | undefined }): boolean {
  if (hasNames(route, REFS, 'route')) return true;
  const { nexthops } = route;
  return (
    Array.isArray(nexthops) &&
    (nexthops as readonly NewNexthop[]).some((hop, index) => hasNames(hop, REFS, `route.nexthops[${index}]`))
  );
}

function* resolved(route: NewRoute): Steps<RouteAttrsIn> {
  const out = yield* withIndexes(route, REFS, 'route');
  if (Array.isArray(route.nexthops)) {
    const hops: object[] = [];
    for (const [index, hop] of (route.nexthops as readonly NewNexthop[]).entries())
      hops.push(yield* withIndexes(hop, REFS, `route.nexthops[${index}]`));
    out['nexthops'] = hops;
  }
  return out;
}

function* deletions(routes: Iterable<Route>, filter: RouteFilter): Generator<Request<void>> {
  for (const route of routes) {
    const isMeant = filter.protocol !== undefined || route.protocol !== 'kernel';
    if (isMeant && !route.flags.includes('cloned')) yield deleteRead(route);
  }
}

/** Routes, IPv4 and IPv6. `ip route`. */
export class Routes<M extends Mode> {
  readonly #run: Runner<M>;

  constructor(run: Runner<M>) {
    this.#run = run;
  }

  /** Makes a route; EEXIST when there is one to the same prefix with the same metric and table. */
  add(route: NewRoute, options?: CallOptions): Result<M, void> {
    return this.#make('add', route, options);
  }

  /** Makes a route, in place of the one that is there. */
  replace(route: NewRoute, options?: CallOptions): Result<M, void> {
    return this.#make('replace', route, options);
  }

  /** Changes a route that is there; ENOENT when there is none. */
  change(route: NewRoute, options?: CallOptions): Result<M, void> {
    return this.#make('change', route, options);
  }

  /** Makes a route behind those to the same prefix; for IPv6 this adds a next hop to a multipath route. */
  append(route: NewRoute, options?: CallOptions): Result<M, void> {
    return this.#make('append', route, options);
  }

  #make(verb: RouteVerb, route: NewRoute, options?: CallOptions): Result<M, void> {
    return this.#run.one(
      (route: NewRoute) => {
        const isByName = needsLookup(route);
        checkHeeded(route as RouteAttrsIn);
        return isByName ? this.#resolveAndMake(verb, route) : newRoute(verb, route as RouteAttrsIn);
      },
      options,
      route,
    );
  }

  *#resolveAndMake(verb: RouteVerb, route: NewRoute): Steps<void> {
    return yield* last(newRoute(verb, yield* resolved(route)));
  }

  /** Deletes the first route that fits; ESRCH when there is none. */
  delete(route: RouteToDelete, options?: CallOptions): Result<M, void> {
    return this.#run.one(
      (route: RouteToDelete) =>
        needsLookup(route) || isComparedHere(route as RouteAttrsIn)
          ? this.#delete(route)
          : deleteRoute(route as RouteAttrsIn),
      options,
      route,
    );
  }

  *#delete(route: RouteToDelete): Steps<void> {
    const value = yield* resolved(route);
    const request = deleteRoute(value);
    if (!isComparedHere(value)) return yield* last(request);
    const { type, table = 'main' } = value;
    const fits = fitting(value);
    for (const found of yield* kept(listRoutes({ family: 'inet6', type, table })))
      if (fits(found)) return yield* last(deleteRead(found as RouteAttrsIn));
    throw new KernelError({ errno: ESRCH, operation: request.operation });
  }

  /**
   * All routes of both families and all tables, or those that the filter says; the kernel chooses. What stands for "any" to
   * it, such as the table 0, is refused.
   */
  list(filter: RouteFilter = {}, options?: CallOptions): List<M, Route> {
    return this.#run.list(
      (filter: RouteFilter) =>
        hasNames(filter, REFS, 'route') ? this.#list(filter) : listRoutes(filter as RouteFilterAttrs),
      options,
      filter,
    );
  }

  *#list(filter: RouteFilter): Steps<Request<Route>> {
    return listRoutes(yield* withIndexes(filter, REFS, 'route'));
  }

  /** The route that packets to `lookup.to` would take. ENETUNREACH when there is none. */
  get(lookup: NewRouteLookup, options?: CallOptions): Result<M, Route> {
    return this.#run.one(
      (lookup: NewRouteLookup) =>
        hasNames(lookup, REFS, 'route') ? this.#get(lookup) : getRoute(lookup as RouteLookup),
      options,
      lookup,
    );
  }

  *#get(lookup: NewRouteLookup): Steps<Route> {
    return yield* last(getRoute(yield* withIndexes(lookup, REFS, 'route')));
  }

  /** Deletes all routes that `list` gives for this filter, which has to say something; the kernel's own are spared unless asked for. */
  flush(filter: RouteFilter, options?: CallOptions): Result<M, void> {
    return this.#run.one((filter: RouteFilter) => this.#flush(filter), options, filter);
  }

  *#flush(filter: RouteFilter): Steps<void> {
    checkRouteFilter(filter);
    checkNarrows(filter, 'route');
    const routes = yield* kept(listRoutes(yield* withIndexes(filter, REFS, 'route')));
    yield* many(deletions(routes, filter), 'ESRCH');
  }
}
