import { CodecError } from '../errors.js';
import { NLM_F_BULK, NLM_F_DUMP } from '../netlink/constants.js';
import type { Decode, Request } from '../netlink/request.js';
import { checkKeys, checkSwitch } from '../options.js';
import type { AttrSet, Rows } from '../wire/attrs.js';
import type { Bits } from '../wire/enums.js';
import { AF_BRIDGE, RTM_DELNEIGH, RTM_GETNEIGH, RTM_NEWNEIGH } from './constants.js';
import { parseIp } from '../wire/ip.js';
import { show } from '../wire/codec.js';
import { checkFilter, checkLinkFilter, checkNotAny } from './filters.js';
import type { LinkRef } from './link-index.js';
import {
  fdbAttrs,
  neighbourFlags,
  neighbourStates,
  type FdbAttrsIn,
  type FdbAttrsOut,
  type NeighbourFlag,
  type NeighbourFlags,
  type NeighbourState,
} from './neighbour-attrs.js';
import { verbs, type Verb } from './verbs.js';

type Masks = 'stateMask' | 'flagsMask';

/** A forwarding entry of a bridge or of a link such as VXLAN, as the kernel reports it. What it says can be given back to `add`. */
export type FdbEntry = Omit<FdbAttrsOut, Masks | 'mac'> & {
  /** The MAC address that packets are sent to. */
  readonly mac: string;
};

/**
 * A forwarding entry to make.
 *
 * A link can have entries of its own (flag `self`), and as a port of a bridge it appears in those of the bridge (flag
 * `master`). Without either flag it is `master` where a `master` other than the link itself is given, else `self`.
 *
 * Without `state` the entry is static, that is, it does not age, and learning does not change it: `['permanent']` in
 * links' own tables, `['noarp', 'reachable']` in bridges'. There `['permanent']` means another thing: that the address is
 * the host's own, so that packets for it do not leave by the port. `['reachable']` makes an entry that ages.
 */
export type NewFdbEntry = Omit<FdbAttrsIn, Masks | 'family' | 'mac' | 'link' | 'via' | 'master'> & {
  /** The MAC address that packets are sent to. All zeros in a VXLAN link: where to send what no other entry is for. */
  readonly mac: string;
  /** The link that packets leave by. */
  readonly link: LinkRef;
  /** VXLAN: the link to send by. */
  readonly via?: LinkRef | undefined;
  /** The bridge that `link` is a port of, for an entry of the bridge. The kernel knows which it is. */
  readonly master?: LinkRef | undefined;
  /** Passed over: it is `'bridge'`. */
  readonly family?: FdbAttrsIn['family'];
};

/** Which forwarding entries to list; the kernel does the choosing. */
export interface FdbFilter {
  /** Entries of this link, and of bridges about this port. */
  readonly link?: LinkRef | undefined;
  /** Entries of this bridge and of its ports. */
  readonly master?: LinkRef | undefined;
}

/** Which forwarding entry to get. */
export interface FdbLookup {
  /** The MAC address that packets are sent to. */
  readonly mac: string;
  /** Look into this link's own table; with the flag `master`, into that of the bridge that it is a port of. */
  readonly link?: LinkRef | undefined;
  /** Look into this bridge's table, whatever `link` says. */
  readonly master?: LinkRef | undefined;
  readonly flags?: readonly ('self' | 'master')[] | undefined;
  /** The VLAN, 1 to 4094. */
  readonly vlan?: number | undefined;
  /** VXLAN: the network identifier that the entry is for, 0 to 2^24 - 1. */
  readonly vni?: number | undefined;
}

/** Names that must be there (`true`) or must not. */
type Match<Name extends string> = Readonly<Partial<Record<Name, boolean | undefined>>>;

