import { CodecError } from '../errors.js';
import { show, type Codec } from './codec.js';

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const HEX_COLON = HEX.map((hex) => `${hex}:`);

/** `'02:42:ac:11:00:02'`; any number of bytes, since not every link is Ethernet. */
export function formatMac(view: DataView, at: number, length: number): string {
  if (length === 0) return '';
  const last = at + length - 1;
  let text = '';
  for (let i = at; i < last; i++) text += HEX_COLON[view.getUint8(i)]!;
  return text + HEX[view.getUint8(last)]!;
}

/** Bytes of a link-layer address, with colons or dashes between them. */
export function parseMac(text: unknown): Uint8Array {
  if (typeof text !== 'string' || !/^[0-9a-f]{2}([:-][0-9a-f]{2})*$/i.test(text)) {
    throw new CodecError('', `takes a link-layer address such as '02:42:ac:11:00:02', not ${show(text)}`);
  }
  return Uint8Array.from(text.split(/[:-]/), (hex) => parseInt(hex, 16));
}

/** A link-layer address of `size` bytes, 6 for Ethernet. */
export function mac(size = 6): Codec<string> {
  return {
    write(writer, value) {
      const address = parseMac(value);
      if (address.length !== size)
        throw new CodecError('', `takes ${size} bytes, and ${show(value)} has ${address.length}`);
      writer.append(address);
    },
    read: formatMac,
  };
}

/** ALEN of the link types there are: phonet, LocalTalk, IPv4 tunnels, Ethernet, AX.25, EUI-64, IPv6 tunnels, InfiniBand. */
const SIZES: readonly number[] = [1, 2, 4, 6, 7, 8, 16, 20];

/** A link-layer address of a size that some type of link has; which one it has to be, the kernel knows. */
export const linkLayerAddress: Codec<string> = {
  write(writer, value) {
    const address = parseMac(value);
    if (!SIZES.includes(address.length))
      throw new CodecError('', `${show(value)} has ${address.length} bytes, as the addresses of no type of link have`);
    writer.append(address);
  },
  read: formatMac,
};
