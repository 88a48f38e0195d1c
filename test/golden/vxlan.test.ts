import { test } from '@jest/globals';
import { addLink, type NewLink } from '../../lib/rtnetlink/link.js';
import { expectReadBack, expectReply, expectRequest } from '../support/golden-link.js';

const inet: NewLink = {
  name: 'vx4',
  kind: 'vxlan',
  data: {
    link: 5,
    ttl: 17,
    tos: 0x28,
    df: 'set',
    portRange: { low: 41001, high: 41999 },
    proxy: true,
    rsc: true,
    ageing: 77,
    limit: 1234,
    l2miss: true,
    l3miss: true,
    udpCsum: false,
    udpZeroCsum6Tx: true,
    udpZeroCsum6Rx: true,
    remcsumTx: true,
    remcsumRx: true,
    gbp: true,
    id: 4242421,
    local: '10.9.8.7',
    group: '239.1.2.3',
    learning: false,
    port: 4790,
  },
};

const inet6: NewLink = {
  name: 'vx6',
  kind: 'vxlan',
  data: {
    ttlInherit: true,
    label: 0x12345,
    id: 70001,
    local: 'fd00:1::9',
    group: 'fd00:1::2',
    learning: true,
    port: 4791,
  },
};

test('a request for a VXLAN link over IPv4', () => {
  expectRequest('vxlan', addLink(inet));
  expectReadBack('vxlan', addLink(inet));
});

test('a request for a VXLAN link over IPv6: group and local have other attributes', () => {
  expectRequest('vxlan6', addLink(inet6));
});

test('an answer about a VXLAN link over IPv4', () => {
  expectReply('vxlan', {
    index: 6,
    type: 'ether',
    flags: ['broadcast', 'multicast'],
    up: false,
    name: 'vx4',
    kind: 'vxlan',
    data: {
      id: 4242421,
      group: '239.1.2.3',
      link: 5,
      local: '10.9.8.7',
      ttl: 17,
      ttlInherit: false,
      tos: 0x28,
      df: 'set',
      label: 0,
      labelPolicy: 'fixed',
      learning: false,
      proxy: true,
      rsc: true,
      l2miss: true,
      l3miss: true,
      collectMetadata: false,
      ageing: 77,
      limit: 1234,
      port: 4790,
      udpCsum: false,
      udpZeroCsum6Tx: true,
      udpZeroCsum6Rx: true,
      remcsumTx: true,
      remcsumRx: true,
      localbypass: true,
      portRange: { low: 41001, high: 41999 },
      gbp: true,
      reservedBits: 0x7700_0000_0000_0000n,
    },
  });
});

test('an answer about a VXLAN link over IPv6', () => {
  expectReply('vxlan6', {
    index: 7,
    type: 'ether',
    flags: ['broadcast', 'multicast'],
    up: false,
    name: 'vx6',
    kind: 'vxlan',
    data: {
      id: 70001,
      group: 'fd00:1::2',
      local: 'fd00:1::9',
      ttl: 0,
      ttlInherit: true,
      tos: 0,
      df: 'unset',
      label: 0x12345,
      labelPolicy: 'fixed',
      learning: true,
      proxy: false,
      rsc: false,
      l2miss: false,
      l3miss: false,
      collectMetadata: false,
      ageing: 300,
      limit: 0,
      port: 4791,
      udpCsum: true,
      udpZeroCsum6Tx: false,
      udpZeroCsum6Rx: false,
      remcsumTx: false,
      remcsumRx: false,
      localbypass: true,
      portRange: { low: 0, high: 0 },
      reservedBits: 0xf7ff_ffff_0000_00ffn,
    },
  });
});
