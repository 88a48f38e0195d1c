import { flatKeyed, nestedKeyed } from './formats.js';

/** cpu.stat: microseconds, of the cgroup and all below. What no comment says is there in every kernel. */
export interface CpuStat {
  readonly usageUsec: number;
  readonly userUsec: number;
  readonly systemUsec: number;
  /** Periods in which it ran; with the controller `cpu`. */
  readonly nrPeriods?: number;
  /** Periods in which it came to the end of its quota; with the controller `cpu`. */
  readonly nrThrottled?: number;
  /** How long it was held back; with the controller `cpu`. */
  readonly throttledUsec?: number;
  /** What other kernels have, under the kernel's names in camel case. */
  readonly [key: string]: number | undefined;
}

/** memory.stat: bytes, and counts of what begins with `pg`, `pswp`, `thp`, `workingset`, ... */
export interface MemoryStat {
  readonly anon: number;
  readonly file: number;
  readonly sock: number;
  readonly shmem: number;
  readonly kernelStack: number;
  readonly fileMapped: number;
  readonly fileDirty: number;
  readonly fileWriteback: number;
  readonly inactiveAnon: number;
  readonly activeAnon: number;
  readonly inactiveFile: number;
  readonly activeFile: number;
  readonly unevictable: number;
  readonly slabReclaimable: number;
  readonly slabUnreclaimable: number;
  readonly slab: number;
  readonly pgfault: number;
  /** Page faults that had to wait for a disk. */
  readonly pgmajfault?: number;
  /** What else this kernel has, under its names in camel case. */
  readonly [key: string]: number | undefined;
}

/** Controller `memory`. The root has only `stat`. */
export interface MemoryUse {
  /** memory.current: bytes. */
  readonly current?: number;
  /** memory.peak: the most that `current` has been. Since Linux 5.19. */
  readonly peak?: number;
  /** memory.swap.current: bytes. */
  readonly swapCurrent?: number;
  readonly stat: MemoryStat;
}

/** Controller `pids`: processes and threads. */
export interface PidsUse {
  /** pids.current. */
  readonly current: number;
  /** pids.peak. Since Linux 6.1. */
  readonly peak?: number;
}

/** One disk in io.stat: since the cgroup was made. */
export interface IoStat {
  /** The disk's device numbers, `'8:16'`. */
  readonly device: string;
  /** Bytes read, written, discarded. */
  readonly rbytes: bigint;
  readonly wbytes: bigint;
  readonly dbytes: bigint;
  /** Operations. */
  readonly rios: bigint;
  readonly wios: bigint;
  readonly dios: bigint;
}

/** What a cgroup and all below it use and have used. A controller that it does not have is left out. */
export interface CgroupStat {
  /** Cgroups below it, at all depths. */
  readonly descendants: number;
  /** Those that were removed, but that something, such as memory, still refers to. */
  readonly dyingDescendants: number;
  /** There also without the controller `cpu`, but for the throttling. */
  readonly cpu?: CpuStat;
  readonly memory?: MemoryUse;
  readonly pids?: PidsUse;
  readonly io?: readonly IoStat[];
}

function ioStat(text: string): IoStat[] {
  return nestedKeyed(text).flatMap(([device, values]) => {
    // A disk that was not used may have a line without anything.
    if (!values.has('rbytes')) return [];
    const value = (key: string) => BigInt(values.get(key) ?? 0);
    return [
      {
        device,
        rbytes: value('rbytes'),
        wbytes: value('wbytes'),
        dbytes: value('dbytes'),
        rios: value('rios'),
        wios: value('wios'),
        dios: value('dios'),
      },
    ];
  });
}

/** `read` gives undefined for a file that there is not. */
export function readStat(cgroupStat: string, read: (file: string) => string | undefined): CgroupStat {
  const { nrDescendants = 0, nrDyingDescendants = 0 } = flatKeyed(cgroupStat);
  const cpu = read('cpu.stat');
  const memory = read('memory.stat');
  const pids = read('pids.current');
  const io = read('io.stat');
  const number = <K extends string>(key: K, file: string): { readonly [P in K]?: number } => {
    const text = read(file);
    return (text === undefined ? {} : { [key]: Number(text) }) as { readonly [P in K]?: number };
  };
  return {
    descendants: nrDescendants,
    dyingDescendants: nrDyingDescendants,
    ...(cpu !== undefined && { cpu: flatKeyed(cpu) as unknown as CpuStat }),
    ...(memory !== undefined && {
      memory: {
        ...number('current', 'memory.current'),
        ...number('peak', 'memory.peak'),
        ...number('swapCurrent', 'memory.swap.current'),
        stat: flatKeyed(memory) as unknown as MemoryStat,
      },
    }),
    ...(pids !== undefined && { pids: { current: Number(pids), ...number('peak', 'pids.peak') } }),
    ...(io !== undefined && { io: ioStat(io) }),
  };
}
