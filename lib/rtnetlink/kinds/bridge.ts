import { attr, attrSet, nest } from '../../wire/attrs.js';
import { readOnly } from '../../wire/codec.js';
import { enumeration } from '../../wire/enums.js';
import { ipv4, ipv6 } from '../../wire/ip.js';
import { mac } from '../../wire/mac.js';
import { maskedFlags } from '../../wire/masked-flags.js';
import { bool8, flag, ranged, u16, u32, u64, u8 } from '../../wire/numbers.js';
import { bridgeId } from '../bridge-id.js';
import { vlanProtocol } from '../vlan-protocol.js';

/** The other querier that the bridge heard last. Kernel: net/bridge/br_multicast.c, br_multicast_dump_querier_state. */
const querierState = attrSet(
  'BRIDGE_QUERIER',
  () => ({
    ipAddress: attr(1, ipv4),
    /** The index of the port that it is behind. */
    ipPort: attr(2, u32),
    /** Hundredths of a second until it counts as gone. */
    ipOtherTimer: attr(3, u64),
    ipv6Address: attr(5, ipv6),
    ipv6Port: attr(6, u32),
    ipv6OtherTimer: attr(7, u64),
  }),
  undefined,
  4,
);

/** BR_BOOLOPT_*: include/uapi/linux/if_bridge.h. */
const boolopt = maskedFlags({
  /** Does not learn from link-local packets (01:80:c2:00:00:0X). */
  noLlLearn: 1 << 0,
  /** Multicast snooping per VLAN. Since Linux 5.15. */
  mcastVlanSnooping: 1 << 1,
  /** Multiple spanning trees; only while the bridge has no VLANs. Since Linux 5.18. */
  mstEnable: 1 << 2,
  /** Tells when hardware did not take a multicast entry. Since Linux 6.15. */
  mdbOffloadFailNotification: 1 << 3,
  /** The bridge's own addresses are kept for VLAN 0 only. Since Linux 6.18. */
  fdbLocalVlan0: 1 << 4,
});

/**
 * Times are in clock ticks of user space (USER_HZ), hundredths of a second: 1500 is 15 s.
 *
 * Kernel: net/bridge/br_netlink.c, br_policy, br_changelink and br_fill_info.
 */
