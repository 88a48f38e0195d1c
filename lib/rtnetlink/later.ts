/**
 * What a link takes only when it is there: a new one gets it in a second request. The kernel would pass over all of this at
 * creation, without a word. Kernel: net/core/rtnetlink.c, rtnl_newlink_create and rtnl_create_link, beside do_setlink.
 */
import { CodecError } from '../errors.js';
import type { LinkAttrsIn } from './link-attrs.js';
import type { LinkRef } from './link-index.js';

/** Why a member of a new link has to wait, or has no place there. */
const LATER: ReadonlySet<string> = new Set([
  'alias',
  'altName',
  'altNames',
  'protoDown',
  'protoDownReason',
  'carrier',
  'port',
  'portKind',
  'afSpec',
  'xdp',
]);

/** A new link in two parts. */
export interface Parted {
  /** What creates it. */
  readonly first: LinkAttrsIn;
  /** What is set then; undefined where there is nothing. */
  readonly later: LinkAttrsIn | undefined;
  readonly altNames: readonly string[];
}

/** Refuses what the kernel never looks at, nor reports. */
export function checkHeeded({ weight }: LinkAttrsIn, path: string): void {
  if (weight !== undefined) throw new CodecError(`${path}.weight`, 'is nothing that the kernel looks at');
}

/** What a new link gets at once and what later. `path` is what errors call it. */
export function parted(link: LinkAttrsIn, path = 'link'): Parted {
  checkHeeded(link, path);
  if (link.newIndex !== undefined)
    throw new CodecError(`${path}.newIndex`, "is for links that move; a new one's index is 'index'");
  let found = false;
  for (const key in link) if (LATER.has(key)) found = true;
  if (!found) return { first: link, later: undefined, altNames: [] };
  const {
    altName,
    altNames = [],
    alias,
    protoDown,
    protoDownReason,
    carrier,
    port,
    portKind,
    afSpec,
    xdp,
    ...rest
  } = link;
  const first = wasRead(link) ? Object.assign({}, rest, { data: supportedData(link.kind, link.data) }) : rest;
  const later: Record<string, unknown> = {};
  if (alias !== undefined && alias !== '') later['alias'] = alias;
  if (protoDown === true || protoDownReason !== undefined) later['protoDown'] = protoDown;
  if (protoDownReason !== undefined) later['protoDownReason'] = protoDownReason;
  if (carrier !== undefined && !wasRead(link)) later['carrier'] = carrier;
  if (port !== undefined) {
    if (first.master === undefined || first.master === null)
      throw new CodecError(`${path}.port`, 'needs master beside it: it is what the link has as a port');
    later['portKind'] = portKind;
    later['port'] = settablePort(port);
  }
  const settings = settableAfSpec(afSpec);
  if (settings !== undefined) later['afSpec'] = settings;
  if (xdp?.fd !== undefined) later['xdp'] = xdp;
  const names = altName === undefined ? altNames : [...altNames, altName];
  return { first, later: Object.keys(later).length === 0 ? undefined : later, altNames: names };
}

/** Refuses what one request to make a link cannot say. */
export function checkAtOnce(link: object): void {
  for (const key in link)
    if (LATER.has(key) && (link as Record<string, unknown>)[key] !== undefined)
      throw new CodecError(
        `link.${key}`,
        'is nothing that the kernel takes at creation: set it when the link is there',
      );
}

/** Refuses what the kernel passes over at the other end of a new pair. */
export function checkPeer(peer: LinkAttrsIn, path: string): void {
  if (peer.master !== undefined && peer.master !== null) throw late(`${path}.master`);
  // It has to have its other end.
  if (peer.up === true) throw late(`${path}.up`);
  const { later, altNames } = parted(peer, path);
  for (const key in later) if (later[key as keyof LinkAttrsIn] !== undefined) throw late(`${path}.${key}`);
  if (altNames.length > 0) throw late(`${path}.altNames`);
}

function late(path: string): CodecError {
  return new CodecError(path, 'is nothing that the kernel takes here: set it when the pair is there');
}

