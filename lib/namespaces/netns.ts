import type { Socket as UdpSocket } from 'node:dgram';
import { constants } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { ArgumentError, ClosedError, SyscallError, UnsupportedError } from '../errors.js';
import type { Descriptor, Failure, NamespaceIdentity } from '../native/addon.js';
import { addon } from '../native/load.js';
import { isFailure, orThrow } from '../netlink/system-call.js';
import { checkKeys } from '../options.js';
import { listNames, pathOfName, pinAt, prepareDirectory, unpinAt } from './names.js';
import { connectIn, listenIn, udpIn, type ConnectOptions, type ListenOptions, type UdpOptions } from './sockets.js';
import { sysctlPath } from './sysctl.js';

const CLONE_NEWNET = 0x40000000;
const ENOTTY = 25;
const OWN = '/proc/thread-self/ns/net';

/** Where a namespace is found: under a name of `ip netns`, at a path, or where a process is. */
export type NetnsRef =
  | string
  | { readonly name: string }
  | { readonly path: string }
  | { readonly pid: number }
  | { readonly pidfd: number };

/** What kind of namespace to make. */
export interface NetnsCreateOptions {
  /** Makes it a namespace that `ip netns list` shows and that outlives this process, until it is deleted by name. */
  readonly name?: string | undefined;
}

/** Sysctls of one network namespace. */
export interface Sysctls {
  /** The value, without the newline at its end. ENOENT when the kernel has no such sysctl. */
  get(name: string): Promise<string>;
  /** Writes a value; a boolean as 1 or 0. */
  set(name: string, value: string | number | boolean): Promise<void>;
  /** `get` at once. */
  getSync(name: string): string;
  /** `set` at once. */
  setSync(name: string, value: string | number | boolean): void;
}

/**
 * A network namespace, held open. It exists at least as long as the handle is open, and longer where a process is in it or
 * a file pins it.
 *
 * No thread of Node ever enters it: what has to be opened inside is opened by a thread made for that, which then ends.
 *
 * @example
 * ```ts
 * import { Netns, Rtnetlink } from 'netlace';
 *
 * const netns = await Netns.create();
 * const inside = await Rtnetlink.open({ netns });
 * await inside.link.set('lo', { up: true });
 * console.log((await inside.address.list()).map(({ address }) => address));
 * inside.close();
 * netns.close();
 * ```
 */
export class Netns {
  readonly #descriptor: Descriptor;
  readonly #identity: NamespaceIdentity;
  /** The name of `ip netns` that it was created or opened by. */
  readonly name: string | undefined;
  /** Its sysctls, those below `net.`. */
  readonly sysctl: Sysctls;

  private constructor(descriptor: Descriptor, identity: NamespaceIdentity, name?: string) {
    this.#descriptor = descriptor;
    this.#identity = identity;
    this.name = name;
    this.sysctl = sysctlsOf(this);
  }

  /** The namespace that this thread is in. */
  static current(): Netns {
    return Netns.#check(orThrow(addon.sync.open(OWN, constants.O_RDONLY), OWN), 'the current namespace');
  }

  /** A new namespace, with nothing but a loopback link that is down. Takes CAP_SYS_ADMIN. */
  static async create(options: NetnsCreateOptions = {}): Promise<Netns> {
    const path = preparePath(options);
    return Netns.#created(await addon.async.unshare(CLONE_NEWNET), path, options.name);
  }

  /** The same at once. */
  static createSync(options: NetnsCreateOptions = {}): Netns {
    const path = preparePath(options);
    return Netns.#created(addon.sync.unshare(CLONE_NEWNET), path, options.name);
  }

