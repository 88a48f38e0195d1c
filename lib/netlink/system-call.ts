import { SyscallError } from '../errors.js';
import type { Failure } from '../native/addon.js';

const EPERM = 1;
const EACCES = 13;

/** Which right the usual calls lack when they fail with EPERM. */
const HINTS: Readonly<Record<string, string>> = {
  ioctl: 'it takes the right to trace the process: the same user, or CAP_SYS_PTRACE',
  setns: 'it takes CAP_SYS_ADMIN, over the namespace and in the own user namespace',
  unshare: 'it takes CAP_SYS_ADMIN',
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
  const hint = errno === EPERM || errno === EACCES ? HINTS[syscall] : undefined;
  return new SyscallError(errno, syscall, subject, hint);
}

/** The result, or the error that it says. */
export function orThrow<T>(result: T | Failure, subject?: string): T {
  if (isFailure(result)) throw systemCallError(result, subject);
  return result;
}
