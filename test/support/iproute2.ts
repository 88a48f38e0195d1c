/** The tools that ours is compared with. Only tests start processes; the library never does. */
import { spawnSync } from 'node:child_process';
import { rootless, type Sandbox } from './netns.js';

const present = ['ip', 'bridge', 'nsenter'].filter((tool) => spawnSync(tool, ['--version']).error === undefined);

/** Why these tools cannot be used here, if so. */
export const noIproute2: string | undefined =
  present.length === 3 ? undefined : 'needs ip and bridge (iproute2) and nsenter (util-linux)';

/** Runs a command inside the namespace, which must succeed; with what it is to read. */
export function runIn({ netns }: Sandbox, command: string, input = ''): string {
  using owner = rootless ? netns.owner() : undefined;
  const at = (fd: number) => `/proc/${process.pid}/fd/${fd}`;
  // Whoever is root there only may enter by way of the user namespace that owns the other, and keeps to who he is.
  const user = owner === undefined ? [] : [`--user=${at(owner.fd)}`, '--preserve-credentials'];
  const args = [...user, `--net=${at(netns.fd)}`, ...command.trim().split(/ +/)];
  const { status, stdout, stderr } = spawnSync('nsenter', args, { encoding: 'utf8', env: process.env, input });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
  return stdout;
}

/** The objects that a command prints with `-j`: `jsonIn(sandbox, 'ip -j -d addr')`. */
export function jsonIn(sandbox: Sandbox, command: string): Record<string, unknown>[] {
  return JSON.parse(runIn(sandbox, command) || '[]') as Record<string, unknown>[];
}
