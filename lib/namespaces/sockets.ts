import type { Socket as UdpSocket } from 'node:dgram';
import type { LookupOptions as NodeLookupOptions } from 'node:dns';
import type { LookupFunction, Server, Socket } from 'node:net';
import { ArgumentError, ClosedError } from '../errors.js';
import type { Descriptor, NamespaceIdentity, SocketSetup } from '../native/addon.js';
import { lazy } from '../lazy.js';
import { addon } from '../native/load.js';
import { isFailure, orThrow, systemCallError } from '../netlink/system-call.js';
import { checkInteger, checkKeys, checkSwitch } from '../options.js';
import type { Lookup } from './resolver.js';
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  abstractAddress,
  port,
  socketAddress,
} from './sockaddr.js';

const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

/** Where a server listens. */
export interface ListenOptions {
  /** 0 unless said: the kernel chooses one. */
  readonly port?: number | undefined;
  /** An address of the namespace; all of them, IPv4 and IPv6, unless said. */
  readonly host?: string | undefined;
  /** How many connections may wait to be accepted, at least 1; 511 unless said, and no more than `net.core.somaxconn`. */
  readonly backlog?: number | undefined;
  /** Of `'::'`: no IPv4. */
  readonly ipv6Only?: boolean | undefined;
  /** Several sockets may share the port. */
  readonly reusePort?: boolean | undefined;
}

/** Where a Unix client connects to. */
export interface ConnectAbstractOptions {
  /**
   * An abstract name (unix(7)): a NUL, then 1 to 107 bytes. Each network namespace has its own; sockets in the file system
   * are the same in all, so they are refused here.
   */
  readonly path: string;
}

/** Where a Unix server listens. */
export interface ListenAbstractOptions extends ConnectAbstractOptions {
  /** How many connections may wait to be accepted, at least 1; 511 unless said, and no more than `net.core.somaxconn`. */
  readonly backlog?: number | undefined;
}

/** Where to connect to. */
export interface ConnectOptions {
  /**
   * An address or a name, which is looked up inside. Link-local addresses are refused, since Node.js looks their scope up in
   * this process's own namespace.
   */
  readonly host: string;
  readonly port: number;
  /** The address to connect from. */
  readonly localAddress?: string | undefined;
  /** The port to connect from; the kernel chooses one unless said. */
  readonly localPort?: number | undefined;
  /** Of a name, only addresses of this family: 4 or 6. */
  readonly family?: number | undefined;
  /** Looks names up in place of `netns.lookup`; as of `net.connect`. */
  readonly lookup?: LookupFunction | undefined;
  /** Sends small writes at once (TCP_NODELAY). */
  readonly noDelay?: boolean | undefined;
  /** Probes a silent connection (SO_KEEPALIVE). */
  readonly keepAlive?: boolean | undefined;
  /** Milliseconds of silence before the first probe. */
  readonly keepAliveInitialDelay?: number | undefined;
}

/** What to bind a UDP socket to. */
export interface UdpOptions {
  /** An address of the namespace; `'0.0.0.0'` unless said. IPv6 for an IPv6 socket. */
  readonly address?: string | undefined;
  /** 0 unless said: the kernel chooses one. */
  readonly port?: number | undefined;
  /** Of `'::'`: no IPv4. */
  readonly ipv6Only?: boolean | undefined;
  /** Others may bind to the same address and port. */
  readonly reuseAddr?: boolean | undefined;
}

function openSocket(netns: number, domain: number, type: number, setup: SocketSetup, subject: string): Descriptor {
  return orThrow(addon.sync.socket(netns, domain, type | SOCK_NONBLOCK, 0, setup), subject);
}

/** Has `server` listen on a socket of the namespace `netns`; resolves when it does. */
export async function listenIn(
  netns: number,
  server: Server,
  options: ListenOptions | ListenAbstractOptions,
): Promise<void> {
  checkServer(server);
  const descriptor = isAbstract(options) ? listeningAt(netns, options) : listeningOn(netns, options);
  const identity = orThrow(addon.identify(descriptor.fd));
  const fd = descriptor.release();
  await new Promise<void>((resolve, reject) => {
    const settle = (done: () => void) => {
      server.off('listening', succeed).off('error', fail).off('close', closed);
      done();
    };
    const succeed = () => settle(resolve);
    const fail = (error: unknown) =>
      settle(() => {
        giveUp(server, fd, identity);
        reject(error);
      });
    // Where it listens, this is about what it listened on before.
    const closed = () => {
      if (!server.listening) fail(new ClosedError('the server'));
    };
    server.on('listening', succeed).on('error', fail).on('close', closed);
    try {
      // Among options with a descriptor, Node.js overlooks the backlog.
      server.listen({ fd }, backlogOf(options));
    } catch (error) {
      fail(error);
    }
  });
}

