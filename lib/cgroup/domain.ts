/**
 * The "no internal processes" rule, which this library keeps for all controllers: a cgroup has processes, or it hands controllers on
 * to its children. The kernel keeps it for most. For those that can tell threads apart (`cpu`, `cpuset`, `perf_event`,
 * `pids`) it turns the cgroup into a "domain threaded" one instead: its children are "domain invalid" from then on, and
 * no process can be put into them. Kernel: kernel/cgroup/cgroup.c, cgroup_vet_subtree_control_enable,
 * cgroup_migrate_vet_dst, cgroup_is_thread_root.
 */
import { readFileSync } from 'node:fs';
import { EBUSY } from '../errno.js';
import type { SyscallError } from '../errors.js';
import { cgroupError, Directory } from './files.js';
import { words } from './formats.js';
import { locateHere, pathIn } from './hierarchy.js';

/**
 * Whether the rule is the cgroup's. The root is free of it, and where somebody has chosen threads (`cgroup.type`) the
 * kernel decides.
 */
const isDomain = (directory: Directory) => directory.readIfThere('cgroup.type')?.trim() === 'domain';
const becameThreaded = (directory: Directory) => directory.readIfThere('cgroup.type')?.trim() === 'domain threaded';

function busy(directory: Directory, file: string): SyscallError {
  return cgroupError({ errno: EBUSY, syscall: 'write' }, file, `${file} of cgroup ${directory.path}`);
}

/** EBUSY where processes are in the cgroup. */
export function checkMayHandOn(directory: Directory): void {
  if (isDomain(directory) && words(directory.read('cgroup.procs')).length > 0)
    throw busy(directory, 'cgroup.subtree_control');
}

/** Has a cgroup hand controllers on to its children. */
export async function handOn(directory: Directory, controllers: readonly string[]): Promise<void> {
  const change = (sign: '+' | '-') =>
    directory.write('cgroup.subtree_control', [controllers.map((each) => sign + each).join(' ')]);
  const wasDomain = isDomain(directory);
  await change('+');
  // A process came in since the check.
  if (wasDomain && becameThreaded(directory)) {
    await change('-').catch(() => undefined);
    throw busy(directory, 'cgroup.subtree_control');
  }
}

/** Moves a process into a cgroup; EBUSY where that hands controllers on to its children. */
export async function moveInto(directory: Directory, pid: number): Promise<void> {
  const wasDomain = isDomain(directory);
  if (wasDomain && words(directory.read('cgroup.subtree_control')).length > 0) throw busy(directory, 'cgroup.procs');
  const before = wasDomain ? pathOf(pid) : undefined;
  await directory.write('cgroup.procs', [`${pid}`]);
  // It was told to hand controllers on since the check.
  if (wasDomain && becameThreaded(directory)) {
    if (before !== undefined) await moveBack(pid, before).catch(() => undefined);
    throw busy(directory, 'cgroup.procs');
  }
}

/** The cgroup that a process is in; undefined where that cannot be told. */
function pathOf(pid: number): string | undefined {
  try {
    return pathIn(readFileSync(`/proc/${pid}/cgroup`, 'utf8'));
  } catch {
    return undefined;
  }
}

async function moveBack(pid: number, path: string): Promise<void> {
  await new Directory(locateHere(path).location, path).write('cgroup.procs', [`${pid}`]);
}
