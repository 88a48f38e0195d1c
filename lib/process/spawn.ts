import { EACCES, EBADF, EBUSY, EINVAL, ENODEV, ENOENT, ENOSPC, EOPNOTSUPP, EPERM } from '../errno.js';
import { SpawnError, SyscallError, UnsupportedError } from '../errors.js';
import { lazy } from '../lazy.js';
import type { Descriptor, SpawnFailure } from '../native/addon.js';
import { addon } from '../native/load.js';
import { sharedReader } from '../netlink/reader.js';
import { FORBIDDEN_USER_NAMESPACES, isFailure, orThrow, systemCallError } from '../netlink/system-call.js';
import { encode } from '../system-calls/encode.js';

import { atOnce, countChild, isForThisThread } from './at-once.js';
import { Child } from './child.js';
import { openJoined } from './namespaces.js';
import { planned, type Plan } from './plan.js';
import { check, type CheckedSpawn, type SpawnOptions } from './spawn-options.js';
import { prepareStdio } from './stdio.js';

/** Kernel: kernel/cgroup/cgroup.c, cgroup_css_set_fork. Namespaces never give these. */
const CGROUP_ERRORS: readonly number[] = [ENOENT, EBADF, EACCES, EBUSY, ENODEV, EOPNOTSUPP];

/**
 * Runs a program, in any mix of new and existing namespaces. Resolves when it runs; until then nothing is left of a failure,
 * which comes as a `SpawnError` that names the step.
 *
 * The command is looked for in PATH of `env`, in the child's root, unless it has a slash; as by execvp(3), so that EACCES also
 * says that a folder there may not be searched. The child has the descriptors that `stdio` says and no others. Nothing of Node's own handling of children is involved.
 *
 * One that gets no mounts, user or network namespace or else what may take longer is started by the main thread itself, as by
 * `node:child_process`, while it is the only one, and else for a tenth of the time; all others are started by threads of libuv's pool.
 *
 * Since Linux 5.11 (close_range with CLOSE_RANGE_CLOEXEC). Kernel: kernel/fork.c, clone3(2); the rights that namespaces take are in their man pages, namespaces(7).
 */
export async function spawn(command: string, args: readonly string[] = [], options: SpawnOptions = {}): Promise<Child> {
  const checked = check(command, args, options);
  options.signal?.throwIfAborted();
  const stdio = prepareStdio(options.stdio);
  const opened: Descriptor[] = [];
  const shared = sharedReader();
  shared.use();
  countChild(1);
  let child: Child;
  try {
    const plan = planned(checked, openJoined(checked.namespaces, opened), stdio, openSelf(checked, opened));
    const { program, entry, flags, writes, leastDescriptor } = plan;
    const cgroup = options.cgroup?.fd ?? -1;
    const parameters = [
      entry.calls.length === 0 ? null : encode(entry.calls).slice(),
      encode(program.calls),
      flags,
      cgroup,
      writes.flatMap(({ file, text }) => [file, text]),
      leastDescriptor,
      shared.reader,
    ] as const;
    // A Worker may be terminated at any moment of its JavaScript: the more there is of that, the likelier with a descriptor in hand.
    const isHere = plan.isBrief && isForThisThread() && lazy('worker_threads').isMainThread;
    const made = isHere ? atOnce(() => addon.sync.spawn(...parameters)) : await addon.async.spawn(...parameters);
    if (isFailure(made)) throw explained(made, plan, checked.ids !== undefined, cgroup >= 0);
    child = new Child(shared, made, stdio.use());
  } catch (error) {
    countChild(-1);
    shared.letGo();
    stdio.giveUp();
    throw error;
  } finally {
    for (const descriptor of opened) descriptor.close();
  }
  abortedBy(child, options);
  return child;
}

/** What a death signal is bound to. */
function openSelf({ deathSignal }: CheckedSpawn, opened: Descriptor[]): number | undefined {
  if (deathSignal === undefined) return undefined;
  const self = orThrow(addon.pidfdOpen(process.pid), 'options.deathSignal');
  opened.push(self);
  return self.fd;
}

function abortedBy(child: Child, { signal, killSignal = 'SIGTERM' }: SpawnOptions): void {
  if (signal === undefined) return;
  const onAbort = () => {
    try {
      child.kill(killSignal);
    } catch (error) {
      // It has become another user's, and goes on; nobody is there to be told.
      if (!(error instanceof SyscallError) || error.errno !== EPERM) throw error;
    }
  };
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  const release = () => signal.removeEventListener('abort', onAbort);
  child.exited.then(release, release);
}

function explained(failure: SpawnFailure, plan: Plan, isNewUser: boolean, hasCgroup: boolean): Error {
  const { errno, syscall, stage, step } = failure;
  if (stage === undefined) return systemCallError(failure);
  const steps = {
    clone: () => (hasCgroup && syscall === 'clone3' && CGROUP_ERRORS.includes(errno) ? 'cgroup' : 'clone3'),
    entry: () => plan.entry.subject(step),
    program: () => plan.program.subject(step),
    write: () => plan.writes[step]!.step,
  };
  const name = steps[stage]() ?? 'clone3';
  if (errno === EINVAL && name === 'namespaces.time')
    return new UnsupportedError('a new time namespace takes Linux 5.6; entering it with execve, 6.0');
  return new SpawnError(errno, syscall, name, hint(failure, name, isNewUser));
}

function hint({ errno, syscall }: SpawnFailure, step: string, isNewUser: boolean): string | undefined {
  // The step is called so also where the child cannot be watched.
  const isClone = step === 'clone3' && syscall === 'clone3';
  if (isClone && errno === EPERM)
    return isNewUser
      ? FORBIDDEN_USER_NAMESPACES
      : "new namespaces take CAP_SYS_ADMIN, or a new user namespace with them: namespaces: { user: 'new' }";
  if (isClone && errno === ENOSPC) return 'the limit of user.max_*_namespaces, or of nested namespaces, is reached';
  if ((step === 'uidMap' || step === 'gidMap') && errno === EPERM)
    return 'more than the own id takes CAP_SETUID and CAP_SETGID outside; newuidmap(1) can write such maps for others';
  return undefined;
}
