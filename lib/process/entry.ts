import { EACCES, EDQUOT, EINVAL, ENOSYS, EPERM } from '../errno.js';
import { flagOf } from '../namespace-types.js';
import {
  AT_FDCWD,
  CLONE_VM,
  KEYCTL_JOIN_SESSION_KEYRING,
  O_CLOEXEC,
  O_PATH,
  O_WRONLY,
  PR_SET_DUMPABLE,
} from '../system-calls/constants.js';
import type { Program, ResultOf } from '../system-calls/program.js';
import { hasInside } from './id-map.js';
import { openSources, type Sources } from './mounts.js';
import type { Join } from './namespaces.js';
import type { CheckedSpawn, SpawnOptions } from './spawn-options.js';

/** How a launcher begins: from this process's namespaces and rights to those of the child. */
export interface Entry {
  /** CLONE_NEW* of the launcher's first process. */
  readonly flags: number;
  /** The mounts whose sources were opened with the rights outside. */
  readonly sources: Sources;
  /** /proc/sys as it is outside. */
  readonly settings: ResultOf | undefined;
  /** The niceness, set with the rights outside if these suffice. */
  readonly niced: ResultOf | undefined;
}

/**
 * The calls that lead into the namespaces. First comes what takes the files and the rights outside. Then the launcher hides, so that no
 * program in there can look at it: it still has descriptors of this process.
 */
export function enter(program: Program, checked: CheckedSpawn, joined: readonly Join<number>[]): Entry {
  const { options, namespaces, ids } = checked;
  const joins = (kind: string) => joined.some((join) => join.kind === kind);
  const isNewUser = ids !== undefined;
  if (options.oomScoreAdjust !== undefined)
    writeFile(program, 'oomScoreAdjust', AT_FDCWD, '/proc/self/oom_score_adj', `${options.oomScoreAdjust}`);
  const offsets =
    checked.offsets === ''
      ? undefined
      : program.add('timeOffsets', 'openat', [AT_FDCWD, '/proc/self/timens_offsets', O_WRONLY | O_CLOEXEC, 0]);
  // A container may have mounted anything at its own /proc/sys. What is found below depends on who looks, not on where it was opened.
  const settings =
    checked.sysctls.length === 0
      ? undefined
      : program.add('sysctls', 'openat', [AT_FDCWD, '/proc/sys', O_PATH | O_CLOEXEC, 0]);
  if (isNewUser || joins('user') || namespaces.isNew('pid') || joins('pid')) joinSessionKeyring(program);
  const niced =
    options.nice !== undefined && (isNewUser || joins('user'))
      ? program.add('nice', 'setpriority', [0, 0, options.nice], [EACCES, EPERM])
      : undefined;
  const sources = openSources(program, checked.root, isNewUser || joins('user'));

  const hide = () => program.add('launcher', 'prctl', [PR_SET_DUMPABLE, 0, 0, 0, 0]);
  // Hiding gives the launcher's files in /proc to root. So without root the id maps are written first.
  const isRoot = process.geteuid!() === 0;
  if (!isNewUser || isRoot) hide();
  // Drop the groups outside: a user namespace may deny setgroups, and they would stay.
  if (isNewUser || joins('user')) program.add('groups', 'setgroups', [0, null], [EPERM]);
  joinAll(program, joined);
  if (joins('user')) {
    becomeRootInside(program, options);
    // The new user makes it dumpable again where the sysctl fs.suid_dumpable is 1.
    hide();
  }
  let flags = namespaces.created;
  if (isNewUser) {
    program.add('namespaces.user', 'unshare', [flagOf('user')]);
    flags -= flagOf('user');
    program.add('uidMap', 'maps', []);
    becomeRoot(program, ids);
    hide();
  }
  if (namespaces.isNew('time')) {
    program.add('namespaces.time', 'unshare', [flagOf('time')]);
    flags -= flagOf('time');
    if (offsets !== undefined) writeTo(program, 'timeOffsets', offsets, checked.offsets);
  }
  const isElsewhere = joined.length > 0 || isNewUser;
  // A process is only ever born into a pid namespace, a time namespace or a cgroup.
  const forks =
    joins('pid') ||
    (isElsewhere && namespaces.isNew('pid')) ||
    namespaces.isNew('time') ||
    options.cgroup !== undefined;
  if (forks) {
    const cgroup = options.cgroup === undefined ? -1 : program.holds(options.cgroup.fd);
    // An init stays, and has memory of its own. Into a time namespace, what shares its memory only gets by execve, or not at all.
    const isCopied = options.init === true || namespaces.isNew('time') || joins('time');
    program.add(cgroup < 0 ? 'clone3' : 'cgroup', 'fork', [isCopied ? flags : flags + CLONE_VM, cgroup]);
    return { flags: 0, sources, settings, niced };
  }
  if (!isElsewhere) return { flags, sources, settings, niced };
  if (flags !== 0) program.add('clone3', 'unshare', [flags]);
  return { flags: 0, sources, settings, niced };
}

