import { test } from '@jest/globals';
import { addLink, type NewLink } from '../../lib/rtnetlink/link.js';
import { expectReadBack, expectReply, expectRequest } from '../support/golden-link.js';

const link: NewLink = {
  address: '02:1b:2c:3d:4e:5f',
  mtu: 1421,
  txQueueLength: 501,
  name: 'va7',
  kind: 'veth',
  data: { peer: { address: '02:6a:7b:8c:9d:ae', mtu: 1423, name: 'vb9' } },
};

test('a request for a veth pair, both ends described', () => {
  expectRequest('veth', addLink(link));
  expectReadBack('veth', addLink(link));
});

test('an answer about one end', () => {
  expectReply('veth', {
    index: 3,
    type: 'ether',
    flags: ['broadcast', 'multicast'],
    up: false,
    name: 'va7',
    txQueueLength: 501,
    operstate: 'down',
    linkMode: 'default',
    netnsImmutable: false,
    mtu: 1421,
    minMtu: 68,
    maxMtu: 65535,
    group: 0,
    promiscuity: 0,
    allmulticast: 0,
    txQueues: 2,
    gsoMaxSegs: 65535,
    gsoMaxSize: 65536,
    groMaxSize: 65536,
    gsoIpv4MaxSize: 65536,
    groIpv4MaxSize: 65536,
    tsoMaxSize: 524280,
    tsoMaxSegs: 65535,
    maxPacingOffloadHorizon: 0,
    rxQueues: 2,
    carrier: false,
    carrierChanges: 1,
    carrierUpCount: 0,
    carrierDownCount: 1,
    headroom: 0,
    tailroom: 0,
    protoDown: false,
    address: '02:1b:2c:3d:4e:5f',
    broadcast: 'ff:ff:ff:ff:ff:ff',
    xdp: { attached: 'none' },
    kind: 'veth',
    link: 2,
    qdisc: 'noop',
    devlinkPort: new Uint8Array(),
    dpllPin: new Uint8Array(),
  });
});
