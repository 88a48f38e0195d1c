import {
  EACCES,
  EBADF,
  EBUSY,
  ECANCELED,
  EINVAL,
  ENODEV,
  ENOENT,
  ENOSPC,
  ENOSYS,
  EOPNOTSUPP,
  EPERM,
} from '../errno.js';
import { SpawnError, SyscallError, UnsupportedError } from '../errors.js';
import { lazy } from '../lazy.js';
import type { Descriptor, SpawnFailure } from '../native/addon.js';
import { addon } from '../native/load.js';
import { sharedReader, type SharedReader } from '../netlink/reader.js';
import { whyNoUserNamespace } from '../netlink/capabilities.js';
import { hintIfLacking, isFailure, orThrow } from '../netlink/system-call.js';
import { encode } from '../system-calls/encode.js';
import { atOnce, countChild, patience } from './at-once.js';
import { checkCgroup } from './cgroup.js';
import { Child } from './child.js';
import { Limits } from './limits.js';
import { openJoined } from './namespaces.js';
import { planned, type Plan } from './plan.js';
import { signalName } from './signals.js';
import { check, type CheckedSpawn, type SpawnOptions } from './spawn-options.js';
import { prepareStdio, type PreparedStdio } from './stdio.js';

/** Kernel: kernel/cgroup/cgroup.c, cgroup_css_set_fork. Namespaces never give these. */
const CGROUP_ERRORS: readonly number[] = [ENOENT, EBADF, EACCES, EBUSY, ENODEV, EOPNOTSUPP];

/**
 * Runs a program, in any mix of new and existing namespaces. Resolves when it runs; until then nothing is left of a failure,
 * which comes as a `SpawnError` that names the step.
 *
 * The command is looked for in PATH of `env`, in the child's root, unless it has a slash; as by execvp(3), so that EACCES also
 * says that a folder there may not be searched. The child has the descriptors that `stdio` says and no others. Nothing of Node's own handling of children is involved.
 *
 * No process with this process's memory enters a container. A launcher of a few kilobytes makes the child, except where the child only
 * gets descriptors, a folder, a umask, a session, or new uts, ipc, pid and cgroup namespaces. No thread waits for a child that takes its time,
 * in a frozen cgroup say: `signal` and `timeout` end it.
 *
 * Since Linux 5.9 (close_range). Kernel: kernel/fork.c, clone3(2); the rights that namespaces take are in their man pages, namespaces(7).
 */
export async function spawn(command: string, args: readonly string[] = [], options: SpawnOptions = {}): Promise<Child> {
  const checked = check(command, args, options);
  const { signal, timeout, killSignal = 'SIGTERM' } = checked.options;
  signal?.throwIfAborted();
  const stdio = prepareStdio(checked.options.stdio);
  const shared = sharedReader();
  shared.use();
  countChild(1);
  const limits = new Limits(signal, timeout);
  let child: Child;
  try {
    child = new Child(shared, await begin(checked, stdio, shared, limits), stdio.use());
  } catch (error) {
    limits.release();
    countChild(-1);
    shared.letGo();
    stdio.giveUp();
    throw error;
  }
  limits.whenReached(() => end(child, killSignal));
  const release = () => limits.release();
  child.exited.then(release, release);
  return child;
}

/** Returns what the reader calls the child, which runs the program by then. */
async function begin(
  checked: CheckedSpawn,
  stdio: PreparedStdio,
  shared: SharedReader,
  limits: Limits,
): Promise<number> {
  const opened: Descriptor[] = [];
  let plan: Plan;
  let made: number | SpawnFailure;
  try {
    if (checked.options.cgroup !== undefined) checkCgroup(checked.options.cgroup.fd);
    plan = planned(checked, openJoined(checked.namespaces, opened), stdio, openSelf(checked, opened));
    const { program, flags, writes, leastDescriptor } = plan;
    const wait = patience();
    const parameters = [
      encode(program.calls),
      flags,
      plan.isDirect ? null : program.keeps,
      writes.flatMap(({ file, text }) => [file, text]),
      leastDescriptor,
      wait,
      shared.reader,
    ] as const;
    // A death signal comes when the thread that made the child ends. Those of the pool last as long as the process.
    const isInPool = checked.deathSignal !== undefined && !lazy('worker_threads').isMainThread;
    made = isInPool
      ? await addon.async.spawn(...parameters)
      : wait > 0
        ? atOnce(() => addon.sync.spawn(...parameters))
        : addon.sync.spawn(...parameters);
  } finally {
    for (const descriptor of opened) descriptor.close();
  }
  if (isFailure(made)) throw explained(made, plan, checked);
  if (made > 0) return made;
  const id = -made;
  limits.whenReached(() => shared.reader.abort(id));
  await shared.delivered(id);
  const failure = shared.reader.outcome(id);
  if (failure === null) return id;
  if (limits.areReached) throw limits.reason(`spawn ${JSON.stringify(checked.command)}`);
  throw explained(failure, plan, checked);
}

