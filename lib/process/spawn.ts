import { ArgumentError, SpawnError, UnsupportedError } from '../errors.js';
import type { SpawnFailure } from '../native/addon.js';
import { addon } from '../native/load.js';
import { isFailure, systemCallError } from '../netlink/system-call.js';
import { flagOf, type NamespaceType } from '../namespace-types.js';
import { checkKeys } from '../options.js';
import {
  checkCapabilities,
  dropBounding,
  keepCapabilities,
  setCapabilities,
  type CapabilitySets,
} from './capabilities.js';
import { Child } from './child.js';
import { hasInside, mapText, type IdMapping } from './id-map.js';
import { checkPath, checkRoot, setRoot, type SpawnPropagation, type RootOptions, type SpawnMount } from './mounts.js';
import { checkNamespaces, type NamespaceChoice } from './namespaces.js';
import { AT_EMPTY_PATH, AT_FDCWD, F_DUPFD_CLOEXEC, O_CLOEXEC, pointers, Program, words, writeFile } from './program.js';
import { setResourceLimits, type ResourceLimits } from './rlimits.js';
import { signalNumber } from './signals.js';
import { controlTerminal, prepareStdio, type Stdio } from './stdio.js';

/** How to run a program. Those that `node:child_process` has too mean the same. */
export interface SpawnOptions {
  /** The program's `argv[0]`; the command unless said. */
  readonly argv0?: string | undefined;
  /** Environment variables; those of this process unless said. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** The folder it starts in, absolute, in its own root. */
  readonly cwd?: string | undefined;
  /** The user it runs as, as its user namespace counts; 0 in a new one that has it, else unchanged. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Supplementary groups; none when `gid` is given and this is not. */
  readonly groups?: readonly number[] | undefined;
  /** `'pipe'` unless said: standard input, output and errors are streams of this process. */
  readonly stdio?: Stdio | undefined;
  /** In a session and process group of its own. */
  readonly detached?: boolean | undefined;
  /** Ends the child with `killSignal` when aborted. */
  readonly signal?: AbortSignal | undefined;
  /** SIGTERM unless said. */
  readonly killSignal?: NodeJS.Signals | number | undefined;
  /** Namespaces to be in; those of this process unless said. */
  readonly namespaces?: Readonly<Partial<Record<NamespaceType, NamespaceChoice>>> | undefined;
  /** Ids of a new user namespace; unless said, root inside is this process's user outside. */
  readonly uidMap?: readonly IdMapping[] | undefined;
  readonly gidMap?: readonly IdMapping[] | undefined;
  /** Whether `setgroups` may be called in a new user namespace; without CAP_SETGID it may not. */
  readonly setgroups?: 'allow' | 'deny' | undefined;
  /** Takes a UTS namespace of its own. */
  readonly hostname?: string | undefined;
  readonly domainname?: string | undefined;
  /** The cgroup (version 2) to start in: anything with the descriptor of its folder, such as a `Cgroup`. */
  readonly cgroup?: { readonly fd: number } | undefined;
  /** The folder that is its root: by pivot_root in a new mount namespace, else by chroot. */
  readonly root?: string | undefined;
  readonly readOnlyRoot?: boolean | undefined;
  /** What is mounted in a new mount namespace, in this order. */
  readonly mounts?: readonly SpawnMount[] | undefined;
  /** How a new mount namespace's mounts follow those here; `'private'` unless said. */
  readonly propagation?: SpawnPropagation | undefined;
  /** By names as `sysctl` has them: `{ 'net.ipv4.ip_forward': '1' }`. Written before the root changes. */
  readonly sysctls?: Readonly<Record<string, string | number>> | undefined;
  readonly rlimits?: ResourceLimits | undefined;
  readonly capabilities?: CapabilitySets | undefined;
  /** No program that it runs gains rights, by a set-user-ID bit say. */
  readonly noNewPrivileges?: boolean | undefined;
  /** A seccomp filter: `struct sock_filter` of 8 bytes each, for execve and what comes after it. Takes `noNewPrivileges` or CAP_SYS_ADMIN. */
  readonly seccomp?: Uint8Array | undefined;
  /** -1000 to 1000. Less than this process has takes CAP_SYS_RESOURCE. */
  readonly oomScoreAdjust?: number | undefined;
  /** The signal it gets when this process ends. */
  readonly deathSignal?: NodeJS.Signals | number | undefined;
  /** Of a new time namespace, in seconds. Since Linux 6.0 here, as the child has to enter it by execve. */
  readonly timeOffsets?:
    { readonly monotonic?: number | undefined; readonly boottime?: number | undefined } | undefined;
  /**
   * Puts an init in front of the program in a new pid namespace: process 1, which passes signals on and waits for orphans. It
   * ends with the program, with its exit code, or 128 and the number of the signal that ended it.
   */
  readonly init?: boolean | undefined;
  /** The bits of new files that it does not get, 0 to 0o777. */
  readonly umask?: number | undefined;
  /** -20 to 19. */
  readonly nice?: number | undefined;
}

