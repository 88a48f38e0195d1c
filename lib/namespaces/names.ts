import { mkdirSync, readdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { EINVAL } from '../errno.js';
import { ArgumentError } from '../errors.js';
import { addon } from '../native/load.js';
import { failureOf, orThrow, systemCallError } from '../netlink/system-call.js';
import { MNT_DETACH, MS_BIND, MS_REC, MS_SHARED } from '../system-calls/constants.js';

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
    throw new ArgumentError(argument, `takes a name of 1 to 255 bytes without '/', not ${JSON.stringify(name)}`);
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
  try {
    mkdirSync(NETNS_DIRECTORY, { mode: 0o755, recursive: true });
  } catch (error) {
    throw fileError(error, NETNS_DIRECTORY);
  }
  const share = () => addon.sync.mount('', NETNS_DIRECTORY, '', MS_SHARED | MS_REC);
  const first = share();
  if (first === 0) return;
  // EINVAL: it is no mount point yet.
  if (first.errno !== EINVAL) orThrow(first, NETNS_DIRECTORY);
  orThrow(addon.sync.mount(NETNS_DIRECTORY, NETNS_DIRECTORY, '', MS_BIND | MS_REC), NETNS_DIRECTORY);
  orThrow(share(), NETNS_DIRECTORY);
}

/** Keeps the namespace behind `fd` alive under a new file; EEXIST when there is one. */
export function pinAt(fd: number, path: string): void {
  try {
    writeFileSync(path, '', { flag: 'wx', mode: 0 });
  } catch (error) {
    throw fileError(error, path);
  }
  const mounted = addon.sync.mount(`/proc/self/fd/${fd}`, path, '', MS_BIND);
  if (mounted === 0) return;
  unlinkSync(path);
  orThrow(mounted, path);
}

/** Undoes `pinAt`: the namespace ends with its last process, descriptor and other file. */
export function unpinAt(path: string): void {
  const unmounted = addon.sync.umount(path, MNT_DETACH);
  // EINVAL: nothing is mounted there; then the file alone is to go, as with `ip netns delete`.
  if (unmounted !== 0 && unmounted.errno !== EINVAL) orThrow(unmounted, path);
  try {
    unlinkSync(path);
  } catch (error) {
    throw fileError(error, path);
  }
}

/** Node's file errors in this library's terms. */
export function fileError(error: unknown, path: string): Error {
  return systemCallError(failureOf(error), path);
}
