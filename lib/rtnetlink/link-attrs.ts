import { CodecError } from '../errors.js';
import {
  attr,
  attrSet,
  list,
  nest,
  selected,
  spread,
  type AttrSet,
  type AttrsIn,
  type AttrsOut,
  type Header,
  type Rows,
} from '../wire/attrs.js';
import { readOnly, shared, show, type Codec } from '../wire/codec.js';
import { enumeration, flagList } from '../wire/enums.js';
import { linkLayerAddress } from '../wire/mac.js';
import { bool8, s32, u16, u32, u64, u8 } from '../wire/numbers.js';
import { member, struct } from '../wire/struct.js';
import { bytes, linkName, nulString, string } from '../wire/text.js';
import { LITTLE_ENDIAN } from '../wire/writer.js';
import { linkTypeName, type LinkType } from './arphrd.js';
import { afSpec } from './af-spec.js';
import { familyName, familyNumber, type Family } from './family.js';
import { flagChange, IFF_UP, linkFlags, type LinkFlag, type LinkFlagsIn } from './link-flags.js';
import { linkIndex, netnsDescriptor } from './link-index.js';
import { linkStats, linkStats64 } from './link-stats.js';
import * as kinds from './kinds/index.js';
import * as ports from './ports/index.js';
import type { FlagList } from '../wire/enums.js';

/** What `struct ifinfomsg` says of a link. */
export interface LinkHeaderOut {
  readonly index: number;
  readonly type: LinkType;
  readonly flags: FlagList<LinkFlag>;
  /** Whether IFF_UP is among the flags. */
  readonly up: boolean;
  /** `'bridge'` in answers about bridge ports, else `'unspec'`. */
  readonly family: Family;
}

/** What can be said in `struct ifinfomsg`. */
export interface LinkHeaderIn {
  /** The index to create a link with, or the link to act on. */
  readonly index?: number | undefined;
  readonly flags?: LinkFlagsIn | undefined;
  readonly up?: boolean | undefined;
  readonly family?: Family | undefined;
  /** Only reported by the kernel; passed over. */
  readonly type?: LinkType | undefined;
}

/** include/uapi/linux/rtnetlink.h, struct ifinfomsg. */
export const ifinfomsg: Header = {
  name: 'ifinfomsg',
  size: 16,
  write({ view }, value, base) {
    const { family, index, flags, up } = value as LinkHeaderIn;
    const change = flagChange(flags, up);
    if (family !== undefined) view.setUint8(base, familyNumber(family, 'family'));
    if (index !== undefined) view.setInt32(base + 4, checkIndex(index), LITTLE_ENDIAN);
    view.setUint32(base + 8, change.flags, LITTLE_ENDIAN);
    view.setUint32(base + 12, change.change, LITTLE_ENDIAN);
  },
  fields: [
    { key: 'index', offset: 4, size: 4, read: (view, at) => view.getInt32(at, LITTLE_ENDIAN) },
    { key: 'type', offset: 2, size: 2, read: (view, at) => linkTypeName(view.getUint16(at, LITTLE_ENDIAN)) },
    { key: 'flags', offset: 8, size: 4, read: (view, at) => linkFlags.list(view.getUint32(at, LITTLE_ENDIAN)) },
    { key: 'up', offset: 8, size: 4, read: (view, at) => (view.getUint32(at, LITTLE_ENDIAN) & IFF_UP) !== 0 },
    { key: 'family', offset: 0, size: 1, read: (view, at) => familyName(view.getUint8(at)) },
  ],
};

function checkIndex(index: unknown): number {
  if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index > 0x7fffffff) {
    throw new CodecError('index', `takes an integer from 0 to 2147483647, not ${show(index)}`);
  }
  return index;
}

/** What depends on the kind. `Link` and `NewLink` say what it is for each; bytes where this library has no table. */
export type KindData = Readonly<Record<string, unknown>> | Uint8Array;

/** Kernel: net/core/rtnetlink.c, rtnl_link_fill and ifla_info_policy. */
const linkInfo = attrSet('IFLA_INFO', () => ({
  /** The kind of link: `'veth'`, `'bridge'` and so on. Not there for physical devices and the loopback. */
  kind: attr(1, nulString()),
  /** What the kind has of its own; its table is chosen by `kind`. Bytes for a kind that is not known here. */
  data: attr(2, selected<KindData, KindData>(kinds.tables, 'kind')),
  /** Counters of the kind's own, uninterpreted. */
  kindStats: attr(3, readOnly(bytes())),
  /** The kind of the master, when this link is its port. */
  portKind: attr(4, nulString()),
  /** What the link has as a port of its master; its table is chosen by `portKind`. */
  port: attr(5, selected<KindData, KindData>(ports.tables, 'portKind')),
}));

