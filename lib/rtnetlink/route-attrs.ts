import { CodecError } from '../errors.js';
import { attr, attrSet, merging, nest, type AttrsIn, type AttrsOut } from '../wire/attrs.js';
import { readOnly, show, type Codec, type InputOf } from '../wire/codec.js';
import { enumeration, flagList } from '../wire/enums.js';
import { formatIp, ip, parseIp } from '../wire/ip.js';
import { be16, be32, bool32, bool8, s32, u16, u32, u8 } from '../wire/numbers.js';
import { header, member, struct, type HeaderIn, type HeaderOut } from '../wire/struct.js';
import { bytes, nulString } from '../wire/text.js';
import { LITTLE_ENDIAN } from '../wire/writer.js';
import { AF_INET, AF_INET6 } from './constants.js';
import { familyByte, familyNumber, familyOf, type Family } from './family.js';
import { linkIndex } from './link-index.js';
import { looksLikeIpv6, prefix } from './prefix.js';
import { protocols, scopes, types } from './route-enums.js';

/** RT_TABLE_*. */
const TABLES = { default: 253, main: 254, local: 255 };
const tables = enumeration(u32, TABLES);
export type RouteTable = InputOf<typeof tables>;

/** RTNH_F_*. */
const HOP_FLAGS = { dead: 1, pervasive: 2, onlink: 4, offload: 8, linkdown: 16, unresolved: 32, trap: 64 } as const;
/** What the kernel finds out itself. It refuses some of these in a new route, and would report others as if they were so. */
const HOP_STATE = HOP_FLAGS.dead | HOP_FLAGS.offload | HOP_FLAGS.linkdown | HOP_FLAGS.unresolved | HOP_FLAGS.trap;

/** RTM_F_*. */
const ROUTE_FLAGS = {
  notify: 0x100,
  cloned: 0x200,
  equalize: 0x400,
  prefix: 0x800,
  lookupTable: 0x1000,
  fibMatch: 0x2000,
  rtOffload: 0x4000,
  rtTrap: 0x8000,
  offloadFailed: 0x20000000,
} as const;
const ROUTE_STATE = HOP_STATE | ROUTE_FLAGS.rtOffload | ROUTE_FLAGS.rtTrap | ROUTE_FLAGS.offloadFailed;

/** RTM_F_* and RTNH_F_* share the word. */
const flags = flagList(u32, { ...HOP_FLAGS, ...ROUTE_FLAGS }, ROUTE_STATE);

/** include/uapi/linux/rtnetlink.h, struct rtmsg. The lengths of the prefixes are with the prefixes, the table in an attribute. */
const rtmsg = header('rtmsg', 12, {
  /** Follows from the addresses; for a default route without any it is `'inet'` unless said. */
  family: member(0, familyByte),
  /** The type of service that the route is for, 0 to 255. */
  tos: member(3, u8),
  protocol: member(5, protocols),
  scope: member(6, scopes),
  type: member(7, types),
  /** To be written: `onlink`, and in lookups `lookupTable` and `fibMatch`. What the kernel finds out itself (`linkdown`, `dead`, `offload`, ...) is passed over. */
  flags: member(8, flags),
});

interface Addresses {
  readonly family?: Family | undefined;
  readonly to?: unknown;
  readonly via?: unknown;
  readonly source?: unknown;
  readonly from?: unknown;
}

/** The family that a route's addresses have. That of the gateway counts last: it may be of the other one. */
export function routeFamily(route: Addresses): number {
  if (route.family !== undefined) return familyNumber(route.family, 'route.family');
  const ipv6 =
    looksLikeIpv6(route.to) ?? looksLikeIpv6(route.source) ?? looksLikeIpv6(route.from) ?? looksLikeIpv6(route.via);
  return ipv6 === true ? AF_INET6 : AF_INET;
}

const plainPrefix = prefix(1, true);
/** The default route has no RTA_DST. */
const destination: Codec<string> = { ...plainPrefix, omit: (value) => value === 'default' };

/** Tables below 256 fit into the header, where old kernels look for them; the attribute says the same for all. */
const table: Codec<RouteTable> = {
  write(writer, value, siblings, base) {
    const at = writer.length;
    tables.write(writer, value, siblings, base);
    const number = writer.view.getUint32(at, LITTLE_ENDIAN);
    writer.view.setUint8(base + 4, number < 256 ? number : 0);
  },
  read: tables.read,
  parts: [tables],
};

