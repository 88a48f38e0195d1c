import { errnoOf } from '../errno.js';
import {
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_DUMP_INTR,
  NLM_F_MULTI,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_HDRLEN,
} from '../netlink/constants.js';
import { ackAttrs } from '../netlink/extack.js';
import type { AttrSet, AttrsIn, Rows } from '../wire/attrs.js';
import { LITTLE_ENDIAN, Writer } from '../wire/writer.js';
import type { FakeRequest } from './fake-request.js';

/** What the kernel says beside an errno or a success: the attributes of an extended ACK. */
export type AckDetails = AttrsIn<typeof ackAttrs.rows>;

/** One step of an answer, made by the functions below. */
export type Answer =
  /**
   * A message; `ends` when no more follows. Its sequence number is that of the request. One that `acknowledges` is only sent
   * where that was asked for: in a send it is of the last request without a reply only, unless somebody listens to warnings.
   */
  | {
      readonly step: 'message';
      readonly ends: boolean;
      readonly acknowledges?: boolean | undefined;
      readonly encode: (request: FakeRequest) => MessageParts;
    }
  /** Steps whose messages arrive together, and apart from all others. */
  | { readonly step: 'datagram'; readonly answers: readonly Answer[] }
  /** Bytes that need not be messages. */
  | { readonly step: 'raw'; readonly bytes: Uint8Array }
  /** The receive buffer overflowed here. */
  | { readonly step: 'overrun' }
  /** No end is added. */
  | { readonly step: 'silence' };

/** A netlink message. What is left out is 0, or empty. */
export interface MessageParts {
  readonly type: number;
  readonly flags?: number | undefined;
  readonly sequence?: number | undefined;
  readonly portId?: number | undefined;
  readonly body?: Uint8Array | undefined;
  /** The length that its header claims; the true one unless said. */
  readonly size?: number | undefined;
}

/** The bytes of a netlink message, without padding behind it. */
export function encodeMessage({ type, flags = 0, sequence = 0, portId = 0, body, size }: MessageParts): Uint8Array {
  const bytes = new Uint8Array(NLMSG_HDRLEN + (body?.length ?? 0));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, size ?? bytes.length, LITTLE_ENDIAN);
  view.setUint16(4, type, LITTLE_ENDIAN);
  view.setUint16(6, flags, LITTLE_ENDIAN);
  view.setUint32(8, sequence, LITTLE_ENDIAN);
  view.setUint32(12, portId, LITTLE_ENDIAN);
  if (body !== undefined) bytes.set(body, NLMSG_HDRLEN);
  return bytes;
}

/** What a table makes of `value`: a family header, if the table has one, and attributes. */
export function encodeBody<T extends Rows>(set: AttrSet<T>, value: AttrsIn<T> & object): Uint8Array {
  const writer = new Writer();
  set.write(writer, value);
  return writer.finish();
}

/**
 * An object: its bytes, or a table and what to write with it. What a table only reads it does not write either; such
 * attributes can be given in `unknown`.
 */
export function reply(type: number, body: Uint8Array): Answer;
export function reply<T extends Rows>(type: number, set: AttrSet<T>, value: AttrsIn<T> & object): Answer;
export function reply(type: number, body: Uint8Array | AttrSet<Rows>, value: object = {}): Answer {
  const bytes = body instanceof Uint8Array ? body : encodeBody(body, value);
  return {
    step: 'message',
    ends: false,
    encode: ({ isDump, sequence }) => ({ type, flags: isDump ? NLM_F_MULTI : 0, sequence, body: bytes }),
  };
}

/** The errno by its name or number, and what goes with it. */
function status(
  errno: string | number,
  details: AckDetails | undefined,
  echo?: Uint8Array,
): { body: Uint8Array; flags: number } {
  const writer = new Writer();
  const at = writer.reserve(4);
  writer.view.setInt32(at, -(typeof errno === 'number' ? errno : errnoOf(errno)), LITTLE_ENDIAN);
  if (echo !== undefined) writer.append(echo);
  if (details !== undefined) ackAttrs.write(writer, details);
  return { body: writer.finish(), flags: details === undefined ? 0 : NLM_F_ACK_TLVS };
}

/** Success; a `message` in `details` is a warning. */
export function ack(details?: AckDetails): Answer {
  return refuse(0, details);
}

/** Failure, `refuse('EEXIST')` say, with what an extended ACK can tell about it. */
export function refuse(errno: string | number, details?: AckDetails): Answer {
  return {
    step: 'message',
    ends: true,
    acknowledges: errno === 0,
    encode({ header, sequence }) {
      const { body, flags } = status(errno, details, header);
      return { type: NLMSG_ERROR, flags: flags | NLM_F_CAPPED, sequence, body };
    },
  };
}

/** The end of a dump. */
export function done(errno: string | number = 0, details?: AckDetails): Answer {
  return {
    step: 'message',
    ends: true,
    encode({ sequence }) {
      const { body, flags } = status(errno, details);
      return { type: NLMSG_DONE, flags: flags | NLM_F_MULTI, sequence, body };
    },
  };
}

/** The same message with NLM_F_DUMP_INTR: the objects changed during the dump. */
export function interrupted(answer: Answer): Answer {
  if (answer.step !== 'message') throw new TypeError('only a message can be marked as interrupted');
  return {
    ...answer,
    encode(request) {
      const parts = answer.encode(request);
      return { ...parts, flags: (parts.flags ?? 0) | NLM_F_DUMP_INTR };
    },
  };
}

/** Messages that arrive in one datagram, apart from what was said before and after. */
export function datagram(...answers: readonly Answer[]): Answer {
  return { step: 'datagram', answers };
}

/** One datagram of any bytes. */
export function raw(bytes: Uint8Array): Answer {
  return { step: 'raw', bytes };
}

/** The receive buffer overflows: what follows is lost unless the handler says it, and the socket reports ENOBUFS. */
export const overrun: Answer = { step: 'overrun' };

/** The answer ends here, although nothing said so. */
export const silence: Answer = { step: 'silence' };

/** Whether an answer says itself where it ends. */
export function ends(answer: Answer): boolean {
  if (answer.step === 'datagram') return answer.answers.some(ends);
  return answer.step === 'silence' || (answer.step === 'message' && answer.ends);
}
