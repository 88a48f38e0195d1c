import { CodecError } from '../errors.js';
import { NLM_F_DUMP } from '../netlink/constants.js';
import type { Decode, Request } from '../netlink/request.js';
import type { AttrSet, Rows } from '../wire/attrs.js';
import { AF_BRIDGE, AF_INET, AF_INET6, RTM_DELNEIGH, RTM_GETNEIGH, RTM_NEWNEIGH } from './constants.js';
import { familyNumber, type Family } from './family.js';
import { checkFilter, checkIpFamily, checkLinkFilter } from './filters.js';
import type { LinkRef } from './link-index.js';
import {
  neighbourAttrs,
  neighbourStates,
  type NeighbourAttrsIn,
  type NeighbourAttrsOut,
  type NeighbourState,
} from './neighbour-attrs.js';
import { show } from '../wire/codec.js';
import { looksLikeIpv6 } from './prefix.js';
import { verbs, type Verb } from './verbs.js';

type ForLists = 'ofLink' | 'master';

/** A neighbour as the kernel reports it. What it says can be given back to `add`. */
export type Neighbour = Omit<NeighbourAttrsOut, ForLists | 'to'> & {
  /** The IP address of the neighbour. */
  readonly to: string;
};

/**
 * A neighbour to make. Without `state` it is `['permanent']`, as with `ip neigh`, unless it is to be found out: with the
 * flag `use` or `managed` it has no state yet.
 */
export type NewNeighbour = Omit<NeighbourAttrsIn, ForLists | 'to' | 'link'> & {
  /** The IP address of the neighbour. */
  readonly to: string;
  /** The link that it is on. Proxy entries may do without. */
  readonly link?: LinkRef | undefined;
};

/** Which neighbours to list. The kernel chooses by all but `state`. */
export interface NeighbourFilter {
  /** `'inet'` or `'inet6'`; both unless said. */
  readonly family?: Family | undefined;
  /** Neighbours on this link. */
  readonly link?: LinkRef | undefined;
  /** Neighbours on the ports of this link. */
  readonly master?: LinkRef | undefined;
  /** List the addresses that this host answers for, instead of its neighbours. */
  readonly proxy?: boolean | undefined;
  /** Those in any of these states; in none for an empty list. */
  readonly state?: readonly NeighbourState[] | undefined;
}

/** Which neighbour to get. */
export interface NeighbourLookup {
  /** The IP address of the neighbour. */
  readonly to: string;
  /** The link that it is on. */
  readonly link?: LinkRef | undefined;
  /** Get the entry that makes this host answer for the address. */
  readonly proxy?: boolean | undefined;
}

const set: AttrSet<Rows> = neighbourAttrs;
const suspects = { EEXIST: 'to', ENOENT: 'to', ENODEV: 'link' };

/** Forwarding entries come in messages of the same type; they are read by `decodeFdbEntry`. */
export const decodeNeighbour: Decode<Neighbour> = (view, at, end, type) =>
  type === RTM_NEWNEIGH && end > at && view.getUint8(at) !== AF_BRIDGE
    ? (neighbourAttrs.read(view, at, end) as Neighbour)
    : undefined;

function neighbourFamily({ family, to }: { readonly family?: Family | undefined; readonly to?: unknown }): number {
  if (to === undefined) throw new CodecError('neighbour.to', 'is missing');
  if (family !== undefined) return familyNumber(family, 'neighbour.family');
  return looksLikeIpv6(to) === true ? AF_INET6 : AF_INET;
}

export type NeighbourVerb = Exclude<Verb, 'append'>;

function defaultState({ flags }: NeighbourAttrsIn): readonly NeighbourState[] {
  return Array.isArray(flags) && (flags.includes('use') || flags.includes('managed')) ? [] : ['permanent'];
}

/** `neighbour.link` as an index. */
export function newNeighbour(verb: NeighbourVerb, neighbour: NeighbourAttrsIn): Request<void> {
  const fields = { state: neighbour.state ?? defaultState(neighbour), family: neighbourFamily(neighbour) };
  return {
    operation: 'RTM_NEWNEIGH',
    subject: 'neighbour',
    type: RTM_NEWNEIGH,
    flags: verbs[verb],
    set,
    value: Object.assign({}, neighbour, fields),
    suspects,
  };
}

/** Only the address, the link and the flag `proxy` count. */
export function deleteNeighbour(neighbour: NeighbourAttrsIn): Request<void> {
  const value = Object.assign({}, neighbour, { family: neighbourFamily(neighbour) });
  return { operation: 'RTM_DELNEIGH', subject: 'neighbour', type: RTM_DELNEIGH, flags: 0, set, value, suspects };
}

const FILTERS = ['family', 'link', 'master', 'proxy', 'state'];

export function checkNeighbourFilter(filter: object): void {
  checkFilter(filter, FILTERS, 'neighbour');
  const { family, link, master, proxy } = filter as NeighbourFilter;
  checkIpFamily(family, 'neighbour.family');
  checkLinkFilter(link, 'neighbour.link');
  checkLinkFilter(master, 'neighbour.master');
  if (proxy !== undefined && typeof proxy !== 'boolean')
    throw new CodecError('neighbour.proxy', `takes true or false, not ${show(proxy)}`);
}

/** `filter.link` and `filter.master` as indexes. */
export function listNeighbours(
  filter: Omit<NeighbourFilter, 'link' | 'master'> & {
    readonly link?: number | undefined;
    readonly master?: number | undefined;
  } = {},
): Request<Neighbour> {
  checkNeighbourFilter(filter);
  const { link: ofLink, proxy, state, ...rest } = filter;
  const value = Object.assign({}, rest, { ofLink, flags: proxy === true ? ['proxy'] : undefined });
  const wanted = state === undefined ? undefined : neighbourStates.value(state, 'neighbour.state');
  const decode: Decode<Neighbour> =
    wanted === undefined
      ? decodeNeighbour
      : (view, at, end, type) => {
          const neighbour = decodeNeighbour(view, at, end, type);
          return neighbour !== undefined && (neighbourStates.value(neighbour.state) & wanted) !== 0
            ? neighbour
            : undefined;
        };
  return { operation: 'RTM_GETNEIGH', subject: 'neighbour', type: RTM_GETNEIGH, flags: NLM_F_DUMP, set, value, decode };
}

/** `lookup.link` as an index. Since Linux 5.0. */
export function getNeighbour(
  lookup: Omit<NeighbourLookup, 'link'> & { readonly link?: number | undefined },
): Request<Neighbour> {
  const { proxy, ...rest } = lookup;
  const value = Object.assign({}, rest, {
    flags: proxy === true ? ['proxy'] : undefined,
    family: neighbourFamily(lookup),
  });
  return {
    operation: 'RTM_GETNEIGH',
    subject: 'neighbour',
    type: RTM_GETNEIGH,
    flags: 0,
    set,
    value,
    decode: decodeNeighbour,
    suspects,
  };
}
