import { EBADF, EBUSY, ECANCELED, EMSGSIZE } from '../errno.js';
import type { ExchangeParameters } from '../native/addon.js';
import type { Channel } from '../netlink/source.js';
import { endsAnswer, type Received } from './datagrams.js';

/** Carries out what was sent; the answers come through `deliver`, sooner or later. */
export type Carry = (request: Uint8Array, deliver: (received: readonly Received[]) => void) => void;

/** An exchange under way, as `NetlinkSocket.exchange` describes it. */
interface Exchange {
  readonly request: Uint8Array | null;
  readonly into: Uint8Array;
  readonly last: number;
  readonly wait: number;
  readonly longest: number;
  readonly finish: (result: number) => void;
  filled: number;
  sent: boolean;
  timer: NodeJS.Timeout | undefined;
}

function begun(finish: Exchange['finish'], [request, into, last, wait, longest]: ExchangeParameters): Exchange {
  return { request, into, last, wait, longest, finish, filled: 0, sent: false, timer: undefined };
}

/** A socket of the fake kernel. */
export class FakeChannel implements Channel {
  readonly #carry: Carry;
  readonly #onClose: (channel: FakeChannel) => void;
  readonly #received: Received[] = [];
  readonly #exchanges: Exchange[] = [];
  /** An error that was met behind bytes; the next exchange ends with it, before it sends anything. */
  #deferred = 0;
  /** The sequence number whose answer ended last, since something was sent. */
  #answered = 0;
  #closed = false;

  constructor(carry: Carry, onClose: (channel: FakeChannel) => void) {
    this.#carry = carry;
    this.#onClose = onClose;
  }

  exchange(...parameters: ExchangeParameters): Promise<number> {
    return new Promise((resolve) => {
      if (this.#closed) return resolve(-ECANCELED);
      this.#exchanges.push(begun(resolve, parameters));
      // Never before the caller's next line, as from a pool thread.
      void Promise.resolve().then(() => this.#pump());
    });
  }

  exchangeSync(...parameters: ExchangeParameters): number {
    if (this.#closed) return -EBADF;
    if (this.#exchanges.length > 0) return -EBUSY;
    let result = 0;
    const finish = (value: number) => (result = value);
    const exchange = begun(finish, parameters);
    if (this.#advance(exchange)) return result;
    if (exchange.wait < 0)
      throw new Error('a synchronous request to the fake kernel would wait for ever: its handler gives no end to it');
    return exchange.filled;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { timer, finish } of this.#exchanges.splice(0)) {
      clearTimeout(timer);
      finish(-ECANCELED);
    }
    this.#onClose(this);
  }

  #pump(): void {
    for (let exchange = this.#exchanges[0]; exchange !== undefined; exchange = this.#exchanges[0]) {
      clearTimeout(exchange.timer);
      if (!this.#advance(exchange)) {
        if (exchange.wait >= 0) exchange.timer = setTimeout(() => this.#giveUp(exchange), exchange.wait);
        return;
      }
      this.#exchanges.shift();
    }
  }

  #giveUp(exchange: Exchange): void {
    exchange.finish(exchange.filled);
    this.#exchanges.shift();
    this.#pump();
  }

  /** Whether the exchange is finished. */
  #advance(exchange: Exchange): boolean {
    if (!exchange.sent) {
      if (this.#deferred !== 0) {
        exchange.finish(-this.#deferred);
        this.#deferred = 0;
        return true;
      }
      exchange.sent = true;
      if (exchange.request !== null) {
        this.#answered = 0;
        this.#carry(exchange.request, (received) => this.#deliver(received));
      }
    }
    while (this.#answered !== exchange.last) {
      const next = this.#received[0];
      if (next === undefined) return false;
      if ('errno' in next) {
        this.#received.shift();
        if (exchange.filled > 0) this.#deferred = next.errno;
        exchange.finish(exchange.filled > 0 ? exchange.filled : -next.errno);
        return true;
      }
      const start = (exchange.filled + 3) & ~3;
      const room = exchange.into.length - start;
      if (exchange.longest > 0 && room < exchange.longest && exchange.filled > 0) break;
      if (next.bytes.length > room) {
        if (exchange.longest > 0 && room >= exchange.longest) {
          this.#received[0] = { errno: EMSGSIZE };
          continue;
        }
        exchange.finish(exchange.filled === 0 ? next.bytes.length : exchange.filled);
        return true;
      }
      this.#received.shift();
      exchange.into.set(next.bytes, start);
      exchange.filled = start + next.bytes.length;
      if (endsAnswer(next.bytes, exchange.last)) this.#answered = exchange.last;
    }
    exchange.finish(exchange.filled);
    return true;
  }

  #deliver(received: readonly Received[]): void {
    this.#received.push(...received);
    void Promise.resolve().then(() => this.#pump());
  }
}
