import { ArgumentError } from '../errors.js';
import { checkKeys, checkPath, checkSwitch } from '../options.js';
import { checkDescriptor, type InNamespace } from './checks.js';
import { MNT_DETACH, MNT_EXPIRE, MNT_FORCE, UMOUNT_NOFOLLOW } from '../system-calls/constants.js';
import { borrow, ThreadProgram, run, runSync, succeed, type Operation } from './program.js';

export interface UmountOptions extends InNamespace {
  /** Takes the mount and all below it out of sight now; they end when nobody uses them any more. */
  readonly detach?: boolean | undefined;
  /** Gives up requests under way, where the file system can (NFS, FUSE); data may be lost. */
  readonly force?: boolean | undefined;
  /**
   * Marks a mount that nobody uses as expired, which is an EAGAIN, or unmounts it if it has been since the mark. Without
   * `detach` and `force`.
   */
  readonly expire?: boolean | undefined;
  /** Does not follow a symbolic link at the end of the path. */
  readonly noFollow?: boolean | undefined;
}

const FLAGS = { detach: MNT_DETACH, force: MNT_FORCE, expire: MNT_EXPIRE, noFollow: UMOUNT_NOFOLLOW } as const;

function* umountOperation(target: string, options: UmountOptions): Operation<void> {
  checkPath('umount.target', target);
  options = checkKeys('umount', options, ['namespace', ...Object.keys(FLAGS)]);
  let flags = 0;
  for (const name of Object.keys(FLAGS) as (keyof typeof FLAGS)[])
    if (checkSwitch(`umount.${name}`, options[name])) flags |= FLAGS[name];
  if (options.expire === true && (flags & (MNT_DETACH | MNT_FORCE)) !== 0)
    throw new ArgumentError('umount.expire', 'goes without detach and force');
  using namespace = borrow('umount.namespace', checkDescriptor('umount.namespace', options.namespace));
  const program = new ThreadProgram().enter('umount.namespace', namespace);
  program.add(`umount.target ${JSON.stringify(target)}`, 'umount2', [target, flags]);
  yield* succeed(program);
}

/** Unmounts what is mounted last at `target`, the path of a mount point: umount(2). Takes CAP_SYS_ADMIN as `mount` does. */
export function umount(target: string, options: UmountOptions = {}): Promise<void> {
  return run(umountOperation(target, options));
}

/** `umount`, in the calling thread's time. */
export function umountSync(target: string, options: UmountOptions = {}): void {
  runSync(umountOperation(target, options));
}
