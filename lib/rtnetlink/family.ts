import { CodecError } from '../errors.js';
import { show, type Codec } from '../wire/codec.js';
import type { IpBytes } from '../wire/ip.js';
import { AF_BRIDGE, AF_INET, AF_INET6, AF_UNSPEC } from './constants.js';

/** An address family, by the name iproute2 gives it. */
export type Family = 'inet' | 'inet6' | 'bridge' | 'unspec' | number;

const NUMBERS: Readonly<Record<string, number>> = {
  unspec: AF_UNSPEC,
  inet: AF_INET,
  inet6: AF_INET6,
  bridge: AF_BRIDGE,
};
const NAMES = new Map(Object.entries(NUMBERS).map(([name, number]) => [number, name as Family]));

export function familyName(number: number): Family {
  return NAMES.get(number) ?? number;
}

/** `path` is where an error says that it is, where no codec does. */
export function familyNumber(family: unknown, path = ''): number {
  const number = typeof family === 'number' ? family : NUMBERS[String(family)];
  if (number === undefined || !Number.isInteger(number) || number < 0 || number > 255) {
    throw new CodecError(path, `takes 'inet', 'inet6', 'bridge' or a number, not ${show(family)}`);
  }
  return number;
}

/** The first byte of most family headers. */
export const familyByte: Codec<Family> = {
  size: 1,
  write: (writer, value) => writer.view.setUint8(writer.reserve(1), familyNumber(value)),
  read: (view, at) => familyName(view.getUint8(at)),
};

/** The family of an IP address of so many bytes. */
export function familyOf(address: IpBytes): number {
  return address.length === 4 ? AF_INET : AF_INET6;
}
