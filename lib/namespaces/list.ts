import { setImmediate } from 'node:timers/promises';
import { checkKeys } from '../options.js';
import { checkTypes, NAMESPACE_TYPES, type NamespaceType } from '../namespace-types.js';
import { survey } from './survey.js';

/** After so many milliseconds the event loop gets its turn. */
const SLICE = 5;

/** What to list. */
export interface ListNamespacesOptions {
  /** Only these types; all unless said. */
  readonly types?: readonly NamespaceType[] | undefined;
}

/** One namespace, and who keeps it. */
export interface NamespaceInfo {
  readonly type: NamespaceType;
  /** Its number, as in `readlink /proc/PID/ns/TYPE`. With `dev` it identifies the namespace. */
  readonly ino: bigint;
  /** The device of the file system of namespaces: the same for all. */
  readonly dev: bigint;
  /** How many processes are in it, of those that this one may look at. Threads that went elsewhere do not count. */
  readonly processes: number;
  /** The lowest pid in it. */
  readonly pid: number | undefined;
  /** The command line of that process. */
  readonly command: string | undefined;
  /** Its effective user. */
  readonly uid: number | undefined;
  /** That user's name, if /etc/passwd has it. */
  readonly user: string | undefined;
  /** Processes that hold a descriptor of it, or whose children will be in it. */
  readonly holders: readonly number[];
  /** Files that pin it. Those in other mount namespaces are seen through a process there: `'/proc/PID/root/run/x'`. */
  readonly paths: readonly string[];
  /** Of a network namespace: its names of `ip netns`. */
  readonly names: readonly string[];
  /** Of a network namespace: its number in the one that is listed from, if it has one there (`ip netns list-id`). */
  readonly nsid: number | undefined;
  /** The user namespace that owns it. Undefined for the first one, and where that lies outside of what may be looked at. */
  readonly ownerIno: bigint | undefined;
  /** Of a pid or user namespace: the one it is nested in. Undefined for the first one, and outside, likewise. */
  readonly parentIno: bigint | undefined;
  /** Of a user namespace: who made it. */
  readonly ownerUid: number | undefined;
}

/**
 * All namespaces that this process can see, in the order of their numbers: those that processes are in, those that are
 * only held by a descriptor or pinned to a file, here or in another mount namespace, and those that own or contain
 * another. What lsns(8) lists, and more.
 *
 * Processes of other users are passed over without CAP_SYS_PTRACE, and those that end meanwhile always. Namespaces that
 * only a socket, or a thread other than a process's first, keeps alive are not found.
 */
export async function listNamespaces(options: ListNamespacesOptions = {}): Promise<NamespaceInfo[]> {
  options = checkKeys('options', options, ['types']);
  const types = new Set(options.types === undefined ? NAMESPACE_TYPES : checkTypes(options.types, 'options.types'));
  return survey(types, await pacer());
}

/** What lets the event loop run: once in any case, for those who list again and again, and in between when it takes long. */
async function pacer(): Promise<() => Promise<void>> {
  await setImmediate();
  let begun = performance.now();
  return async () => {
    if (performance.now() - begun < SLICE) return;
    await setImmediate();
    begun = performance.now();
  };
}
