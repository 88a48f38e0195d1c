/** Every table of attributes there is, found from those that messages begin with. */
import { addressAttrs } from '../../lib/rtnetlink/address-attrs.js';
import { linkAttrs } from '../../lib/rtnetlink/link-attrs.js';
import { fdbAttrs, neighbourAttrs } from '../../lib/rtnetlink/neighbour-attrs.js';
import { routeAttrs } from '../../lib/rtnetlink/route-attrs.js';
import { ackAttrs } from '../../lib/netlink/extack.js';
import type { AttrSet, Rows } from '../../lib/wire/attrs.js';

/** The tables that a whole message consists of. */
export const messageTables: readonly AttrSet<Rows>[] = [
  linkAttrs,
  addressAttrs,
  routeAttrs,
  neighbourAttrs,
  fdbAttrs,
  ackAttrs,
];

function reachable(roots: readonly AttrSet<Rows>[]): Set<AttrSet<Rows>> {
  const found = new Set<AttrSet<Rows>>();
  const visit = (set: AttrSet<Rows>) => {
    if (found.has(set)) return;
    found.add(set);
    for (const { codec } of Object.values(set.rows)) for (const inner of codec.inner?.() ?? []) visit(inner);
  };
  roots.forEach(visit);
  return found;
}

export const allTables: readonly AttrSet<Rows>[] = [...reachable(messageTables)];
