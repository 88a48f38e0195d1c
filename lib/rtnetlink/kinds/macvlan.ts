import { attr, attrSet, list } from '../../wire/attrs.js';
import { readOnly } from '../../wire/codec.js';
import { enumeration, flagList } from '../../wire/enums.js';
import { mac } from '../../wire/mac.js';
import { s32, u16, u32 } from '../../wire/numbers.js';

const MACADDR = 4;

/** Kernel: drivers/net/macvlan.c, macvlan_policy, macvlan_changelink and macvlan_fill_info. */
export const macvlan = attrSet('IFLA_MACVLAN', () => ({
  /**
   * Whom it may talk to over the link beneath: not to other macvlans (`private`), through a switch outside (`vepa`), to
   * them directly (`bridge`); or it is the only one (`passthru`), or takes what comes from certain addresses (`source`).
   * `passthru` is for creation only.
   */
  mode: attr(1, enumeration(u32, { private: 1, vepa: 2, bridge: 4, passthru: 8, source: 16 })),
  /**
   * `nopromisc`: with `passthru`, leaves the link beneath as it is; `nodst`: in mode `source`, only what matches. `nodst`
   * since Linux 5.13, EINVAL before.
   */
  flags: attr(2, flagList(u16, { nopromisc: 1, nodst: 2 })),
  /** What to do to the addresses of mode `source`, in this request; needed beside `macaddr` and `macaddrData`. */
  macaddrMode: attr(3, enumeration(u32, { add: 0, del: 1, flush: 2, set: 3 })),
  /** The address to add, remove or set. */
  macaddr: attr(MACADDR, mac()),
  /** The addresses to set; reported in no particular order. */
  macaddrData: attr(5, list(mac(), MACADDR)),
  /** How many there are. */
  macaddrCount: attr(6, readOnly(u32)),
  /** How many broadcasts may wait, 1000 unless said; the largest of all macvlans on the link beneath counts. 0 for all: they are dropped. Since Linux 5.11. */
  bcQueueLen: attr(7, u32),
  /** The largest of all. Since Linux 5.11. */
  bcQueueLenUsed: attr(8, readOnly(u32)),
  /** Multicast that more macvlans than this want is queued; -1: none is. Reported unless it is 1. Since Linux 6.4. */
  bcCutoff: attr(9, s32),
}));
