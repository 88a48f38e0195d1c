import { CodecError } from '../errors.js';
import { attr, attrSet, merging, type AttrsIn, type AttrsOut } from '../wire/attrs.js';
import { readOnly, show, type Codec, type InputOf } from '../wire/codec.js';
import { Bits, enumeration, type FlagList } from '../wire/enums.js';
import { formatIp, ip, ipv4, parsePrefix, type Prefix } from '../wire/ip.js';
import { s32, seconds, u32, u8 } from '../wire/numbers.js';
import {
  header,
  member,
  struct,
  type HeaderIn,
  type HeaderOut,
  type StructIn,
  type StructOut,
} from '../wire/struct.js';
import { nulString } from '../wire/text.js';
import { AF_INET6 } from './constants.js';
import { familyByte, familyOf } from './family.js';
import { linkIndex } from './link-index.js';
import { scopes } from './route-enums.js';

const PREFIX_LENGTH = 1;

/** include/uapi/linux/if_addr.h, struct ifaddrmsg. The prefix length is with the address, the flags are in an attribute. */
const ifaddrmsg = header('ifaddrmsg', 8, {
  /** Follows from the address. */
  family: member(0, familyByte),
  /** How far the address is good for: without it `'host'` for 127.0.0.0/8, else `'universe'`. IPv6 knows by itself. */
  scope: member(3, scopes),
  /** The index of the link that has the address. */
  link: member(4, linkIndex),
});

const FLAGS = {
  nodad: 0x02,
  optimistic: 0x04,
  dadfailed: 0x08,
  homeaddress: 0x10,
  deprecated: 0x20,
  tentative: 0x40,
  permanent: 0x80,
  managetempaddr: 0x100,
  noprefixroute: 0x200,
  mcautojoin: 0x400,
  stablePrivacy: 0x800,
};
/** IFA_F_*. `'secondary'` is IPv4's and `'temporary'` IPv6's name of the same bit. */
export type AddressFlag = keyof typeof FLAGS | 'secondary' | 'temporary';

const ipv4Flags = new Bits<AddressFlag>({ secondary: 1, ...FLAGS } as Record<AddressFlag, number>);
const ipv6Flags = new Bits<AddressFlag>({ temporary: 1, ...FLAGS } as Record<AddressFlag, number>);
const anyFlags = new Bits<AddressFlag>({ secondary: 1, temporary: 1, ...FLAGS });

const flags: Codec<FlagList<AddressFlag>> = {
  names: anyFlags.names,
  write: (writer, value, siblings, base) => u32.write(writer, anyFlags.value(value), siblings, base),
  read(view, at, length, siblings, base) {
    const value = u32.read(view, at, length, siblings, base);
    return (view.getUint8(base) === AF_INET6 ? ipv6Flags : ipv4Flags).list(value);
  },
};

/** IFAPROT_*: who made the address. */
const protocols = enumeration(u8, { unspec: 0, kernelLo: 1, kernelRa: 2, kernelLl: 3 });
export type AddressProtocol = InputOf<typeof protocols>;

/** The two addresses while they are read: which attribute comes first, and whether both come, differs between the families. */
interface Pair {
  address?: string;
  peer?: string;
}

/** The peer, if there is one, has the prefix; otherwise the address has it. */
interface PairIn {
  readonly address?: unknown;
  readonly peer?: unknown;
}

function formatPrefix(view: DataView, at: number, length: number, base: number): string {
  return `${formatIp(view, at, length)}/${view.getUint8(base + PREFIX_LENGTH)}`;
}

function checkFamily({ address }: Prefix, value: unknown, view: DataView, base: number): void {
  if (familyOf(address) !== view.getUint8(base))
    throw new CodecError('', `${show(value)} is not of the family that the rest is of`);
}

/** IFA_LOCAL. IPv6 sends it only with a peer, and then first; IPv4 always, after IFA_ADDRESS. */
const local: Codec<string> = {
  write(writer, value, siblings, base) {
    const { peer } = siblings as PairIn;
    const parsed = parsePrefix(value, peer !== undefined && peer !== value);
    checkFamily(parsed, value, writer.view, base);
    writer.append(parsed.address);
    if (peer === undefined) writer.view.setUint8(base + PREFIX_LENGTH, parsed.length);
  },
  read(view, at, length, siblings, base) {
    const pair = siblings as Pair;
    const text = formatPrefix(view, at, length, base);
    if (pair.address !== undefined && pair.address !== text) {
      pair.peer = pair.address;
      pair.address = formatIp(view, at, length);
    } else {
      pair.address = text;
    }
    return pair.address;
  },
};

/** IFA_ADDRESS: the address of the prefix, which is the peer's where there is a peer. */
const peerOrSelf: Codec<string> = {
  write(writer, value, _siblings, base) {
    const parsed = parsePrefix(value, true);
    checkFamily(parsed, value, writer.view, base);
    writer.append(parsed.address);
    writer.view.setUint8(base + PREFIX_LENGTH, parsed.length);
  },
  read(view, at, length, siblings, base) {
    const pair = siblings as Pair;
    const text = formatPrefix(view, at, length, base);
    if (pair.address === undefined) {
      pair.address = text;
    } else if (pair.address !== text) {
      pair.peer = text;
      pair.address = pair.address.slice(0, pair.address.indexOf('/'));
    }
    return text;
  },
};

