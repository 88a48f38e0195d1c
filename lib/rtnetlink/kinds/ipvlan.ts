import { attr, attrSet } from '../../wire/attrs.js';
import { enumeration, flagList } from '../../wire/enums.js';
import { u16 } from '../../wire/numbers.js';

/** All ipvlans on a link share both. Kernel: drivers/net/ipvlan/ipvlan_main.c, ipvlan_nl_policy and ipvlan_nl_fillinfo. */
export const ipvlan = attrSet('IFLA_IPVLAN', () => ({
  /** Packets between them are switched, routed, or routed with netfilter and connection tracking seeing them. */
  mode: attr(1, enumeration(u16, { l2: 0, l3: 1, l3s: 2 })),
  /** Whom they may talk to: not to each other (`private`), through a switch outside (`vepa`), directly (none of both). */
  flags: attr(2, flagList(u16, { private: 1, vepa: 2 })),
}));