const OPTIONS: readonly (keyof SpawnOptions)[] = [
  'argv0',
  'env',
  'cwd',
  'uid',
  'gid',
  'groups',
  'stdio',
  'detached',
  'signal',
  'killSignal',
  'namespaces',
  'uidMap',
  'gidMap',
  'setgroups',
  'hostname',
  'domainname',
  'cgroup',
  'root',
  'readOnlyRoot',
  'mounts',
  'propagation',
  'sysctls',
  'rlimits',
  'capabilities',
  'noNewPrivileges',
  'seccomp',
  'oomScoreAdjust',
  'deathSignal',
  'timeOffsets',
  'init',
  'umask',
  'nice',
];

const ANY_ERROR = -1;
const CLONE_VM = 0x100;
const EPERM = 1;
const EINVAL = 22;
const ENOSPC = 28;
const PR_SET_PDEATHSIG = 1;
const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_SET_MODE_FILTER = 1;
const CLOSE_RANGE_CLOEXEC = 4;
/** ENOENT, EBADF, EACCES, EBUSY, ENODEV, EOPNOTSUPP: kernel/cgroup/cgroup.c, cgroup_css_set_fork. Namespaces never give these. */
const CGROUP_ERRORS: readonly number[] = [2, 9, 13, 16, 19, 95];
const LAST_DESCRIPTOR = 0xffffffff;
const MOST_ID = 0xfffffffe;

/**
 * Runs a program, in any mix of new and existing namespaces. Resolves when it runs; until then nothing is left of a failure,
 * which comes as a `SpawnError` that names the step.
 *
 * The command is looked for in PATH of `env`, in the child's root, unless it has a slash. The child has the descriptors
 * that `stdio` says and no others. Nothing of Node's own handling of children is involved.
 *
 * Since Linux 5.11 (close_range with CLOSE_RANGE_CLOEXEC). Kernel: kernel/fork.c, clone3(2); the rights that namespaces take are in their man pages, namespaces(7).
 */
export async function spawn(command: string, args: readonly string[] = [], options: SpawnOptions = {}): Promise<Child> {
  const plan = planned(command, args, options);
  options.signal?.throwIfAborted();
  const stdio = prepareStdio(options.stdio);
  let made;
  try {
    const { program, entry, flags, writes } = plan.with(stdio);
    const cgroup = options.cgroup?.fd ?? -1;
    made = await addon.spawn(
      entry.calls,
      program.calls,
      flags,
      cgroup,
      writes.flatMap(({ file, text }) => [file, text]),
    );
    if (isFailure(made)) throw explained(made, { program, entry, writes }, plan.isNewUser, cgroup >= 0);
  } catch (error) {
    stdio.giveUp();
    throw error;
  }
  const child = new Child(made.pid, made.pidfd, stdio.use());
  abortedBy(child, options);
  return child;
}