function checkServer(server: Server): void {
  for (const method of ['listen', 'close', 'on', 'off'] as const) {
    if (typeof server?.[method] !== 'function')
      throw new ArgumentError('server', 'takes a server of node:net or the like');
  }
  if (server.listening) throw new ArgumentError('server', 'listens already');
}

/**
 * Closes the socket of a server that does not listen on it after all. libuv may have closed it, and then the number may be
 * another file's; or watch it for the server, and then does not take it twice (EEXIST).
 */
function giveUp(server: Server, fd: number, { dev, ino }: NamespaceIdentity): void {
  const found = addon.identify(fd);
  if (isFailure(found) || found.ino !== ino || found.dev !== dev) return;
  const settings = { fd, manualStart: true };
  try {
    new (lazy('net').Socket)(settings).destroy();
  } catch {
    server.close();
  }
}

/** listen(2) takes 0 for 1 and what is negative for the most; Node.js takes 0 for 511. */
function backlogOf({ backlog = 511 }: ListenOptions | ListenAbstractOptions): number {
  return checkInteger('options.backlog', backlog, 1, 0x7fffffff);
}

function isAbstract(options: object): options is { readonly path: string } {
  return typeof options === 'object' && options !== null && Object.hasOwn(options, 'path');
}

function listeningOn(netns: number, options: ListenOptions): Descriptor {
  options = checkKeys('options', options, ['port', 'host', 'backlog', 'ipv6Only', 'reusePort']);
  const { host = '::', ipv6Only = false, reusePort = false } = options;
  checkSwitch('options.ipv6Only', ipv6Only);
  checkSwitch('options.reusePort', reusePort);
  const backlog = backlogOf(options);
  const number = port(options.port ?? 0, 'options.port');
  const { family, bytes } = socketAddress(host, number, 'options.host');
  const settings = [SOL_SOCKET, SO_REUSEADDR, 1];
  if (family === AF_INET6) settings.push(IPPROTO_IPV6, IPV6_V6ONLY, ipv6Only ? 1 : 0);
  if (reusePort) settings.push(SOL_SOCKET, SO_REUSEPORT, 1);
  return openSocket(netns, family, SOCK_STREAM, { options: settings, bind: bytes, backlog }, `${host} port ${number}`);
}

function listeningAt(netns: number, options: ListenAbstractOptions): Descriptor {
  options = checkKeys('options', options, ['path', 'backlog']);
  const backlog = backlogOf(options);
  const { bytes } = abstractAddress(options.path, 'options.path');
  return openSocket(netns, AF_UNIX, SOCK_STREAM, { bind: bytes, backlog }, shown(options.path));
}

/** How such names are written elsewhere: in /proc/net/unix, say. */
function shown(path: string): string {
  return `@${path.slice(1)}`;
}

/** A socket of the namespace `netns`, connecting: `'connect'` or `'error'` follows, as with `net.connect`. */
export function connectIn(
  netns: { readonly fd: number },
  options: ConnectOptions | ConnectAbstractOptions,
  lookup: Lookup,
): Socket {
  if (isAbstract(options)) return connectTo(netns.fd, options);
  options = checkKeys('options', options, [
    'host',
    'port',
    'localAddress',
    'localPort',
    'family',
    'lookup',
    'noDelay',
    'keepAlive',
    'keepAliveInitialDelay',
  ]);
  const { host, localAddress, localPort, keepAliveInitialDelay = 0 } = options;
  // Node.js refuses it, too, but only when it has the descriptor.
  if (typeof keepAliveInitialDelay !== 'number')
    throw new ArgumentError('options.keepAliveInitialDelay', 'takes milliseconds');
  const number = port(options.port, 'options.port');
  const localNumber = port(localPort ?? 0, 'options.localPort');
  const own: LookupFunction = options.lookup ?? ((name, wanted, callback) => lookup(name, wanted, callback));
  if (typeof own !== 'function') throw new ArgumentError('options.lookup', 'takes a function');
  const from =
    localAddress === undefined ? undefined : socketAddress(localAddress, localNumber, 'options.localAddress');
  /** A socket bound to where it shall connect from. */
  const open = (family: number): Descriptor => {
    const bind =
      from?.bytes ??
      (localPort === undefined
        ? undefined
        : socketAddress(family === AF_INET6 ? '::' : '0.0.0.0', localNumber, 'options.localPort').bytes);
    return openSocket(netns.fd, family, SOCK_STREAM, bind === undefined ? {} : { bind }, `to ${host} port ${number}`);
  };

  if (!isName(host)) {
    const { family } = socketAddress(host, number, 'options.host');
    checkScope(host);
    return stream(open(family), options).connect({ host, port: number });
  }
  const family = from === undefined ? options.family : from.family === AF_INET6 ? 6 : 4;
  if (![undefined, 0, 4, 6].includes(family)) throw new ArgumentError('options.family', 'takes 4 or 6');
  // A net.Socket has to have its descriptor at once, and which family of socket it takes turns out later. So it gets one that
  // stands for the right one, which takes its place before anything is done with it.
  const placeholder = openSocket(-1, AF_INET, SOCK_STREAM, {}, `to ${host} port ${number}`);
  const { fd } = placeholder;
  const socket = stream(placeholder, options);
  const inside: LookupFunction = (hostname: string, wanted: NodeLookupOptions, callback) => {
    own(hostname, Object.assign({}, wanted, { all: false }), (error, address, addressFamily) => {
      // Destroyed meanwhile: the number may be another file's.
      if (error !== null || socket.destroyed) return callback(error, address, addressFamily);
      try {
        checkScope(address as string);
        const descriptor = open(addressFamily === 6 ? AF_INET6 : AF_INET);
        try {
          orThrow(addon.replace(descriptor.fd, fd), `to ${host} port ${number}`);
        } finally {
          descriptor.close();
        }
      } catch (failure) {
        return callback(failure as Error, address, addressFamily);
      }
      callback(null, address, addressFamily);
    });
  };
  return socket.connect({
    host,
    port: number,
    lookup: inside,
    autoSelectFamily: false,
    ...(family === undefined ? {} : { family }),
  });
}

