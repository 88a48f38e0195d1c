import { ArgumentError } from '../errors.js';
import type { NamespaceType } from '../namespace-types.js';
import { checkInteger, checkKeys, checkPath, checkSignal, checkSwitch, isDescriptor, noSuchKey } from '../options.js';
import { checkCapabilities, type CapabilitySets } from './capabilities.js';
import { hasInside, LAST_ID, mapText, type IdMapping } from './id-map.js';
import { checkRoot, type SpawnMount, type SpawnPropagation } from './mounts.js';
import { checkNamespaces, type NamespaceChoice } from './namespaces.js';
import { checkResourceLimits, type ResourceLimits } from './rlimits.js';
import { sysctlPath } from '../sysctl.js';
import { signalNumber } from './signals.js';
import type { Stdio } from './stdio.js';

/** How to run a program. Those that `node:child_process` has too mean the same. */
export interface SpawnOptions {
  /** The program's `argv[0]`; the command unless said. */
  readonly argv0?: string | undefined;
  /** Environment variables; those of this process unless said. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** The folder it starts in, absolute, below its own root: a link that leads elsewhere is an error (ENOENT). */
  readonly cwd?: string | undefined;
  /**
   * The user it runs as, as its user namespace counts. Unless said: 0 in a new user namespace that has it; 0 in one that is joined, which
   * is an error if it has none; else unchanged.
   */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Supplementary groups. Unless said, there are none if `uid` or `gid` is given or a user namespace is joined. */
  readonly groups?: readonly number[] | undefined;
  /** `'pipe'` unless said: standard input, output and errors are streams of this process. */
  readonly stdio?: Stdio | undefined;
  /** In a session and process group of its own. Unless said, so it is in a new or joined pid namespace, and with a terminal. */
  readonly detached?: boolean | undefined;
  /**
   * Ends the child with `killSignal` when aborted, if that may be sent: a child of another user takes CAP_KILL. While it is not yet the
   * program, it is ended with SIGKILL, and `spawn` rejects with the signal's reason.
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * Milliseconds from the call on, 1 to 2147483647, after which the child is ended in the same way; without it, never. If it is not
   * yet the program, `spawn` rejects with `TimeoutError`.
   */
  readonly timeout?: number | undefined;
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
  /**
   * A seccomp filter: `struct sock_filter` of 8 bytes each. Takes `noNewPrivileges` or CAP_SYS_ADMIN. Without `noNewPrivileges` it is there
   * before the capabilities and the user change, so it has to allow capget, capset, chdir, clone, getcwd, ppoll, prctl, rt_sigprocmask, setgroups,
   * setresgid and setresuid beside execve; with it, only rt_sigprocmask, execve and, with `init`, what an init does.
   */
  readonly seccomp?: Uint8Array | undefined;
  /** -1000 to 1000. Less than this process has takes CAP_SYS_RESOURCE. */
  readonly oomScoreAdjust?: number | undefined;
  /**
   * The signal it gets when this process ends; one that has not begun to run by then never does. prctl(2), PR_SET_PDEATHSIG. In a Worker, the
   * descriptors that the options name have to stay open until `spawn` has resolved.
   */
  readonly deathSignal?: NodeJS.Signals | number | undefined;
  /** Of a new time namespace, in seconds. Since Linux 5.6. */
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

type Check = (argument: string, value: never) => unknown;

/** What can be said of an option alone. Null: whoever reads it says. */
const CHECKS: { readonly [Option in keyof SpawnOptions]-?: Check | null } = {
  argv0: checkText,
  env: checkNames,
  cwd: checkPath,
  uid: checkId,
  gid: checkId,
  groups: checkIds,
  stdio: null,
  detached: checkSwitch,
  signal: checkSignal,
  timeout: (argument, value) => checkInteger(argument, value, 1, 0x7fffffff),
  killSignal: (argument, value) => checkInteger(argument, signalNumber(argument, value), 1, 64),
  namespaces: null,
  uidMap: null,
  gidMap: null,
  setgroups: (argument, value) => checkOneOf(argument, value, ['allow', 'deny']),
  hostname: checkHostname,
  domainname: checkHostname,
  cgroup: checkCgroup,
  root: null,
  readOnlyRoot: checkSwitch,
  mounts: null,
  propagation: (argument, value) => checkOneOf(argument, value, ['private', 'slave', 'shared', 'unbindable']),
  sysctls: checkNames,
  rlimits: null,
  capabilities: null,
  noNewPrivileges: checkSwitch,
  seccomp: checkFilter,
  oomScoreAdjust: (argument, value) => checkInteger(argument, value, -1000, 1000),
  deathSignal: signalNumber,
  timeOffsets: null,
  init: checkSwitch,
  umask: (argument, value) => checkInteger(argument, value, 0, 0o777),
  nice: (argument, value) => checkInteger(argument, value, -20, 19),
};
const OPTIONS = Object.keys(CHECKS) as (keyof SpawnOptions)[];

/** Refuses what cannot be, before anything is opened. */
export function check(command: string, args: readonly string[], given: SpawnOptions) {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new ArgumentError('options', 'takes an object');
  // Each is read once. Without a prototype nothing else is an option. What is large, such as `env`, is not copied.
  const options: { -readonly [Option in keyof SpawnOptions]: SpawnOptions[Option] } = Object.create(null) as object;
  for (const option of Object.keys(given)) {
    if (!Object.hasOwn(CHECKS, option)) throw noSuchKey('options', option, OPTIONS);
    const name = option as keyof SpawnOptions;
    const value = given[name];
    if (value === undefined) continue;
    CHECKS[name]?.(`options.${name}`, value as never);
    options[name] = value as never;
  }
  checkText('command', command);
  if (command === '') throw new ArgumentError('command', 'must not be empty');
  if (!Array.isArray(args)) throw new ArgumentError('args', 'takes a list of strings');
  for (let i = 0; i < args.length; i++) checkText(`args[${i}]`, args[i]);
  const namespaces = checkNamespaces(options.namespaces);
  const { uidMap, gidMap, setgroups, timeOffsets, hostname, domainname, rlimits, capabilities, sysctls, deathSignal } =
    options;
  const takesNew = (option: keyof SpawnOptions, kind: NamespaceType) => {
    if (!namespaces.isNew(kind))
      throw new ArgumentError(`options.${option}`, `takes a new ${kind} namespace: namespaces: { ${kind}: 'new' }`);
  };
  if (uidMap !== undefined) takesNew('uidMap', 'user');
  if (gidMap !== undefined) takesNew('gidMap', 'user');
  if (setgroups !== undefined) takesNew('setgroups', 'user');
  if (timeOffsets !== undefined) takesNew('timeOffsets', 'time');
  if (options.init === true) takesNew('init', 'pid');
  const hasOwnNames = (options.namespaces?.uts ?? 'inherit') !== 'inherit';
  if (!hasOwnNames && (hostname ?? domainname) !== undefined)
    throw new ArgumentError(
      hostname === undefined ? 'options.domainname' : 'options.hostname',
      "takes a UTS namespace of its own: namespaces: { uts: 'new' }",
    );
  const root = checkRoot({
    root: options.root,
    readOnlyRoot: options.readOnlyRoot ?? false,
    mounts: options.mounts ?? [],
    propagation: options.propagation ?? 'private',
    isOwn: namespaces.isNew('mnt'),
  });
  return {
    command,
    argv: [options.argv0 ?? command, ...(args as readonly string[])],
    options,
    namespaces,
    /** Of a new user namespace. */
    ids: namespaces.isNew('user') ? checkIdMaps(options, uidMap, gidMap, setgroups) : undefined,
    root,
    capabilities: capabilities === undefined ? undefined : checkCapabilities(capabilities),
    environment: environmentOf(options.env ?? process.env),
    limits: rlimits === undefined ? [] : checkResourceLimits(rlimits),
    sysctls: sysctls === undefined ? [] : writtenSysctls(sysctls),
    offsets: timeOffsets === undefined ? '' : offsetsText(timeOffsets),
    deathSignal: deathSignal === undefined ? undefined : signalNumber('options.deathSignal', deathSignal),
  };
}

/** What `check` makes of the options. */
export type CheckedSpawn = ReturnType<typeof check>;

function checkText(argument: string, text: unknown): asserts text is string {
  if (typeof text !== 'string' || text.includes('\0'))
    throw new ArgumentError(argument, 'takes a string without null characters');
}

function checkNames(argument: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ArgumentError(argument, 'takes values by name');
}

function checkId(argument: string, value: unknown): void {
  checkInteger(argument, value, 0, LAST_ID);
}

function checkIds(argument: string, value: unknown): void {
  if (!Array.isArray(value)) throw new ArgumentError(argument, 'takes a list of group ids');
  for (const [i, id] of value.entries()) checkId(`${argument}[${i}]`, id);
}

function checkOneOf(argument: string, value: unknown, known: readonly string[]): void {
  if (!known.includes(value as string))
    throw new ArgumentError(argument, `takes ${known.map((one) => `'${one}'`).join(' or ')}`);
}

/** include/linux/utsname.h, __NEW_UTS_LEN. */
function checkHostname(argument: string, value: unknown): void {
  checkText(argument, value);
  if (Buffer.byteLength(value) > 64) throw new ArgumentError(argument, 'takes at most 64 bytes');
}

function checkCgroup(argument: string, value: SpawnOptions['cgroup']): void {
  if (!isDescriptor(value?.fd)) throw new ArgumentError(argument, 'takes the descriptor of a cgroup: { fd }');
}

/** include/uapi/linux/bpf_common.h, BPF_MAXINSNS. */
function checkFilter(argument: string, value: unknown): void {
  if (!(value instanceof Uint8Array) || value.length === 0 || value.length % 8 !== 0 || value.length > 4096 * 8)
    throw new ArgumentError(argument, 'takes the bytes of 1 to 4096 instructions, 8 each');
}

/** The ids of a new user namespace; unless said, root inside is this process's user outside. */
function checkIdMaps(
  options: SpawnOptions,
  uidMap: readonly IdMapping[] = [{ inside: 0, outside: process.geteuid!() }],
  gidMap: readonly IdMapping[] = [{ inside: 0, outside: process.getegid!() }],
  // Without CAP_SETGID it may not be allowed, which root has.
  setgroups: 'allow' | 'deny' = process.geteuid!() === 0 ? 'allow' : 'deny',
) {
  const checked = {
    uidMap,
    gidMap,
    setgroups,
    uidText: mapText('options.uidMap', uidMap),
    gidText: mapText('options.gidMap', gidMap),
  };
  // It would have the ids of this process, as nobody inside.
  for (const [id, map] of [
    ['uid', uidMap],
    ['gid', gidMap],
  ] as const)
    if (options[id] === undefined && !hasInside(map, 0))
      throw new ArgumentError(`options.${id}`, `is needed, as options.${id}Map has no 0`);
  return checked;
}

function writtenSysctls(sysctls: NonNullable<SpawnOptions['sysctls']>) {
  return Object.entries(sysctls).map(([name, value]) => ({
    step: `sysctls[${JSON.stringify(name)}]`,
    path: sysctlPath('options.sysctls', name),
    text: `${value}`,
  }));
}

function environmentOf(env: Readonly<Record<string, string | undefined>>): Environment {
  const list: string[] = [];
  // Those of its prototypes, too, as for `node:child_process`.
  for (const name in env) {
    const value = env[name];
    if (value === undefined) continue;
    checkText(`options.env.${name}`, `${name}${value}`);
    if (name === '' || name.includes('=')) throw new ArgumentError(`options.env`, `${JSON.stringify(name)} is no name`);
    list.push(`${name}=${value}`);
  }
  return { list, path: env['PATH'] ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };
}

/** The lines of timens_offsets. */
function offsetsText(offsets: NonNullable<SpawnOptions['timeOffsets']>): string {
  return Object.entries(checkKeys('options.timeOffsets', offsets, ['monotonic', 'boottime']))
    .map(([clock, seconds]: [string, number | undefined]) => {
      if (seconds === undefined) return '';
      if (typeof seconds !== 'number' || !Number.isFinite(seconds))
        throw new ArgumentError(`options.timeOffsets.${clock}`, 'takes seconds');
      const whole = Math.floor(seconds);
      return `${clock} ${whole} ${Math.min(Math.round((seconds - whole) * 1e9), 999_999_999)}\n`;
    })
    .join('');
}

export interface Environment {
  readonly list: readonly string[];
  readonly path: string;
}
