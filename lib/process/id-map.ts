import { ArgumentError } from '../errors.js';
import { checkInteger, checkKeys } from '../options.js';

/** A range of user or group ids of a new user namespace and what they are outside of it. `user_namespaces(7)`. */
export interface IdMapping {
  /** The first id inside. */
  readonly inside: number;
  /** The first id outside, in the user namespace of this process. */
  readonly outside: number;
  /** How many ids, 1 unless said. More than one take CAP_SETUID (CAP_SETGID) over the outer user namespace. */
  readonly count?: number | undefined;
}

/** The one behind it, all bits set, means none. */
export const LAST_ID = 0xfffffffe;
/** Kernel: include/linux/user_namespace.h, UID_GID_MAP_MAX_EXTENTS. */
const MOST_MAPPINGS = 340;

/** The text of /proc/PID/uid_map. */
export function mapText(argument: string, map: readonly IdMapping[]): string {
  if (!Array.isArray(map) || map.length === 0 || map.length > MOST_MAPPINGS)
    throw new ArgumentError(argument, `takes a list of 1 to ${MOST_MAPPINGS} { inside, outside, count }`);
  const spans: { name: string; from: number; to: number; side: string }[] = [];
  const lines = (map as readonly IdMapping[]).map((mapping, i) => {
    const name = `${argument}[${i}]`;
    const { inside, outside, count = 1 } = checkKeys(name, mapping, ['inside', 'outside', 'count']);
    for (const [key, value, least, most] of [
      ['inside', inside, 0, LAST_ID],
      ['outside', outside, 0, LAST_ID],
      ['count', count, 1, LAST_ID + 1],
    ] as const) {
      checkInteger(`${name}.${key}`, value, least, most);
    }
    if (inside + count > LAST_ID + 1 || outside + count > LAST_ID + 1)
      throw new ArgumentError(`${name}.count`, `goes beyond the last id, ${LAST_ID}`);
    spans.push({ name, from: inside, to: inside + count, side: 'inside' });
    spans.push({ name, from: outside, to: outside + count, side: 'outside' });
    return `${inside} ${outside} ${count}\n`;
  });
  for (const a of spans)
    for (const b of spans)
      if (a !== b && a.side === b.side && a.from < b.to && b.from < a.to)
        throw new ArgumentError(a.name, `overlaps with ${b.name} ${a.side}`);
  return lines.join('');
}

/** Whether the map has this id inside. */
export function hasInside(map: readonly IdMapping[], id: number): boolean {
  return map.some(({ inside, count = 1 }) => id >= inside && id < inside + count);
}
