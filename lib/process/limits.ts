import { whenAborted } from '../abort.js';
import { TimeoutError } from '../errors.js';

/** A signal and a timeout; the first to be reached counts. */
export class Limits {
  readonly #signal: AbortSignal | undefined;
  readonly #timeout: number | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #forget: (() => void) | undefined;
  #reached: 'signal' | 'timeout' | undefined;
  #act: (() => void) | undefined;

  /** `timeout`: milliseconds from now on. */
  constructor(signal: AbortSignal | undefined, timeout: number | undefined) {
    this.#signal = signal;
    this.#timeout = timeout;
    this.#forget = signal && whenAborted(signal, () => this.#reach('signal'));
    if (timeout !== undefined) this.#timer = setTimeout(() => this.#reach('timeout'), timeout).unref();
  }

  get areReached(): boolean {
    return this.#reached !== undefined;
  }

  /** What to do when one is reached, in the place of what was said before; at once if that was so already. */
  whenReached(act: () => void): void {
    this.#act = act;
    if (this.areReached) act();
  }

  /** The error that `operation` rejects with. */
  reason(operation: string): unknown {
    return this.#reached === 'timeout' ? new TimeoutError(operation, this.#timeout!) : this.#signal?.reason;
  }

  release(): void {
    clearTimeout(this.#timer);
    this.#forget?.();
  }

  #reach(limit: 'signal' | 'timeout'): void {
    if (this.areReached) return;
    this.#reached = limit;
    this.#act?.();
  }
}
