import { attr, attrSet } from '../../wire/attrs.js';
import { bool8, u16, u32 } from '../../wire/numbers.js';

/** Kernel: net/bridge/br_netlink.c, br_port_policy and br_port_fill_attrs. */
export const bridge = attrSet('IFLA_BRPORT', {
  /** Port priority, 0 to 63. */
  priority: attr(2, u16),
  /** Path cost, 1 to 65535. */
  cost: attr(3, u32),
  /** Packets may leave through the port that they came in by. */
  hairpin: attr(4, bool8),
});