/** A name as of hosts and domains (RFC 1123), perhaps with underscores or of other letters; not numbers alone. */
function isName(host: unknown): boolean {
  return (
    typeof host === 'string' &&
    host.length <= 254 &&
    lazy('net').isIP(host) === 0 &&
    /^([\p{L}\p{M}\p{N}_-]{1,63}\.)*[\p{L}\p{M}\p{N}_-]{1,63}\.?$/u.test(host) &&
    !/(^|\.)[0-9]+\.?$/.test(host)
  );
}

/** libuv makes up a scope for each link-local address, from the links of the process's own namespace. */
function checkScope(host: string): void {
  if (/^fe[89ab]/i.test(host) && lazy('net').isIP(host) === 6) {
    throw new ArgumentError(
      'options.host',
      `Node.js cannot connect to ${host}, a link-local address, in another namespace`,
    );
  }
}

/** Of a descriptor that is not connected yet: so it must not start reading. */
function stream(descriptor: Descriptor, options: ConnectOptions): Socket {
  const { noDelay = false, keepAlive = false, keepAliveInitialDelay = 0 } = options;
  const settings = { manualStart: true, noDelay, keepAlive, keepAliveInitialDelay };
  return new (lazy('net').Socket)({ fd: descriptor.release(), ...settings });
}

/** Connected by the kernel at once, or not at all. Node.js before 22 fills abstract names up with NULs, which are part of them. */
function connectTo(netns: number, options: ConnectAbstractOptions): Socket {
  options = checkKeys('options', options, ['path']);
  const { bytes } = abstractAddress(options.path, 'options.path');
  const connected = addon.sync.socket(netns, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, { connect: bytes });
  if (isFailure(connected)) {
    const error = systemCallError(connected, shown(options.path));
    // Sockets that cannot be opened are no news about the other end.
    if (connected.syscall !== 'connect') throw error;
    return new (lazy('net').Socket)().destroy(error);
  }
  const socket = new (lazy('net').Socket)({ fd: connected.release() });
  process.nextTick(() => {
    if (socket.destroyed) return;
    socket.emit('connect');
    socket.emit('ready');
  });
  return socket;
}

/** A bound UDP socket of the namespace `netns`; names that it sends to are looked up by `lookup`. */
export async function udpIn(netns: number, options: UdpOptions, lookup: Lookup): Promise<UdpSocket> {
  options = checkKeys('options', options, ['address', 'port', 'ipv6Only', 'reuseAddr']);
  const { address = '0.0.0.0', ipv6Only = false, reuseAddr = false } = options;
  checkSwitch('options.ipv6Only', ipv6Only);
  checkSwitch('options.reuseAddr', reuseAddr);
  const number = port(options.port ?? 0, 'options.port');
  const { family, bytes } = socketAddress(address, number, 'options.address');
  const settings: number[] = [];
  if (family === AF_INET6) settings.push(IPPROTO_IPV6, IPV6_V6ONLY, ipv6Only ? 1 : 0);
  if (reuseAddr) settings.push(SOL_SOCKET, SO_REUSEADDR, 1);
  const descriptor = openSocket(
    netns,
    family,
    SOCK_DGRAM,
    { options: settings, bind: bytes },
    `${address} port ${number}`,
  );
  const socket = lazy('dgram').createSocket({
    type: family === AF_INET6 ? 'udp6' : 'udp4',
    lookup: (name, _family, callback) => lookup(name, family === AF_INET6 ? 6 : 4, callback),
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ fd: descriptor.release() }, () => {
      socket.off('error', reject);
      resolve();
    });
  });
  return socket;
}
