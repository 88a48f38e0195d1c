import { CodecError } from '../errors.js';
import { NLM_F_DUMP } from '../netlink/constants.js';
import type { Decode, Request } from '../netlink/request.js';
import type { AttrSet, Rows } from '../wire/attrs.js';
import { show } from '../wire/codec.js';
import { asRead, type FlagList } from '../wire/enums.js';
import { addressAttrs, type AddressAttrsIn, type AddressAttrsOut, type AddressFlag } from './address-attrs.js';
import { AF_INET, AF_INET6, RTM_DELADDR, RTM_GETADDR, RTM_NEWADDR } from './constants.js';
import { familyNumber, type Family } from './family.js';
import { checkFilter, checkIpFamily, checkLinkFilter } from './filters.js';
import type { LinkRef } from './link-index.js';
import { looksLikeIpv6 } from './prefix.js';
import { scopes, type Scope } from './route-enums.js';
import { verbs, type Verb } from './verbs.js';

/** An address as the kernel reports it. What it says can be given back to `add`. */
export type Address = Omit<AddressAttrsOut, 'address' | 'flags'> & {
  /** The address with the length of its prefix: `'10.1.0.1/24'`. Without the length where there is a `peer`, which has it. */
  readonly address: string;
  readonly flags: FlagList<AddressFlag>;
};

type Named<T> = Omit<T, 'link'> & { readonly link: LinkRef };

/** An address to give to a link. */
export type NewAddress = Named<AddressAttrsIn> & {
  /** The address with the length of its prefix: `'10.1.0.1/24'`. With a `peer` the length is the peer's. */
  readonly address: string;
};

/** Which addresses to list. The kernel chooses by all but `scope` and `label`. */
export interface AddressFilter {
  /** `'inet'` or `'inet6'`; both unless said. */
  readonly family?: Family | undefined;
  /** Those of this link. Only by index with `targetNetnsId`, which is where the link is then. */
  readonly link?: LinkRef | undefined;
  /** The namespace whose addresses to list, by the id that it has in this one. Not for `flush`: the kernel deletes only here. */
  readonly targetNetnsId?: number | undefined;
  /** Those of this scope. */
  readonly scope?: Scope | undefined;
  /** Those with this label; IPv6 addresses have none. */
  readonly label?: string | undefined;
}

const set: AttrSet<Rows> = addressAttrs;
const suspects = { EEXIST: 'address', EADDRNOTAVAIL: 'address', ENODEV: 'link' };

/** Of reports about multicast groups and anycast addresses, which have another type, nothing is read. */
export const decodeAddress: Decode<Address> = (view, at, end, type) =>
  type === RTM_NEWADDR ? (addressAttrs.read(view, at, end) as Address) : undefined;

/** What the kernel needs to know; without an address it would take just any one of the link. */
function complete<T extends AddressAttrsIn>(value: T): T {
  if (value.address === undefined) throw new CodecError('address.address', 'is missing');
  if (value.targetNetnsId !== undefined)
    throw new CodecError('address.targetNetnsId', 'is only for lists: the kernel changes addresses of this namespace');
  const family =
    value.family === undefined
      ? looksLikeIpv6(value.address) === true
        ? AF_INET6
        : AF_INET
      : familyNumber(value.family, 'address.family');
  return Object.assign({}, value, { peer: value.peer ?? value.address, family });
}

export type AddressVerb = Extract<Verb, 'add' | 'replace'>;

/** `address.link` as an index. Replacing changes the lifetimes, the metric and the protocol (and IPv6's flags); the rest makes another address. */
export function newAddress(verb: AddressVerb, address: AddressAttrsIn): Request<void> {
  const scope: Scope = String(address.address).startsWith('127.') ? 'host' : 'universe';
  const value = { scope, ...complete(address) };
  return { operation: 'RTM_NEWADDR', subject: 'address', type: RTM_NEWADDR, flags: verbs[verb], set, value, suspects };
}

/**
 * Deletes the address of the link that has this address and prefix, and of IPv4 this peer and label where they are said.
 * With an IPv4 primary address go the secondaries of its subnet, unless net.ipv4.conf.LINK.promote_secondaries is on.
 * Kernel: net/ipv4/devinet.c, __inet_del_ifa.
 */
export function deleteAddress(address: AddressAttrsIn): Request<void> {
  return {
    operation: 'RTM_DELADDR',
    subject: 'address',
    type: RTM_DELADDR,
    flags: 0,
    set,
    value: complete(address),
    suspects,
  };
}

const FILTERS = ['family', 'link', 'targetNetnsId', 'scope', 'label'];

export function checkAddressFilter(filter: object): void {
  checkFilter(filter, FILTERS, 'address');
  const { family, link, targetNetnsId, scope, label } = filter as AddressFilter;
  checkIpFamily(family, 'address.family');
  checkLinkFilter(link, 'address.link');
  if (typeof link === 'string' && targetNetnsId !== undefined)
    throw new CodecError('address.link', 'takes an index beside targetNetnsId: names are looked up in this namespace');
  if (scope !== undefined) asRead(scopes, scope, 'address.scope');
  if (label !== undefined && typeof label !== 'string')
    throw new CodecError('address.label', `takes a string, not ${show(label)}`);
}

/** `filter.link` as an index. */
export function listAddresses(
  filter: Omit<AddressFilter, 'link'> & { readonly link?: number | undefined } = {},
): Request<Address> {
  checkAddressFilter(filter);
  const { scope: wanted, label, ...value } = filter;
  const scope = wanted === undefined ? undefined : asRead(scopes, wanted, 'address.scope');
  const decode: Decode<Address> =
    scope === undefined && label === undefined
      ? decodeAddress
      : (view, at, end, type) => {
          const address = decodeAddress(view, at, end, type);
          const fits =
            (scope === undefined || address?.scope === scope) && (label === undefined || address?.label === label);
          return fits ? address : undefined;
        };
  return {
    operation: 'RTM_GETADDR',
    subject: 'address',
    type: RTM_GETADDR,
    flags: NLM_F_DUMP,
    set,
    value,
    decode,
    suspects: { ENODEV: 'link' },
  };
}
