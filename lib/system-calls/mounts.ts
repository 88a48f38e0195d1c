import {
  AT_FDCWD,
  AT_RECURSIVE,
  FSCONFIG_CMD_CREATE,
  FSCONFIG_SET_FD,
  FSCONFIG_SET_FLAG,
  FSCONFIG_SET_STRING,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  MOUNT_ATTR_IDMAP,
  MOVE_MOUNT_F_EMPTY_PATH,
  MS_PRIVATE,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
  O_CLOEXEC,
  OPEN_TREE_CLONE,
} from './constants.js';
import { longs, type Argument, type Condition, type Program, type ResultOf } from './program.js';

/** MOUNT_ATTR_*, for fsmount(2) and mount_setattr(2). */
export const ATTRIBUTES = {
  readOnly: 0x1,
  noSuid: 0x2,
  noDev: 0x4,
  noExec: 0x8,
  noAtime: 0x10,
  strictAtime: 0x20,
  relAtime: 0,
  noDirAtime: 0x80,
  noSymFollow: 0x200000,
} as const;

/** MS_*, for mount(2) and mount_setattr(2). */
export const PROPAGATION = {
  private: MS_PRIVATE,
  shared: MS_SHARED,
  slave: MS_SLAVE,
  unbindable: MS_UNBINDABLE,
} as const;

/** open_tree(2): a copy of the mount that `path` is on, from there on; it is attached nowhere. */
export function cloneTree(
  program: Program,
  subject: string,
  path: string,
  recursive: boolean,
  tolerated?: readonly number[],
  condition?: Condition,
): ResultOf {
  const flags = OPEN_TREE_CLONE | O_CLOEXEC | (recursive ? AT_RECURSIVE : 0);
  return program.add(subject, 'open_tree', [AT_FDCWD, path, flags], tolerated, condition);
}

/** A parameter of a file system: `true` when it stands without a value. */
export interface Parameter {
  readonly key: string;
  readonly value: string | true | { readonly fd: number };
  readonly subject: string;
}

/** fsopen(2) and fsconfig(2): a file system, and the context in which it says what is wrong. */
export function makeFilesystem(
  program: Program,
  subject: string,
  type: string,
  parameters: readonly Parameter[],
): ResultOf {
  const context = program.add(subject, 'fsopen', [type, FSOPEN_CLOEXEC]);
  for (const { key, value, subject: about } of parameters) {
    const rest: Argument[] =
      value === true
        ? [FSCONFIG_SET_FLAG, key, null, 0]
        : typeof value === 'string'
          ? [FSCONFIG_SET_STRING, key, value, 0]
          : [FSCONFIG_SET_FD, key, null, program.holds(value.fd)];
    program.add(about, 'fsconfig', [context, ...rest]);
  }
  program.add(subject, 'fsconfig', [context, FSCONFIG_CMD_CREATE, null, null, 0]);
  return context;
}

/** fsmount(2): a mount of it that is attached nowhere. */
export function mountContext(program: Program, subject: string, context: ResultOf, attributes: number): ResultOf {
  return program.add(subject, 'fsmount', [context, FSMOUNT_CLOEXEC, attributes]);
}

/** Where a mount is: a path, or a descriptor of the mount itself. */
export type Place = readonly [folder: Argument, path: string, flags: number];

/** `struct mount_attr`. */
export interface AttributeChange {
  /** MOUNT_ATTR_*. */
  readonly set: number;
  readonly clear?: number;
  /** MS_*. */
  readonly propagation?: number | undefined;
  /** The descriptor of a user namespace. */
  readonly userns?: number | undefined;
}

/** mount_setattr(2). */
export function setAttributes(
  program: Program,
  subject: string,
  [folder, path, flags]: Place,
  { set, clear = 0, propagation = 0, userns }: AttributeChange,
  tolerated?: readonly number[],
  condition?: Condition,
): ResultOf {
  const all = userns === undefined ? set : set | MOUNT_ATTR_IDMAP;
  const attr = longs([all, clear, propagation, userns ?? 0].map(BigInt));
  return program.add(subject, 'mount_setattr', [folder, path, flags, attr, attr.length], tolerated, condition);
}

/** move_mount(2) of a mount that is open; `flags` are those of the target. */
export function attach(program: Program, subject: string, mount: Argument, [folder, path, flags]: Place): void {
  program.add(subject, 'move_mount', [mount, '', folder, path, MOVE_MOUNT_F_EMPTY_PATH | flags]);
}