function abortedBy(child: Child, { signal, killSignal = 'SIGTERM' }: SpawnOptions): void {
  if (signal === undefined) return;
  const onAbort = () => child.kill(killSignal);
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  const release = () => signal.removeEventListener('abort', onAbort);
  child.exited.then(release, release);
}

interface Written {
  readonly file: string;
  readonly text: string;
  readonly step: string;
}

interface Parts {
  readonly program: Program;
  readonly entry: Program;
  readonly writes: readonly Written[];
}

/** Checks the options; what they mean is put together when the standard streams are there. */
function planned(command: string, args: readonly string[], options: SpawnOptions) {
  checkKeys('options', options, OPTIONS);
  checkText('command', command);
  if (command === '') throw new ArgumentError('command', 'must not be empty');
  if (!Array.isArray(args)) throw new ArgumentError('args', 'takes a list of strings');
  for (const [i, arg] of args.entries()) checkText(`args[${i}]`, arg as string);
  const namespaces = checkNamespaces(options.namespaces);
  const isNewUser = namespaces.isNew('user');
  const { uid: ownUid, gid: ownGid } = { uid: process.geteuid!(), gid: process.getegid!() };
  for (const key of ['uidMap', 'gidMap', 'setgroups'] as const)
    if (options[key] !== undefined && !isNewUser)
      throw new ArgumentError(`options.${key}`, "takes a new user namespace: namespaces: { user: 'new' }");
  if (options.timeOffsets !== undefined && !namespaces.isNew('time'))
    throw new ArgumentError('options.timeOffsets', "takes a new time namespace: namespaces: { time: 'new' }");
  for (const key of ['hostname', 'domainname'] as const) {
    if (options[key] === undefined) continue;
    checkText(`options.${key}`, options[key]);
    if (Buffer.byteLength(options[key]) > 64) throw new ArgumentError(`options.${key}`, 'takes at most 64 bytes');
    if (options.namespaces?.uts === undefined || options.namespaces.uts === 'inherit')
      throw new ArgumentError(`options.${key}`, "takes a UTS namespace of its own: namespaces: { uts: 'new' }");
  }
  const uidMap = options.uidMap ?? [{ inside: 0, outside: ownUid }];
  const gidMap = options.gidMap ?? [{ inside: 0, outside: ownGid }];
  const uidText = mapText('options.uidMap', uidMap);
  const gidText = mapText('options.gidMap', gidMap);
  if (options.setgroups !== undefined && !['allow', 'deny'].includes(options.setgroups))
    throw new ArgumentError('options.setgroups', "takes 'allow' or 'deny'");
  const { uid, gid, groups } = options;
  checkInteger('options.uid', uid, 0, MOST_ID);
  checkInteger('options.gid', gid, 0, MOST_ID);
  if (groups !== undefined && !Array.isArray(groups))
    throw new ArgumentError('options.groups', 'takes a list of group ids');
  for (const [i, group] of (groups ?? []).entries()) checkInteger(`options.groups[${i}]`, group as number, 0, MOST_ID);
  checkInteger('options.oomScoreAdjust', options.oomScoreAdjust, -1000, 1000);
  checkInteger('options.umask', options.umask, 0, 0o777);
  checkInteger('options.nice', options.nice, -20, 19);
  if (options.init === true && !namespaces.isNew('pid'))
    throw new ArgumentError('options.init', "takes a new pid namespace: namespaces: { pid: 'new' }");
  if (options.cwd !== undefined) checkPath('options.cwd', options.cwd);
  if (options.cgroup !== undefined && !Number.isInteger(options.cgroup.fd))
    throw new ArgumentError('options.cgroup', 'takes the descriptor of a cgroup: { fd }');
  if (options.killSignal !== undefined) signalNumber('options.killSignal', options.killSignal);
  const { seccomp } = options;
  if (
    seccomp !== undefined &&
    (!(seccomp instanceof Uint8Array) || seccomp.length === 0 || seccomp.length % 8 !== 0 || seccomp.length > 4096 * 8)
  )
    throw new ArgumentError('options.seccomp', 'takes the bytes of 1 to 4096 instructions, 8 each');
  const root: RootOptions = {
    root: options.root,
    readOnlyRoot: options.readOnlyRoot ?? false,
    mounts: options.mounts ?? [],
    propagation: options.propagation ?? 'private',
    isOwn: namespaces.isNew('mnt'),
  };
  if (!['private', 'slave', 'shared', 'unbindable'].includes(root.propagation))
    throw new ArgumentError('options.propagation', "takes 'private', 'slave', 'shared' or 'unbindable'");
  checkRoot(root);
  const capabilities = options.capabilities === undefined ? undefined : checkCapabilities(options.capabilities);
  const environment = environmentOf(options.env ?? process.env);

  return {
    isNewUser,
    with(stdio: ReturnType<typeof prepareStdio>): Parts & { readonly flags: number } {
      const program = new Program();
      const entry = new Program();
      stdio.place(program);
      const init = options.init === true ? openInit(program) : undefined;
      const { joined } = namespaces;
      // To be born into a pid or user namespace takes a parent that joined it; and what is made after joining belongs to it.
      const ahead =
        namespaces.flags !== 0 || joined.some(({ kind }) => kind === 'pid' || kind === 'user' || kind === 'time');
      for (const { kind, fd } of joined)
        (ahead ? entry : program).add(`namespaces.${kind}`, 'setns', [fd, flagOf(kind)]);
      if (isNewUser) becomeRoot(program, uidMap, gidMap, options.setgroups !== 'deny' && ownUid === 0);
      if (options.detached === true || stdio.isTerminal) program.add('detached', 'setsid', []);
      if (stdio.isTerminal) controlTerminal(program);
      for (const [key, call] of [
        ['hostname', 'sethostname'],
        ['domainname', 'setdomainname'],
      ] as const) {
        const name = options[key];
        if (name !== undefined) program.add(key, call, [name, Buffer.byteLength(name)]);
      }
      for (const [name, value] of Object.entries(options.sysctls ?? {}))
        writeFile(program, `sysctls[${JSON.stringify(name)}]`, sysctlPath(name), `${value}`);
      if (namespaces.isNew('time')) enterTime(program, options.timeOffsets ?? {});
      setRoot(program, root);
      setResourceLimits(program, options.rlimits ?? {});
      if (options.nice !== undefined) program.add('nice', 'setpriority', [0, 0, options.nice]);
      if (options.umask !== undefined) program.add('umask', 'umask', [options.umask]);
      if (capabilities !== undefined) {
        dropBounding(program, capabilities);
        keepCapabilities(program);
      }
      changeUser(program, options);
      if (capabilities !== undefined) setCapabilities(program, capabilities);
      if (options.cwd !== undefined) program.add('cwd', 'chdir', [options.cwd]);
      if (options.deathSignal !== undefined)
        program.add('deathSignal', 'prctl', [
          PR_SET_PDEATHSIG,
          signalNumber('options.deathSignal', options.deathSignal),
          0,
          0,
          0,
        ]);
      if (options.noNewPrivileges === true) program.add('noNewPrivileges', 'prctl', [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0]);
      program.add('stdio', 'close_range', [Math.max(stdio.count, 3), LAST_DESCRIPTOR, CLOSE_RANGE_CLOEXEC]);
      if (seccomp !== undefined) filter(program, seccomp);
      const argv = [options.argv0 ?? command, ...(args as readonly string[])];
      if (init !== undefined) executeInit(program, init, command, argv, environment, Math.max(stdio.count, 3));
      else execute(program, command, argv, environment);
      const writes: Written[] = [];
      if (isNewUser) {
        if ((options.setgroups ?? (ownUid === 0 ? 'allow' : 'deny')) === 'deny')
          writes.push({ file: 'setgroups', text: 'deny', step: 'setgroups' });
        writes.push({ file: 'uid_map', text: uidText, step: 'uidMap' });
        writes.push({ file: 'gid_map', text: gidText, step: 'gidMap' });
      }
      if (options.oomScoreAdjust !== undefined)
        writes.push({ file: 'oom_score_adj', text: `${options.oomScoreAdjust}`, step: 'oomScoreAdjust' });
      // Of processes that share their memory all get the same oom_score_adj, and none may enter a time namespace. A copy
      // takes the longer the larger the heap is.
      const takesCopy = options.oomScoreAdjust !== undefined || joined.some(({ kind }) => kind === 'time');
      return { program, entry, writes, flags: namespaces.flags + (takesCopy ? 0 : CLONE_VM) };
    },
  };
}

