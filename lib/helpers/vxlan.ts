import type { Netns } from '../namespaces/index.js';
import type { DataIn, Link, LinkRef } from '../rtnetlink/index.js';
import { createLink } from './create.js';
import type { HelperOptions, InterfaceOptions, LinkOptions } from './interface.js';

/** Something behind another host: packets to `mac` go to that host. */
export interface VxlanRemote {
  /** Its MAC; all zeros for packets that no other entry is for. */
  readonly mac: string;
  /** The address of the host that it is on. */
  readonly dst: string;
  /** Its own IP address, for a neighbour entry: with `proxy`, ARP for it is answered here. */
  readonly ip?: string | undefined;
}

export type VxlanOptions = LinkOptions &
  InterfaceOptions & {
    /** The VXLAN's own settings; at least its `id`. */
    readonly data: Omit<DataIn<'vxlan'>, 'link'> & { readonly link?: LinkRef | undefined };
    /** The namespace that the encapsulated packets travel in; without it, the one the link lives in. */
    readonly underlay?: Netns | undefined;
    /** What is known to be behind other hosts: static forwarding and neighbour entries. */
    readonly remotes?: readonly VxlanRemote[] | undefined;
  };

/** Makes a VXLAN link with its forwarding entries, as Docker's overlay driver does; as a whole. */
export async function createVxlan(vxlan: VxlanOptions, options: HelperOptions = {}): Promise<Link> {
  const { netns, master, up, addresses, routes, data, underlay = netns, remotes = [], ...link } = vxlan;
  const call = { signal: options.signal, timeout: options.timeout };
  return createLink(
    {
      link: { ...link, kind: 'vxlan', data },
      from: underlay,
      settings: { netns, master, up, addresses, routes },
      then: async (client, { index }) => {
        for (const { mac, dst, ip } of remotes) {
          await client.fdb.append({ link: index, mac, dst }, call);
          if (ip !== undefined) await client.neighbour.replace({ link: index, to: ip, lladdr: mac }, call);
        }
      },
    },
    options,
  );
}
