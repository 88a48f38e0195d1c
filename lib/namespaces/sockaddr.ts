import { ArgumentError } from '../errors.js';
import { parseIp } from '../wire/ip.js';
import { LITTLE_ENDIAN } from '../wire/writer.js';
import { show } from '../wire/codec.js';

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_PACKET = 17;

export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_NONBLOCK = 0o4000;

/** Bytes of a link's name, with a NUL behind it. */
export const IFNAMSIZ = 16;

/** An address and port as `struct sockaddr_in` or `sockaddr_in6`. */
export interface SocketAddress {
  readonly family: number;
  readonly bytes: Uint8Array;
}

export function port(value: unknown, argument: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffff) return value;
  throw new ArgumentError(argument, `takes a port from 0 to 65535, not ${show(value)}`);
}

/** `host` is an address, not a name; an IPv6 address may have a scope as a number: `'fe80::1%3'`. */
export function socketAddress(host: unknown, portNumber: number, argument: string): SocketAddress {
  const [text = '', scope, ...rest] = typeof host === 'string' ? host.split('%') : [];
  const address = parseIp(text);
  const scoped = scope !== undefined;
  if (
    address === undefined ||
    rest.length > 0 ||
    (scoped && (address.length === 4 || !/^[1-9][0-9]{0,8}$/.test(scope)))
  ) {
    throw new ArgumentError(argument, `takes an IP address, not ${show(host)}`);
  }
  const isIpv4 = address.length === 4;
  const bytes = new Uint8Array(isIpv4 ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, isIpv4 ? AF_INET : AF_INET6, LITTLE_ENDIAN);
  view.setUint16(2, portNumber);
  bytes.set(address, isIpv4 ? 4 : 8);
  if (scoped) view.setUint32(24, Number(scope), LITTLE_ENDIAN);
  return { family: isIpv4 ? AF_INET : AF_INET6, bytes };
}

/**
 * An abstract name as `struct sockaddr_un`: it begins with a NUL, and has 1 to 107 bytes after that. Names in the file
 * system are refused: those are the same in all network namespaces (unix(7)).
 */
export function abstractAddress(path: unknown, argument: string): SocketAddress {
  if (typeof path !== 'string' || !path.startsWith('\0'))
    throw new ArgumentError(
      argument,
      `takes an abstract name, which begins with '\\0', not ${show(path)}; sockets in the file system belong to no network namespace: use node:net`,
    );
  const name = new TextEncoder().encode(path);
  if (name.length < 2 || name.length > 108)
    throw new ArgumentError(argument, `takes a name of 1 to 107 bytes behind its NUL, not ${show(path)}`);
  const bytes = new Uint8Array(2 + name.length);
  new DataView(bytes.buffer).setUint16(0, AF_UNIX, LITTLE_ENDIAN);
  bytes.set(name, 2);
  return { family: AF_UNIX, bytes };
}
