import { ArgumentError } from '../errors.js';
import { addon } from '../native/load.js';
import { isFailure, orThrow, systemCallError } from '../netlink/system-call.js';
import { checkKeys } from '../options.js';
import { PacketReader } from './packet-reader.js';
import { checkBytes } from './packet-socket.js';
import { IFNAMSIZ } from './sockaddr.js';
import { WholePackets } from './whole-packets.js';

const IFF_TUN = 0x0001;
const IFF_TAP = 0x0002;
const IFF_MULTI_QUEUE = 0x0100;
const IFF_NO_PI = 0x1000;
/** The greatest MTU of such a device, its Ethernet header, a VLAN tag and packet information. */
const LONGEST = 65_535 + 14 + 4 + 4;

/** Which device. */
export interface TunOptions {
  /** `'tun'`: IP packets; `'tap'`: Ethernet frames. */
  readonly mode: 'tun' | 'tap';
  /** Of the link; one that there is is opened. With `%d`, a free number stands there; `tun%d` or `tap%d` unless said. */
  readonly name?: string | undefined;
  /** 4 bytes, flags and ETH_P_* number, stand before each packet (no IFF_NO_PI). */
  readonly packetInfo?: boolean | undefined;
  /** The link stays when it is closed (true), or goes (false); unless said, it is left as it is: a new one goes. */
  readonly persist?: boolean | undefined;
  /** The device may be opened several times, each with a part of the packets (IFF_MULTI_QUEUE). */
  readonly multiqueue?: boolean | undefined;
}

/**
 * A TUN or TAP device inside a network namespace: what the kernel sends through the link is read here, and what is written
 * here the kernel receives from the link. Linux's Documentation/networking/tuntap.rst. Made by `netns.tun`.
 * Where nobody asks for packets, they wait in the link's queue (`txQueueLen`). EBADFD when the link has been deleted.
 * Closing it deletes the link, too, unless that is to persist.
 */
export class Tun extends WholePackets<Uint8Array> {
  readonly mode: 'tun' | 'tap';
  /** The link's name when it was opened. */
  readonly name: string;

  private constructor(reader: PacketReader<Uint8Array>, mode: 'tun' | 'tap', name: string) {
    super(reader, 'the device');
    this.mode = mode;
    this.name = name;
  }

  /**
   * Opens one in the namespace `netns`. Takes CAP_NET_ADMIN there, and the right to open /dev/net/tun. EBUSY when others
   * have it open, EINVAL when it is of another mode.
   */
  static async openIn(
    inside: <T>(call: (netns: number) => Promise<T>) => Promise<T>,
    options: TunOptions,
  ): Promise<Tun> {
    options = checkKeys('options', options, ['mode', 'name', 'packetInfo', 'persist', 'multiqueue']);
    const { mode, name = `${mode}%d`, packetInfo = false, persist, multiqueue = false } = options;
    if (mode !== 'tun' && mode !== 'tap') throw new ArgumentError('options.mode', `takes 'tun' or 'tap'`);
    if (typeof name !== 'string' || name === '' || Buffer.byteLength(name) >= IFNAMSIZ || /[/\0\s]/.test(name))
      throw new ArgumentError('options.name', `takes a name of 1 to 15 bytes, not ${JSON.stringify(name)}`);
    const flags =
      (mode === 'tun' ? IFF_TUN : IFF_TAP) | (packetInfo ? 0 : IFF_NO_PI) | (multiqueue ? IFF_MULTI_QUEUE : 0);
    const lasting = persist === undefined ? -1 : persist ? 1 : 0;
    const opened = await inside((netns) => addon.async.tun(netns, name, flags, lasting));
    const descriptor = orThrow(opened, `${mode} device ${JSON.stringify(name)}`);
    const actual = addon.tunName(descriptor.fd);
    if (isFailure(actual)) {
      descriptor.close();
      throw systemCallError(actual);
    }
    const reader = new PacketReader(descriptor, 'readPackets', LONGEST, ({ data }) => data);
    return new Tun(reader, mode, actual);
  }

  /** Hands the kernel one whole packet. EIO while the link is down, EINVAL for what is no packet. */
  write(packet: Uint8Array): void {
    checkBytes(packet);
    orThrow(addon.sync.writePacket(this.fd, packet), `${packet.length} bytes to ${this.name}`);
  }
}
