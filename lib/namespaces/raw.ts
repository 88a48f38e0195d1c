/**
 * `setns` and `unshare` as they are. Everything else in this library leaves Node's threads where they are; these two do
 * not.
 */
import { EINVAL, ENOSPC, EPERM, EUSERS } from '../errno.js';
import { ArgumentError, SyscallError } from '../errors.js';
import type { Failure } from '../native/addon.js';
import { addon } from '../native/load.js';
import { hintIfLacking, orThrow, systemCallError } from '../netlink/system-call.js';
import { CLONE_FS } from '../system-calls/constants.js';
import { show } from '../wire/codec.js';
import { checkDescriptor } from '../options.js';
import {
  checkType,
  checkTypes,
  flagOf,
  labelOf,
  NAMESPACE_TYPES,
  typeOf,
  type NamespaceType,
} from '../namespace-types.js';

/** What a thread can have for itself: namespaces, and with `'fs'` its root folder, working directory and umask. */
export type Unshareable = NamespaceType | 'fs';

/**
 * Moves the calling thread, and no other, into a namespace for good: setns(2). `target` is a handle, or a descriptor of a
 * namespace or of a process (pidfd, since Linux 5.8), whose namespaces of the given types are entered; with a namespace,
 * `types` says what it has to be.
 *
 * Know what a thread that is elsewhere does to a Node.js process, and do this in a Worker:
 * - Other threads stay where they are, those of libuv's pool among them: asynchronous functions of `node:fs` and
 *   `dns.lookup` run there, synchronous ones, and sockets, in the calling thread.
 * - A thread that it starts is where it is: nested Workers, and the pool if this thread is the first to need it. So let the
 *   main thread use the pool before, `await fs.promises.stat('/')` say. Processes that it starts are there, too.
 * - So do this library's asynchronous calls: `Rtnetlink.open()` opens where the process is. Give it
 *   `{ netns: Netns.current() }`, which is asked of the calling thread, or take `openSync`.
 * - /proc/self is the main thread; the calling one is /proc/thread-self.
 * - There is no way out but another `setns`, for which the old namespace has to be held open; or the end of the Worker.
 *
 * By type:
 * - `net`, `uts`, `ipc`, `cgroup`: the thread is there at once.
 * - `mnt`: likewise, and its root folder and working directory are the root of that namespace; takes `unshare(['fs'])` in
 *   this thread before, and CAP_SYS_CHROOT.
 * - `pid`: for children only; the thread itself stays. Until it enters its own pid namespace again it cannot start threads
 *   (EINVAL): if libuv's pool is not running yet, its first use then aborts the process.
 * - `user` (EINVAL) and `time` (EUSERS): refused to a process with threads, so to Node.js.
 *
 * Takes CAP_SYS_ADMIN in the own user namespace and in the one that owns the target. A refusal is a SyscallError whose
 * `hint` gives the kernel's rule. Kernel: the `install` functions of each type, kernel/nsproxy.c.
 */
export function setns(target: number | { readonly fd: number }, types?: readonly NamespaceType[]): void {
  const fd = checkDescriptor(
    'target',
    typeof target === 'object' && target !== null ? target.fd : target,
    'of a namespace or a process, or a handle',
  );
  const wanted = types === undefined ? [] : checkTypes(types, 'types');
  const { type: flag } = orThrow(addon.identify(fd), `descriptor ${fd}`);
  const found = typeOf(flag);
  if (found === undefined) checkTypesOfProcess(wanted);
  else if (wanted.some((type) => type !== found))
    throw new ArgumentError('types', `descriptor ${fd} is of a ${labelOf(found)}`);
  const result = addon.setns(fd, flagsOf(wanted));
  if (result === 0) return;
  if (found === undefined) throw explained(result, `of process descriptor ${fd}`, wanted.map(setnsHint));
  throw explained(result, labelOf(found), [setnsHint(found)]);
}

