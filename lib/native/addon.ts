/**
 * What the addon offers: descriptors, bytes and errno. It knows no attribute, keeps no global state and throws only
 * `TypeError`, for an argument of the wrong JavaScript type. Everything a user sees of an error is built in TypeScript.
 */

/** A system call that failed: the positive errno and the call's name, as in its man page. */
export interface Failure {
  readonly errno: number;
  readonly syscall: string;
}

/** Owns one file descriptor; closes it when garbage collected, or when its Worker ends. */
export interface Descriptor {
  /** The number, or -1 once closed or released. */
  readonly fd: number;
  /** Closes the descriptor. A second call does nothing. */
  close(): void;
  /** Gives the descriptor away, to `net.Socket({ fd })` say: from now on the caller has to close it. */
  release(): number;
}

/** A netlink socket. It stays in the network namespace it was opened in, whatever thread uses it. */
export interface NetlinkSocket {
  /** The number, or -1 once closed. */
  readonly fd: number;
  /** The port the kernel bound the socket to (`nl_pid`). */
  readonly portId: number;
  /** `setsockopt` with an int. Returns 0 or a negative errno. */
  setOption(level: number, name: number, value: number): number;
  /**
   * Sends `request`, unless it is null, then fills `into` with whole datagrams, each starting at a multiple of 4, until
   * - `terminators` messages of type NLMSG_ERROR or NLMSG_DONE have been received, or bytes that are no whole message,
   * - or the next datagram does not fit into what is left of `into`,
   * - or nothing has arrived for `wait` milliseconds (-1: wait for ever).
   *
   * Returns the number of bytes filled (0: the wait ended with nothing received); or a number greater than `into.length`:
   * nothing was read, the next datagram needs that much; or a negative errno. An error met after bytes were filled is
   * kept for the next call. Datagrams that did not come from the kernel (`nl_pid` other than 0) are dropped.
   * `longest`: no datagram is longer, which spares asking each for its length; one that is all the same is lost, and
   * the result is -EMSGSIZE. 0: not known.
   *
   * -EBUSY while an asynchronous exchange is under way, -EBADF when closed.
   */
  exchangeSync(
    request: Uint8Array | null,
    into: Uint8Array,
    terminators: number,
    wait: number,
    longest: number,
  ): number;
  /**
   * The same in a pool thread. Calls queue up and are carried out in order, one after the other without a detour through
   * the JavaScript thread. `request` and `into` belong to the addon until the promise settles. It never rejects;
   * -ECANCELED after `close()`.
   */
  exchange(
    request: Uint8Array | null,
    into: Uint8Array,
    terminators: number,
    wait: number,
    longest: number,
  ): Promise<number>;
  /** Closes the socket, wakes an exchange under way and ends it with -ECANCELED. A second call does nothing. */
  close(): void;
}

/**
 * Reads subscribed sockets in one thread of its own. After each delivery a socket is paused until `resume`: a slow
 * consumer fills the kernel's buffer, not this process's memory, and is told of the loss with ENOBUFS.
 */
export interface Reader {
  /** Takes the socket over: `exchange` answers -EBUSY from now on. Returns the id used in deliveries, or a negative errno. */
  add(socket: NetlinkSocket): number;
  /** Lets the next delivery of this socket come. */
  resume(id: number): void;
  /** Stops reading and closes the socket. No delivery with this id comes after this call. */
  remove(id: number): void;
  /** Whether waiting for deliveries keeps the process alive. A new reader does. */
  ref(): void;
  unref(): void;
  /** Ends the thread and closes what is left. A second call does nothing. */
  close(): void;
}

/** A delivery: the bytes of whole datagrams, each at a multiple of 4, or null with the errno of the read. */
export type OnDelivery = (id: number, bytes: Uint8Array | null, errno: number) => void;

/** For `socket`: what is done to it before its descriptor comes back. Addresses are `struct sockaddr_*` as bytes. */
export interface SocketSetup {
  /** Triples of level, name and int value for `setsockopt`, made before `bind`. */
  readonly options?: readonly number[];
  readonly bind?: Uint8Array;
  /** `listen` with this backlog. */
  readonly backlog?: number;
  readonly connect?: Uint8Array;
}

/** A namespace's identity and type, from `fstat`, `fstatfs` and NS_GET_NSTYPE. `type` is 0 when the file is not in nsfs. */
export interface NamespaceIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
  /** A CLONE_NEW* constant; 0: not a namespace. */
  readonly type: number;
}

/**
 * Calls that exist twice: `sync` on the calling thread, `async` in a pool thread. `netns` is the descriptor of a
 * network namespace or -1 for the process's own; another namespace is only ever entered by a thread made for that
 * call, which then ends.
 */
export interface Calls {
  /** Opens and binds a netlink socket and sets `options` (triples of level, name, int value): memberships last only after `bind`. */
  netlink(netns: number, protocol: number, options: readonly number[]): NetlinkSocket | Failure;
  /** Opens any socket inside a namespace: SOCK_CLOEXEC is always added. */
  socket(netns: number, domain: number, type: number, protocol: number, setup: SocketSetup): Descriptor | Failure;
  /** `unshare(flags)` in a new thread and a descriptor of what that made: one of CLONE_NEWNET, NEWUTS, NEWIPC, NEWCGROUP. */
  unshare(flag: number): Descriptor | Failure;
  /** `open(path, flags | O_CLOEXEC)`. */
  open(path: string, flags: number): Descriptor | Failure;
  /** The whole of a (small) file, opened by a thread inside `netns`: /proc/sys/net shows that thread's namespace. */
  readFile(netns: number, path: string): Uint8Array | Failure;
  /** One `write` of all `bytes` to an existing file, opened by a thread inside `netns`. */
  writeFile(netns: number, path: string, bytes: Uint8Array): 0 | Failure;
  /** `mount(source, target, type, flags, NULL)`; an empty type is passed as "none". */
  mount(source: string, target: string, type: string, flags: number): 0 | Failure;
  /** `umount2(target, flags)`. */
  umount(target: string, flags: number): 0 | Failure;
}

export type AsyncCalls = {
  readonly [Name in keyof Calls]: (...parameters: Parameters<Calls[Name]>) => Promise<ReturnType<Calls[Name]>>;
};

export interface Addon {
  readonly sync: Calls;
  readonly async: AsyncCalls;
  /** Never waits: identity and type of an open namespace file. */
  identify(fd: number): NamespaceIdentity | Failure;
  /** NS_GET_USERNS. */
  owningUserNamespace(fd: number): Descriptor | Failure;
  /** NS_GET_PARENT, for pid and user namespaces. */
  parentNamespace(fd: number): Descriptor | Failure;
  /** NS_GET_OWNER_UID, for user namespaces. */
  ownerUid(fd: number): number | Failure;
  /** SIOCGSKNS: the network namespace a socket lives in. */
  socketNamespace(fd: number): Descriptor | Failure;
  /** `fcntl(fd, F_DUPFD_CLOEXEC, 0)`. */
  duplicate(fd: number): Descriptor | Failure;
  pidfdOpen(pid: number): Descriptor | Failure;
  /** The PIDFD_GET_*_NAMESPACE ioctl for a CLONE_NEW* constant (since Linux 6.11; ENOTTY before). */
  pidfdNamespace(pidfd: number, type: number): Descriptor | Failure;
  /** `pidfd_send_signal(pidfd, signal, NULL, 0)`. */
  pidfdSignal(pidfd: number, signal: number): 0 | Failure;
  readonly Reader: new (onDelivery: OnDelivery) => Reader;
}
