import { EAGAIN, EBUSY, EINVAL, ENODEV, ENOSYS, EPERM } from '../errno.js';
import { SyscallError, UnsupportedError } from '../errors.js';
import type { Failure } from '../native/addon.js';
import { systemCallError } from '../netlink/system-call.js';

/** The first kernel with each call that Linux 5.10 does not have. */
const SINCE: Readonly<Record<string, string>> = { mount_setattr: '5.12' };

const ADMIN = 'it takes CAP_SYS_ADMIN in the user namespace that owns the mount namespace';
/** What usually causes an error: by the call and the errno's number. */
const HINTS: Readonly<Record<string, string>> = {
  [`unshare ${EPERM}`]: 'a seccomp filter forbids it',
  [`setns ${EPERM}`]: `${ADMIN}, and here that and CAP_SYS_CHROOT; or to have made that user namespace`,
  [`setns ${EINVAL}`]: 'that is no mount namespace',
  [`mount ${EPERM}`]: `${ADMIN}; most file systems on disks take it in the first user namespace`,
  [`mount ${ENODEV}`]: 'the kernel has no file system of this type',
  [`fsopen ${EPERM}`]: ADMIN,
  [`fsopen ${ENODEV}`]: 'the kernel has no file system of this type',
  [`fsconfig ${EPERM}`]: `${ADMIN}; most file systems on disks take it in the first user namespace`,
  [`fsmount ${EPERM}`]: ADMIN,
  [`open_tree ${EPERM}`]: ADMIN,
  [`open_tree ${EINVAL}`]:
    'it is an unbindable mount, or one with mounts below it that came from a more privileged mount namespace',
  [`move_mount ${EPERM}`]: ADMIN,
  [`mount_setattr ${EPERM}`]: `${ADMIN}; a flag that came from a more privileged mount namespace stays`,
  [`mount_setattr ${EINVAL}`]:
    'it is no mount point; ids are mapped only once, of a mount not attached yet, and where the file system supports it',
  [`umount2 ${EPERM}`]: ADMIN,
  [`umount2 ${EINVAL}`]: 'nothing is mounted there, or only what came from a more privileged mount namespace',
  [`umount2 ${EBUSY}`]: 'it is in use; `detach` waits until it is not',
  [`umount2 ${EAGAIN}`]: 'it is marked as expired: unmounted the next time, unless it is used meanwhile',
  [`pivot_root ${EPERM}`]: ADMIN,
  [`pivot_root ${EINVAL}`]:
    'newRoot has to be a mount point, putOld to be at it or below, and neither their mounts nor that of the root may be shared',
  [`pivot_root ${EBUSY}`]: 'newRoot and putOld have to be on other mounts than the root is',
};

/** `said` is what the kernel had to say about it. */
export function mountError(failure: Failure, subject: string, said = ''): SyscallError | UnsupportedError {
  const { errno, syscall } = failure;
  const since = SINCE[syscall];
  if (errno === ENOSYS && since !== undefined) {
    return new UnsupportedError(`${subject}: the kernel has no ${syscall}; Linux has it since ${since}`, {
      cause: systemCallError(failure, subject),
    });
  }
  const hint = said === '' ? HINTS[`${syscall} ${errno}`] : said;
  return new SyscallError(errno, syscall, subject, hint);
}
