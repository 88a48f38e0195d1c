import { flagOf } from '../namespace-types.js';
import type { Namespaces } from './namespaces.js';
import type { SpawnOptions } from './spawn-options.js';

/**
 * A child may do these things while it shares this process's memory: they change nothing of who may look at that memory. All else
 * is done by a launcher, which has none of it.
 */
const DIRECT: { readonly [Option in keyof SpawnOptions]-?: boolean } = {
  argv0: true,
  env: true,
  cwd: true,
  stdio: true,
  detached: true,
  signal: true,
  killSignal: true,
  timeout: true,
  umask: true,
  hostname: true,
  domainname: true,
  // Decided by which they are.
  namespaces: true,
  uid: false,
  gid: false,
  groups: false,
  uidMap: false,
  gidMap: false,
  setgroups: false,
  cgroup: false,
  root: false,
  readOnlyRoot: false,
  mounts: false,
  propagation: false,
  sysctls: false,
  // A core dump would be one of this process's memory.
  rlimits: false,
  capabilities: false,
  noNewPrivileges: false,
  seccomp: false,
  oomScoreAdjust: false,
  deathSignal: false,
  timeOffsets: false,
  init: false,
  nice: false,
};

/** New ones, in which the child is alone. */
const DIRECT_NAMESPACES = flagOf('uts') | flagOf('ipc') | flagOf('pid') | flagOf('cgroup');

/** Whether the child itself may execute the program. `options` has only what was given. */
export function isDirect(options: SpawnOptions, namespaces: Namespaces): boolean {
  if (namespaces.joined.length > 0 || (namespaces.created & ~DIRECT_NAMESPACES) !== 0) return false;
  for (const option in options) if (!DIRECT[option as keyof SpawnOptions]) return false;
  return true;
}
