import { ArgumentError } from './errors.js';
import { show } from './wire/codec.js';

/**
 * The types of namespaces, by the names of the files in /proc/PID/ns: the flag of each, from include/uapi/linux/sched.h,
 * and what people call it. `mnt` is the first because every kernel has it.
 */
const TYPES = {
  mnt: { flag: 0x0002_0000, label: 'mount' },
  cgroup: { flag: 0x0200_0000, label: 'cgroup' },
  ipc: { flag: 0x0800_0000, label: 'IPC' },
  net: { flag: 0x4000_0000, label: 'network' },
  pid: { flag: 0x2000_0000, label: 'pid' },
  time: { flag: 0x0000_0080, label: 'time' },
  user: { flag: 0x1000_0000, label: 'user' },
  uts: { flag: 0x0400_0000, label: 'UTS' },
} as const;

/**
 * What a namespace is of: mounts, cgroup paths, System V IPC and POSIX message queues, the network, pids, the offsets
 * of the monotonic and the boot clock (since Linux 5.6), users and capabilities, host and domain name.
 */
export type NamespaceType = keyof typeof TYPES;

export const NAMESPACE_TYPES = Object.keys(TYPES) as NamespaceType[];

/** CLONE_NEW*. */
export function flagOf(type: NamespaceType): number {
  return TYPES[type].flag;
}

/** The type that a CLONE_NEW* flag stands for. */
export function typeOf(flag: number): NamespaceType | undefined {
  return NAMESPACE_TYPES.find((type) => TYPES[type].flag === flag);
}

/** For messages: `'network namespace'`. */
export function labelOf(type: NamespaceType): string {
  return `${TYPES[type].label} namespace`;
}

/** The argument as a type of namespaces. */
export function checkType(value: unknown, argument: string): NamespaceType {
  const type = NAMESPACE_TYPES.find((known) => known === value);
  if (type === undefined) throw new ArgumentError(argument, `takes ${NAMESPACE_TYPES.join(', ')}, not ${show(value)}`);
  return type;
}

/** The argument as several of them, at least one. */
export function checkTypes(value: unknown, argument: string): NamespaceType[] {
  if (!Array.isArray(value) || value.length === 0)
    throw new ArgumentError(argument, `takes an array of ${NAMESPACE_TYPES.join(', ')}, not ${show(value)}`);
  return value.map((type, index) => checkType(type, `${argument}[${index}]`));
}
