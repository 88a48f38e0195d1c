/**
 * DNS messages (RFC 1035, section 4) as far as looking up addresses needs them: a query with one question, and the
 * addresses in the answer to it, at the end of its chain of CNAMEs.
 */
import { CodecError } from '../errors.js';
import { formatIp } from '../wire/ip.js';

/** Types of records. */
export const A = 1;
export const AAAA = 28;
const CNAME = 5;
const IN = 1;

/** RCODEs. */
export const NOERROR = 0;
export const SERVFAIL = 2;
export const NXDOMAIN = 3;

const HEADER = 12;
/** Bits of the header's second word. */
const RESPONSE = 0x8000;
const OPCODE = 0x7800;
const TRUNCATED = 0x0200;
const RECURSION_DESIRED = 0x0100;
const RCODE = 0x000f;
/** RFC 1035, section 2.3.4. */
const LONGEST_NAME = 255;
const LONGEST_LABEL = 63;

/** The one question of a query. */
export interface Question {
  /** A number of 16 bits that nobody else can guess. */
  readonly id: number;
  /** The name as it is sent: `nameBytes`. */
  readonly name: Uint8Array;
  readonly type: typeof A | typeof AAAA;
}

/** What a server said. */
export interface Answer {
  /** There was more than fits into a datagram, so ask again by TCP: `addresses` is empty. */
  readonly truncated: boolean;
  readonly rcode: number;
  readonly addresses: readonly string[];
}

/** The name as labels with their lengths, up to the root. Undefined: no name in DNS can be like this. */
export function nameBytes(name: string): Uint8Array | undefined {
  const labels = name.endsWith('.') ? name.slice(0, -1).split('.') : name.split('.');
  const bytes: number[] = [];
  for (const label of labels) {
    if (label === '' || label.length > LONGEST_LABEL || !/^[\x21-\x7e]*$/.test(label)) return undefined;
    bytes.push(label.length, ...Buffer.from(label, 'latin1'));
  }
  bytes.push(0);
  return bytes.length > LONGEST_NAME ? undefined : Uint8Array.from(bytes);
}

/** The message that asks it. */
export function encodeQuery({ id, name, type }: Question): Uint8Array {
  const bytes = new Uint8Array(HEADER + name.length + 4);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, id);
  view.setUint16(2, RECURSION_DESIRED);
  view.setUint16(4, 1);
  bytes.set(name, HEADER);
  view.setUint16(HEADER + name.length, type);
  view.setUint16(HEADER + name.length + 2, IN);
  return bytes;
}

/**
 * The answer to `question`; undefined when the message is about something else: late, or of somebody who guesses.
 * `CodecError` when it is the answer and broken.
 */
export function decodeAnswer(bytes: Uint8Array, question: Question): Answer | undefined {
  const asked = encodeQuery(question);
  if (bytes.length < asked.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint16(2);
  if (view.getUint16(0) !== question.id || (flags & (RESPONSE | OPCODE)) !== RESPONSE || view.getUint16(4) !== 1) {
    return undefined;
  }
  // Servers repeat the question, perhaps with other capitals. It is the first name, so nothing in it can be compressed.
  if (comparable(bytes.subarray(HEADER, asked.length)) !== comparable(asked.subarray(HEADER))) return undefined;
  const rcode = flags & RCODE;
  if ((flags & TRUNCATED) !== 0) return { truncated: true, rcode, addresses: [] };
  return { truncated: false, rcode, addresses: addressesIn(view, bytes, asked.length, question) };
}

/** The addresses of the name at the end of the chain of CNAMEs, whatever the order of the records. */
function addressesIn(view: DataView, bytes: Uint8Array, start: number, question: Question): string[] {
  const aliases = new Map<string, string>();
  const addresses = new Map<string, string[]>();
  let at = start;
  for (let left = view.getUint16(6); left > 0; left--) {
    const owner = readName(bytes, at);
    const fixed = owner.end;
    if (fixed + 10 > bytes.length) throw broken('a record that ends early');
    const type = view.getUint16(fixed);
    const length = view.getUint16(fixed + 8);
    const data = fixed + 10;
    at = data + length;
    if (at > bytes.length) throw broken('a record that ends early');
    if (view.getUint16(fixed + 2) !== IN) continue;
    if (type === CNAME) {
      const target = readName(bytes, data);
      if (target.end !== at) throw broken('a CNAME record of another length than its name');
      aliases.set(owner.name, target.name);
    } else if (type === question.type) {
      if (length !== (type === A ? 4 : 16)) throw broken(`an address of ${length} bytes`);
      const known = addresses.get(owner.name);
      const address = formatIp(view, data, length);
      if (known === undefined) addresses.set(owner.name, [address]);
      else known.push(address);
    }
  }
  let name = comparable(question.name);
  for (let hops = aliases.size; hops > 0 && !addresses.has(name); hops--) name = aliases.get(name) ?? name;
  return addresses.get(name) ?? [];
}

/**
 * A name, perhaps compressed, in the form of `comparable`, and where it ends. Each pointer leads further back than the one
 * before, so there is an end to them.
 */
function readName(bytes: Uint8Array, start: number): { readonly name: string; readonly end: number } {
  const labels: number[] = [];
  let end = -1;
  let at = start;
  let limit = start;
  for (;;) {
    const length = bytes[at];
    if (length === undefined) throw broken('a name that ends early');
    if (length === 0) break;
    if (length <= LONGEST_LABEL) {
      if (at + 1 + length > bytes.length) throw broken('a name that ends early');
      labels.push(...bytes.subarray(at, at + 1 + length));
      if (labels.length >= LONGEST_NAME) throw broken('a name of more than 255 bytes');
      at += 1 + length;
    } else {
      const low = bytes[at + 1];
      if (length < 0xc0 || low === undefined) throw broken('a label of a type that there is not');
      if (end < 0) end = at + 2;
      at = ((length & 0x3f) << 8) | low;
      if (at >= limit) throw broken('a name that does not lead back');
      limit = at;
    }
  }
  return { name: comparable(Uint8Array.from([...labels, 0])), end: end < 0 ? at + 1 : end };
}

/** Names are the same whatever their capitals (RFC 4343). No length of a label is the code of a letter. */
function comparable(name: Uint8Array): string {
  return Buffer.from(name)
    .toString('latin1')
    .replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function broken(what: string): CodecError {
  return new CodecError('dns', `the answer has ${what}`);
}
