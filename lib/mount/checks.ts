import { ArgumentError } from '../errors.js';
import { isDescriptor } from '../options.js';
import { show } from '../wire/codec.js';

/** Whatever has a descriptor: a handle of a namespace, say. */
export interface WithDescriptor {
  readonly fd: number;
}

/** Where a call happens. */
export interface InNamespace {
  /**
   * A mount namespace to do it in, such as a `Namespace`; paths are looked up from its root folder. Takes CAP_SYS_ADMIN
   * and CAP_SYS_CHROOT here and in the user namespace that owns it; or to have made that user namespace, as an ordinary user
   * too. Left out: the one of this process.
   */
  readonly namespace?: WithDescriptor | undefined;
}

/** Text for the kernel. */
export function checkText(argument: string, text: unknown): string {
  if (typeof text !== 'string' || text === '' || text.includes('\0'))
    throw new ArgumentError(argument, `takes text without NUL, not ${show(text)}`);
  return text;
}

export function checkDescriptor(argument: string, holder: unknown): WithDescriptor | undefined {
  if (holder === undefined) return undefined;
  const fd: unknown = typeof holder === 'object' && holder !== null && 'fd' in holder ? holder.fd : undefined;
  if (!isDescriptor(fd)) throw new ArgumentError(argument, 'takes an object with an open descriptor, { fd }');
  return { fd };
}
