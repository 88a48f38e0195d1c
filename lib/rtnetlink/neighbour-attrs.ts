import { attr, attrSet, merging, spread, type AttrsIn, type AttrsOut } from '../wire/attrs.js';
import { readAs, readOnly, type Codec } from '../wire/codec.js';
import { Bits, flagList, type FlagList } from '../wire/enums.js';
import { ip } from '../wire/ip.js';
import { linkLayerAddress, mac } from '../wire/mac.js';
import { be16, flag, ranged, s32, u16, u32, u8 } from '../wire/numbers.js';
import { header, member, struct, type HeaderIn, type HeaderOut } from '../wire/struct.js';
import { familyByte } from './family.js';
import { linkIndex } from './link-index.js';
import { protocols, types } from './route-enums.js';

const FLAGS_OFFSET = 10;

const STATES = {
  incomplete: 0x01,
  reachable: 0x02,
  stale: 0x04,
  delay: 0x08,
  probe: 0x10,
  failed: 0x20,
  noarp: 0x40,
  permanent: 0x80,
};
/** NUD_*. */
export type NeighbourState = keyof typeof STATES;
export const neighbourStates = new Bits<NeighbourState>(STATES);

/** NTF_* in the low byte, NTF_EXT_* above them: the kernel numbers them so itself. */
const FLAGS = {
  use: 1 << 0,
  self: 1 << 1,
  master: 1 << 2,
  proxy: 1 << 3,
  extLearned: 1 << 4,
  offloaded: 1 << 5,
  sticky: 1 << 6,
  router: 1 << 7,
  managed: 1 << 8,
  locked: 1 << 9,
  extValidated: 1 << 10,
};
/** `'managed'` since Linux 5.16, `'locked'` since 6.2, `'extValidated'` since 6.17. */
export type NeighbourFlag = keyof typeof FLAGS;
export const neighbourFlags = new Bits<NeighbourFlag>(FLAGS);
export type NeighbourFlags = FlagList<NeighbourFlag>;

/** The flags that `ndm_flags` has room for. */
const lowFlags: Codec<NeighbourFlags> = {
  size: 1,
  names: FLAGS,
  write: (writer, value, siblings, base) => u8.write(writer, neighbourFlags.value(value) & 0xff, siblings, base),
  read: readAs(u8.read, (value) => neighbourFlags.list(value)),
};

interface Flags {
  flags?: NeighbourFlags | undefined;
}

/** NDA_FLAGS_EXT: the rest of the flags, written and read together with those of the header. */
const highFlags: Codec<Flags> = merging(
  {
    omit: ({ flags }) => neighbourFlags.value(flags) >>> 8 === 0,
    write: (writer, { flags }, siblings, base) => u32.write(writer, neighbourFlags.value(flags) >>> 8, siblings, base),
    read(view, at, length, siblings, base) {
      const high = u32.read(view, at, length, siblings, base) << 8;
      return Object.assign(siblings, { flags: neighbourFlags.list((high | view.getUint8(base + FLAGS_OFFSET)) >>> 0) });
    },
  },
  ['flags'],
);

/** include/uapi/linux/neighbour.h, struct ndmsg. */
const ndmsg = header('ndmsg', 12, {
  /** Follows from the address. */
  family: member(0, familyByte),
  /** The index of the link. */
  link: member(4, linkIndex),
  /** What is known of the neighbour: mostly one state, or none. */
  state: member(8, flagList(u16, STATES)),
  flags: member(FLAGS_OFFSET, lowFlags),
  /** What kind of address it is. Only reported. */
  type: member(11, types),
});

/** include/uapi/linux/neighbour.h, struct nda_cacheinfo. */
const cacheinfo = struct('nda_cacheinfo', 16, {
  /** How long ago the neighbour was last known to be there, in hundredths of a second. */
  confirmed: member(0, u32),
  /** How long ago the entry was last used, in hundredths of a second. */
  used: member(4, u32),
  /** How long ago the entry was last changed, in hundredths of a second. */
  updated: member(8, u32),
  refcnt: member(12, u32),
});

/** Attributes of neighbours and of forwarding entries. */
const common = {
  flagsExt: attr(15, highFlags),
  cacheinfo: attr(3, readOnly(cacheinfo)),
} as const;

