import { constants, readFileSync } from 'node:fs';
import { EACCES, ENOENT, ENOTTY, EPERM, ESRCH } from '../errno.js';
import { ArgumentError, SyscallError } from '../errors.js';
import type { Descriptor, Failure, NamespaceIdentity } from '../native/addon.js';
import { addon } from '../native/load.js';
import { hintIfLacking, isFailure, orThrow } from '../netlink/system-call.js';
import { checkDescriptor, checkPid } from '../options.js';
import { fileError, pathOfName } from './names.js';
import { flagOf, labelOf, typeOf, type NamespaceType } from '../namespace-types.js';

/** Of a FIFO that somebody has put there, the other end is not waited for. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK;

/** A namespace's descriptor, and what the kernel says that it is of. */
export interface OpenedNamespace {
  readonly descriptor: Descriptor;
  readonly identity: NamespaceIdentity;
  readonly type: NamespaceType;
}

/** Where a namespace is found, apart from its type. */
export interface Place {
  readonly path?: unknown;
  readonly name?: unknown;
  readonly pid?: unknown;
  readonly pidfd?: unknown;
  readonly fd?: unknown;
  /** Of a process: what its children will be in. */
  readonly forChildren?: boolean | undefined;
}

/** The file of a type in /proc/PID/ns. */
export function fileOf(type: NamespaceType, forChildren = false): string {
  return forChildren ? `${type}_for_children` : type;
}

/** Takes the descriptor over, provided that it is one of a namespace, and of that type if one is given. */
export function takeOver(descriptor: Descriptor, what: string, type?: NamespaceType): OpenedNamespace {
  const identity = addon.identify(descriptor.fd);
  const found = isFailure(identity) ? undefined : typeOf(identity.type);
  if (isFailure(identity) || found === undefined || (type !== undefined && found !== type)) {
    descriptor.close();
    if (isFailure(identity)) orThrow(identity, what);
    throw new ArgumentError('ref', `${what} is no ${type === undefined ? 'namespace' : labelOf(type)}`);
  }
  return { descriptor, identity, type: found };
}

/** Opens what is at the place. Those of processes take a type. */
export function openNamespace(place: Place, type: NamespaceType | undefined): OpenedNamespace {
  if ('name' in place) {
    const path = pathOfName(place.name, 'ref.name');
    const what = `netns ${JSON.stringify(place.name)}`;
    return takeOver(orThrow(addon.sync.open(path, READ), what), path, type);
  }
  if ('path' in place) {
    const { path } = place;
    if (typeof path !== 'string' || path === '' || path.includes('\0'))
      throw new ArgumentError('ref.path', 'takes a path');
    return takeOver(orThrow(addon.sync.open(path, READ), path), path, type);
  }
  if ('fd' in place) {
    const fd = checkDescriptor('ref.fd', place.fd, 'of a namespace');
    const what = `descriptor ${fd}`;
    return takeOver(orThrow(addon.duplicate(fd), what), what, type);
  }
  if (type === undefined) throw new ArgumentError('ref.type', 'is needed: a process is in a namespace of each type');
  if ('pidfd' in place) {
    const pidfd = checkDescriptor('ref.pidfd', place.pidfd, 'of pidfd_open(2)');
    const what = `pidfd ${pidfd}`;
    return takeOver(ofPidfd(pidfd, type, place.forChildren, what), what, type);
  }
  const pid = checkPid('ref.pid', place.pid);
  const what = `process ${pid}`;
  const pidfd = orThrow(addon.pidfdOpen(pid), what);
  try {
    return takeOver(ofPidfd(pidfd.fd, type, place.forChildren, what), what, type);
  } finally {
    pidfd.close();
  }
}

/** That of the calling thread. */
export function openCurrent(type: NamespaceType, forChildren = false): OpenedNamespace {
  const path = `/proc/thread-self/ns/${fileOf(type, forChildren)}`;
  const opened = addon.sync.open(path, READ);
  if (isFailure(opened) && opened.errno === ENOENT) {
    const hint = forChildren
      ? 'it is there as soon as a child is in it'
      : `either /proc is not mounted, or the kernel was built without ${labelOf(type)}s`;
    throw new SyscallError(opened.errno, opened.syscall, path, hint);
  }
  return takeOver(orThrow(opened, path), 'the current namespace', type);
}

function ofPidfd(pidfd: number, type: NamespaceType, forChildren: boolean | undefined, what: string): Descriptor {
  if (forChildren !== true) {
    const direct = addon.pidfdNamespace(pidfd, flagOf(type));
    if (!isFailure(direct)) return direct;
    if (direct.errno !== ENOTTY) throw processError(direct, what);
  }
  // Before Linux 6.11: by pid, and the pidfd tells whether that was still the same process.
  const path = `/proc/${pidOf(pidfd, what)}/ns/${fileOf(type, forChildren)}`;
  const descriptor = addon.sync.open(path, READ);
  const alive = addon.pidfdSignal(pidfd, 0);
  if (isFailure(alive) && alive.errno === ESRCH) {
    if (!isFailure(descriptor)) descriptor.close();
    throw new SyscallError(alive.errno, alive.syscall, what);
  }
  if (isFailure(descriptor)) throw processError(descriptor, what);
  return descriptor;
}

/** The pid that /proc, as mounted here, has for the process. */
function pidOf(pidfd: number, what: string): number {
  let info: string;
  try {
    info = readFileSync(`/proc/thread-self/fdinfo/${pidfd}`, 'utf8');
  } catch (error) {
    throw fileError(error, what);
  }
  const pid = /^Pid:\s*(-?\d+)$/m.exec(info)?.[1];
  if (pid === undefined) throw new ArgumentError('ref.pidfd', `${what} is no descriptor of pidfd_open(2)`);
  // -1: it has ended. 0: it is in a pid namespace that is not below the one of /proc.
  if (Number(pid) <= 0) throw new SyscallError(ESRCH, 'pidfd_open', what);
  return Number(pid);
}

function processError({ errno, syscall }: Failure, what: string): SyscallError {
  const hint =
    errno === EPERM || errno === EACCES
      ? hintIfLacking(
          'it takes the right to trace the process: the same user with no fewer capabilities, or CAP_SYS_PTRACE',
          'CAP_SYS_PTRACE',
        )
      : undefined;
  return new SyscallError(errno, syscall, what, hint);
}
