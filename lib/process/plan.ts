import { EACCES, ENODEV, ENOENT, ENOTDIR, EPERM, ESTALE, ETIMEDOUT } from '../errno.js';
import { addon } from '../native/load.js';
import { flagOf } from '../namespace-types.js';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  CLONE_CHILD_CLEARTID,
  CLONE_VM,
  CLOSE_RANGE_CLOEXEC,
  F_DUPFD_CLOEXEC,
  O_CLOEXEC,
  O_WRONLY,
  POLLIN,
  PR_SET_NO_NEW_PRIVS,
  PR_SET_PDEATHSIG,
  SECCOMP_SET_MODE_FILTER,
} from '../system-calls/constants.js';
import { longs, Program, REPORT, words, type ResultOf } from '../system-calls/program.js';
import { dropBounding, keepCapabilities, setCapabilities } from './capabilities.js';
import { hasInside } from './id-map.js';
import { setRoot } from './mounts.js';
import type { Join } from './namespaces.js';
import { setResourceLimits } from './rlimits.js';
import type { CheckedSpawn, Environment, SpawnOptions } from './spawn-options.js';
import { controlTerminal, type PreparedStdio } from './stdio.js';

/** What says that a program may be in another folder: as for execvp(3). */
const NOT_HERE = [ENOENT, ENOTDIR, EACCES, ESTALE, ENODEV, ETIMEDOUT];
const LAST_DESCRIPTOR = 0xffffffff;

interface Written {
  readonly file: string;
  readonly text: string;
  readonly step: string;
}

/** What is done to start a program, and by whom. */
export interface Plan {
  /** By the child. */
  readonly program: Program;
  /** By one that goes ahead, where the child has to be born into namespaces that there are. */
  readonly entry: Program;
  /** By this process, in the child's folder of /proc. */
  readonly writes: readonly Written[];
  /** CLONE_*. */
  readonly flags: number;
  /**
   * Whether there is little more to do than to have the kernel load the program, which takes some tenths of a millisecond. Not where
   * the child may have to wait for its turn: in a cgroup, which may even be frozen, or with another niceness.
   */
  readonly isBrief: boolean;
  /** Of the numbers below, the child's program has all but the last for descriptors of its own. */
  readonly leastDescriptor: number;
}

/** Calls that wait for nothing but for the program and its folder to be found. None for a death signal: it comes when the thread that made the child ends. */
const BRIEF_CALLS = new Set([
  'fcntl',
  'dup3',
  'close_range',
  'setsid',
  'sethostname',
  'setdomainname',
  'prlimit64',
  'umask',
  'chdir',
  'setgroups',
  'setresgid',
  'setresuid',
  'execve',
]);
const BRIEF_FLAGS = CLONE_VM + flagOf('uts') + flagOf('ipc') + flagOf('pid') + flagOf('cgroup');

function isBrief({ calls }: Program, flags: number): boolean {
  return (flags & CLONE_VM) !== 0 && (flags & ~BRIEF_FLAGS) === 0 && calls.every(({ name }) => BRIEF_CALLS.has(name));
}

/**
 * What the child does, in this order: each thing while it has the right to, and knows the paths. `parent` is a pidfd of this
 * process, if there has to be one.
 */
