import { checkKeys, checkPath } from '../options.js';
import { checkDescriptor, type InNamespace } from './checks.js';
import { AT_EMPTY_PATH, AT_FDCWD } from '../system-calls/constants.js';
import { attach, cloneTree } from '../system-calls/mounts.js';
import { borrow, ThreadProgram, run, runSync, succeed, type Operation } from './program.js';
import { addChange, changesNothing, checkChange, type MountAttributes } from './setattr.js';

export interface BindMountOptions extends Omit<MountAttributes, 'propagation'>, InNamespace {
  /** The path of what is to be seen at `target`, too. */
  readonly source: string;
  /** The path of the mount point, a folder or file as `source` is; a symbolic link at its end is not followed. */
  readonly target: string;
}

function* bindMountOperation(options: BindMountOptions): Operation<void> {
  options = checkKeys('bindMount', options, ['source', 'target', 'set', 'clear', 'idmap', 'recursive', 'namespace']);
  const source = checkPath('bindMount.source', options.source);
  const target = checkPath('bindMount.target', options.target);
  const change = checkChange('bindMount', options);
  using namespace = borrow('bindMount.namespace', checkDescriptor('bindMount.namespace', options.namespace));
  using idmap = borrow('bindMount.idmap', change.idmap);
  const program = new ThreadProgram().enter('bindMount.namespace', namespace);
  const clone = cloneTree(program, `bindMount.source ${JSON.stringify(source)}`, source, change.recursive);
  if (!changesNothing(change)) {
    const named = (['set', 'clear', 'idmap'] as const).filter((name) => options[name] !== undefined);
    addChange(program, named.map((name) => `bindMount.${name}`).join(', '), [clone, '', AT_EMPTY_PATH], change, idmap);
  }
  attach(program, `bindMount.target ${JSON.stringify(target)}`, clone, [AT_FDCWD, target, 0]);
  yield* succeed(program);
}

/**
 * Makes a folder or file appear at a second place, with open_tree(2), mount_setattr(2) and move_mount(2): with `recursive` all that is
 * mounted below comes along, and attributes and `idmap` hold for that, too. It appears as it shall be or not at all. Attributes
 * that are not named are those of the mount that `source` is on.
 *
 * `set`, `clear` and `idmap` since Linux 5.12, else UnsupportedError. Takes CAP_SYS_ADMIN as `mount` does.
 */
export function bindMount(options: BindMountOptions): Promise<void> {
  return run(bindMountOperation(options));
}

/** `bindMount`, in the calling thread's time. */
export function bindMountSync(options: BindMountOptions): void {
  runSync(bindMountOperation(options));
}
