import { EACCES, EBADF, EBUSY, EINVAL, ENODEV, ENOENT, ENOSPC, EOPNOTSUPP, EPERM } from '../errno.js';
import { SpawnError, UnsupportedError } from '../errors.js';
import { lazy } from '../lazy.js';
import type { Descriptor, SpawnFailure } from '../native/addon.js';
import { addon } from '../native/load.js';
import { FORBIDDEN_USER_NAMESPACES, isFailure, orThrow, systemCallError } from '../netlink/system-call.js';
import { encode } from '../system-calls/encode.js';

import { Child } from './child.js';
import { openJoined } from './namespaces.js';
import { isBrief, planned, type Plan } from './plan.js';
import { check, type SpawnOptions } from './spawn-options.js';
import { prepareStdio } from './stdio.js';
import { isFirstOfTurn } from './turn.js';

/** Kernel: kernel/cgroup/cgroup.c, cgroup_css_set_fork. Namespaces never give these. */
const CGROUP_ERRORS: readonly number[] = [ENOENT, EBADF, EACCES, EBUSY, ENODEV, EOPNOTSUPP];

/**
 * Runs a program, in any mix of new and existing namespaces. Resolves when it runs; until then nothing is left of a failure,
 * which comes as a `SpawnError` that names the step.
 *
 * The command is looked for in PATH of `env`, in the child's root, unless it has a slash; as by execvp(3), so that EACCES also
 * says that a folder there may not be searched. The child has the descriptors that `stdio` says and no others. Nothing of Node's own handling of children is involved.
 *
 * The first one in a turn of the main thread's event loop is started at once, as by `node:child_process`, unless it gets mounts, a user or network namespace or
 * else what may take longer; the others are started by threads of libuv's pool.
 *
 * Since Linux 5.11 (close_range with CLOSE_RANGE_CLOEXEC). Kernel: kernel/fork.c, clone3(2); the rights that namespaces take are in their man pages, namespaces(7).
 */
export async function spawn(command: string, args: readonly string[] = [], options: SpawnOptions = {}): Promise<Child> {
  const checked = check(command, args, options);
  options.signal?.throwIfAborted();
  using opened = openJoined(checked.namespaces);
  const stdio = prepareStdio(options.stdio);
  let self: Descriptor | undefined;
  let made;
  try {
    if (checked.deathSignal !== undefined) self = orThrow(addon.pidfdOpen(process.pid), 'options.deathSignal');
    const plan = planned(checked, opened.joined, stdio, self?.fd);
    const { program, entry, flags, writes, leastDescriptor } = plan;
    const cgroup = options.cgroup?.fd ?? -1;
    const parameters = [
      entry.calls.length === 0 ? null : encode(entry.calls),
      encode(program.calls),
      flags,
      cgroup,
      writes.flatMap(({ file, text }) => [file, text]),
      leastDescriptor,
    ] as const;
    // A Worker may be terminated at any moment of its JavaScript: the more there is of that, the likelier with a descriptor in hand.
    const atOnce = isBrief(plan) && lazy('worker_threads').isMainThread && isFirstOfTurn();
    made = atOnce ? addon.sync.spawn(...parameters) : await addon.async.spawn(...parameters);
    if (isFailure(made)) throw explained(made, plan, checked.ids !== undefined, cgroup >= 0);
  } catch (error) {
    stdio.giveUp();
    throw error;
  } finally {
    self?.close();
  }
  const child = new Child(made.pid, made.pidfd, stdio.use());
  abortedBy(child, options);
  return child;
}

function abortedBy(child: Child, { signal, killSignal = 'SIGTERM' }: SpawnOptions): void {
  if (signal === undefined) return;
  const onAbort = () => child.kill(killSignal);
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  const release = () => signal.removeEventListener('abort', onAbort);
  child.exited.then(release, release);
}

function explained(failure: SpawnFailure, plan: Plan, isNewUser: boolean, hasCgroup: boolean): Error {
  const { errno, syscall, stage, step } = failure;
  if (stage === undefined) return systemCallError(failure);
  const steps = {
    clone: () => (hasCgroup && CGROUP_ERRORS.includes(errno) ? 'cgroup' : 'clone3'),
    entry: () => plan.entry.subject(step),
    program: () => plan.program.subject(step),
    write: () => plan.writes[step]!.step,
    nullDevice: () => 'stdio',
  };
  const name = steps[stage]() ?? 'clone3';
  if (errno === EINVAL && name === 'namespaces.time')
    return new UnsupportedError('a new time namespace takes Linux 5.6; entering it with execve, 6.0');
  return new SpawnError(errno, syscall, name, hint(errno, name, isNewUser));
}

function hint(errno: number, step: string, isNewUser: boolean): string | undefined {
  if (step === 'clone3' && errno === EPERM)
    return isNewUser
      ? FORBIDDEN_USER_NAMESPACES
      : "new namespaces take CAP_SYS_ADMIN, or a new user namespace with them: namespaces: { user: 'new' }";
  if (step === 'clone3' && errno === ENOSPC)
    return 'the limit of user.max_*_namespaces, or of nested namespaces, is reached';
  if ((step === 'uidMap' || step === 'gidMap') && errno === EPERM)
    return 'more than the own id takes CAP_SETUID and CAP_SETGID outside; newuidmap(1) can write such maps for others';
  return undefined;
}
