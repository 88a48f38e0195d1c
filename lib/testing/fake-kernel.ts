import { ClosedError } from '../errors.js';
import type { Channel, Listener, OnDatagrams, Source } from '../netlink/source.js';
import { ack, done, encodeMessage, ends, refuse, type Answer, type MessageParts } from './answers.js';
import { datagramsOf, joined, type Received } from './datagrams.js';
import { FakeChannel } from './fake-channel.js';
import { FakeListener } from './fake-listener.js';
import { parseRequests, type FakeRequest } from './fake-request.js';

/** Nothing means that there is nothing to say but the end. */
export type Reaction = Answer | readonly Answer[] | undefined | void;

/**
 * Says what the kernel answers. Unless the answer has an end itself, one is added: the ACK that the request asked for, or
 * NLMSG_DONE behind a dump. A promise delays this answer and those to later requests of the same socket.
 */
export type Handler = (request: FakeRequest) => Reaction | Promise<Reaction>;

export interface FakeKernelOptions {
  /** The most bytes of a dump in one datagram; 32 KiB unless said. */
  readonly dumpDatagramBytes?: number | undefined;
}

/**
 * A kernel whose answers are scripted, for tests without privileges and without Linux's doing.
 *
 * It has no state of its own: what a link is, the handler knows. To test against real behaviour use a network namespace
 * (`Netns.create()`); this is for what a real kernel seldom does, and for where there is none.
 *
 * @example
 * ```ts
 * import { Rtnetlink } from 'netlace';
 * import { FakeKernel, refuse, RTM_DELLINK } from 'netlace/testing';
 *
 * const kernel = new FakeKernel((request) => (request.type === RTM_DELLINK ? refuse('ENODEV') : undefined));
 * const client = await Rtnetlink.over(kernel);
 * await client.link.delete('eth0').catch((error: unknown) => console.log(String(error)));
 * client.close();
 * ```
 */
export class FakeKernel implements Source {
  /** What was received, in order. */
  readonly requests: FakeRequest[] = [];
  /** The same, grouped as it was sent. */
  readonly sends: (readonly FakeRequest[])[] = [];
  readonly #handler: Handler;
  readonly #dumpDatagramBytes: number;
  readonly #channels = new Set<FakeChannel>();
  readonly #listeners = new Set<FakeListener>();
  readonly #awaited: { readonly count: number; readonly resolve: () => void }[] = [];
  #closed = false;

  constructor(handler: Handler = () => undefined, options: FakeKernelOptions = {}) {
    this.#handler = handler;
    this.#dumpDatagramBytes = options.dumpDatagramBytes ?? 32 * 1024;
  }

  /** How many sockets are open, listening ones included. */
  get openSockets(): number {
    return this.#channels.size + this.#listeners.size;
  }

  /** Resolves once `count` requests have been received in all. */
  received(count: number): Promise<void> {
    if (this.requests.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.#awaited.push({ count, resolve }));
  }

  async open(): Promise<Channel> {
    return this.openSync();
  }

  openSync(): Channel {
    this.#checkOpen();
    // Requests of one socket are carried out in order; `before` is the last one that took time.
    let before: Promise<void> | undefined;
    const carry = (bytes: Uint8Array, deliver: (received: readonly Received[]) => void) => {
      const requests = parseRequests(bytes);
      this.requests.push(...requests);
      this.sends.push(requests);
      for (const request of requests) {
        if (before !== undefined) {
          before = before.then(() => this.#react(request)).then(deliver);
          continue;
        }
        const received = this.#react(request);
        if (received instanceof Promise) before = received.then(deliver);
        else deliver(received);
      }
      this.#announce();
    };
    const channel = new FakeChannel(carry, (closed) => this.#channels.delete(closed));
    this.#channels.add(channel);
    return channel;
  }

  async listen(groups: readonly number[], onDatagrams: OnDatagrams): Promise<Listener> {
    this.#checkOpen();
    const listener = new FakeListener(groups, onDatagrams, (closed) => this.#listeners.delete(closed));
    this.#listeners.add(listener);
    return listener;
  }

  /** A datagram with these messages for everyone who listens to `group`. */
  emit(group: number, ...messages: readonly (MessageParts | Uint8Array)[]): void {
    const bytes = joined(messages.map((message) => (message instanceof Uint8Array ? message : encodeMessage(message))));
    for (const listener of this.#listeners) if (listener.groups.has(group)) listener.push(bytes);
  }

  /** Every listener learns with ENOBUFS that events were lost. */
  overrun(): void {
    for (const listener of this.#listeners) listener.overrun();
  }

  close(): void {
    this.#closed = true;
  }

  #checkOpen(): void {
    if (this.#closed) throw new ClosedError('the client');
  }

  #react(request: FakeRequest): readonly Received[] | Promise<readonly Received[]> {
    try {
      const reaction = this.#handler(request);
      if (!(reaction instanceof Promise)) return this.#answer(request, reaction);
      return reaction.then(
        (late) => this.#answer(request, late),
        (error: unknown) => this.#handlerFailed(request, error),
      );
    } catch (error) {
      return this.#handlerFailed(request, error);
    }
  }

  #answer(request: FakeRequest, reaction: Reaction): readonly Received[] {
    const answers =
      reaction === undefined ? [] : Array.isArray(reaction) ? (reaction as Answer[]) : [reaction as Answer];
    const last = answers.some(ends) ? undefined : request.wantsAck ? ack() : request.isDump ? done() : undefined;
    return datagramsOf(request, last === undefined ? answers : [...answers, last], this.#dumpDatagramBytes);
  }

  /** Shown where the test looks: in the error of the request. */
  #handlerFailed(request: FakeRequest, error: unknown): readonly Received[] {
    return this.#answer(request, refuse('EINVAL', { message: `the fake kernel's handler threw ${String(error)}` }));
  }

  #announce(): void {
    for (const awaited of [...this.#awaited]) {
      if (this.requests.length < awaited.count) continue;
      this.#awaited.splice(this.#awaited.indexOf(awaited), 1);
      awaited.resolve();
    }
  }
}
