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
  /**
   * The number for `net.Socket({ fd })` and the like, to be followed by `release`. A Worker that is terminated between the two closes
   * the descriptor once.
   */
  lend(): number;
  /** Gives the descriptor away: from now on somebody else has to close it. */
  release(): number;
}

/** What an exchange is given: `NetlinkSocket.exchangeSync` says what each is. */
export type ExchangeParameters = [
  request: Uint8Array | null,
  into: Uint8Array,
  last: number,
  wait: number,
  longest: number,
];

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
   * - a message of type NLMSG_ERROR or NLMSG_DONE with the sequence number `last` has been received, or bytes that are no
   *   whole message,
   * - or the next datagram does not fit into what is left of `into`, or less than `longest` is left,
   * - or nothing has arrived for `wait` milliseconds (-1: wait for ever).
   *
   * Exchanges can be queued up for an answer of unknown length: those behind its end come back with 0 at once.
   *
   * Returns the number of bytes filled (0: the wait ended with nothing received); or a number greater than `into.length`:
   * nothing was read, the next datagram needs that much; or a negative errno. An error met after bytes were filled is
   * kept for the next call. Datagrams that did not come from the kernel (`nl_pid` other than 0) are dropped.
   * `longest`: what is sure to be as long as any datagram, or expected to be, which spares asking each for its length.
   * One that is longer than the room for it is lost, and the result is -EMSGSIZE. 0: not known.
   *
   * -EBUSY while an asynchronous exchange is under way, -EBADF when closed.
   */
  exchangeSync(...parameters: ExchangeParameters): number;
  /**
   * The same in a pool thread. Calls queue up and are carried out in order, one after the other without a detour through
   * the JavaScript thread. `request` and `into` belong to the addon until the promise settles. It never rejects;
   * -ECANCELED after `close()`.
   */
  exchange(...parameters: ExchangeParameters): Promise<number>;
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
  /**
   * Watches any file that can be polled, through a descriptor of its own. When it is readable there is one delivery, without
   * bytes and errno, and none until `resume`. Returns the id used in deliveries, or a negative errno.
   */
  watch(fd: number): number;
  /**
   * What came of a child that was being made, once, when its delivery has come: null if the program runs; the next delivery, after
   * `resume`, is that it has ended. Else the id is nobody's any more.
   */
  outcome(id: number): SpawnFailure | null;
  /** Ends a child that is being made; its delivery still comes. */
  abort(id: number): void;
  /** Of a child that is watched, until it is removed; else -1. */
  pid(id: number): number;
  pidfd(id: number): number;
  /**
   * `waitid` of a child that is watched, at once. Returns 0 while it runs; or else the child is removed: a negative errno, or 1, after
   * which nobody can wait for it any more, and there are eleven doubles in `into`: `si_code` and `si_status` of siginfo_t; of struct rusage, the times in
   * milliseconds, the size in bytes, faults without and with reading, blocks read and written, switches of its own will and not.
   */
  wait(id: number, into: Uint8Array): number;
  /** Lets the next delivery of this socket come. */
  resume(id: number): void;
  /** Stops reading and closes the socket, or the descriptor of the file. No delivery with this id comes after this call. */
  remove(id: number): void;
  /** Waiting for its deliveries no longer keeps the process alive, which it does until it is removed. */
  unref(id: number): void;
  /** Ends the thread and closes what is left. A second call does nothing. */
  close(): void;
}

/**
 * A delivery: the bytes of whole datagrams, each at a multiple of 4; or null with the errno of the read, which is 0 for a
 * watched file that is readable.
 */
export type OnDelivery = (id: number, bytes: Uint8Array | null, errno: number) => void;

