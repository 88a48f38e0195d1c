import { CodecError } from '../errors.js';
import { show, type Codec } from './codec.js';

const DECIMAL = Array.from({ length: 256 }, (_, byte) => `${byte}`);

/** The text of the last first three bytes: in a dump, which is sorted, the next address mostly has the same. */
let lastHead = 0;
let lastHeadText = '0.0.0.';

function formatIpv4(view: DataView, at: number, tails: readonly string[] = DECIMAL): string {
  const address = view.getUint32(at);
  const head = address >>> 8;
  if (head !== lastHead) {
    lastHead = head;
    lastHeadText = `${head >>> 16}.${(head >>> 8) & 0xff}.${head & 0xff}.`;
  }
  return lastHeadText + tails[address & 0xff]!;
}

/** By prefix length, the last byte with it: `'1/24'`. Made as they are met. */
const PREFIX_TAILS: (readonly string[] | undefined)[] = [];

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
function formatIpv6(view: DataView, at: number): string {
  let longest = 1;
  let from = -1;
  for (let i = 0; i < 8; i++) {
    let zeros = 0;
    while (i + zeros < 8 && view.getUint16(at + 2 * (i + zeros)) === 0) zeros++;
    if (zeros > longest) {
      longest = zeros;
      from = i;
    }
    i += zeros;
  }
  // ::ffff:a.b.c.d, the IPv4-mapped addresses (RFC 5952, section 5)
  if (from === 0 && longest === 5 && view.getUint16(at + 10) === 0xffff) return `::ffff:${formatIpv4(view, at + 12)}`;
  let text = '';
  for (let i = 0; i < 8; i++) {
    if (i === from) {
      text += '::';
      i += longest - 1;
    } else {
      text += (text === '' || text.endsWith(':') ? '' : ':') + view.getUint16(at + 2 * i).toString(16);
    }
  }
  return text;
}

/** The text of an address of 4 or 16 bytes. */
export function formatIp(view: DataView, at: number, length: number): string {
  if (length === 4) return formatIpv4(view, at);
  if (length === 16) return formatIpv6(view, at);
  throw new CodecError('', `${length} bytes are no IP address`);
}

/** The text of an address and the length of its prefix. One string is made, not three, where dumps have thousands. */
export function formatPrefix(view: DataView, at: number, length: number, bits: number): string {
  if (length !== 4) return `${formatIp(view, at, length)}/${bits}`;
  return formatIpv4(view, at, (PREFIX_TAILS[bits] ??= DECIMAL.map((tail) => `${tail}/${bits}`)));
}

/**
 * The bytes of an address. An array of numbers: there may be one for each of thousands of requests, and to make a Uint8Array
 * of 4 bytes takes 200.
 */
export type IpBytes = readonly number[];

/** Four decimal numbers without leading zeros: `010` is octal to some programs, so it is refused. */
function parseIpv4(text: string, end: number): IpBytes | undefined {
  let address = 0;
  let byte = -1;
  let part = 0;
  for (let i = 0; i < end; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit >= 0 && digit <= 9) {
      if (byte === 0) return undefined;
      byte = byte < 0 ? digit : byte * 10 + digit;
      if (byte > 255) return undefined;
    } else {
      if (digit !== -2 || byte < 0 || part === 3) return undefined;
      address = (address << 8) | byte;
      part++;
      byte = -1;
    }
  }
  if (part !== 3 || byte < 0) return undefined;
  return [(address >> 16) & 0xff, (address >> 8) & 0xff, address & 0xff, byte];
}

function parseIpv6(text: string): IpBytes | undefined {
  const gap = text.indexOf('::');
  const head = gap < 0 ? text : text.slice(0, gap);
  const tail = gap < 0 ? '' : text.slice(gap + 2);
  const before = parseGroups(head, gap < 0);
  const after = parseGroups(tail, true);
  if (before === undefined || after === undefined) return undefined;
  const size = before.length + after.length;
  if (gap < 0 ? size !== 16 : size > 14) return undefined;
  return [...before, ...Array.from({ length: 16 - size }, () => 0), ...after];
}

/** Groups between colons; where `last` is set the last one may be an IPv4 address. */
function parseGroups(text: string, last: boolean): number[] | undefined {
  if (text === '') return [];
  const out: number[] = [];
  const groups = text.split(':');
  for (const [i, group] of groups.entries()) {
    if (last && i === groups.length - 1 && group.includes('.')) {
      const bytes = parseIpv4(group, group.length);
      if (bytes === undefined) return undefined;
      out.push(...bytes);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
      const value = parseInt(group, 16);
      out.push(value >> 8, value & 0xff);
    }
  }
  return out;
}

/**
 * The 4 or 16 bytes of the address that `text` is up to `end`, or undefined. Strict: no zone, no leading zeros, no short
 * forms.
 */
export function parseIp(text: string, end = text.length): IpBytes | undefined {
  return text.includes(':') ? parseIpv6(text.slice(0, end)) : parseIpv4(text, end);
}

/** A number from 0 to `most` without leading zeros, from `at` to the end; or -1. */
function parseBits(text: string, at: number, most: number): number {
  let bits = -1;
  for (let i = at; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9 || bits === 0) return -1;
    bits = bits < 0 ? digit : bits * 10 + digit;
    if (bits > most) return -1;
  }
  return bits;
}

const FAMILY_NAME: Record<number, string> = { 4: 'IPv4', 16: 'IPv6' };

function parseOrThrow(value: unknown, size: number | undefined): IpBytes {
  const address = typeof value === 'string' ? parseIp(value) : undefined;
  if (address === undefined || (size !== undefined && address.length !== size)) {
    throw new CodecError('', `takes an ${size === undefined ? 'IP' : FAMILY_NAME[size]} address, not ${show(value)}`);
  }
  return address;
}

function ipCodec(size: number | undefined): Codec<string> {
  return {
    size,
    write: (writer, value) => writer.append(parseOrThrow(value, size)),
    read: formatIp,
  };
}

/** An IPv4 or IPv6 address; its length tells which. */
export const ip = ipCodec(undefined);
export const ipv4 = ipCodec(4);
export const ipv6 = ipCodec(16);

/** An address and the length of its prefix: `'10.1.0.1/24'`. */
export interface Prefix {
  readonly address: IpBytes;
  readonly length: number;
}

/**
 * `'10.1.0.1/24'`. Without a slash it is one address (/32 or /128) where `lone` allows that.
 * Bits beyond the prefix are kept: an interface address has them.
 */
export function parsePrefix(value: unknown, lone: boolean): Prefix {
  const text = typeof value === 'string' ? value : '';
  const slash = text.indexOf('/');
  const address = parseIp(text, slash < 0 ? text.length : slash);
  if (address === undefined || (slash < 0 && !lone)) {
    const form = lone
      ? "an address or prefix such as '10.1.0.0/16'"
      : "an address with its prefix length such as '10.1.0.1/24'";
    throw new CodecError('', `takes ${form}, not ${show(value)}`);
  }
  const most = address.length * 8;
  const length = slash < 0 ? most : parseBits(text, slash + 1, most);
  if (length < 0) throw new CodecError('', `takes a prefix length from 0 to ${most}, not ${show(value)}`);
  return { address, length };
}
