import { constants } from 'node:fs';
import { EEXIST, ENOTDIR, EPERM } from '../errno.js';
import { ArgumentError } from '../errors.js';
import { checkDescriptor, checkKeys, checkPath, checkSwitch } from '../options.js';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_RECURSIVE,
  MNT_DETACH,
  MOVE_MOUNT_T_EMPTY_PATH,
  MOVE_MOUNT_T_SYMLINKS,
  MS_REC,
  O_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_PATH,
  O_WRONLY,
  RESOLVE_NO_MAGICLINKS,
} from '../system-calls/constants.js';
import {
  attach,
  ATTRIBUTES,
  cloneTree,
  makeFilesystem,
  mountContext,
  PROPAGATION,
  setAttributes,
  type Place,
} from '../system-calls/mounts.js';
import { longs, type Condition, type Program, type ResultOf } from '../system-calls/program.js';

interface MountAttributes {
  /** The folder or file to mount at: absolute, in the child's root; made when it is missing and the root is the child's own. `'/'` is the root itself. */
  readonly target: string;
  readonly readOnly?: boolean | undefined;
  readonly noSuid?: boolean | undefined;
  readonly noDev?: boolean | undefined;
  readonly noExec?: boolean | undefined;
}

/** A file or folder of this process, with what is mounted in it. Since Linux 5.12. */
export interface BindMount extends MountAttributes {
  readonly type: 'bind';
  /** An absolute path. */
  readonly source: string;
  /** Whether what is mounted below comes along; so it does unless said. */
  readonly recursive?: boolean | undefined;
  /** The user namespace by which owners appear: an idmapped mount, of file systems that can do it. */
  readonly idmap?: { readonly fd: number } | undefined;
}

/** A file system: proc, sysfs, tmpfs, devpts, cgroup2, mqueue, overlay, or any other that the kernel has. Since Linux 5.2. */
export interface FilesystemMount extends MountAttributes {
  readonly type: string;
  readonly source?: string | undefined;
  /** Its parameters, of up to 255 bytes each: `{ size: '64m' }`, `{ lowerdir: '/a:/b', upperdir: '/c', workdir: '/d' }`; `true` for those without a value. */
  readonly parameters?: Readonly<Record<string, string | number | true>> | undefined;
}

export type SpawnMount = BindMount | FilesystemMount;
export type SpawnPropagation = 'private' | 'slave' | 'shared' | 'unbindable';

/** The attributes that can be given: those of ATTRIBUTES that containers are made with. */
const OFFERED = ['readOnly', 'noSuid', 'noDev', 'noExec'] as const;

export interface RootOptions {
  /** The folder that is the child's root, or at which its root is mounted. */
  readonly root: string | undefined;
  readonly readOnlyRoot: boolean;
  readonly mounts: readonly SpawnMount[];
  readonly propagation: SpawnPropagation;
  /** Whether the child has a mount namespace of its own. */
  readonly isOwn: boolean;
}

/** Returns what counts of them. */
export function checkRoot({ root, readOnlyRoot, mounts, propagation, isOwn }: RootOptions): RootOptions {
  if (root !== undefined) {
    checkPath('options.root', root);
  }
  if (!Array.isArray(mounts)) throw new ArgumentError('options.mounts', 'takes a list');
  if (!isOwn && (mounts.length > 0 || readOnlyRoot))
    throw new ArgumentError(
      mounts.length > 0 ? 'options.mounts' : 'options.readOnlyRoot',
      "takes a new mount namespace: namespaces: { mnt: 'new' }",
    );
  if (readOnlyRoot && root === undefined) throw new ArgumentError('options.readOnlyRoot', 'takes options.root');
  let rootMounts = 0;
  const checked = (mounts as readonly SpawnMount[]).map((given, i) => {
    const name = `options.mounts[${i}]`;
    const keys = given?.type === 'bind' ? ['source', 'recursive', 'idmap'] : ['source', 'parameters'];
    const mount = checkKeys(name, given, ['type', 'target', ...OFFERED, ...keys]);
    if (typeof mount.type !== 'string' || !/^[\w.]+$/.test(mount.type))
      throw new ArgumentError(`${name}.type`, "takes 'bind' or the name of a file system");
    checkPath(`${name}.target`, mount.target);
    for (const key of OFFERED) checkSwitch(`${name}.${key}`, mount[key]);
    if (isAtRoot(mount) && (root === undefined || ++rootMounts > 1))
      throw new ArgumentError(
        `${name}.target`,
        root === undefined ? "'/' takes options.root" : 'another mount is at the root, too',
      );
    if (mount.target.split('/').includes('..')) throw new ArgumentError(`${name}.target`, "takes a path without '..'");
    if (isBind(mount)) {
      checkSwitch(`${name}.recursive`, mount.recursive);
      checkPath(`${name}.source`, mount.source);
      if (mount.idmap !== undefined) checkDescriptor(`${name}.idmap`, mount.idmap?.fd, 'of a user namespace');
    } else {
      for (const [key, value] of Object.entries(mount.parameters ?? {}))
        if (value !== true && Buffer.byteLength(`${value}`) > 255)
          throw new ArgumentError(`${name}.parameters.${key}`, 'takes at most 255 bytes');
    }
    return mount;
  });
  return { root, readOnlyRoot, mounts: checked, propagation, isOwn };
}

