import { needBytes, type Codec } from '../wire/codec.js';
import { formatMac } from '../wire/mac.js';

/**
 * `struct ifla_bridge_id`, 802.1D's name for a bridge: `'8000.02:42:ac:11:00:02'`, the priority in hexadecimal and the
 * address. The kernel makes it of both and only ever reports it.
 */
export const bridgeId: Codec<never, string> = {
  size: 8,
  write: () => undefined,
  read(view, at, length) {
    needBytes(length, 8);
    return `${view.getUint16(at).toString(16).padStart(4, '0')}.${formatMac(view, at + 2, 6)}`;
  },
};