export const bridge = attrSet(
  'IFLA_BR',
  () => ({
    /** Time spent listening, and again learning, before forwarding. In 1/100 s; 200 to 3000 while STP is on. */
    forwardDelay: attr(1, u32),
    /** Time between the root bridge's hellos. In 1/100 s, 100 to 1000. */
    helloTime: attr(2, ranged(u32, 100, 1000)),
    /** Time without a hello after which the root counts as gone. In 1/100 s, 600 to 4000. */
    maxAge: attr(3, ranged(u32, 600, 4000)),
    /** How long an address is kept that nothing is heard from. In 1/100 s; 0: none is learned, so that packets go to all ports. */
    ageingTime: attr(4, u32),
    /** The spanning tree protocol: off, or run by the kernel, or (only reported) by a program in user space. */
    stpState: attr(5, enumeration(u32, { off: 0, kernel: 1, user: 2 })),
    /** Who runs STP once it is on; `auto`: a program in user space if one says it does. Newer than Linux 6.18. */
    stpMode: attr(50, enumeration(u32, { auto: 0, user: 1, kernel: 2 })),
    /** Priority in the election of the root, 0 to 65535; the least wins. */
    priority: attr(6, u16),
    /** Whether ports and packets have VLANs for the bridge. */
    vlanFiltering: attr(7, bool8),
    /** The tags that count as VLAN tags. */
    vlanProtocol: attr(8, vlanProtocol),
    /** The VLAN of untagged packets on ports that are added, 0 to 4094; 0: none. */
    vlanDefaultPvid: attr(39, ranged(u16, 0, 4094)),
    /** Counts packets by VLAN. */
    vlanStatsEnabled: attr(41, bool8),
    /** Counts packets by VLAN and port; can be changed only while no port has a VLAN. */
    vlanStatsPerPort: attr(45, bool8),
    /** Which link-local frames to forward: bit X for 01:80:c2:00:00:0X. Bits 0, 1 and 2 cannot be set. */
    groupForwardMask: attr(9, u16),
    /** Where STP sends to: 01:80:c2:00:00:0X, with X neither 1, 2 nor 3. */
    groupAddress: attr(20, mac()),
    /** Forgets all learned addresses. */
    fdbFlush: attr(21, flag),
    /** How many addresses may be learned; 0: no limit. Since Linux 6.7. */
    fdbMaxLearned: attr(49, u32),
    /** How many addresses are learned. Since Linux 6.7. */
    fdbNLearned: attr(48, readOnly(u32)),
    /** Options each of which is on or off; those left out stay as they are. */
    multiBoolopt: attr(46, boolopt),

    /** Multicast goes only where it is asked for (IGMP and MLD snooping). */
    mcastSnooping: attr(23, bool8),
    /** Whether the bridge itself counts as a multicast router: never, when it hears queries, always. */
    mcastRouter: attr(22, enumeration(u8, { disabled: 0, tempQuery: 1, perm: 2 })),
    /** The bridge sends queries when nobody else does. */
    mcastQuerier: attr(25, bool8),
    /** Queries come from the bridge's address instead of 0.0.0.0. */
    mcastQueryUseIfaddr: attr(24, bool8),
    /** Always 16 since Linux 4.20; writing it has no effect. */
    mcastHashElasticity: attr(26, readOnly(u32)),
    /** How many multicast groups there may be. */
    mcastHashMax: attr(27, u32),
    /** Queries without an answer after which a group's last member counts as gone. */
    mcastLastMemberCount: attr(28, u32),
    /** Queries sent at the start. */
    mcastStartupQueryCount: attr(29, u32),
    /** Time between queries for a group that somebody left. In 1/100 s. */
    mcastLastMemberInterval: attr(30, u64),
    /** Time without a report after which a group is left. In 1/100 s. */
    mcastMembershipInterval: attr(31, u64),
    /** Time without another querier's query after which the bridge takes over. In 1/100 s. */
    mcastQuerierInterval: attr(32, u64),
    /** Time between general queries. In 1/100 s; the kernel raises what is below 100, and lowers what is above a day. */
    mcastQueryInterval: attr(33, u64),
    /** Time that members have for an answer. In 1/100 s. */
    mcastQueryResponseInterval: attr(34, u64),
    /** Time between queries at the start. In 1/100 s; the kernel raises what is below 100, and lowers what is above a day. */
    mcastStartupQueryInterval: attr(35, u64),
    /** Counts IGMP and MLD packets. */
    mcastStatsEnabled: attr(42, bool8),
    /** 2 or 3. */
    mcastIgmpVersion: attr(43, ranged(u8, 2, 3)),
    /** 1 or 2. */
    mcastMldVersion: attr(44, ranged(u8, 1, 2)),
    /** Since Linux 5.15. */
    mcastQuerierState: attr(47, readOnly(nest(querierState))),

    /** Bridged IPv4 packets pass through iptables. */
    nfCallIptables: attr(36, bool8),
    /** Bridged IPv6 packets pass through ip6tables. */
    nfCallIp6tables: attr(37, bool8),
    /** Bridged ARP packets pass through arptables. */
    nfCallArptables: attr(38, bool8),

    /** The root of the spanning tree: `'8000.02:42:ac:11:00:02'`. */
    rootId: attr(10, readOnly(bridgeId)),
    bridgeId: attr(11, readOnly(bridgeId)),
    /** The number of the port that leads to the root; 0: this is the root. */
    rootPort: attr(12, readOnly(u16)),
    rootPathCost: attr(13, readOnly(u32)),
    topologyChange: attr(14, readOnly(bool8)),
    topologyChangeDetected: attr(15, readOnly(bool8)),
    /** In 1/100 s until it runs out, as the following; 0: it does not run. */
    helloTimer: attr(16, readOnly(u64)),
    tcnTimer: attr(17, readOnly(u64)),
    topologyChangeTimer: attr(18, readOnly(u64)),
    gcTimer: attr(19, readOnly(u64)),
  }),
  undefined,
  40,
);