function isBind(mount: SpawnMount): mount is BindMount {
  return mount.type === 'bind';
}

function attributes(mount: MountAttributes): number {
  return OFFERED.reduce((bits, name) => bits | (mount[name] === true ? ATTRIBUTES[name] : 0), 0);
}

/** Trees that were opened with the rights outside: of the root, and of each mount. A call that was refused is made again inside. */
export interface Sources {
  readonly areOpened: boolean;
  readonly root: Tree | undefined;
  readonly mounts: readonly (Tree | undefined)[];
}

interface Tree {
  readonly fd: ResultOf;
  /** The change of its attributes, if there is one. */
  readonly changed: ResultOf | undefined;
}

/**
 * Opens what is bound before a user namespace is entered, which may not be allowed to see the files, nor to map their owners. Without
 * the right to do that outside, it is done inside.
 */
export function openSources(
  program: Program,
  { root, mounts, propagation, isOwn }: RootOptions,
  isEarly: boolean,
): Sources {
  // What is shared with the mounts outside has to be bound before the others are not shared any more.
  const areOpened = isOwn && (isEarly || (propagation === 'shared' && root !== undefined));
  if (!areOpened) return { areOpened, root: undefined, mounts: [] };
  const isRootMounted = root === undefined || mounts.some(isAtRoot);
  return {
    areOpened,
    root: isRootMounted ? undefined : { fd: cloneTree(program, 'root', root, true, [EPERM]), changed: undefined },
    mounts: mounts.map((mount, i) => {
      if (!isBind(mount)) return undefined;
      const step = `mounts[${i}]`;
      const fd = cloneTree(program, step, mount.source, mount.recursive ?? true, [EPERM]);
      return { fd, changed: change(program, step, mount, fd, { onlyIf: fd }) };
    }),
  };
}

/**
 * What is mounted is made where the paths are still this process's, and only put to its place when the root is the
 * child's: so no link in that root can lead elsewhere.
 */
export function setRoot(program: Program, options: RootOptions, sources: Sources): void {
  const { root, mounts, propagation, readOnlyRoot, isOwn } = options;
  if (!isOwn) {
    if (root === undefined) return;
    program.add('root', 'chroot', [root]);
    program.add('root', 'chdir', ['/']);
    return;
  }
  // A root cannot be left while it is shared, and nothing can be bound from what is unbindable: both come last.
  const isShared = propagation === 'shared' && root !== undefined;
  const isLast = propagation === 'unbindable' || isShared;
  const first = MS_REC | PROPAGATION[isShared ? 'slave' : isLast ? 'private' : propagation];
  program.add('propagation', 'mount', [null, '/', null, first, null]);
  const made = mounts.map((mount, i) => {
    const step = `mounts[${i}]`;
    const fd = isBind(mount) ? bound(program, step, mount, sources.mounts[i]) : created(program, step, mount);
    return { mount, step, fd };
  });
  // A tree that was opened outside belongs to the mounts there, until this.
  const part = (step: string, fd: ResultOf) => {
    const entered = program.add(step, 'fchdir', [fd], [ENOTDIR]);
    program.add('propagation', 'mount', [null, '.', null, first, null], undefined, { onlyIf: entered });
    // A file. mount_setattr takes the same flags, but not MS_REC.
    const change = { set: 0, propagation: first & ~MS_REC };
    setAttributes(program, 'propagation', [fd, '', AT_EMPTY_PATH], change, undefined, { unless: entered });
  };
  if (root !== undefined) {
    const own = made.find(({ mount }) => isAtRoot(mount));
    const step = own?.step ?? 'root';
    const fd =
      own?.fd ?? cloneTree(program, 'root', root, true, undefined, sources.root && { unless: sources.root.fd });
    // On top of the old root, so that no path is walked.
    attach(program, step, fd, [AT_FDCWD, '/', 0]);
    program.add(step, 'fchdir', [fd]);
    if (sources.areOpened) part(step, fd);
    // The old root ends up on top of the new one, where "." still leads to it.
    program.add(step, 'pivot_root', ['.', '.']);
    program.add(step, 'umount2', ['.', MNT_DETACH]);
    program.add(step, 'chdir', ['/']);
  }
  const folder =
    sources.areOpened && root === undefined
      ? program.add('mounts', 'openat', [AT_FDCWD, '.', O_PATH | O_CLOEXEC, 0])
      : undefined;
  for (const { mount, step, fd } of made) {
    if (root !== undefined && isAtRoot(mount)) continue;
    if (root === undefined) attach(program, step, fd, [AT_FDCWD, mount.target, MOVE_MOUNT_T_SYMLINKS]);
    else attach(program, step, fd, [openTarget(program, step, mount, fd), '', MOVE_MOUNT_T_EMPTY_PATH]);
    if (sources.areOpened && isBind(mount) && !isShared) part(step, fd);
  }
  if (folder !== undefined) program.add('mounts', 'fchdir', [folder]);
  else if (sources.areOpened) program.add('root', 'chdir', ['/']);
  if (readOnlyRoot) setAttributes(program, 'readOnlyRoot', [AT_FDCWD, '/', 0], { set: ATTRIBUTES.readOnly });
  if (isLast) program.add('propagation', 'mount', [null, '/', null, MS_REC | PROPAGATION[propagation], null]);
}

