/** Properties of routes that addresses and neighbours have, too. */
import type { InputOf } from '../wire/codec.js';
import { enumeration } from '../wire/enums.js';
import { u8 } from '../wire/numbers.js';

/** RTN_*: include/uapi/linux/rtnetlink.h. */
export const types = enumeration(u8, {
  unspec: 0,
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
  throw: 9,
  nat: 10,
  xresolve: 11,
});
export type RouteType = InputOf<typeof types>;

/** RTPROT_*: who made the route. */
export const protocols = enumeration(u8, {
  unspec: 0,
  redirect: 1,
  kernel: 2,
  boot: 3,
  static: 4,
  gated: 8,
  ra: 9,
  mrt: 10,
  zebra: 11,
  bird: 12,
  dnrouted: 13,
  xorp: 14,
  ntk: 15,
  dhcp: 16,
  mrouted: 17,
  keepalived: 18,
  babel: 42,
  openr: 99,
  bgp: 186,
  isis: 187,
  ospf: 188,
  rip: 189,
  eigrp: 192,
});
export type RouteProtocol = InputOf<typeof protocols>;

/** RT_SCOPE_*: how far away the destination is. */
export const scopes = enumeration(u8, { universe: 0, site: 200, link: 253, host: 254, nowhere: 255 });
export type Scope = InputOf<typeof scopes>;
