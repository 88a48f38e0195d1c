/** ARPHRD_*: include/uapi/linux/if_arp.h, the types that links of today have. */
const NAMES = {
  1: 'ether',
  24: 'ieee1394',
  32: 'infiniband',
  280: 'can',
  512: 'ppp',
  519: 'rawip',
  768: 'ipip',
  769: 'tunnel6',
  772: 'loopback',
  776: 'sit',
  778: 'gre',
  783: 'irda',
  801: 'ieee80211',
  802: 'ieee80211Prism',
  803: 'ieee80211Radiotap',
  804: 'ieee802154',
  820: 'phonet',
  821: 'phonetPipe',
  823: 'ip6gre',
  824: 'netlink',
  825: 'sixlowpan',
  826: 'vsockmon',
  0xfffe: 'none',
} as const;

/** The link-layer's type: a name, or its ARPHRD_* number when it has none here. */
export type LinkType = (typeof NAMES)[keyof typeof NAMES] | number;

export function linkTypeName(type: number): LinkType {
  return (NAMES as Readonly<Record<number, LinkType>>)[type] ?? type;
}