/** A gateway of the other family (RTA_VIA): `struct rtvia`, a family and an address. Read as `via`. */
const viaOtherFamily: Codec<string, string> = merging({
  write(writer, value) {
    const address = parseIp(value);
    if (address === undefined) throw new CodecError('', `takes an IP address, not ${show(value)}`);
    const at = writer.reserve(2);
    writer.view.setUint16(at, familyOf(address), LITTLE_ENDIAN);
    writer.append(address);
  },
  read(view, at, length, siblings) {
    const via = formatIp(view, at + 2, length - 2);
    (siblings as { via?: string }).via = via;
    return via;
  },
});

/** include/uapi/linux/rtnetlink.h, RTAX_*. */
const metrics = attrSet('RTAX', () => ({
  /** Metrics that the kernel may not change by itself, as bits: 1 << RTAX_*. */
  lock: attr(1, u32),
  mtu: attr(2, u32),
  window: attr(3, u32),
  /** In eighths of a millisecond. */
  rtt: attr(4, u32),
  /** In quarters of a millisecond. */
  rttvar: attr(5, u32),
  ssthresh: attr(6, u32),
  cwnd: attr(7, u32),
  advmss: attr(8, u32),
  reordering: attr(9, u32),
  hoplimit: attr(10, u32),
  initcwnd: attr(11, u32),
  features: attr(12, flagList(u32, { ecn: 1, sack: 2, timestamp: 4, allfrag: 8, tcpUsecTs: 16 })),
  /** In milliseconds. */
  rtoMin: attr(13, u32),
  initrwnd: attr(14, u32),
  quickack: attr(15, bool32),
  /** The name of the congestion control algorithm. */
  congctl: attr(16, nulString(15)),
  fastopenNoCookie: attr(17, bool32),
}));

/** include/uapi/linux/rtnetlink.h, struct rta_cacheinfo. */
const cacheinfo = struct('rta_cacheinfo', 32, {
  clntref: member(0, u32),
  /** In clock ticks. */
  lastUse: member(4, u32),
  /** In clock ticks; 0: never. */
  expires: member(8, s32),
  error: member(12, u32),
  used: member(16, u32),
  id: member(20, u32),
  ts: member(24, u32),
  tsAge: member(28, u32),
});

const encapType = enumeration(u16, {
  none: 0,
  mpls: 1,
  ip: 2,
  ila: 3,
  ip6: 4,
  seg6: 5,
  bpf: 6,
  seg6local: 7,
  rpl: 8,
  ioam6: 9,
  xfrm: 10,
});

/** Kernel: net/ipv4/fib_frontend.c, rtm_ipv4_policy; net/ipv6/route.c, rtm_ipv6_policy; rt_fill_info of both. */
const gateway = {
  /** The gateway. One of the other family goes as RTA_VIA. */
  via: attr(5, ip),
  viaOtherFamily: attr(18, viaOtherFamily),
  /** The realm that traffic is accounted to. IPv4 only. */
  realm: attr(11, u32),
  encapType: attr(21, encapType),
  /** The lightweight tunnel's attributes, uninterpreted. */
  encap: attr(22, bytes()),
} as const;

/** 1 to 256, written as one less. */
const oneMore: Codec<number> = {
  size: 1,
  write: (writer, value) => writer.view.setUint8(writer.reserve(1), checkWeight(value) - 1),
  read: (view, at) => view.getUint8(at) + 1,
};

function checkWeight(weight: unknown): number {
  if (typeof weight === 'number' && Number.isInteger(weight) && weight >= 1 && weight <= 256) return weight;
  throw new CodecError('', `takes an integer from 1 to 256, not ${show(weight)}`);
}

/** Of several next hops, one. `struct rtnexthop` holds the index, the flags and the weight less one. */
const rtnexthop = header('rtnexthop', 8, {
  /** To be written: `onlink`. The others are passed over. */
  flags: member(2, flagList(u8, HOP_FLAGS, HOP_STATE)),
  /** 1 to 256: the share of the traffic. */
  weight: member(3, oneMore),
  /** The index of the outgoing link. */
  link: member(4, linkIndex),
});
const nexthopAttrs = attrSet('RTA', () => gateway, rtnexthop);
export type NexthopIn = AttrsIn<typeof nexthopAttrs.rows> & HeaderIn<typeof rtnexthop>;
export type NexthopOut = AttrsOut<typeof nexthopAttrs.rows> & HeaderOut<typeof rtnexthop>;

