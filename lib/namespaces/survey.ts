import { constants } from 'node:fs';
import type { Descriptor } from '../native/addon.js';
import { addon } from '../native/load.js';
import { isFailure } from '../netlink/system-call.js';
import { NAMESPACE_TYPES, typeOf, type NamespaceType } from '../namespace-types.js';
import type { NamespaceInfo } from './list.js';
import { NETNS_DIRECTORY } from './names.js';
import { NsidLookup } from './nsid.js';
import { fileOf, openCurrent } from './open.js';
import { pinsIn, type Pin } from './pins.js';
import { linkOf, numbersIn, processInfo, textOf, userNames } from './proc.js';

/** Numbers of namespaces are from here on: include/linux/proc_ns.h, PROC_DYNAMIC_FIRST and what comes shortly before. */
const LEAST_INO = 0xeffffff0;

interface Found {
  readonly type: NamespaceType;
  readonly ino: bigint;
  processes: number;
  pid: number | undefined;
  readonly holders: Set<number>;
  readonly paths: Set<string>;
  /** Where it can be opened, if it is still there. */
  readonly places: Set<string>;
}

interface Relations {
  readonly ownerIno: bigint | undefined;
  readonly parentIno: bigint | undefined;
  readonly ownerUid: number | undefined;
  readonly nsid: number | undefined;
}

/** Goes through /proc; `pause` is called after every step. */
export async function survey(types: ReadonlySet<NamespaceType>, pause: () => Promise<void>): Promise<NamespaceInfo[]> {
  const found = new Survey(types);
  found.addPins(pinsIn(textOf('/proc/thread-self/mountinfo') ?? ''), '');
  for (const pid of numbersIn('/proc')) {
    found.addProcess(pid);
    await pause();
  }
  return found.describe(pause);
}

class Survey {
  readonly #types: ReadonlySet<NamespaceType>;
  readonly #found = new Map<bigint, Found>();
  /** Paths of pins, in any mount namespace: a descriptor that was opened by one bears it as its name. */
  readonly #pinned = new Set<string>();
  /** Mount namespaces of which the pins are known. */
  readonly #mounts = new Set<string>();
  /** Of the file system of namespaces. */
  readonly #dev: bigint;

  constructor(types: ReadonlySet<NamespaceType>) {
    this.#types = types;
    const { descriptor, identity } = openCurrent('mnt');
    descriptor.close();
    this.#dev = identity.dev;
    this.#mounts.add(`mnt:[${identity.ino}]`);
  }

  /** `root`: where the mount namespace can be seen from here. */
  addPins(pins: readonly Pin[], root: string): void {
    for (const { type, ino, path } of pins) {
      this.#pinned.add(path);
      const found = this.#entry(type, ino);
      // Mounts propagate: a copy of what is here is nothing new.
      if (found === undefined || found.paths.has(path)) continue;
      found.paths.add(root + path);
      found.places.add(root + path);
    }
  }

  addProcess(pid: number): void {
    for (const type of NAMESPACE_TYPES) {
      if (type !== 'mnt' && !this.#types.has(type)) continue;
      const link = linkOf(`/proc/${pid}/ns/${type}`);
      // Without leave to see its mount namespace, there is none to see the others.
      if (type === 'mnt' && link === undefined) return;
      const found = this.#entryOf(link);
      if (found !== undefined) {
        found.processes++;
        found.pid ??= pid;
        found.places.add(`/proc/${pid}/ns/${type}`);
      }
      if (type === 'mnt' && !this.#mounts.has(link!)) {
        this.#mounts.add(link!);
        this.addPins(pinsIn(textOf(`/proc/${pid}/mountinfo`) ?? ''), `/proc/${pid}/root`);
      }
    }
    for (const type of ['pid', 'time'] as const) {
      const path = `/proc/${pid}/ns/${fileOf(type, true)}`;
      const found = this.#entryOf(linkOf(path));
      // Nearly always it is the one that the process is in itself.
      if (found !== undefined && !found.places.has(`/proc/${pid}/ns/${type}`)) this.#hold(found, pid, path);
    }
    for (const fd of numbersIn(`/proc/${pid}/fd`)) {
      const path = `/proc/${pid}/fd/${fd}`;
      const link = linkOf(path);
      const found = this.#entryOf(link);
      if (found !== undefined) this.#hold(found, pid, path);
      else if (link === '/' || (link !== undefined && this.#pinned.has(link))) this.#addOpened(pid, fd);
    }
  }

  /** A descriptor that was opened through a pin is called as that is, and `'/'` once the pin is gone. */
  #addOpened(pid: number, fd: number): void {
    const ino = /^ino:\t(\d+)$/m.exec(textOf(`/proc/${pid}/fdinfo/${fd}`) ?? '')?.[1];
    if (ino !== undefined && Number(ino) < LEAST_INO) return;
    const path = `/proc/${pid}/fd/${fd}`;
    const descriptor = addon.sync.open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (isFailure(descriptor)) return;
    const identity = addon.identify(descriptor.fd);
    descriptor.close();
    if (isFailure(identity)) return;
    const found = this.#entry(typeOf(identity.type), identity.ino);
    if (found !== undefined) this.#hold(found, pid, path);
  }

  #hold(found: Found, pid: number, path: string): void {
    found.holders.add(pid);
    found.places.add(path);
  }

  /** By `'net:[4026531840]'`. */
  #entryOf(link: string | undefined): Found | undefined {
    const [, type, ino] = /^(\w+):\[(\d+)\]$/.exec(link ?? '') ?? [];
    return type === undefined || ino === undefined ? undefined : this.#entry(type, BigInt(ino));
  }

