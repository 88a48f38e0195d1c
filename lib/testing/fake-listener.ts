import { ENOBUFS } from '../errno.js';
import type { Listener, OnDatagrams } from '../netlink/source.js';
import { joined, type Received } from './datagrams.js';

/** A socket that listens to multicast groups: one delivery at a time, the next one after `resume`. */
export class FakeListener implements Listener {
  readonly groups: ReadonlySet<number>;
  readonly #onDatagrams: OnDatagrams;
  readonly #onClose: (listener: FakeListener) => void;
  readonly #received: Received[] = [];
  #paused = false;
  #scheduled = false;
  #closed = false;

  constructor(groups: readonly number[], onDatagrams: OnDatagrams, onClose: (listener: FakeListener) => void) {
    this.groups = new Set(groups);
    this.#onDatagrams = onDatagrams;
    this.#onClose = onClose;
  }

  push(bytes: Uint8Array): void {
    this.#received.push({ bytes });
    this.#schedule();
  }

  /** The error is read before what lies in the buffer, as from a real socket. */
  overrun(): void {
    this.#received.unshift({ errno: ENOBUFS });
    this.#schedule();
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  /** Nothing here keeps the process alive anyway. */
  unref(): void {}

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose(this);
  }

  #schedule(): void {
    if (this.#scheduled || this.#paused || this.#received.length === 0) return;
    this.#scheduled = true;
    void Promise.resolve().then(() => {
      this.#scheduled = false;
      if (!this.#closed && !this.#paused) this.#deliver();
    });
  }

  #deliver(): void {
    const datagrams: Uint8Array[] = [];
    for (let next = this.#received[0]; next !== undefined && 'bytes' in next; next = this.#received[0]) {
      datagrams.push(next.bytes);
      this.#received.shift();
    }
    this.#paused = true;
    if (datagrams.length > 0) return this.#onDatagrams(joined(datagrams), 0);
    const failed = this.#received.shift();
    if (failed !== undefined && 'errno' in failed) this.#onDatagrams(null, failed.errno);
  }
}