function checkText(argument: string, text: string): void {
  if (typeof text !== 'string' || text.includes('\0'))
    throw new ArgumentError(argument, 'takes a string without null characters');
}

function checkInteger(argument: string, value: number | undefined, least: number, most: number): void {
  if (value !== undefined && !(Number.isInteger(value) && value >= least && value <= most))
    throw new ArgumentError(argument, `takes an integer from ${least} to ${most}`);
}

function environmentOf(env: Readonly<Record<string, string | undefined>>): Environment {
  const list: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) continue;
    checkText(`options.env.${name}`, `${name}${value}`);
    if (name === '' || name.includes('=')) throw new ArgumentError(`options.env`, `${JSON.stringify(name)} is no name`);
    list.push(`${name}=${value}`);
  }
  return { list, path: env['PATH'] ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };
}

function sysctlPath(name: string): string {
  if (!/^[\w-]+([./][\w:.@-]+)*$/.test(name) || name.includes('..'))
    throw new ArgumentError('options.sysctls', `${JSON.stringify(name)} is no name of a sysctl`);
  return `/proc/sys/${name.includes('/') ? name : name.replaceAll('.', '/')}`;
}

/** In a new user namespace: with the ids outside nobody is anybody inside until this. */
function becomeRoot(
  program: Program,
  uidMap: readonly IdMapping[],
  gidMap: readonly IdMapping[],
  mayGroups: boolean,
): void {
  if (hasInside(gidMap, 0)) {
    // Refused in a user namespace within one that denies it.
    if (mayGroups) program.add('gidMap', 'setgroups', [0, null], EPERM);
    program.add('gidMap', 'setresgid', [0, 0, 0]);
  }
  if (hasInside(uidMap, 0)) program.add('uidMap', 'setresuid', [0, 0, 0]);
}