/** RTA_MULTIPATH: one `struct rtnexthop` after the other, each with its attributes and its length in front. */
const nexthops: Codec<readonly NexthopIn[], readonly NexthopOut[]> = {
  write(writer, value, siblings) {
    if (!Array.isArray(value)) throw new CodecError('', `takes an array, not ${show(value)}`);
    for (const [index, nexthop] of (value as readonly NexthopIn[]).entries()) {
      const at = writer.length;
      try {
        nexthopAttrs.write(writer, withGateway(nexthop, routeFamily(siblings)));
      } catch (error) {
        throw error instanceof CodecError ? error.within(`[${index}]`) : error;
      }
      writer.view.setUint16(at, writer.length - at, LITTLE_ENDIAN);
    }
  },
  read(view, at, length) {
    const out: NexthopOut[] = [];
    const end = at + length;
    while (end - at >= 8) {
      const size = nexthopSize(view, at, end, out.length);
      out.push(nexthopAttrs.read(view, at, at + size) as NexthopOut);
      at += (size + 3) & ~3;
    }
    return out;
  },
  step(view, at, length, offset) {
    const end = at + length;
    if (offset < at) return undefined;
    for (let index = 0; end - at >= 8; index++) {
      const size = nexthopSize(view, at, end, index);
      if (offset < at + size) return { label: `[${index}]`, set: nexthopAttrs, at, end: at + size };
      at += (size + 3) & ~3;
    }
    return undefined;
  },
  inner: () => [nexthopAttrs],
};

function nexthopSize(view: DataView, at: number, end: number, index: number): number {
  const size = view.getUint16(at, LITTLE_ENDIAN);
  if (size < 8 || size > end - at)
    throw new CodecError(`[${index}]`, `a next hop of ${size} bytes where ${end - at} are left`);
  return size;
}

/** A gateway of another family than the route's has an attribute of its own. */
export function withGateway<T extends { readonly via?: string | undefined }>(hop: T, family: number): T {
  const ipv6 = looksLikeIpv6(hop.via);
  if (ipv6 === undefined || ipv6 === (family === AF_INET6)) return hop;
  const { via, ...rest } = hop;
  return Object.assign({}, rest, { viaOtherFamily: via }) as unknown as T;
}

export const routeAttrs = attrSet(
  'RTA',
  () => ({
    /** `'default'`, or the destination: `'10.1.0.0/16'`. */
    to: attr(1, destination),
    /** Routes by source prefix too: IPv6 only, in kernels with subtrees. */
    from: attr(2, prefix(2, true)),
    ...gateway,
    /** The index of the outgoing link. */
    link: attr(4, linkIndex),
    /** The index of the link that packets come in by; only in lookups. */
    iif: attr(3, linkIndex),
    /** The lowest of several routes wins. IPv6 makes 1024 of 0, and without one. */
    metric: attr(6, u32),
    /** The source address that this host uses towards the destination. */
    source: attr(7, ip),
    metrics: attr(8, nest(metrics)),
    /** Several next hops; instead of `link` and `via`. */
    nexthops: attr(9, nexthops),
    table: attr(15, table),
    /** For lookups: the mark of the packets. */
    mark: attr(16, u32),
    cacheinfo: attr(12, readOnly(cacheinfo)),
    /** What router advertisements say of a default router. IPv6 only. */
    preference: attr(20, enumeration(u8, { medium: 0, high: 1, low: 3 })),
    /** The route goes away after so many seconds, 0: at once. IPv6 only. */
    expires: attr(23, u32),
    /** The user a lookup is made for. */
    uid: attr(25, u32),
    /** MPLS only. */
    ttlPropagate: attr(26, bool8),
    /** For lookups: the transport protocol, 6 for TCP. */
    ipProtocol: attr(27, u8),
    sourcePort: attr(28, be16),
    destinationPort: attr(29, be16),
    /** The id of a nexthop object. */
    nexthopId: attr(30, u32),
    /** For lookups, since Linux 6.14. */
    flowLabel: attr(31, be32),
    multicastStats: attr(17, readOnly(bytes())),
    newDestination: attr(19, bytes()),
  }),
  rtmsg,
);

export type RouteAttrsIn = AttrsIn<typeof routeAttrs.rows> & HeaderIn<typeof rtmsg>;
export type RouteAttrsOut = AttrsOut<typeof routeAttrs.rows> & HeaderOut<typeof rtmsg>;
