import { EINVAL, ENOSPC, EPERM } from '../errno.js';
import { ArgumentError, ClosedError, SyscallError, UnsupportedError } from '../errors.js';
import type { Descriptor, Failure, NamespaceIdentity } from '../native/addon.js';
import { addon } from '../native/load.js';
import { isFailure, orThrow } from '../netlink/system-call.js';
import { checkKeys, checkSwitch } from '../options.js';
import { pinAt, unpinAt } from './names.js';
import { openCurrent, openNamespace, takeOver, type OpenedNamespace, type Place } from './open.js';
import { checkType, flagOf, labelOf, type NamespaceType } from '../namespace-types.js';

/** The first user and the first pid namespace: include/linux/proc_ns.h, PROC_USER_INIT_INO and PROC_PID_INIT_INO. */
const INITIAL = { user: 0xeffffffdn, pid: 0xeffffffcn } as const;

const PLACES = ['name', 'path', 'pid', 'pidfd', 'fd'];

/** Where to look. Refuses what says nowhere, or several places; `known`: what else may stand there. */
export function placeOf(ref: object, known: readonly string[]): Place {
  // A handle is a reference by its descriptor; what else it has is not meant.
  if (ref instanceof NamespaceHandle) return { fd: ref.fd };
  ref = checkKeys('ref', ref, [...PLACES, ...known]);
  const given = PLACES.filter((each) => each in ref);
  if (given.length === 1) return ref;
  const found = given.length === 0 ? 'there is none' : `not ${given.join(' and ')}`;
  throw new ArgumentError('ref', `takes one of ${PLACES.join(', ')}; ${found}`);
}

/**
 * Where a namespace is found: at a path, under a name of `ip netns`, where a process is, or behind a descriptor, of which
 * the handle gets a copy. With `forChildren`, for `'pid'` and `'time'`, that which new children of the process will be in.
 */
export type NamespaceRef =
  | { readonly path: string; readonly type?: NamespaceType | undefined }
  | { readonly name: string; readonly type?: 'net' | undefined }
  | { readonly fd: number; readonly type?: NamespaceType | undefined }
  | ({ readonly pid: number } & OfProcess)
  | ({ readonly pidfd: number } & OfProcess);

type OfProcess =
  | { readonly type: NamespaceType; readonly forChildren?: false | undefined }
  | { readonly type: 'pid' | 'time'; readonly forChildren?: boolean | undefined };

/** The types of namespaces that can be made without a process in them. */
export type CreatableType = 'cgroup' | 'ipc' | 'mnt' | 'net' | 'uts';

/** For this module alone: others open and create. */
let handleOf: (opened: OpenedNamespace) => Namespace;

/** A namespace of any type, held open: what `Namespace` and `Netns` have in common. */
export abstract class NamespaceHandle {
  readonly #descriptor: Descriptor;
  readonly #identity: NamespaceIdentity;
  /** What it is a namespace of. */
  readonly type: NamespaceType;

  protected constructor({ descriptor, identity, type }: OpenedNamespace) {
    this.#descriptor = descriptor;
    this.#identity = identity;
    this.type = type;
  }

