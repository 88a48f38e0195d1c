import { attr, attrSet, nest } from '../wire/attrs.js';
import { readOnly, shared, type Codec } from '../wire/codec.js';
import { enumeration, flagList } from '../wire/enums.js';
import { ipv6 } from '../wire/ip.js';
import { s32, u32, u64, u8 } from '../wire/numbers.js';
import { member, struct } from '../wire/struct.js';

/** Settings and counters that the kernel dumps as an array; the kernel's headers name the places. */
function array<T>(size: number, element: Codec<never, T>): Codec<never, readonly T[]> {
  return {
    write: () => undefined,
    read(view, at, length, siblings, base) {
      // Of the right size at once: an array that grows keeps a third more than it needs, for each of thousands of links.
      const out = new Array<T>(Math.floor(length / size));
      for (let i = 0; i < out.length; i++) out[i] = element.read(view, at + i * size, size, siblings, base);
      return out;
    },
  };
}

/** Kernel: net/ipv4/devinet.c, inet_fill_link_af. */
const inet = attrSet('IFLA_INET', () => ({
  /** net.ipv4.conf.LINK.*; element n - 1 is IPV4_DEVCONF_n (include/uapi/linux/ip.h). */
  conf: attr(1, readOnly(shared(array(4, s32)))),
}));

/** include/uapi/linux/if_link.h, struct ifla_cacheinfo. */
const cacheinfo = struct('ifla_cacheinfo', 16, {
  maxReasmLen: member(0, u32),
  /** In hundredths of a second since boot. */
  timestamp: member(4, u32),
  /** In milliseconds. */
  reachableTime: member(8, u32),
  /** In milliseconds. */
  retransmitTime: member(12, u32),
});

/** Kernel: net/ipv6/addrconf.c, inet6_fill_ifla6_attrs. */
const inet6 = attrSet('IFLA_INET6', () => ({
  flags: attr(
    1,
    readOnly(flagList(u32, { raOtherConf: 0x80, raManaged: 0x40, raReceived: 0x20, rsSent: 0x10, ready: 0x80000000 })),
  ),
  /** net.ipv6.conf.LINK.*; element n is DEVCONF_n (include/uapi/linux/ipv6.h). */
  conf: attr(2, readOnly(shared(array(4, s32)))),
  /** IPSTATS_MIB_*; element 0 is the number of elements. */
  stats: attr(3, readOnly(shared(array(8, u64)))),
  mcast: attr(4, readOnly(s32)),
  cacheinfo: attr(5, readOnly(cacheinfo)),
  /** ICMP6_MIB_*; element 0 is the number of elements. */
  icmp6Stats: attr(6, readOnly(shared(array(8, u64)))),
  /** The interface identifier for addresses from router advertisements. */
  token: attr(7, ipv6),
  addrGenMode: attr(8, enumeration(u8, { eui64: 0, none: 1, stablePrivacy: 2, random: 3 })),
  raMtu: attr(9, readOnly(u32)),
}));

/** Keyed by address family. */
const families = attrSet('AF', () => ({
  /** Only reported. */
  inet: attr(2, readOnly(nest(inet))),
  inet6: attr(10, nest(inet6)),
}));

export const afSpec = nest(families);
