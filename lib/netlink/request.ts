import { CodecError } from '../errors.js';
import type { AttrSet, Rows } from '../wire/attrs.js';
import { LITTLE_ENDIAN, Writer } from '../wire/writer.js';
import { NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_HDRLEN } from './constants.js';

/** Reads one reply message: its family header and attributes are at `at` to `end`. Undefined: not of interest. */
export type Decode<T> = (view: DataView, at: number, end: number, type: number) => T | undefined;

/**
 * One message for the kernel, as a value: nothing is sent until a client is given it. `T` is what the reply decodes to;
 * void where there is only an ACK.
 */
export interface Request<out T> {
  /** The message type's name, for errors. */
  readonly operation: string;
  /** What the message is about, the root of the paths in errors: `'link'`. */
  readonly subject: string;
  /** The message type: RTM_NEWLINK and so on. */
  readonly type: number;
  /** NLM_F_*, without NLM_F_REQUEST and NLM_F_ACK. */
  readonly flags: number;
  /** What the body consists of, and the values to write. */
  readonly set: AttrSet<Rows>;
  readonly value: object;
  /** Reads a reply; not there where none but an ACK is expected. */
  readonly decode?: Decode<T> | undefined;
  /** The errno, by its name, with which the kernel answers a dump when there is nothing to list. */
  readonly emptyOn?: string | undefined;
  /** The member of `value` that an errno is surely about, by the errno's name, for when the kernel does not say where. */
  readonly suspects?: Readonly<Record<string, Suspect>> | undefined;
}

/** A member, or what finds it from the kernel's text and the request's value. */
export type Suspect = string | undefined | ((said: string | undefined, value: object) => string | undefined);

/**
 * Appends the whole message. When a value cannot be written, nothing is appended. A dump ends with NLMSG_DONE; what else is
 * answered with an object, or `asksForAck`, ends with an ACK.
 */
export function writeRequest(writer: Writer, request: Request<unknown>, sequence: number, asksForAck = true): void {
  const start = writer.reserve(NLMSG_HDRLEN);
  try {
    request.set.write(writer, request.value);
  } catch (error) {
    writer.truncate(start);
    throw error instanceof CodecError ? error.within(request.subject) : error;
  }
  const isAnswered = request.decode !== undefined;
  const isDump = (request.flags & NLM_F_DUMP) === NLM_F_DUMP && isAnswered;
  const ack = (asksForAck || isAnswered) && !isDump ? NLM_F_ACK : 0;
  const { view } = writer;
  view.setUint32(start, writer.length - start, LITTLE_ENDIAN);
  view.setUint16(start + 4, request.type, LITTLE_ENDIAN);
  view.setUint16(start + 6, request.flags | NLM_F_REQUEST | ack, LITTLE_ENDIAN);
  view.setUint32(start + 8, sequence, LITTLE_ENDIAN);
  view.setUint32(start + 12, 0, LITTLE_ENDIAN);
  writer.pad4();
}

/** The message as bytes, header and all, as it would be sent alone. */
export function encodeRequest(request: Request<unknown>, sequence = 1, asksForAck = true): Uint8Array {
  const writer = new Writer();
  writeRequest(writer, request, sequence, asksForAck);
  return writer.finish();
}
