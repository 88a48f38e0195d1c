import { LITTLE_ENDIAN } from '../wire/writer.js';
import { MOUNT_ATTR_IDMAP, MS_UNBINDABLE } from '../system-calls/constants.js';
import { attributesIn } from './flags.js';
import { groups, optionsIn, type MountInfo } from './mountinfo.js';

/** statmount(2) and listmount(2): include/uapi/linux/mount.h, `struct mnt_id_req` and `struct statmount`. */

const MNT_ID_REQ_SIZE_VER0 = 24;
/** The whole mount namespace. */
export const LSMT_ROOT = 0xffff_ffff_ffff_ffffn;

const STATMOUNT_SB_BASIC = 0x1;
const STATMOUNT_MNT_BASIC = 0x2;
const STATMOUNT_PROPAGATE_FROM = 0x4;
const STATMOUNT_MNT_ROOT = 0x8;
const STATMOUNT_MNT_POINT = 0x10;
const STATMOUNT_FS_TYPE = 0x20;
/** Since Linux 6.11. */
const STATMOUNT_MNT_OPTS = 0x80;
/** Both since Linux 6.13. */
const STATMOUNT_FS_SUBTYPE = 0x100;
const STATMOUNT_SB_SOURCE = 0x200;

const ALL =
  STATMOUNT_SB_BASIC |
  STATMOUNT_MNT_BASIC |
  STATMOUNT_PROPAGATE_FROM |
  STATMOUNT_MNT_ROOT |
  STATMOUNT_MNT_POINT |
  STATMOUNT_FS_TYPE |
  STATMOUNT_MNT_OPTS |
  STATMOUNT_FS_SUBTYPE |
  STATMOUNT_SB_SOURCE;

const SB_OPTIONS: readonly (readonly [number, string])[] = [
  [0x10, 'sync'],
  [0x80, 'dirsync'],
  [0x2000000, 'lazytime'],
];
const SB_RDONLY = 1;

/** A request: for listmount those behind the mount `parameter`, for statmount the mount itself. */
export function mountRequest(id: bigint, parameter = BigInt(ALL)): Uint8Array {
  const request = new Uint8Array(MNT_ID_REQ_SIZE_VER0);
  new Uint32Array(request.buffer)[0] = MNT_ID_REQ_SIZE_VER0;
  new BigUint64Array(request.buffer).set([id, parameter], 1);
  return request;
}

/** The first `count` ids in the answer of listmount. */
export function mountIds(answer: Uint8Array, count: number): bigint[] {
  return [...new BigUint64Array(answer.buffer, answer.byteOffset, count)];
}

/** Where the strings of an answer begin. */
const STRINGS = 512;

/** What was written. */
function maskOf(answer: Uint8Array): number {
  return Number(new DataView(answer.buffer, answer.byteOffset).getBigUint64(8, LITTLE_ENDIAN));
}

/** Whether an answer of statmount has the source; there are few mounts without. */
export function tellsSource(answer: Uint8Array): boolean {
  return (maskOf(answer) & STATMOUNT_SB_SOURCE) !== 0;
}

/** An answer of statmount. */
export function readStatmount(answer: Uint8Array): MountInfo {
  const buffer = Buffer.from(answer.buffer, answer.byteOffset, answer.length);
  const view = new DataView(answer.buffer, answer.byteOffset);
  const u32 = (at: number) => view.getUint32(at, LITTLE_ENDIAN);
  const u64 = (at: number) => view.getBigUint64(at, LITTLE_ENDIAN);
  const mask = maskOf(answer);
  // The place of a string is one among the strings; what the mask does not have was not written.
  const text = (bit: number, at: number): string | undefined => {
    if ((mask & bit) === 0) return undefined;
    const start = STRINGS + u32(at);
    return buffer.toString('utf8', start, buffer.indexOf(0, start));
  };
  const sbFlags = u32(32);
  const attributes = Number(u64(64));
  const master = Number(u64(88));
  const from = Number(u64(96));
  const subtype = text(STATMOUNT_FS_SUBTYPE, 120);
  return {
    id: u32(56),
    parentId: u32(60),
    device: { major: u32(16), minor: u32(20) },
    root: text(STATMOUNT_MNT_ROOT, 104) ?? '',
    target: text(STATMOUNT_MNT_POINT, 108) ?? '',
    flags: attributesIn(attributes),
    idmapped: (attributes & MOUNT_ATTR_IDMAP) !== 0,
    type: (text(STATMOUNT_FS_TYPE, 36) ?? '') + (subtype === undefined || subtype === '' ? '' : `.${subtype}`),
    source: text(STATMOUNT_SB_SOURCE, 124) ?? 'none',
    superOptions: [
      (sbFlags & SB_RDONLY) === 0 ? 'rw' : 'ro',
      ...SB_OPTIONS.flatMap(([bit, name]) => ((sbFlags & bit) === 0 ? [] : [name])),
      ...optionsIn(text(STATMOUNT_MNT_OPTS, 4) ?? ''),
    ],
    ...groups({ shared: Number(u64(80)), master, propagateFrom: from === master ? 0 : from }),
    unbindable: (u64(72) & BigInt(MS_UNBINDABLE)) !== 0n,
  };
}