/** Which forwarding entries to delete at once. */
export interface FdbFlush extends Pick<FdbAttrsIn, 'vlan' | 'dst' | 'port' | 'vni' | 'srcVni' | 'nexthopId'> {
  /** Entries of this link, a bridge or VXLAN; with `master` those of the bridge about this port. */
  readonly link?: LinkRef | undefined;
  readonly master?: LinkRef | undefined;
  /** Those that have, or have not, these states: `{ permanent: false }`. Here `noarp` stands for all static entries. */
  readonly state?: Match<'permanent' | 'noarp'> | undefined;
  /** Those that have, or have not, these flags. */
  readonly flags?: Match<'use' | 'extLearned' | 'offloaded' | 'sticky' | 'router'> | undefined;
}

/** The same with links by their indexes. */
type Indexed<T> = { readonly [K in keyof T]: K extends 'link' | 'master' ? number | undefined : T[K] };

const set: AttrSet<Rows> = fdbAttrs;
const suspects = { EEXIST: 'mac', ENOENT: 'mac', ENODEV: 'link' };

export const decodeFdbEntry: Decode<FdbEntry> = (view, at, end, type) =>
  type === RTM_NEWNEIGH && end > at && view.getUint8(at) === AF_BRIDGE
    ? (fdbAttrs.read(view, at, end) as FdbEntry)
    : undefined;

/** Whose table an entry is for, if it does not say so itself. */
function withTable({ flags = [], link, master }: Pick<FdbAttrsIn, 'flags' | 'link' | 'master'>): NeighbourFlags {
  const isList: boolean = Array.isArray(flags);
  if (!isList || flags.includes('self') || flags.includes('master')) return flags;
  return [...flags, master === undefined || master === null || master === link ? 'self' : 'master'];
}

export type FdbVerb = Verb;

/**
 * `entry.link`, `entry.via` and `entry.master` as indexes. Appending gives a VXLAN link a further destination for the MAC of
 * all zeros or a multicast one; for another MAC there is one destination, and appending to it changes nothing.
 */
export function newFdbEntry(verb: FdbVerb, entry: FdbAttrsIn): Request<void> {
  const value = complete(entry);
  return { operation: 'RTM_NEWNEIGH', subject: 'fdb', type: RTM_NEWNEIGH, flags: verbs[verb], set, value, suspects };
}

/**
 * Deletes one destination when `dst` says which, else the entry. Kernel: drivers/net/vxlan/vxlan_core.c, __vxlan_fdb_delete;
 * net/bridge/br_fdb.c, br_fdb_delete.
 */
export function deleteFdbEntry(entry: FdbAttrsIn): Request<void> {
  checkDestination(entry);
  const value = complete(entry);
  return { operation: 'RTM_DELNEIGH', subject: 'fdb', type: RTM_DELNEIGH, flags: 0, set, value, suspects };
}

/** A destination that the kernel would take for any, so that it deletes all of the entry. */
function checkDestination(entry: FdbAttrsIn): void {
  checkSomewhere(entry.dst);
  for (const key of ['port', 'vni', 'via'] as const)
    if (entry[key] !== undefined && entry[key] !== null && entry.dst === undefined)
      throw new CodecError(`fdb.${key}`, 'needs dst beside it: without, the kernel deletes all destinations');
}

function checkSomewhere(dst: unknown): void {
  if (typeof dst === 'string' && parseIp(dst)?.every((byte) => byte === 0) === true)
    throw new CodecError('fdb.dst', `${show(dst)} is any to the kernel: leave it out for that`);
}

/** What the kernel only reports. */
const REPORTED: readonly unknown[] = ['offloaded', 'locked'];

/** Flags of an entry that was read, without those that the kernel refuses, or would report as if they were so. */
function settable(flags: NeighbourFlags): NeighbourFlags {
  const isList: boolean = Array.isArray(flags);
  return isList && flags.some((flag) => REPORTED.includes(flag))
    ? flags.filter((flag) => !REPORTED.includes(flag))
    : flags;
}

/** A learned entry that nothing is heard from any more is `stale`, which cannot be said: it ages. */
function stateToSay(state: readonly (NeighbourState | number)[]): readonly (NeighbourState | number)[] {
  return Array.isArray(state) && state.length === 1 && state[0] === 'stale' ? ['reachable'] : state;
}

