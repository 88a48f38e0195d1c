/** Receive buffers, reused: a fresh one of 256 KiB costs more than decoding what usually lies in it. So many bytes are kept. */
const KEPT = 1024 * 1024;

export class BufferPool {
  readonly #size: number;
  readonly #free: Uint8Array[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  /** A buffer of at least `least` bytes. Its contents are arbitrary. */
  take(least = 0): Uint8Array {
    if (least > this.#size) return new Uint8Array(least);
    return this.#free.pop() ?? new Uint8Array(this.#size);
  }

  /** Gives a buffer back; nobody may hold a view of it any more. */
  give(buffer: Uint8Array): void {
    if (buffer.length === this.#size && this.#free.length * this.#size < KEPT) this.#free.push(buffer);
  }
}

/** For batches that are answered by ACKs alone; many are under way at once. */
export const ackBuffers = new BufferPool(16 * 1024);
/** For the ACKs and single replies of a batch. */
export const replyBuffers = new BufferPool(64 * 1024);
/** For dumps: the kernel fills 32 KiB per datagram; several make one trip to the pool thread and back. */
export const dumpBuffers = new BufferPool(256 * 1024);
/** For dumps that are iterated over: fewer objects at a time exist, and the event loop gets its turn more often. */
export const streamBuffers = new BufferPool(64 * 1024);
