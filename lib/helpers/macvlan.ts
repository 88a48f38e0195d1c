import type { Netns } from '../namespaces/index.js';
import type { DataIn, Link, LinkRef } from '../rtnetlink/index.js';
import { createLink } from './create.js';
import { checkInterface, checkNetns, checkRef, type InterfaceOptions, type LinkOptions } from './interface.js';
import { operate, type HelperOptions } from './operation.js';

/** A macvlan to make. */
export type MacvlanOptions = LinkOptions &
  InterfaceOptions & {
    /** The link beneath, by name or index in its own namespace. */
    readonly link: LinkRef;
    /** The namespace of the link beneath; without it, that of the process. */
    readonly linkNetns?: Netns | undefined;
    /** The macvlan's own settings; mode `'bridge'` unless said. */
    readonly data?: DataIn<'macvlan'> | undefined;
  };

/** Makes a macvlan directly in the namespace that it is for, as Docker's macvlan driver does; as a whole. */
export async function createMacvlan(macvlan: MacvlanOptions, options: HelperOptions = {}): Promise<Link> {
  macvlan = checkInterface('macvlan', macvlan);
  checkRef('macvlan.link', macvlan.link);
  checkNetns('macvlan.linkNetns', macvlan.linkNetns);
  const { netns, master, up, addresses, routes, linkNetns, data, ...link } = macvlan;
  return operate('createMacvlan', linkNetns, options, (operation) =>
    createLink(operation, {
      argument: 'macvlan',
      link: Object.assign({}, link, {
        kind: 'macvlan' as const,
        data: Object.assign({}, data, { mode: data?.mode ?? 'bridge' }),
      }),
      from: linkNetns,
      settings: { netns, master, up, addresses, routes },
    }),
  );
}
