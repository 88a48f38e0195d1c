/** Sockets for whole packets inside a network namespace: packet(7) and raw(7). */
import { ArgumentError } from '../errors.js';
import type { SocketSetup } from '../native/addon.js';
import { addon } from '../native/load.js';
import { orThrow } from '../netlink/system-call.js';
import { checkInteger, checkKeys } from '../options.js';
import { formatIp } from '../wire/ip.js';
import { formatMac, parseMac } from '../wire/mac.js';
import { LITTLE_ENDIAN } from '../wire/writer.js';
import { DEFAULT_LENGTH, PacketReader, sendWhole, type TakenPacket } from './packet-reader.js';
import {
  AF_INET,
  AF_INET6,
  AF_PACKET,
  IFNAMSIZ,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
  socketAddress,
} from './sockaddr.js';
import { WholePackets } from './whole-packets.js';

const SOL_PACKET = 263;
const PACKET_AUXDATA = 8;
const IPPROTO_IP = 0;
const IP_HDRINCL = 3;
const ETH_P_ALL = 3;
/** Of `struct sockaddr_ll`, without the room for longer addresses. */
const SOCKADDR_LL = 20;
const LONGEST_ADDRESS = 8;
/** BPF_MAXINSNS. */
const MOST_INSTRUCTIONS = 4096;
const PACKET_TYPES = ['host', 'broadcast', 'multicast', 'otherhost', 'outgoing'] as const;

/** One instruction of classic BPF, `struct sock_filter`, as `tcpdump -ddd` prints them. */
export interface BpfInstruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** What a packet socket receives. */
export interface PacketSocketOptions {
  /** Index or name of the link inside; all links unless said. */
  readonly link?: number | string | undefined;
  /** An ETH_P_* number, such as 0x0806 for ARP; all protocols unless said, and then outgoing packets, too. */
  readonly protocol?: number | undefined;
  /** `'raw'`: packets have their link-layer header; `'dgram'`: the kernel takes it off and puts it on. `'raw'` unless said. */
  readonly type?: 'raw' | 'dgram' | undefined;
  /** Packets that it returns 0 for are not received, from the first one on; it may also cut them. */
  readonly filter?: readonly BpfInstruction[] | undefined;
  /** How many bytes of each packet are kept; 262,144 unless said. */
  readonly snapLength?: number | undefined;
}

/** What a raw socket receives. */
export interface RawSocketOptions {
  readonly family: 4 | 6;
  /** An IPPROTO_* number from 0 to 255, such as 1 for ICMP or 58 for ICMPv6. 255: for sending only. */
  readonly protocol: number;
  /** As of a packet socket. IPv4 packets begin with their IP header there, IPv6 packets behind it. */
  readonly filter?: readonly BpfInstruction[] | undefined;
  /** IPv4: what is sent begins with an IP header (IP_HDRINCL). */
  readonly headerIncluded?: boolean | undefined;
  /** How many bytes of each packet are kept; 262,144 unless said. */
  readonly snapLength?: number | undefined;
}

/** A packet with where it came from. */
export interface ReceivedPacket<From> {
  /** The packet, or as much of it as `snapLength` and the filter allow. */
  readonly data: Uint8Array;
  /** How many bytes it had. */
  readonly length: number;
  readonly from: From;
}

/** `struct sockaddr_ll` of a packet that was received. */
export interface PacketSource {
  /** The link's index. */
  readonly link: number;
  /** The ETH_P_* number. */
  readonly protocol: number;
  /** Whom it was for: this host, all, several, another; or `'outgoing'` when this host sent it. */
  readonly packetType: (typeof PACKET_TYPES)[number] | number;
  /** The link's ARPHRD_* number. */
  readonly hardwareType: number;
  /** The sender's link-layer address, of at most 8 bytes; empty where links have none. */
  readonly address: string;
  /** The VLAN tag that the kernel or the card took off the packet. */
  readonly vlan?: { readonly id: number; readonly priority: number; readonly protocol: number };
}

/** Where a packet goes; what is not said is the socket's. */
export interface PacketDestination {
  /** Index or name of the link. */
  readonly link?: number | string | undefined;
  readonly protocol?: number | undefined;
  /** The receiver's link-layer address, for `'dgram'`. */
  readonly address?: string | undefined;
}

/**
 * Packets of the link layer, packet(7). Made by `netns.packetSocket`. Where nobody asks for packets, they wait in the kernel's
 * receive buffer, and are dropped when that is full. ENETDOWN when the link goes down; the loop can be started again.
 */
