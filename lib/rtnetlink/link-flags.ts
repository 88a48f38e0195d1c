import { CodecError } from '../errors.js';
import { show } from '../wire/codec.js';
import { Bits } from '../wire/enums.js';

/** IFF_*: include/uapi/linux/if.h. */
const IFF = {
  up: 1 << 0,
  broadcast: 1 << 1,
  debug: 1 << 2,
  loopback: 1 << 3,
  pointopoint: 1 << 4,
  notrailers: 1 << 5,
  running: 1 << 6,
  noarp: 1 << 7,
  promisc: 1 << 8,
  allmulti: 1 << 9,
  master: 1 << 10,
  slave: 1 << 11,
  multicast: 1 << 12,
  portsel: 1 << 13,
  automedia: 1 << 14,
  dynamic: 1 << 15,
  lowerUp: 1 << 16,
  dormant: 1 << 17,
  echo: 1 << 18,
};
export type LinkFlag = keyof typeof IFF;

export const linkFlags = new Bits<LinkFlag>(IFF);
export const IFF_UP = IFF.up;

/** Flags to switch on (a list, as read from a link) or on and off (`{ promisc: true, multicast: false }`). */
export type LinkFlagsIn = readonly (LinkFlag | number)[] | { readonly [Flag in LinkFlag]?: boolean | undefined };

/** The flags' new values and which of them change: `ifi_flags` and `ifi_change`. */
export function flagChange(flags: LinkFlagsIn | undefined, up: boolean | undefined): { flags: number; change: number } {
  let on = 0;
  let change = 0;
  if (Array.isArray(flags)) {
    on = change = within('flags', () => linkFlags.value(flags));
  } else if (flags !== undefined) {
    if (typeof flags !== 'object' || flags === null)
      throw new CodecError('flags', `takes a list or an object of flags, not ${show(flags)}`);
    for (const [name, value] of Object.entries(flags)) {
      if (value === undefined) continue;
      if (typeof value !== 'boolean') throw new CodecError(`flags.${name}`, `takes true or false, not ${show(value)}`);
      const bit = within('flags', () => linkFlags.bit(name));
      change |= bit;
      if (value) on |= bit;
    }
  }
  if (up !== undefined) {
    if (typeof up !== 'boolean') throw new CodecError('up', `takes true or false, not ${show(up)}`);
    change |= IFF_UP;
    on = up ? on | IFF_UP : on & ~IFF_UP;
  }
  return { flags: on >>> 0, change: change >>> 0 };
}

function within<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw error instanceof CodecError ? error.within(path) : error;
  }
}
