/** Which rights this process has: what an error says about one that is missing has to be true. */
import { readFileSync, statSync } from 'node:fs';

/** include/uapi/linux/capability.h */
const NUMBERS = {
  CAP_DAC_OVERRIDE: 1,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_ADMIN: 12,
  CAP_SYS_CHROOT: 18,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
} as const;

export type CapabilityName = keyof typeof NUMBERS;

/**
 * Whether the calling thread lacks one of these in its effective set. False also where that cannot be read. Who has one
 * has it in the own user namespace and those below, and may still be refused elsewhere.
 */
export function lacks(...names: readonly CapabilityName[]): boolean {
  const effective = /^CapEff:\t([0-9a-f]+)$/m.exec(readIfThere('/proc/thread-self/status'))?.[1];
  if (effective === undefined) return false;
  const bits = BigInt(`0x${effective}`);
  return names.some((name) => ((bits >> BigInt(NUMBERS[name])) & 1n) === 0n);
}

/** include/linux/proc_ns.h, PROC_USER_INIT_INO */
const FIRST_USER_NAMESPACE = 0xeffffffdn;

/** True also where that cannot be told. */
export function isInFirstUserNamespace(): boolean {
  try {
    return statSync('/proc/thread-self/ns/user', { bigint: true }).ino === FIRST_USER_NAMESPACE;
  } catch {
    return true;
  }
}

/** What a system's administrator has set that keeps its users from making user namespaces. */
const RESTRICTIONS = [
  ['/proc/sys/kernel/unprivileged_userns_clone', '0', 'the sysctl kernel.unprivileged_userns_clone is 0'],
  [
    '/proc/sys/kernel/apparmor_restrict_unprivileged_userns',
    '1',
    'the sysctl kernel.apparmor_restrict_unprivileged_userns is 1',
  ],
  ['/proc/sys/user/max_user_namespaces', '0', 'the sysctl user.max_user_namespaces is 0'],
] as const;

/** Why this process cannot make, or use, a user namespace; undefined where none of the usual reasons is there. */
export function whyNoUserNamespace(): string | undefined {
  const found: string[] = RESTRICTIONS.filter(([path, value]) => readIfThere(path).trim() === value).map(
    ([, , reason]) => reason,
  );
  if (/^Seccomp:\t2$/m.test(readIfThere('/proc/thread-self/status')))
    found.push('this process has a seccomp filter, which may refuse it');
  return found.length === 0 ? undefined : found.join('; ');
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
