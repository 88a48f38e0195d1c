import { ClosedError, SyscallError } from '../errors.js';
import type { Descriptor, NetlinkSocket, Reader } from '../native/addon.js';
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

/** Shared by all subscriptions of this thread; made with the first and ended a moment after the last. */
interface SharedReader {
  readonly reader: Reader;
  readonly handlers: Map<number, OnDatagrams>;
  /** The listeners that keep the process alive. */
  readonly holding: Set<number>;
  /** Until the thread is ended, if nothing comes in between. */
  lingering?: NodeJS.Timeout;
}
let shared: SharedReader | undefined;
/** Milliseconds for which a reader without anything to read is kept. */
const LINGER = 100;

function sharedReader(): SharedReader {
  if (shared === undefined) {
    const handlers = new Map<number, OnDatagrams>();
    const reader = new addon.Reader((id, bytes, errno) => handlers.get(id)?.(bytes, errno));
    shared = { reader, handlers, holding: new Set() };
  }
  return shared;
}

function endUnused({ reader, handlers }: SharedReader): void {
  if (handlers.size > 0) return;
  shared = undefined;
  reader.close();
}

/** Something that the shared reader looks at, from `add` until it is closed. */
function listener(add: (reader: Reader) => number, onDatagrams: OnDatagrams): Listener {
  const reading = sharedReader();
  const { reader, handlers, holding } = reading;
  const letGoOfReader = () => {
    if (handlers.size > 0) return;
    // Starting a thread for each of several short-lived processes would take longer than they do.
    if (reading.lingering === undefined) reading.lingering = setTimeout(endUnused, LINGER, reading).unref();
    else reading.lingering.refresh();
  };
  const id = add(reader);
  if (id < 0) {
    letGoOfReader();
    throw new SyscallError(-id, 'epoll_ctl');
  }
  handlers.set(id, onDatagrams);
  holding.add(id);
  reader.ref();
  const letGo = () => {
    if (holding.delete(id) && holding.size === 0) reader.unref();
  };
  let open = true;
  return {
    resume: () => {
      if (open) reader.resume(id);
    },
    unref: letGo,
    close: () => {
      if (!open) return;
      open = false;
      reader.remove(id);
      handlers.delete(id);
      letGo();
      letGoOfReader();
    },
  };
}

/**
 * Calls `onReadable` when the file can be read (when the process of a pidfd has ended), and again after each `resume`.
 * Keeps the process alive until it is closed or told not to. The descriptor may be closed meanwhile.
 */
export function watchReadable(fd: number, onReadable: () => void): Listener {
  return listener((reader) => reader.watch(fd), onReadable);
}

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

  close(): void {
    this.#closed = true;
    this.#spare?.close();
    this.#netns?.close();
  }
}

function prepared(socket: NetlinkSocket, bufferBytes: number): NetlinkSocket {
  // Beyond net.core.rmem_max only for those with CAP_NET_ADMIN over the initial namespace; others get what they may.
  if (socket.setOption(SOL_SOCKET, SO_RCVBUFFORCE, bufferBytes) !== 0)
    socket.setOption(SOL_SOCKET, SO_RCVBUF, bufferBytes);
  return socket;
}