/** include/uapi/linux/if_link.h, struct rtnl_link_ifmap. */
const ifmap = struct('rtnl_link_ifmap', 32, {
  memStart: member(0, u64),
  memEnd: member(8, u64),
  baseAddr: member(16, u64),
  irq: member(24, u16),
  dma: member(26, u8),
  port: member(27, u8),
});

const xdp = attrSet('IFLA_XDP', () => ({
  fd: attr(1, s32),
  attached: attr(2, readOnly(enumeration(u8, { none: 0, driver: 1, skb: 2, hardware: 3, multiple: 4 }))),
  flags: attr(3, flagList(u32, { updateIfNoexist: 1, skbMode: 2, drvMode: 4, hwMode: 8, replace: 16 })),
  programId: attr(4, readOnly(u32)),
  driverProgramId: attr(5, readOnly(u32)),
  skbProgramId: attr(6, readOnly(u32)),
  hardwareProgramId: attr(7, readOnly(u32)),
  expectedFd: attr(8, s32),
}));

const protoDownReason = attrSet('IFLA_PROTO_DOWN_REASON', () => ({
  mask: attr(1, u32),
  value: attr(2, u32),
}));

/** Kernel: net/core/rtnetlink.c, rtnl_prop_list_size: alternative names, each an attribute of its own. */
const altNames = list(nulString(127, 1), 53);

/** New links get them in a request of another kind; in other requests they are passed over. */
const namesOfNewLink: Codec<readonly string[], readonly string[]> = { ...altNames, omit: () => true };

