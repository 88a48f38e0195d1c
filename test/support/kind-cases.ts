/**
 * Every attribute of every kind of link with a value that is not the default, for the tests that set them and look what
 * the kernel, and `ip`, make of it. The links lie on `under`, one end of a veth pair.
 */
import type { Rtnetlink } from '../../lib/rtnetlink/client.js';
import type { Kind } from '../../lib/rtnetlink/kinds/index.js';
import type { NewLink } from '../../lib/rtnetlink/link.js';
import { noNetns, olderThan, unavailable } from './netns.js';

export const UNDER = 77;
/** The index of another port of the bridge. */
export const OTHER_PORT = 88;

/** What a kernel may be built without. */
type Feature = 'vlanFiltering' | 'mcastSnooping' | 'netfilter' | 'ipv6';

interface Written {
  readonly title: string;
  /** What is written. */
  readonly data: Readonly<Record<string, unknown>>;
  /** What is then reported, where that differs. */
  readonly reported?: Readonly<Record<string, unknown>>;
  readonly needs?: Feature;
  readonly since?: readonly [number, number];
}

export interface KindCase extends Written {
  readonly kind: Kind;
  /** It can be created with this; so can nearly everything. */
  readonly atCreation?: false;
  /** This can also be changed later. */
  readonly inPlace?: true;
  /** `info_data` in the output of `ip -d -j link`, of iproute2 6.1. */
  readonly shown?: Readonly<Record<string, unknown>>;
  /** What to tell `ip link add` for the same. */
  readonly args?: string;
}

export interface PortCase extends Written {
  /** `info_slave_data` in the output of `ip -d -j link`, of iproute2 6.1. */
  readonly shown?: Readonly<Record<string, unknown>>;
}

/** What a link of each kind needs. */
export const plain: Readonly<
  Record<Kind, { readonly link?: number; readonly data?: Readonly<Record<string, unknown>> }>
> = {
  bridge: {},
  dummy: {},
  ifb: {},
  ipvlan: { link: UNDER },
  macvlan: { link: UNDER },
  macvtap: { link: UNDER },
  veth: {},
  vlan: { link: UNDER, data: { id: 5 } },
  vxlan: { data: { id: 5, group: '10.0.0.9', local: '10.0.0.8', port: 4789 } },
};

/** A link of this kind called `name`. */
export function linkOf(kind: Kind, name: string, data?: Readonly<Record<string, unknown>>): NewLink {
  const { link, data: required } = plain[kind];
  const ownData = { ...required, ...data };
  return { name, kind, ...(link === undefined ? {} : { link }), data: ownData } as NewLink;
}

export async function addUnder({ link }: Rtnetlink): Promise<void> {
  await link.add({ name: 'under', index: UNDER, kind: 'veth', data: { peer: { name: 'under2', index: UNDER + 1 } } });
}

/** A bridge and two ports, `port` and `other`. */
export async function addPorts({ link }: Rtnetlink): Promise<void> {
  await link.add({ name: 'br', kind: 'bridge', up: true });
  await link.add({ name: 'port', kind: 'veth', master: 'br', data: { peer: { name: 'far' } } });
  await link.add({ name: 'other', index: OTHER_PORT, kind: 'veth', master: 'br', data: { peer: { name: 'far2' } } });
  await Promise.all(['port', 'far', 'other', 'far2'].map((name) => link.set(name, { up: true })));
}

