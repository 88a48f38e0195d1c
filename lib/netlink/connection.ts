import { ECANCELED, ENOBUFS } from '../errno.js';
import { ClosedError, CodecError, TimeoutError } from '../errors.js';
import { LITTLE_ENDIAN, Writer } from '../wire/writer.js';
import { ackBuffers, replyBuffers } from './buffers.js';
import { NLMSG_DONE, NLMSG_ERROR, NLMSG_HDRLEN, NLMSG_NOOP } from './constants.js';
import { requestChannel, warningChannel, type KernelWarning } from './diagnostics.js';
import { Dump, dumpSync, type Asked, type DumpHost } from './dump.js';
import { kernelError, readAck, readDone, type Ack } from './extack.js';
import { failure } from './failure.js';
import { checkCallOptions, type CallOptions } from './options.js';
import { messageSize } from './message.js';
import { writeRequest, type Request } from './request.js';
import type { Channel, Listener, OnDatagrams, Source } from './source.js';

/** The most requests in one send: their ACKs, of 768 bytes each in the kernel's accounting, fit into the least receive buffer. */
const BATCH_REQUESTS = 128;
/** A reply object takes the room of several ACKs. */
const REPLY_WEIGHT = 8;
/** Sent as soon as this many bytes have come together: the kernel works while the rest is being encoded. */
const BATCH_BYTES = 16 * 1024;
const IDLE_CHANNELS = 4;
/** Of an ACK with all that an extended one can say; the request itself is not sent back (NETLINK_CAP_ACK). */
const LONGEST_ACK = 1024;
const SPARE_WRITERS = 16;

/** A request on its way, and whom to tell. */
interface Pending {
  readonly request: Request<unknown>;
  readonly batch: Batch;
  readonly start: number;
  readonly end: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  result: unknown;
}

/** Requests that travel in one send. Its bytes are kept until the last answer, for the paths in errors. */
interface Batch {
  readonly writer: Writer;
  readonly sequences: number[];
  weight: number;
  /** Its exchange is over: what is still pending of it was sent, and waits for an answer. */
  sent: boolean;
}

export interface ConnectionOptions {
  /** Told what the kernel said beside a success. */
  readonly onWarning?: ((warning: KernelWarning) => void) | undefined;
}

/**
 * Requests and dumps over sockets in one namespace.
 *
 * Requests issued in the same tick travel together in one send, in order; what is issued while a batch is under way
 * follows behind it. A dump has a socket for itself, so that requests can be made while it is being read. A synchronous
 * request has one too, unless the requests' socket is at rest.
 */
export class Connection {
  readonly #source: Source;
  readonly #main: Channel;
  readonly #onWarning: ((warning: KernelWarning) => void) | undefined;
  readonly #pending = new Map<number, Pending>();
  readonly #idle: Channel[] = [];
  readonly #lent = new Set<Channel>();
  readonly #spareWriters: Writer[] = [];
  readonly #endListening = new Set<() => void>();
  #batch: Batch | undefined;
  #exchanges = 0;
  /** How many of the pending requests are answered with more than an ACK. */
  #objectsDue = 0;
  #sequence = 0;
  #closed = false;

  /** `main` is the socket for requests; more are opened from `source` as dumps need them. */
  constructor(source: Source, main: Channel, options: ConnectionOptions = {}) {
    this.#source = source;
    this.#main = main;
    this.#onWarning = options.onWarning;
  }

