import { readFileSync } from 'node:fs';
import { ClosedError } from '../errors.js';
import type { Descriptor, NetlinkSocket } from '../native/addon.js';
import { addon } from '../native/load.js';
import {
  NETLINK_ADD_MEMBERSHIP,
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
  NETLINK_ROUTE,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SOL_NETLINK,
  SOL_SOCKET,
} from './constants.js';
import { listener } from './reader.js';
import type { Listener, OnDatagrams, Source } from './source.js';
import { isFailure, orThrow } from './system-call.js';

/** A network namespace to open sockets in: anything with the descriptor of one, such as a `Netns`. */
export interface NetnsDescriptor {
  readonly fd: number;
}

/** The options of a socket for requests, for `addon.netlink`. */
export const REQUEST_OPTIONS = [NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK].flatMap((name) => [
  SOL_NETLINK,
  name,
  1,
]);
const REQUEST_BUFFER = 1024 * 1024;
const EVENT_BUFFER = 8 * 1024 * 1024;

/** Sockets that were opened with their namespaces: entering those again, for the first client, takes a thread. */
const spare = new WeakMap<NetnsDescriptor, NetlinkSocket>();

/** Leaves a NETLINK_ROUTE socket for the first client in `netns`. */
export function keepSpare(netns: NetnsDescriptor, socket: NetlinkSocket): void {
  spare.set(netns, socket);
}

/** The socket that was kept, if nobody has taken it yet. */
export function takeSpare(netns: NetnsDescriptor): NetlinkSocket | undefined {
  const socket = spare.get(netns);
  spare.delete(netns);
  return socket;
}

/** Sockets of one netlink protocol in one namespace. */
export class KernelSource implements Source {
  readonly #protocol: number;
  /** Undefined: the namespace of this process. */
  readonly #netns: Descriptor | undefined;
  #spare: NetlinkSocket | undefined;
  #closed = false;

  constructor(protocol: number, netns: NetnsDescriptor | undefined) {
    this.#protocol = protocol;
    // A descriptor of its own: the caller may close his.
    this.#netns = netns === undefined ? undefined : orThrow(addon.duplicate(netns.fd), 'the network namespace');
    if (netns !== undefined && protocol === NETLINK_ROUTE) this.#spare = takeSpare(netns);
  }

  async open(): Promise<NetlinkSocket> {
    // In the own namespace that is sooner done than a thread is woken for it.
    if (this.#netns === undefined && this.#protocol === NETLINK_ROUTE) return this.openSync();
    return this.#takeSpare() ?? prepared(await this.#netlink(REQUEST_OPTIONS), REQUEST_BUFFER);
  }

  async #netlink(options: readonly number[]): Promise<NetlinkSocket> {
    const made = await addon.async.netlink(this.#enter(), this.#protocol, options);
    // Closed meanwhile: whatever it is, nobody wants it any more, and its namespace may be another's with the same number.
    if (this.#closed) {
      if (!isFailure(made)) made.close();
      throw new ClosedError('the client');
    }
    return orThrow(made);
  }

  /** Closing the source closes what nobody has taken. */
  #takeSpare(): NetlinkSocket | undefined {
    const socket = this.#spare;
    this.#spare = undefined;
    return socket === undefined ? undefined : prepared(socket, REQUEST_BUFFER);
  }

  openSync(): NetlinkSocket {
    return (
      this.#takeSpare() ??
      prepared(orThrow(addon.sync.netlink(this.#enter(), this.#protocol, REQUEST_OPTIONS)), REQUEST_BUFFER)
    );
  }

  async listen(groups: readonly number[], onDatagrams: OnDatagrams): Promise<Listener> {
    const options = groups.flatMap((group) => [SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group]);
    const socket = prepared(await this.#netlink(options), EVENT_BUFFER);
    return listener((reader) => reader.add(socket), onDatagrams);
  }

  #enter(): number {
    if (this.#closed) throw new ClosedError('the client');
    return this.#netns === undefined ? -1 : this.#netns.fd;
  }

  /** Kernel: security/commoncap.c, cap_capable. */
  mayChange(): boolean | undefined {
    if (this.#closed) return undefined;
    if (hasNetAdmin()) return true;
    // The own namespace belongs to the own user namespace, or to one above, in which there are no capabilities.
    if (this.#netns === undefined) return false;
    const owner = addon.owningUserNamespace(this.#netns.fd);
    if (isFailure(owner)) return false;
    const uid = addon.ownerUid(owner.fd);
    owner.close();
    // Whoever made a user namespace may do anything in it.
    return uid === process.geteuid!();
  }

  close(): void {
    this.#closed = true;
    this.#spare?.close();
    this.#netns?.close();
  }
}

const CAP_NET_ADMIN = 12n;

/** Whether this thread has the capability in its own user namespace. */
function hasNetAdmin(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/thread-self/status', 'latin1'))?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> CAP_NET_ADMIN) & 1n) === 1n;
}

function prepared(socket: NetlinkSocket, bufferBytes: number): NetlinkSocket {
  // Beyond net.core.rmem_max only for those with CAP_NET_ADMIN over the initial namespace; others get what they may.
  if (socket.setOption(SOL_SOCKET, SO_RCVBUFFORCE, bufferBytes) !== 0)
    socket.setOption(SOL_SOCKET, SO_RCVBUF, bufferBytes);
  return socket;
}
