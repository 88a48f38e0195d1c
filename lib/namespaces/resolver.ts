/** Looks names up inside a network namespace, as the C library's resolver does outside: hosts(5), then DNS (resolver(5)). */
import { once } from 'node:events';
import type { LookupAddress } from 'node:dns';
import { domainToASCII } from 'node:url';
import { ENOENT, ENOTDIR } from '../errno.js';
import { ArgumentError, ClosedError, CodecError, LookupError, SyscallError } from '../errors.js';
import { lazy } from '../lazy.js';
import { addon } from '../native/load.js';
import { isFailure, systemCallError } from '../netlink/system-call.js';
import {
  A,
  AAAA,
  decodeAnswer,
  encodeQuery,
  nameBytes,
  NOERROR,
  NXDOMAIN,
  SERVFAIL,
  type Answer,
  type Question,
} from './dns-message.js';
import { candidates, parseHosts, parseResolvConf, type ResolverConfig } from './resolver-files.js';
import { SOCK_DGRAM, socketAddress } from './sockaddr.js';
import { connectIn, udpIn } from './sockets.js';
import { checkSwitch } from '../options.js';
import { show } from '../wire/codec.js';

/** Where `ip netns exec` finds the files that it mounts over those in /etc, for a namespace with a name. */
const OF_NAMESPACES = '/etc/netns';
const DNS_PORT = 53;

/** As of `dns.lookup`; `hints` are not used. */
export interface LookupOptions {
  /** Addresses of which family; both unless said. */
  readonly family?: number | 'IPv4' | 'IPv6' | undefined;
  /** All addresses, not only the first. */
  readonly all?: boolean | undefined;
  /** Which addresses come first; unless said IPv6, and after all others those there is no route to. */
  readonly order?: 'ipv4first' | 'ipv6first' | 'verbatim' | undefined;
  /** False: `order` is `'ipv4first'`. */
  readonly verbatim?: boolean | undefined;
  readonly hints?: number | undefined;
}

type OneAddress = (error: NodeJS.ErrnoException | null, address: string, family: number) => void;
type AllAddresses = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void;
type SomeAddresses = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/** Looks a name up, with a callback as `dns.lookup`, or with a promise. */
export interface Lookup {
  (hostname: string, callback: OneAddress): void;
  (hostname: string, options: LookupOptions & { readonly all: true }, callback: AllAddresses): void;
  (
    hostname: string,
    options: number | (LookupOptions & { readonly all?: false | undefined }),
    callback: OneAddress,
  ): void;
  (hostname: string, options: LookupOptions, callback: SomeAddresses): void;
  (hostname: string, options: LookupOptions & { readonly all: true }): Promise<LookupAddress[]>;
  (hostname: string, options?: number | (LookupOptions & { readonly all?: false | undefined })): Promise<LookupAddress>;
}

/** The namespace that is asked from; `fd` throws once it is closed. */
interface Place {
  readonly fd: number;
  readonly name: string | undefined;
}

type Family = 4 | 6;

/** The `lookup` of a namespace, which needs no `this`. */
export function lookupIn(place: Place): Lookup {
  const look = (hostname: string, first?: unknown, second?: unknown) => {
    const callback = (typeof first === 'function' ? first : second) as SomeAddresses | undefined;
    if (callback !== undefined && typeof callback !== 'function')
      throw new ArgumentError('callback', 'takes a function');
    const options = lookupOptions(typeof first === 'function' ? undefined : first);
    if (typeof hostname !== 'string') throw new ArgumentError('hostname', `takes a name, not ${show(hostname)}`);
    const { all = false } = options;
    const found = addressesOf(place, hostname, options);
    if (callback === undefined) return all ? found : found.then(([address]) => address!);
    // Not in the promise: what the callback throws is to be an uncaught exception.
    found.then(
      (addresses) => {
        const { address, family } = addresses[0]!;
        process.nextTick(callback, null, ...(all ? [addresses] : [address, family]));
      },
      (error: unknown) => process.nextTick(callback, error),
    );
    return undefined;
  };
  return look as Lookup;
}

function lookupOptions(value: unknown): LookupOptions {
  if (value === undefined || value === null) return {};
  const options: LookupOptions = typeof value === 'number' ? { family: value } : value;
  if (typeof options !== 'object')
    throw new ArgumentError('options', `takes a family or an object, not ${show(options)}`);
  for (const key of ['all', 'verbatim'] as const) checkSwitch(`options.${key}`, options[key]);
  if (![undefined, 'ipv4first', 'ipv6first', 'verbatim'].includes(options.order))
    throw new ArgumentError('options.order', `takes ipv4first, ipv6first or verbatim, not ${show(options.order)}`);
  if (![undefined, 0, 4, 6, 'IPv4', 'IPv6'].includes(options.family))
    throw new ArgumentError('options.family', `takes 0, 4 or 6, not ${show(options.family)}`);
  return options;
}

/** At least one address. */
async function addressesOf(place: Place, hostname: string, options: LookupOptions): Promise<LookupAddress[]> {
  const literal = lazy('net').isIP(hostname);
  if (literal !== 0) return [{ address: hostname, family: literal }];
  const { family = 0 } = options;
  const families: Family[] = family === 4 || family === 'IPv4' ? [4] : family === 6 || family === 'IPv6' ? [6] : [6, 4];
  const found = await namesAddresses(place, hostname, families);
  if (found.length === 0) throw new LookupError('ENOTFOUND', hostname);
  const byFamily = (wanted: Family) =>
    found.filter((address) => lazy('net').isIP(address) === wanted).map((address) => ({ address, family: wanted }));
  const [six, four] = [byFamily(6), byFamily(4)];
  const { order = options.verbatim === false ? 'ipv4first' : undefined } = options;
  if (order === 'ipv4first') return [...four, ...six];
  if (order === 'ipv6first' || six.length === 0 || four.length === 0) return [...six, ...four];
  return hasRoute(place, six[0]!.address) || !hasRoute(place, four[0]!.address) ? [...six, ...four] : [...four, ...six];
}