export class PacketSocket extends WholePackets<ReceivedPacket<PacketSource>> {
  readonly #link: number;
  readonly #protocol: number;

  private constructor(reader: PacketReader<ReceivedPacket<PacketSource>>, link: number, protocol: number) {
    super(reader, 'the socket');
    this.#link = link;
    this.#protocol = protocol;
  }

  /** Opens one in the namespace `netns`. Takes CAP_NET_RAW there. */
  static openIn(netns: number, options: PacketSocketOptions): PacketSocket {
    options = checkKeys('options', options, ['link', 'protocol', 'type', 'filter', 'snapLength']);
    const { link = 0, type = 'raw' } = options;
    if (type !== 'raw' && type !== 'dgram') throw new ArgumentError('options.type', `takes 'raw' or 'dgram'`);
    const protocol = checkInteger('options.protocol', options.protocol ?? ETH_P_ALL, 0, 0xffff);
    const longest = snapLength(options.snapLength);
    const setup = filtered(options.filter, [SOL_PACKET, PACKET_AUXDATA, 1]);
    const index = linkIndex(link, 'options.link', () => {
      // Any socket of the namespace knows its links.
      return orThrow(addon.sync.socket(netns, AF_PACKET, SOCK_DGRAM, 0, {}), 'for a packet socket');
    });
    // Without a protocol nothing is received: only `bind` says what, and by then the filter is there.
    const kind = (type === 'raw' ? SOCK_RAW : SOCK_DGRAM) | SOCK_NONBLOCK;
    const bind = linkAddress(index, protocol, new Uint8Array(0));
    const descriptor = orThrow(addon.sync.socket(netns, AF_PACKET, kind, 0, { bind, ...setup }), 'for packets');
    const reader = new PacketReader(descriptor, 'receivePackets', longest, fromLink);
    return new PacketSocket(reader, index, protocol);
  }

