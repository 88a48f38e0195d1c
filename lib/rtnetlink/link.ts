import { CodecError } from '../errors.js';
import { NLM_F_CREATE, NLM_F_DUMP, NLM_F_ECHO, NLM_F_EXCL } from '../netlink/constants.js';
import type { Decode, Request } from '../netlink/request.js';
import { show } from '../wire/codec.js';
import type { AttrSet, Rows } from '../wire/attrs.js';
import { RTM_DELLINK, RTM_DELLINKPROP, RTM_GETLINK, RTM_NEWLINK, RTM_NEWLINKPROP } from './constants.js';
import * as kinds from './kinds/index.js';
import type { DataIn, DataOut, Kind } from './kinds/index.js';
import type { OtherKind, OtherPortKind } from './kinds/other.js';
import type { PortIn, PortKind, PortOut } from './ports/index.js';
import { checkFilter, checkLinkFilter } from './filters.js';
import { checkAtOnce } from './later.js';
import { altNameAttrs, linkAttrs, type LinkAttrsIn, type LinkAttrsOut } from './link-attrs.js';
import type { LinkRef } from './link-index.js';

type KindFields = 'kind' | 'data' | 'portKind' | 'port';
type KindOut = { readonly [K in Kind]: { readonly kind: K; readonly data?: DataOut<K> } }[Kind];
type PortFieldsOut = { readonly [K in PortKind]: { readonly portKind: K; readonly port?: PortOut<K> } }[PortKind];
type OtherKindOut =
  { readonly kind: OtherKind; readonly data?: Uint8Array } | { readonly kind?: undefined; readonly data?: undefined };
type OtherPortOut =
  | { readonly portKind: OtherPortKind; readonly port?: Uint8Array }
  | { readonly portKind?: undefined; readonly port?: undefined };

/**
 * A link as the kernel reports it. `data` is of the kind that `kind` says, bytes for a kind without a table; attributes
 * that were not sent are not there. A kind that this version has never heard of reads as its name too, which the types
 * cannot say without giving up telling the others apart.
 */
export type Link = Omit<LinkAttrsOut, KindFields | 'name'> & { readonly name: string } & (KindOut | OtherKindOut) &
  (PortFieldsOut | OtherPortOut);

/** Links named by index or by name. */
export interface LinkRefs {
  readonly master?: LinkRef | null | undefined;
  readonly link?: LinkRef | undefined;
}

type Plain = Omit<LinkAttrsIn, KindFields | keyof LinkRefs> & LinkRefs;
type KindIn = { readonly [K in Kind]: { readonly kind: K; readonly data?: WithRefs<DataIn<K>> | undefined } }[Kind];
type AnyKindIn = { readonly kind: string & {}; readonly data?: Uint8Array | undefined };
type PortFieldsIn =
  | {
      readonly [K in PortKind]: {
        readonly portKind?: K | undefined;
        readonly port?: WithPortRefs<PortIn<K>> | undefined;
      };
    }[PortKind]
  | { readonly portKind: string & {}; readonly port?: Uint8Array | undefined };

/** A kind's data in which another link may be given by name. */
type WithRefs<T> = T extends { readonly link?: unknown }
  ? Omit<T, 'link'> & { readonly link?: LinkRef | undefined }
  : T;

/** A port's settings in which another port may be given by name. */
type WithPortRefs<T> = T extends { readonly backupPort?: unknown }
  ? Omit<T, 'backupPort'> & { readonly backupPort?: LinkRef | null | undefined }
  : T;

/** A link to create. */
export type NewLink = Omit<Plain, 'newIndex'> & (KindIn | AnyKindIn) & PortFieldsIn;
/** What to change of a link; `kind` is looked up when `data` is given without it. */
export type LinkChange = Omit<Plain, 'altName' | 'altNames'> &
  (KindIn | AnyKindIn | { readonly kind?: undefined; readonly data?: WithRefs<DataIn<Kind>> | undefined }) &
  PortFieldsIn;

/** Which links to list; the kernel does the choosing. */
export interface LinkFilter {
  /** Links of this kind. */
  readonly kind?: string | undefined;
  /** Ports of this master. */
  readonly master?: LinkRef | undefined;
  /** What to report beside the usual (`'vf'`), or to leave out (`'skipStats'`). */
  readonly extMask?: LinkAttrsIn['extMask'];
}

const set: AttrSet<Rows> = linkAttrs;

export const decodeLink: Decode<Link> = (view, at, end, type) =>
  type === RTM_NEWLINK ? (linkAttrs.read(view, at, end) as Link) : undefined;