function changeUser(program: Program, { uid, gid, groups }: SpawnOptions): void {
  // In a user namespace that denies setgroups there are none to give up, and who asks for some is told.
  if (groups !== undefined) program.add('groups', 'setgroups', [groups.length, words(groups)]);
  else if (gid !== undefined || uid !== undefined) program.add('groups', 'setgroups', [0, null], EPERM);
  if (gid !== undefined) program.add('gid', 'setresgid', [gid, gid, gid]);
  if (uid !== undefined) program.add('uid', 'setresuid', [uid, uid, uid]);
}

function enterTime(program: Program, offsets: NonNullable<SpawnOptions['timeOffsets']>): void {
  checkKeys('options.timeOffsets', offsets, ['monotonic', 'boottime']);
  program.add('namespaces.time', 'unshare', [flagOf('time')]);
  const lines = Object.entries(offsets).flatMap(([clock, seconds]) => {
    if (seconds === undefined) return [];
    if (typeof seconds !== 'number' || !Number.isFinite(seconds))
      throw new ArgumentError(`options.timeOffsets.${clock}`, 'takes seconds');
    const whole = Math.floor(seconds);
    return [`${clock} ${whole} ${Math.round((seconds - whole) * 1e9)}\n`];
  });
  if (lines.length > 0) writeFile(program, 'timeOffsets', '/proc/self/timens_offsets', lines.join(''));
}