/** Connecting a UDP socket sends nothing, but fails where there is no route (RFC 6724, rule 1). */
function hasRoute(place: Place, address: string): boolean {
  const { family, bytes } = socketAddress(address, DNS_PORT, 'address');
  const socket = addon.sync.socket(place.fd, family, SOCK_DGRAM, 0, { connect: bytes });
  if (isFailure(socket)) return false;
  socket.close();
  return true;
}

async function namesAddresses(place: Place, hostname: string, families: readonly Family[]): Promise<string[]> {
  // Other than domainToASCII without one, no letter of DNS is changed: names may have underscores, and end in a dot.
  const name = /^[\x21-\x7e]*$/.test(hostname) ? hostname : domainToASCII(hostname);
  const hosts = parseHosts(await configFile(place.name, 'hosts'));
  const listed = (hosts.get(name.replace(/\.$/, '').toLowerCase()) ?? []).filter((address) =>
    families.includes(lazy('net').isIP(address) as Family),
  );
  if (listed.length > 0) return listed;
  const config = parseResolvConf(await configFile(place.name, 'resolv.conf'));
  for (const candidate of candidates(name, config)) {
    const bytes = nameBytes(candidate);
    if (bytes === undefined) continue;
    const asked = await Promise.allSettled(
      families.map((family) => ask(place, config, hostname, bytes, family === 4 ? A : AAAA)),
    );
    const found = asked.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
    if (found.length > 0) return found;
    for (const each of asked) if (each.status === 'rejected') throw each.reason;
  }
  return [];
}

/** Empty when there is no such file. Not by node:fs, which leaves the file open where a Worker is ended meanwhile. */
async function configFile(name: string | undefined, file: 'resolv.conf' | 'hosts'): Promise<string> {
  for (const folder of [...(name === undefined ? [] : [`${OF_NAMESPACES}/${name}`]), '/etc']) {
    const path = `${folder}/${file}`;
    const bytes = await addon.async.readFile(-1, path);
    if (!isFailure(bytes)) return new TextDecoder().decode(bytes);
    if (bytes.errno !== ENOENT && bytes.errno !== ENOTDIR) throw systemCallError(bytes, path);
  }
  return '';
}

/** The addresses that the first server to answer knows; none when there are none. */
async function ask(
  place: Place,
  config: ResolverConfig,
  hostname: string,
  name: Uint8Array,
  type: Question['type'],
): Promise<readonly string[]> {
  let refused: 'EAI_AGAIN' | 'EAI_FAIL' = 'EAI_AGAIN';
  let cause: unknown;
  for (let attempt = 0; attempt < config.attempts; attempt++) {
    for (const server of config.nameservers) {
      const question = { id: lazy('crypto').randomInt(0x1_0000), name, type };
      try {
        const short = await byUdp(place, server, question, config.timeout);
        const answer = short.truncated ? await byTcp(place, server, question, config.timeout) : short;
        if (answer.rcode === NOERROR || answer.rcode === NXDOMAIN) return answer.addresses;
        refused = answer.rcode === SERVFAIL ? 'EAI_AGAIN' : 'EAI_FAIL';
        cause = new Error(`${server} answered with RCODE ${answer.rcode}`);
      } catch (error) {
        // The namespace is closed, or nothing can be opened in it: nobody is left to be asked.
        if (error instanceof ClosedError || (error instanceof SyscallError && error.syscall === 'setns')) throw error;
        refused = 'EAI_AGAIN';
        cause = error;
      }
    }
  }
  throw new LookupError(refused, hostname, cause);
}

/** A socket of its own for each question, so that the port is as hard to guess as the id. */
async function byUdp(place: Place, server: string, question: Question, timeout: number): Promise<Answer> {
  const socket = await udpIn(place.fd, { address: lazy('net').isIP(server) === 6 ? '::' : '0.0.0.0' }, lookupIn(place));
  try {
    const signal = AbortSignal.timeout(timeout);
    // Connected, it takes datagrams of this server only, and tells when there is none.
    socket.connect(DNS_PORT, server);
    await once(socket, 'connect', { signal });
    return await new Promise<Answer>((resolve, reject) => {
      socket.on('error', reject);
      signal.addEventListener('abort', () => reject(late(server)), { once: true });
      socket.on('message', (message) => {
        try {
          const answer = decodeAnswer(message, question);
          if (answer !== undefined) resolve(answer);
        } catch (error) {
          reject(error);
        }
      });
      socket.send(encodeQuery(question));
    });
  } finally {
    socket.close();
  }
}

/** The same messages, each with its length before it (RFC 1035, section 4.2.2). */
async function byTcp(place: Place, server: string, question: Question, timeout: number): Promise<Answer> {
  const socket = connectIn(place, { host: server, port: DNS_PORT }, lookupIn(place));
  const timer = setTimeout(() => socket.destroy(late(server)), timeout);
  try {
    const query = encodeQuery(question);
    socket.write(Uint8Array.from([query.length >> 8, query.length & 0xff, ...query]));
    let received = Buffer.alloc(0);
    for await (const chunk of socket) {
      received = Buffer.concat([received, chunk as Buffer]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE()) continue;
      const answer = decodeAnswer(received.subarray(2, 2 + received.readUInt16BE()), question);
      if (answer === undefined || answer.truncated) throw new CodecError('dns', 'the answer is to another question');
      return answer;
    }
    throw new CodecError('dns', 'the answer ends early');
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

function late(server: string): Error {
  return new Error(`no answer from ${server}`);
}
