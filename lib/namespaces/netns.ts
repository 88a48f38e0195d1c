import { existsSync } from 'node:fs';
import type { Socket as UdpSocket } from 'node:dgram';
import type { Agent as HttpAgent, AgentOptions as HttpAgentOptions } from 'node:http';
import type { Agent as HttpsAgent, AgentOptions as HttpsAgentOptions } from 'node:https';
import type { Server, Socket } from 'node:net';
import { EEXIST } from '../errno.js';
import { ArgumentError } from '../errors.js';
import type { Failure, MadeNetns } from '../native/addon.js';
import { addon } from '../native/load.js';
import { keepSpare, takeSpare } from '../netlink/kernel.js';
import { orThrow, systemCallError } from '../netlink/system-call.js';
import { checkKeys, checkSwitch } from '../options.js';
import { connector, httpAgent, httpsAgent, type Connector, type ConnectorSettings } from './agent.js';
import { deleteName, listNames, pathOfName, pinAt, prepareDirectory, unpinAt } from './names.js';
import { NamespaceHandle, placeOf } from './namespace.js';
import { openCurrent, openNamespace, takeOver, type OpenedNamespace } from './open.js';
import { PacketSocket, RawSocket, type PacketSocketOptions, type RawSocketOptions } from './packet-socket.js';
import { lookupIn, type Lookup } from './resolver.js';
import {
  connectIn,
  listenIn,
  udpIn,
  type ConnectAbstractOptions,
  type ConnectOptions,
  type ListenAbstractOptions,
  type ListenOptions,
  type UdpOptions,
} from './sockets.js';
import { makeNetns, makeNetnsSync } from './rootless.js';
import { sysctlPath } from './sysctl.js';
import { Tun, type TunOptions } from './tun.js';
import { runIn } from './worker.js';

/** Where a namespace is found: under a name of `ip netns`, at a path, where a process is, or behind a descriptor. */
export type NetnsRef =
  | string
  | { readonly name: string }
  | { readonly path: string }
  | { readonly pid: number }
  | { readonly pidfd: number }
  | { readonly fd: number };

/** What kind of namespace to make. */
export interface NetnsCreateOptions {
  /** Makes it a namespace that `ip netns list` shows and that outlives this process, until it is deleted by name. */
  readonly name?: string | undefined;
  /** Whether to bring the loopback link up, which is down in a new namespace. */
  readonly loopback?: boolean | undefined;
  /**
   * Makes it in a user namespace of this user's own, which takes no rights where the system allows that, and in which this
   * user is root. All that are made so share the user namespace, as links between them take rights in both. They cannot be
   * tied to links of other namespaces, and have no name.
   */
  readonly rootless?: boolean | undefined;
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
export class Netns extends NamespaceHandle {
  declare readonly type: 'net';
  /** The name of `ip netns` that it was created or opened by. */
  readonly name: string | undefined;

  #sysctl: Sysctls | undefined;
  #lookup: Lookup | undefined;

  private constructor(opened: OpenedNamespace, name?: string) {
    super(opened);
    this.name = name;
  }

