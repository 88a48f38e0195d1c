import { enumeration } from '../wire/enums.js';
import { be16 } from '../wire/numbers.js';

/** The Ethertype in front of a VLAN tag: customer tags (802.1Q) or service provider tags (802.1ad). */
export const vlanProtocol = enumeration(be16, { '802.1Q': 0x8100, '802.1ad': 0x88a8 });
