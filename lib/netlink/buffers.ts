/** Receive buffers, reused: a fresh one of 256 KiB costs more than decoding what usually lies in it. */
export class BufferPool {
  readonly #size: number;
  readonly #kept: number;
  readonly #free: Uint8Array[] = [];

  /** Of `kept` buffers at most the memory is not given back. */
  constructor(size: number, kept: number) {
    this.#size = size;
    this.#kept = kept;
  }

  /** A buffer of at least `least` bytes. Its contents are arbitrary. */
  take(least = 0): Uint8Array {
    if (least > this.#size) return new Uint8Array(least);
    return this.#free.pop() ?? new Uint8Array(this.#size);
  }

  /** Gives a buffer back; nobody may hold a view of it any more. */
  give(buffer: Uint8Array): void {
    if (buffer.length === this.#size && this.#free.length < this.#kept) this.#free.push(buffer);
  }
}

/**
 * For batches that are answered by ACKs alone; many are under way at once. There is room for 128 that say why: what each batch
 * left in the socket would overflow it in the end.
 */
export const ackBuffers = new BufferPool(32 * 1024, 64);
/** For the ACKs and single replies of a batch. */
export const replyBuffers = new BufferPool(64 * 1024, 16);
/** For dumps into arrays: several datagrams make one trip to the pool thread and back. */
export const dumpBuffers = new BufferPool(256 * 1024, 16);
/** For dumps that are iterated over: fewer objects at a time exist, and the event loop gets its turn more often. */
export const streamBuffers = new BufferPool(64 * 1024, 16);
