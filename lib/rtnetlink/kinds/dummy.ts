import { attrSet } from '../../wire/attrs.js';

/** Drops what is sent through it. It has no attributes of its own. Kernel: drivers/net/dummy.c. */
export const dummy = attrSet('IFLA_DUMMY', () => ({}));
