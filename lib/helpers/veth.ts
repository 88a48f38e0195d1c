import type { Link } from '../rtnetlink/index.js';
import { Clients, configure, type HelperOptions, type InterfaceOptions, type LinkOptions } from './interface.js';
import { asWhole } from './undo.js';

/** One end of a veth pair. */
export type VethEnd = LinkOptions & InterfaceOptions;

/** The settings of an end, apart from the link's own attributes. */
function parted({ netns, master, up, addresses, routes, ...link }: VethEnd): {
  link: LinkOptions;
  settings: InterfaceOptions;
} {
  return { link, settings: { netns, master, up, addresses, routes } };
}

/**
 * Makes a veth pair and configures both ends, each in its own namespace; as a whole. The far end is born where it shall
 * live under the name it shall have: moving or renaming it would wait for the kernel's readers, some 20 ms.
 *
 * Returns both links, as they are in their namespaces.
 */
export async function createVethPair(
  near: VethEnd,
  far: VethEnd,
  options: HelperOptions = {},
): Promise<[near: Link, far: Link]> {
  const { client: given, ...call } = options;
  const a = parted(near);
  const b = parted(far);
  const clients = new Clients(near.netns, given);
  try {
    return await asWhole(async (undo) => {
      const [nearby, inside] = await Promise.all([clients.in(near.netns), clients.in(far.netns)]);
      const { up, master } = a.settings;
      const peer = nearby === inside ? b.link : { ...b.link, netns: clients.handle(far.netns) };
      // The near end may come up at once; the far one not before the pair is made.
      await nearby.link.add(
        {
          ...a.link,
          kind: 'veth',
          ...(master === undefined ? {} : { master }),
          ...(up === undefined ? {} : { up }),
          data: { peer },
        },
        call,
      );
      undo(() => nearby.link.delete(near.name));
      const { netns, addresses, routes } = a.settings;
      const farLink = await configure(inside, far.name, b.settings, call);
      const nearLink = await configure(nearby, near.name, { netns, addresses, routes }, call);
      return [nearLink, farLink];
    });
  } finally {
    await clients.close();
  }
}
