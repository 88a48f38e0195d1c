import { LITTLE_ENDIAN, type Writer } from '../wire/writer.js';
import { NLM_F_ACK, NLMSG_NOOP } from './constants.js';
import type { Request } from './request.js';

/** The most requests in one send: their ACKs, of 768 bytes each in the kernel's accounting, fit into the least receive buffer. */
const MOST_REQUESTS = 128;
/** A reply object takes the room of several ACKs. */
const REPLY_WEIGHT = 8;
/** Sent as soon as this many bytes have come together: the kernel works while the rest is being encoded. */
export const BATCH_BYTES = 16 * 1024;

/** A request on its way, and whom to tell. */
export interface Pending {
  readonly request: Request<unknown>;
  readonly sequence: number;
  /** Where its message is in the bytes of its batch. */
  readonly start: number;
  readonly end: number;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
  /** What its replies have said so far. */
  result: unknown;
}

/**
 * Requests that travel in one send. The kernel carries them out in order, and answers a failure whether asked to or not. So
 * of those that no object is awaited of only the last one asks for an ACK: what the kernel has said nothing of by then is
 * done. Kernel: net/netlink/af_netlink.c, netlink_rcv_skb.
 *
 * The bytes are kept until the last answer, for the paths in errors.
 */
export class Batch {
  readonly writer: Writer;
  /** Its exchange is over: what is still pending of it was sent, and waits for an answer. */
  sent = false;
  /** By what the sequence number is greater than that of the first; other messages may have taken numbers between. */
  readonly #requests: (Pending | undefined)[] = [];
  #first = 0;
  /** Those before this one are answered, or have an answer of their own. */
  #settled = 0;
  #pending = 0;
  #weight = 0;
  #answered: Promise<void> | undefined;
  #onAnswered: (() => void) | undefined;

  constructor(writer: Writer) {
    this.writer = writer;
  }

  get isFull(): boolean {
    return this.writer.length >= BATCH_BYTES;
  }

  /** How many are not answered. */
  get pending(): number {
    return this.#pending;
  }

  /** The sequence number of the last one that is not answered; 0 where all are. */
  get last(): number {
    return this.#newest?.sequence ?? 0;
  }

  get #newest(): Pending | undefined {
    return this.#requests.findLast((pending) => pending !== undefined);
  }

  takes(request: Request<unknown>): boolean {
    return this.#weight + weightOf(request) <= MOST_REQUESTS;
  }

  /** Takes in the request whose message was written last, from `start` on, and numbers it. */
  add(
    request: Request<unknown>,
    sequence: number,
    start: number,
    resolve: Pending['resolve'],
    reject: Pending['reject'],
  ): Pending {
    const { view, length } = this.writer;
    view.setUint32(start + 8, sequence, LITTLE_ENDIAN);
    const pending = { request, sequence, start, end: length, resolve, reject, result: undefined };
    if (this.#requests.length === 0) this.#first = sequence;
    const place = this.#placeOf(sequence);
    while (this.#requests.length < place) this.#requests.push(undefined);
    this.#requests.push(pending);
    this.#pending++;
    this.#weight += weightOf(request);
    return pending;
  }

  /** Resolves when all are answered, or were given up before they were sent. */
  get answered(): Promise<void> {
    return (this.#answered ??= new Promise((resolve) => (this.#onAnswered = resolve)));
  }

  get onAnswered(): (() => void) | undefined {
    return this.#onAnswered;
  }

  #placeOf(sequence: number): number {
    return (sequence - this.#first) >>> 0;
  }

  /** The request with this sequence number, if it is not answered. */
  find(sequence: number): Pending | undefined {
    const place = this.#placeOf(sequence);
    return place < this.#requests.length ? this.#requests[place] : undefined;
  }

  /** The first one that the kernel must have carried out since it has answered this one; undefined when there are no more. */
  doneBefore({ sequence }: Pending): Pending | undefined {
    const end = this.#placeOf(sequence);
    while (this.#settled < end) {
      const pending = this.#requests[this.#settled++];
      if (pending !== undefined && pending.request.decode === undefined) return pending;
    }
    return undefined;
  }

  forget({ sequence }: Pending): void {
    this.#requests[this.#placeOf(sequence)] = undefined;
    this.#pending--;
  }

  /** Those that are not answered. */
  unanswered(): Pending[] {
    return this.#requests.filter((pending) => pending !== undefined);
  }

  /** Before it is sent: has the kernel pass over a request. */
  withdraw(pending: Pending): void {
    this.writer.view.setUint16(pending.start + 4, NLMSG_NOOP, LITTLE_ENDIAN);
    this.writer.view.setUint16(pending.start + 6, 0, LITTLE_ENDIAN);
    this.forget(pending);
  }

  /** What is to be sent, when nothing more is added. */
  sealed(): Uint8Array {
    const { view, bytes, length } = this.writer;
    const { start } = this.#newest!;
    view.setUint16(start + 6, view.getUint16(start + 6, LITTLE_ENDIAN) | NLM_F_ACK, LITTLE_ENDIAN);
    return bytes.subarray(0, length);
  }
}

function weightOf({ decode }: Request<unknown>): number {
  return decode === undefined ? 1 : REPLY_WEIGHT;
}
