import { KernelError } from '../errors.js';
import type { Link, Rtnetlink } from '../rtnetlink/index.js';
import { isSame } from './clients.js';
import { allDone, checkInterface, configure, givenOf, type InterfaceOptions, type LinkOptions } from './interface.js';
import { make, operate, type HelperOptions } from './operation.js';

/** One end of a veth pair. */
export type VethEnd = LinkOptions & InterfaceOptions;

/** The settings of an end, apart from the link's own attributes. */
export function parted({ netns, master, up, addresses, routes, ...link }: VethEnd): {
  link: LinkOptions;
  settings: InterfaceOptions;
} {
  return { link, settings: { netns, master, up, addresses, routes } };
}

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
  checkInterface('near', near);
  checkInterface('far', far);
  const a = parted(near);
  const b = parted(far);
  return operate('createVethPair', near.netns, options, async (operation) => {
    const { clients, call } = operation;
    const nearby = await clients.in(near.netns);
    const { master, addresses, routes } = a.settings;
    const peer = isSame(near.netns, far.netns) ? b.link : Object.assign({}, b.link, clients.place(far.netns));
    const added = make(
      operation,
      // The near end may come up at once; the far one not before the pair is made.
      () =>
        nearby.link
          .add(Object.assign({}, a.link, { kind: 'veth' as const, ...givenOf(a.settings), data: { peer } }))
          .catch(async (error: unknown) => {
            // The kernel does not say which of the two names is taken.
            throw isExisting(error) && !(await isTaken(nearby, near.name)) ? taken(error, PEER_NAME, far.name) : error;
          }),
      () => nearby.link.delete(near.name),
    );
    // Behind a look-up the pair would come after what is asked for now.
    if (typeof master === 'string') await added;
    const [, made, inside] = await allDone([added, nearby.link.get(near.name, call), clients.in(far.netns)]);
    // A veth's link is its other end.
    const farIndex = made.link ?? (await inside.link.get(far.name, call)).index;
    const [farLink, nearLink] = await allDone([
      configure(operation, inside, farIndex, b.settings),
      addresses === undefined && routes === undefined
        ? made
        : configure(operation, nearby, made.index, { addresses, routes }),
    ]);
    return [nearLink, farLink];
  });
}

/** Whether something is there already. */
export function isExisting(error: unknown): error is KernelError {
  return error instanceof KernelError && error.code === 'EEXIST';
}

/** Whether a link has this name. */
export function isTaken({ link }: Rtnetlink, name: string): Promise<boolean> {
  return link.get(name).then(
    () => true,
    () => false,
  );
}

/** The name of the end that is the other one's peer. */
export const PEER_NAME = 'link.data(veth).peer.name';

/** The error, once it is known what is taken. */
export function taken({ errno, operation }: KernelError, path: string, value: unknown): KernelError {
  return new KernelError({ errno, operation, path, value });
}