const bridge: readonly KindCase[] = [
  {
    kind: 'bridge',
    title: 'spanning tree',
    inPlace: true,
    data: {
      forwardDelay: 1600,
      helloTime: 300,
      maxAge: 2100,
      ageingTime: 30100,
      stpState: 'kernel',
      priority: 4097,
      groupForwardMask: 0x4ff8,
      groupAddress: '01:80:c2:00:00:0e',
    },
    shown: {
      forward_delay: 1600,
      hello_time: 300,
      max_age: 2100,
      ageing_time: 30100,
      stp_state: 1,
      priority: 4097,
      group_fwd_mask: '0x4ff8',
      group_addr: '01:80:c2:00:00:0e',
    },
    args: 'forward_delay 1600 hello_time 300 max_age 2100 ageing_time 30100 stp_state 1 priority 4097 group_fwd_mask 0x4ff8 group_address 01:80:c2:00:00:0e',
  },
  {
    kind: 'bridge',
    title: 'VLANs',
    inPlace: true,
    needs: 'vlanFiltering',
    data: {
      vlanFiltering: true,
      vlanProtocol: '802.1ad',
      vlanDefaultPvid: 77,
      vlanStatsEnabled: true,
      vlanStatsPerPort: true,
    },
    shown: {
      vlan_filtering: 1,
      vlan_protocol: '802.1ad',
      vlan_default_pvid: 77,
      vlan_stats_enabled: 1,
      vlan_stats_per_port: 1,
    },
    args: 'vlan_filtering 1 vlan_protocol 802.1ad vlan_default_pvid 77 vlan_stats_enabled 1 vlan_stats_per_port 1',
  },
  {
    kind: 'bridge',
    title: 'multicast',
    inPlace: true,
    needs: 'mcastSnooping',
    data: {
      mcastSnooping: false,
      mcastRouter: 'perm',
      mcastQueryUseIfaddr: true,
      mcastQuerier: true,
      mcastHashMax: 8192,
      mcastLastMemberCount: 3,
      mcastStartupQueryCount: 4,
      mcastLastMemberInterval: 120n,
      mcastMembershipInterval: 26100n,
      mcastQuerierInterval: 25600n,
      mcastQueryInterval: 12700n,
      mcastQueryResponseInterval: 1100n,
      mcastStartupQueryInterval: 3200n,
      mcastStatsEnabled: true,
      mcastIgmpVersion: 3,
      mcastMldVersion: 2,
    },
    shown: {
      mcast_snooping: 0,
      mcast_router: 2,
      mcast_query_use_ifaddr: 1,
      mcast_querier: 1,
      mcast_hash_max: 8192,
      mcast_last_member_cnt: 3,
      mcast_startup_query_cnt: 4,
      mcast_last_member_intvl: 120,
      mcast_membership_intvl: 26100,
      mcast_querier_intvl: 25600,
      mcast_query_intvl: 12700,
      mcast_query_response_intvl: 1100,
      mcast_startup_query_intvl: 3200,
      mcast_stats_enabled: 1,
      mcast_igmp_version: 3,
      mcast_mld_version: 2,
    },
    args: 'mcast_snooping 0 mcast_router 2 mcast_query_use_ifaddr 1 mcast_querier 1 mcast_hash_max 8192 mcast_last_member_count 3 mcast_startup_query_count 4 mcast_last_member_interval 120 mcast_membership_interval 26100 mcast_querier_interval 25600 mcast_query_interval 12700 mcast_query_response_interval 1100 mcast_startup_query_interval 3200 mcast_stats_enabled 1 mcast_igmp_version 3 mcast_mld_version 2',
  },
  {
    kind: 'bridge',
    title: 'netfilter',
    inPlace: true,
    needs: 'netfilter',
    data: { nfCallIptables: true, nfCallIp6tables: true, nfCallArptables: true },
    shown: { nf_call_iptables: 1, nf_call_ip6tables: 1, nf_call_arptables: 1 },
    args: 'nf_call_iptables 1 nf_call_ip6tables 1 nf_call_arptables 1',
  },
  { kind: 'bridge', title: 'who runs STP', inPlace: true, since: [7, 2], data: { stpMode: 'kernel' } },
  { kind: 'bridge', title: 'flush', inPlace: true, data: { fdbFlush: true }, reported: {} },
  { kind: 'bridge', title: 'limits', inPlace: true, since: [6, 7], data: { fdbMaxLearned: 4321 } },
  {
    kind: 'bridge',
    title: 'learning from link-local packets',
    inPlace: true,
    data: { multiBoolopt: { noLlLearn: true } },
    shown: { no_linklocal_learn: 1 },
    args: 'no_linklocal_learn 1',
  },
  {
    kind: 'bridge',
    title: 'options of VLANs',
    inPlace: true,
    needs: 'vlanFiltering',
    since: [5, 18],
    data: { vlanFiltering: true, vlanDefaultPvid: 0, multiBoolopt: { mcastVlanSnooping: true, mstEnable: true } },
    shown: { mcast_vlan_snooping: 1 },
  },
  {
    kind: 'bridge',
    title: 'options of hardware',
    inPlace: true,
    since: [6, 15],
    data: { multiBoolopt: { mdbOffloadFailNotification: true } },
  },
  {
    kind: 'bridge',
    title: 'local addresses in VLAN 0',
    inPlace: true,
    // Some kernels without VLAN filtering crash on this one.
    needs: 'vlanFiltering',
    since: [6, 18],
    data: { multiBoolopt: { fdbLocalVlan0: true } },
  },
];

