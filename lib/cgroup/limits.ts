import { ArgumentError } from '../errors.js';
import { checkKeys } from '../options.js';
import { nestedKeyed, numberOrMax } from './formats.js';

/** Bytes: an integer, rounded down to whole pages by the kernel, or `'max'` for no limit. */
export type ByteLimit = number | bigint | 'max';

/** So much processor time in each period. */
export interface CpuMax {
  /** Microseconds, from 1000; two processors' worth is twice the period. `'max'`: no limit. */
  readonly quota: number | 'max';
  /** Microseconds, 1000 to 1000000; 100000 unless said. */
  readonly period?: number | undefined;
}

/** Controller `cpu`. */
export interface CpuLimits {
  /** cpu.max; `'max'`: no limit. */
  readonly max?: CpuMax | 'max' | undefined;
  /** cpu.weight: the share when processors are short, 1 to 10000; 100 at first. */
  readonly weight?: number | undefined;
  /** cpu.idle: runs only when nothing else wants to, and has no weight. Since Linux 5.15. */
  readonly idle?: boolean | undefined;
}

/** Controller `memory`. */
export interface MemoryLimits {
  /** memory.max: what needs more is ended by the OOM killer. */
  readonly max?: ByteLimit | undefined;
  /** memory.high: what needs more is slowed down and made to give memory back. */
  readonly high?: ByteLimit | undefined;
  /** memory.low: this much is taken away only when nothing else is left. */
  readonly low?: ByteLimit | undefined;
  /** memory.min: this much is never taken away. */
  readonly min?: ByteLimit | undefined;
  /** memory.swap.max: how much may be swapped out. */
  readonly swapMax?: ByteLimit | undefined;
  /** memory.oom.group: the OOM killer ends all processes or none. */
  readonly oomGroup?: boolean | undefined;
}

/** Controller `pids`. */
export interface PidsLimits {
  /** pids.max: how many processes and threads; beyond, `fork` fails with EAGAIN. 0 to 4194304. */
  readonly max?: number | 'max' | undefined;
}

/** The limits of one disk. What is left out stays. */
export interface IoMax {
  /** The disk's device numbers, `'8:16'`. */
  readonly device: string;
  /** Bytes read in a second, from 1. */
  readonly rbps?: number | bigint | 'max' | undefined;
  /** Bytes written in a second, from 1. */
  readonly wbps?: number | bigint | 'max' | undefined;
  /** Read operations in a second, 1 to 4294967295. */
  readonly riops?: number | 'max' | undefined;
  /** Write operations in a second, 1 to 4294967295. */
  readonly wiops?: number | 'max' | undefined;
}

/** Controller `io`. */
export interface IoLimits {
  /** io.max, for each disk of the list; those of other disks stay. */
  readonly max?: readonly IoMax[] | undefined;
  /** io.weight: the share when a disk is short, 1 to 10000; 100 at first. Takes a kernel with blk-iocost. */
  readonly weight?: number | undefined;
}

/** Controller `cpuset`. */
export interface CpusetLimits {
  /** cpuset.cpus: `'0-3,6'`; `''`: all that the parent has. */
  readonly cpus?: string | undefined;
  /** cpuset.mems: memory nodes, in the same form. */
  readonly mems?: string | undefined;
}

/** Limits to set: only what is given changes. */
export interface CgroupLimits {
  readonly cpu?: CpuLimits | undefined;
  readonly memory?: MemoryLimits | undefined;
  readonly pids?: PidsLimits | undefined;
  readonly io?: IoLimits | undefined;
  readonly cpuset?: CpusetLimits | undefined;
}

/** The limits of a cgroup as its files say: what `set` takes, with what this cgroup's controllers and this kernel have. */
export interface CgroupLimitsRead {
  readonly cpu?: {
    readonly max?: { readonly quota: number | 'max'; readonly period: number };
    /** 0 while idle. */
    readonly weight?: number;
    readonly idle?: boolean;
  };
  readonly memory?: {
    readonly max?: number | 'max';
    readonly high?: number | 'max';
    readonly low?: number | 'max';
    readonly min?: number | 'max';
    readonly swapMax?: number | 'max';
    readonly oomGroup?: boolean;
  };
  readonly pids?: { readonly max?: number | 'max' };
  readonly io?: {
    /** The disks that have limits. */
    readonly max?: readonly {
      readonly device: string;
      readonly rbps: number | 'max';
      readonly wbps: number | 'max';
      readonly riops: number | 'max';
      readonly wiops: number | 'max';
    }[];
    readonly weight?: number;
  };
  readonly cpuset?: { readonly cpus?: string; readonly mems?: string };
}

