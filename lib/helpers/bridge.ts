import type { Netns } from '../namespaces/index.js';
import type { DataIn, Link, LinkRef, PortIn } from '../rtnetlink/index.js';
import { createLink } from './create.js';
import { Clients, type HelperOptions, type InterfaceOptions, type LinkOptions } from './interface.js';
import { asWhole } from './undo.js';

export type BridgeOptions = LinkOptions &
  InterfaceOptions & {
    /** The bridge's own settings. */
    readonly data?: DataIn<'bridge'> | undefined;
    /** Links of the namespace to attach. */
    readonly ports?: readonly LinkRef[] | undefined;
  };

/** Makes a bridge with its addresses and ports; as a whole: on failure the ports have the masters that they had. */
export async function createBridge(bridge: BridgeOptions, options: HelperOptions = {}): Promise<Link> {
  const { netns, master, up, addresses, routes, ports = [], data, ...link } = bridge;
  const call = { signal: options.signal, timeout: options.timeout };
  return createLink(
    {
      link: { ...link, kind: 'bridge', data },
      from: netns,
      settings: { netns, master, up, addresses, routes },
      then: async (client, made, undo) => {
        for (const port of ports) {
          const before = await client.link.get(port, call);
          await client.link.set(before.index, { master: made.index }, call);
          undo(() => client.link.set(before.index, { master: before.master ?? null }));
        }
      },
    },
    options,
  );
}

export interface AttachOptions {
  /** The link to attach. */
  readonly link: LinkRef;
  /** The bridge, in the same namespace. */
  readonly bridge: LinkRef;
  readonly netns?: Netns | undefined;
  /** Settings of the port. */
  readonly port?: PortIn<'bridge'> | undefined;
}

/** Makes a link a port of a bridge, with the port's settings; as a whole. */
export async function attachToBridge(
  { link, bridge, netns, port }: AttachOptions,
  options: HelperOptions = {},
): Promise<Link> {
  const { client: given, ...call } = options;
  const clients = new Clients(netns, given);
  try {
    return await asWhole(async (undo) => {
      const client = await clients.in(netns);
      const before = await client.link.get(link, call);
      await client.link.set(before.index, { master: bridge }, call);
      undo(() => client.link.set(before.index, { master: before.master ?? null }));
      // The port's settings are looked up at the master that the link has before the request: so it takes a second one.
      if (port !== undefined) await client.link.set(before.index, { portKind: 'bridge', port }, call);
      return client.link.get(before.index, call);
    });
  } finally {
    await clients.close();
  }
}

/** Takes a link from the bridge (or other master) that it is a port of. */
export async function detachFromBridge(
  { link, netns }: Pick<AttachOptions, 'link' | 'netns'>,
  options: HelperOptions = {},
): Promise<void> {
  const { client: given, ...call } = options;
  const clients = new Clients(netns, given);
  try {
    await (await clients.in(netns)).link.set(link, { master: null }, call);
  } finally {
    await clients.close();
  }
}