function bound(program: Program, step: string, mount: BindMount, early: Tree | undefined): ResultOf {
  const refused = early && { unless: early.fd };
  const fd = cloneTree(program, step, mount.source, mount.recursive ?? true, undefined, refused);
  change(program, step, mount, fd, early?.changed && { unless: early.changed });
  return fd;
}

/** Gives the tree the attributes and the owners that were asked for, if any were. */
function change(
  program: Program,
  step: string,
  mount: BindMount,
  fd: ResultOf,
  condition: Condition | undefined,
): ResultOf | undefined {
  const { recursive = true, idmap } = mount;
  const set = attributes(mount);
  if (set === 0 && idmap === undefined) return undefined;
  const place: Place = [fd, '', AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0)];
  const userns = idmap === undefined ? undefined : program.holds(idmap.fd);
  return setAttributes(program, step, place, { set, userns }, undefined, condition);
}

function created(program: Program, step: string, mount: FilesystemMount): ResultOf {
  const { type, source = type, parameters = {} } = mount;
  const context = makeFilesystem(program, step, type, [
    { key: 'source', value: source, subject: step },
    ...Object.entries(parameters).map(([key, value]) => ({
      key,
      value: value === true ? value : `${value}`,
      subject: `${step}.parameters.${key}`,
    })),
  ]);
  return mountContext(program, step, context, attributes(mount));
}

function partsOf({ target }: SpawnMount): string[] {
  return target.split('/').filter((part) => part !== '' && part !== '.');
}

function isAtRoot(mount: SpawnMount): boolean {
  return partsOf(mount).length === 0;
}

/**
 * In a root of the child's own: makes what is missing of the target, and returns it opened. Its links lead nowhere else, but for
 * those that are none, such as /proc/PID/root of another process: those are not followed. What is there is never opened to be read
 * or written: it may be a FIFO or a device.
 */
function openTarget(program: Program, step: string, mount: SpawnMount, fd: ResultOf): ResultOf {
  const parts = partsOf(mount);
  // Only a folder can be opened so; of a bind it is not known before.
  const folder = isBind(mount)
    ? program.add(step, 'openat', [fd, '.', O_PATH | constants.O_DIRECTORY | O_CLOEXEC, 0], [ENOTDIR])
    : undefined;
  for (const [i, name] of parts.entries()) {
    const parent = open(program, step, parts.slice(0, i));
    const isLast = i === parts.length - 1;
    program.add(step, 'mkdirat', [parent, name, 0o755], [EEXIST], isLast && folder ? { onlyIf: folder } : undefined);
    if (isLast && folder !== undefined) {
      const made = O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC;
      const file = program.add(step, 'openat', [parent, name, made, 0o644], [EEXIST], { unless: folder });
      program.add(step, 'close', [file], [-1], { unless: folder });
    }
    program.add(step, 'close', [parent]);
  }
  return open(program, step, parts);
}

function open(program: Program, step: string, parts: readonly string[]): ResultOf {
  const how = longs([BigInt(O_PATH | O_CLOEXEC), 0n, RESOLVE_NO_MAGICLINKS]);
  return program.add(step, 'openat2', [AT_FDCWD, `/${parts.join('/')}`, how, how.length]);
}
