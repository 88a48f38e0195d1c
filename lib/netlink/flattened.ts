/**
 * The elements of chunks, one by one. As a generator it would be `yield*`, which makes several promises for each element:
 * more than decoding it takes.
 */
export class Flattened<T> implements AsyncIterableIterator<T> {
  readonly #chunks: AsyncGenerator<readonly T[], void, undefined>;
  #chunk: readonly T[] = [];
  #next = 0;
  /** The last call of `next` that waits for a chunk; who calls meanwhile is served behind it. */
  #waiting: Promise<IteratorResult<T, undefined>> | undefined;

  constructor(chunks: AsyncGenerator<readonly T[], void, undefined>) {
    this.#chunks = chunks;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#waiting === undefined && this.#next < this.#chunk.length) {
      return Promise.resolve({ done: false, value: this.#chunk[this.#next++]! });
    }
    const pull = () => this.#pull();
    const turn = this.#waiting === undefined ? pull() : this.#waiting.then(pull, pull);
    const done = () => {
      if (this.#waiting === turn) this.#waiting = undefined;
    };
    this.#waiting = turn;
    turn.then(done, done);
    return turn;
  }

  async #pull(): Promise<IteratorResult<T, undefined>> {
    while (this.#next >= this.#chunk.length) {
      const next = await this.#chunks.next();
      if (next.done === true) return { done: true, value: undefined };
      this.#chunk = next.value;
      this.#next = 0;
    }
    return { done: false, value: this.#chunk[this.#next++]! };
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.#chunk = [];
    this.#next = 0;
    await this.#chunks.return();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