const vxlan: readonly KindCase[] = [
  {
    kind: 'vxlan',
    title: 'over IPv4',
    data: {
      id: 4242421,
      group: '239.1.2.3',
      local: '10.9.8.7',
      link: UNDER,
      ttl: 17,
      tos: 0x28,
      df: 'set',
      learning: false,
      ageing: 77,
      limit: 1234,
      portRange: { low: 41001, high: 41999 },
      port: 4790,
      proxy: true,
      rsc: true,
      l2miss: true,
      l3miss: true,
      udpCsum: false,
      udpZeroCsum6Tx: true,
      udpZeroCsum6Rx: true,
      remcsumTx: true,
      remcsumRx: true,
      remcsumNopartial: true,
      gbp: true,
    },
    shown: {
      id: 4242421,
      group: '239.1.2.3',
      local: '10.9.8.7',
      link: 'under',
      ttl: 17,
      tos: '0x28',
      df: 'set',
      learning: false,
      ageing: 77,
      limit: 1234,
      port_range: { low: 41001, high: 41999 },
      port: 4790,
      proxy: true,
      rsc: true,
      l2miss: true,
      l3miss: true,
      udp_csum: false,
      udp_zero_csum6_tx: true,
      udp_zero_csum6_rx: true,
      remcsum_tx: true,
      remcsum_rx: true,
      gbp: true,
    },
    args: 'id 4242421 group 239.1.2.3 local 10.9.8.7 dev under ttl 17 tos 0x28 df set nolearning ageing 77 maxaddress 1234 srcport 41001 41999 dstport 4790 proxy rsc l2miss l3miss noudpcsum udp6zerocsumtx udp6zerocsumrx remcsumtx remcsumrx',
  },
  {
    kind: 'vxlan',
    title: 'over IPv6',
    needs: 'ipv6',
    data: { id: 70001, group: 'fd00:1::2', local: 'fd00:1::9', label: 0x12345, df: 'inherit', ttlInherit: true },
    shown: { id: 70001, remote6: 'fd00:1::2', local6: 'fd00:1::9', label: '0x12345', df: 'inherit' },
    args: 'id 70001 remote fd00:1::2 local fd00:1::9 flowlabel 0x12345 df inherit ttl inherit',
  },
  {
    kind: 'vxlan',
    title: 'parameters with each packet',
    data: { id: 0, group: undefined, local: undefined, port: 4792, collectMetadata: true, gpe: true, learning: false },
    reported: { id: 0, port: 4792, collectMetadata: true, gpe: true, learning: false },
    shown: { external: true, port: 4792, gpe: true, learning: false },
    args: 'external gpe dstport 4792',
  },
  {
    kind: 'vxlan',
    title: 'a table of VNIs',
    since: [5, 18],
    data: { id: 0, group: undefined, local: undefined, port: 4793, collectMetadata: true, vnifilter: true },
    reported: { id: 0, port: 4793, collectMetadata: true, vnifilter: true },
    shown: { external: true, vnifilter: true, port: 4793 },
    args: 'external vnifilter dstport 4793',
  },
  { kind: 'vxlan', title: 'no short cut', since: [6, 5], inPlace: true, data: { localbypass: false } },
  {
    kind: 'vxlan',
    title: 'the label of the inner packet',
    needs: 'ipv6',
    since: [6, 7],
    data: { group: 'fd00:1::2', local: undefined, labelPolicy: 'inherit' },
    reported: { group: 'fd00:1::2', labelPolicy: 'inherit' },
  },
  { kind: 'vxlan', title: 'reserved bits', since: [6, 14], data: { reservedBits: 0xf7ff_ffff_0000_00f0n } },
  {
    kind: 'vxlan',
    title: 'routed multicast',
    since: [6, 17],
    inPlace: true,
    data: { group: '10.0.0.7', link: UNDER, mcRoute: true },
    // Linux 6.18 does not report it.
    reported: { group: '10.0.0.7', link: UNDER },
  },
  {
    kind: 'vxlan',
    title: 'what can be changed',
    inPlace: true,
    data: {
      group: '10.0.0.99',
      local: '10.0.0.88',
      link: UNDER,
      ttl: 18,
      tos: 0x2c,
      df: 'inherit',
      learning: false,
      ageing: 79,
    },
    shown: {
      remote: '10.0.0.99',
      local: '10.0.0.88',
      link: 'under',
      ttl: 18,
      tos: '0x2c',
      df: 'inherit',
      learning: false,
      ageing: 79,
    },
  },
];