/** For what IPv6 addresses do not have: the kernel would pass over it without a word. */
function ipv4Only(codec: Codec<string>, what: string): Codec<string> {
  const write: typeof codec.write = (writer, value, siblings, base) => {
    if (writer.view.getUint8(base) === AF_INET6) throw new CodecError('', `IPv6 addresses have no ${what}`);
    codec.write(writer, value, siblings, base);
  };
  return Object.assign({}, codec, { write });
}

/** `'+'`: all bits behind the prefix set. Links of two addresses or one (/31, /32) have none, which 0.0.0.0 says. */
const broadcast: Codec<string> = {
  write(writer, value, siblings, base) {
    if (value !== '+') return ipv4.write(writer, value, siblings, base);
    const { address, peer } = siblings as PairIn;
    const prefix = parsePrefix(peer ?? address, peer !== undefined);
    const at = writer.reserve(4);
    if (prefix.length > 30) return;
    const bits = prefix.address.reduce((high, byte) => (high << 8) | byte);
    writer.view.setUint32(at, (bits | (0xffffffff >>> prefix.length)) >>> 0);
  },
  read: ipv4.read,
};

/** include/uapi/linux/if_addr.h, struct ifa_cacheinfo. */
const cacheinfo = struct('ifa_cacheinfo', 16, {
  /** For how many seconds the address is preferred for new connections; as long as it is valid unless said. */
  preferredLifetime: member(0, seconds),
  /** In how many seconds the address goes away; `'forever'` unless said. */
  validLifetime: member(4, seconds),
  /** When the address was made, in hundredths of a second since boot. Only reported. */
  created: member(8, u32),
  /** When the address was last changed, in hundredths of a second since boot. Only reported. */
  updated: member(12, u32),
});
type Lifetimes = typeof cacheinfo.struct.members;

/** The struct's members are the address's own. */
const lifetimes: Codec<StructIn<Lifetimes>, StructOut<Lifetimes>> = merging(
  {
    omit: ({ preferredLifetime, validLifetime }) => preferredLifetime === undefined && validLifetime === undefined,
    write(writer, { preferredLifetime, validLifetime = 'forever' }, siblings, base) {
      cacheinfo.write(writer, { validLifetime, preferredLifetime: preferredLifetime ?? validLifetime }, siblings, base);
    },
    read: (view, at, length, siblings, base) =>
      Object.assign(siblings, cacheinfo.read(view, at, length, siblings, base)),
    parts: [cacheinfo],
  },
  Object.keys(cacheinfo.struct.members),
);

/** Kernel: net/ipv4/devinet.c, ifa_ipv4_policy and inet_fill_ifaddr; net/ipv6/addrconf.c, ifa_ipv6_policy and inet6_fill_ifaddr. */
export const addressAttrs = attrSet(
  'IFA',
  () => ({
    /**
     * The address with the length of its prefix: `'10.1.0.1/24'`. With a peer it is read without one, and one that is
     * written does not matter: the link's prefix is then the peer's.
     */
    address: attr(2, merging(local)),
    /** The address at the other end of a point-to-point link, or the prefix there: `'10.1.0.2/32'`. */
    peer: attr(1, merging(peerOrSelf)),
    /** The broadcast address; `'+'` for the one that the prefix has. IPv4 only. */
    broadcast: attr(4, ipv4Only(broadcast, 'broadcast address')),
    /** A name for the address, 1 to 15 bytes; the link's unless said. IPv4 only. */
    label: attr(3, ipv4Only(nulString(15, 1), 'label')),
    /**
     * To be set: `noprefixroute` and `mcautojoin`, for IPv6 also `nodad`, `optimistic`, `homeaddress` and `managetempaddr`.
     * The others are reported, and do not matter when they are written.
     */
    flags: attr(8, flags),
    lifetimes: attr(6, lifetimes),
    /** The metric of the route to the prefix. */
    metric: attr(9, u32),
    /** Who made the address: 0 to 255. Since Linux 5.18; passed over before. */
    protocol: attr(11, protocols),
    /** In reports of anycast addresses. */
    anycast: attr(5, readOnly(ip)),
    /** In reports of multicast groups. */
    multicast: attr(7, readOnly(ip)),
    /** For lists: the id that another namespace has in this one; its addresses are reported. Refused elsewhere. */
    targetNetnsId: attr(10, s32),
  }),
  ifaddrmsg,
);

type Flattened<T> = Omit<T, 'lifetimes'>;
/** An address's attributes to write. */
export type AddressAttrsIn = Flattened<AttrsIn<typeof addressAttrs.rows>> &
  HeaderIn<typeof ifaddrmsg> &
  StructIn<Lifetimes>;
/** An address's attributes as the kernel reports them. */
export type AddressAttrsOut = Flattened<AttrsOut<typeof addressAttrs.rows>> &
  HeaderOut<typeof ifaddrmsg> &
  Partial<StructOut<Lifetimes>>;
