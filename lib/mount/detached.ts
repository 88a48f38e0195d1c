import { ClosedError } from '../errors.js';
import type { Descriptor, Performed } from '../native/addon.js';
import { checkKeys, checkPath, checkSwitch } from '../options.js';
import { AT_FDCWD, MOVE_MOUNT_BENEATH } from '../system-calls/constants.js';
import { attach, cloneTree, type Place } from '../system-calls/mounts.js';
import { checkDescriptor, type InNamespace } from './checks.js';
import { checkFilesystem, FILESYSTEM_OPTIONS, filesystemOperation, type FilesystemOptions } from './filesystem.js';
import { borrow, ThreadProgram, run, runSync, succeed, type Operation } from './program.js';
import { setattrOperation, type MountAttributes } from './setattr.js';

export interface CloneOptions extends InNamespace {
  /** The path of the folder or file. */
  readonly path: string;
  /** With all that is mounted below. */
  readonly recursive?: boolean | undefined;
}

export interface AttachMountOptions extends InNamespace {
  /** Below what is mounted at the target, not on top of it: since Linux 6.5, else EINVAL. */
  readonly beneath?: boolean | undefined;
}

function* cloneOperation(options: CloneOptions): Operation<DetachedMount> {
  options = checkKeys('clone', options, ['path', 'recursive', 'namespace']);
  const path = checkPath('clone.path', options.path);
  const recursive = checkSwitch('clone.recursive', options.recursive);
  using namespace = borrow('clone.namespace', checkDescriptor('clone.namespace', options.namespace));
  const program = new ThreadProgram().enter('clone.namespace', namespace);
  program.keep(cloneTree(program, `clone.path ${JSON.stringify(path)}`, path, recursive));
  return detached(yield* succeed(program));
}

function* createOperation(options: FilesystemOptions): Operation<DetachedMount> {
  options = checkKeys('create', options, FILESYSTEM_OPTIONS);
  const checked = checkFilesystem('create', options);
  return detached(yield* filesystemOperation('create', checked, (program, mount) => program.keep(mount)));
}

function* attachOperation(fd: number, target: string, options: AttachMountOptions): Operation<void> {
  checkPath('attach.target', target);
  options = checkKeys('attach', options, ['beneath', 'namespace']);
  const beneath = checkSwitch('attach.beneath', options.beneath);
  using namespace = borrow('attach.namespace', checkDescriptor('attach.namespace', options.namespace));
  using mount = borrow('attach', { fd });
  const program = new ThreadProgram().enter('attach.namespace', namespace);
  const place: Place = [AT_FDCWD, target, beneath ? MOVE_MOUNT_BENEATH : 0];
  attach(program, `attach.target ${JSON.stringify(target)}`, mount.fd, place);
  yield* succeed(program);
}

let make: (descriptor: Descriptor) => DetachedMount;

function detached({ descriptor }: Performed): DetachedMount {
  return make(descriptor!);
}

/**
 * A mount that is in no mount namespace yet, held open: prepared in peace, then attached somewhere, in another mount namespace
 * too. If it is not, it ends when closed.
 *
 * @example
 * ```ts
 * import { Namespace } from 'netlace';
 * import { DetachedMount, mount } from 'netlace/mount';
 *
 * using namespace = await Namespace.create('mnt');
 * await mount({ namespace, target: '/', propagation: 'rprivate' });
 * using tree = await DetachedMount.clone({ path: '/usr' });
 * await tree.setattr({ set: ['readOnly', 'noSuid'] });
 * await tree.attach('/mnt', { namespace });
 * ```
 */
export class DetachedMount {
  static {
    make = (descriptor) => new DetachedMount(descriptor);
  }

  readonly #descriptor: Descriptor;

  private constructor(descriptor: Descriptor) {
    this.#descriptor = descriptor;
  }

  /** A copy of the mount that a path is on, from that path on: open_tree(2) with OPEN_TREE_CLONE. Takes CAP_SYS_ADMIN. */
  static clone(options: CloneOptions): Promise<DetachedMount> {
    return run(cloneOperation(options));
  }

  static cloneSync(options: CloneOptions): DetachedMount {
    return runSync(cloneOperation(options));
  }

  /** A mount of a file system: fsopen(2), fsconfig(2), fsmount(2). Errors are those of `mountFilesystem`. */
  static create(options: FilesystemOptions): Promise<DetachedMount> {
    return run(createOperation(options));
  }

  static createSync(options: FilesystemOptions): DetachedMount {
    return runSync(createOperation(options));
  }

  /** The descriptor, as from open_tree(2) or fsmount(2); /proc/self/fd/FD is a path to what is in it. ClosedError once closed. */
  get fd(): number {
    const { fd } = this.#descriptor;
    if (fd < 0) throw new ClosedError('the detached mount');
    return fd;
  }

  /** Attributes of the mount, or with `recursive` of all mounts in it: mount_setattr(2), since Linux 5.12. */
  async setattr(options: MountAttributes): Promise<void> {
    return run(setattrOperation('setattr', this.fd, options));
  }

  setattrSync(options: MountAttributes): void {
    runSync(setattrOperation('setattr', this.fd, options));
  }

  /**
   * Mounts it at `target`, the path of a folder, or of a file if it is one; a symbolic link at the end is not followed: move_mount(2). From
   * then on closing this only closes the descriptor. Attaching it a second time moves it, within the mount namespace.
   */
  async attach(target: string, options: AttachMountOptions = {}): Promise<void> {
    return run(attachOperation(this.fd, target, options));
  }

  attachSync(target: string, options: AttachMountOptions = {}): void {
    runSync(attachOperation(this.fd, target, options));
  }

  /** Closes the descriptor. A second call does nothing. */
  close(): void {
    this.#descriptor.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}
