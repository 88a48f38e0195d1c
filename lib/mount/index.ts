export { bindMount, bindMountSync, type BindMountOptions } from './bind.js';
export type { InNamespace, WithDescriptor } from './checks.js';
export { DetachedMount, type AttachMountOptions, type CloneOptions } from './detached.js';
export {
  mountFilesystem,
  mountFilesystemSync,
  type FilesystemOptions,
  type FilesystemParameter,
  type MountFilesystemOptions,
} from './filesystem.js';
export type { MountAttribute, MountFlag, Propagation, RecursivePropagation } from './flags.js';
export { listMounts, listMountsSync, type ListMountsOptions } from './list.js';
export { mount, mountSync, type MountOptions } from './mount.js';
export type { MountInfo } from './mountinfo.js';
export { pivotRoot, pivotRootSync, type PivotRootOptions } from './pivot-root.js';
export { mountSetattr, mountSetattrSync, type MountAttributes, type MountSetattrOptions } from './setattr.js';
export { umount, umountSync, type UmountOptions } from './umount.js';
