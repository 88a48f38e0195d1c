import { ECANCELED, ENOBUFS } from '../errno.js';
import { ClosedError, CodecError, TimeoutError } from '../errors.js';
import { LITTLE_ENDIAN, Writer } from '../wire/writer.js';
import { ackBuffers, replyBuffers } from './buffers.js';
import { Batch, BATCH_BYTES, type Pending } from './batch.js';
import { NLMSG_DONE, NLMSG_ERROR, NLMSG_HDRLEN } from './constants.js';
import { requestChannel, warningChannel, type KernelWarning } from './diagnostics.js';
import { Dump, dumpSync, type Asked, type DumpHost } from './dump.js';
import { kernelError, readAck, readDone, type Ack } from './extack.js';
import { failure } from './failure.js';
import { checkCallOptions, type CallOptions } from './options.js';
import { limit } from './limit.js';
import { messageSize } from './message.js';
import { encodeRequest, writeRequest, type Request } from './request.js';
import type { Channel, Listener, Loan, OnDatagrams, Source } from './source.js';

const IDLE_CHANNELS = 4;
/** Of an ACK with all that an extended one can say; the request itself is not sent back (NETLINK_CAP_ACK). */
const LONGEST_ACK = 1024;
const SPARE_WRITERS = 16;
/** Of all connections: many live for a few requests. */
const spareWriters: Writer[] = [];

/** A request on its way, for `withdraw`. */
export interface Sent {
  readonly batch: Batch;
  readonly pending: Pending;
}