/** Kernel: net/core/neighbour.c, nda_policy and neigh_fill_info. */
export const neighbourAttrs = attrSet(
  'NDA',
  () => ({
    /** The IP address of the neighbour. */
    to: attr(1, ip),
    /** Its link-layer address: `'02:42:ac:11:00:02'`. */
    lladdr: attr(2, linkLayerAddress),
    /** Who made the entry: 0 to 255, numbered as for routes. */
    protocol: attr(12, protocols),
    /** How many times the neighbour has been asked without an answer. */
    probes: attr(4, readOnly(u32)),
    ...common,
    /** In lists, where `link` has no place in the header: the index of the link. */
    ofLink: attr(8, linkIndex),
    /** In lists: neighbours on the links that are ports of this one, by its index. */
    master: attr(9, linkIndex),
  }),
  ndmsg,
);

/** Kernel: net/bridge/br_fdb.c, br_nda_fdb_pol and fdb_fill_info. */
const extAttrs = attrSet('NFEA', () => ({
  /** `notify`: report when the entry expires or is used again. `inactive`: it has expired. */
  activityNotify: attr(1, flagList(u8, { notify: 1, inactive: 2 })),
  /** Change the entry without making it younger. */
  dontRefresh: attr(2, flag),
}));

/** Kernel: net/core/rtnetlink.c, rtnl_fdb_add; net/bridge/br_fdb.c, fdb_fill_info; drivers/net/vxlan/vxlan_core.c, vxlan_fdb_parse and vxlan_fdb_info. */
export const fdbAttrs = attrSet(
  'NDA',
  () => ({
    /** The MAC address that packets are sent to. All zeros in a VXLAN link: where to send what no other entry is for. */
    mac: attr(2, mac()),
    /** The VLAN, 1 to 4094, in bridges that filter VLANs. */
    vlan: attr(5, ranged(u16, 1, 4094)),
    /** VXLAN: the IP address of the tunnel's other end. */
    dst: attr(1, ip),
    /** VXLAN: the UDP port there; the link's unless said. */
    port: attr(6, be16),
    /** VXLAN: the network identifier to send with, 0 to 2^24 - 1; the link's unless said. */
    vni: attr(7, ranged(u32, 0, 0xffffff)),
    /** VXLAN: the network identifier that the entry is for, 0 to 2^24 - 1, in a link that carries several. */
    srcVni: attr(11, ranged(u32, 0, 0xffffff)),
    /** VXLAN: the index of the link to send by. */
    via: attr(8, linkIndex),
    /** The index of the bridge that the entry is in. */
    master: attr(9, linkIndex),
    /** VXLAN: the id of a nexthop group to send to, instead of `dst`. */
    nexthopId: attr(13, u32),
    /** VXLAN: where `via` is, when the link has been moved: an id of this namespace for the other one. */
    linkNetnsId: attr(10, readOnly(s32)),
    extAttrs: attr(14, spread(extAttrs)),
    ...common,
    /** For deleting all that match: which bits of `state` to look at. */
    stateMask: attr(16, flagList(u16, STATES)),
    /** For deleting all that match: which bits of `flags` to look at. */
    flagsMask: attr(17, lowFlags),
  }),
  ndmsg,
);

type Flattened<T> = Omit<T, 'flagsExt' | 'extAttrs'>;
/** A neighbour's attributes to write. */
export type NeighbourAttrsIn = Flattened<AttrsIn<typeof neighbourAttrs.rows>> & HeaderIn<typeof ndmsg>;
/** A neighbour's attributes as the kernel reports them. */
export type NeighbourAttrsOut = Flattened<AttrsOut<typeof neighbourAttrs.rows>> & HeaderOut<typeof ndmsg>;
/** A forwarding entry's attributes to write. */
export type FdbAttrsIn = Flattened<AttrsIn<typeof fdbAttrs.rows>> &
  AttrsIn<typeof extAttrs.rows> &
  HeaderIn<typeof ndmsg>;
/** A forwarding entry's attributes as the kernel reports them. */
export type FdbAttrsOut = Flattened<AttrsOut<typeof fdbAttrs.rows>> &
  AttrsOut<typeof extAttrs.rows> &
  HeaderOut<typeof ndmsg>;
