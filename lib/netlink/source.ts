import type { NetlinkSocket } from '../native/addon.js';

/**
 * Where a connection gets its sockets from: the kernel, in one namespace (`KernelSource`), or the fake kernel of
 * `netlace/testing`.
 */
export type Channel = Pick<NetlinkSocket, 'exchange' | 'exchangeSync' | 'close'>;

/** A socket that is lent. One with answers still to come is not healthy when it is given back. */
export interface Loan {
  readonly channel: Channel;
  giveBack(healthy: boolean): void;
}

/** A socket that listens to multicast groups. Deliveries stop after each one until `resume`. */
export interface Listener {
  resume(): void;
  /** Waiting for this listener's deliveries no longer keeps the process alive. */
  unref(): void;
  close(): void;
}

/** Whole datagrams, each at a multiple of 4; or null and why reading failed. */
export type OnDatagrams = (bytes: Uint8Array | null, errno: number) => void;

/** See `Rtnetlink.over`. */
export interface Source {
  open(): Promise<Channel>;
  openSync(): Channel;
  /** Listens to these groups from the moment the promise resolves. */
  listen(groups: readonly number[], onDatagrams: OnDatagrams): Promise<Listener>;
  /** Whether this thread may change anything where the channels are; undefined where nobody can tell. For errors. */
  mayChange?(): boolean | undefined;
  /** Opened channels and listeners live on; no new ones can be opened. */
  close(): void;
}
