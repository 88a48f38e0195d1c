/** A macvlan with a character device; its attributes are the same. Kernel: drivers/net/macvtap.c. */
export { macvlan as macvtap } from './macvlan.js';