const SOURCES = ['02:aa:bb:cc:dd:01', '02:aa:bb:cc:dd:02'];

const macvlan: readonly KindCase[] = [
  ...(['private', 'bridge'] as const).map((mode): KindCase => ({
    kind: 'macvlan',
    title: mode,
    inPlace: true,
    data: { mode },
    shown: { mode },
    args: `mode ${mode}`,
  })),
  {
    kind: 'macvlan',
    title: 'passthru, without making the link beneath promiscuous',
    data: { mode: 'passthru', flags: ['nopromisc'] },
    shown: { mode: 'passthru', nopromisc: true },
    args: 'mode passthru nopromisc',
  },
  {
    kind: 'macvlan',
    title: 'a set of sources',
    inPlace: true,
    data: { mode: 'source', macaddrMode: 'set', macaddrData: SOURCES },
    reported: { mode: 'source', macaddrCount: 2, macaddrData: [...SOURCES].reverse() },
    shown: { mode: 'source', macaddr_count: 2, macaddr_data: [...SOURCES].reverse() },
    args: `mode source macaddr set ${SOURCES.join(' ')}`,
  },
  {
    kind: 'macvlan',
    title: 'nothing but what comes from a source',
    inPlace: true,
    since: [5, 13],
    data: { mode: 'source', flags: ['nodst'] },
    shown: { mode: 'source', nodst: true },
    args: 'mode source nodst',
  },
  {
    kind: 'macvlan',
    title: 'one more source',
    data: { mode: 'source', macaddrMode: 'add', macaddr: SOURCES[0] },
    reported: { mode: 'source', macaddrCount: 1, macaddrData: [SOURCES[0]] },
    shown: { mode: 'source', macaddr_count: 1, macaddr_data: [SOURCES[0]] },
    args: `mode source macaddr add ${SOURCES[0]!}`,
  },
  {
    kind: 'macvlan',
    title: 'the queue of broadcasts',
    inPlace: true,
    since: [5, 11],
    data: { bcQueueLen: 1357 },
    reported: { bcQueueLen: 1357, bcQueueLenUsed: 1357 },
    shown: { bcqueuelen: 1357, usedbcqueuelen: 1357 },
    args: 'bcqueuelen 1357',
  },
  { kind: 'macvlan', title: 'what is queued', inPlace: true, since: [6, 4], data: { bcCutoff: 7 } },
];

const macvtap: readonly KindCase[] = macvlan
  .filter(({ title }) => title === 'private' || title === 'the queue of broadcasts')
  .map((macvlanCase) => ({ ...macvlanCase, kind: 'macvtap' }));

const vlan: readonly KindCase[] = [
  {
    kind: 'vlan',
    title: 'id and protocol',
    data: { id: 2749, protocol: '802.1ad' },
    shown: { id: 2749, protocol: '802.1ad' },
    args: 'protocol 802.1ad id 2749',
  },
  {
    kind: 'vlan',
    title: 'flags',
    inPlace: true,
    data: { flags: { reorderHdr: false, gvrp: true, looseBinding: true, mvrp: true } },
    reported: { flags: { reorderHdr: false, gvrp: true, looseBinding: true, mvrp: true, bridgeBinding: false } },
    shown: { flags: ['GVRP', 'MVRP', 'LOOSE_BINDING'] },
    args: 'id 5 reorder_hdr off gvrp on loose_binding on mvrp on',
  },
  {
    kind: 'vlan',
    title: 'priorities',
    inPlace: true,
    data: {
      ingressQos: [
        { from: 3, to: 6 },
        { from: 4, to: 900 },
      ],
      egressQos: [
        { from: 1, to: 3 },
        { from: 9, to: 5 },
      ],
    },
    shown: {
      ingress_qos: [
        { from: 3, to: 6 },
        { from: 4, to: 900 },
      ],
      egress_qos: [
        { from: 1, to: 3 },
        { from: 9, to: 5 },
      ],
    },
    args: 'id 5 ingress-qos-map 3:6 4:900 egress-qos-map 1:3 9:5',
  },
];

const ipvlan: readonly KindCase[] = [
  {
    kind: 'ipvlan',
    title: 'l2 private',
    inPlace: true,
    data: { mode: 'l2', flags: ['private'] },
    shown: { mode: 'l2', private: true },
    args: 'mode l2 private',
  },
  {
    kind: 'ipvlan',
    title: 'l3s vepa',
    inPlace: true,
    data: { mode: 'l3s', flags: ['vepa'] },
    shown: { mode: 'l3s', vepa: true },
    args: 'mode l3s vepa',
  },
];

