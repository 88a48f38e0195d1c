import { EINVAL } from '../errno.js';
import { ArgumentError } from '../errors.js';
import { checkKeys } from '../options.js';
import {
  PR_CAPBSET_DROP,
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_CLEAR_ALL,
  PR_CAP_AMBIENT_RAISE,
  PR_SET_KEEPCAPS,
} from '../system-calls/constants.js';
import { words, type Program } from '../system-calls/program.js';

/** include/uapi/linux/capability.h, in the order of their numbers. */
export const CAPABILITIES = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
] as const;

export type Capability = (typeof CAPABILITIES)[number];

/** The five sets of `capabilities(7)`; a set that is left out stays as it is. */
export interface CapabilitySets {
  readonly effective?: readonly Capability[] | undefined;
  readonly permitted?: readonly Capability[] | undefined;
  readonly inheritable?: readonly Capability[] | undefined;
  /** What is kept of the bounding set; the rest is dropped from it. */
  readonly bounding?: readonly Capability[] | undefined;
  /** Have to be permitted and inheritable, too. */
  readonly ambient?: readonly Capability[] | undefined;
}

const SETS = ['effective', 'permitted', 'inheritable', 'bounding', 'ambient'] as const;
const LINUX_CAPABILITY_VERSION_3 = 0x20080522;

export type CheckedCapabilities = Readonly<Record<(typeof SETS)[number], readonly number[] | undefined>>;

export function checkCapabilities(sets: CapabilitySets): CheckedCapabilities {
  sets = checkKeys('options.capabilities', sets, SETS);
  const numbers = (set: (typeof SETS)[number]) => {
    const names = sets[set];
    if (names === undefined) return undefined;
    if (!Array.isArray(names)) throw new ArgumentError(`options.capabilities.${set}`, 'takes a list of capabilities');
    return (names as readonly Capability[]).map((name, i) => {
      const number = CAPABILITIES.indexOf(name);
      if (number < 0)
        throw new ArgumentError(
          `options.capabilities.${set}[${i}]`,
          `there is no capability ${JSON.stringify(name)}; names are as in capabilities(7): 'CAP_NET_ADMIN'`,
        );
      return number;
    });
  };
  const checked = Object.fromEntries(SETS.map((set) => [set, numbers(set)])) as unknown as CheckedCapabilities;
  const three = [checked.effective, checked.permitted, checked.inheritable].filter((set) => set !== undefined);
  if (three.length !== 0 && three.length !== 3)
    throw new ArgumentError(
      'options.capabilities',
      'takes effective, permitted and inheritable together, or none of them',
    );
  for (const [set, within] of [
    ['effective', 'permitted'],
    ['ambient', 'permitted'],
    ['ambient', 'inheritable'],
  ] as const) {
    const outside = checked[set]?.find((number) => checked[within]?.includes(number) === false);
    if (outside !== undefined)
      throw new ArgumentError(`options.capabilities.${set}`, `${CAPABILITIES[outside]} is not in ${within}`);
  }
  return checked;
}

/** While the user is still the old one: it takes CAP_SETPCAP. */
export function dropBounding(program: Program, { bounding }: CheckedCapabilities): void {
  if (bounding === undefined) return;
  for (const number of CAPABILITIES.keys()) {
    // A kernel that does not know a capability has none to drop.
    if (!bounding.includes(number))
      program.add('capabilities.bounding', 'prctl', [PR_CAPBSET_DROP, number, 0, 0, 0], [EINVAL]);
  }
}

/** Before the user changes, which would clear them. */
export function keepCapabilities(program: Program): void {
  program.add('capabilities', 'prctl', [PR_SET_KEEPCAPS, 1, 0, 0, 0]);
}

/** When the user is the final one. */
export function setCapabilities(
  program: Program,
  { effective, permitted, inheritable, ambient }: CheckedCapabilities,
): void {
  if (effective !== undefined && permitted !== undefined && inheritable !== undefined) {
    const sets = [effective, permitted, inheritable];
    const half = (from: number) =>
      sets.map((set) => set.reduce((bits, n) => (n >= from && n < from + 32 ? bits + 2 ** (n - from) : bits), 0));
    program.add('capabilities', 'capset', [words([LINUX_CAPABILITY_VERSION_3, 0]), words([...half(0), ...half(32)])]);
  }
  if (ambient === undefined) return;
  program.add('capabilities.ambient', 'prctl', [PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0]);
  for (const number of ambient)
    program.add('capabilities.ambient', 'prctl', [PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0]);
}
