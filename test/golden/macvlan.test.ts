import { test } from '@jest/globals';
import { addLink, type NewLink } from '../../lib/rtnetlink/link.js';
import { expectReadBack, expectReply, expectRequest } from '../support/golden-link.js';

const link: NewLink = {
  link: 5,
  name: 'mv3',
  kind: 'macvlan',
  data: {
    macaddrMode: 'set',
    macaddrData: ['02:aa:bb:cc:dd:01', '02:aa:bb:cc:dd:02'],
    bcQueueLen: 1357,
    mode: 'source',
  },
};

test('a request for a macvlan that takes what comes from two addresses', () => {
  expectRequest('macvlan', addLink(link));
  expectReadBack('macvlan', addLink(link));
});

test('an answer about it', () => {
  expectReply('macvlan', {
    index: 8,
    type: 'ether',
    flags: ['broadcast', 'multicast'],
    up: false,
    name: 'mv3',
    kind: 'macvlan',
    data: {
      mode: 'source',
      flags: ['nodst'],
      macaddrCount: 2,
      macaddrData: ['02:aa:bb:cc:dd:02', '02:aa:bb:cc:dd:01'],
      bcQueueLen: 1357,
      bcQueueLenUsed: 1357,
    },
    link: 5,
  });
});
