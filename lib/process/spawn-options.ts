import { ArgumentError } from '../errors.js';
import type { NamespaceType } from '../namespace-types.js';
import { checkInteger, checkKeys, checkPath, checkSignal, checkSwitch } from '../options.js';
import { checkCapabilities, type CapabilitySets } from './capabilities.js';
import { LAST_ID, mapText, type IdMapping } from './id-map.js';
import { checkRoot, type RootOptions, type SpawnMount, type SpawnPropagation } from './mounts.js';
import { checkNamespaces, type NamespaceChoice } from './namespaces.js';
import { checkResourceLimits, type ResourceLimits } from './rlimits.js';
import { signalNumber } from './signals.js';
import type { Stdio } from './stdio.js';

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
  /** The signal it gets when this process ends; one that has not begun to run by then never does. prctl(2), PR_SET_PDEATHSIG. */
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

/** Refuses what cannot be, before anything is opened. */
export function check(command: string, args: readonly string[], options: SpawnOptions) {
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
  for (const [key, least, most] of [
    ['uid', 0, LAST_ID],
    ['gid', 0, LAST_ID],
    ['oomScoreAdjust', -1000, 1000],
    ['umask', 0, 0o777],
    ['nice', -20, 19],
  ] as const) {
    if (options[key] !== undefined) checkInteger(`options.${key}`, options[key], least, most);
  }
  const { groups } = options;
  if (groups !== undefined && !Array.isArray(groups))
    throw new ArgumentError('options.groups', 'takes a list of group ids');
  for (const [i, group] of (groups ?? []).entries()) checkInteger(`options.groups[${i}]`, group, 0, LAST_ID);
  if (options.init === true && !namespaces.isNew('pid'))
    throw new ArgumentError('options.init', "takes a new pid namespace: namespaces: { pid: 'new' }");
  if (options.cwd !== undefined) checkPath('options.cwd', options.cwd);
  if (options.cgroup !== undefined && !Number.isInteger(options.cgroup.fd))
    throw new ArgumentError('options.cgroup', 'takes the descriptor of a cgroup: { fd }');
  for (const key of ['detached', 'init', 'noNewPrivileges', 'readOnlyRoot'] as const)
    checkSwitch(`options.${key}`, options[key]);
  checkSignal('options.signal', options.signal);
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
  return {
    command,
    argv: [options.argv0 ?? command, ...(args as readonly string[])],
    options,
    namespaces,
    isNewUser,
    ownUid,
    idMaps: { uidMap, gidMap, uidText, gidText },
    root,
    capabilities,
    environment: environmentOf(options.env ?? process.env),
    limits: checkResourceLimits(options.rlimits ?? {}),
    sysctls: Object.entries(options.sysctls ?? {}).map(([name, value]) => ({
      step: `sysctls[${JSON.stringify(name)}]`,
      path: sysctlPath(name),
      text: `${value}`,
    })),
    offsets: offsetsText(options.timeOffsets ?? {}),
    deathSignal:
      options.deathSignal === undefined ? undefined : signalNumber('options.deathSignal', options.deathSignal),
  };
}

/** What `check` makes of the options. */
export type CheckedSpawn = ReturnType<typeof check>;

function checkText(argument: string, text: string): void {
  if (typeof text !== 'string' || text.includes('\0'))
    throw new ArgumentError(argument, 'takes a string without null characters');
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

/** The lines of timens_offsets. */
function offsetsText(offsets: NonNullable<SpawnOptions['timeOffsets']>): string {
  checkKeys('options.timeOffsets', offsets, ['monotonic', 'boottime']);
  return Object.entries(offsets)
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
