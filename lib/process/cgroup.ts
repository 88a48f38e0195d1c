import { readFileSync } from 'node:fs';
import { EBUSY } from '../errno.js';
import { SpawnError } from '../errors.js';

/**
 * Refuses a cgroup that hands controllers on to its children. The kernel takes a process there if all of them can tell threads apart, and makes the
 * cgroup a threaded one, into whose children no process can be put any more. Kernel: kernel/cgroup/cgroup.c, cgroup_css_set_fork.
 */
export function checkCgroup(fd: number): void {
  if (read(fd, 'cgroup.type') === 'domain' && read(fd, 'cgroup.subtree_control') !== '')
    throw new SpawnError(EBUSY, 'clone3', 'cgroup', 'it hands controllers on to its children');
}

/** Empty also where there is no such file: it is no cgroup, or the root of all. The kernel says what is wrong with it. */
function read(fd: number, file: string): string {
  try {
    return readFileSync(`/proc/self/fd/${fd}/${file}`, 'utf8').trim();
  } catch {
    return '';
  }
}