export function planned(
  checked: CheckedSpawn,
  joined: readonly Join<number>[],
  stdio: PreparedStdio,
  parent: number | undefined,
): Plan {
  const { command, argv, options, namespaces, ids, root, capabilities, environment } = checked;
  const program = new Program();
  const entry = new Program();
  const leastDescriptor = stdio.count + 1;
  const init = options.init === true ? openInit(program, leastDescriptor) : undefined;
  // To be born into a pid or user namespace takes a parent that joined it; and what is made after joining belongs to it.
  const ahead =
    namespaces.flags !== 0 || joined.some(({ kind }) => kind === 'pid' || kind === 'user' || kind === 'time');
  for (const { kind, place } of joined)
    (ahead ? entry : program).add(`namespaces.${kind}`, 'setns', [place, flagOf(kind)]);
  if (ids !== undefined) becomeRoot(program, ids);
  if (options.detached === true || stdio.isTerminal) program.add('detached', 'setsid', []);
  const { hostname, domainname } = options;
  if (hostname !== undefined) program.add('hostname', 'sethostname', [hostname, Buffer.byteLength(hostname)]);
  if (domainname !== undefined) program.add('domainname', 'setdomainname', [domainname, Buffer.byteLength(domainname)]);
  for (const { step, path, text } of checked.sysctls) writeFile(program, step, path, text);
  if (namespaces.isNew('time')) {
    program.add('namespaces.time', 'unshare', [flagOf('time')]);
    if (checked.offsets !== '') writeFile(program, 'timeOffsets', '/proc/self/timens_offsets', checked.offsets);
  }
  setRoot(program, root);
  // Over descriptors that were needed until now, and before there may only be few.
  stdio.place(program, parent);
  if (stdio.isTerminal) controlTerminal(program);
  setResourceLimits(program, checked.limits);
  if (options.nice !== undefined) program.add('nice', 'setpriority', [0, 0, options.nice]);
  if (options.umask !== undefined) program.add('umask', 'umask', [options.umask]);
  if (capabilities !== undefined) {
    dropBounding(program, capabilities);
    keepCapabilities(program);
  }
  changeUser(program, options);
  if (capabilities !== undefined) setCapabilities(program, capabilities);
  if (options.cwd !== undefined) program.add('cwd', 'chdir', [options.cwd]);
  if (checked.deathSignal !== undefined)
    program.add('deathSignal', 'prctl', [PR_SET_PDEATHSIG, checked.deathSignal, 0, 0, 0]);
  if (options.noNewPrivileges === true) program.add('noNewPrivileges', 'prctl', [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0]);
  program.add('stdio', 'close_range', [stdio.count, LAST_DESCRIPTOR, CLOSE_RANGE_CLOEXEC]);
  if (parent !== undefined) endWith(program, stdio.count);
  if (options.seccomp !== undefined) filter(program, options.seccomp);
  if (init !== undefined) executeInit(program, init, command, argv, environment, stdio.count);
  else execute(program, command, argv, environment);
  const writes: Written[] = [];
  if (ids !== undefined) {
    if (ids.setgroups === 'deny') writes.push({ file: 'setgroups', text: 'deny', step: 'setgroups' });
    writes.push({ file: 'uid_map', text: ids.uidText, step: 'uidMap' });
    writes.push({ file: 'gid_map', text: ids.gidText, step: 'gidMap' });
  }
  if (options.oomScoreAdjust !== undefined)
    writes.push({ file: 'oom_score_adj', text: `${options.oomScoreAdjust}`, step: 'oomScoreAdjust' });
  // Of processes that share their memory all get the same oom_score_adj, and none may enter a time namespace. A copy
  // takes the longer the larger the heap is.
  const takesCopy = options.oomScoreAdjust !== undefined || joined.some(({ kind }) => kind === 'time');
  const flags = namespaces.flags + (takesCopy ? 0 : CLONE_VM);
  const brief =
    entry.calls.length === 0 && writes.length === 0 && options.cgroup === undefined && isBrief(program, flags);
  // The kernel then tells of memory of its own. The child still has our descriptors by then, and is in our time namespace.
  const told = brief ? CLONE_CHILD_CLEARTID : 0;
  return { program, entry, writes, flags: flags + told, isBrief: brief, leastDescriptor };
}

/** Writes a file that exists, in the child. */
function writeFile(program: Program, step: string, path: string, text: string): void {
  const bytes = new TextEncoder().encode(text);
  const file = program.add(step, 'openat', [AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0]);
  program.add(step, 'write', [file, bytes, bytes.length]);
  program.add(step, 'close', [file]);
}