/** For `socket`: what is done to it before its descriptor comes back. Addresses are `struct sockaddr_*` as bytes. */
export interface SocketSetup {
  /** Triples of level, name and int value for `setsockopt`, made before `bind`. */
  readonly options?: readonly number[];
  /** Classic BPF, an array of `struct sock_filter`: attached before `bind`, and what came before it is thrown away. */
  readonly filter?: Uint8Array;
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

/** System calls to be made later, in the form that `lib/system-calls/encode.ts` gives them. */
export type EncodedProgram = Uint8Array;

/** Where a child failed that should have run a program; nothing of it is left. */
export interface SpawnFailure extends Failure {
  /**
   * In clone3 and before, in executing the launcher, in a file of /proc/PID, or in the child's program. `killed`: the child ended
   * while it made the call `step`, by the signal `errno`, or by itself (0).
   */
  readonly stage: 'clone' | 'launch' | 'write' | 'program' | 'killed';
  /** The index of the call or file. */
  readonly step: number;
}

/** What came of a program. */
export interface Performed {
  readonly results: readonly number[];
  /** What was written to the buffers, in the order in which they stand there, each in its full length. */
  readonly buffers: readonly Uint8Array[];
  /** What the program sent first. */
  readonly descriptor: Descriptor | null;
}

/** Where a program stopped; `step` is the call's index. Neither it nor buffers: there was not even a beginning. */
export interface PerformFailure extends Failure {
  readonly step?: number;
  readonly buffers?: readonly Uint8Array[];
}

export interface MadeNetns {
  readonly netns: Descriptor;
  readonly socket: NetlinkSocket;
}

/** Two results of `NetlinkSocket.exchange`. */
export interface MadeNetnsWith extends MadeNetns {
  readonly inside: number;
  /** -ECANCELED where it was not begun. */
  readonly outside: number;
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
  /**
   * A TUN or TAP device made or opened inside, by TUNSETIFF; reading it never waits. `name` may be empty or have `%d`, `flags`
   * are IFF_*; `persist` 1 or 0 is for TUNSETPERSIST, -1: leave it.
   */
  tun(netns: number, name: string, flags: number, persist: number): Descriptor | Failure;
  /**
   * `sendto`; `address` is empty on a connected socket. Where there is no room for it, waits up to `wait` milliseconds for
   * some; EAGAIN when there is still none.
   */
  sendPacket(fd: number, bytes: Uint8Array, address: Uint8Array, wait: number): 0 | Failure;
  /** One `write` of all bytes. */
  writePacket(fd: number, bytes: Uint8Array): 0 | Failure;
  /**
   * A new network namespace, and a netlink socket opened in it by the same thread, with options as for `netlink`.
   * `loopback` 1: its loopback link is up. `user` -1: with the rights of this process; -2: in a new user namespace, in
   * which this user is root; else in the user namespace with this descriptor.
   */
  newNetns(loopback: number, protocol: number, options: readonly number[], user: number): MadeNetns | Failure;
  /** `unshare(flags)` in a new thread and a descriptor of what that made: one of CLONE_NEWNET, NEWNS, NEWUTS, NEWIPC, NEWCGROUP. */
  unshare(flag: number): Descriptor | Failure;
  /** `open(path, flags | O_CLOEXEC)`. */
  open(path: string, flags: number): Descriptor | Failure;
  /** The whole of a (small) file, opened by a thread inside `netns`: /proc/sys/net shows that thread's namespace. */
  readFile(netns: number, path: string): Uint8Array | Failure;
  /** One `write` of all `bytes` to an existing file, opened by a thread inside `netns`. */
  writeFile(netns: number, path: string, bytes: Uint8Array): 0 | Failure;
  /**
   * Makes the calls one after the other, in a thread that ends with the last: it may enter another mount namespace. With `keeps`
   * a launcher makes them, which has these descriptors: it may enter anything. Those from index `rescue` on are only made when one
   * before has failed, all of them, and may fail. What the calls opened is closed at the end, but for what they sent.
   */
  perform(program: EncodedProgram, rescue: number, keeps: readonly number[] | null): Performed | PerformFailure;
  /**
   * clone3() with these CLONE_NEW* flags. A launcher carries out the program, up to execve, and has the descriptors `keeps`. Null: the
   * child does that itself while it shares this process's memory. `writes` are names of files in /proc/PID and what is written into
   * them when the program asks for it (`maps`), alternately. What the child reports with has `leastDescriptor` or a greater number.
   * `reader` watches the child from now on, and owns its pidfd. Waits for up to `patience` milliseconds for the program to run. Returns the id used in
   * deliveries; negative if the child is still being made, which is delivered when it is over.
   */
  spawn(
    program: EncodedProgram,
    flags: number,
    keeps: readonly number[] | null,
    writes: readonly string[],
    leastDescriptor: number,
    patience: number,
    reader: Reader,
  ): number | SpawnFailure;
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
  /**
   * `async.newNetns`, and an exchange over the new socket by the same thread. If that has brought no error, another one over
   * `socket`, which must be at rest and is not to be used meanwhile.
   */
  newNetnsWith(
    ...parameters: [
      ...created: Parameters<Calls['newNetns']>,
      ...inside: ExchangeParameters,
      ...outside: [socket: NetlinkSocket, ...ExchangeParameters] | [],
    ]
  ): Promise<MadeNetnsWith | Failure>;
  /** NS_GET_USERNS. */
  owningUserNamespace(fd: number): Descriptor | Failure;
  /** NS_GET_PARENT, for pid and user namespaces. */
  parentNamespace(fd: number): Descriptor | Failure;
  /** NS_GET_OWNER_UID, for user namespaces. */
  ownerUid(fd: number): number | Failure;
  /** SIOCGSKNS: the network namespace a socket lives in. */
  socketNamespace(fd: number): Descriptor | Failure;
  /** `setns(fd, types)` on the calling thread, which stays there. */
  setns(fd: number, types: number): 0 | Failure;
  /** `unshare(flags)` on the calling thread, which stays there. */
  unshareThread(flags: number): 0 | Failure;
  /** `fcntl(fd, F_DUPFD_CLOEXEC, 0)`. */
  duplicate(fd: number): Descriptor | Failure;
  /** `dup3(fd, over, O_CLOEXEC)`: the number `over` is the same file as `fd` from now on. */
  replace(fd: number, over: number): 0 | Failure;
  /**
   * Receives what is there without waiting, many packets one after the other, each behind a record of 48 bytes at a multiple
   * of 4: length of the bytes, length of the packet, length of the address, errno of an attempt that failed (the last one
   * then), TPID and TCI of a VLAN tag that was taken off, each a u32; the address in 28 bytes. No more than `longest` bytes
   * are kept of each. Returns the number of bytes filled.
   */
  receivePackets(fd: number, into: Uint8Array, longest: number): number;
  /** The same by `read`, without addresses, for TUN and TAP. */
  readPackets(fd: number, into: Uint8Array, longest: number): number;
  /** SIOCGIFINDEX: a link of the namespace that the socket lives in. */
  linkIndex(fd: number, name: string): number | Failure;
  /** TUNGETIFF: the name that a TUN or TAP device has. */
  tunName(fd: number): string | Failure;
  pidfdOpen(pid: number): Descriptor | Failure;
  /** The PIDFD_GET_*_NAMESPACE ioctl for a CLONE_NEW* constant (since Linux 6.11; ENOTTY before). */
  pidfdNamespace(pidfd: number, type: number): Descriptor | Failure;
  /** `pidfd_send_signal(pidfd, signal, NULL, 0)`. */
  pidfdSignal(pidfd: number, signal: number): 0 | Failure;
  /** The names of the system calls that a program may be of, in the order of their numbers there. */
  readonly systemCalls: readonly string[];
  /** `pipe2` with O_CLOEXEC: the end to read and the end to write. */
  pipe(): readonly [Descriptor, Descriptor] | Failure;
  /** `socketpair` with AF_UNIX, SOCK_STREAM and SOCK_CLOEXEC: two ends that are alike. */
  socketpair(): readonly [Descriptor, Descriptor] | Failure;
  /** A new pseudoterminal of this size: the master and the slave. */
  pty(rows: number, columns: number): readonly [Descriptor, Descriptor] | Failure;
  /** TIOCSWINSZ. */
  resizePty(fd: number, rows: number, columns: number): 0 | Failure;
  readonly Reader: new (onDelivery: OnDelivery) => Reader;
}
