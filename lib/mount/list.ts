import { readFileSync } from 'node:fs';
import { ENOENT, EOVERFLOW, EPERM } from '../errno.js';
import { ArgumentError, SyscallError } from '../errors.js';
import { checkKeys } from '../options.js';
import { show } from '../wire/codec.js';
import { checkDescriptor, type InNamespace } from './checks.js';
import { AT_FDCWD, O_CLOEXEC, O_PATH, O_RDONLY } from '../system-calls/constants.js';
import { bufferOf } from '../system-calls/program.js';
import { parseMountinfo, type MountInfo } from './mountinfo.js';
import { borrow, ThreadProgram, run, runSync, succeed, type Borrowed, type Operation } from './program.js';
import { LSMT_ROOT, mountIds, mountRequest, readStatmount, tellsSource } from './statmount.js';

export interface ListMountsOptions extends InNamespace {
  /** A process, to list what it sees from its root folder, as far as this process may trace it. Instead of `namespace`. */
  readonly pid?: number | undefined;
}

const ANY_ERRNO = [-1];
/** Ids asked for at once. */
const IDS = 1024;
/** Mounts asked about at once. */
const MOUNTS = 256;
/** For what is known of a mount; those with longer strings are asked about again. */
const BYTES = 2048;
const MORE_BYTES = 128 * 1024;

/** By listmount and statmount; undefined where the kernel does not have them, or they do not tell everything. */
export function* statmountAll(namespace: Borrowed | undefined): Operation<MountInfo[] | undefined> {
  const inside = () => new ThreadProgram().enter('listMounts.namespace', namespace);
  const ids: bigint[] = [];
  for (let found = IDS; found === IDS;) {
    const program = inside();
    const args = [mountRequest(LSMT_ROOT, ids.at(-1) ?? 0n), bufferOf(IDS * 8), IDS, 0];
    const call = program.add('listMounts', 'listmount', args, ANY_ERRNO);
    const { results, buffers } = yield* succeed(program);
    found = results[call.value]!;
    if (found < 0) return undefined;
    ids.push(...mountIds(buffers[0]!, found));
  }
  const answers = new Map<bigint, Uint8Array>();
  const ask = function* (some: readonly bigint[], bytes: number): Operation<bigint[] | undefined> {
    const program = inside();
    const calls = some.map((id) =>
      program.add('listMounts', 'statmount', [mountRequest(id), bufferOf(bytes), bytes, 0], ANY_ERRNO),
    );
    const { results, buffers } = yield* succeed(program);
    const longer: bigint[] = [];
    for (const [index, id] of some.entries()) {
      const result = results[calls[index]!.value]!;
      if (result === 0) answers.set(id, buffers[index]!);
      else if (result === -EOVERFLOW && bytes < MORE_BYTES) longer.push(id);
      // ENOENT: it has been unmounted since; EPERM: it is not below the root folder any more.
      else if (result !== -ENOENT && result !== -EPERM) return undefined;
    }
    return longer;
  };
  for (let at = 0; at < ids.length; at += MOUNTS) {
    const longer = yield* ask(ids.slice(at, at + MOUNTS), BYTES);
    if (longer === undefined) return undefined;
    for (const id of longer) if ((yield* ask([id], MORE_BYTES)) === undefined) return undefined;
  }
  const known = ids.flatMap((id) => answers.get(id) ?? []);
  return known.some(tellsSource) ? known.map(readStatmount) : undefined;
}

/** /proc need not be mounted in the namespace: the folder is opened here, the file, which is bound to a namespace then, there. */
export function* mountinfoAll(namespace: Borrowed | undefined): Operation<MountInfo[]> {
  const program = new ThreadProgram();
  const folder = program.add('/proc/thread-self', 'openat', [AT_FDCWD, '/proc/thread-self', O_PATH | O_CLOEXEC, 0]);
  program.enter('listMounts.namespace', namespace);
  program.keep(program.add('/proc/thread-self/mountinfo', 'openat', [folder, 'mountinfo', O_RDONLY | O_CLOEXEC, 0]));
  const { descriptor } = yield* succeed(program);
  try {
    return parseMountinfo(readFileSync(descriptor!.fd, 'utf8'));
  } finally {
    descriptor!.close();
  }
}

function mountsOfProcess(pid: unknown): MountInfo[] {
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid <= 0)
    throw new ArgumentError('listMounts.pid', `takes the number of a process, not ${show(pid)}`);
  try {
    return parseMountinfo(readFileSync(`/proc/${pid}/mountinfo`, 'utf8'));
  } catch (error) {
    const { errno, syscall } = error as NodeJS.ErrnoException;
    if (errno === undefined || syscall === undefined) throw error;
    const hint =
      -errno === ENOENT ? 'there is no such process' : 'the process is ending, or it takes the right to trace it';
    throw new SyscallError(-errno, syscall, `listMounts.pid ${pid}`, hint);
  }
}

function* listOperation(options: ListMountsOptions): Operation<MountInfo[]> {
  options = checkKeys('listMounts', options, ['namespace', 'pid']);
  if (options.pid !== undefined) {
    if (options.namespace !== undefined) throw new ArgumentError('listMounts.pid', 'goes without namespace');
    return mountsOfProcess(options.pid);
  }
  using namespace = borrow('listMounts.namespace', checkDescriptor('listMounts.namespace', options.namespace));
  return (yield* statmountAll(namespace)) ?? (yield* mountinfoAll(namespace));
}

/**
 * The mounts of this process, of a mount namespace, or of a process, that can be reached from the root folder there.
 * Through listmount(2) and statmount(2) where they tell everything (since Linux 6.13), else from /proc/PID/mountinfo, which is
 * always where those of a process come from. Mounts that come or go meanwhile may be in the list or not.
 *
 * @example
 * ```ts
 * import { listMounts } from 'netlace/mount';
 *
 * for (const { target, type, flags } of await listMounts()) console.log(target, type, flags.join());
 * ```
 */
export function listMounts(options: ListMountsOptions = {}): Promise<MountInfo[]> {
  return run(listOperation(options));
}

/** `listMounts`, in the calling thread's time. */
export function listMountsSync(options: ListMountsOptions = {}): MountInfo[] {
  return runSync(listOperation(options));
}
