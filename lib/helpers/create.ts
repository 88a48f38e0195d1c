import type { Netns } from '../namespaces/index.js';
import type { Link, NewLink, Rtnetlink } from '../rtnetlink/index.js';
import { Clients, configure, type HelperOptions, type InterfaceOptions } from './interface.js';
import { asWhole, type Undo } from './undo.js';

interface Creation {
  /** The kind and attributes of the link. */
  readonly link: NewLink & { readonly name: string };
  /** Where the link's parent or underlay is: the namespace that the request is made in. */
  readonly from: Netns | undefined;
  readonly settings: InterfaceOptions;
  /** More to do once the link is configured; `client` is in the link's namespace. */
  readonly then?: ((client: Rtnetlink, link: Link, undo: Undo) => Promise<unknown>) | undefined;
}

/** Creates one link, directly in the namespace it is for, and configures it there; as a whole. */
export async function createLink({ link, from, settings, then }: Creation, options: HelperOptions): Promise<Link> {
  const { client: given, ...call } = options;
  const clients = new Clients(from, given);
  try {
    return await asWhole(async (undo) => {
      const { netns } = settings;
      const creator = await clients.in(from);
      const home = await clients.in(netns);
      await creator.link.add(home === creator ? link : { ...link, netns: clients.handle(netns) }, call);
      undo(() => home.link.delete(link.name));
      const made = await configure(home, link.name, settings, call);
      await then?.(home, made, undo);
      return made;
    });
  } finally {
    await clients.close();
  }
}
