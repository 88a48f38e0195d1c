import { attr, attrSet } from '../../wire/attrs.js';
import { split, type Codec } from '../../wire/codec.js';
import { enumeration } from '../../wire/enums.js';
import { be16, be32, be64, bool8, flag, ranged, u32, u8 } from '../../wire/numbers.js';
import { member, struct } from '../../wire/struct.js';
import { addressPair } from '../address-pair.js';
import { linkIndex } from '../link-index.js';

/** include/uapi/linux/if_link.h, struct ifla_vxlan_port_range. */
const portRange = struct('ifla_vxlan_port_range', 4, { low: member(0, be16), high: member(2, be16) });

/** Not sent when it is off: to say that takes its bits of the header for used, so that they cannot be reserved as well. */
const remcsumRx: Codec<boolean> = { ...bool8, omit: (value) => value === false };

/**
 * What says so can be changed later; the rest is for creation.
 *
 * Kernel: drivers/net/vxlan/vxlan_core.c, vxlan_policy, vxlan_nl2conf and vxlan_fill_info.
 */
export const vxlan = attrSet('IFLA_VXLAN', () => ({
  /** VXLAN network identifier (VNI), 0 to 2^24 - 1. */
  id: attr(1, ranged(u32, 0, 0xffffff)),
  /** Where packets to unknown addresses go: a multicast group or one remote. May be changed within its family. */
  group: addressPair(2, 16),
  /** The address to send from. May be changed within its family. */
  local: addressPair(4, 17),
  /** The index of the link to send through; needed for a multicast group. May be changed. */
  link: attr(3, linkIndex),
  /** The TTL of outer packets, 0 to 255; 0: the system's for a remote host, and 1 for a multicast group. May be changed. */
  ttl: attr(5, u8),
  /** Takes the TTL from the inner packet. Written as a flag: once on, it stays. */
  ttlInherit: attr(28, split(flag, bool8)),
  /** The type of service of outer packets; 1: taken from the inner packet. May be changed. */
  tos: attr(6, u8),
  /** The don't-fragment bit of outer IPv4 packets: clear, set, or as in the inner packet. May be changed. */
  df: attr(29, enumeration(u8, { unset: 0, set: 1, inherit: 2 })),
  /** The flow label of outer IPv6 packets, 0 to 0xfffff. May be changed. */
  label: attr(26, ranged(be32, 0, 0xfffff)),
  /** `label`, or that of the inner packet. May be changed. Since Linux 6.7. */
  labelPolicy: attr(32, enumeration(u32, { fixed: 0, inherit: 1 })),
  /** Remote addresses are learned from what comes in; on by default. May be changed. */
  learning: attr(7, bool8),
  /** How long a learned address is kept, in seconds; 300 unless said, which is also what the kernel makes of 0. May be changed. */
  ageing: attr(8, u32),
  /** How many addresses may be known; 0: no limit, as unless said. */
  limit: attr(9, u32),
  /** The source ports to choose from, by flow; from 0 to 0: the system's, as unless said. */
  portRange: attr(10, portRange),
  /** The UDP port of the remotes and of this end: 4789 is IANA's. Without it, or 0: 8472, and 4790 with `gpe`. */
  port: attr(15, be16),
  /** Answers ARP and neighbour solicitations from the neighbour table. */
  proxy: attr(11, bool8),
  /** Routes to the destination itself when the destination's address is known (route short circuit). */
  rsc: attr(12, bool8),
  /** Reports unknown link-layer addresses (RTM_GETNEIGH events). */
  l2miss: attr(13, bool8),
  /** Reports unknown IP addresses (RTM_GETNEIGH events). */
  l3miss: attr(14, bool8),
  /** UDP checksums over IPv4. */
  udpCsum: attr(18, bool8),
  /** No UDP checksums over IPv6 on what is sent. */
  udpZeroCsum6Tx: attr(19, bool8),
  /** Takes packets over IPv6 without a UDP checksum. */
  udpZeroCsum6Rx: attr(20, bool8),
  /** Remote checksum offload on what is sent. */
  remcsumTx: attr(21, bool8),
  /** Remote checksum offload on what is received. */
  remcsumRx: attr(22, remcsumRx),
  /** Remote checksum offload without a partial checksum. */
  remcsumNopartial: attr(24, flag),
  /** Group based policy: the mark travels in the header. */
  gbp: attr(23, flag),
  /** Generic protocol extension; needs `collectMetadata`. */
  gpe: attr(27, flag),
  /** The tunnel's parameters come with each packet (from routes, tc or BPF), so there is no `id`. */
  collectMetadata: attr(25, bool8),
  /** Only takes VNIs that are in its table; needs `collectMetadata`. Since Linux 5.18. */
  vnifilter: attr(30, bool8),
  /** Packets to a VXLAN of this host skip the network; on by default. May be changed. Since Linux 6.5. */
  localbypass: attr(31, bool8),
  /** The header's bits that have to be 0 in what is received. Since Linux 6.14. */
  reservedBits: attr(33, be64),
  /** Multicast is routed instead of sent through `link`. May be changed. Not reported by Linux 6.18. Since Linux 6.17. */
  mcRoute: attr(34, bool8),
}));