  static #created(made: Descriptor | Failure, path: string | undefined, name: string | undefined): Netns {
    const descriptor = orThrow(made);
    try {
      if (path !== undefined) pinAt(descriptor.fd, path);
    } catch (error) {
      descriptor.close();
      throw error;
    }
    return Netns.#check(descriptor, 'the new namespace', name);
  }

  /** Opens one that exists. A plain string is a name of `ip netns`. By pidfd a process is meant whose pid may be reused. */
  static async open(ref: NetnsRef): Promise<Netns> {
    return Netns.openSync(ref);
  }

  /** The same at once. */
  static openSync(ref: NetnsRef): Netns {
    if (typeof ref === 'string') return Netns.openSync({ name: ref });
    if (typeof ref !== 'object' || ref === null)
      throw new ArgumentError('ref', 'takes a name or { name }, { path }, { pid } or { pidfd }');
    if ('name' in ref) {
      const path = pathOfName(ref.name, 'ref.name');
      return Netns.#check(
        orThrow(addon.sync.open(path, constants.O_RDONLY), `netns ${JSON.stringify(ref.name)}`),
        path,
        ref.name,
      );
    }
    if ('path' in ref) {
      if (typeof ref.path !== 'string' || ref.path === '' || ref.path.includes('\0'))
        throw new ArgumentError('ref.path', 'takes a path');
      return Netns.#check(orThrow(addon.sync.open(ref.path, constants.O_RDONLY), ref.path), ref.path);
    }
    if ('pidfd' in ref) return Netns.#check(ofPidfd(ref.pidfd, undefined), `pidfd ${ref.pidfd}`);
    if (!('pid' in ref) || !Number.isInteger(ref.pid) || ref.pid <= 0 || ref.pid > 0x7fffffff) {
      throw new ArgumentError('ref.pid', `takes the pid of a process`);
    }
    const pidfd = orThrow(addon.pidfdOpen(ref.pid), `process ${ref.pid}`);
    try {
      return Netns.#check(ofPidfd(pidfd.fd, ref.pid), `process ${ref.pid}`);
    } finally {
      pidfd.close();
    }
  }

  /** Takes the descriptor over, provided that it is one of a network namespace. */
  static #check(descriptor: Descriptor, what: string, name?: string): Netns {
    const identity = addon.identify(descriptor.fd);
    if (isFailure(identity) || identity.type !== CLONE_NEWNET) {
      descriptor.close();
      if (isFailure(identity)) orThrow(identity, what);
      throw new ArgumentError('ref', `${what} is no network namespace`);
    }
    return new Netns(descriptor, identity, name);
  }

  /** The names that `ip netns list` shows. */
  static list(): string[] {
    return listNames();
  }

  /** Removes a name, as `ip netns delete`; the namespace goes with its last process and handle. ENOENT when there is none. */
  static delete(name: string): void {
    unpinAt(pathOfName(name));
  }

  /** Removes the file that `pin` made. */
  static unpin(path: string): void {
    unpinAt(path);
  }

  /** The descriptor, for other libraries' calls. It stays this handle's: do not close it. */
  get fd(): number {
    if (this.#descriptor.fd < 0) throw new ClosedError('the network namespace');
    return this.#descriptor.fd;
  }

  /** The namespace's number, as in `readlink /proc/PID/ns/net`. */
  get ino(): bigint {
    return this.#identity.ino;
  }

  /** The device of the file system of namespaces. With `ino` it identifies the namespace. */
  get dev(): bigint {
    return this.#identity.dev;
  }

  /** Whether both handles are of the same namespace. */
  equals(other: Netns): boolean {
    return this.ino === other.ino && this.dev === other.dev;
  }

  /** Keeps the namespace alive at `path`, a file that does not exist yet; until `Netns.unpin(path)`. */
  pin(path: string): void {
    pinAt(this.fd, path);
  }

  /**
   * Has a server of `node:net`, `node:http` and the like listen inside; resolves when it does.
   * `await netns.listen(createServer(handler), { port: 80 })`
   */
  async listen<S extends Server>(server: S, options: ListenOptions = {}): Promise<S> {
    await listenIn(this.fd, server, options);
    return server;
  }

  /** A TCP connection made inside: a socket of `node:net` that is connecting. Goes into `http.request({ createConnection })`. */
  connect(options: ConnectOptions): Socket {
    return connectIn(this.fd, options);
  }

  /** A bound UDP socket of `node:dgram`. */
  async udp(options: UdpOptions = {}): Promise<UdpSocket> {
    return udpIn(this.fd, options);
  }

  /** Lets go of the namespace. A second call does nothing. */
  close(): void {
    this.#descriptor.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

function preparePath(options: NetnsCreateOptions): string | undefined {
  checkKeys('options', options, ['name']);
  if (options.name === undefined) return undefined;
  const path = pathOfName(options.name, 'options.name');
  prepareDirectory();
  return path;
}

function ofPidfd(pidfd: number, pid: number | undefined): Descriptor {
  if (!Number.isInteger(pidfd) || pidfd < 0)
    throw new ArgumentError('ref.pidfd', 'takes a descriptor of pidfd_open(2)');
  const direct = addon.pidfdNamespace(pidfd, CLONE_NEWNET);
  if (!isFailure(direct) || direct.errno !== ENOTTY) return orThrow(direct, `process ${pid ?? ''}`.trim());
  if (pid === undefined) throw new UnsupportedError('namespaces of a pidfd take Linux 6.11; open by pid instead');
  // Before Linux 6.11: by pid, and the pidfd tells whether that was still the same process.
  const descriptor = orThrow(addon.sync.open(`/proc/${pid}/ns/net`, constants.O_RDONLY), `process ${pid}`);
  const alive = addon.pidfdSignal(pidfd, 0);
  if (isFailure(alive) && alive.errno === 3) {
    descriptor.close();
    throw new SyscallError(alive.errno, alive.syscall, `process ${pid}`);
  }
  return descriptor;
}

function sysctlsOf(netns: Netns): Sysctls {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).replace(/\n$/, '');
  const bytes = (value: string | number | boolean) => {
    if (!['string', 'number', 'boolean'].includes(typeof value))
      throw new ArgumentError('value', 'takes a string, a number or a boolean');
    return new TextEncoder().encode(typeof value === 'boolean' ? (value ? '1' : '0') : `${value}`);
  };
  return {
    get: async (name) => {
      const path = sysctlPath(name);
      return text(orThrow(await holding(netns, (fd) => addon.async.readFile(fd, path)), name));
    },
    set: async (name, value) => {
      const path = sysctlPath(name);
      const written = bytes(value);
      orThrow(await holding(netns, (fd) => addon.async.writeFile(fd, path, written)), name);
    },
    getSync: (name) => text(orThrow(addon.sync.readFile(netns.fd, sysctlPath(name)), name)),
    setSync: (name, value) => {
      orThrow(addon.sync.writeFile(netns.fd, sysctlPath(name), bytes(value)), name);
    },
  };
}

/** Until a thread gets to the call, the handle may be closed, and its number be another file's: so it has its own. */
async function holding<T>(netns: Netns, call: (fd: number) => Promise<T>): Promise<T> {
  const own = orThrow(addon.duplicate(netns.fd), 'the network namespace');
  try {
    return await call(own.fd);
  } finally {
    own.close();
  }
}
