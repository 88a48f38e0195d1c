import { ENOSYS } from '../errno.js';
import { ArgumentError } from '../errors.js';
import { checkKeys, checkPath } from '../options.js';
import { show } from '../wire/codec.js';
import { isFailure } from '../netlink/system-call.js';
import { checkDescriptor, checkText, type InNamespace, type WithDescriptor } from './checks.js';
import { AT_FDCWD, MNT_DETACH, MS_BIND, MS_REC, MS_REMOUNT } from '../system-calls/constants.js';
import { setAttributes } from '../system-calls/mounts.js';
import type { ResultOf } from '../system-calls/program.js';
import {
  attributeBits,
  clearedBySetting,
  attributesAmong,
  checkFlags,
  flagBits,
  recursivePropagationBits,
  type MountFlag,
  type RecursivePropagation,
} from './flags.js';
import { borrow, ThreadProgram, run, runSync, type Operation } from './program.js';

export interface MountOptions extends InNamespace {
  /**
   * With `bind` and `move` the path of what is to be seen at `target`, too. Else it is the file system's: the path of a device
   * for those on disks, for the others any text; left out, that is the type.
   */
  readonly source?: string | undefined;
  /** The path of the mount point, which exists: a folder, or for the bind of a file a file. */
  readonly target: string;
  /** The file system's name, as in /proc/filesystems. */
  readonly type?: string | undefined;
  /**
   * Instead of mounting a file system: `bind`, with `recursive` together with what is mounted below `source`; `move`, which
   * goes alone; `remount`, which changes the file system at `target`, and with `bind` only that mount of it.
   *
   * What is bound has the attributes of the mount that `source` is on, and those named here in addition; not so what is mounted
   * below (`bindMount` does that). Before Linux 5.12 it has those named here instead.
   */
  readonly flags?: readonly MountFlag[] | undefined;
  /** The file system's own options: text as after `mount -o`, or by name, `true` for one without a value. At most 4095 bytes. */
  readonly data?: string | Readonly<Record<string, string | number | true>> | undefined;
  /** Changed last; not together with `remount` and `move`. Without `source`, `type`, `flags` and `data` only this is done, to the mount at `target`. */
  readonly propagation?: RecursivePropagation | undefined;
}

/** The calls are to fit into a page of the kernel, together with a NUL. */
const LONGEST_DATA = 4095;

/** The kinds of mount(2). */
const KINDS = ['bind', 'move', 'remount'] as const satisfies MountFlag[];
const ABOUT_FILE_SYSTEMS: readonly MountFlag[] = ['synchronous', 'dirSync', 'lazyTime', 'silent'];

interface Checked {
  readonly namespace: WithDescriptor | undefined;
  readonly source: string | undefined;
  readonly target: string;
  readonly type: string | undefined;
  readonly flags: readonly MountFlag[];
  readonly data: string | undefined;
  readonly propagation: number | undefined;
}

function checked(options: MountOptions): Checked {
  options = checkKeys('mount', options, ['namespace', 'source', 'target', 'type', 'flags', 'data', 'propagation']);
  const flags = checkFlags('mount.flags', options.flags);
  const result: Checked = {
    namespace: checkDescriptor('mount.namespace', options.namespace),
    source: checkSource(options.source, flags),
    target: checkPath('mount.target', options.target),
    type: options.type === undefined ? undefined : checkText('mount.type', options.type),
    flags,
    data: dataText(options.data),
    propagation: recursivePropagationBits('mount.propagation', options.propagation),
  };
  checkCombination(result);
  return result;
}

function checkSource(source: unknown, flags: readonly MountFlag[]): string | undefined {
  if (flags.includes('move') || (flags.includes('bind') && !flags.includes('remount')))
    return checkPath('mount.source', source);
  if (source === undefined) return undefined;
  const text = checkText('mount.source', source);
  if (/^\.\.?(\/|$)/.test(text)) return checkPath('mount.source', text);
  return text;
}

/** What the kernel would ignore is refused. */
function checkCombination({ source, type, flags, data, propagation }: Checked): void {
  const kinds = KINDS.filter((kind) => flags.includes(kind));
  const remount = flags.includes('remount');
  const bind = flags.includes('bind');
  if (flags.includes('move') && flags.length > 1) throw new ArgumentError('mount.flags', 'move goes alone');
  if (propagation !== undefined && (remount || flags.includes('move')))
    throw new ArgumentError('mount.propagation', 'takes a call of its own beside remount and move');
  if (flags.includes('recursive') && (!bind || remount))
    throw new ArgumentError('mount.flags', 'recursive goes with bind; of propagation there is rprivate and so on');
  if (bind) {
    const other = flags.find((flag) => ABOUT_FILE_SYSTEMS.includes(flag));
    if (other !== undefined)
      throw new ArgumentError('mount.flags', `${other} is about a whole file system, bind about one mount`);
  }
  if (kinds.length > 0) {
    if (type !== undefined) throw new ArgumentError('mount.type', `goes without ${kinds.join(' and ')}`);
    if (data !== undefined && kinds.join() !== 'remount')
      throw new ArgumentError('mount.data', `goes without ${kinds.join(' and ')}`);
    if (remount && source !== undefined) throw new ArgumentError('mount.source', 'goes without remount');
  } else if (type === undefined) {
    const rest = source !== undefined || flags.length > 0 || data !== undefined;
    if (rest || propagation === undefined)
      throw new ArgumentError('mount.type', 'takes the name of a file system, as there is no bind, move or remount');
  }
}

