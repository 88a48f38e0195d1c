import { ECANCELED, ENOBUFS } from '../errno.js';
import { ClosedError, SyscallError } from '../errors.js';

/** The error for a negative errno of an exchange. */
export function failure(result: number): Error {
  if (result === -ECANCELED) return new ClosedError('the client');
  const hint = result === -ENOBUFS ? 'the receive buffer was too small for the replies, which are lost' : undefined;
  return new SyscallError(-result, 'netlink exchange', undefined, hint);
}
