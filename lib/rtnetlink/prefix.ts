import { CodecError } from '../errors.js';
import { show, type Codec } from '../wire/codec.js';
import { formatPrefix, parsePrefix } from '../wire/ip.js';
import { familyOf } from './family.js';

/**
 * An address whose prefix length is a byte of the family header, `offset` bytes into it; the header's first byte is the
 * family. What it reads looks the same as what it writes: `'10.1.0.0/16'`.
 */
export function prefix(offset: number, lone: boolean): Codec<string> {
  return {
    write(writer, value, _siblings, base) {
      const { address, length } = parsePrefix(value, lone);
      if (familyOf(address) !== writer.view.getUint8(base))
        throw new CodecError('', `${show(value)} is not of the family that the rest is of`);
      writer.append(address);
      writer.view.setUint8(base + offset, length);
    },
    read: (view, at, length, _siblings, base) => formatPrefix(view, at, length, view.getUint8(base + offset)),
  };
}

/** Whether an address in text form is IPv6, before it is parsed; undefined for what is no address in text form. */
export function looksLikeIpv6(text: unknown): boolean | undefined {
  if (typeof text !== 'string') return undefined;
  if (text.includes(':')) return true;
  return text.includes('.') ? false : undefined;
}
