import { Netns, NetnsCreation, type NetnsCreateOptions } from '../namespaces/index.js';
import { Rtnetlink, type Link, type LinkChange } from '../rtnetlink/index.js';
import { ArgumentError, ClosedError } from '../errors.js';
import { checkKeys, checkSwitch } from '../options.js';
import { allDone, apart, checkInterface, configure, furnish, givenOf, INTERFACE, isMore } from './interface.js';
import { inNames, NOTHING, type Names } from './names.js';
import { operate, type HelperOptions } from './operation.js';
import { parted, type VethEnd } from './veth.js';

const LOOPBACK = 1;
/**
 * The far end's index. Each namespace counts for itself, and a new one has, beside the loopback link, at most the dozen of
 * tunnels that some modules put into all (net.core.fb_tunnels_only_for_init_net).
 */
const FAR_INDEX = 32;
/** Whether the kernel is known to send back the links that it makes. Else they are asked for. */
let kernelEchoes = false;

const NAMES: Names = [
  ['link.data(veth).peer', 'sandbox.near', INTERFACE],
  ['link', 'sandbox.far', INTERFACE],
];
const NEAR: Names = [['link', 'sandbox.near']];
const FAR: Names = [['link', 'sandbox.far']];

export interface SandboxOptions extends NetnsCreateOptions {
  /** Whether the loopback link is up: unless said, it is. */
  readonly loopback?: boolean | undefined;
  /** The end of the veth pair outside, in `near.netns` or the namespace of the process. */
  readonly near: VethEnd;
  /** The end inside. */
  readonly far: Omit<VethEnd, 'netns' | 'master'>;
}

/** A namespace with a link into it. */
export interface Sandbox {
  /** The namespace: the caller closes it. */
  readonly netns: Netns;
  /**
   * The end inside as it was made, before the one outside came up. Its `link` is the index of that one; its own is 32, unless another
   * was asked for.
   */
  readonly link: Link;
}

/**
 * Makes a network namespace with a veth pair into it: what container runtimes call a sandbox. As a whole, and in as few
 * trips to the kernel as there can be: the thread that makes the namespace also makes the pair, gives the far end its
 * addresses and routes, and the near end its master.
 *
 * @example
 * ```ts
 * import { createSandbox } from 'netlace';
 *
 * const { netns, link } = await createSandbox({
 *   near: { name: 'veth-web', addresses: ['10.3.0.1/24'], up: true },
 *   far: { name: 'eth0', addresses: ['10.3.0.2/24'], routes: [{ to: 'default', via: '10.3.0.1' }], up: true },
 * });
 * console.log(link.address);
 * netns.close();
 * ```
 */
export async function createSandbox(sandbox: SandboxOptions, options: HelperOptions = {}): Promise<Sandbox> {
  const { near, far, loopback = true, ...created } = checkSandbox(sandbox);
  const { link: nearLink, settings: nearby } = parted(near);
  const { link: farLink, settings: inside } = parted(far);
  return operate('createSandbox', near.netns, options, async (operation) => {
    const { clients, call, undo } = operation;
    const { addresses, routes } = nearby;
    const outer = apart('sandbox.near', nearLink, nearby.master);
    const inner = apart('sandbox.far', farLink, undefined);
    const change = givenOf(nearby);
    const home = await clients.in(near.netns);
    const creation = creationOf(created, home);
    call.signal?.throwIfAborted();
    const client = clients.add(await Rtnetlink.over(creation.inside));
    const hasChange = Object.keys(change).length > 0;
    const other = hasChange ? clients.add(await Rtnetlink.over(creation.outside)) : undefined;
    const added = inNames(
      NAMES,
      client.link.addWithEcho({
        index: FAR_INDEX,
        ...inner.first,
        ...givenOf(inside),
        kind: 'veth',
        data: { peer: Object.assign({}, outer.first, clients.place(near.netns)) },
      }),
      NOTHING,
    );
    undo(async () => {
      const [made, linked] = await Promise.allSettled([creation.netns, added]);
      if (linked.status === 'fulfilled') await home.link.delete(linked.value?.link ?? near.name);
      if (made.status === 'rejected') return;
      if (created.name !== undefined) Netns.delete(created.name);
      made.value.close();
    });
    const index = farLink.index ?? FAR_INDEX;
    const given = furnish(operation, client, index, 'sandbox.far', inside);
    // Nobody else has the index in a new namespace: so this may travel along.
    if (inner.rest.later !== undefined)
      given.push(inNames(FAR, client.link.set(index, inner.rest.later as LinkChange, call)));
    if (inner.rest.altNames.length > 0)
      given.push(inNames(FAR, client.link.addAltNames(index, inner.rest.altNames, call)));
    const [netns, echo, asked] = await allDone([
      netnsOf(creation, client, added),
      added,
      kernelEchoes ? undefined : client.link.get(index, call),
      ...given,
      loopback ? client.link.set(LOOPBACK, { up: true }, call) : undefined,
      other === undefined ? undefined : inNames(NEAR, other.link.set(near.name, change, call)),
    ]);
    if (echo !== undefined) kernelEchoes = true;
    // Short of memory it does not.
    const first = echo ?? asked ?? (await client.link.get(index, call));
    const link = isMore(inner.rest) ? await client.link.get(index, call) : first;
    if (addresses !== undefined || routes !== undefined || isMore(outer.rest))
      await configure(operation, home, link.link!, 'sandbox.near', { addresses, routes }, outer.rest);
    return { netns, link };
  });
}

function creationOf(options: NetnsCreateOptions, outside: Rtnetlink): NetnsCreation {
  try {
    return new NetnsCreation({ outside, ...options });
  } catch (error) {
    // The namespace's options are the sandbox's here.
    if (!(error instanceof ArgumentError)) throw error;
    throw new ArgumentError(error.argument.replace(/^options/, 'sandbox'), error.reason);
  }
}

/** The namespace, when what must be in it is; or why there is not the one or the other. */
async function netnsOf(creation: NetnsCreation, client: Rtnetlink, added: Promise<unknown>): Promise<Netns> {
  try {
    await added;
  } catch (error) {
    // If nothing went along, because it could not be written, nothing will.
    client.close();
    const failure: unknown = await creation.netns.then(
      () => error,
      (reason: unknown) => reason,
    );
    throw failure instanceof ClosedError ? error : failure;
  }
  return creation.netns;
}

function checkSandbox(sandbox: SandboxOptions): SandboxOptions {
  const own = checkKeys('sandbox', sandbox, ['name', 'loopback', 'rootless', 'near', 'far']);
  for (const key of ['loopback', 'rootless'] as const) checkSwitch(`sandbox.${key}`, own[key]);
  const near = checkInterface('sandbox.near', own.near);
  const far = checkInterface<VethEnd>('sandbox.far', own.far);
  if (far.netns !== undefined) throw new ArgumentError('sandbox.far.netns', 'is the namespace that is made');
  if (far.master !== undefined) throw new ArgumentError('sandbox.far.master', 'is none: the namespace is a new one');
  return Object.assign({}, own, { near, far });
}
