import { own } from '../own.js';
import { ECANCELED } from '../errno.js';
import { ArgumentError, ClosedError, UnsupportedError } from '../errors.js';
import type { NetlinkSocket } from '../native/addon.js';
import { NETLINK_ROUTE } from '../netlink/constants.js';
import { HeldChannel } from '../netlink/held-channel.js';
import { KernelSource } from '../netlink/kernel.js';
import type { Channel, Loan, Source } from '../netlink/source.js';
import { isFailure } from '../netlink/system-call.js';
import { checkCreateOptions, Netns, type NetnsCreateOptions } from './netns.js';
import { makeNetnsWith } from './rootless.js';

/** A client that lends sockets: `Rtnetlink`. */
export interface Lender {
  /** @internal */
  lend(): Promise<Loan>;
}

export interface NetnsCreationOptions extends NetnsCreateOptions {
  /** An open client outside, for the sake of `NetnsCreation.outside`. */
  readonly outside?: Lender | undefined;
}

/**
 * A network namespace that is made together with what shall be in it. The first requests of a client inside travel with
 * the creation: the thread that makes the namespace carries them out, which saves the trip to the kernel that they would
 * take on their own. So with the first requests of a client outside, which follow where none of those inside was refused.
 *
 * Nothing happens before there are requests inside. Those made in one tick go along, outside too, if they are not too many
 * for one send; what comes later goes the usual way, when the namespace is there. These clients take requests for single objects, with promises, and are to be closed afterwards: for
 * lists and watches others are opened.
 *
 * Where the namespace cannot be made, `netns` rejects with the reason, and the requests with `ClosedError`.
 *
 * `createSandbox` is this with a veth pair.
 *
 * @example
 * ```ts
 * import { NetnsCreation, Rtnetlink } from 'netlace';
 *
 * const creation = new NetnsCreation();
 * const inside = await Rtnetlink.over(creation.inside);
 * const [netns] = await Promise.all([
 *   creation.netns,
 *   inside.link.set('lo', { up: true }),
 *   inside.address.add({ link: 1, address: '10.4.0.1/32' }),
 * ]);
 * console.log(netns.ino);
 * inside.close();
 * netns.close();
 * ```
 */
export class NetnsCreation {
  /** The namespace, when it has been made and what goes along is done, or was refused. */
  readonly netns: Promise<Netns>;
  /** For `Rtnetlink.over`: a client inside. */
  readonly inside: Source;
  /** For `Rtnetlink.over`: a client outside, over a socket of `options.outside`. */
  readonly outside: Source;

  constructor(options: NetnsCreationOptions = {}) {
    const { outside: lender, ...given } = own(options);
    const created = checkCreateOptions(given);
    if (lender !== undefined && typeof lender?.lend !== 'function')
      throw new ArgumentError('options.outside', 'takes an open Rtnetlink client');
    const inside = new HeldChannel();
    const outside = new HeldChannel();
    if (lender === undefined)
      outside.refuse(() => new ArgumentError('options.outside', 'takes an open Rtnetlink client'));
    this.inside = inside;
    this.outside = outside;
    this.netns = create(created, inside, outside, lender);
    // Whoever waits for a request that goes along need not wait for this, too.
    this.netns.catch(() => {});
  }
}

/** The socket that was opened in a namespace when it was made; not taken before it is used. */
class FirstSocket implements Loan {
  readonly #netns: Netns;
  #socket: NetlinkSocket | undefined;

  constructor(netns: Netns) {
    this.#netns = netns;
  }

  get channel(): Channel {
    return (this.#socket ??= this.#take());
  }

  #take(): NetlinkSocket {
    const source = new KernelSource(NETLINK_ROUTE, this.#netns);
    try {
      return source.openSync();
    } finally {
      source.close();
    }
  }

  giveBack(): void {
    this.#socket?.close();
  }
}

/** Of exchanges that were not begun, or are undone. */
const CANCELED = { inside: -ECANCELED, outside: -ECANCELED };

async function create(
  options: NetnsCreateOptions,
  inside: HeldChannel,
  outside: HeldChannel,
  lender: Lender | undefined,
): Promise<Netns> {
  const first = await inside.first;
  outside.refuse(() => new UnsupportedError('a client outside has to be there before the first requests inside'));
  const following = outside.release();
  let results = CANCELED;
  let loan: Loan | null = null;
  let own: Loan | null = null;
  try {
    if (first === null) throw new ClosedError('the client inside');
    if (outside.isOpen) loan = await lender!.lend();
    const elsewhere: Parameters<typeof makeNetnsWith>[3] =
      following === undefined ? [] : [native(loan!), ...following.parameters];
    let made = CANCELED;
    const netns = await Netns.createBy(options, async (loopback, rootless) => {
      const result = await makeNetnsWith(loopback, rootless, first.parameters, elsewhere);
      if (!isFailure(result)) made = result;
      return result;
    });
    // Only now: what was made is gone again where the namespace could not be given its name.
    results = made;
    own = new FirstSocket(netns);
    return netns;
  } finally {
    first?.finish(results.inside);
    following?.finish(results.outside);
    inside.continueOver(own);
    outside.continueOver(loan);
  }
}

function native({ channel }: Loan): NetlinkSocket {
  if (!('portId' in channel)) throw new ArgumentError('options.outside', 'takes a client of the kernel');
  return channel as NetlinkSocket;
}