  #entry(type: string | undefined, ino: bigint): Found | undefined {
    if (!(this.#types as ReadonlySet<string | undefined>).has(type)) return undefined;
    let found = this.#found.get(ino);
    if (found === undefined) {
      found = {
        type: type as NamespaceType,
        ino,
        processes: 0,
        pid: undefined,
        holders: new Set(),
        paths: new Set(),
        places: new Set(),
      };
      this.#found.set(ino, found);
    }
    return found;
  }

  async describe(pause: () => Promise<void>): Promise<NamespaceInfo[]> {
    const users = userNames();
    const lookup = this.#types.has('net') ? new NsidLookup() : undefined;
    try {
      const relations = new Map<bigint, Relations>();
      for (const found of [...this.#found.values()]) {
        const descriptor = open(found);
        if (descriptor !== undefined) this.#relate(found.type, found.ino, descriptor, lookup, relations);
        await pause();
      }
      const infos: NamespaceInfo[] = [];
      for (const { type, ino, processes, pid, holders, paths } of this.#found.values()) {
        const { command, uid } = pid === undefined ? {} : processInfo(pid);
        infos.push({
          type,
          ino,
          dev: this.#dev,
          processes,
          pid,
          command,
          uid,
          user: uid === undefined ? undefined : users.get(uid),
          holders: [...holders],
          paths: [...paths],
          names: type === 'net' ? namesIn(paths) : [],
          ...(relations.get(ino) ?? {
            nsid: undefined,
            ownerIno: undefined,
            parentIno: undefined,
            ownerUid: undefined,
          }),
        });
        await pause();
      }
      return infos.sort((a, b) => (a.ino < b.ino ? -1 : 1));
    } finally {
      lookup?.close();
    }
  }

  /** Also takes in owners and parents that were not met with yet. Closes the descriptor. */
  #relate(
    type: NamespaceType,
    ino: bigint,
    descriptor: Descriptor,
    lookup: NsidLookup | undefined,
    relations: Map<bigint, Relations>,
  ): void {
    const related = (next: NamespaceType, result: ReturnType<typeof addon.parentNamespace>): bigint | undefined => {
      if (isFailure(result)) return undefined;
      const identity = addon.identify(result.fd);
      if (isFailure(identity)) return undefined;
      if (this.#entry(next, identity.ino) !== undefined && !relations.has(identity.ino))
        this.#relate(next, identity.ino, result, lookup, relations);
      else result.close();
      return identity.ino;
    };
    const { fd } = descriptor;
    const uid = type === 'user' ? addon.ownerUid(fd) : undefined;
    const nsid = type === 'net' ? lookup?.of(fd) : undefined;
    const ownerIno = related('user', addon.owningUserNamespace(fd));
    const parentIno =
      type === 'pid' ? related('pid', addon.parentNamespace(fd)) : type === 'user' ? ownerIno : undefined;
    relations.set(ino, { nsid, ownerIno, parentIno, ownerUid: typeof uid === 'number' ? uid : undefined });
    descriptor.close();
  }
}

function open({ ino, places }: Found): Descriptor | undefined {
  for (const path of places) {
    const descriptor = addon.sync.open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (isFailure(descriptor)) continue;
    const identity = addon.identify(descriptor.fd);
    // The process may be elsewhere by now, and the pid be another's.
    if (!isFailure(identity) && identity.type !== 0 && identity.ino === ino) return descriptor;
    descriptor.close();
  }
  return undefined;
}

function namesIn(paths: ReadonlySet<string>): string[] {
  const folder = `${NETNS_DIRECTORY}/`;
  return [...paths]
    .filter((path) => path.startsWith(folder))
    .map((path) => path.slice(folder.length))
    .filter((name) => !name.includes('/'))
    .sort();
}
