import { mountinfoLines } from '../mountinfo.js';

/** A file in which a mount keeps a namespace alive. */
export interface Pin {
  readonly type: string;
  readonly ino: bigint;
  readonly path: string;
}

/** Those of a mount namespace, out of a mountinfo file. */
export function pinsIn(mountinfo: string): Pin[] {
  return mountinfoLines(mountinfo).flatMap(({ type, root, mountPoint }) => {
    // net:[4026532281]
    const named = type === 'nsfs' ? /^(\w+):\[(\d+)\]$/.exec(root) : null;
    return named === null ? [] : [{ type: named[1]!, ino: BigInt(named[2]!), path: mountPoint }];
  });
}
