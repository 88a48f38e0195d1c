import { fstatSync, statSync } from 'node:fs';
import { ArgumentError } from '../errors.js';
import { checkKeys, checkPath } from '../options.js';
import { checkDescriptor, type WithDescriptor } from './checks.js';
import { MNT_DETACH } from '../system-calls/constants.js';
import { borrow, ThreadProgram, run, runSync, succeed, type Operation } from './program.js';

export interface PivotRootOptions {
  /** The mount namespace: another one than that of this process. */
  readonly namespace: WithDescriptor;
}

function* pivotRootOperation(newRoot: string, putOld: string | undefined, options: PivotRootOptions): Operation<void> {
  checkPath('pivotRoot.newRoot', newRoot);
  if (putOld !== undefined) checkPath('pivotRoot.putOld', putOld);
  options = checkKeys('pivotRoot', options, ['namespace']);
  using namespace = borrow('pivotRoot.namespace', checkDescriptor('pivotRoot.namespace', options.namespace));
  if (namespace === undefined || isOwn(namespace)) {
    const reason =
      'takes a mount namespace other than the own one: the root folder would be another for all processes there, this one included';
    throw new ArgumentError('pivotRoot.namespace', reason);
  }
  const program = new ThreadProgram().enter('pivotRoot.namespace', namespace);
  const subject = `pivotRoot.newRoot ${JSON.stringify(newRoot)}`;
  if (putOld === undefined) {
    // The old root is put on top of the new one, and unmounted from there.
    program.add(subject, 'pivot_root', [newRoot, newRoot]);
    program.add(subject, 'umount2', ['/', MNT_DETACH]);
  } else {
    program.add(`${subject}, putOld ${JSON.stringify(putOld)}`, 'pivot_root', [newRoot, putOld]);
  }
  yield* succeed(program);
}

function isOwn({ fd }: WithDescriptor): boolean {
  const theirs = fstatSync(fd, { bigint: true });
  const own = statSync('/proc/self/ns/mnt', { bigint: true });
  return theirs.ino === own.ino && theirs.dev === own.dev;
}

/**
 * Makes `newRoot`, a mount point, the root of a mount namespace, and puts the old root at `putOld`, which is `newRoot` or a
 * folder below it; undefined: unmounts it. All processes in that namespace that had the old root have the new one then:
 * pivot_root(2). So this is refused for the namespace of this process; `namespace` says which one is meant.
 *
 * Takes CAP_SYS_ADMIN as `mount` does. EINVAL when `newRoot` is no mount point, or the mount of either, or that of the root, is shared.
 */
export function pivotRoot(newRoot: string, putOld: string | undefined, options: PivotRootOptions): Promise<void> {
  return run(pivotRootOperation(newRoot, putOld, options));
}

/** `pivotRoot`, in the calling thread's time. */
export function pivotRootSync(newRoot: string, putOld: string | undefined, options: PivotRootOptions): void {
  runSync(pivotRootOperation(newRoot, putOld, options));
}
