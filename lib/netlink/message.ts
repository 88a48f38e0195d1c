import { LITTLE_ENDIAN } from '../wire/writer.js';
import { NLMSG_HDRLEN } from './constants.js';

/** `nlmsg_len` of the message at `at`; 0 where not even a header is left. */
export function messageSize(view: DataView, at: number): number {
  return view.byteLength - at < NLMSG_HDRLEN ? 0 : view.getUint32(at, LITTLE_ENDIAN);
}