function dataText(data: unknown): string | undefined {
  if (data === undefined) return undefined;
  const text = typeof data === 'string' ? data : optionList(data);
  if (text.includes('\0')) throw new ArgumentError('mount.data', 'takes text without NUL');
  if (Buffer.byteLength(text) > LONGEST_DATA)
    throw new ArgumentError(
      'mount.data',
      `takes at most ${LONGEST_DATA} bytes; mountFilesystem passes one option at a time`,
    );
  return text;
}

function optionList(data: unknown): string {
  if (typeof data !== 'object' || data === null || Array.isArray(data))
    throw new ArgumentError('mount.data', `takes text, or values by name, not ${show(data)}`);
  return Object.entries(data as Record<string, unknown>)
    .map(([key, value]) => {
      if (value === true) return key;
      if (typeof value !== 'string' && typeof value !== 'number')
        throw new ArgumentError(`mount.data.${key}`, `takes text, a number or true, not ${show(value)}`);
      if (String(value).includes(','))
        throw new ArgumentError(`mount.data.${key}`, 'takes a value without comma; mountFilesystem takes any');
      return `${key}=${value}`;
    })
    .join(',');
}

/** Exported for its tests. */
export function* mountOperation(options: MountOptions): Operation<void> {
  const { source, target, type, flags, data, propagation, ...place } = checked(options);
  using namespace = borrow('mount.namespace', place.namespace);
  const inside = () => new ThreadProgram().enter('mount.namespace', namespace);
  const quoted = JSON.stringify(target);

  const program = inside();
  const binds = flags.includes('bind') && !flags.includes('remount');
  let first: ResultOf | undefined;
  if (type !== undefined || flags.length > 0) {
    const what = `${source ?? type ?? flags.join()} on mount.target ${quoted}`;
    const bits = binds ? flagBits(flags) & (MS_BIND | MS_REC) : flagBits(flags);
    first = program.add(what, 'mount', [source ?? type ?? null, target, type ?? null, bits, data ?? null]);
  }
  // mount(2) does not give a bind its attributes in the same call.
  const set = binds ? attributesAmong(flags) : [];
  let attributes: ResultOf | undefined;
  if (set.length > 0) {
    const change = { set: attributeBits(set), clear: clearedBySetting(set) };
    attributes = setAttributes(program, `mount.flags of ${quoted}`, [AT_FDCWD, target, 0], change, [ENOSYS]);
  }
  if (propagation !== undefined)
    program.add(`mount.propagation of ${quoted}`, 'mount', [null, target, null, propagation, null]);

  let outcome = yield program;
  let failed = program;
  if (!isFailure(outcome) && attributes !== undefined && outcome.results[attributes.value] === -ENOSYS) {
    failed = inside();
    const bits = MS_REMOUNT | MS_BIND | flagBits(set);
    failed.add(`mount.flags of ${quoted}`, 'mount', [null, target, null, bits, null]);
    outcome = yield failed;
  }
  if (!isFailure(outcome)) return;
  const mounted = first !== undefined && (failed !== program || (outcome.step ?? 0) > first.value);
  if (mounted) {
    const undo = inside();
    undo.add('', 'umount2', [target, MNT_DETACH]);
    yield undo;
  }
  throw failed.error(outcome);
}

/**
 * Mounts a file system, binds or moves what is mounted elsewhere, changes what is mounted, or how mounts propagate, with
 * mount(2). Either all of it is done or nothing. Takes CAP_SYS_ADMIN in the user namespace that owns the mount namespace.
 *
 * Without `namespace` this is the mount namespace of the process, the machine's own as a rule. And from a new mount namespace
 * mounts still propagate back, wherever the original is shared, until `{ namespace, target: '/', propagation: 'rprivate' }`.
 *
 * `mountFilesystem` says more about what is wrong with a file system's options.
 */
export function mount(options: MountOptions): Promise<void> {
  return run(mountOperation(options));
}

/** `mount`, in the calling thread's time. */
export function mountSync(options: MountOptions): void {
  runSync(mountOperation(options));
}
