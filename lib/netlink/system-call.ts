import { EACCES, EPERM } from '../errno.js';
import { SyscallError } from '../errors.js';
import type { Failure } from '../native/addon.js';
import { lacks, whyNoUserNamespace, type CapabilityName } from './capabilities.js';

/** The right that a call takes which the kernel refuses with these errnos, and what an error says to those who lack it. */
interface Need {
  readonly errnos: readonly number[];
  readonly capabilities: readonly CapabilityName[];
  readonly hint: string;
}

const NEEDS: Readonly<Record<string, Need>> = {
  setns: {
    errnos: [EPERM],
    capabilities: ['CAP_SYS_ADMIN'],
    hint: 'it takes CAP_SYS_ADMIN, over the namespace and in the own user namespace',
  },
  unshare: { errnos: [EPERM], capabilities: ['CAP_SYS_ADMIN'], hint: 'it takes CAP_SYS_ADMIN' },
  mount: {
    errnos: [EPERM],
    capabilities: ['CAP_SYS_ADMIN'],
    hint: 'it takes CAP_SYS_ADMIN in the user namespace that owns the mount namespace',
  },
  umount2: {
    errnos: [EPERM],
    capabilities: ['CAP_SYS_ADMIN'],
    hint: 'it takes CAP_SYS_ADMIN in the user namespace that owns the mount namespace',
  },
  bind: {
    errnos: [EACCES],
    capabilities: ['CAP_NET_BIND_SERVICE'],
    hint: 'ports below net.ipv4.ip_unprivileged_port_start take CAP_NET_BIND_SERVICE',
  },
};

/** What usually causes a call's failure, where that has been found to be so. */
function hintFor({ errno, syscall }: Failure): string | undefined {
  if ((syscall === 'clone3' || syscall === 'uid_map') && (errno === EPERM || errno === EACCES))
    return whyNoUserNamespace();
  const need = Object.hasOwn(NEEDS, syscall) ? NEEDS[syscall]! : undefined;
  return need?.errnos.includes(errno) === true ? hintIfLacking(need.hint, ...need.capabilities) : undefined;
}

/** The hint for those who lack one of the capabilities; undefined for others, who are refused for another reason. */
export function hintIfLacking(hint: string, ...capabilities: readonly CapabilityName[]): string | undefined {
  return lacks(...capabilities) ? hint : undefined;
}

export function isFailure(result: unknown): result is Failure {
  return typeof result === 'object' && result !== null && 'syscall' in result && 'errno' in result;
}

/** The error for a system call that failed; `subject` is what the call was about. */
export function systemCallError({ errno, syscall }: Failure, subject?: string): SyscallError {
  return new SyscallError(errno, syscall, subject, hintFor({ errno, syscall }));
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
