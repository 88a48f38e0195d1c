import { ENODEV } from '../errno.js';
import { CodecError, KernelError } from '../errors.js';
import { lookUp, type Steps } from '../netlink/runner.js';
import { checkObject } from '../wire/codec.js';
import { own, snapshot } from '../own.js';
import { getLink, selectLink } from './link.js';
import type { LinkRef } from './link-index.js';

/** The index of a link; `where` names the option in the error that says there is no such link. */
export function* indexOf(ref: LinkRef, where: string): Steps<number> {
  if (typeof ref === 'number') return ref;
  try {
    const request = getLink(ref);
    const link = yield* lookUp(Object.assign({}, request, { value: { extMask: ['skipStats'], ...selectLink(ref) } }));
    return link.index;
  } catch (error) {
    if (error instanceof CodecError) throw new CodecError(where, error.reason);
    if (!(error instanceof KernelError) || error.errno !== ENODEV) throw error;
    throw new KernelError({ errno: error.errno, operation: error.operation, path: where, value: ref });
  }
}

/** Whether `value` has a name where an index has to go. */
export function hasNames(value: object, keys: readonly string[], where: string): boolean {
  checkObject(value, where);
  const members = own(value) as Record<string, unknown>;
  for (const key of keys) if (typeof members[key] === 'string') return true;
  return false;
}

/** `value` with the names in `keys` replaced by indexes. */
export function* withIndexes(value: object, keys: readonly string[], where: string): Steps<Record<string, unknown>> {
  const out = snapshot(value) as Record<string, unknown>;
  for (const key of keys) {
    const ref = out[key];
    if (typeof ref === 'string') out[key] = yield* indexOf(ref, `${where}.${key}`);
  }
  return out;
}
