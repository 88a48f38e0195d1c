import { NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_HDRLEN } from '../netlink/constants.js';
import type { AttrSet, AttrsOut, Rows } from '../wire/attrs.js';
import { LITTLE_ENDIAN } from '../wire/writer.js';

const NLA_TYPE_MASK = 0x3fff;

/** A request as the fake kernel received it. */
export class FakeRequest {
  /** RTM_NEWLINK, say. */
  readonly type: number;
  /** NLM_F_*. */
  readonly flags: number;
  readonly sequence: number;
  /** The 16 bytes of `struct nlmsghdr`. */
  readonly header: Uint8Array;
  /** What follows them: the family header and the attributes. */
  readonly body: Uint8Array;

  /** `bytes` is one message, copied already. */
  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.type = view.getUint16(4, LITTLE_ENDIAN);
    this.flags = view.getUint16(6, LITTLE_ENDIAN);
    this.sequence = view.getUint32(8, LITTLE_ENDIAN);
    this.header = bytes.subarray(0, NLMSG_HDRLEN);
    this.body = bytes.subarray(NLMSG_HDRLEN);
  }

  /** Whether it ends with NLMSG_DONE instead of an ACK. */
  get isDump(): boolean {
    return (this.flags & NLM_F_DUMP) === NLM_F_DUMP && !this.wantsAck;
  }

  /** Of requests that travel together only the last one does, and those that have a reply, unless somebody listens to warnings. */
  get wantsAck(): boolean {
    return (this.flags & NLM_F_ACK) !== 0;
  }

  /**
   * What the body says, read with a table: its attributes, and the members of the family header. Attributes that are
   * written otherwise than the kernel reports them may not be readable.
   */
  decode<T extends Rows>(set: AttrSet<T>): AttrsOut<T> & Readonly<Record<string, unknown>> {
    return set.read(this.#bodyView, 0, this.body.length);
  }

  /**
   * Where an attribute begins, as an extended ACK counts it: of these numbers, the first is one of the attributes behind
   * the family header, each other one is inside the one before it.
   */
  offsetOf(set: AttrSet<Rows>, ...types: readonly number[]): number {
    let at = ((set.header?.size ?? 0) + 3) & ~3;
    let end = this.body.length;
    let found = at;
    for (const type of types) {
      found = this.#find(type, at, end);
      at = found + 4;
      end = found + this.#bodyView.getUint16(found, LITTLE_ENDIAN);
    }
    return NLMSG_HDRLEN + found;
  }

  #find(type: number, at: number, end: number): number {
    const view = this.#bodyView;
    while (end - at >= 4) {
      const size = view.getUint16(at, LITTLE_ENDIAN);
      if ((view.getUint16(at + 2, LITTLE_ENDIAN) & NLA_TYPE_MASK) === type) return at;
      if (size < 4) break;
      at += (size + 3) & ~3;
    }
    throw new RangeError(`the request has no attribute ${type} there`);
  }

  get #bodyView(): DataView {
    return new DataView(this.body.buffer, this.body.byteOffset, this.body.length);
  }
}

/** The messages of one send. */
export function parseRequests(bytes: Uint8Array): FakeRequest[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const out: FakeRequest[] = [];
  for (let at = 0; bytes.length - at >= NLMSG_HDRLEN;) {
    const size = view.getUint32(at, LITTLE_ENDIAN);
    if (size < NLMSG_HDRLEN || size > bytes.length - at) break;
    const request = new FakeRequest(bytes.slice(at, at + size));
    // What is none the kernel passes over (net/netlink/af_netlink.c, netlink_rcv_skb).
    if ((request.flags & NLM_F_REQUEST) !== 0) out.push(request);
    at += (size + 3) & ~3;
  }
  return out;
}