/**
 * Gives the calling thread, and no other, new namespaces for good: unshare(2). With `'fs'` it gets a root folder, working
 * directory and umask of its own, which is what it takes to enter a mount namespace. What is said of `setns` goes for this.
 *
 * By type:
 * - `net`, `uts`, `ipc`, `cgroup`: the thread is in a new one at once. With `ipc` go its semaphore adjustments (semop(2)).
 * - `mnt`: likewise, in a copy of the mounts, between which and the original changes still propagate unless they are made
 *   private. Implies `'fs'`.
 * - `pid`: for children only. The first of them is the init there: when that ends, there can be no more. Only once in a
 *   thread, which from then on cannot start threads, as with `setns`.
 * - `time`: for children only. Since Linux 5.6.
 * - `user`: refused to a process with threads, so to Node.js (EINVAL).
 *
 * Takes CAP_SYS_ADMIN, `'fs'` does not. Kernel: kernel/fork.c, ksys_unshare.
 */
export function unshare(types: readonly Unshareable[]): void {
  if (!Array.isArray(types) || types.length === 0)
    throw new ArgumentError('types', `takes an array of ${NAMESPACE_TYPES.join(', ')} and fs, not ${show(types)}`);
  const wanted: NamespaceType[] = [];
  for (const [index, type] of (types as readonly Unshareable[]).entries())
    if (type !== 'fs') wanted.push(checkType(type, `types[${index}]`));
  const result = addon.unshareThread(flagsOf(wanted) | (wanted.length < types.length ? CLONE_FS : 0));
  if (result !== 0) throw explained(result, types.join(', '), wanted.map(unshareHint));
}

function flagsOf(types: readonly NamespaceType[]): number {
  return types.reduce((flags, type) => flags | flagOf(type), 0);
}

function checkTypesOfProcess(types: readonly NamespaceType[]): void {
  if (types.length === 0)
    throw new ArgumentError('types', 'is needed: a process has a namespace of each type; and a file, none');
  // With several types the kernel prepares a copy of root and working directory, so that it does not notice whether they
  // are shared, and then sets them for all threads that share them; kernel/nsproxy.c, prepare_nsset and commit_nsset.
  if (types.includes('mnt') && types.length > 1)
    throw new ArgumentError(
      'types',
      'mnt takes a call of its own: with others, every thread would get a new root folder',
    );
}

/** Why the kernel says so, by errno. */
type Hints = Readonly<Record<number, string | undefined>>;

const THREADS =
  'the kernel refuses it to a process with threads, and Node.js always has some: start a child process in it with spawn';

function setnsHint(type: NamespaceType): Hints {
  switch (type) {
    case 'user':
      return { [EINVAL]: THREADS };
    case 'time':
      return { [EUSERS]: THREADS };
    case 'mnt':
      return {
        [EINVAL]:
          "this thread shares its root folder and working directory with others: call unshare(['fs']) in it before",
        [EPERM]: hintIfLacking(
          'it takes CAP_SYS_CHROOT, and CAP_SYS_ADMIN over the namespace and in the own user namespace',
          ...(['CAP_SYS_CHROOT', 'CAP_SYS_ADMIN'] as const),
        ),
      };
    case 'pid':
      return { [EINVAL]: 'it has to be the pid namespace of this process, or one below' };
    default:
      return {};
  }
}

function unshareHint(type: NamespaceType): Hints {
  const limit = `/proc/sys/user/max_${type}_namespaces is reached`;
  switch (type) {
    case 'user':
      return { [EINVAL]: THREADS, [ENOSPC]: `${limit}, or they are nested too deep` };
    case 'pid':
      return {
        [EINVAL]: 'the children of this thread are to be in another pid namespace already',
        [ENOSPC]: `${limit}, or they are nested too deep`,
      };
    default:
      return { [ENOSPC]: limit };
  }
}

function explained(failure: Failure, subject: string, hints: readonly Hints[]): SyscallError {
  const fitting = hints.flatMap((each) => each[failure.errno] ?? []);
  if (fitting.length === 0) return systemCallError(failure, subject);
  return new SyscallError(failure.errno, failure.syscall, subject, fitting.join('; or '));
}