  /** Its sysctls, those below `net.`. */
  get sysctl(): Sysctls {
    return (this.#sysctl ??= sysctlsOf(this));
  }

  /**
   * Looks a name up inside, as `dns.lookup` or with a promise; needs no `this`, so it goes wherever Node.js takes a `lookup`.
   * First /etc/netns/NAME/hosts, then the name servers of /etc/netns/NAME/resolv.conf; where there is no such file, or the
   * namespace has no name, those in /etc. hosts(5) and resolv.conf(5) say what is in them; of the options `ndots`, `timeout`
   * and `attempts` are followed. The servers are asked from inside; link-local ones are not reached. No other sources
   * (nsswitch.conf) are asked. `LookupError` when there is no address.
   */
  get lookup(): Lookup {
    return (this.#lookup ??= lookupIn(this));
  }

  /** The namespace that this thread is in. */
  static current(): Netns {
    return new Netns(openCurrent('net'));
  }

  /**
   * A new namespace, with nothing but a loopback link, which is down unless asked for. Takes CAP_SYS_ADMIN, or `rootless`
   * and a system that lets its users have user namespaces.
   */
  static async create(options: NetnsCreateOptions = {}): Promise<Netns> {
    return Netns.createBy(options, makeNetns);
  }

  /** @internal */
  static async createBy(given: NetnsCreateOptions, make: typeof makeNetns): Promise<Netns> {
    const options = checkCreateOptions(given);
    const path = preparePath(options);
    const { loopback = false, rootless = false } = options;
    return Netns.#created(await make(loopback, rootless), path, options.name);
  }

  /** The same at once. */
  static createSync(given: NetnsCreateOptions = {}): Netns {
    const options = checkCreateOptions(given);
    const path = preparePath(options);
    const { loopback = false, rootless = false } = options;
    return Netns.#created(makeNetnsSync(loopback, rootless), path, options.name);
  }

  static #created(result: MadeNetns | Failure, path: string | undefined, name: string | undefined): Netns {
    const made = orThrow(result);
    try {
      if (path !== undefined) pinAt(made.netns.fd, path);
      const netns = new Netns(takeOver(made.netns, 'the new namespace', 'net'), name);
      keepSpare(netns, made.socket);
      return netns;
    } catch (error) {
      made.netns.close();
      made.socket.close();
      throw error;
    }
  }

  /** Opens one that exists. A plain string is a name of `ip netns`. By pidfd a process is meant whose pid may be reused. */
  static async open(ref: NetnsRef): Promise<Netns> {
    return Netns.openSync(ref);
  }

  /** The same at once. */
  static openSync(ref: NetnsRef): Netns {
    if (typeof ref === 'string') return Netns.openSync({ name: ref });
    if (typeof ref !== 'object' || ref === null)
      throw new ArgumentError('ref', 'takes a name or { name }, { path }, { pid }, { pidfd } or { fd }');
    return new Netns(openNamespace(placeOf(ref, []), 'net'), 'name' in ref ? ref.name : undefined);
  }

  /** The names that `ip netns list` shows. */
  static list(): string[] {
    return listNames();
  }

  /**
   * Removes a name, as `ip netns delete`; the namespace goes with its last process and handle. ENOENT when there is none.
   * Also one of which only an empty file or a symbolic link is left; ArgumentError for other files.
   */
  static delete(name: string): void {
    deleteName(name);
  }

  /** Removes the file that `pin` made; ArgumentError, and nothing is changed, where that is no pinned namespace. */
  static unpin(path: string): void {
    unpinAt(path);
  }

  /**
   * Has a server of `node:net`, `node:http`, `node:https`, `node:http2` and the like listen inside; resolves when it does.
   * `await netns.listen(createServer(handler), { port: 80 })`. With `{ path: '\\0name' }` at an abstract Unix address.
   */
  async listen<S extends Server>(server: S, options: ListenOptions | ListenAbstractOptions = {}): Promise<S> {
    await listenIn(this.fd, server, options);
    return server;
  }

  /**
   * A connection made inside: a socket of `node:net` that is connecting. A `host` that is a name is looked up inside, and its
   * first address taken. Goes into `http2.connect(url, { createConnection })`, or as the `socket` of `tls.connect`.
   */
  connect(options: ConnectOptions | ConnectAbstractOptions): Socket {
    return connectIn(this, options, this.lookup);
  }

  /** A bound UDP socket of `node:dgram`. Names that it sends to are looked up inside. */
  async udp(options: UdpOptions = {}): Promise<UdpSocket> {
    return udpIn(this.fd, options, this.lookup);
  }

  /** For `http.request({ agent })`: connects, and looks names up, inside. `socketPath` takes abstract names. */
  agent(options: HttpAgentOptions = {}): HttpAgent {
    return httpAgent((to) => this.connect(to), options);
  }

  /** The same for `https.request({ agent })`. */
  httpsAgent(options: HttpsAgentOptions = {}): HttpsAgent {
    return httpsAgent((to) => this.connect(to), options);
  }

  /**
   * For undici, and with it `fetch`: `fetch(url, { dispatcher: new Agent({ connect: netns.connector() }) })`, where `Agent` is
   * undici's; the one inside Node.js has no name to get it by. `settings` are options of `tls.connect`, a `timeout` and a
   * `family`.
   */
  connector(settings: ConnectorSettings = {}): Connector {
    return connector((to) => this.connect(to), settings);
  }

  /** A packet socket, packet(7): whole packets of a link, or of all. Takes CAP_NET_RAW inside. */
  packetSocket(options: PacketSocketOptions = {}): PacketSocket {
    return PacketSocket.openIn(this.fd, options);
  }

  /** A raw socket, raw(7): whole packets of an IP protocol. Takes CAP_NET_RAW inside. */
  rawSocket(options: RawSocketOptions): RawSocket {
    return RawSocket.openIn(this.fd, options);
  }

  /** A TUN or TAP device: one of the name, or a new one, which is down. Takes CAP_NET_ADMIN inside. */
  async tun(options: TunOptions): Promise<Tun> {
    return Tun.openIn((call) => holding(this, call), options);
  }

  /**
   * Calls `fn`, a synchronous function, with the calling thread inside. In a Worker only: on the main thread it throws
   * `UnsupportedError`, since nothing keeps Node.js from starting a thread there just then, which would stay inside for
   * good. What `fn` leaves to be done later (a connection to a name, anything with a promise) is not done inside; threads
   * that it starts itself (a Worker, the reader of a watch) stay there. Takes what `NetnsWorker` takes.
   */
  run<T>(fn: () => T): T {
    return runIn(this.fd, fn);
  }

  override close(): void {
    takeSpare(this)?.close();
    super.close();
  }
}

/** The options, each read once. */
export function checkCreateOptions(given: NetnsCreateOptions): NetnsCreateOptions {
  const options = checkKeys('options', given, ['name', 'loopback', 'rootless']);
  for (const key of ['loopback', 'rootless'] as const) checkSwitch(`options.${key}`, options[key]);
  if (options.rootless === true && options.name !== undefined)
    throw new ArgumentError('options.name', 'is for root: names are files that take CAP_SYS_ADMIN');
  if (options.name !== undefined) pathOfName(options.name, 'options.name');
  return options;
}

function preparePath(options: NetnsCreateOptions): string | undefined {
  if (options.name === undefined) return undefined;
  const path = pathOfName(options.name, 'options.name');
  prepareDirectory();
  // Pinning fails, too, but only when the namespace has been made.
  if (existsSync(path)) throw systemCallError({ errno: EEXIST, syscall: 'open' }, path);
  return path;
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
