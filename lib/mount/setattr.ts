import { ArgumentError } from '../errors.js';
import { checkKeys, checkPath, checkSwitch } from '../options.js';
import { checkDescriptor, type InNamespace, type WithDescriptor } from './checks.js';
import { AT_EMPTY_PATH, AT_FDCWD, AT_RECURSIVE } from '../system-calls/constants.js';
import { setAttributes, type Place } from '../system-calls/mounts.js';
import type { Program } from '../system-calls/program.js';
import {
  attributeBits,
  checkAttributes,
  checkCleared,
  clearedBySetting,
  propagationBits,
  type MountAttribute,
  type Propagation,
} from './flags.js';
import { borrow, run, runSync, succeed, ThreadProgram, type Borrowed, type Operation } from './program.js';

/** What is to be changed of mounts. */
export interface MountAttributes {
  readonly set?: readonly MountAttribute[] | undefined;
  /** Other than the modes of access times, of which another one is set instead. */
  readonly clear?: readonly MountAttribute[] | undefined;
  readonly propagation?: Propagation | undefined;
  /**
   * A user namespace whose maps say who owns the files, seen through this mount: the owner 0 becomes whom that namespace has as its
   * 0. Only of mounts that are not attached yet, once, and of file systems that support it.
   */
  readonly idmap?: WithDescriptor | undefined;
  /** All mounts below, too: either all are changed or none. */
  readonly recursive?: boolean | undefined;
}

const OPTIONS = ['set', 'clear', 'propagation', 'idmap', 'recursive'] as const;

interface Checked extends Omit<MountAttributes, 'propagation' | 'recursive'> {
  readonly set: readonly MountAttribute[];
  readonly clear: readonly MountAttribute[];
  readonly propagation: number | undefined;
  readonly recursive: boolean;
}

export function checkChange(argument: string, options: MountAttributes): Checked {
  const set = checkAttributes(`${argument}.set`, options.set);
  const clear = checkCleared(`${argument}.clear`, options.clear);
  const both = set.find((name) => clear.includes(name));
  if (both !== undefined) throw new ArgumentError(`${argument}.clear`, `${both} is to be set`);
  const propagation = propagationBits(`${argument}.propagation`, options.propagation);
  const idmap = checkDescriptor(`${argument}.idmap`, options.idmap);
  const recursive = checkSwitch(`${argument}.recursive`, options.recursive);
  return { set, clear, propagation, idmap, recursive };
}

export function changesNothing({ set, clear, propagation, idmap }: Checked): boolean {
  return set.length === 0 && clear.length === 0 && propagation === undefined && idmap === undefined;
}

export function addChange(
  program: Program,
  subject: string,
  [folder, path, flags]: Place,
  { set, clear, propagation, recursive }: Checked,
  idmap: Borrowed | undefined,
): void {
  setAttributes(program, subject, [folder, path, flags | (recursive ? AT_RECURSIVE : 0)], {
    set: attributeBits(set),
    clear: attributeBits(clear) | clearedBySetting(set),
    propagation,
    userns: idmap?.fd,
  });
}

/** Of a descriptor. */
export function* setattrOperation(argument: string, fd: number, options: MountAttributes): Operation<void> {
  options = checkKeys(argument, options, OPTIONS);
  const change = checkChange(argument, options);
  if (changesNothing(change))
    throw new ArgumentError(argument, `takes at least one of ${OPTIONS.slice(0, 4).join(', ')}`);
  using mount = borrow(argument, { fd });
  using idmap = borrow(`${argument}.idmap`, change.idmap);
  const program = new ThreadProgram();
  addChange(program, argument, [mount.fd, '', AT_EMPTY_PATH], change, idmap);
  yield* succeed(program);
}

export interface MountSetattrOptions extends MountAttributes, InNamespace {}

function* mountSetattrOperation(path: string, options: MountSetattrOptions): Operation<void> {
  checkPath('mountSetattr.path', path);
  options = checkKeys('mountSetattr', options, [...OPTIONS, 'namespace']);
  const change = checkChange('mountSetattr', options);
  if (changesNothing(change))
    throw new ArgumentError('mountSetattr', `takes at least one of ${OPTIONS.slice(0, 4).join(', ')}`);
  using namespace = borrow('mountSetattr.namespace', checkDescriptor('mountSetattr.namespace', options.namespace));
  using idmap = borrow('mountSetattr.idmap', change.idmap);
  const program = new ThreadProgram().enter('mountSetattr.namespace', namespace);
  addChange(program, `mountSetattr.path ${JSON.stringify(path)}`, [AT_FDCWD, path, 0], change, idmap);
  yield* succeed(program);
}

/**
 * Changes attributes of the mount at `path`, a mount point, and with `recursive` of all below it: mount_setattr(2), since Linux
 * 5.12, else UnsupportedError. What is not named stays as it is. Takes CAP_SYS_ADMIN as `mount` does.
 */
export function mountSetattr(path: string, options: MountSetattrOptions): Promise<void> {
  return run(mountSetattrOperation(path, options));
}

/** `mountSetattr`, in the calling thread's time. */
export function mountSetattrSync(path: string, options: MountSetattrOptions): void {
  runSync(mountSetattrOperation(path, options));
}