/** By index, or by name: an alternative name finds a link too, and may be longer than a name. */
export function selectLink(ref: LinkRef): LinkAttrsIn {
  if (typeof ref === 'number' && ref !== 0) return { index: ref };
  if (typeof ref !== 'string') throw new CodecError('link', `takes the name or the index of a link, not ${show(ref)}`);
  return isLongName(ref) ? { altName: ref } : { name: ref };
}

/** Only an alternative name is this long. Before Linux 5.19 it finds a link to get or to delete, but none to change. */
export function isLongName(ref: string): boolean {
  return Buffer.byteLength(ref) > 15;
}

/** The member by which `selectLink` finds a link. */
function selector(value: LinkAttrsIn): string {
  return value.index !== undefined ? 'index' : value.name !== undefined ? 'name' : 'altName';
}

export function getLink(ref: LinkRef): Request<Link> {
  const value = selectLink(ref);
  const suspects = { ENODEV: selector(value) };
  return {
    operation: 'RTM_GETLINK',
    subject: 'link',
    type: RTM_GETLINK,
    flags: 0,
    set,
    value,
    decode: decodeLink,
    suspects,
  };
}

/**
 * Only with a mask does the kernel look how much room the largest link takes. Without one, a link of more than 32 KiB and all behind it
 * are missing from the list, and no error says so (since Linux 6.10). This bit changes nothing in lists of this family. Kernel:
 * net/core/rtnetlink.c, rtnl_calcit.
 */
const MEASURED = { extMask: ['mrp'] } as const;

/** `filter.master` as an index. */
export function listLinks(
  filter: Omit<LinkFilter, 'master'> & { readonly master?: number | undefined } = {},
): Request<Link> {
  checkFilter(filter, ['kind', 'master', 'extMask'], 'link');
  checkLinkFilter(filter.master, 'link.master');
  return {
    operation: 'RTM_GETLINK',
    subject: 'link',
    type: RTM_GETLINK,
    flags: NLM_F_DUMP,
    set,
    value: (filter.extMask?.length ?? 0) > 0 ? filter : Object.assign({}, filter, MEASURED),
    decode: filter.kind === undefined ? decodeLink : ofKind(filter.kind),
  };
}

/** A kernel that does not know the kind gives all links, whatever theirs. */
function ofKind(kind: string): Decode<Link> {
  return (view, at, end, type) => {
    const link = decodeLink(view, at, end, type);
    return link?.kind === kind ? link : undefined;
  };
}

/** Kernel: net/core/rtnetlink.c, __rtnl_newlink. */
const UNKNOWN_KIND = 'Unknown device type';

/** Kinds that look only for the link beneath. */
const ABOVE_ANOTHER: readonly unknown[] = ['macvlan', 'macvtap', 'ipvlan', 'ipvtap', 'vlan'];

const addSuspects: Request<void>['suspects'] = {
  EEXIST: (said, link: LinkAttrsIn) => (said === undefined && isSure(link) ? nameOrIndex(link) : undefined),
  // Else it may be an attribute of the kind, or the master.
  EOPNOTSUPP: (said) => (said === UNKNOWN_KIND ? 'kind' : undefined),
  ENODEV: (_said, { kind }: LinkAttrsIn) => (ABOVE_ANOTHER.includes(kind) ? 'link' : undefined),
};

/**
 * Whether it is plain what of a new link may be taken. Not where that is several things, nor in another namespace, nor for
 * tunnels, of which there may be one with the same ends.
 */
export function isSure(link: LinkAttrsIn): boolean {
  const { kind, index, name, netns, netnsPid, targetNetnsId } = link;
  const isSeveral = (index !== undefined && name !== undefined) || peerOf(link).name !== undefined;
  const isHere = netns === undefined && netnsPid === undefined && targetNetnsId === undefined;
  return isHere && !isSeveral && kind !== undefined && Object.hasOwn(kinds.tables(), kind);
}

function nameOrIndex({ name, index }: LinkAttrsIn): 'name' | 'index' | undefined {
  return name !== undefined ? 'name' : index !== undefined ? 'index' : undefined;
}

/** Creates a link; refs to other links as indexes. Takes only what the kernel takes at creation: `Links.add` sends the rest later. */
export function addLink(link: object): Request<void> {
  checkAtOnce(link);
  return {
    operation: 'RTM_NEWLINK',
    subject: 'link',
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    set,
    value: link,
    suspects: addSuspects,
  };
}

