import { ECANCELED } from '../errno.js';
import { UnsupportedError } from '../errors.js';
import type { ExchangeParameters } from '../native/addon.js';
import type { Channel, Listener, Loan, Source } from './source.js';

/** An exchange that waits for somebody to carry it out. */
export interface HeldExchange {
  readonly parameters: ExchangeParameters;
  /** With what `NetlinkSocket.exchange` would return. */
  finish(result: number): void;
}

/**
 * A source of one channel, whose first exchange is for somebody else to carry out; those behind it go over the socket that
 * he lends.
 */
export class HeldChannel implements Source, Channel {
  /** The first exchange, as soon as there is one. Null: the channel was closed before. */
  readonly first: Promise<HeldExchange | null>;
  #onFirst!: (exchange: HeldExchange | null) => void;
  readonly #next: Promise<Loan | null>;
  #onNext!: (loan: Loan | null) => void;
  #isOpen = false;
  #refusal: (() => Error) | undefined;
  #holds = true;
  #held: HeldExchange | undefined;
  #loan: Loan | null = null;
  #hasNext = false;
  #pending = 0;
  #closed = false;

  constructor() {
    this.first = new Promise((resolve) => (this.#onFirst = resolve));
    this.#next = new Promise((resolve) => (this.#onNext = resolve));
  }

  /** Whether somebody has it. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  async open(): Promise<Channel> {
    if (this.#refusal !== undefined) throw this.#refusal();
    if (this.#isOpen) throw noneOfThese();
    this.#isOpen = true;
    return this;
  }

  /** From now on nobody can have it, who does not have it yet. */
  refuse(error: () => Error): void {
    this.#refusal = error;
  }

  async exchange(...parameters: ExchangeParameters): Promise<number> {
    if (this.#holds && !this.#closed) {
      this.#holds = false;
      return new Promise((finish) => {
        this.#held = { parameters, finish };
        this.#onFirst(this.#held);
      });
    }
    const channel = await this.#further();
    if (channel === null) return -ECANCELED;
    this.#pending++;
    const result = await channel.exchange(...parameters);
    this.#pending--;
    return result;
  }

  /** The exchange that is held, if there is one; from now on none is. */
  release(): HeldExchange | undefined {
    this.#holds = false;
    return this.#held;
  }

  async #further(): Promise<Channel | null> {
    const loan = await this.#next;
    if (loan === null || this.#closed) return null;
    try {
      return loan.channel;
    } catch {
      // There is no getting at it any more: the namespace was closed.
      return null;
    }
  }

  /** What the exchanges behind the first one go over; null: they end with ECANCELED, as after `close`. */
  continueOver(loan: Loan | null): void {
    if (this.#closed) {
      loan?.giveBack(true);
      return;
    }
    this.#loan = loan;
    this.#hasNext = true;
    this.#onNext(loan);
  }

  exchangeSync(): number {
    throw noneOfThese();
  }

  openSync(): Channel {
    throw noneOfThese();
  }

  async listen(): Promise<Listener> {
    throw noneOfThese();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#loan?.giveBack(this.#pending === 0);
    // Resolving a promise once more does nothing, and Node.js takes long over it.
    if (this.#held === undefined) this.#onFirst(null);
    if (!this.#hasNext) this.#onNext(null);
  }
}

function noneOfThese(): UnsupportedError {
  return new UnsupportedError(
    'a client of a creation takes no lists, no watches and nothing at once: open another one when the namespace is there',
  );
}
