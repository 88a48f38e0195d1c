import { ArgumentError } from '../errors.js';
import { bulk, type BulkCallOptions, type BulkOptions } from '../netlink/bulk.js';
import { Connection, type ConnectionOptions } from '../netlink/connection.js';
import { NETLINK_ROUTE } from '../netlink/constants.js';
import { KernelSource, type NetnsDescriptor } from '../netlink/kernel.js';
import type { CallOptions } from '../netlink/options.js';
import type { Request } from '../netlink/request.js';
import { asyncRunner, syncRunner } from '../netlink/runner.js';
import type { Loan, Source } from '../netlink/source.js';
import { Turns } from '../netlink/turns.js';
import { checkKeys, isDescriptor } from '../options.js';
import { LazyNouns, type Nouns } from './nouns.js';
import { Watch, type WatchedObject, type WatchOptions } from './watch.js';

/** Where a client acts, and whom it tells what the kernel remarks. */
export interface RtnetlinkOptions extends ConnectionOptions {
  /** The network namespace to act in; without it, that of the process. It may be closed once the client is open. */
  readonly netns?: NetnsDescriptor | undefined;
}

/**
 * A client of rtnetlink in one network namespace.
 *
 * Requests issued in the same tick travel in one send: `Promise.all` over a thousand of them costs little more than the
 * kernel's work. Those under `sync` are carried out during the call, which blocks the thread for as long as the kernel
 * takes: microseconds for most, some 30 ms for the deletion of a link.
 *
 * Reading needs no rights; changing needs CAP_NET_ADMIN in the user namespace that owns the network namespace.
 *
 * @example
 * ```ts
 * import { Rtnetlink } from 'netlace';
 *
 * const client = await Rtnetlink.open();
 * await client.link.add({ name: 'br0', kind: 'bridge', up: true });
 * await client.address.add({ link: 'br0', address: '10.1.0.1/24' });
 * for await (const link of client.link.list()) console.log(link.index, link.name, link.kind);
 * client.close();
 * ```
 */
export class Rtnetlink extends LazyNouns<'async'> {
  /** The same objects, synchronous. */
  readonly sync: Nouns<'sync'>;
  readonly #connection: Connection;
  readonly #turns: Turns;

  private constructor(connection: Connection) {
    const turns = new Turns(connection);
    super(asyncRunner(turns, connection, false), asyncRunner(turns, connection, true));
    this.#connection = connection;
    this.#turns = turns;
    const sync = syncRunner(connection);
    this.sync = new LazyNouns(sync, sync);
  }

  /** Opens a client. An open one that has nothing to do does not keep the process alive. */
  static async open(options: RtnetlinkOptions = {}): Promise<Rtnetlink> {
    const source = kernelSource(options);
    return Rtnetlink.#over(source, options, () => source.open());
  }

  /** The same at once. */
  static openSync(options: RtnetlinkOptions = {}): Rtnetlink {
    const source = kernelSource(options);
    try {
      return new Rtnetlink(new Connection(source, source.openSync(), options));
    } catch (error) {
      source.close();
      throw error;
    }
  }

  /** Over something else than the kernel: a `FakeKernel` of `netlace/testing`. */
  static async over(source: Source, options: ConnectionOptions = {}): Promise<Rtnetlink> {
    return Rtnetlink.#over(source, options, () => source.open());
  }

  static async #over(
    source: Source,
    options: ConnectionOptions,
    open: () => ReturnType<Source['open']>,
  ): Promise<Rtnetlink> {
    try {
      return new Rtnetlink(new Connection(source, await open(), options));
    } catch (error) {
      source.close();
      throw error;
    }
  }

  /** Tells what there is of these objects, then what changes, without a gap. */
  watch<O extends WatchedObject>(objects: readonly O[], options?: WatchOptions): Watch<O> {
    return new Watch(this.#connection, objects, options);
  }

  /**
   * Makes a call for each of many items: as many routes as a router has, say. They are taken from `items` some hundred at a time, while the
   * kernel works on those before, so that memory stays flat, a source is only asked for what can be carried out, and the event
   * loop gets its turn. Adding 20,000 routes so takes less time than by as many calls in one tick, which would keep everything else
   * waiting. Calls are made in the order of the items.
   *
   * Resolves with how many succeeded. The first failure ends it with a `BulkError`, which has the item and its index; calls for up to
   * 511 items behind that one may have been made by then. With `onError` all are tried.
   *
   * @example
   * ```ts
   * import { Rtnetlink } from 'netlace';
   *
   * const client = await Rtnetlink.open();
   * const routes = ['10.1.0.0/24', '10.1.1.0/24'].map((to) => ({ to, type: 'blackhole' as const }));
   * await client.bulk(routes, (route) => client.route.add(route));
   *
   * const failed: string[] = [];
   * const blackholes = await client.route.list({ type: 'blackhole' });
   * await client.bulk(blackholes, (route) => client.route.delete(route), { onError: (_, { to }) => failed.push(to) });
   * client.close();
   * ```
   */
  bulk<T>(
    items: Iterable<T> | AsyncIterable<T>,
    call: (item: T, options: BulkCallOptions, index: number) => Promise<unknown>,
    options?: BulkOptions<T>,
  ): Promise<number> {
    return bulk(items, call, options);
  }

  /** Sends a request that was made elsewhere. */
  request<T>(request: Request<T>, options?: CallOptions): Promise<T> {
    return this.#turns.request(request, true, options);
  }

  /** @internal */
  lend(): Promise<Loan> {
    return this.#connection.lend();
  }

  /** Rejects what is pending with `ClosedError`. A second call does nothing. */
  close(): void {
    this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

function kernelSource(options: RtnetlinkOptions): KernelSource {
  const { netns, onWarning } = checkKeys('options', options, ['netns', 'onWarning']);
  if (onWarning !== undefined && typeof onWarning !== 'function')
    throw new ArgumentError('options.onWarning', 'takes a function');
  if (netns !== undefined && (typeof netns !== 'object' || netns === null || !isDescriptor(netns.fd))) {
    throw new ArgumentError('options.netns', 'takes an open network namespace');
  }
  return new KernelSource(NETLINK_ROUTE, netns);
}
