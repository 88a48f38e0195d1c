import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { Socket, type Server } from 'node:net';
import { ArgumentError } from '../errors.js';
import type { Descriptor, SocketSetup } from '../native/addon.js';
import { addon } from '../native/load.js';
import { orThrow } from '../netlink/system-call.js';
import { checkKeys } from '../options.js';
import { AF_INET6, port, socketAddress } from './sockaddr.js';

const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
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
  /** How many connections may wait to be accepted; 511 unless said. */
  readonly backlog?: number | undefined;
  /** Of `'::'`: no IPv4. */
  readonly ipv6Only?: boolean | undefined;
  /** Several sockets may share the port. */
  readonly reusePort?: boolean | undefined;
}

/** Where to connect to. */
export interface ConnectOptions {
  /**
   * An address, not a name: names are looked up by the resolver of this process's own namespace. Link-local addresses
   * are refused, since Node.js looks their scope up there too.
   */
  readonly host: string;
  readonly port: number;
  /** The address to connect from. */
  readonly localAddress?: string | undefined;
  /** The port to connect from; the kernel chooses one unless said. */
  readonly localPort?: number | undefined;
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
export async function listenIn(netns: number, server: Server, options: ListenOptions): Promise<void> {
  checkKeys('options', options, ['port', 'host', 'backlog', 'ipv6Only', 'reusePort']);
  const { host = '::', backlog = 511, ipv6Only = false, reusePort = false } = options;
  const number = port(options.port ?? 0, 'options.port');
  const { family, bytes } = socketAddress(host, number, 'options.host');
  const settings = [SOL_SOCKET, SO_REUSEADDR, 1];
  if (family === AF_INET6) settings.push(IPPROTO_IPV6, IPV6_V6ONLY, ipv6Only ? 1 : 0);
  if (reusePort) settings.push(SOL_SOCKET, SO_REUSEPORT, 1);
  const descriptor = openSocket(
    netns,
    family,
    SOCK_STREAM,
    { options: settings, bind: bytes, backlog },
    `${host} port ${number}`,
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ fd: descriptor.release(), backlog }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** A TCP socket of the namespace `netns`, connecting: `'connect'` or `'error'` follows, as with `net.connect`. */
export function connectIn(netns: number, options: ConnectOptions): Socket {
  checkKeys('options', options, ['host', 'port', 'localAddress', 'localPort']);
  const { host, localAddress, localPort } = options;
  const number = port(options.port, 'options.port');
  const { family } = socketAddress(host, number, 'options.host');
  const local = localAddress ?? (localPort === undefined ? undefined : family === AF_INET6 ? '::' : '0.0.0.0');
  const bind =
    local === undefined
      ? undefined
      : socketAddress(local, port(localPort ?? 0, 'options.localPort'), 'options.localAddress').bytes;
  // libuv makes up a scope for each link-local address, from the links of the process's own namespace.
  if (/^fe[89ab]/i.test(host)) {
    throw new ArgumentError(
      'options.host',
      `Node.js cannot connect to ${host}, a link-local address, in another namespace`,
    );
  }
  const setup: SocketSetup = bind === undefined ? {} : { bind };
  const descriptor = openSocket(netns, family, SOCK_STREAM, setup, `to ${host} port ${number}`);
  // Not connected yet: so it must not start reading.
  const socket = new Socket({ fd: descriptor.release(), manualStart: true } as ConstructorParameters<typeof Socket>[0]);
  return socket.connect({ host, port: number });
}

/** A bound UDP socket of the namespace `netns`. */
export async function udpIn(netns: number, options: UdpOptions): Promise<UdpSocket> {
  checkKeys('options', options, ['address', 'port', 'ipv6Only', 'reuseAddr']);
  const { address = '0.0.0.0', ipv6Only = false, reuseAddr = false } = options;
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
  const socket = createSocket(family === AF_INET6 ? 'udp6' : 'udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ fd: descriptor.release() }, () => {
      socket.off('error', reject);
      resolve();
    });
  });
  return socket;
}
