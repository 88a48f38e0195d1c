import { u32, u64 } from '../wire/numbers.js';
import { member, struct } from '../wire/struct.js';
import type { AnyCodec, Codec } from '../wire/codec.js';

const NAMES = [
  'rxPackets',
  'txPackets',
  'rxBytes',
  'txBytes',
  'rxErrors',
  'txErrors',
  'rxDropped',
  'txDropped',
  'multicast',
  'collisions',
  'rxLengthErrors',
  'rxOverErrors',
  'rxCrcErrors',
  'rxFrameErrors',
  'rxFifoErrors',
  'rxMissedErrors',
  'txAbortedErrors',
  'txCarrierErrors',
  'txFifoErrors',
  'txHeartbeatErrors',
  'txWindowErrors',
  'rxCompressed',
  'txCompressed',
  'rxNohandler',
] as const;
type Counter = (typeof NAMES)[number];

function counters<In, Out>(
  codec: Codec<In, Out>,
  width: number,
): Record<Counter, { offset: number; codec: Codec<In, Out> }> {
  const rows = NAMES.map((name, index) => [name, member(index * width, codec as AnyCodec)]);
  return Object.fromEntries(rows) as Record<Counter, { offset: number; codec: Codec<In, Out> }>;
}

/** include/uapi/linux/if_link.h, struct rtnl_link_stats: the counters cut to 32 bits. */
export const linkStats = struct('rtnl_link_stats', 96, counters(u32, 4));

/** include/uapi/linux/if_link.h, struct rtnl_link_stats64. */
export const linkStats64 = struct('rtnl_link_stats64', 200, {
  ...counters(u64, 8),
  /** Since Linux 5.19. */
  rxOtherhostDropped: member(192, u64),
});
