import { test } from '@jest/globals';
import { expectWriteBack } from '../support/golden-link.js';

// Not vxlan6, whose `ttlInherit` is reported in another form than it is written.
test.each(['veth', 'bridge', 'bridge-port', 'vxlan', 'macvlan', 'ipvlan', 'vlan'])(
  'what is read of %s can be written back',
  (name) => {
    expectWriteBack(name);
  },
);
