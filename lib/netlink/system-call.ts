import { EACCES, ENOSPC, EPERM } from '../errno.js';
import { SyscallError } from '../errors.js';
import type { Failure } from '../native/addon.js';

export const FORBIDDEN_USER_NAMESPACES =
  'user namespaces are forbidden to users here: see the sysctls user.max_user_namespaces, kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns; nor can a process make one after chroot';

/** Which right the usual calls lack when they fail with EPERM. */
const HINTS: Readonly<Record<string, string>> = {
  ioctl: 'it takes the right to trace the process: the same user, or CAP_SYS_PTRACE',
  setns: 'it takes CAP_SYS_ADMIN, over the namespace and in the own user namespace',
  unshare: 'it takes CAP_SYS_ADMIN',
  clone3: FORBIDDEN_USER_NAMESPACES,
  uid_map: 'user namespaces are restricted here: see the sysctl kernel.apparmor_restrict_unprivileged_userns',
  mount: 'it takes CAP_SYS_ADMIN in the user namespace that owns the mount namespace',
  umount2: 'it takes CAP_SYS_ADMIN in the user namespace that owns the mount namespace',
  bind: 'ports below net.ipv4.ip_unprivileged_port_start take CAP_NET_BIND_SERVICE',
  mkdir: 'namespaces with names live in /run/netns, which belongs to root: it takes CAP_DAC_OVERRIDE and CAP_SYS_ADMIN',
};

export function isFailure(result: unknown): result is Failure {
  return typeof result === 'object' && result !== null && 'syscall' in result && 'errno' in result;
}

/** The error for a system call that failed; `subject` is what the call was about. */
export function systemCallError({ errno, syscall }: Failure, subject?: string): SyscallError {
  const hint = errno === EPERM || errno === EACCES || errno === ENOSPC ? HINTS[syscall] : undefined;
  return new SyscallError(errno, syscall, subject, hint);
}

/** What Node.js's error of a file says, as a failed call; other errors are thrown on. */
export function failureOf(error: unknown): Failure {
  const { errno, syscall } = error as NodeJS.ErrnoException;
  if (errno === undefined || syscall === undefined) throw error;
  return { errno: -errno, syscall };
}

/** The result, or the error that it says. */
export function orThrow<T>(result: T | Failure, subject?: string): T {
  if (isFailure(result)) throw systemCallError(result, subject);
  return result;
}