export interface ConnectionOptions {
  /** Told what the kernel said beside a success. To listen takes an ACK of each request, also of those that travel together. */
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
  /** Those with requests that are not answered, in the order in which they are sent. */
  readonly #batches: Batch[] = [];
  readonly #idle: Channel[] = [];
  readonly #lent = new Set<Channel>();
  readonly #endListening = new Set<() => void>();
  /** The one of this tick. */
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
      if (this.#closed) throw new ClosedError('the client');
      const limits = checkCallOptions(options);
      limits?.signal?.throwIfAborted();
      const sent = this.send(request, resolve as (value: unknown) => void, reject);
      if (limits !== undefined) this.#limit(sent, limits);
    });
  }

  /**
   * The same for somebody who keeps to his own limits: `resolve` or `reject` is called once, later, unless it is withdrawn. Throws
   * what cannot be written. `message` is what `prepare` made of the request.
   */
  send(request: Request<unknown>, resolve: Pending['resolve'], reject: Pending['reject'], message?: Uint8Array): Sent {
    if (this.#closed) throw new ClosedError('the client');
    const batch = this.#openBatch(request);
    // Reading the arguments may run code of the caller's, and what that asks for goes into another batch.
    this.#batch = undefined;
    try {
      return { batch, pending: this.#add(batch, request, resolve, reject, message) };
    } finally {
      if (this.#closed) this.#drop(batch);
      else if (this.#batch !== undefined || batch.isFull) this.#flush(batch);
      else this.#batch = batch;
    }
  }

  /** The request's message, for `send`: its arguments are read now. */
  prepare(request: Request<unknown>): Uint8Array {
    return encodeRequest(request, 0, this.#asksForAcks);
  }

  /** The batch that the request can go into. */
  #openBatch(request: Request<unknown>): Batch {
    if (this.#batch?.takes(request) === false) this.#flush(this.#batch);
    if (this.#batch !== undefined) return this.#batch;
    const batch = new Batch(spareWriters.pop() ?? new Writer(BATCH_BYTES + 4096));
    this.#batches.push(batch);
    queueMicrotask(() => {
      if (this.#batch === batch) this.#flush(batch);
    });
    return batch;
  }

  /** A warning comes with an ACK only. */
  get #asksForAcks(): boolean {
    return this.#onWarning !== undefined || warningChannel.hasSubscribers;
  }

  #add(
    batch: Batch,
    request: Request<unknown>,
    resolve: Pending['resolve'],
    reject: Pending['reject'],
    message?: Uint8Array,
  ): Pending {
    const start = batch.writer.length;
    if (message === undefined) writeRequest(batch.writer, request, 0, this.#asksForAcks);
    else batch.writer.append(message);
    if (this.#closed) {
      batch.writer.truncate(start);
      throw new ClosedError('the client');
    }
    const pending = batch.add(request, this.#nextSequence(), start, resolve, reject);
    if (request.decode !== undefined) this.#objectsDue++;
    if (requestChannel.hasSubscribers) requestChannel.publish({ operation: request.operation, value: request.value });
    return pending;
  }

  /** Sequence numbers are unique among what is pending; 0 is what the kernel uses for events. */
  #nextSequence(): number {
    this.#sequence = this.#sequence === 0xffffffff ? 1 : this.#sequence + 1;
    return this.#sequence;
  }

  #limit(sent: Sent, limits: CallOptions): void {
    const { pending } = sent;
    const { request, resolve, reject } = pending;
    const release = limit(
      limits,
      () => request.operation,
      (error) => {
        this.withdraw(sent);
        reject(error);
      },
    );
    pending.resolve = (value) => {
      release();
      resolve(value);
    };
    pending.reject = (error) => {
      release();
      reject(error);
    };
  }

  /**
   * Has the kernel pass over what has not been sent yet. What has been is carried out, and its answer still awaited for the sake
   * of those behind it; only nobody is told of it any more.
   */
  withdraw({ batch, pending }: Sent): void {
    if (batch !== this.#batch || batch.find(pending.sequence) !== pending) return;
    batch.withdraw(pending);
    if (pending.request.decode !== undefined) this.#objectsDue--;
  }

  /** Resolves when everything that was sent so far has been answered; undefined where it has been. */
  answered(): Promise<unknown> | undefined {
    return this.#batches.length === 0 ? undefined : Promise.all(this.#batches.map((batch) => batch.answered));
  }

  #flush(batch: Batch): void {
    if (this.#batch === batch) this.#batch = undefined;
    if (batch.pending > 0) {
      void this.#exchange(batch, batch.last);
    } else {
      this.#drop(batch);
      this.#retire(batch);
    }
  }

  /** Nothing of it is waited for any more. */
  #drop(batch: Batch): void {
    const place = this.#batches.indexOf(batch);
    if (place >= 0) this.#batches.splice(place, 1);
    batch.onAnswered?.();
  }

  #retire({ writer }: Batch): void {
    writer.truncate(0);
    if (spareWriters.length < SPARE_WRITERS) spareWriters.push(writer);
  }

  /** Sends `batch`, if there is one, and takes in what is answered up to the answer to the sequence number `last`. */
  async #exchange(batch: Batch | undefined, last: number, least = 0): Promise<void> {
    this.#exchanges++;
    const onlyAcks = this.#objectsDue === 0;
    const buffers = onlyAcks ? ackBuffers : replyBuffers;
    const into = buffers.take(least);
    const request = batch?.sealed() ?? null;
    const received = await this.#main.exchange(request, into, last, -1, onlyAcks ? LONGEST_ACK : 0);
    this.#exchanges--;
    if (received > into.length) least = received;
    else if (received >= 0) this.#settle(into, received, (error) => this.#fail(this.#waiting(batch), () => error));
    else
      this.#fail(batch === undefined || received === -ENOBUFS ? this.#waiting(batch) : [batch], () =>
        failure(received),
      );
    buffers.give(into);
    if (batch !== undefined) {
      batch.sent = true;
      // Behind a reply that needed more room than there was, later exchanges receive what this one did not.
      if (batch.pending === 0) this.#retire(batch);
    }
    const rest = this.#batches.findLast(({ sent }) => sent)?.last;
    if (this.#exchanges === 0 && rest !== undefined && !this.#closed)
      void this.#exchange(undefined, rest, received > into.length ? least : 0);
  }

  /** What waits for answers when the exchange of `batch` ends: its requests, and what is left of those sent before. */
  #waiting(batch: Batch | undefined): Batch[] {
    return this.#batches.filter((other) => other.sent || other === batch);
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
      this.#take(sequence, view, at, at + size);
      at += (size + 3) & ~3;
    }
  }

  #take(sequence: number, view: DataView, at: number, end: number): void {
    const batch = this.#batches.find((other) => other.find(sequence) !== undefined);
    const pending = batch?.find(sequence);
    if (batch === undefined || pending === undefined) return;
    const type = view.getUint16(at + 4, LITTLE_ENDIAN);
    const { request } = pending;
    try {
      if (type === NLMSG_ERROR || type === NLMSG_DONE) {
        for (let done = batch.doneBefore(pending); done !== undefined; done = batch.doneBefore(pending)) {
          this.#forget(batch, done);
          done.resolve(undefined);
        }
        this.#forget(batch, pending);
        const ack = type === NLMSG_DONE ? readDone(view, at, end) : readAck(view, at, end);
        if (ack.errno === 0) {
          if (ack.details.message !== undefined) this.#warn(request, ack);
          pending.resolve(pending.result);
        } else {
          const mayChange = () => this.#source.mayChange?.();
          pending.reject(kernelError(request, ack, batch.writer.view, pending.start, pending.end, mayChange));
        }
      } else if (request.decode !== undefined) {
        pending.result = request.decode(view, at + NLMSG_HDRLEN, end, type) ?? pending.result;
      }
    } catch (error) {
      pending.reject(error instanceof CodecError ? error.within(request.subject) : error);
    }
  }

  #warn(request: Request<unknown>, ack: Ack): void {
    const warning: KernelWarning = { operation: request.operation, message: ack.details.message! };
    warningChannel.publish(warning);
    this.#onWarning?.(warning);
  }

  #fail(batches: readonly Batch[], error: () => Error): void {
    for (const batch of batches) {
      for (const pending of batch.unanswered()) {
        this.#forget(batch, pending);
        pending.reject(error());
      }
    }
  }

  #forget(batch: Batch, pending: Pending): void {
    batch.forget(pending);
    if (pending.request.decode !== undefined) this.#objectsDue--;
    if (batch.pending === 0) this.#drop(batch);
  }

  /** The same request, at once: the kernel carries it out during the call. */
  requestSync<T>(request: Request<T>, options?: CallOptions): T {
    const limits = checkCallOptions(options);
    if (this.#closed) throw new ClosedError('the client');
    const batch = new Batch(spareWriters.pop() ?? new Writer());
    let answer: { value?: T; error?: unknown } | undefined;
    try {
      const { sequence } = this.#add(
        batch,
        request,
        // The first counts, as with a promise.
        (value) => (answer ??= { value: value as T }),
        (error) => (answer ??= { error }),
      );
      this.#batches.push(batch);
      const atRest = this.#exchanges === 0;
      const channel = atRest ? this.#main : this.#borrowSync();
      try {
        this.#receiveSync(channel, batch, sequence, request.operation, limits?.timeout ?? -1);
      } finally {
        if (!atRest) this.#giveBack(channel, batch.pending === 0);
      }
    } finally {
      // A late answer to what was given up must not meet the next request.
      for (const pending of batch.unanswered()) this.#forget(batch, pending);
      this.#retire(batch);
    }
    if ('error' in answer!) throw answer.error;
    return answer!.value as T;
  }

  #receiveSync(channel: Channel, batch: Batch, sequence: number, operation: string, timeout: number): void {
    const onMalformed = (error: CodecError) => {
      throw error;
    };
    let request: Uint8Array | null = batch.sealed();
    let least = 0;
    do {
      const into = replyBuffers.take(least);
      try {
        const received = channel.exchangeSync(request, into, sequence, timeout, 0);
        request = null;
        if (received < 0) throw failure(received);
        if (received === 0) throw new TimeoutError(operation, timeout);
        if (received > into.length) least = received;
        else this.#settle(into, received, onMalformed);
      } finally {
        replyBuffers.give(into);
      }
    } while (batch.pending > 0);
  }

  /** All objects that the kernel has of a kind: to iterate over as they arrive, or to await as an array. */
  dump<T>(request: Asked<T>, options?: CallOptions): Dump<T> {
    return new Dump(this.#dumpHost, request, options);
  }

  dumpSync<T>(request: Request<T>, options?: CallOptions): T[] {
    const limits = checkCallOptions(options);
    if (this.#closed) throw new ClosedError('the client');
    return dumpSync(this.#dumpHost, request, limits);
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

  /** A socket of its own for somebody else. */
  async lend(): Promise<Loan> {
    const channel = await this.#borrow();
    return { channel, giveBack: (healthy) => this.#giveBack(channel, healthy) };
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
    this.#fail([...this.#batches], () => failure(-ECANCELED));
    for (const channel of [this.#main, ...this.#idle, ...this.#lent]) channel.close();
    this.#idle.length = 0;
    this.#source.close();
  }
}
