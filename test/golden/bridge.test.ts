import { test } from '@jest/globals';
import { addLink, changeLink, type LinkChange, type NewLink } from '../../lib/rtnetlink/link.js';
import { expectReadBack, expectReply, expectRequest } from '../support/golden-link.js';

const common = {
  forwardDelay: 1601,
  helloTime: 310,
  maxAge: 2110,
  ageingTime: 30100,
  stpState: 'kernel',
  priority: 4097,
  vlanFiltering: true,
  vlanProtocol: '802.1ad',
  vlanDefaultPvid: 77,
  vlanStatsEnabled: true,
  vlanStatsPerPort: true,
  groupForwardMask: 0x4ff8,
  groupAddress: '01:80:c2:00:00:0e',
  mcastSnooping: true,
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
  nfCallIptables: true,
  nfCallIp6tables: false,
  nfCallArptables: true,
} as const;

const bridge: NewLink = { name: 'br8', kind: 'bridge', data: { ...common, multiBoolopt: { noLlLearn: true } } };

test('a request for a bridge', () => {
  expectRequest('bridge', addLink(bridge));
  expectReadBack('bridge', addLink(bridge));
});

test('an answer about it, with padding before each number of 64 bits', () => {
  expectReply('bridge', {
    index: 2,
    type: 'ether',
    flags: ['up', 'broadcast', 'multicast'],
    up: true,
    name: 'br8',
    kind: 'bridge',
    data: {
      ...common,
      multiBoolopt: { noLlLearn: true, mcastVlanSnooping: false, mstEnable: false },
      helloTimer: 222n,
      tcnTimer: 0n,
      topologyChangeTimer: 0n,
      gcTimer: 29703n,
      bridgeId: '1001.02:d1:e2:f3:04:15',
      rootId: '1001.02:d1:e2:f3:04:15',
      rootPort: 0,
      rootPathCost: 0,
      topologyChange: false,
      topologyChangeDetected: false,
      fdbNLearned: 0,
      fdbMaxLearned: 0,
      mcastHashElasticity: 16,
      mcastQuerierState: { ipAddress: '0.0.0.0', ipv6Address: '::' },
    },
  });
});

const port = {
  state: 'forwarding',
  cost: 1999,
  priority: 21,
  hairpin: true,
  guard: true,
  rootBlock: true,
  fastLeave: true,
  learning: false,
  flood: false,
  proxyArp: true,
  proxyArpWifi: true,
  mcastRouter: 'perm',
  mcastFlood: false,
  bcastFlood: false,
  mcastToUnicast: true,
  groupForwardMask: 0x4008,
  neighSuppress: true,
  vlanTunnel: true,
  isolated: true,
  locked: true,
  backupPort: 7,
} as const;

const change: LinkChange = { index: 5, portKind: 'bridge', port };

test('a request for changes of a bridge port', () => {
  expectRequest('bridge-port', changeLink(change));
  expectReadBack('bridge-port', changeLink(change));
});

test('an answer about a bridge port', () => {
  expectReply('bridge-port', {
    index: 5,
    type: 'ether',
    flags: ['up', 'broadcast', 'running', 'multicast', 'lowerUp'],
    up: true,
    name: 'pb1',
    master: 3,
    kind: 'veth',
    portKind: 'bridge',
    port: {
      ...port,
      rootId: '8000.02:d1:e2:f3:04:16',
      bridgeId: '8000.02:d1:e2:f3:04:16',
      designatedPort: 0x5401,
      designatedCost: 0,
      id: 0x5401,
      no: 1,
      topologyChangeAck: false,
      configPending: false,
      mrpRingOpen: false,
      mrpInOpen: false,
      mab: false,
      neighVlanSuppress: false,
      messageAgeTimer: 0n,
      forwardDelayTimer: 1484n,
      holdTimer: 0n,
      mcastEhtHostsLimit: 512,
      mcastEhtHostsCnt: 0,
      mcastNGroups: 1,
      mcastMaxGroups: 0,
    },
    link: 4,
  });
});