/** struct sock_fprog: a length of 16 bits, and a pointer. */
function filter(program: Program, instructions: Uint8Array): void {
  const bytes = new Uint8Array(16);
  bytes.set(new Uint8Array(Uint16Array.of(instructions.length / 8).buffer));
  program.add('seccomp', 'seccomp', [SECCOMP_SET_MODE_FILTER, 0, { bytes, pointers: [[8, instructions]] }]);
}

interface Environment {
  readonly list: readonly string[];
  readonly path: string;
}

/** Where the command may be. */
function paths(command: string, { path }: Environment): string[] {
  if (command.includes('/')) return [command];
  return path.split(':').map((folder) => `${folder === '' ? '.' : folder}/${command}`);
}

/** Tries the folders of PATH in turn, as the child sees them; the last one's error counts. */
function execute(program: Program, command: string, argv: readonly string[], env: Environment): void {
  const candidates = paths(command, env);
  for (const [i, path] of candidates.entries()) {
    const elsewhere = i < candidates.length - 1 ? ANY_ERROR : undefined;
    program.add('command', 'execve', [path, pointers(argv), pointers(env.list)], elsewhere);
  }
}

type Result = ReturnType<Program['add']>;

/** While the root is this process's. */
function openInit(program: Program): Result {
  return program.add('init', 'openat', [AT_FDCWD, addon.path, O_CLOEXEC, 0]);
}

/** The init has the pipe for reports as the descriptor `report`, and hands it on to the program until that is executed. */
function executeInit(
  program: Program,
  init: Result,
  command: string,
  argv: readonly string[],
  env: Environment,
  report: number,
): void {
  const pipe = program.add('init', 'fcntl', [{ report: true }, F_DUPFD_CLOEXEC, report + 1]);
  const file = program.add('init', 'fcntl', [init, F_DUPFD_CLOEXEC, report + 1]);
  program.add('init', 'dup3', [pipe, report, 0]);
  const step = program.calls.length;
  const all = ['init', `${report}`, `${step}`, ...paths(command, env), '--', ...argv];
  program.add('command', 'execveat', [file, '', pointers(all), pointers(env.list), AT_EMPTY_PATH]);
}

function explained(failure: SpawnFailure, parts: Parts, isNewUser: boolean, hasCgroup: boolean): Error {
  const { errno, syscall, stage, step } = failure;
  if (stage === undefined) return systemCallError(failure);
  const steps = {
    clone: () => (hasCgroup && CGROUP_ERRORS.includes(errno) ? 'cgroup' : 'clone3'),
    entry: () => parts.entry.step(step),
    program: () => parts.program.step(step),
    write: () => parts.writes[step]!.step,
  };
  const name = steps[stage]();
  if (errno === EINVAL && name === 'namespaces.time')
    return new UnsupportedError('a new time namespace takes Linux 5.6; entering it with execve, 6.0');
  return new SpawnError(errno, syscall, name, hint(errno, name, isNewUser));
}

function hint(errno: number, step: string, isNewUser: boolean): string | undefined {
  if (step === 'clone3' && errno === EPERM)
    return isNewUser
      ? 'new user namespaces are forbidden here: see the sysctls kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns'
      : "new namespaces take CAP_SYS_ADMIN, or a new user namespace with them: namespaces: { user: 'new' }";
  if (step === 'clone3' && errno === ENOSPC)
    return 'the limit of user.max_*_namespaces, or of nested namespaces, is reached';
  if ((step === 'uidMap' || step === 'gidMap') && errno === EPERM)
    return 'more than the own id takes CAP_SETUID and CAP_SETGID outside; newuidmap(1) can write such maps for others';
  return undefined;
}
