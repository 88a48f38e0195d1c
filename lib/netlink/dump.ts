import { EMSGSIZE, errnoName } from '../errno.js';
import { ClosedError, CodecError, DumpInterruptedError, KernelError, TimeoutError } from '../errors.js';
import { LITTLE_ENDIAN, Writer } from '../wire/writer.js';
import { dumpBuffers, streamBuffers, type BufferPool } from './buffers.js';
import { NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NLMSG_HDRLEN, NLMSG_MIN_TYPE } from './constants.js';
import { requestChannel } from './diagnostics.js';
import { kernelError, readAck, readDone } from './extack.js';
import { failure } from './failure.js';
import { Flattened } from './flattened.js';
import { givingWay } from './give-way.js';
import { limit } from './limit.js';
import { messageSize } from './message.js';
import { checkCallOptions, type CallOptions } from './options.js';
import { writeRequest, type Request } from './request.js';
import type { Channel } from './source.js';

/** How often a dump that the kernel calls inconsistent is made anew before that becomes the caller's problem. */
const ATTEMPTS = 8;

/** How a dump is received, in parts of a buffer each. */
interface Way {
  readonly buffers: BufferPool;
  /** How many parts are asked for at the beginning, and at most: one more whenever one has arrived. */
  readonly first: number;
  readonly most: number;
  /** The most that a datagram is expected to have; 0: each is asked for its length. */
  readonly longest: number;
}

/**
 * Kernel: net/netlink/af_netlink.c, netlink_dump. It fills 32 KiB, and more only where one object takes more. To ask for the
 * length of a datagram has the kernel make the next one: in the end megabytes would wait to be decoded when it is done.
 */
const LONGEST_EXPECTED = 64 * 1024;

/** For an array: the thread that receives goes on while this one decodes, and also while it collects garbage. */
const AS_ARRAY: Way = { buffers: dumpBuffers, first: 3, most: 16, longest: LONGEST_EXPECTED };
/** Where more has come than was expected. */
const AS_ARRAY_OF_ANY: Way = { ...AS_ARRAY, longest: 0 };
/** Iterated over: with more, results would follow each other so closely that the event loop got no turn until the end. */
const AS_STREAM: Way = { buffers: streamBuffers, first: 1, most: 1, longest: 0 };

/** What a dump needs of its connection. */
export interface DumpHost {
  isClosed(): boolean;
  sequence(): number;
  borrow(): Promise<Channel>;
  borrowSync(): Channel;
  giveBack(channel: Channel, healthy: boolean): void;
}

/** A request, or how to come by it: names may have to be looked up first. */
export type Asked<T> = Request<T> | (() => Promise<Request<T>>);

/** One pass over the kernel's objects. */
class Pass<T> {
  done = false;
  /** Changes came between, or a datagram was longer than expected and is lost. */
  interrupted = false;
  /** The latter. */
  cut = false;
  readonly #request: Request<T>;
  readonly sequence: number;
  readonly #writer = new Writer(256);

  constructor(host: DumpHost, request: Request<T>) {
    this.#request = request;
    this.sequence = host.sequence();
    writeRequest(this.#writer, request, this.sequence);
    if (requestChannel.hasSubscribers) requestChannel.publish({ operation: request.operation, value: request.value });
  }

  get operation(): string {
    return this.#request.operation;
  }

  get bytes(): Uint8Array {
    return this.#writer.bytes.subarray(0, this.#writer.length);
  }

  /** Appends the objects in `length` bytes of messages to `out`; without it, only sees whether they are the end. */
  decode(bytes: Uint8Array, length: number, out: T[] | undefined): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, length);
    const decode = this.#request.decode!;
    let at = 0;
    while (at < length) {
      const size = messageSize(view, at);
      if (size < NLMSG_HDRLEN || size > length - at) {
        throw new CodecError(this.#request.subject, `a netlink message of ${size} bytes where ${length - at} are left`);
      }
      if (view.getUint32(at + 8, LITTLE_ENDIAN) === this.sequence) {
        const type = view.getUint16(at + 4, LITTLE_ENDIAN);
        if ((view.getUint16(at + 6, LITTLE_ENDIAN) & NLM_F_DUMP_INTR) !== 0) this.interrupted = true;
        if (type >= NLMSG_MIN_TYPE) {
          if (out !== undefined) {
            const object = this.#decodeOne(decode, view, at + NLMSG_HDRLEN, at + size, type);
            if (object !== undefined) out.push(object);
          }
        } else if (type === NLMSG_DONE || type === NLMSG_ERROR) {
          this.#end(view, at, at + size, type);
        }
      }
      at += (size + 3) & ~3;
    }
  }