/** How a limit stands in its file. */
interface Form {
  /** What to write, each line by a write of its own; an error names `argument`. */
  readonly write: (value: unknown, argument: string) => readonly string[];
  readonly read: (text: string) => unknown;
  /** What to write to have again what the file said before `written`; the text itself unless said. */
  readonly undo?: (before: string, written: readonly string[]) => readonly string[];
}

interface Row extends Form {
  readonly file: string;
  /** Another file that changes with it. */
  readonly changes?: string;
}

type Table = {
  readonly [C in keyof Required<CgroupLimits>]: {
    readonly [K in keyof Required<NonNullable<CgroupLimits[C]>>]: Row;
  };
};

/** A write that a limit takes. */
export interface LimitWrite {
  /** `'memory'`. */
  readonly controller: string;
  /** `'memory.max'`. */
  readonly file: string;
  /** `'limits.memory.max'`. */
  readonly option: string;
  /** Another file that changes with it. */
  readonly changes: string | undefined;
  readonly lines: readonly string[];
  readonly undo: (before: string) => readonly string[];
}

const MOST_BYTES = 2n ** 63n - 1n;
/** kernel/sched/core.c: tg_set_cfs_bandwidth. */
const LEAST_QUOTA = 1000;
const MOST_QUOTA = 2 ** 44 - 1;
const DEFAULT_PERIOD = 100_000;

function shown(value: unknown): string {
  return typeof value === 'bigint' ? `${value}n` : JSON.stringify(value);
}

function wholeNumber(value: unknown, argument: string, least: number, most: number | bigint): string {
  const whole = typeof value === 'bigint' ? typeof most === 'bigint' : Number.isSafeInteger(value);
  if (!whole || (value as number | bigint) < least || (value as number | bigint) > most)
    throw new ArgumentError(argument, `takes an integer from ${least} to ${most}, not ${shown(value)}`);
  return String(value);
}

function wholeNumberOrMax(value: unknown, argument: string, least: number, most: number | bigint): string {
  if (value === 'max') return value;
  if (typeof value === 'string') throw new ArgumentError(argument, `takes an integer or 'max', not ${shown(value)}`);
  return wholeNumber(value, argument, least, most);
}

const integer = (least: number, most: number): Form => ({
  write: (value, argument) => [wholeNumber(value, argument, least, most)],
  read: Number,
});

const integerOrMax = (least: number, most: number | bigint): Form => ({
  write: (value, argument) => [wholeNumberOrMax(value, argument, least, most)],
  read: numberOrMax,
});

const bytes = integerOrMax(0, MOST_BYTES);

const onOff: Form = {
  write: (value, argument) => {
    if (typeof value !== 'boolean') throw new ArgumentError(argument, `takes true or false, not ${shown(value)}`);
    return [value ? '1' : '0'];
  },
  read: (text) => text.trim() === '1',
};

const cpuMax: Form = {
  write: (value, argument) => {
    if (value === 'max') return ['max'];
    checkKeys(argument, value as CpuMax, ['quota', 'period']);
    const { quota, period = DEFAULT_PERIOD } = value as CpuMax;
    const most = wholeNumberOrMax(quota, `${argument}.quota`, LEAST_QUOTA, MOST_QUOTA);
    return [`${most} ${wholeNumber(period, `${argument}.period`, 1000, 1_000_000)}`];
  },
  read: (text) => {
    const [quota = '', period] = text.split(' ');
    return { quota: numberOrMax(quota), period: Number(period) };
  },
};

const IO_KEYS = { rbps: MOST_BYTES, wbps: MOST_BYTES, riops: 0xffffffff, wiops: 0xffffffff } as const;
const ioKeys = Object.keys(IO_KEYS) as (keyof typeof IO_KEYS)[];

