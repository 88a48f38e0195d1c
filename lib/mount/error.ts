import { EAGAIN, EBUSY, EINVAL, ENODEV, ENOSYS, EPERM } from '../errno.js';
import { SyscallError, UnsupportedError } from '../errors.js';
import type { Failure } from '../native/addon.js';
import { isInFirstUserNamespace, lacks } from '../netlink/capabilities.js';
import { systemCallError } from '../netlink/system-call.js';

/** The first kernel with each call that Linux 5.10 does not have. */
const SINCE: Readonly<Record<string, string>> = { mount_setattr: '5.12' };

const ADMIN = 'it takes CAP_SYS_ADMIN in the user namespace that owns the mount namespace';
const ON_DISKS = 'most file systems on disks take it in the first user namespace';
const LOCKED = 'a flag that came from a more privileged mount namespace stays';
/** For those who lack CAP_SYS_ADMIN and are refused with EPERM; others are for another reason. */
const REFUSED: Readonly<Record<string, string>> = {
  setns: `${ADMIN}, and here that and CAP_SYS_CHROOT; or to have made that user namespace`,
  mount: `${ADMIN}; ${ON_DISKS}`,
  fsopen: ADMIN,
  fsconfig: `${ADMIN}; ${ON_DISKS}`,
  fsmount: ADMIN,
  open_tree: ADMIN,
  move_mount: ADMIN,
  mount_setattr: `${ADMIN}; ${LOCKED}`,
  umount2: ADMIN,
  pivot_root: ADMIN,
};
/** For those who have it, in another user namespace than the first: what the kernel refuses there. */
const REFUSED_IN_OTHERS: Readonly<Record<string, string>> = {
  mount: ON_DISKS,
  fsconfig: ON_DISKS,
  mount_setattr: LOCKED,
};
/** What usually causes an error: by the call and the errno's number. */
const HINTS: Readonly<Record<string, string>> = {
  [`setns ${EINVAL}`]: 'that is no mount namespace',
  [`mount ${ENODEV}`]: 'the kernel has no file system of this type',
  [`fsopen ${ENODEV}`]: 'the kernel has no file system of this type',
  [`open_tree ${EINVAL}`]:
    'it is an unbindable mount, or one with mounts below it that came from a more privileged mount namespace',
  [`mount_setattr ${EINVAL}`]:
    'it is no mount point; ids are mapped only once, of a mount not attached yet, and where the file system supports it',
  [`move_mount ${EINVAL}`]:
    'an unbindable mount cannot be attached below a shared one, nor one to itself; `beneath` takes Linux 6.5',
  [`umount2 ${EINVAL}`]: 'nothing is mounted there, or only what came from a more privileged mount namespace',
  [`umount2 ${EBUSY}`]: 'it is in use; `detach` waits until it is not',
  [`umount2 ${EAGAIN}`]: 'it is marked as expired: unmounted the next time, unless it is used meanwhile',
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
  const hint = said === '' ? hintFor(failure) : said;
  return new SyscallError(errno, syscall, subject, hint);
}

function hintFor({ errno, syscall }: Failure): string | undefined {
  if (errno !== EPERM) return HINTS[`${syscall} ${errno}`];
  if (lacks('CAP_SYS_ADMIN')) return REFUSED[syscall];
  return isInFirstUserNamespace() ? undefined : REFUSED_IN_OTHERS[syscall];
}
