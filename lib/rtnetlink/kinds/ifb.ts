import { attrSet } from '../../wire/attrs.js';

/** Takes what tc redirects to it, so that incoming packets can queue. It has no attributes of its own. Kernel: drivers/net/ifb.c. */
export const ifb = attrSet('IFLA_IFB', () => ({}));
