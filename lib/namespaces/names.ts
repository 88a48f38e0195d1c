import {
  accessSync,
  constants,
  lstatSync,
  mkdirSync,
  readdirSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeFileSync,
  type Stats,
} from 'node:fs';
import { dirname } from 'node:path';
import { EACCES, EEXIST, EINVAL, ENOTDIR } from '../errno.js';
import { ArgumentError, SyscallError } from '../errors.js';
import { addon } from '../native/load.js';
import { failureOf, hintIfLacking, orThrow, systemCallError } from '../netlink/system-call.js';
import { checkPath } from '../options.js';
import { MNT_DETACH, MS_BIND, MS_REC, MS_SHARED } from '../system-calls/constants.js';
import { show } from '../wire/codec.js';

/** The file system of namespaces: include/uapi/linux/magic.h. */
const NSFS_MAGIC = 0x6e736673;

/** Where `ip netns` keeps names: iproute2's NETNS_RUN_DIR. */
export const NETNS_DIRECTORY = '/run/netns';

/** The path of a name; a name is one component of a path. */
export function pathOfName(name: unknown, argument = 'name'): string {
  if (
    typeof name !== 'string' ||
    name === '' ||
    name === '.' ||
    name === '..' ||
    /[/\0]/.test(name) ||
    Buffer.byteLength(name) > 255
  ) {
    throw new ArgumentError(argument, `takes a name of 1 to 255 bytes without '/', not ${show(name)}`);
  }
  return `${NETNS_DIRECTORY}/${name}`;
}

/** The names that `ip netns list` shows, sorted. */
export function listNames(): string[] {
  try {
    return readdirSync(NETNS_DIRECTORY).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw fileError(error, NETNS_DIRECTORY);
  }
}

/**
 * Makes the directory a shared mount of itself, as `ip netns` does: only so does a name that is removed vanish from the
 * mount namespaces that were copied in between, and with it the namespace.
 */
export function prepareDirectory(): void {
  for (const folder of [dirname(NETNS_DIRECTORY), NETNS_DIRECTORY]) makeFolder(folder);
  const share = () => addon.sync.mount('', NETNS_DIRECTORY, '', MS_SHARED | MS_REC);
  const first = share();
  if (first === 0) return;
  // EINVAL: it is no mount point yet.
  if (first.errno !== EINVAL) orThrow(first, NETNS_DIRECTORY);
  orThrow(addon.sync.mount(NETNS_DIRECTORY, NETNS_DIRECTORY, '', MS_BIND | MS_REC), NETNS_DIRECTORY);
  orThrow(share(), NETNS_DIRECTORY);
}

/** Not by the `recursive` of mkdirSync, which tells ENOENT where the file system is read-only. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o755 });
  } catch (error) {
    const { errno, syscall } = failureOf(error);
    if (errno !== EEXIST) throw folderError(errno, syscall, path);
    if (!onFile(path, () => statSync(path)).isDirectory()) throw new SyscallError(ENOTDIR, syscall, path);
  }
}

function folderError(errno: number, syscall: string, path: string): SyscallError {
  const hint =
    errno === EACCES
      ? hintIfLacking(`names of namespaces are files in ${NETNS_DIRECTORY}, which belongs to root`, 'CAP_DAC_OVERRIDE')
      : undefined;
  return new SyscallError(errno, syscall, path, hint);
}

/** Keeps the namespace behind `fd` alive under a new file; EEXIST when there is one. */
export function pinAt(fd: number, path: string): void {
  checkPath('path', path);
  onFile(path, () => writeFileSync(path, '', { flag: 'wx', mode: 0 }));
  const mounted = addon.sync.mount(`/proc/self/fd/${fd}`, path, '', MS_BIND);
  if (mounted === 0) return;
  try {
    unlinkSync(path);
  } catch {
    // Why it could not be pinned says more.
  }
  orThrow(mounted, path);
}

/** Undoes `pinAt`: the namespace ends with its last process, descriptor and other file. */
export function unpinAt(path: string): void {
  checkPath('path', path);
  if (!isPin(path, statusOf(path))) throw new ArgumentError('path', `no namespace is pinned at ${path}`);
  checkRemovable(path);
  unmount(path);
  onFile(path, () => unlinkSync(path));
}

/** `unpinAt` for a name; also for what may be left of one, as with `ip netns delete`. */
export function deleteName(name: unknown): void {
  const path = pathOfName(name);
  const status = statusOf(path);
  checkRemovable(path);
  if (isPin(path, status)) unmount(path);
  // A file whose mount is gone is empty. Symbolic links lead to /proc, or to pins that are another's to remove.
  else if (!status.isSymbolicLink() && !(status.isFile() && status.size === 0))
    throw new ArgumentError('name', `${path} is no network namespace`);
  onFile(path, () => unlinkSync(path));
}

function statusOf(path: string): Stats {
  return onFile(path, () => lstatSync(path));
}

function isPin(path: string, status: Stats): boolean {
  // statfs(2) would follow it, and so would umount2(2).
  return !status.isSymbolicLink() && onFile(path, () => statfsSync(path)).type === NSFS_MAGIC;
}

/** Before it is unmounted: a file that cannot be removed keeps its namespace. EROFS, EACCES of the folder. */
function checkRemovable(path: string): void {
  onFile(path, () => accessSync(dirname(path), constants.W_OK));
}

function unmount(path: string): void {
  orThrow(addon.sync.umount(path, MNT_DETACH), path);
}

function onFile<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fileError(error, path);
  }
}

/** Node's file errors in this library's terms. */
export function fileError(error: unknown, path: string): Error {
  return systemCallError(failureOf(error), path);
}