  *objects(kept: readonly Uint8Array[]): Generator<T, void, undefined> {
    const out: T[] = [];
    for (const bytes of kept) {
      this.decode(bytes, bytes.length, out);
      yield* out.splice(0);
    }
  }

  /** The error for a negative errno of an exchange. */
  failure(result: number): Error {
    // Of the kernel's objects one does not fit into what it lists with; see `Dump`.
    if (result === -EMSGSIZE) return new KernelError({ errno: EMSGSIZE, operation: this.#request.operation });
    return failure(result);
  }

  #decodeOne(
    decode: NonNullable<Request<T>['decode']>,
    view: DataView,
    at: number,
    end: number,
    type: number,
  ): T | undefined {
    try {
      return decode(view, at, end, type);
    } catch (error) {
      throw error instanceof CodecError ? error.within(this.#request.subject) : error;
    }
  }

  #end(view: DataView, at: number, end: number, type: number): void {
    this.done = true;
    const ack = type === NLMSG_DONE ? readDone(view, at, end) : readAck(view, at, end);
    if (ack.errno !== 0 && errnoName(ack.errno) !== this.#request.emptyOn)
      throw kernelError(this.#request, ack, this.#writer.view, 0, this.#writer.length);
  }
}

/**
 * All objects of a kind, not asked for until it is iterated over or awaited.
 *
 * Awaited, it is an array; a dump that changes interrupted is made anew. Iterated over, the objects come as the kernel
 * hands them out and memory stays flat; since what was handed out cannot be taken back, a dump that changes interrupted
 * ends in a `DumpInterruptedError` after its last object.
 *
 * Memory and pauses of the event loop: 200,000 routes awaited are some 100 MB of objects, and collecting that garbage stops
 * JavaScript for up to 55 ms at a time. Iterated over, they take next to no memory, and nothing waits for longer than 6 ms.
 *
 * The kernel lists objects in parts of 32 KiB. `KernelError` with the code EMSGSIZE: a single one is longer, which only a route with
 * some 2,000 next hops is, so that neither it nor those behind it can be listed.
 */
export class Dump<T> implements PromiseLike<T[]>, AsyncIterable<T> {
  readonly #host: DumpHost;
  readonly #request: Asked<T>;
  readonly #options: CallOptions | undefined;
  #array: Promise<T[]> | undefined;

  constructor(host: DumpHost, request: Asked<T>, options: CallOptions | undefined) {
    this.#host = host;
    this.#request = request;
    this.#options = options;
  }

  then<A = T[], B = never>(
    onFulfilled?: ((value: T[]) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return (this.#array ??= this.#collect()).then(onFulfilled, onRejected);
  }

  catch<B = never>(onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<T[] | B> {
    return this.then(undefined, onRejected);
  }

  finally(onFinally?: (() => void) | null): Promise<T[]> {
    return this.then().finally(onFinally);
  }

  async #ask(): Promise<Request<T>> {
    return typeof this.#request === 'function' ? this.#request() : this.#request;
  }

  async #collect(): Promise<T[]> {
    const request = await this.#ask();
    let way = AS_ARRAY;
    for (let attempt = 1; ; attempt++) {
      const out: T[] = [];
      const pass = new Pass(this.#host, request);
      const chunks = this.#receive(pass, way, (bytes, length) => pass.decode(bytes, length, out));
      while ((await chunks.next()).done !== true);
      if (!pass.interrupted) return out;
      if (pass.cut) way = AS_ARRAY_OF_ANY;
      if (attempt === ATTEMPTS) throw new DumpInterruptedError(request.operation, attempt, out);
    }
  }

  /**
   * All objects, kept as the bytes that came, and decoded when they are iterated over: many at a time would have the garbage
   * collector move them all. A list that changes interrupted is made anew.
   */
  async kept(): Promise<Iterable<T>> {
    const request = await this.#ask();
    let way = AS_ARRAY;
    for (let attempt = 1; ; attempt++) {
      const kept: Uint8Array[] = [];
      const pass = new Pass(this.#host, request);
      const chunks = this.#receive(pass, way, (bytes, length) => {
        pass.decode(bytes, length, undefined);
        kept.push(bytes.slice(0, length));
      });
      while ((await chunks.next()).done !== true);
      if (!pass.interrupted) return pass.objects(kept);
      if (pass.cut) way = AS_ARRAY_OF_ANY;
      if (attempt === ATTEMPTS) throw new DumpInterruptedError(request.operation, attempt, [...pass.objects(kept)]);
    }
  }

  /** The objects one after the other; asked for when the first one is. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    return new Flattened(this.#chunks());
  }

  async *#chunks(): AsyncGenerator<T[], void, undefined> {
    const pass = new Pass(this.#host, await this.#ask());
    const out: T[] = [];
    const take = (bytes: Uint8Array, length: number) => pass.decode(bytes, length, out);
    for await (const _ of this.#receive(pass, AS_STREAM, take)) yield out.splice(0);
    if (pass.interrupted) throw new DumpInterruptedError(pass.operation, 1, []);
  }

  /** Gives `take` chunk after chunk, while the next one is being received in a pool thread. */
  async *#receive(
    pass: Pass<T>,
    way: Way,
    take: (bytes: Uint8Array, length: number) => void,
  ): AsyncGenerator<void, void, undefined> {
    const { buffers, first, most, longest } = way;
    const limits = checkCallOptions(this.#options);
    limits?.signal?.throwIfAborted();
    const channel = await this.#host.borrow();
    let given: { error: unknown } | undefined;
    const giveUp = (error: unknown) => {
      given ??= { error };
      channel.close();
    };
    const release = limits && limit(limits, () => pass.operation, giveUp);
    const giveWay = givingWay();
    /** The exchanges under way, first in first out: while one part is being decoded, the next ones are being received. */
    const under: { readonly into: Uint8Array; readonly received: Promise<number> }[] = [];
    const start = (request: Uint8Array | null, least = 0) => {
      const into = buffers.take(least);
      under.push({ into, received: channel.exchange(request, into, pass.sequence, -1, longest) });
    };
    start(pass.bytes);
    while (under.length < first) start(null);
    try {
      while (!pass.done) {
        const { into, received: promise } = under[0]!;
        const received = await promise;
        if (given !== undefined) throw given.error;
        if (received === -EMSGSIZE && longest > 0) {
          pass.interrupted = pass.cut = true;
          return;
        }
        if (received < 0) throw this.#host.isClosed() ? new ClosedError('the client') : pass.failure(received);
        under.shift();
        const fits = received <= into.length;
        if (received > 0) {
          start(null, fits ? 0 : received);
          if (under.length < most) start(null);
        }
        if (fits) {
          take(into, received);
          yield;
        }
        buffers.give(into);
        const turn = giveWay();
        if (turn !== undefined) await turn;
      }
    } finally {
      release?.();
      // Those behind the end have nothing to receive. Where there was none, a buffer may still be written to.
      const isAtRest = pass.done && given === undefined;
      if (isAtRest) for (const { into, received } of under) if ((await received) >= 0) buffers.give(into);
      this.#host.giveBack(channel, isAtRest);
    }
  }
}

/** The same on the calling thread: an array, made anew when changes interrupted it. */
export function dumpSync<T>(host: DumpHost, request: Request<T>, options: CallOptions | undefined): T[] {
  for (let attempt = 1; ; attempt++) {
    const out: T[] = [];
    const pass = new Pass(host, request);
    receiveSync(host, pass, request.operation, options?.timeout ?? -1, out);
    if (!pass.interrupted) return out;
    if (attempt === ATTEMPTS) throw new DumpInterruptedError(request.operation, attempt, out);
  }
}

function receiveSync<T>(host: DumpHost, pass: Pass<T>, operation: string, timeout: number, out: T[]): void {
  const channel = host.borrowSync();
  let into = dumpBuffers.take();
  try {
    for (let bytes: Uint8Array | null = pass.bytes; !pass.done; bytes = null) {
      const received = channel.exchangeSync(bytes, into, pass.sequence, timeout, 0);
      if (received < 0) throw pass.failure(received);
      if (received === 0) throw new TimeoutError(operation, timeout);
      if (received > into.length) into = dumpBuffers.take(received);
      else pass.decode(into, received, out);
    }
  } finally {
    dumpBuffers.give(into);
    host.giveBack(channel, pass.done);
  }
}
