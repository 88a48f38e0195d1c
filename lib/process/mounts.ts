import { statSync } from 'node:fs';
import { EEXIST } from '../errno.js';
import { ArgumentError } from '../errors.js';
import { checkKeys, checkPath, checkSwitch } from '../options.js';
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
  O_PATH,
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
} from '../system-calls/mounts.js';
import { longs, type Program, type ResultOf } from '../system-calls/program.js';

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

export function checkRoot({ root, readOnlyRoot, mounts, isOwn }: RootOptions): void {
  if (root !== undefined) {
    checkPath('options.root', root);
    if (statSync(root, { throwIfNoEntry: false })?.isDirectory() !== true)
      throw new ArgumentError('options.root', `there is no folder ${JSON.stringify(root)}`);
  }
  if (!Array.isArray(mounts)) throw new ArgumentError('options.mounts', 'takes a list');
  if (!isOwn && (mounts.length > 0 || readOnlyRoot))
    throw new ArgumentError(
      mounts.length > 0 ? 'options.mounts' : 'options.readOnlyRoot',
      "takes a new mount namespace: namespaces: { mnt: 'new' }",
    );
  if (readOnlyRoot && root === undefined) throw new ArgumentError('options.readOnlyRoot', 'takes options.root');
  for (const [i, mount] of (mounts as readonly SpawnMount[]).entries()) {
    const name = `options.mounts[${i}]`;
    const keys = mount?.type === 'bind' ? ['source', 'recursive', 'idmap'] : ['source', 'parameters'];
    checkKeys(name, mount, ['type', 'target', ...OFFERED, ...keys]);
    if (typeof mount.type !== 'string' || !/^[\w.]+$/.test(mount.type))
      throw new ArgumentError(`${name}.type`, "takes 'bind' or the name of a file system");
    checkPath(`${name}.target`, mount.target);
    for (const key of OFFERED) checkSwitch(`${name}.${key}`, mount[key]);
    if (mount.target.split('/').includes('..')) throw new ArgumentError(`${name}.target`, "takes a path without '..'");
    if (isBind(mount)) {
      checkSwitch(`${name}.recursive`, mount.recursive);
      checkPath(`${name}.source`, mount.source);
      if (statSync(mount.source, { throwIfNoEntry: false }) === undefined)
        throw new ArgumentError(`${name}.source`, `there is no ${JSON.stringify(mount.source)}`);
    } else {
      for (const [key, value] of Object.entries(mount.parameters ?? {}))
        if (value !== true && Buffer.byteLength(`${value}`) > 255)
          throw new ArgumentError(`${name}.parameters.${key}`, 'takes at most 255 bytes');
    }
  }
}

function isBind(mount: SpawnMount): mount is BindMount {
  return mount.type === 'bind';
}

function attributes(mount: MountAttributes): number {
  return OFFERED.reduce((bits, name) => bits | (mount[name] === true ? ATTRIBUTES[name] : 0), 0);
}

/**
 * What is mounted is made where the paths are still this process's, and only put to its place when the root is the
 * child's: so no link in that root can lead elsewhere.
 */
export function setRoot(program: Program, options: RootOptions): void {
  const { root, mounts, propagation, readOnlyRoot, isOwn } = options;
  if (!isOwn) {
    if (root === undefined) return;
    program.add('root', 'chroot', [root]);
    program.add('root', 'chdir', ['/']);
    return;
  }
  program.add('propagation', 'mount', [null, '/', null, MS_REC | PROPAGATION[propagation], null]);
  const made = mounts.map((mount, i) => ({
    mount,
    step: `mounts[${i}]`,
    fd: detached(program, `mounts[${i}]`, mount),
  }));
  if (root !== undefined) {
    const own = made.find(({ mount }) => mount.target === '/');
    const fd = own?.fd ?? cloneTree(program, 'root', root, true);
    place(program, own?.step ?? 'root', fd, root);
    program.add('root', 'chdir', [root]);
    // The old root ends up on top of the new one, where "." still leads to it.
    program.add('root', 'pivot_root', ['.', '.']);
    program.add('root', 'umount2', ['.', MNT_DETACH]);
    program.add('root', 'chdir', ['/']);
  }
  for (const { mount, step, fd } of made) {
    if (root !== undefined && mount.target === '/') continue;
    if (root === undefined) place(program, step, fd, mount.target);
    else {
      const target = openTarget(program, step, mount);
      attach(program, step, fd, [target, '', MOVE_MOUNT_T_EMPTY_PATH]);
    }
  }
  if (readOnlyRoot) setAttributes(program, 'readOnlyRoot', [AT_FDCWD, '/', 0], { set: ATTRIBUTES.readOnly });
}

function detached(program: Program, step: string, mount: SpawnMount): ResultOf {
  return isBind(mount) ? bound(program, step, mount) : created(program, step, mount);
}

function bound(program: Program, step: string, mount: BindMount): ResultOf {
  const { source, recursive = true, idmap } = mount;
  const tree = cloneTree(program, step, source, recursive);
  const change = { set: attributes(mount), userns: idmap?.fd };
  if (change.set !== 0 || idmap !== undefined)
    setAttributes(program, step, [tree, '', AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0)], change);
  return tree;
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

function place(program: Program, step: string, fd: ResultOf, target: string): void {
  attach(program, step, fd, [AT_FDCWD, target, MOVE_MOUNT_T_SYMLINKS]);
}

/**
 * In a root of the child's own: makes what is missing of the target, and returns it opened. Its links lead nowhere else, but for
 * those that are none, such as /proc/PID/root of another process: those are not followed.
 */
function openTarget(program: Program, step: string, mount: SpawnMount): ResultOf {
  const parts = mount.target.split('/').filter((part) => part !== '' && part !== '.');
  const isFolder = !isBind(mount) || statSync(mount.source).isDirectory();
  for (const [i, name] of parts.entries()) {
    if (i === parts.length - 1 && !isFolder) break;
    const parent = open(program, step, parts.slice(0, i), O_PATH);
    program.add(step, 'mkdirat', [parent, name, 0o755], [EEXIST]);
    program.add(step, 'close', [parent]);
  }
  if (!isFolder) program.add(step, 'close', [open(program, step, parts, O_CREAT, 0o644)]);
  return open(program, step, parts, O_PATH);
}

function open(program: Program, step: string, parts: readonly string[], flags: number, mode = 0): ResultOf {
  const how = longs([BigInt(flags | O_CLOEXEC), BigInt(mode), RESOLVE_NO_MAGICLINKS]);
  return program.add(step, 'openat2', [AT_FDCWD, `/${parts.join('/')}`, how, how.length]);
}