export const kindCases: readonly KindCase[] = [...bridge, ...vxlan, ...macvlan, ...macvtap, ...vlan, ...ipvlan];

const off = { learning: false, flood: false, mcastFlood: false, bcastFlood: false };
const on = {
  hairpin: true,
  guard: true,
  rootBlock: true,
  fastLeave: true,
  mcastToUnicast: true,
  proxyArp: true,
  proxyArpWifi: true,
  vlanTunnel: true,
  neighSuppress: true,
  isolated: true,
};

export const portCases: readonly PortCase[] = [
  {
    title: 'spanning tree',
    data: { state: 'learning', priority: 21, cost: 1999 },
    shown: { state: 'learning', priority: 21, cost: 1999 },
  },
  {
    title: 'what is on or off',
    data: { ...off, ...on },
    shown: {
      learning: false,
      flood: false,
      mcast_flood: false,
      bcast_flood: false,
      hairpin: true,
      guard: true,
      root_block: true,
      fastleave: true,
      mcast_to_unicast: true,
      proxy_arp: true,
      proxy_arp_wifi: true,
      vlan_tunnel: true,
      neigh_suppress: true,
      isolated: true,
    },
  },
  { title: 'link-local frames', data: { groupForwardMask: 0x4008 }, shown: { group_fwd_mask: '0x4008' } },
  { title: 'another port', data: { backupPort: OTHER_PORT }, shown: { backup_port: 'other' } },
  { title: 'multicast routers', needs: 'mcastSnooping', data: { mcastRouter: 'perm' }, shown: { multicast_router: 2 } },
  {
    title: 'tracked hosts',
    needs: 'mcastSnooping',
    since: [5, 12],
    data: { mcastEhtHostsLimit: 78 },
  },
  { title: 'known senders only', since: [5, 18], data: { locked: true }, shown: { locked: true } },
  {
    title: 'reports of unknown senders',
    since: [6, 2],
    data: { locked: true, learning: true, mab: true },
    reported: { locked: true, mab: true },
  },
  { title: 'multicast groups', needs: 'mcastSnooping', since: [6, 3], data: { mcastMaxGroups: 79 } },
  { title: 'neighbours by VLAN', since: [6, 4], data: { neighVlanSuppress: true } },
  { title: 'announcements of neighbours', since: [7, 2], data: { neighForwardGrat: true } },
  { title: 'the nexthop of the other port', since: [6, 6], data: { backupNhid: 80 } },
  { title: 'flush', data: { fdbFlush: true, learningSync: true }, reported: {} },
];

/** Why links of this kind cannot be tested here, if so. */
const kindReasons = new Map<Kind, string | undefined>();
for (const kind of Object.keys(plain) as Kind[]) {
  kindReasons.set(
    kind,
    await unavailable(`no ${kind} links here`, async (client) => {
      await addUnder(client);
      await client.link.add(linkOf(kind, 'probe'));
    }),
  );
}

export function noKind(kind: Kind): string | undefined {
  return kindReasons.get(kind);
}

/** An attribute of the bridge that is only reported by kernels that have the feature. */
const SIGN = {
  vlanFiltering: 'vlanProtocol',
  mcastSnooping: 'mcastRouter',
  netfilter: 'nfCallIptables',
  ipv6: undefined,
};

async function reported(): Promise<object> {
  let data = {};
  await unavailable('', async ({ link }) => {
    await link.add({ name: 'probe', kind: 'bridge' });
    data = (await link.get('probe')).data ?? {};
  });
  return data;
}

const bridgeData = await reported();
const noIpv6 = await unavailable('no IPv6 here', ({ link }) =>
  link.add(linkOf('vxlan', 'probe', { group: 'fd00::1', local: undefined })),
);

/** Why a case cannot be tested here, if so. */
export function reasonAgainst(
  { needs, since }: Pick<Written, 'needs' | 'since'>,
  kind: Kind = 'bridge',
): string | undefined {
  if (noNetns !== undefined) return noNetns;
  const old = since === undefined ? undefined : olderThan(...since);
  const sign = needs === undefined ? undefined : SIGN[needs];
  const lacking = sign === undefined || sign in bridgeData ? undefined : `bridges without ${needs!} here`;
  return noKind(kind) ?? old ?? lacking ?? (needs === 'ipv6' ? noIpv6 : undefined);
}
