import { attr, attrSet } from '../../wire/attrs.js';
import { readOnly } from '../../wire/codec.js';
import { enumeration } from '../../wire/enums.js';
import { bool8, flag, ranged, u16, u32, u64, u8 } from '../../wire/numbers.js';
import { bridgeId } from '../bridge-id.js';
import { linkIndex } from '../link-index.js';

/**
 * The names are those of `ip link set type bridge_slave`, where they differ from the kernel's.
 *
 * Kernel: net/bridge/br_netlink.c, br_port_policy, br_setport and br_port_fill_attrs.
 */
export const bridge = attrSet(
  'IFLA_BRPORT',
  () => ({
    /**
     * The state in the spanning tree. It can be set while the link is up and the kernel does not run STP. While nobody
     * does, the kernel soon enables a disabled port, and forwards through a blocking one.
     */
    state: attr(1, enumeration(u8, { disabled: 0, listening: 1, learning: 2, forwarding: 3, blocking: 4 })),
    /** Priority in the spanning tree, 0 to 63. */
    priority: attr(2, ranged(u16, 0, 63)),
    /** Path cost in the spanning tree, 1 to 65535. */
    cost: attr(3, ranged(u32, 1, 65535)),
    /** Packets may leave through the port that they came in by (IFLA_BRPORT_MODE). */
    hairpin: attr(4, bool8),
    /** A BPDU that comes in disables the port. */
    guard: attr(5, bool8),
    /** The port never leads to the root (IFLA_BRPORT_PROTECT). */
    rootBlock: attr(6, bool8),
    /** A group is left at once when a leave message comes in. */
    fastLeave: attr(7, bool8),
    /** Source addresses are learned. */
    learning: attr(8, bool8),
    /** Packets to unknown addresses go here too (IFLA_BRPORT_UNICAST_FLOOD). */
    flood: attr(9, bool8),
    /** Multicast to unknown groups goes here too. */
    mcastFlood: attr(27, bool8),
    /** Broadcasts go here too. */
    bcastFlood: attr(30, bool8),
    /** Multicast goes to each member as unicast (IFLA_BRPORT_MCAST_TO_UCAST). */
    mcastToUnicast: attr(28, bool8),
    /** Answers ARP for others. */
    proxyArp: attr(10, bool8),
    /** Answers ARP for others as IEEE 802.11 and Hotspot 2.0 want it. */
    proxyArpWifi: attr(12, bool8),
    /** Never reported, nor looked at by the bridge; for drivers. */
    learningSync: attr(11, bool8),
    /** Whether a multicast router is behind the port: never, when queries are heard, always, for a while. */
    mcastRouter: attr(25, enumeration(u8, { disabled: 0, tempQuery: 1, perm: 2, temp: 3 })),
    /** VLANs are mapped to tunnel ids. */
    vlanTunnel: attr(29, bool8),
    /** Which link-local frames to forward: bit X for 01:80:c2:00:00:0X. Bit 1 cannot be set. */
    groupForwardMask: attr(31, u16),
    /** ARP and neighbour solicitations are answered from what is known, and not flooded here. */
    neighSuppress: attr(32, bool8),
    /** The same VLAN by VLAN, instead of for all; since Linux 6.4. */
    neighVlanSuppress: attr(43, bool8),
    /** Gratuitous ARP and unsolicited neighbour advertisements are flooded here all the same. Newer than Linux 6.18. */
    neighForwardGrat: attr(45, bool8),
    /** Talks to ports that are not isolated, and to no other. */
    isolated: attr(33, bool8),
    /** Only known addresses may send. Since Linux 5.18. */
    locked: attr(39, bool8),
    /** Unknown senders at a locked port are reported; needs `locked` and `learning`. Since Linux 6.2. */
    mab: attr(40, bool8),
    /** The index of the port that takes over when this one loses its carrier; 0 and null: none. */
    backupPort: attr(34, linkIndex),
    /** The id of the FDB nexthop for packets that go to the backup port. Since Linux 6.6. */
    backupNhid: attr(44, u32),
    /** How many hosts are tracked per port (explicit host tracking), 1 or more. Since Linux 5.12. */
    mcastEhtHostsLimit: attr(37, u32),
    /** How many are. Since Linux 5.12. */
    mcastEhtHostsCnt: attr(38, readOnly(u32)),
    /** How many multicast groups there may be; 0: no limit. Since Linux 6.3. */
    mcastMaxGroups: attr(42, u32),
    /** How many there are. Since Linux 6.3. */
    mcastNGroups: attr(41, readOnly(u32)),
    /** Forgets the addresses learned here (IFLA_BRPORT_FLUSH). */
    fdbFlush: attr(24, flag),

    /** The root of the spanning tree: `'8000.02:42:ac:11:00:02'`. */
    rootId: attr(13, readOnly(bridgeId)),
    /** The bridge through which this segment reaches the root. */
    bridgeId: attr(14, readOnly(bridgeId)),
    /** The port of that bridge. */
    designatedPort: attr(15, readOnly(u16)),
    designatedCost: attr(16, readOnly(u16)),
    /** Priority and number: `priority << 10 | no`. */
    id: attr(17, readOnly(u16)),
    /** The port's number on its bridge. */
    no: attr(18, readOnly(u16)),
    topologyChangeAck: attr(19, readOnly(bool8)),
    configPending: attr(20, readOnly(bool8)),
    /** In 1/100 s until it runs out, as the following; 0: it does not run. */
    messageAgeTimer: attr(21, readOnly(u64)),
    forwardDelayTimer: attr(22, readOnly(u64)),
    holdTimer: attr(23, readOnly(u64)),
    /** The media redundancy ring is open here. */
    mrpRingOpen: attr(35, readOnly(bool8)),
    /** The media redundancy interconnection is open here. */
    mrpInOpen: attr(36, readOnly(bool8)),
  }),
  undefined,
  26,
);