/** Links that only filter by address want to see the state in deletions as well. */
function complete(entry: FdbAttrsIn): FdbAttrsIn {
  if (entry.mac === undefined) throw new CodecError('fdb.mac', 'is missing');
  const flags = settable(withTable(entry));
  const staticState: readonly NeighbourState[] = flags.includes('master') ? ['noarp', 'reachable'] : ['permanent'];
  return Object.assign({}, entry, { state: stateToSay(entry.state ?? staticState), flags, family: 'bridge' as const });
}

/** `filter.link` and `filter.master` as indexes. */
export function listFdb(filter: Indexed<FdbFilter> = {}): Request<FdbEntry> {
  checkFilter(filter, ['link', 'master'], 'fdb');
  checkLinkFilter(filter.link, 'fdb.link');
  checkLinkFilter(filter.master, 'fdb.master');
  const value = Object.assign({}, filter, { family: 'bridge' });
  return {
    operation: 'RTM_GETNEIGH',
    subject: 'fdb',
    type: RTM_GETNEIGH,
    flags: NLM_F_DUMP,
    set,
    value,
    decode: decodeFdbEntry,
  };
}

/** `lookup.link` and `lookup.master` as indexes. Since Linux 5.0; of the links' own tables, those of bridges and VXLAN. */
export function getFdbEntry(lookup: Indexed<FdbLookup>): Request<FdbEntry> {
  const where = lookup.master === undefined ? { flags: withTable(lookup) } : { link: undefined };
  const value = Object.assign({}, lookup, { family: 'bridge', ...where });
  return {
    operation: 'RTM_GETNEIGH',
    subject: 'fdb',
    type: RTM_GETNEIGH,
    flags: 0,
    set,
    value,
    decode: decodeFdbEntry,
  };
}

/** The names that are true, and all names; where nothing is wanted, none are looked at. */
function match<Name extends string>(
  wanted: Match<Name> | undefined,
  bits: Bits<Name>,
  where: string,
): [on: Name[], looked: Name[] | undefined] {
  if (wanted === undefined) return [[], undefined];
  if (Array.isArray(wanted)) throw new CodecError(where, 'takes { name: true or false }, not a list');
  const names = Object.keys(bits.names) as Name[];
  const own = checkKeys(where, wanted, names);
  for (const name of names) checkSwitch(`${where}.${name}`, own[name]);
  const looked = names.filter((name) => own[name] !== undefined);
  if (looked.length === 0) throw new CodecError(where, 'says nothing of what to delete');
  return [looked.filter((name) => own[name] === true), looked];
}

const FLUSHES = ['link', 'master', 'vlan', 'dst', 'port', 'vni', 'srcVni', 'nexthopId', 'state', 'flags'];

/**
 * Deletes all entries that match; `flush.link` and `flush.master` as indexes. Bridges since Linux 6.0, VXLAN since 6.7:
 * before 6.0 the kernel answers EINVAL, then EOPNOTSUPP.
 */
export function flushFdb(flush: Indexed<FdbFlush>): Request<void> {
  checkFilter(flush, FLUSHES, 'fdb');
  checkLinkFilter(flush.link, 'fdb.link');
  checkLinkFilter(flush.master, 'fdb.master');
  if (flush.link === undefined && flush.master === undefined)
    throw new CodecError('fdb.link', 'is missing: entries of which link, or of which master?');
  for (const key of ['port', 'vni', 'srcVni', 'nexthopId'] as const) checkNotAny(flush[key], [0], `fdb.${key}`);
  checkSomewhere(flush.dst);
  const { link, master, state, flags, ...rest } = flush;
  const [states, stateMask] = match<NeighbourState>(state, neighbourStates, 'fdb.state');
  const [flagsOn, flagsMask] = match<NeighbourFlag>(flags, neighbourFlags, 'fdb.flags');
  const value = Object.assign({}, rest, master === undefined ? { link } : { link: master, via: link }, {
    family: 'bridge',
    state: states,
    flags: [...flagsOn, 'self'],
    stateMask,
    flagsMask,
  });
  return { operation: 'RTM_DELNEIGH', subject: 'fdb', type: RTM_DELNEIGH, flags: NLM_F_BULK, set, value };
}
