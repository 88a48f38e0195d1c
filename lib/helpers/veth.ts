import type { Link, LinkRef } from '../rtnetlink/index.js';
import { isSame } from './clients.js';
import {
  allDone,
  apart,
  checkInterface,
  configure,
  givenOf,
  INTERFACE,
  isMore,
  type InterfaceOptions,
  type LinkOptions,
} from './interface.js';
import { inNames, NOTHING, type Names } from './names.js';
import { make, operate, type HelperOptions } from './operation.js';

/** One end of a veth pair. The kernel heeds the far one's `index` only where the near one has been given one. */
export type VethEnd = LinkOptions & InterfaceOptions;

/** The settings of an end, apart from the link's own attributes. */
export function parted({ netns, master, up, addresses, routes, ...link }: VethEnd): {
  link: LinkOptions;
  settings: InterfaceOptions;
} {
  return { link, settings: { netns, master, up, addresses, routes } };
}

const NAMES: Names = [
  ['link.data(veth).peer', 'far', INTERFACE],
  ['link', 'near', INTERFACE],
];

/**
 * Makes a veth pair and configures both ends, each in its own namespace; as a whole. The far end is born where it shall
 * live under the name it shall have: moving it there would wait for the kernel's readers, some 20 ms.
 *
 * Returns both links, as they are when they have what they were given.
 *
 * @example
 * ```ts
 * import { createVethPair, Netns } from 'netlace';
 *
 * const box = await Netns.create();
 * const [near] = await createVethPair(
 *   { name: 'veth-box', addresses: ['10.1.0.1/24'], up: true },
 *   { name: 'eth0', netns: box, addresses: ['10.1.0.2/24'], routes: [{ to: 'default', via: '10.1.0.1' }], up: true },
 * );
 * console.log(near.index, near.address);
 * box.close();
 * ```
 */
export async function createVethPair(
  near: VethEnd,
  far: VethEnd,
  options: HelperOptions = {},
): Promise<[near: Link, far: Link]> {
  near = checkInterface('near', near);
  far = checkInterface('far', far);
  const a = parted(near);
  const b = parted(far);
  return operate('createVethPair', near.netns, options, async (operation) => {
    const { clients, call } = operation;
    const nearby = await clients.in(near.netns);
    const { master, addresses, routes } = a.settings;
    const later = apart('near', a.link, master);
    const farther = apart('far', b.link, b.settings.master);
    const peer = isSame(near.netns, far.netns)
      ? farther.first
      : Object.assign({}, farther.first, clients.place(far.netns));
    let pair: LinkRef = near.name;
    const added = make(
      operation,
      // The near end may come up at once; the far one not before the pair is made.
      () =>
        inNames(
          NAMES,
          nearby.link.add(
            Object.assign({}, later.first, { kind: 'veth' as const, ...givenOf(a.settings), data: { peer } }),
          ),
          NOTHING,
        ),
      () => nearby.link.delete(pair),
    );
    // Behind a look-up the pair would come after what is asked for now.
    if (typeof master === 'string') await added;
    const [, made, inside] = await allDone([added, nearby.link.get(near.name, call), clients.in(far.netns)]);
    pair = made.index;
    // A veth's link is its other end.
    const farIndex = made.link ?? (await inside.link.get(far.name, call)).index;
    const hasMore = addresses !== undefined || routes !== undefined || isMore(later.rest);
    const [farLink, nearLink] = await allDone([
      configure(operation, inside, farIndex, 'far', b.settings, farther.rest),
      hasMore ? configure(operation, nearby, made.index, 'near', { addresses, routes }, later.rest) : made,
    ]);
    return [nearLink, farLink];
  });
}
