import { ClosedError, SyscallError } from '../errors.js';
import type { Descriptor, NetlinkSocket, Reader } from '../native/addon.js';
import { addon } from '../native/load.js';
import {
  NETLINK_ADD_MEMBERSHIP,
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SOL_NETLINK,
  SOL_SOCKET,
} from './constants.js';
import type { Channel, Listener, OnDatagrams, Source } from './source.js';
import { isFailure, orThrow } from './system-call.js';

/** A network namespace to open sockets in: anything with the descriptor of one, such as a `Netns`. */
export interface NetnsDescriptor {
  readonly fd: number;
}

const REQUEST_OPTIONS = [NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK].flatMap((name) => [
  SOL_NETLINK,
  name,
  1,
]);
const REQUEST_BUFFER = 1024 * 1024;
const EVENT_BUFFER = 8 * 1024 * 1024;

/** Shared by all subscriptions of this thread; made with the first and ended with the last. */
interface SharedReader {
  readonly reader: Reader;
  readonly handlers: Map<number, OnDatagrams>;
  /** The listeners that keep the process alive. */
  readonly holding: Set<number>;
}
let shared: SharedReader | undefined;

function sharedReader(): SharedReader {
  if (shared === undefined) {
    const handlers = new Map<number, OnDatagrams>();
    const reader = new addon.Reader((id, bytes, errno) => handlers.get(id)?.(bytes, errno));
    shared = { reader, handlers, holding: new Set() };
  }
  return shared;
}

/** Sockets of one netlink protocol in one namespace. */
export class KernelSource implements Source {
  readonly #protocol: number;
  /** Undefined: the namespace of this process. */
  readonly #netns: Descriptor | undefined;
  #closed = false;

  constructor(protocol: number, netns: NetnsDescriptor | undefined) {
    this.#protocol = protocol;
    // A descriptor of its own: the caller may close his.
    this.#netns = netns === undefined ? undefined : orThrow(addon.duplicate(netns.fd), 'the network namespace');
  }

  async open(): Promise<Channel> {
    return prepared(await this.#netlink(REQUEST_OPTIONS), REQUEST_BUFFER);
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

  openSync(): Channel {
    return prepared(orThrow(addon.sync.netlink(this.#enter(), this.#protocol, REQUEST_OPTIONS)), REQUEST_BUFFER);
  }

  async listen(groups: readonly number[], onDatagrams: OnDatagrams): Promise<Listener> {
    const options = groups.flatMap((group) => [SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group]);
    const socket = prepared(await this.#netlink(options), EVENT_BUFFER);
    const { reader, handlers, holding } = sharedReader();
    const id = reader.add(socket);
    if (id < 0) throw new SyscallError(-id, 'epoll_ctl');
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
        if (handlers.size === 0 && shared?.reader === reader) {
          shared = undefined;
          reader.close();
        }
      },
    };
  }

  #enter(): number {
    if (this.#closed) throw new ClosedError('the client');
    return this.#netns === undefined ? -1 : this.#netns.fd;
  }

  close(): void {
    this.#closed = true;
    this.#netns?.close();
  }
}

function prepared(socket: NetlinkSocket, bufferBytes: number): NetlinkSocket {
  // Beyond net.core.rmem_max only for those with CAP_NET_ADMIN over the initial namespace; others get what they may.
  if (socket.setOption(SOL_SOCKET, SO_RCVBUFFORCE, bufferBytes) !== 0)
    socket.setOption(SOL_SOCKET, SO_RCVBUF, bufferBytes);
  return socket;
}