/** Whether a link was read: only the kernel tells how often the carrier changed. */
function wasRead({ carrierChanges }: LinkAttrsIn): boolean {
  return carrierChanges !== undefined;
}

/** What of a link can be set; of one that was read, what is state, or for creation only, is passed over. `ref` is the link to change. */
export function settable(link: LinkAttrsIn, ref: LinkRef): LinkAttrsIn {
  if (!wasRead(link)) return link;
  const { address, protoDown, xdp, afSpec, port, data } = link;
  return Object.assign({}, link, {
    index: undefined,
    // Before Linux 6.3 a link that is up could not even be given the name that it has.
    name: link.index === ref ? undefined : link.name,
    carrier: undefined,
    operstate: undefined,
    linkNetnsId: undefined,
    address: FIXED_ADDRESS.includes(link.kind) || address === NO_ADDRESS ? undefined : address,
    protoDown: protoDown === true || link.protoDownReason !== undefined ? protoDown : undefined,
    xdp: xdp?.fd === undefined ? undefined : xdp,
    afSpec: settableAfSpec(afSpec),
    port: settablePort(port),
    data: settableData(link.kind, data),
  });
}

/** The loopback's. */
const NO_ADDRESS = '00:00:00:00:00:00';

/** Kinds whose address cannot be changed, not even to what it is. */
const FIXED_ADDRESS: readonly unknown[] = ['ifb', 'ipvlan', 'ipvtap'];

/** A port's number is only reported; its state, read beside that, is the master's to find out. */
function settablePort(port: LinkAttrsIn['port']): LinkAttrsIn['port'] {
  if (port === undefined || port instanceof Uint8Array || port['no'] === undefined) return port;
  return Object.assign({}, port, { state: undefined });
}

/** Undefined where nothing is to be set. `'::'` is what is read of a link without a token. */
function settableAfSpec(afSpec: LinkAttrsIn['afSpec']): LinkAttrsIn['afSpec'] {
  const { inet6 } = afSpec ?? {};
  if (inet6?.addrGenMode === undefined && inet6?.token === undefined) return undefined;
  const { addrGenMode, token } = inet6;
  // Counters stand beside it in what was read.
  return { inet6: { addrGenMode, token: inet6.conf !== undefined && token === '::' ? undefined : token } };
}

/** Of kinds that refuse even what is so already, what can be changed. Kernel: drivers/net/vxlan/vxlan_core.c, vxlan_nl2conf. */
const CHANGEABLE: Readonly<Record<string, readonly string[]>> = {
  vxlan: [
    'id',
    'group',
    'local',
    'link',
    'ttl',
    'tos',
    'df',
    'label',
    'labelPolicy',
    'learning',
    'ageing',
    'localbypass',
    'mcRoute',
  ],
};

function settableData(kind: string | undefined, read: LinkAttrsIn['data']): LinkAttrsIn['data'] {
  const data = supportedData(kind, read);
  const keys = kind !== undefined && Object.hasOwn(CHANGEABLE, kind) ? CHANGEABLE[kind] : undefined;
  if (keys === undefined || data === undefined || data instanceof Uint8Array) return data;
  return Object.fromEntries(Object.entries(data).filter(([key]) => keys.includes(key)));
}

/** A bridge of a kernel without VLAN filtering has no default VLAN; that kernel refuses even to switch it off. */
function supportedData(kind: string | undefined, data: LinkAttrsIn['data']): LinkAttrsIn['data'] {
  if (kind !== 'bridge' || data === undefined || data instanceof Uint8Array || data['vlanDefaultPvid'] !== undefined)
    return data;
  const { multiBoolopt } = data;
  const { noLlLearn, mdbOffloadFailNotification } = (multiBoolopt ?? {}) as Readonly<
    Record<string, boolean | undefined>
  >;
  return Object.assign({}, data, {
    vlanFiltering: undefined,
    vlanProtocol: undefined,
    multiBoolopt: multiBoolopt === undefined ? undefined : { noLlLearn, mdbOffloadFailNotification },
  });
}
