import { CodecError } from '../errors.js';
import { needBytes, show, type Codec } from './codec.js';
import { Bits } from './enums.js';
import { LITTLE_ENDIAN } from './writer.js';

/** Flags by name, each on or off; those left out stay as they are. One that has no name here goes by its value. */
export type MaskedFlags<Name extends string> = Readonly<Partial<Record<Name, boolean | undefined>>> &
  Readonly<Record<number, boolean | undefined>>;

/**
 * Two 32-bit words, as in `struct ifla_vlan_flags` or `struct br_boolopt_multi`: the flags' values and the mask of those
 * that change. In a dump the mask holds the flags that the kernel knows, or all ones.
 */
export function maskedFlags<Name extends string>(flags: Readonly<Record<Name, number>>): Codec<MaskedFlags<Name>> {
  const bits = new Bits(flags);
  const named = Object.entries(flags) as [Name, number][];
  return {
    size: 8,
    names: flags,
    write(writer, value) {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        throw new CodecError('', `takes an object of flags, not ${show(value)}`);
      }
      let on = 0;
      let mask = 0;
      for (const [name, flag] of Object.entries<unknown>(value)) {
        if (flag === undefined) continue;
        if (typeof flag !== 'boolean') throw new CodecError(name, `takes true or false, not ${show(flag)}`);
        const bit = bits.bit(/^[0-9]+$/.test(name) ? Number(name) : name);
        mask |= bit;
        if (flag) on |= bit;
      }
      const at = writer.reserve(8);
      writer.view.setUint32(at, on, LITTLE_ENDIAN);
      writer.view.setUint32(at + 4, mask, LITTLE_ENDIAN);
    },
    read(view, at, length) {
      needBytes(length, 8);
      const on = view.getUint32(at, LITTLE_ENDIAN);
      const mask = view.getUint32(at + 4, LITTLE_ENDIAN);
      const out: Record<string, boolean> = {};
      for (const [name, bit] of named) if ((mask & bit) !== 0) out[name] = (on & bit) !== 0;
      for (const bit of bits.list(on)) if (typeof bit === 'number') out[bit] = true;
      return out as MaskedFlags<Name>;
    },
  };
}
