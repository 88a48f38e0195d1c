import { test } from '@jest/globals';
import { addLink, type NewLink } from '../../lib/rtnetlink/link.js';
import { expectReadBack, expectReply, expectRequest } from '../support/golden-link.js';

const data = {
  protocol: '802.1ad',
  id: 2749,
  ingressQos: [{ from: 3, to: 6 }],
  egressQos: [
    { from: 1, to: 3 },
    { from: 9, to: 5 },
  ],
} as const;
const flags = { reorderHdr: false, gvrp: true, looseBinding: true };
const link: NewLink = { link: 8, name: 'vl5', kind: 'vlan', data: { ...data, flags } };

test('a request for a VLAN', () => {
  expectRequest('vlan', addLink(link));
  expectReadBack('vlan', addLink(link));
});

test('an answer about it: every flag is on or off', () => {
  expectReply('vlan', {
    index: 9,
    type: 'ether',
    flags: ['broadcast', 'noarp'],
    up: false,
    name: 'vl5',
    kind: 'vlan',
    data: { ...data, flags: { ...flags, mvrp: false, bridgeBinding: false } },
    link: 8,
  });
});