  /** Sends a request and resolves with the object that its reply decodes to, if it has one. */
  request<T>(request: Request<T>, options?: CallOptions): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      checkCallOptions(options);
      if (this.#closed) throw new ClosedError('the client');
      options?.signal?.throwIfAborted();
      const sequence = this.#append(request, resolve as (value: unknown) => void, reject);
      if (options !== undefined) this.#limit(sequence, request.operation, options);
    });
  }

  #append(request: Request<unknown>, resolve: (value: unknown) => void, reject: (error: unknown) => void): number {
    const weight = request.decode === undefined ? 1 : REPLY_WEIGHT;
    let batch = this.#batch;
    if (batch !== undefined && batch.weight + weight > BATCH_REQUESTS) {
      this.#flush(batch);
      batch = undefined;
    }
    if (batch === undefined) {
      batch = this.#batch = {
        writer: this.#spareWriters.pop() ?? new Writer(BATCH_BYTES + 4096),
        sequences: [],
        weight: 0,
        sent: false,
      };
      const opened = batch;
      queueMicrotask(() => {
        if (this.#batch === opened) this.#flush(opened);
      });
    }
    const sequence = this.#nextSequence();
    const start = batch.writer.length;
    writeRequest(batch.writer, request, sequence);
    if (requestChannel.hasSubscribers) requestChannel.publish({ operation: request.operation, value: request.value });
    batch.weight += weight;
    batch.sequences.push(sequence);
    this.#remember(sequence, {
      request,
      batch,
      start,
      end: batch.writer.length,
      resolve,
      reject,
      result: undefined,
    });
    if (batch.writer.length >= BATCH_BYTES) this.#flush(batch);
    return sequence;
  }

  /** Sequence numbers are unique among what is pending; 0 is what the kernel uses for events. */
  #nextSequence(): number {
    this.#sequence = this.#sequence === 0xffffffff ? 1 : this.#sequence + 1;
    return this.#sequence;
  }

  #limit(sequence: number, operation: string, { signal, timeout }: CallOptions): void {
    const pending = this.#pending.get(sequence)!;
    let timer: NodeJS.Timeout | undefined;
    const giveUp = (error: unknown) => {
      release();
      this.#withdraw(sequence);
      pending.reject(error);
    };
    const onAbort = () => giveUp(signal!.reason);
    const release = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    if (timeout !== undefined) timer = setTimeout(() => giveUp(new TimeoutError(operation, timeout)), timeout);
    signal?.addEventListener('abort', onAbort);
    const { resolve, reject } = pending;
    this.#pending.set(sequence, {
      ...pending,
      resolve: (value) => {
        release();
        resolve(value);
      },
      reject: (error) => {
        release();
        reject(error);
      },
    });
  }

  /**
   * Has the kernel pass over what has not been sent yet. What has been is carried out, and its answer still awaited for the sake
   * of those behind it; only nobody is told of it any more.
   */
  #withdraw(sequence: number): void {
    const pending = this.#pending.get(sequence);
    if (pending === undefined || pending.batch !== this.#batch) return;
    const { batch, start } = pending;
    batch.writer.view.setUint16(start + 4, NLMSG_NOOP, LITTLE_ENDIAN);
    batch.writer.view.setUint16(start + 6, 0, LITTLE_ENDIAN);
    batch.sequences.splice(batch.sequences.indexOf(sequence), 1);
    this.#forget(sequence);
  }

  #flush(batch: Batch): void {
    this.#batch = undefined;
    if (batch.sequences.length === 0) this.#retire(batch);
    else void this.#exchange(batch, batch.sequences.length);
  }

  #retire(batch: Batch): void {
    batch.writer.truncate(0);
    if (this.#spareWriters.length < SPARE_WRITERS) this.#spareWriters.push(batch.writer);
  }

  /** Sends `batch`, if there is one, and takes in as many ends of replies as are due. */
  async #exchange(batch: Batch | undefined, due: number, least = 0): Promise<void> {
    this.#exchanges++;
    const onlyAcks = this.#objectsDue === 0;
    const buffers = onlyAcks ? ackBuffers : replyBuffers;
    const into = buffers.take(least);
    const request = batch === undefined ? null : batch.writer.bytes.subarray(0, batch.writer.length);
    const received = await this.#main.exchange(request, into, due, -1, onlyAcks ? LONGEST_ACK : 0);
    this.#exchanges--;
    if (received > into.length) least = received;
    else if (received >= 0) this.#settle(into, received, (error) => this.#fail(this.#waiting(batch), () => error));
    else
      this.#fail(received === -ENOBUFS ? this.#waiting(batch) : (batch?.sequences ?? this.#waiting(batch)), () =>
        failure(received),
      );
    buffers.give(into);
    if (batch !== undefined) {
      batch.sent = true;
      // Behind a reply that needed more room than there was, later exchanges receive what this one did not.
      if (batch.sequences.every((sequence) => !this.#pending.has(sequence))) this.#retire(batch);
    }
    const rest = this.#sentButPending();
    if (this.#exchanges === 0 && rest > 0 && !this.#closed)
      void this.#exchange(undefined, rest, received > into.length ? least : 0);
  }

  #sentButPending(): number {
    return this.#pending.size - (this.#batch?.sequences.length ?? 0);
  }

  /** What waits for answers when the exchange of `batch` ends: its requests, and what is left of those sent before. */
  #waiting(batch: Batch | undefined): number[] {
    return [...this.#pending]
      .filter(([, pending]) => pending.batch.sent || pending.batch === batch)
      .map(([sequence]) => sequence);
  }

  #settle(bytes: Uint8Array, length: number, onMalformed: (error: CodecError) => void): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, length);
    let at = 0;
    while (at < length) {
      const size = messageSize(view, at);
      if (size < NLMSG_HDRLEN || size > length - at) {
        return onMalformed(new CodecError('', `a netlink message of ${size} bytes where ${length - at} are left`));
      }
      const sequence = view.getUint32(at + 8, LITTLE_ENDIAN);
      const pending = this.#pending.get(sequence);
      if (pending !== undefined) this.#take(pending, sequence, view, at, at + size);
      at += (size + 3) & ~3;
    }
  }

  #take(pending: Pending, sequence: number, view: DataView, at: number, end: number): void {
    const type = view.getUint16(at + 4, LITTLE_ENDIAN);
    try {
      if (type === NLMSG_ERROR || type === NLMSG_DONE) {
        this.#forget(sequence);
        const ack = type === NLMSG_DONE ? readDone(view, at, end) : readAck(view, at, end);
        if (ack.errno === 0) {
          if (ack.details.message !== undefined) this.#warn(pending.request, ack);
          pending.resolve(pending.result);
        } else {
          const { writer } = pending.batch;
          pending.reject(kernelError(pending.request, ack, writer.view, pending.start, pending.end));
        }
      } else if (pending.request.decode !== undefined) {
        pending.result = pending.request.decode(view, at + NLMSG_HDRLEN, end, type) ?? pending.result;
      }
    } catch (error) {
      pending.reject(error instanceof CodecError ? error.within(pending.request.subject) : error);
    }
  }

  #warn(request: Request<unknown>, ack: Ack): void {
    const warning: KernelWarning = { operation: request.operation, message: ack.details.message! };
    warningChannel.publish(warning);
    this.#onWarning?.(warning);
  }

  #fail(sequences: readonly number[], error: () => Error): void {
    for (const sequence of sequences) {
      this.#forget(sequence)?.reject(error());
    }
  }

  #remember(sequence: number, pending: Pending): void {
    this.#pending.set(sequence, pending);
    if (pending.request.decode !== undefined) this.#objectsDue++;
  }

  #forget(sequence: number): Pending | undefined {
    const pending = this.#pending.get(sequence);
    if (pending === undefined) return undefined;
    this.#pending.delete(sequence);
    if (pending.request.decode !== undefined) this.#objectsDue--;
    return pending;
  }

  /** The same request, at once: the kernel carries it out during the call. */
  requestSync<T>(request: Request<T>, options?: CallOptions): T {
    checkCallOptions(options);
    if (this.#closed) throw new ClosedError('the client');
    const sequence = this.#nextSequence();
    const writer = this.#spareWriters.pop() ?? new Writer();
    const batch: Batch = { writer, sequences: [sequence], weight: 1, sent: false };
    const atRest = this.#exchanges === 0;
    const channel = atRest ? this.#main : this.#borrowSync();
    let answer: { value?: T; error?: unknown } | undefined;
    try {
      writeRequest(writer, request, sequence);
      if (requestChannel.hasSubscribers) requestChannel.publish({ operation: request.operation, value: request.value });
      const pending: Pending = {
        request,
        batch,
        start: 0,
        end: writer.length,
        // The first counts, as with a promise.
        resolve: (value) => (answer ??= { value: value as T }),
        reject: (error) => (answer ??= { error }),
        result: undefined,
      };
      this.#remember(sequence, pending);
      this.#receiveSync(
        channel,
        writer.bytes.subarray(0, writer.length),
        request.operation,
        options?.timeout ?? -1,
        () => !this.#pending.has(sequence),
      );
    } finally {
      // A late answer to what was given up must not meet the next request.
      const healthy = this.#forget(sequence) === undefined;
      if (!atRest) this.#giveBack(channel, healthy);
      this.#retire(batch);
    }
    if ('error' in answer!) throw answer.error;
    return answer!.value as T;
  }

  #receiveSync(channel: Channel, bytes: Uint8Array, operation: string, timeout: number, answered: () => boolean): void {
    const onMalformed = (error: CodecError) => {
      throw error;
    };
    let request: Uint8Array | null = bytes;
    let least = 0;
    do {
      const into = replyBuffers.take(least);
      try {
        const received = channel.exchangeSync(request, into, 1, timeout, 0);
        request = null;
        if (received < 0) throw failure(received);
        if (received === 0) throw new TimeoutError(operation, timeout);
        if (received > into.length) least = received;
        else this.#settle(into, received, onMalformed);
      } finally {
        replyBuffers.give(into);
      }
    } while (!answered());
  }

  /** All objects that the kernel has of a kind: to iterate over as they arrive, or to await as an array. */
  dump<T>(request: Asked<T>, options?: CallOptions): Dump<T> {
    return new Dump(this.#dumpHost, request, options);
  }

  dumpSync<T>(request: Request<T>, options?: CallOptions): T[] {
    checkCallOptions(options);
    if (this.#closed) throw new ClosedError('the client');
    return dumpSync(this.#dumpHost, request, options);
  }

  readonly #dumpHost: DumpHost = {
    isClosed: () => this.#closed,
    sequence: () => this.#nextSequence(),
    borrow: () => this.#borrow(),
    borrowSync: () => this.#borrowSync(),
    giveBack: (channel, healthy) => this.#giveBack(channel, healthy),
  };

  async #borrow(): Promise<Channel> {
    const channel = this.#idle.pop() ?? (await this.#source.open());
    this.#lent.add(channel);
    if (this.#closed) {
      this.#giveBack(channel, false);
      throw new ClosedError('the client');
    }
    return channel;
  }

  #borrowSync(): Channel {
    const channel = this.#idle.pop() ?? this.#source.openSync();
    this.#lent.add(channel);
    return channel;
  }

  #giveBack(channel: Channel, healthy: boolean): void {
    this.#lent.delete(channel);
    if (healthy && !this.#closed && this.#idle.length < IDLE_CHANNELS) this.#idle.push(channel);
    else channel.close();
  }

  /** Listens to multicast groups, on a socket of its own. When the client is closed, `onDatagrams` is told ECANCELED. */
  async listen(groups: readonly number[], onDatagrams: OnDatagrams): Promise<Listener> {
    if (this.#closed) throw new ClosedError('the client');
    const listener = await this.#source.listen(groups, onDatagrams);
    const end = () => {
      listener.close();
      onDatagrams(null, ECANCELED);
    };
    if (this.#isClosed()) {
      listener.close();
      throw new ClosedError('the client');
    }
    this.#endListening.add(end);
    return {
      resume: () => listener.resume(),
      unref: () => listener.unref(),
      close: () => {
        this.#endListening.delete(end);
        listener.close();
      },
    };
  }

  /** While something was awaited, the client may have been closed. */
  #isClosed(): boolean {
    return this.#closed;
  }

  /** Rejects what is pending and closes the sockets. A second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#batch = undefined;
    for (const end of this.#endListening) end();
    this.#endListening.clear();
    this.#fail([...this.#pending.keys()], () => failure(-ECANCELED));
    for (const channel of [this.#main, ...this.#idle, ...this.#lent]) channel.close();
    this.#idle.length = 0;
    this.#source.close();
  }
}
