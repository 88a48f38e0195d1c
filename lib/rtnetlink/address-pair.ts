import { attr, either, type Attr } from '../wire/attrs.js';
import { ip, ipv6 } from '../wire/ip.js';
import { looksLikeIpv6 } from './prefix.js';

/** One address, for which the kernel has an attribute of each family: IFLA_VXLAN_GROUP and IFLA_VXLAN_GROUP6, say. */
export function addressPair(inet: number, inet6: number): Attr<string, string> {
  return either(attr(inet, ip), attr(inet6, ipv6), (address) => looksLikeIpv6(address) === true);
}
