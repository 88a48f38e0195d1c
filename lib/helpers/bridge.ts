import type { Netns } from '../namespaces/index.js';
import { requests, type DataIn, type Link, type LinkRef, type PortIn, type Rtnetlink } from '../rtnetlink/index.js';
import { createLink } from './create.js';
import {
  allDone,
  checkInterface,
  checkList,
  checkNetns,
  checkRef,
  type InterfaceOptions,
  type LinkOptions,
} from './interface.js';
import { checkKeys } from '../options.js';
import { inNames, ofLinkRef, type Names } from './names.js';
import { operate, type HelperOptions, type Operation } from './operation.js';

/** A bridge to make. */
export type BridgeOptions = LinkOptions &
  InterfaceOptions & {
    /** The bridge's own settings. */
    readonly data?: DataIn<'bridge'> | undefined;
    /** Links of the namespace to attach. */
    readonly ports?: readonly LinkRef[] | undefined;
  };

/**
 * Makes a bridge with its addresses and ports; as a whole: on failure the ports have the masters and the settings that
 * they had. Static forwarding entries at ports of another bridge are lost by leaving it.
 */
export async function createBridge(bridge: BridgeOptions, options: HelperOptions = {}): Promise<Link> {
  const { netns, master, up, addresses, routes, ports = [], data, mtu, ...link } = checkInterface('bridge', bridge);
  checkList('bridge.ports', ports);
  return operate('createBridge', netns, options, async (operation) => {
    const { clients, call } = operation;
    const client = await clients.in(netns);
    const members = await allDone(
      ports.map((port, i) => inNames(ofLinkRef(`bridge.ports[${i}]`), client.link.get(port, call))),
    );
    const made = await createLink(operation, {
      argument: 'bridge',
      link: Object.assign({}, link, { kind: 'bridge' as const, data }),
      from: netns,
      settings: { netns, master, up, addresses, routes },
      own: ['ports'],
    });
    for (const [i, member] of members.entries())
      await inNames([['link.master', `bridge.ports[${i}]`]], giveMaster(operation, client, member, made.index));
    // Given at creation, the MTU would follow that of the ports from the first one on.
    if (mtu !== undefined) await inNames([['link', 'bridge']], client.link.set(made.index, { mtu }, call));
    // A bridge takes on a MAC, an MTU and a state from its ports.
    return mtu === undefined && members.length === 0 ? made : client.link.get(made.index, call);
  });
}

/** Makes a link, as it was read before, a port of `master`. */
async function giveMaster({ undo, call }: Operation, client: Rtnetlink, before: Link, master: LinkRef): Promise<void> {
  undo(() => restore(client, before));
  await client.link.set(before.index, { master }, call);
}

/** Gives a link the master that it had, and its settings as a port there. */
async function restore({ link }: Rtnetlink, before: Link): Promise<void> {
  await link.set(before.index, { master: before.master ?? null });
  if (before.portKind !== 'bridge' || before.port === undefined) return;
  // The state is the bridge's to find out, and cannot be set while the link is down.
  const { state: _state, ...port } = before.port;
  await link.set(before.index, { portKind: 'bridge', port });
}

/** A link and the bridge to attach it to. */
export interface AttachOptions {
  /** The link to attach. */
  readonly link: LinkRef;
  /** The bridge, in the same namespace. */
  readonly bridge: LinkRef;
  /** Where both are; the namespace of the process unless said. */
  readonly netns?: Netns | undefined;
  /** Settings of the port. */
  readonly port?: PortIn<'bridge'> | undefined;
}

const PORT: Names = [
  ['link.port(bridge)', 'attachment.port'],
  ['link', 'attachment.link'],
];
const MASTER: Names = [['link.master', 'attachment.bridge'], ...ofLinkRef('attachment.link')];

/** What is wrong with the settings themselves is found before the link leaves the master that it has. */
async function checkPort(port: AttachOptions['port']): Promise<void> {
  if (port === undefined) return;
  const written = typeof port.backupPort === 'string' ? Object.assign({}, port, { backupPort: undefined }) : port;
  requests.encodeRequest(requests.changeLink({ index: 1, portKind: 'bridge', port: written }));
}

/** Makes a link a port of a bridge, with the port's settings; as a whole. */
export async function attachToBridge(attachment: AttachOptions, options: HelperOptions = {}): Promise<Link> {
  const { link, bridge, netns, port } = checkKeys('attachment', attachment, ['link', 'bridge', 'netns', 'port']);
  checkRef('attachment.link', link);
  checkRef('attachment.bridge', bridge);
  checkNetns('attachment.netns', netns);
  await inNames(PORT, checkPort(port));
  return operate('attachToBridge', netns, options, async (operation) => {
    const { clients, call } = operation;
    const client = await clients.in(netns);
    const before = await inNames(ofLinkRef('attachment.link'), client.link.get(link, call));
    const { backupPort } = port ?? {};
    if (typeof backupPort === 'string')
      await inNames(ofLinkRef('attachment.port.backupPort'), client.link.get(backupPort, call));
    await inNames(MASTER, giveMaster(operation, client, before, bridge));
    // The port's settings are looked up at the master that the link has before the request: so it takes a second one.
    if (port !== undefined)
      await inNames(PORT, client.link.set(before.index, { portKind: 'bridge', port }, call), 'attachment.port');
    return client.link.get(before.index, call);
  });
}

/** Takes a link from the bridge (or other master) that it is a port of. */
export async function detachFromBridge(
  attachment: Pick<AttachOptions, 'link' | 'netns'>,
  options: HelperOptions = {},
): Promise<void> {
  const { link, netns } = checkKeys('attachment', attachment, ['link', 'netns']);
  checkRef('attachment.link', link);
  checkNetns('attachment.netns', netns);
  await operate('detachFromBridge', netns, options, async ({ clients, call }) => {
    const client = await clients.in(netns);
    await inNames(ofLinkRef('attachment.link'), client.link.set(link, { master: null }, call));
  });
}