/** A session keyring of its own: else its programs have the keys of this process. keyctl(2); forbidden by many filters. */
export function joinSessionKeyring(program: Program): void {
  program.add('keyring', 'keyctl', [KEYCTL_JOIN_SESSION_KEYRING, null], [ENOSYS, EPERM, EDQUOT]);
}

/** Writes a file that exists. */
export function writeFile(program: Program, step: string, folder: ResultOf | number, path: string, text: string): void {
  writeTo(program, step, program.add(step, 'openat', [folder, path, O_WRONLY | O_CLOEXEC, 0]), text);
}

function writeTo(program: Program, step: string, file: ResultOf, text: string): void {
  const bytes = new TextEncoder().encode(text);
  program.add(step, 'write', [file, bytes, bytes.length]);
  program.add(step, 'close', [file]);
}

/** As nsenter(1) does: with the rights outside, then into the user namespace, then with the rights inside what was refused. */
function joinAll(program: Program, joined: readonly Join<number>[]): void {
  const join = ({ kind, place }: Join<number>, tolerated?: readonly number[], refused?: ResultOf) =>
    program.add(
      `namespaces.${kind}`,
      'setns',
      [program.holds(place), flagOf(kind)],
      tolerated,
      refused && { unless: refused },
    );
  const user = joined.find(({ kind }) => kind === 'user');
  const others = joined.filter((one) => one !== user);
  if (user === undefined) {
    for (const one of others) join(one);
    return;
  }
  const tried = others.map((one) => join(one, [EPERM]));
  join(user);
  for (const [i, one] of others.entries()) join(one, undefined, tried[i]);
}

/** In a joined user namespace nobody has the ids that this process has outside. */
function becomeRootInside(program: Program, { uid, gid }: SpawnOptions): void {
  // Refused in one that denies setgroups.
  program.add('groups', 'setgroups', [0, null], [EPERM]);
  // With `uid` or `gid` given, the namespace need not have an id 0.
  program.add('gid', 'setresgid', [0, 0, 0], gid === undefined ? undefined : [EINVAL]);
  program.add('uid', 'setresuid', [0, 0, 0], uid === undefined ? undefined : [EINVAL]);
}

/** Becomes root in a new user namespace. Until then the process has no id inside. */
function becomeRoot(program: Program, { uidMap, gidMap, setgroups }: NonNullable<CheckedSpawn['ids']>): void {
  if (hasInside(gidMap, 0)) {
    // Refused in a user namespace within one that denies it.
    if (setgroups === 'allow') program.add('gidMap', 'setgroups', [0, null], [EPERM]);
    program.add('gidMap', 'setresgid', [0, 0, 0]);
  }
  if (hasInside(uidMap, 0)) program.add('uidMap', 'setresuid', [0, 0, 0]);
}
