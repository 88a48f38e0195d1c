import type { Netns } from '../namespaces/index.js';
import type { DataIn, Link, LinkRef } from '../rtnetlink/index.js';
import { createLink } from './create.js';
import {
  allDone,
  checkInterface,
  checkList,
  checkNetns,
  type InterfaceOptions,
  type LinkOptions,
} from './interface.js';
import { checkKeys } from '../options.js';
import { operate, type HelperOptions } from './operation.js';

/** Something behind another host: packets to `mac` go to that host. */
export interface VxlanRemote {
  /** Its MAC; all zeros for packets that no other entry is for. */
  readonly mac: string;
  /** The address of the host that it is on. */
  readonly dst: string;
  /** Its own IP address, for a neighbour entry: with `proxy`, ARP for it is answered here. */
  readonly ip?: string | undefined;
}

/** A VXLAN link to make. */
export type VxlanOptions = LinkOptions &
  InterfaceOptions & {
    /** The VXLAN's own settings; at least its `id`. */
    readonly data: Omit<DataIn<'vxlan'>, 'link'> & { readonly link?: LinkRef | undefined };
    /** The namespace that the encapsulated packets travel in; without it, the one the link lives in. */
    readonly underlay?: Netns | undefined;
    /** What is known to be behind other hosts: static forwarding and neighbour entries. */
    readonly remotes?: readonly VxlanRemote[] | undefined;
  };

const REMOTE = ['mac', 'dst', 'ip'];

/** Makes a VXLAN link with its forwarding entries, as Docker's overlay driver does; as a whole. */
export async function createVxlan(vxlan: VxlanOptions, options: HelperOptions = {}): Promise<Link> {
  checkInterface('vxlan', vxlan);
  checkNetns('vxlan.underlay', vxlan.underlay);
  checkList('vxlan.remotes', vxlan.remotes);
  vxlan.remotes?.forEach((remote, index) => checkKeys(`vxlan.remotes[${index}]`, remote, REMOTE));
  const { netns, master, up, addresses, routes, data, underlay = netns, remotes = [], ...link } = vxlan;
  return operate('createVxlan', underlay, options, async (operation) => {
    const { clients, call } = operation;
    const made = await createLink(operation, {
      link: Object.assign({}, link, { kind: 'vxlan' as const, data }),
      from: underlay,
      settings: { netns, master, up, addresses, routes },
    });
    const client = await clients.in(netns);
    const { index } = made;
    await allDone(
      remotes.flatMap(({ mac, dst, ip }) => [
        client.fdb.append({ link: index, mac, dst }, call),
        ip === undefined ? undefined : client.neighbour.replace({ link: index, to: ip, lladdr: mac }, call),
      ]),
    );
    return made;
  });
}
