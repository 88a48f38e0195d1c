import type { MountAttribute } from './flags.js';
import { attributeBits, clearedBySetting } from './flags.js';
import { MOUNT_ATTR_IDMAP } from './constants.js';

/** What mount_setattr(2) is to change. */
export interface AttributeChange {
  readonly set: readonly MountAttribute[];
  readonly clear: readonly MountAttribute[];
  /** MS_*, or undefined. */
  readonly propagation: number | undefined;
  /** The descriptor of a user namespace. */
  readonly userns: number | undefined;
}

/** `struct mount_attr`. */
export function mountAttr({ set, clear, propagation = 0, userns }: AttributeChange): Uint8Array {
  const idmap = userns === undefined ? 0 : MOUNT_ATTR_IDMAP;
  const words = [attributeBits(set) | idmap, attributeBits(clear) | clearedBySetting(set), propagation, userns ?? 0];
  return new Uint8Array(BigUint64Array.from(words, BigInt).buffer);
}
