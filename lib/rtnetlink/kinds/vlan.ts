import { attr, attrSet, list } from '../../wire/attrs.js';
import { maskedFlags } from '../../wire/masked-flags.js';
import { ranged, u16, u32 } from '../../wire/numbers.js';
import { member, struct } from '../../wire/struct.js';
import { vlanProtocol } from '../vlan-protocol.js';

/** include/uapi/linux/if_link.h, struct ifla_vlan_qos_mapping. */
const qosMapping = struct('ifla_vlan_qos_mapping', 8, { from: member(0, u32), to: member(4, u32) });

/** VLAN_FLAG_*: include/uapi/linux/if_vlan.h. */
const flags = maskedFlags({
  /** Takes the tag off what is received; on by default. */
  reorderHdr: 1,
  /** Registers the VLAN with GVRP. */
  gvrp: 2,
  /** Does not go down with the link beneath. */
  looseBinding: 4,
  /** Registers the VLAN with MVRP. */
  mvrp: 8,
  /** Follows the ports of the bridge beneath that have the VLAN. */
  bridgeBinding: 16,
});

/** Kernel: net/8021q/vlan_netlink.c, vlan_policy, vlan_changelink and vlan_fill_info. */
export const vlan = attrSet('IFLA_VLAN', () => ({
  /** The VLAN, 0 to 4094; for creation only. */
  id: attr(1, ranged(u16, 0, 4094)),
  /** For creation only. */
  protocol: attr(5, vlanProtocol),
  /** Flags to switch on or off; those left out stay as they are. */
  flags: attr(2, flags),
  /** Which packet priority (`from`) goes out with which priority in the tag (`to`, 0 to 7); each replaces its own. */
  egressQos: attr(3, list(qosMapping)),
  /** Which priority in the tag (`from`, 0 to 7) gives which packet priority (`to`); 0 removes the mapping. */
  ingressQos: attr(4, list(qosMapping)),
}));