/** In a new user namespace: with the ids outside nobody is anybody inside until this. */
function becomeRoot(program: Program, { uidMap, gidMap, setgroups }: NonNullable<CheckedSpawn['ids']>): void {
  if (hasInside(gidMap, 0)) {
    // Refused in a user namespace within one that denies it.
    if (setgroups === 'allow') program.add('gidMap', 'setgroups', [0, null], [EPERM]);
    program.add('gidMap', 'setresgid', [0, 0, 0]);
  }
  if (hasInside(uidMap, 0)) program.add('uidMap', 'setresuid', [0, 0, 0]);
}

function changeUser(program: Program, { uid, gid, groups }: SpawnOptions): void {
  // In a user namespace that denies setgroups there are none to give up, and who asks for some is told.
  if (groups !== undefined) program.add('groups', 'setgroups', [groups.length, words(groups)]);
  else if (gid !== undefined || uid !== undefined) program.add('groups', 'setgroups', [0, null], [EPERM]);
  if (gid !== undefined) program.add('gid', 'setresgid', [gid, gid, gid]);
  if (uid !== undefined) program.add('uid', 'setresuid', [uid, uid, uid]);
}

/** struct sock_fprog: a length of 16 bits, and a pointer. */
function filter(program: Program, instructions: Uint8Array): void {
  const bytes = new Uint8Array(16);
  bytes.set(new Uint8Array(Uint16Array.of(instructions.length / 8).buffer));
  program.add('seccomp', 'seccomp', [SECCOMP_SET_MODE_FILTER, 0, { bytes, pointers: [[8, instructions]] }]);
}

/** Where the command may be. */
function paths(command: string, { path }: Environment): string[] {
  if (command.includes('/')) return [command];
  return path.split(':').map((folder) => `${folder === '' ? '.' : folder}/${command}`);
}

/** Tries the folders of PATH in turn, as the child sees them and as execvp(3) does. */
function execute(program: Program, command: string, argv: readonly string[], env: Environment): void {
  const candidates = paths(command, env);
  const both = [{ targets: argv }, { targets: env.list }] as const;
  for (const [i, path] of candidates.entries()) {
    const elsewhere = i < candidates.length - 1 ? NOT_HERE : undefined;
    program.add('command', 'execve', [path, ...both], elsewhere);
  }
}

/** While the root is this process's. */
function openInit(program: Program, leastDescriptor: number): ResultOf {
  const file = program.add('init', 'openat', [AT_FDCWD, addon.path, O_CLOEXEC, 0]);
  return program.add('init', 'fcntl', [file, F_DUPFD_CLOEXEC, leastDescriptor]);
}

/**
 * Ends the child where the process behind the pidfd has ended: before the death signal was set, maybe, so that it was not sent.
 */
function endWith(program: Program, pidfd: number): void {
  // struct pollfd and struct timespec
  const watched = Uint8Array.from([...words([pidfd]), ...new Uint8Array(Uint16Array.of(POLLIN, 0).buffer)]);
  const ended = program.add('deathSignal', 'ppoll', [watched, 1, longs([0n, 0n]), null, 0]);
  // A call that does nothing when it is given 0, and fails with 1.
  program.add('deathSignal', 'unshare', [ended]);
}

/** The init has the pipe for reports as the descriptor `report`, and hands it on to the program until that is executed. */
function executeInit(
  program: Program,
  init: ResultOf,
  command: string,
  argv: readonly string[],
  env: Environment,
  report: number,
): void {
  program.add('init', 'dup3', [REPORT, report, 0]);
  const step = program.calls.length;
  const all = ['init', `${report}`, `${step}`, ...paths(command, env), '--', ...argv];
  program.add('command', 'execveat', [init, '', { targets: all }, { targets: env.list }, AT_EMPTY_PATH]);
}
