import { ArgumentError } from '../errors.js';
import { Netns } from '../namespaces/index.js';
import { snapshot } from '../own.js';
import {
  newLinkParts,
  type Link,
  type LinkAttrsIn,
  type LinkChange,
  type LinkRef,
  type NewAddress,
  type NewLinkParts,
  type NewNexthop,
  type NewRoute,
  type Rtnetlink,
} from '../rtnetlink/index.js';
import { inNames, ofLinkRef } from './names.js';
import { make, type Operation } from './operation.js';

/** What a link gets beside its own attributes, in the same call. */
export interface InterfaceOptions {
  /** The namespace that the link shall live in; without it, that of the process. */
  readonly netns?: Netns | undefined;
  /** The master, by name or index in that namespace. */
  readonly master?: LinkRef | undefined;
  /** Whether to bring the link up. */
  readonly up?: boolean | undefined;
  /** Addresses with their prefix length, `'10.1.0.2/24'`, or with more to say of each. */
  readonly addresses?: readonly (string | Omit<NewAddress, 'link'>)[] | undefined;
  /** Routes, by this link unless they say otherwise; made when the link is up and has its addresses. */
  readonly routes?: readonly NewRoute[] | undefined;
}

/** A link's own attributes that can be given at creation. */
export type LinkOptions = Omit<
  LinkAttrsIn,
  'kind' | 'data' | 'portKind' | 'port' | 'netns' | 'master' | 'link' | 'up' | 'name' | 'newIndex'
> & {
  readonly name: string;
};

/** What a link gets beside its own attributes, by name: for errors. */
export const INTERFACE = ['netns', 'master', 'up', 'addresses', 'routes'] as const satisfies (keyof InterfaceOptions)[];

/** Refuses what the link's own attributes do not tell; `argument` is what the error calls these options. Returns those that count. */
export function checkInterface<T extends LinkOptions & InterfaceOptions>(argument: string, options: T): T {
  if (typeof options !== 'object' || options === null) throw new ArgumentError(argument, 'takes { name, ... }');
  const own = snapshot(options);
  const { name, netns, addresses, routes } = own;
  // The kernel puts a number in the place of "%d", so that the link would not be found by what was asked for.
  if (typeof name !== 'string' || name.includes('%'))
    throw new ArgumentError(
      `${argument}.name`,
      `takes the link's whole name, not ${typeof name === 'string' ? JSON.stringify(name) : typeof name}`,
    );
  checkNetns(`${argument}.netns`, netns);
  checkList(`${argument}.addresses`, addresses);
  checkList(`${argument}.routes`, routes);
  return own;
}

export function checkNetns(argument: string, netns: Netns | undefined): void {
  if (netns !== undefined && !(netns instanceof Netns)) throw new ArgumentError(argument, 'takes a Netns');
}

export function checkList(argument: string, list: readonly unknown[] | undefined): void {
  if (list !== undefined && !Array.isArray(list)) throw new ArgumentError(argument, 'takes a list');
}

export function checkRef(argument: string, ref: LinkRef): void {
  if (typeof ref !== 'string' && typeof ref !== 'number')
    throw new ArgumentError(argument, 'takes the name or the index of a link');
}

/** Of what the link itself gets, that which was given. */
export function givenOf({ master, up }: InterfaceOptions): Pick<InterfaceOptions, 'master' | 'up'> {
  if (master === undefined) return up === undefined ? {} : { up };
  return up === undefined ? { master } : { master, up };
}

/** What a link gets at creation, and what when it is there; errors are about `argument`. */
export function apart<T extends object>(
  argument: string,
  link: T,
  master: LinkRef | undefined,
): { first: T; rest: Pick<NewLinkParts, 'later' | 'altNames'> } {
  const whole = master === undefined ? link : Object.assign({}, link, { master });
  const { first, later, altNames } = newLinkParts(whole, argument);
  return {
    first: (first === whole ? link : Object.assign({}, first, { master: undefined })) as T,
    rest: { later, altNames },
  };
}

/** Nothing but what the link got at creation. */
export const NO_REST: Pick<NewLinkParts, 'later' | 'altNames'> = { later: undefined, altNames: [] };