  /** The descriptor, for other libraries' calls. It stays this handle's: do not close it. */
  get fd(): number {
    if (this.#descriptor.fd < 0) throw new ClosedError(`the ${labelOf(this.type)}`);
    return this.#descriptor.fd;
  }

  /** The namespace's number, as in `readlink /proc/PID/ns/TYPE`. */
  get ino(): bigint {
    return this.#identity.ino;
  }

  /** The device of the file system of namespaces. With `ino` it identifies the namespace. */
  get dev(): bigint {
    return this.#identity.dev;
  }

  /** Whether both handles are of the same namespace. */
  equals(other: NamespaceHandle): boolean {
    if (typeof other?.ino !== 'bigint') throw new ArgumentError('other', 'takes a Namespace or a Netns');
    return this.ino === other.ino && this.dev === other.dev;
  }

  /**
   * The user namespace that owns it: capabilities there are what it takes to change it. Of a user namespace that is its
   * parent. EPERM when the owner is neither the user namespace of this process nor below it; ioctl_ns(2), NS_GET_USERNS.
   */
  owner(): Namespace {
    return ownerOf(this);
  }

  /**
   * Keeps the namespace alive at `path`, an absolute one of a file that does not exist yet; until `unpin(path)`. Takes CAP_SYS_ADMIN. A mount
   * namespace can be pinned only where mounts do not propagate (a private mount), and in a mount namespace that is older:
   * EINVAL. Linux 6.18 tells the age by numbers that each CPU draws from a range of its own, so that it may refuse at random.
   */
  pin(path: string): void {
    try {
      pinAt(this.fd, path);
    } catch (error) {
      if (this.type !== 'mnt' || !(error instanceof SyscallError) || error.errno !== EINVAL) throw error;
      const hint =
        'a mount namespace can be pinned only below a private mount, and in a mount namespace that is older than it';
      throw new SyscallError(error.errno, error.syscall, path, hint);
    }
  }

  /** Lets go of the namespace. A second call does nothing. */
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

/**
 * A namespace of any type, held open. It exists at least as long as the handle is open, and longer where a process is in
 * it, a file pins it, or it is the owner or parent of another. Network namespaces have more to them: see `Netns`.
 *
 * @example
 * ```ts
 * import { Namespace } from 'netlace';
 *
 * using own = Namespace.current('uts');
 * using made = await Namespace.create('uts');
 * using owner = made.owner();
 * console.log(made.ino, own.equals(made), owner.type, owner.ownerUid);
 * ```
 */
export class Namespace extends NamespaceHandle {
  static {
    handleOf = (opened) => new Namespace(opened);
  }

  private constructor(opened: OpenedNamespace) {
    super(opened);
  }

  /** That of the calling thread; with `forChildren`, for `'pid'` and `'time'`, that of the children it will start. */
  static current(type: NamespaceType, options: { readonly forChildren?: boolean | undefined } = {}): Namespace {
    checkType(type, 'type');
    options = checkKeys('options', options, ['forChildren']);
    checkForChildren('options', options.forChildren, type);
    return new Namespace(openCurrent(type, options.forChildren));
  }

  /**
   * Opens one that exists. A process is looked at through a pidfd, so that its pid cannot meanwhile become another's, and
   * it takes the right to trace the process: EACCES or EPERM otherwise. ESRCH when there is no such process.
   */
  static async open(ref: NamespaceRef): Promise<Namespace> {
    return Namespace.openSync(ref);
  }

  /** The same at once. */
  static openSync(ref: NamespaceRef): Namespace {
    const place = placeOf(ref, ['type', 'forChildren']);
    const { type, forChildren } = place as { readonly type?: NamespaceType; readonly forChildren?: boolean };
    if (type !== undefined) checkType(type, 'ref.type');
    if (forChildren !== undefined) {
      if (!('pid' in place || 'pidfd' in place))
        throw new ArgumentError('ref.forChildren', 'goes with a pid or a pidfd');
      checkForChildren('ref', forChildren, type);
    }
    return new Namespace(openNamespace(place, type));
  }

  /**
   * A new namespace without a process in it, owned by the user namespace of this process; made by a thread of its own, so
   * that none of Node's is in it. A mount namespace begins as a copy of the mounts of this process. Takes CAP_SYS_ADMIN.
   *
   * UnsupportedError for the other types: a user namespace cannot be made by one thread of several, and pid and time
   * namespaces are for children only. They take a child process: `spawn` makes one in them.
   */
  static async create(type: CreatableType): Promise<Namespace> {
    return created(type, await addon.async.unshare(creatable(type)));
  }

  /** The same at once. */
  static createSync(type: CreatableType): Namespace {
    return created(type, addon.sync.unshare(creatable(type)));
  }

  /** Removes the file that `pin` made; ArgumentError, and nothing is changed, where that is no pinned namespace. */
  static unpin(path: string): void {
    unpinAt(path);
  }

  /**
   * Of a user namespace: who made it, and has all capabilities in it while outside; 65534, or what else
   * /proc/sys/kernel/overflowuid says, when that user is not mapped into the own user namespace. Undefined for other types.
   */
  get ownerUid(): number | undefined {
    return this.type === 'user' ? orThrow(addon.ownerUid(this.fd), `the ${labelOf(this.type)} ${this.ino}`) : undefined;
  }

  /**
   * Of a pid or user namespace: the one it is nested in. Undefined at the top, which is the first one of the system and
   * also the one that this process is in, beyond which nothing is shown; and for other types, which do not nest.
   * EPERM when the namespace is not below the one of this process at all; ioctl_ns(2), NS_GET_PARENT.
   */
  parent(): Namespace | undefined {
    const { type } = this;
    if (type !== 'pid' && type !== 'user') return undefined;
    const found = addon.parentNamespace(this.fd);
    if (!isFailure(found)) return new Namespace(takeOver(found, 'the parent', type));
    if (found.errno === EPERM && (this.ino === INITIAL[type] || isCurrent(this))) return undefined;
    throw outside(found, `parent of the ${labelOf(type)} ${this.ino}`, `the ${labelOf(type)} of this process`);
  }
}

function ownerOf(handle: NamespaceHandle): Namespace {
  const found = addon.owningUserNamespace(handle.fd);
  if (!isFailure(found)) return handleOf(takeOver(found, 'the owner', 'user'));
  const what = `owner of the ${labelOf(handle.type)} ${handle.ino}`;
  if (handle.type === 'user' && handle.ino === INITIAL.user)
    throw new SyscallError(found.errno, found.syscall, what, 'the first user namespace has no owner');
  throw outside(found, what, 'the user namespace of this process');
}

function isCurrent(handle: Namespace): boolean {
  const current = Namespace.current(handle.type);
  current.close();
  return handle.equals(current);
}

function outside({ errno, syscall }: Failure, what: string, border: string): SyscallError {
  return new SyscallError(errno, syscall, what, errno === EPERM ? `it lies outside of ${border}` : undefined);
}

function checkForChildren(argument: string, forChildren: unknown, type: NamespaceType | undefined): void {
  if (checkSwitch(`${argument}.forChildren`, forChildren) && type !== 'pid' && type !== 'time')
    throw new ArgumentError(`${argument}.forChildren`, 'goes with the types pid and time');
}

function creatable(type: CreatableType): number {
  const checked: NamespaceType = checkType(type, 'type');
  if (checked === 'user' || checked === 'pid' || checked === 'time')
    throw new UnsupportedError(`a new ${labelOf(checked)} takes a child process that lives in it: see spawn`);
  return flagOf(checked);
}

function created(type: CreatableType, result: Descriptor | Failure): Namespace {
  const what = `for a new ${labelOf(type)}`;
  if (isFailure(result) && result.errno === ENOSPC) {
    const hint = `the limit /proc/sys/user/max_${type}_namespaces is reached, here or in a user namespace above`;
    throw new SyscallError(result.errno, result.syscall, what, hint);
  }
  return handleOf(takeOver(orThrow(result, what), 'the new namespace', type));
}