/** Kernel: net/core/rtnetlink.c, ifla_policy and rtnl_fill_ifinfo. */
const linkRows = () =>
  ({
    /** The name, 1 to 15 bytes. */
    name: attr(3, linkName),
    linkinfo: attr(18, spread(linkInfo)),
    /** The largest packet in bytes, without the link-layer header. */
    mtu: attr(4, u32),
    /** The link-layer address: `'02:42:ac:11:00:02'`. */
    address: attr(1, linkLayerAddress),
    /** The link-layer broadcast address. */
    broadcast: attr(2, linkLayerAddress),
    /** The index of the master (bridge, bond, VRF); write `null` to leave it. */
    master: attr(10, linkIndex),
    /** The link beneath (a VLAN's parent) or the other end (of a veth). The index is of the namespace `linkNetnsId` when that is there. */
    link: attr(5, linkIndex),
    /** Where `link` is: an id of this namespace for the other one (RTM_GETNSID). */
    linkNetnsId: attr(37, s32),
    /** The namespace to create the link in, or to move it to. */
    netns: attr(28, netnsDescriptor),
    /** The same by the pid of a process in it. */
    netnsPid: attr(19, u32),
    /** The same by its id in this namespace. */
    targetNetnsId: attr(46, s32),
    /** The index that a link gets in the namespace that it moves to. Since Linux 5.13; ignored before. */
    newIndex: attr(49, s32),
    /** In an event about a link that moves: the id of the namespace it goes to. */
    newNetnsId: attr(45, readOnly(s32)),
    /** The queueing discipline's name. */
    qdisc: attr(6, readOnly(nulString())),
    /** The length of the transmit queue in packets. */
    txQueueLength: attr(13, u32),
    /** RFC 2863's operational state. */
    operstate: attr(
      16,
      enumeration(u8, { unknown: 0, notPresent: 1, down: 2, lowerLayerDown: 3, testing: 4, dormant: 5, up: 6 }),
    ),
    /** What the link goes to when it gets a carrier: up at once, or dormant first. */
    linkMode: attr(17, enumeration(u8, { default: 0, dormant: 1, testing: 2 })),
    /** Free text, up to 255 bytes; empty to remove it. */
    alias: attr(20, string(255)),
    /** Other names of 1 to 127 bytes each, for a new link; else `addAltNames` and `deleteAltNames` change them. */
    altNames: attr(52, namesOfNewLink),
    /** One more other name for a new link, 1 to 127 bytes. */
    altName: attr(53, nulString(127, 1)),
    /** The group to address many links by. */
    group: attr(27, u32),
    promiscuity: attr(30, readOnly(u32)),
    allmulticast: attr(61, readOnly(u32)),
    /** The number of transmit queues, at creation. */
    txQueues: attr(31, u32),
    /** The number of receive queues, at creation. */
    rxQueues: attr(32, u32),
    /** Few kinds let it be set, such as dummy. Passed over in a link that was read, which has `carrierChanges`. */
    carrier: attr(33, bool8),
    carrierChanges: attr(35, readOnly(u32)),
    carrierUpCount: attr(47, readOnly(u32)),
    carrierDownCount: attr(48, readOnly(u32)),
    /** Something else keeps the link down. Of the kinds that have a table macvlan, macvtap and vxlan. */
    protoDown: attr(39, bool8),
    protoDownReason: attr(55, nest(protoDownReason)),
    minMtu: attr(50, readOnly(u32)),
    maxMtu: attr(51, readOnly(u32)),
    /** Before Linux 5.19, the peer of a new veth link gets that of the link, whatever it says itself. */
    gsoMaxSegs: attr(40, u32),
    /** As `gsoMaxSegs`. */
    gsoMaxSize: attr(41, u32),
    /** Since Linux 5.17. */
    groMaxSize: attr(58, u32),
    /** Since Linux 6.3. */
    gsoIpv4MaxSize: attr(63, u32),
    /** Since Linux 6.3. */
    groIpv4MaxSize: attr(64, u32),
    tsoMaxSize: attr(59, readOnly(u32)),
    tsoMaxSegs: attr(60, readOnly(u32)),
    /** The address the hardware came with. */
    permanentAddress: attr(54, readOnly(linkLayerAddress)),
    physicalPortId: attr(34, readOnly(bytes())),
    physicalPortName: attr(38, readOnly(nulString())),
    physicalSwitchId: attr(36, readOnly(bytes())),
    parentDeviceName: attr(56, readOnly(nulString())),
    parentDeviceBus: attr(57, readOnly(nulString())),
    /** How many virtual functions the device has; `vfs` describes them when asked for with `extMask`. */
    vfCount: attr(21, readOnly(u32)),
    vfs: attr(22, readOnly(bytes())),
    vfPorts: attr(24, readOnly(bytes())),
    portSelf: attr(25, readOnly(bytes())),
    /** Counters, 64 bits wide. */
    stats: attr(23, readOnly(shared(linkStats64))),
    /** The same, cut to 32 bits. */
    stats32: attr(7, readOnly(shared(linkStats))),
    map: attr(14, readOnly(shared(ifmap))),
    xdp: attr(43, shared(nest(xdp))),
    /** Settings of the protocols above the link. */
    afSpec: attr(26, afSpec),
    /** Filled with settings of the bridge port in answers of family `'bridge'`. */
    protinfo: attr(12, readOnly(bytes())),
    /** What to report: RTEXT_FILTER_*. */
    extMask: attr(
      29,
      flagList(u32, {
        vf: 1,
        bridgeVlan: 2,
        bridgeVlanCompressed: 4,
        skipStats: 8,
        mrp: 16,
        cfmConfig: 32,
        cfmStatus: 64,
        mst: 128,
      }),
    ),
    /** Why an event was sent. */
    event: attr(
      44,
      readOnly(
        enumeration(u32, {
          none: 0,
          reboot: 1,
          features: 2,
          bondingFailover: 3,
          notifyPeers: 4,
          igmpResend: 5,
          bondingOptions: 6,
        }),
      ),
    ),
    cost: attr(8, readOnly(bytes())),
    priority: attr(9, readOnly(bytes())),
    wireless: attr(11, readOnly(bytes())),
    /** The kernel has the number, but neither reports nor takes it. */
    weight: attr(15, readOnly(u32)),
    devlinkPort: attr(62, readOnly(bytes())),
    dpllPin: attr(65, readOnly(bytes())),
    /** In microseconds. Since Linux 6.13. */
    maxPacingOffloadHorizon: attr(66, readOnly(u32)),
    /** The link may not leave its namespace. Since Linux 6.15. */
    netnsImmutable: attr(67, readOnly(bool8)),
    /** Bytes that the link reserves before each packet. Since Linux 6.18. */
    headroom: attr(68, readOnly(u16)),
    /** Bytes that the link reserves behind each packet. Since Linux 6.18. */
    tailroom: attr(69, readOnly(u16)),
  }) as const satisfies Rows;

type LinkRows = ReturnType<typeof linkRows>;
export const linkAttrs: AttrSet<LinkRows> = attrSet('IFLA', linkRows, ifinfomsg, 42);

/** RTM_NEWLINKPROP and RTM_DELLINKPROP take the names as a list. */
export const altNameAttrs = attrSet(
  'IFLA',
  () => ({
    name: attr(3, linkName),
    altNames: attr(52, altNames),
    altName: attr(53, nulString(127, 1)),
  }),
  ifinfomsg,
);

type Visible<T> = Omit<T, 'linkinfo'>;
/** A link's attributes to write. */
export type LinkAttrsIn = Visible<AttrsIn<LinkRows>> & AttrsIn<typeof linkInfo.rows> & LinkHeaderIn;
/** A link as the kernel reports it. Attributes that the kernel did not send are not there. */
export type LinkAttrsOut = Visible<AttrsOut<LinkRows>> & AttrsOut<typeof linkInfo.rows> & LinkHeaderOut;