  /** Sends one packet: with `'raw'` as it is, with `'dgram'` behind a header that the kernel makes for `to.address`. */
  async send(data: Uint8Array, to: PacketDestination = {}): Promise<void> {
    checkBytes(data);
    to = checkKeys('to', to, ['link', 'protocol', 'address']);
    const { fd } = this;
    const index = linkIndex(to.link ?? this.#link, 'to.link', () => ({ fd, close: () => undefined }));
    if (index === 0) throw new ArgumentError('to.link', 'is needed, as the socket is of no single link');
    const protocol = checkInteger('to.protocol', to.protocol ?? this.#protocol, 0, 0xffff);
    await sendWhole(fd, data, linkAddress(index, protocol, hardwareAddress(to.address)));
  }
}

/** Packets of an IP protocol, raw(7). Made by `netns.rawSocket`. They wait and are dropped as those of a packet socket. */
export class RawSocket extends WholePackets<ReceivedPacket<{ readonly address: string }>> {
  readonly #family: 4 | 6;

  private constructor(reader: PacketReader<ReceivedPacket<{ readonly address: string }>>, family: 4 | 6) {
    super(reader, 'the socket');
    this.#family = family;
  }

  /** Opens one in the namespace `netns`. Takes CAP_NET_RAW there. */
  static openIn(netns: number, options: RawSocketOptions): RawSocket {
    options = checkKeys('options', options, ['family', 'protocol', 'filter', 'headerIncluded', 'snapLength']);
    const { family, headerIncluded = false } = options;
    if (family !== 4 && family !== 6) throw new ArgumentError('options.family', 'takes 4 or 6');
    if (family === 6 && headerIncluded) throw new ArgumentError('options.headerIncluded', 'goes with family 4');
    const protocol = checkInteger('options.protocol', options.protocol, 0, 255);
    const longest = snapLength(options.snapLength);
    const setup = filtered(options.filter, headerIncluded ? [IPPROTO_IP, IP_HDRINCL, 1] : []);
    const domain = family === 6 ? AF_INET6 : AF_INET;
    const descriptor = orThrow(
      addon.sync.socket(netns, domain, SOCK_RAW | SOCK_NONBLOCK, protocol, setup),
      `for IP protocol ${protocol}`,
    );
    return new RawSocket(new PacketReader(descriptor, 'receivePackets', longest, fromHost), family);
  }

  /**
   * Sends one packet to an address, an IPv6 one perhaps with the index of its link: `'fe80::1%3'`. The kernel puts the IP
   * header before it, unless `headerIncluded`, and fills in the checksum of ICMPv6.
   */
  async send(data: Uint8Array, to: { readonly address: string }): Promise<void> {
    checkBytes(data);
    to = checkKeys('to', to, ['address']);
    const { family, bytes } = socketAddress(to.address, 0, 'to.address');
    if ((family === AF_INET6 ? 6 : 4) !== this.#family)
      throw new ArgumentError('to.address', `takes an IPv${this.#family} address`);
    await sendWhole(this.fd, data, bytes);
  }
}

function fromLink({ data, length, address, vlan }: TakenPacket): ReceivedPacket<PacketSource> {
  const type = address.getUint8(10);
  return {
    data,
    length,
    from: {
      link: address.getInt32(4, LITTLE_ENDIAN),
      protocol: address.getUint16(2),
      packetType: PACKET_TYPES[type] ?? type,
      hardwareType: address.getUint16(8, LITTLE_ENDIAN),
      address: formatMac(address, 12, Math.min(address.getUint8(11), LONGEST_ADDRESS)),
      ...(vlan === 0 ? {} : { vlan: { id: vlan & 0xfff, priority: (vlan >> 13) & 7, protocol: vlan >>> 16 } }),
    },
  };
}

function fromHost({ data, length, address }: TakenPacket): ReceivedPacket<{ readonly address: string }> {
  if (address.getUint16(0, LITTLE_ENDIAN) === AF_INET)
    return { data, length, from: { address: formatIp(address, 4, 4) } };
  const scope = address.getUint32(24, LITTLE_ENDIAN);
  return { data, length, from: { address: formatIp(address, 8, 16) + (scope === 0 ? '' : `%${scope}`) } };
}

/** `struct sockaddr_ll`. */
function linkAddress(index: number, protocol: number, address: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(SOCKADDR_LL);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_PACKET, LITTLE_ENDIAN);
  view.setUint16(2, protocol);
  view.setInt32(4, index, LITTLE_ENDIAN);
  view.setUint8(11, address.length);
  bytes.set(address, 12);
  return bytes;
}

/** `open`: a socket of the namespace, to look a name up with. */
function linkIndex(link: unknown, argument: string, open: () => { readonly fd: number; close(): void }): number {
  if (typeof link === 'number') return checkInteger(argument, link, 0, 0x7fffffff);
  if (typeof link !== 'string' || link === '' || Buffer.byteLength(link) >= IFNAMSIZ || link.includes('\0'))
    throw new ArgumentError(argument, `takes the index or name of a link, not ${JSON.stringify(link)}`);
  const socket = open();
  try {
    return orThrow(addon.linkIndex(socket.fd, link), `link ${JSON.stringify(link)}`);
  } finally {
    socket.close();
  }
}

function hardwareAddress(value: string | undefined): Uint8Array {
  if (value === undefined) return new Uint8Array(0);
  try {
    const address = parseMac(value);
    if (address.length <= LONGEST_ADDRESS) return address;
  } catch {
    // Said below, with the name of the argument.
  }
  throw new ArgumentError('to.address', `takes a link-layer address of up to 8 bytes, not ${JSON.stringify(value)}`);
}

function filtered(filter: readonly BpfInstruction[] | undefined, options: readonly number[]): SocketSetup {
  if (filter === undefined) return { options };
  if (!Array.isArray(filter) || filter.length === 0 || filter.length > MOST_INSTRUCTIONS)
    throw new ArgumentError('options.filter', `takes 1 to ${MOST_INSTRUCTIONS} instructions`);
  const bytes = new Uint8Array(8 * filter.length);
  const view = new DataView(bytes.buffer);
  for (const [i, given] of (filter as readonly BpfInstruction[]).entries()) {
    const where = `options.filter[${i}]`;
    const instruction = checkKeys(where, given, ['code', 'jt', 'jf', 'k']);
    view.setUint16(8 * i, checkInteger(`${where}.code`, instruction.code, 0, 0xffff), LITTLE_ENDIAN);
    view.setUint8(8 * i + 2, checkInteger(`${where}.jt`, instruction.jt, 0, 0xff));
    view.setUint8(8 * i + 3, checkInteger(`${where}.jf`, instruction.jf, 0, 0xff));
    view.setUint32(8 * i + 4, checkInteger(`${where}.k`, instruction.k, 0, 0xffffffff), LITTLE_ENDIAN);
  }
  return { options, filter: bytes };
}

const snapLength = (value = DEFAULT_LENGTH) => checkInteger('options.snapLength', value, 1, DEFAULT_LENGTH);

export function checkBytes(data: unknown): void {
  if (!(data instanceof Uint8Array)) throw new ArgumentError('data', 'takes a Uint8Array');
}
