import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { ArgumentError, UnsupportedError } from '../errors.js';
import { mountinfoLines } from '../mountinfo.js';
import { show } from '../wire/codec.js';
import { words } from './formats.js';

const CGROUP2_SUPER_MAGIC = 0x63677270;
const MOUNTINFO = '/proc/self/mountinfo';

/** What there is of control groups on this machine, as this process sees it. */
export interface CgroupHierarchy {
  /**
   * `unified`: version 2 alone, with all controllers. `hybrid`: version 2 beside version 1; cgroups can be made, frozen,
   * killed and watched, but a controller that version 1 has cannot limit them. `legacy`: version 1 alone, for
   * which there is nothing here. `none`: neither is mounted.
   */
  readonly layout: 'unified' | 'hybrid' | 'legacy' | 'none';
  /** Where version 2 is mounted. */
  readonly mountPoint: string | undefined;
  /** The controllers that version 2 has. */
  readonly controllers: readonly string[];
  /** The controllers that version 1 has, under its names (`blkio` is version 2's `io`), and where they are mounted. */
  readonly legacyControllers: Readonly<Record<string, string>>;
}

/** A mount of a cgroup file system. */
interface CgroupMount {
  readonly version: 1 | 2;
  /** The cgroup that is seen at the mount point; with `..` in it, it is outside of this cgroup namespace. */
  readonly root: string;
  readonly mountPoint: string;
  /** Those of version 1. */
  readonly controllers: readonly string[];
}

/** As mount options show them, among others. */
const LEGACY_CONTROLLERS: readonly string[] = [
  ...['cpu', 'cpuacct', 'cpuset', 'memory', 'blkio', 'pids', 'devices', 'freezer', 'hugetlb', 'rdma', 'misc'],
  ...['perf_event', 'net_cls', 'net_prio'],
];

/** The controllers that version 1 calls otherwise. */
const LEGACY_NAMES: Readonly<Record<string, string>> = { io: 'blkio' };

/** The mounts in /proc/self/mountinfo that are of cgroups, but for those that others hide. */
export function cgroupMounts(mountinfo: string): CgroupMount[] {
  const found: CgroupMount[] = [];
  for (const { type, root, mountPoint, superOptions } of mountinfoLines(mountinfo)) {
    if (type === 'cgroup2') found.push({ version: 2, root, mountPoint, controllers: [] });
    if (type === 'cgroup') {
      const controllers = superOptions.split(',').filter((option) => LEGACY_CONTROLLERS.includes(option));
      found.push({ version: 1, root, mountPoint, controllers });
    }
  }
  // What is mounted later at the same place hides what was there.
  return found.filter(
    ({ mountPoint }, index) => !found.slice(index + 1).some((later) => later.mountPoint === mountPoint),
  );
}

/** `path` as seen from `root`: `''` or `'/...'`; undefined when it is not below. */
function below(root: string, path: string): string | undefined {
  if (root === '/') return path === '/' ? '' : path;
  return path === root || path.startsWith(`${root}/`) ? path.slice(root.length) : undefined;
}

/** Where a cgroup is. */
interface Location {
  /** In the file system. */
  readonly location: string;
  /** How many levels below the highest cgroup that can be seen. */
  readonly depth: number;
}

function locate(path: string, mounts: readonly CgroupMount[]): Location | undefined {
  for (const { version, root, mountPoint } of mounts) {
    const rest = version === 2 ? below(root, path) : undefined;
    if (rest !== undefined) return { location: mountPoint + rest, depth: rest.split('/').length - 1 };
  }
  return undefined;
}

/** Without those over which another file system is mounted. */
function visibleMounts(): CgroupMount[] {
  return cgroupMounts(readFileSync(MOUNTINFO, 'utf8')).filter(
    ({ version, mountPoint }) =>
      version === 1 || (existsSync(mountPoint) && statfsSync(mountPoint).type === CGROUP2_SUPER_MAGIC),
  );
}

function legacyControllers(mounts: readonly CgroupMount[]): Record<string, string> {
  return Object.fromEntries(
    mounts.flatMap(({ controllers, mountPoint }) => controllers.map((controller) => [controller, mountPoint] as const)),
  );
}

/** What there is of control groups here. */
export function hierarchy(): CgroupHierarchy {
  const mounts = visibleMounts();
  const mountPoint = mounts.find(({ version }) => version === 2)?.mountPoint;
  const legacy = mounts.some(({ version }) => version === 1);
  return {
    layout: mountPoint === undefined ? (legacy ? 'legacy' : 'none') : legacy ? 'hybrid' : 'unified',
    mountPoint,
    controllers: mountPoint === undefined ? [] : words(readFileSync(`${mountPoint}/cgroup.controllers`, 'utf8')),
    legacyControllers: legacyControllers(mounts),
  };
}

/** Where the cgroup of a path is, as `locate`, or the error that says what there is instead. */
export function locateIn(path: string, mounts: readonly CgroupMount[]): Location {
  const found = locate(path, mounts);
  if (found !== undefined) return found;
  const unified = mounts.filter(({ version }) => version === 2);
  if (unified.length > 0) {
    const seen = unified.map(({ root, mountPoint }) => `${root} at ${mountPoint}`).join(', ');
    throw new UnsupportedError(
      `cgroup ${path} is not below what is mounted here: ${seen}; in a new cgroup namespace cgroup2 has to be mounted anew`,
    );
  }
  const legacy = mounts.map(({ mountPoint }) => mountPoint);
  throw new UnsupportedError(
    legacy.length > 0
      ? `there are cgroups of version 1 here (${legacy.join(', ')}), and none of version 2, which these are; ` +
          '`mount -t cgroup2 none DIRECTORY` gives what takes no controllers, booting with systemd.unified_cgroup_hierarchy=1 all'
      : 'there are no cgroups here: cgroup2 is not mounted',
  );
}

/** `locateIn` on this machine. */
export function locateHere(path: string): Location {
  return locateIn(path, visibleMounts());
}

/** Why cgroups of version 2 do not have a controller, as far as can be told. */
export function whyWithout(controller: string, { legacyControllers: legacy, mountPoint } = hierarchy()): string {
  const at = legacy[LEGACY_NAMES[controller] ?? controller];
  return at === undefined
    ? `it is not in ${mountPoint}/cgroup.controllers: the kernel lacks it, version 1 has it, or this part of the hierarchy was not given it`
    : `version 1 has it, at ${at}, and only one version can (a hybrid host)`;
}

/** The path of a process's cgroup in the text of /proc/PID/cgroup; undefined where there is only version 1. */
export function pathIn(text: string): string | undefined {
  return /^0::(.*)$/m.exec(text)?.[1];
}

function isName(part: string): boolean {
  return part !== '' && part !== '.' && part !== '..' && !/[\0\n]/.test(part) && Buffer.byteLength(part) <= 255;
}

/** A path as in /proc/PID/cgroup, `'/a/b'`; `'/'` is the root. */
export function checkPath(argument: string, path: unknown): string {
  if (typeof path !== 'string' || !path.startsWith('/') || (path !== '/' && !path.slice(1).split('/').every(isName)))
    throw new ArgumentError(argument, `takes a path such as '/a/b', without '.', '..' and NUL, not ${show(path)}`);
  return path;
}

/** The name of a cgroup below another one. */
export function checkName(argument: string, name: unknown): string {
  if (typeof name !== 'string' || name.includes('/') || !isName(name)) {
    throw new ArgumentError(argument, `takes, with a parent, a name of 1 to 255 bytes without '/', not ${show(name)}`);
  }
  return name;
}
