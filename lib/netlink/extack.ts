import { EPERM, errnoName } from '../errno.js';
import { CodecError, KernelError, type AttributePolicy } from '../errors.js';
import { attr, attrSet, nest, type AttrsOut } from '../wire/attrs.js';
import { enumeration } from '../wire/enums.js';
import { s64, u32, u64 } from '../wire/numbers.js';
import { placeAt } from '../wire/path.js';
import { bytes, nulString } from '../wire/text.js';
import { LITTLE_ENDIAN } from '../wire/writer.js';
import { NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSG_HDRLEN } from './constants.js';
import type { Request } from './request.js';

/** Kernel: lib/nlattr.c, __netlink_policy_dump_write_attr; include/uapi/linux/netlink.h, netlink_policy_type_attr. */
const policyAttrs = attrSet('NL_POLICY_TYPE_ATTR', () => ({
  /** The type that the attribute must have. */
  type: attr(
    1,
    enumeration(u32, {
      flag: 1,
      u8: 2,
      u16: 3,
      u32: 4,
      u64: 5,
      s8: 6,
      s16: 7,
      s32: 8,
      s64: 9,
      binary: 10,
      string: 11,
      nulString: 12,
      nested: 13,
      nestedArray: 14,
      bitfield32: 15,
      sint: 16,
      uint: 17,
    }),
  ),
  minimumSigned: attr(2, s64),
  maximumSigned: attr(3, s64),
  minimum: attr(4, u64),
  maximum: attr(5, u64),
  minimumLength: attr(6, u32),
  maximumLength: attr(7, u32),
  policyIndex: attr(8, u32),
  policyMaximumType: attr(9, u32),
  bitfield32Mask: attr(10, u32),
  mask: attr(12, u64),
}));

/** Kernel: net/netlink/af_netlink.c, netlink_ack_tlv_fill. */
export const ackAttrs = attrSet('NLMSGERR_ATTR', () => ({
  /** What went wrong, in words. */
  message: attr(1, nulString()),
  /** Where in the request the attribute at fault begins, counted from its netlink header. */
  offset: attr(2, u32),
  cookie: attr(3, bytes()),
  policy: attr(4, nest(policyAttrs)),
  /** The number of the attribute that is missing. */
  missingType: attr(5, u32),
  /** Where the nest begins that it is missing in; not there when it is missing at the top. */
  missingNest: attr(6, u32),
}));

/** An NLMSG_ERROR message: the errno, 0 for success, and what the kernel said beside it. */
export interface Ack {
  readonly errno: number;
  readonly details: AttrsOut<typeof ackAttrs.rows>;
}

const NO_DETAILS: Ack['details'] = Object.freeze({});

/** Reads the message whose header is at `at`. */
export function readAck(view: DataView, at: number, end: number): Ack {
  const body = at + NLMSG_HDRLEN;
  if (end - body < 4) throw new CodecError('', `an ACK of ${end - at} bytes`);
  const errno = -view.getInt32(body, LITTLE_ENDIAN);
  const flags = view.getUint16(at + 6, LITTLE_ENDIAN);
  if ((flags & NLM_F_ACK_TLVS) === 0 || end - body < 4 + NLMSG_HDRLEN) return { errno, details: NO_DETAILS };
  const echoed = (flags & NLM_F_CAPPED) === 0 && errno !== 0 ? view.getUint32(body + 4, LITTLE_ENDIAN) : NLMSG_HDRLEN;
  if (echoed > end - body) return { errno, details: NO_DETAILS };
  const tlvs = body + 4 + ((echoed + 3) & ~3);
  return { errno, details: tlvs < end ? ackAttrs.read(view, tlvs, end) : NO_DETAILS };
}

/** NLMSG_DONE carries an errno and, since Linux 5.12, what an ACK carries. */
export function readDone(view: DataView, at: number, end: number): Ack {
  const body = at + NLMSG_HDRLEN;
  const errno = end - body < 4 ? 0 : -view.getInt32(body, LITTLE_ENDIAN);
  const flags = view.getUint16(at + 6, LITTLE_ENDIAN);
  const tlvs = body + 4;
  return { errno, details: (flags & NLM_F_ACK_TLVS) !== 0 && tlvs < end ? ackAttrs.read(view, tlvs, end) : NO_DETAILS };
}

function policyOf(policy: AttrsOut<typeof policyAttrs.rows> | undefined): AttributePolicy | undefined {
  if (policy === undefined) return undefined;
  const { type, minimumLength, maximumLength } = policy;
  const minimum = policy.minimum ?? policy.minimumSigned;
  const maximum = policy.maximum ?? policy.maximumSigned;
  const mask = policy.mask ?? (policy.bitfield32Mask === undefined ? undefined : BigInt(policy.bitfield32Mask));
  const all = { type, minimum, maximum, minimumLength, maximumLength, mask };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** Of a request for which the kernel looks at nothing else first. Kernel: net/core/rtnetlink.c, rtnetlink_rcv_msg. */
const NO_RIGHT = 'it takes CAP_NET_ADMIN in the namespace that owns the network';

/**
 * The names that an extended ACK's numbers stand for, found in the request that it answers (`start` to `end` of `view`).
 * `mayChange`: whether this thread may change anything there, if that can be found out.
 */
export function kernelError(
  request: Request<unknown>,
  ack: Ack,
  view: DataView,
  start: number,
  end: number,
  mayChange?: () => boolean | undefined,
): KernelError {
  const { message, offset, missingType, missingNest, policy } = ack.details;
  const find = (place: number) => placeAt(request.set, view, start + NLMSG_HDRLEN, end, start + place);
  const rooted = (...names: string[]) => [request.subject, ...names].filter((name) => name !== '').join('.');
  const place = offset === undefined ? undefined : find(offset);
  let missing: string | undefined;
  if (missingType !== undefined) {
    const outer = missingNest === undefined ? { path: '', inside: request.set } : find(missingNest);
    missing = rooted(outer?.path ?? '', outer?.inside?.nameOf(missingType) ?? `attribute ${missingType}`);
  }
  const suspect = place === undefined && missing === undefined ? suspectOf(request, ack) : undefined;
  return new KernelError({
    errno: ack.errno,
    operation: request.operation,
    kernelMessage: message,
    path: place !== undefined ? rooted(place.path) : suspect === undefined ? undefined : rooted(suspect.key),
    value: suspect?.value,
    missing,
    policy: policyOf(policy),
    hint: ack.errno === EPERM && message === undefined && mayChange?.() === false ? NO_RIGHT : undefined,
  });
}

/** What the errno is about, where the kernel gave only that. */
function suspectOf(
  { suspects, value }: Request<unknown>,
  { errno, details }: Ack,
): { key: string; value: unknown } | undefined {
  const suspect = suspects?.[errnoName(errno)];
  const key = typeof suspect === 'function' ? suspect(details.message, value) : suspect;
  const suspected = key === undefined ? undefined : (value as Record<string, unknown>)[key];
  return key === undefined || suspected === undefined ? undefined : { key, value: suspected };
}
