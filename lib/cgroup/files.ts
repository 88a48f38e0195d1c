import { constants, existsSync, readFileSync, promises } from 'node:fs';
import { posix } from 'node:path';
import { ENOENT, EOPNOTSUPP, errnoName } from '../errno.js';
import { SyscallError } from '../errors.js';
import type { Failure } from '../native/addon.js';
import { failureOf } from '../netlink/system-call.js';

/** What usually causes an error: by its name, or by its name and the file. */
const HINTS: Readonly<Record<string, string>> = {
  EPERM: 'it takes root, or a cgroup that was delegated to this user',
  EACCES: 'it takes root, or a cgroup that was delegated to this user',
  EROFS: 'the cgroup2 file system is mounted read-only here',
  ENOENT: 'there is no such cgroup, or no longer',
  ENODEV: 'there is no such cgroup any longer',
  'ENODEV io.max': 'there is no such disk; a partition has no limits of its own',
  'EINVAL cpu.weight': 'an idle cgroup has no weight',
  'ENOSPC cpuset.cpus': 'with processes in it, it takes at least one processor',
  'ENOSPC cpuset.mems': 'with processes in it, it takes at least one node',
  'ENOSPC cgroup.procs': 'its cpuset has no processor or no node',
  'ESRCH cgroup.procs': 'there is no such process',
  'ENOENT process': 'there is no such process',
  'ESRCH process': 'there is no such process',
  'EACCES cgroup.procs':
    'it takes the right to write cgroup.procs here and in the common ancestor of the two cgroups: root has it',
  'EBUSY cgroup.procs':
    'it hands controllers on to its children, so processes may only be in those (the "no internal processes" rule)',
  'EBUSY cgroup.subtree_control':
    'processes are in it, so it cannot hand controllers on to children (the "no internal processes" rule): move them into a child first',
  EOPNOTSUPP: 'the cgroup is threaded, or in a threaded one; cgroup.type tells',
  'EAGAIN mkdir': 'cgroup.max.depth or cgroup.max.descendants of an ancestor is reached',
};

/** The error for a call that failed. `file` is one of a cgroup's, or the call itself. */
export function cgroupError({ errno, syscall }: Failure, file: string, subject: string, hint?: string): SyscallError {
  const name = errnoName(errno);
  return new SyscallError(errno, syscall, subject, hint ?? HINTS[`${name} ${file}`] ?? HINTS[name]);
}

/** The directory of a cgroup and its files. */
export class Directory {
  /** Where it is in the file system. */
  readonly location: string;
  /** The cgroup's path, as in /proc/PID/cgroup. */
  readonly path: string;

  constructor(location: string, path: string) {
    this.location = location;
    this.path = path;
  }

  /** That of the cgroup around it. */
  get parent(): Directory {
    return new Directory(`${this.location}/..`, posix.dirname(this.path));
  }

  child(name: string): Directory {
    return new Directory(`${this.location}/${name}`, posix.join(this.path, name));
  }

  /** The error for a call on one of the files; `option` is what asked for it. */
  error(error: unknown, file: string, option?: string): SyscallError {
    return cgroupError(
      failureOf(error),
      file,
      `${file} of cgroup ${this.path}${option === undefined ? '' : ` (${option})`}`,
    );
  }

  /** What a file says, or undefined where there is no such file, or it is switched off (pressure). */
  readIfThere(file: string): string | undefined {
    try {
      return readFileSync(`${this.location}/${file}`, 'utf8');
    } catch (error) {
      if ([ENOENT, EOPNOTSUPP].includes(failureOf(error).errno)) return undefined;
      throw this.error(error, file);
    }
  }

  /** What a file says that every cgroup has. */
  read(file: string): string {
    try {
      return readFileSync(`${this.location}/${file}`, 'utf8');
    } catch (error) {
      throw this.error(error, file);
    }
  }

  has(file: string): boolean {
    return existsSync(`${this.location}/${file}`);
  }

  /**
   * Writes to a file, one call for each of `lines`: the kernel takes each as a value. In a pool thread, since some wait:
   * moving a process does for an RCU grace period, a lower limit of memory until that much is free.
   */
  async write(file: string, lines: readonly string[], option?: string): Promise<void> {
    try {
      // Not with O_NONBLOCK, as the addon would: since Linux 6.16 memory.max then does not wait.
      const handle = await promises.open(`${this.location}/${file}`, constants.O_WRONLY);
      try {
        for (const line of lines) await handle.write(line);
      } finally {
        await handle.close();
      }
    } catch (error) {
      throw this.error(error, file, option);
    }
  }
}