const ioMax: Form = {
  write: (value, argument) => {
    if (!Array.isArray(value))
      throw new ArgumentError(argument, 'takes a list of { device, rbps, wbps, riops, wiops }');
    return (value as IoMax[]).map((disk, index) => {
      const place = `${argument}[${index}]`;
      disk = checkKeys(place, disk, ['device', ...ioKeys]);
      if (typeof disk.device !== 'string' || !/^\d+:\d+$/.test(disk.device))
        throw new ArgumentError(`${place}.device`, `takes device numbers such as '8:16', not ${shown(disk.device)}`);
      const given = ioKeys.filter((key) => disk[key] !== undefined);
      if (given.length === 0) throw new ArgumentError(place, `takes at least one of ${ioKeys.join(', ')}`);
      const limits = given.map((key) => `${key}=${wholeNumberOrMax(disk[key], `${place}.${key}`, 1, IO_KEYS[key])}`);
      return [disk.device, ...limits].join(' ');
    });
  },
  read: (text) =>
    nestedKeyed(text).map(([device, values]) => ({
      device,
      ...Object.fromEntries(ioKeys.map((key) => [key, numberOrMax(values.get(key) ?? 'max')])),
    })),
  undo: (before, written) => {
    const known = new Map(before.split('\n').map((line) => [line.split(' ')[0], line]));
    const none = ioKeys.map((key) => `${key}=max`).join(' ');
    return written.map((line) => {
      const device = line.split(' ')[0]!;
      return known.get(device) ?? `${device} ${none}`;
    });
  },
};

const ioWeight: Form = {
  write: (value, argument) => [`default ${wholeNumber(value, argument, 1, 10_000)}`],
  read: (text) => Number(/^default (\d+)$/m.exec(text)?.[1]),
  undo: (before) => [before.split('\n')[0]!],
};

const cpuList: Form = {
  write: (value, argument) => {
    if (typeof value !== 'string' || !/^(\d+(-\d+)?(,\d+(-\d+)?)*)?$/.test(value))
      throw new ArgumentError(argument, `takes a list such as '0-3,6', not ${shown(value)}`);
    // Nothing at all would not be a write.
    return [`${value}\n`];
  },
  read: (text) => text.trim(),
};

/** The order is that of writing: a cgroup that is idle takes no weight. */
const TABLE: Table = {
  cpu: {
    idle: { file: 'cpu.idle', changes: 'cpu.weight', ...onOff },
    weight: { file: 'cpu.weight', ...integer(1, 10_000) },
    max: { file: 'cpu.max', ...cpuMax },
  },
  memory: {
    oomGroup: { file: 'memory.oom.group', ...onOff },
    min: { file: 'memory.min', ...bytes },
    low: { file: 'memory.low', ...bytes },
    swapMax: { file: 'memory.swap.max', ...bytes },
    high: { file: 'memory.high', ...bytes },
    max: { file: 'memory.max', ...bytes },
  },
  pids: { max: { file: 'pids.max', ...integerOrMax(0, 4_194_304) } },
  io: { max: { file: 'io.max', ...ioMax }, weight: { file: 'io.weight', ...ioWeight } },
  cpuset: { cpus: { file: 'cpuset.cpus', ...cpuList }, mems: { file: 'cpuset.mems', ...cpuList } },
};
const controllers = Object.entries(TABLE) as [string, Readonly<Record<string, Row>>][];

/** What setting `limits` takes. Nothing is done yet: the first that cannot be is an error. */
export function limitWrites(limits: CgroupLimits, argument: string): LimitWrite[] {
  const given = checkKeys(argument, limits, Object.keys(TABLE));
  return controllers.flatMap(([controller, rows]) => {
    const some = (given as Record<string, Record<string, unknown> | undefined>)[controller];
    if (some === undefined) return [];
    const values = checkKeys(`${argument}.${controller}`, some, Object.keys(rows));
    return Object.entries(rows).flatMap(([key, { file, changes, write, undo = (before: string) => [before] }]) => {
      const option = `${argument}.${controller}.${key}`;
      if (values[key] === undefined) return [];
      const lines = write(values[key], option);
      return [{ controller, file, option, changes, lines, undo: (before: string) => undo(before, lines) }];
    });
  });
}

/** The limits that the files say; `read` gives undefined for a file that there is not. */
export function readLimits(read: (file: string) => string | undefined): CgroupLimitsRead {
  const found: Record<string, Record<string, unknown>> = {};
  for (const [controller, rows] of controllers) {
    for (const [key, row] of Object.entries(rows)) {
      const text = read(row.file);
      if (text !== undefined) (found[controller] ??= {})[key] = row.read(text);
    }
  }
  return found;
}
