/** All that a namespace holds, as iproute2 shows it: to be compared before and after something that shall change nothing. */
import { jsonIn, runIn } from './iproute2.js';
import type { Sandbox } from './netns.js';

/** One process for all of these: where starting one is slow, that is most of what a test takes. */
const OF_ONE_IP = ['link show', 'addr show', 'route show table all', 'rule show', 'neigh show nud all'];

export function everythingIn(sandbox: Sandbox): Record<string, unknown> {
  const printed = runIn(sandbox, 'ip -j -d -batch -', OF_ONE_IP.map((command) => `${command}\n`).join(''))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
  if (printed.length !== OF_ONE_IP.length) throw new Error(`ip -batch printed ${printed.length} lists`);
  const found: Record<string, unknown> = Object.fromEntries(OF_ONE_IP.map((command, i) => [command, printed[i]]));
  for (const command of ['ip -j -d -6 route show table all', 'bridge -j -d fdb show'])
    found[command] = jsonIn(sandbox, command);
  return withoutTimers(found) as Record<string, unknown>;
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
