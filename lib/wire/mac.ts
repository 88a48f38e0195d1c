import { CodecError } from '../errors.js';
import { show, type Codec } from './codec.js';

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
/** The two digits of each byte, as character codes. */
const HIGH = Uint8Array.from(HEX, (hex) => hex.charCodeAt(0));
const LOW = Uint8Array.from(HEX, (hex) => hex.charCodeAt(1));
const COLON = 58;

/** `'02:42:ac:11:00:02'`; any number of bytes, since not every link is Ethernet. */
export function formatMac(view: DataView, at: number, length: number): string {
  return length === 6 ? formatEthernet(view, at) : formatBytes(view, at, length);
}

/** In one string at once: made of pieces it would take up twice as much memory, in each of thousands of links. */
function formatEthernet(view: DataView, at: number): string {
  const a = view.getUint8(at);
  const b = view.getUint8(at + 1);
  const c = view.getUint8(at + 2);
  const d = view.getUint8(at + 3);
  const e = view.getUint8(at + 4);
  const f = view.getUint8(at + 5);
  // prettier-ignore
  return String.fromCharCode(
    HIGH[a]!, LOW[a]!, COLON, HIGH[b]!, LOW[b]!, COLON, HIGH[c]!, LOW[c]!, COLON,
    HIGH[d]!, LOW[d]!, COLON, HIGH[e]!, LOW[e]!, COLON, HIGH[f]!, LOW[f]!,
  );
}

function formatBytes(view: DataView, at: number, length: number): string {
  let text = '';
  for (let i = at; i < at + length; i++) text += (i > at ? ':' : '') + HEX[view.getUint8(i)]!;
  return text;
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
