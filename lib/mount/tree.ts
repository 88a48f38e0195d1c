import type { Argument } from './program.js';
import type { Program, ResultOf } from './program.js';
import {
  AT_FDCWD,
  AT_RECURSIVE,
  MOVE_MOUNT_BENEATH,
  MOVE_MOUNT_F_EMPTY_PATH,
  O_CLOEXEC,
  OPEN_TREE_CLONE,
} from './constants.js';

/** open_tree(2): a copy of the mount that `path` is on, from there on; it is attached nowhere. */
export function addClone(program: Program, subject: string, path: string, recursive: boolean): ResultOf {
  const flags = OPEN_TREE_CLONE | O_CLOEXEC | (recursive ? AT_RECURSIVE : 0);
  return program.add(`${subject} ${JSON.stringify(path)}`, 'open_tree', [AT_FDCWD, path, flags]);
}

/** move_mount(2) of a mount that is open. */
export function addAttach(program: Program, subject: string, mount: Argument, target: string, beneath = false): void {
  const flags = MOVE_MOUNT_F_EMPTY_PATH | (beneath ? MOVE_MOUNT_BENEATH : 0);
  program.add(`${subject} ${JSON.stringify(target)}`, 'move_mount', [mount, '', AT_FDCWD, target, flags]);
}
