import { KernelError } from '../errors.js';
import { Connection } from '../netlink/connection.js';
import { NETLINK_ROUTE } from '../netlink/constants.js';
import { KernelSource } from '../netlink/kernel.js';
import type { Request } from '../netlink/request.js';
import { attr, attrSet } from '../wire/attrs.js';
import { s32, u32, u8 } from '../wire/numbers.js';
import { header, member } from '../wire/struct.js';

export const RTM_NEWNSID = 88;
export const RTM_GETNSID = 90;
const NOT_ASSIGNED = -1;

/** Kernel: net/core/net_namespace.c, rtnl_net_policy and rtnl_net_fill. */
export const nsidAttrs = attrSet(
  'NETNSA',
  () => ({
    /** The number that the one namespace has in the other; -1 when it has none. */
    nsid: attr(1, s32),
    /** A descriptor of the namespace that is asked about. */
    fd: attr(3, u32),
  }),
  header('rtgenmsg', 1, { family: member(0, u8) }),
);

function getNsid(fd: number): Request<number> {
  return {
    operation: 'RTM_GETNSID',
    subject: 'netns',
    type: RTM_GETNSID,
    flags: 0,
    set: nsidAttrs,
    value: { fd },
    decode: (view, at, end, type) => (type === RTM_NEWNSID ? nsidAttrs.read(view, at, end).nsid : undefined),
  };
}

/** Asks for the numbers that other network namespaces have in the one of the calling thread. */
export class NsidLookup {
  readonly #connection: Connection;

  constructor() {
    const source = new KernelSource(NETLINK_ROUTE, undefined);
    try {
      this.#connection = new Connection(source, source.openSync());
    } catch (error) {
      source.close();
      throw error;
    }
  }

  /** Undefined when it has no number. */
  of(fd: number): number | undefined {
    try {
      const nsid = this.#connection.requestSync(getNsid(fd));
      return nsid === NOT_ASSIGNED ? undefined : nsid;
    } catch (error) {
      if (error instanceof KernelError) return undefined;
      throw error;
    }
  }

  close(): void {
    this.#connection.close();
  }
}
