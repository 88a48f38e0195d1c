import { ArgumentError } from '../errors.js';
import { Netns } from '../namespaces/index.js';
import { snapshot } from '../own.js';
import type { Link, LinkAttrsIn, LinkRef, NewAddress, NewRoute, Rtnetlink } from '../rtnetlink/index.js';
import { inNames } from './names.js';
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
  'kind' | 'data' | 'portKind' | 'port' | 'netns' | 'master' | 'link' | 'up' | 'name'
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

/**
 * Brings the link up and gives it its master, addresses and routes, and reads it: in one trip to the kernel, unless the
 * master's name has to be looked up. `argument` is what errors call the settings. Undoing that is for the most part up to whoever made the link: with the link, it goes.
 */
export async function configure(
  operation: Operation,
  client: Rtnetlink,
  index: number,
  argument: string,
  settings: InterfaceOptions,
): Promise<Link> {
  const { call } = operation;
  const change = givenOf(settings);
  const changed =
    Object.keys(change).length === 0 ? undefined : inNames([['link', argument]], client.link.set(index, change, call));
  // Behind a look-up the change would come after what is asked for now, and routes need the link up.
  if (typeof change.master === 'string') await changed;
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
function addOther(operation: Operation, client: Rtnetlink, route: NewRoute): Promise<void> {
  // Without a metric an IPv6 route gets this one, and deleting it without one could hit another.
  const metric = route.family === 'inet6' || route.to?.includes(':') === true ? { metric: 1024 } : {};
  return make(
    operation,
    () => client.route.add(route),
    () => client.route.delete(Object.assign({}, metric, route)),
  );
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