export function isMore({ later, altNames }: Pick<NewLinkParts, 'later' | 'altNames'>): boolean {
  return later !== undefined || altNames.length > 0;
}

/**
 * Brings the link up and gives it its master, what it did not take at creation, its addresses and routes, and reads it: in one
 * trip to the kernel, unless something has to be looked up. `argument` is what errors call the settings. Undoing that is for the
 * most part up to whoever made the link: with the link, it goes.
 */
export async function configure(
  operation: Operation,
  client: Rtnetlink,
  index: number,
  argument: string,
  settings: InterfaceOptions,
  { later, altNames }: Pick<NewLinkParts, 'later' | 'altNames'> = NO_REST,
): Promise<Link> {
  const { call } = operation;
  const { port, portKind, ...others } = later ?? {};
  const change: LinkChange = Object.assign({}, others as LinkChange, givenOf(settings));
  const names = [['link', argument]] as const;
  const changed = Object.keys(change).length === 0 ? undefined : inNames(names, client.link.set(index, change, call));
  // Behind a look-up the change would come after what is asked for now, and routes need the link up.
  if (typeof change.master === 'string' || port !== undefined) await changed;
  // The kernel looks a port's settings up at the master that the link has before the request.
  if (port !== undefined) await inNames(names, client.link.set(index, { portKind, port } as LinkChange, call));
  if (altNames.length > 0) await inNames(names, client.link.addAltNames(index, altNames, call));
  const given = furnish(operation, client, index, argument, settings);
  const [link] = await allDone([client.link.get(index, call), changed, ...given]);
  return link;
}

/** Gives a link its addresses and routes. */
export function furnish(
  operation: Operation,
  client: Rtnetlink,
  index: number,
  argument: string,
  { addresses = [], routes = [] }: InterfaceOptions,
): Promise<void>[] {
  const { call } = operation;
  return [
    ...addresses.map((address, i) => {
      const given = `${argument}.addresses[${i}]`;
      return typeof address === 'string'
        ? inNames([['address.address', given]], client.address.add({ address, link: index }, call))
        : inNames([['address', given]], client.address.add(Object.assign({}, address, { link: index }), call));
    }),
    ...routes.map((route, i) =>
      inNames(
        [['route', `${argument}.routes[${i}]`]],
        isByLink(route)
          ? client.route.add(Object.assign({}, route, { link: index }), call)
          : addOther(operation, client, route),
      ),
    ),
  ];
}

function isByLink({ link, nexthops, type = 'unicast' }: NewRoute): boolean {
  return link === undefined && nexthops === undefined && type === 'unicast';
}

/** Adds a route that does not go with the link. */
async function addOther(operation: Operation, client: Rtnetlink, given: NewRoute): Promise<void> {
  // Undoing is for the links that have the names now, whichever have them then.
  const route = await byIndexes(client, given);
  // Without a metric an IPv6 route gets this one, and deleting it without one could hit another.
  const metric = route.family === 'inet6' || route.to?.includes(':') === true ? { metric: 1024 } : {};
  return make(
    operation,
    () => client.route.add(route),
    () => client.route.delete(Object.assign({}, metric, route)),
  );
}

/** A route with the indexes of the links that it names. */
async function byIndexes(client: Rtnetlink, route: NewRoute): Promise<NewRoute> {
  const indexOf = async (path: string, link: LinkRef | undefined) =>
    typeof link === 'string' ? (await inNames(ofLinkRef(path), client.link.get(link))).index : link;
  const link = await indexOf('route.link', route.link);
  if (!Array.isArray(route.nexthops)) return link === route.link ? route : Object.assign({}, route, { link });
  const hops = await allDone(
    (route.nexthops as readonly NewNexthop[]).map(async (hop, i) =>
      Object.assign({}, hop, { link: await indexOf(`route.nexthops[${i}].link`, hop.link) }),
    ),
  );
  return Object.assign({}, route, { link, nexthops: hops });
}

/** Waits for all, then throws the first error: nothing may still be under way when undoing begins. */
export async function allDone<T extends readonly unknown[]>(
  promises: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const results = await Promise.allSettled(promises);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return results.map((result) => (result as PromiseFulfilledResult<unknown>).value) as {
    -readonly [K in keyof T]: Awaited<T[K]>;
  };
}
