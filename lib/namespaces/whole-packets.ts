import { ClosedError } from '../errors.js';
import type { PacketReader } from './packet-reader.js';

/** What packet sockets, raw sockets and TUN/TAP devices have in common: whole packets come out of them. */
export abstract class WholePackets<Packet> implements AsyncIterable<Packet> {
  readonly #reader: PacketReader<Packet>;
  readonly #what: string;

  /** `what` it is to whoever uses it when it is closed. */
  protected constructor(reader: PacketReader<Packet>, what: string) {
    this.#reader = reader;
    this.#what = what;
  }

  /** The descriptor, for other libraries' calls. It stays this handle's: do not close it. */
  get fd(): number {
    if (this.#reader.fd < 0) throw new ClosedError(this.#what);
    return this.#reader.fd;
  }

  /** The packets from now on, each whole, until it is closed. Leaving the loop does not close it. */
  [Symbol.asyncIterator](): AsyncIterator<Packet, undefined> {
    return { next: () => this.#reader.next() };
  }

  /** Waiting for packets no longer keeps the process alive. */
  unref(): this {
    this.#reader.unref();
    return this;
  }

  /** A second call does nothing. */
  close(): void {
    this.#reader.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}
