import { ArgumentError } from '../errors.js';
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
import { inNames } from './names.js';
import { operate, type HelperOptions } from './operation.js';

/** Something behind another host: packets to `mac` go to that host. */
export interface VxlanRemote {
  /** Its MAC; all zeros for packets that no other entry is for. Only that and multicast ones may be there several times. */
  readonly mac: string;
  /** The address of the host that it is on. */
  readonly dst: string;
  /** Its own IP address, for a neighbour entry: with `proxy`, ARP for it is answered here. */
  readonly ip?: string | undefined;
}

/** A VXLAN link to make. */
export type VxlanOptions = LinkOptions &
  InterfaceOptions & {
    /** The VXLAN's own settings; at least its `id`, or `collectMetadata`. */
    readonly data: Omit<DataIn<'vxlan'>, 'link'> & { readonly link?: LinkRef | undefined };
    /** The namespace that the encapsulated packets travel in; without it, the one the link lives in. */
    readonly underlay?: Netns | undefined;
    /** What is known to be behind other hosts: static forwarding and neighbour entries. */
    readonly remotes?: readonly VxlanRemote[] | undefined;
  };

const REMOTE = ['mac', 'dst', 'ip'];

function checkData(data: VxlanOptions['data']): void {
  if (typeof data !== 'object' || data === null) throw new ArgumentError('vxlan.data', 'takes { id, ... }');
  // Without one the kernel makes it network 0.
  if (data.id === undefined && data.collectMetadata !== true) throw new ArgumentError('vxlan.data.id', 'is missing');
}

function checkRemotes(remotes: readonly VxlanRemote[]): void {
  const known = new Set<string>();
  for (const [index, given] of remotes.entries()) {
    const argument = `vxlan.remotes[${index}]`;
    const remote = checkKeys(argument, given, REMOTE);
    if (remote.dst === undefined) throw new ArgumentError(`${argument}.dst`, 'is missing');
    const mac = String(remote.mac).toLowerCase();
    // The kernel would leave it at the first.
    if (known.has(mac) && !takesSeveral(mac))
      throw new ArgumentError(`${argument}.mac`, 'has a destination; several are for all zeros and multicast');
    known.add(mac);
  }
}

/** Whether packets to the MAC may go to several hosts: to that of all zeros and multicast ones. */
function takesSeveral(mac: string): boolean {
  return mac === '00:00:00:00:00:00' || (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;
}

/** Makes a VXLAN link with its forwarding entries, as Docker's overlay driver does; as a whole. */
export async function createVxlan(vxlan: VxlanOptions, options: HelperOptions = {}): Promise<Link> {
  vxlan = checkInterface('vxlan', vxlan);
  checkNetns('vxlan.underlay', vxlan.underlay);
  checkList('vxlan.remotes', vxlan.remotes);
  checkData(vxlan.data);
  checkRemotes(vxlan.remotes ?? []);
  const { netns, master, up, addresses, routes, data, underlay = netns, remotes = [], ...link } = vxlan;
  return operate('createVxlan', underlay, options, async (operation) => {
    const { clients, call } = operation;
    const made = await createLink(operation, {
      argument: 'vxlan',
      link: Object.assign({}, link, { kind: 'vxlan' as const, data }),
      from: underlay,
      settings: { netns, master, up, addresses, routes },
    });
    const client = await clients.in(netns);
    const { index } = made;
    await allDone(
      remotes.flatMap(({ mac, dst, ip }, i) => [
        inNames([['fdb', `vxlan.remotes[${i}]`]], client.fdb.append({ link: index, mac, dst }, call)),
        ip === undefined
          ? undefined
          : inNames(
              [['neighbour.to', `vxlan.remotes[${i}].ip`]],
              client.neighbour.replace({ link: index, to: ip, lladdr: mac }, call),
            ),
      ]),
    );
    return made;
  });
}
