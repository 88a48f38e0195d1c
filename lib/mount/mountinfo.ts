import { mountinfoLines, unescaped, type MountinfoLine } from '../mountinfo.js';
import { attributesIn, type MountAttribute } from './flags.js';

/** A mount, as it is seen from the root folder that the list was made for. */
export interface MountInfo {
  /** Used again after the mount has ended. */
  readonly id: number;
  /** The id of the mount that it is mounted on; of the first one possibly of a mount that cannot be seen. */
  readonly parentId: number;
  /** What `st_dev` says of files in it. */
  readonly device: { readonly major: number; readonly minor: number };
  /** The folder or file of the file system that is seen at `target`. */
  readonly root: string;
  /** The path of the mount point. */
  readonly target: string;
  /** Of the mount; one of `noAtime`, `relAtime` and `strictAtime` is always among them. */
  readonly flags: readonly MountAttribute[];
  /** Whether the owners of files are mapped. */
  readonly idmapped: boolean;
  /** Of the file system, with the subtype: `'fuse.sshfs'`. */
  readonly type: string;
  readonly source: string;
  /** Of the file system: `['rw', 'size=1024k']`. */
  readonly superOptions: readonly string[];
  /** The peer group that mounts below propagate to and from. */
  readonly shared?: number;
  /** The peer group that they propagate from. */
  readonly master?: number;
  /** The nearest peer group from which they propagate that can be seen from here, if that is not the master. */
  readonly propagateFrom?: number;
  readonly unbindable: boolean;
}

/** fs/proc_namespace.c, show_mnt_opts; `ro` is in front of them. */
const BITS: Readonly<Record<string, number>> = {
  ro: 0x1,
  nosuid: 0x2,
  nodev: 0x4,
  noexec: 0x8,
  noatime: 0x10,
  nodiratime: 0x80,
  nosymfollow: 0x200000,
};
const STRICTATIME = 0x20;

/** The mounts in the text of a mountinfo file. */
export function parseMountinfo(text: string): MountInfo[] {
  return mountinfoLines(text).map(mountOf);
}

function mountOf(line: MountinfoLine): MountInfo {
  const { id, parentId, root, mountPoint, type, source } = line;
  const [major = 0, minor = 0] = line.device.split(':').map(Number);
  const words = line.mountOptions.split(',');
  const tags = new Map(line.optionalFields.map((field) => field.split(':', 2) as [string, string | undefined]));
  const atime = words.includes('relatime') || words.includes('noatime') ? 0 : STRICTATIME;
  return {
    id,
    parentId,
    device: { major, minor },
    root,
    target: mountPoint,
    flags: attributesIn(words.reduce((bits, word) => bits | (BITS[word] ?? 0), atime)),
    idmapped: words.includes('idmapped'),
    type,
    source,
    superOptions: optionsIn(line.superOptions),
    ...groups({
      shared: Number(tags.get('shared') ?? 0),
      master: Number(tags.get('master') ?? 0),
      propagateFrom: Number(tags.get('propagate_from') ?? 0),
    }),
    unbindable: tags.has('unbindable'),
  };
}

/** The peer groups that there are: none has the number 0. */
export function groups(all: Readonly<Record<'shared' | 'master' | 'propagateFrom', number>>): Partial<typeof all> {
  return Object.fromEntries(Object.entries(all).filter(([, group]) => group !== 0));
}

/** A list of a file system's options. Commas inside of one are written in octal. */
export function optionsIn(text: string): string[] {
  return text
    .split(',')
    .filter((option) => option !== '')
    .map(unescaped);
}