/** What `peerOf` gives of a link without one. */
export const NO_PEER: LinkAttrsIn = Object.freeze({});

/** The peer of a new veth link, and what else comes as a pair. */
export function peerOf({ data }: LinkAttrsIn): LinkAttrsIn {
  const peer: unknown =
    typeof data === 'object' && data !== null ? (data as { readonly peer?: unknown }).peer : undefined;
  return typeof peer === 'object' && peer !== null ? peer : NO_PEER;
}

/** The same, answered with the new link where the kernel does that. */
export function addLinkWithEcho(link: object): Request<Link | undefined> {
  const request = addLink(link);
  return Object.assign({}, request, { flags: request.flags | NLM_F_ECHO, decode: decodeLink });
}

/** Changes the link that `value.index`, or `value.name` without an index, stands for. */
export function changeLink(value: object): Request<void> {
  const { index = 0, name, altName } = value as LinkAttrsIn;
  // Without one the kernel changes all links of `value.group`.
  if (index === 0 && name === undefined && altName === undefined)
    throw new CodecError('link', 'says neither by index nor by name which link to change');
  return {
    operation: 'RTM_NEWLINK',
    subject: 'link',
    type: RTM_NEWLINK,
    flags: 0,
    set,
    value,
    suspects: changeSuspects,
  };
}

const changeSuspects: Request<void>['suspects'] = {
  ENODEV: (said, change) => (said === undefined && !saysAny(change, FINDING_OTHERS) ? selector(change) : undefined),
  // A link is selected by one of both, and renamed by the other.
  EEXIST: (_said, change: LinkAttrsIn) =>
    change.index !== undefined && change.name !== undefined && !saysAny(change, MAY_BE_TAKEN) ? 'name' : undefined,
  // It takes no ports, or not this one.
  EOPNOTSUPP: (_said, change) => onlyChange(change) ?? ifMaster(change, NEVER_UNSUPPORTED),
  ELOOP: (_said, change) => ifMaster(change, NEVER_UNSUPPORTED),
  EINVAL: (_said, change) => onlyChange(change),
  EADDRNOTAVAIL: (_said, change) => onlyChange(change),
};

/** What may find no device, too. */
const FINDING_OTHERS = ['data', 'port', 'xdp', 'carrier', 'address', 'mtu'];
/** What may be taken, too. */
const MAY_BE_TAKEN = ['netns', 'netnsPid', 'targetNetnsId', 'data', 'port', 'master'];
const SELECTING = ['index', 'name', 'altName'];
const NEVER_UNSUPPORTED = [...SELECTING, 'up', 'flags', 'group', 'alias', 'txQueueLength', 'mtu'];

function saysAny(change: object, keys: readonly string[]): boolean {
  return keys.some((key) => (change as Record<string, unknown>)[key] !== undefined);
}

/** What a change is of, if it is of one thing; that kinds have of their own consists of several. */
function onlyChange(change: object): string | undefined {
  let only: string | undefined;
  for (const key in change) {
    if ((change as Record<string, unknown>)[key] === undefined || SELECTING.includes(key)) continue;
    if (only !== undefined || key === 'data' || key === 'port' || key === 'kind') return undefined;
    only = key;
  }
  return only;
}

/** `'master'`, if beside it there are only members that this cannot be about. */
function ifMaster(change: LinkAttrsIn, innocent: readonly string[]): 'master' | undefined {
  if (change.master === undefined || change.master === null) return undefined;
  for (const key in change)
    if (key !== 'master' && change[key as keyof LinkAttrsIn] !== undefined && !innocent.includes(key)) return undefined;
  return 'master';
}

export function deleteLink(value: LinkAttrsIn): Request<void> {
  return {
    operation: 'RTM_DELLINK',
    subject: 'link',
    type: RTM_DELLINK,
    flags: 0,
    set,
    value,
    suspects: { ENODEV: selector(value) },
  };
}

/** Adds or deletes alternative names. The kernel ends at the first that it cannot do, and leaves it at that. */
export function changeAltNames(verb: 'add' | 'delete', ref: LinkRef, names: readonly string[]): Request<void> {
  // NLM_F_EXCL's bit means something else where things are deleted.
  const [operation, type, flags] =
    verb === 'add'
      ? (['RTM_NEWLINKPROP', RTM_NEWLINKPROP, NLM_F_EXCL] as const)
      : (['RTM_DELLINKPROP', RTM_DELLINKPROP, 0] as const);
  return { operation, subject: 'link', type, flags, set: altNameAttrs, value: { altNames: names, ...selectLink(ref) } };
}