/** What a death signal is bound to. */
function openSelf({ deathSignal }: CheckedSpawn, opened: Descriptor[]): number | undefined {
  if (deathSignal === undefined) return undefined;
  const self = orThrow(addon.pidfdOpen(process.pid), 'options.deathSignal');
  opened.push(self);
  return self.fd;
}

function end(child: Child, killSignal: NodeJS.Signals | number): void {
  try {
    child.kill(killSignal);
  } catch (error) {
    // It has become another user's, and goes on; nobody is there to be told.
    if (!(error instanceof SyscallError) || error.errno !== EPERM) throw error;
  }
}

function explained(failure: SpawnFailure, plan: Plan, checked: CheckedSpawn): Error {
  const { errno, syscall, stage } = failure;
  const name = stepOf(failure, plan);
  if (errno === EINVAL && name === 'namespaces.time')
    return new UnsupportedError('a new time namespace takes Linux 5.6');
  if (stage === 'killed') {
    const by = errno === 0 ? 'it ended' : `${signalName(errno)} ended it`;
    return new SpawnError(ECANCELED, syscall === '' ? 'execveat' : syscall, name, `${by} before it was the program`);
  }
  return new SpawnError(errno, syscall, name, hint(failure, name, checked), named(name, checked));
}

/** The option that the failed step came from. */
function stepOf({ errno, syscall, stage, step }: SpawnFailure, plan: Plan): string {
  if (stage === 'write') return plan.writes[step]!.step;
  if (stage === 'launch') return 'launcher';
  const subject = stage === 'clone' ? undefined : plan.program.subject(step);
  if (subject === undefined) return stage === 'killed' ? 'launcher' : 'clone3';
  return subject === 'cgroup' && syscall === 'clone3' && !CGROUP_ERRORS.includes(errno) ? 'clone3' : subject;
}

/** With what the caller said there, where that is short. */
function named(name: string, { command, options }: CheckedSpawn): string | undefined {
  const values: Readonly<Record<string, string | undefined>> = { command, cwd: options.cwd, root: options.root };
  return values[name];
}

function hint({ errno, syscall, stage }: SpawnFailure, step: string, { ids }: CheckedSpawn): string | undefined {
  if (stage === 'launch')
    return errno === EACCES ? 'the sysctl vm.memfd_noexec forbids files in memory to be executed' : undefined;
  if ((step === 'uid' || step === 'gid') && errno === EINVAL)
    return `the user namespace has no such id, which is 0 unless said: options.${step}`;
  if ((step === 'uidMap' || step === 'gidMap') && errno === EPERM)
    return 'more than the own id takes CAP_SETUID and CAP_SETGID outside; newuidmap(1) can write such maps for others';
  if (syscall === 'clone3' && errno === ENOSYS) return 'a seccomp filter of this process forbids clone3';
  const isNew = step === 'clone3' || step === 'namespaces.user';
  if (!isNew || (syscall !== 'clone3' && syscall !== 'unshare')) return undefined;
  if (errno === EPERM)
    return ids === undefined
      ? hintIfLacking(
          "new namespaces take CAP_SYS_ADMIN, or a new user namespace with them: namespaces: { user: 'new' }",
          'CAP_SYS_ADMIN',
        )
      : whyNoUserNamespace();
  if (errno === ENOSPC) return 'the limit of user.max_*_namespaces, or of nested namespaces, is reached';
  return undefined;
}
