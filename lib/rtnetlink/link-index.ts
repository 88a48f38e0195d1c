import { CodecError } from '../errors.js';
import { show, type Codec } from '../wire/codec.js';
import { u32 } from '../wire/numbers.js';

/** A link, by its index or by its name (or an alternative name). */
export type LinkRef = number | string;

/** The index of another link. Clients put in the index for a name before this is written. 0 and null: none. */
export const linkIndex: Codec<number | null, number> = {
  size: 4,
  write(writer, value, siblings, base) {
    if (typeof value === 'string')
      throw new CodecError('', `takes the index of a link here, not the name ${show(value)}`);
    u32.write(writer, value ?? 0, siblings, base);
  },
  read: u32.read,
};

/** IFLA_NET_NS_FD and its like: a handle whose descriptor the kernel looks at while it carries out the request. */
export const netnsDescriptor: Codec<{ readonly fd: number }> = {
  write(writer, value, siblings, base) {
    if (typeof value !== 'object' || value === null || !Number.isInteger(value.fd) || value.fd < 0) {
      throw new CodecError('', `takes an open network namespace, not ${show(value)}`);
    }
    u32.write(writer, value.fd, siblings, base);
  },
  read: (view, at, length, siblings, base) => ({ fd: u32.read(view, at, length, siblings, base) }),
};
