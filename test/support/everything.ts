/** All that a namespace holds, as iproute2 shows it: to be compared before and after something that shall change nothing. */
import { jsonIn } from './iproute2.js';
import type { Sandbox } from './netns.js';

const COMMANDS = [
  'ip -j -d link show',
  'ip -j -d addr show',
  'ip -j -d -4 route show table all',
  'ip -j -d -6 route show table all',
  'ip -j -4 rule show',
  'ip -j neigh show nud all',
  'bridge -j -d fdb show',
];

export function everythingIn(sandbox: Sandbox): Record<string, unknown> {
  return Object.fromEntries(COMMANDS.map((command) => [command, withoutTimers(jsonIn(sandbox, command))]));
}

/** Bridges count these down while nothing happens. */
function withoutTimers(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (key, each: unknown) => (key.endsWith('_timer') ? undefined : each)));
}

/**
 * Has new links of the namespace come without an IPv6 address of their own, which would appear, and become valid, some
 * time after they go up.
 */
export async function withoutLinkLocals({ netns }: Sandbox): Promise<void> {
  await netns.sysctl.set('net.ipv6.conf.default.addr_gen_mode', 1);
}
