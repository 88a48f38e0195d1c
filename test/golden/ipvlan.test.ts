import { test } from '@jest/globals';
import { addLink, type NewLink } from '../../lib/rtnetlink/link.js';
import { expectReadBack, expectReply, expectRequest } from '../support/golden-link.js';

const link: NewLink = { link: 10, name: 'iv6', kind: 'ipvlan', data: { mode: 'l3s', flags: ['vepa'] } };

test('a request for an ipvlan', () => {
  expectRequest('ipvlan', addLink(link));
  expectReadBack('ipvlan', addLink(link));
});

test('an answer about it', () => {
  expectReply('ipvlan', { index: 11, type: 'ether', flags: ['broadcast', 'multicast'], up: false, ...link });
});
