import { unescaped } from '../octal-escapes.js';

/** A file in which a mount keeps a namespace alive. */
export interface Pin {
  readonly type: string;
  readonly ino: bigint;
  readonly path: string;
}

/** Those of a mount namespace, out of a mountinfo file; proc_pid_mountinfo(5). */
export function pinsIn(mountinfo: string): Pin[] {
  const pins: Pin[] = [];
  // ID PARENT MAJOR:MINOR net:[4026532281] /run/netns/box rw shared:5 - nsfs nsfs rw
  for (const [, type = '', ino = '', path = ''] of mountinfo.matchAll(
    /^\d+ \d+ \S+ (\w+):\[(\d+)\] (\S+) .*- nsfs /gm,
  )) {
    pins.push({ type, ino: BigInt(ino), path: unescaped(path) });
  }
  return pins;
}
