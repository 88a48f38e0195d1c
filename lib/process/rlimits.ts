import { ArgumentError } from '../errors.js';
import { checkKeys } from '../options.js';
import { longs, type Program } from '../system-calls/program.js';

/** include/uapi/asm-generic/resource.h, in the order of their numbers. `getrlimit(2)` says what each limits, in which unit. */
export const RESOURCES = [
  'cpu',
  'fsize',
  'data',
  'stack',
  'core',
  'rss',
  'nproc',
  'nofile',
  'memlock',
  'as',
  'locks',
  'sigpending',
  'msgqueue',
  'nice',
  'rtprio',
  'rttime',
] as const;

export type Resource = (typeof RESOURCES)[number];
export type ResourceLimit = number | 'unlimited';

/** Both limits, or one number for both. */
export type ResourceLimits = {
  readonly [R in Resource]?: ResourceLimit | { readonly soft: ResourceLimit; readonly hard: ResourceLimit } | undefined;
};

const RLIM_INFINITY = 0xffffffffffffffffn;

function limit(argument: string, value: ResourceLimit): bigint {
  if (value === 'unlimited') return RLIM_INFINITY;
  if (!Number.isSafeInteger(value) || value < 0)
    throw new ArgumentError(argument, "takes an integer of at least 0, or 'unlimited'");
  return BigInt(value);
}

/** A limit by the number of its resource, and both its values. */
export interface CheckedLimit {
  readonly resource: Resource;
  readonly number: number;
  readonly both: readonly [soft: bigint, hard: bigint];
}

export function checkResourceLimits(limits: ResourceLimits): CheckedLimit[] {
  limits = checkKeys('options.rlimits', limits, RESOURCES);
  return RESOURCES.flatMap((resource, number) => {
    const given = limits[resource];
    if (given === undefined) return [];
    const name = `options.rlimits.${resource}`;
    const { soft, hard } =
      typeof given === 'object' ? checkKeys(name, given, ['soft', 'hard']) : { soft: given, hard: given };
    const both = [limit(`${name}.soft`, soft), limit(`${name}.hard`, hard)] as const;
    if (both[0] > both[1]) throw new ArgumentError(`${name}.soft`, 'is above the hard limit');
    return [{ resource, number, both }];
  });
}

export function setResourceLimits(program: Program, limits: readonly CheckedLimit[]): void {
  for (const { resource, number, both } of limits)
    program.add(`rlimits.${resource}`, 'prlimit64', [0, number, longs(both), null]);
}
