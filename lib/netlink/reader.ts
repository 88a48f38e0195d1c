import { SyscallError } from '../errors.js';
import type { Reader } from '../native/addon.js';
import { addon } from '../native/load.js';
import type { Listener, OnDatagrams } from './source.js';

/** Milliseconds for which a thread without anything to read is kept: starting one for each of several short-lived processes takes longer than they do. */
const LINGER = 100;

/** The thread that reads for this JavaScript thread, and who is told of what it reads. */
export class SharedReader {
  readonly #handlers = new Map<number, OnDatagrams>();
  readonly reader = new addon.Reader((id, bytes, errno) => this.#handlers.get(id)?.(bytes, errno));
  #users = 0;
  #lingering: NodeJS.Timeout | undefined;
  /** Whether somebody came since the timer was set. */
  #isUsed = false;

  /** It is not ended until `letGo`. */
  use(): void {
    this.#users++;
    this.#isUsed = true;
  }

  letGo(): void {
    if (--this.#users === 0 && this.#lingering === undefined) this.#linger();
  }

  #linger(): void {
    this.#isUsed = false;
    this.#lingering = setTimeout(() => {
      this.#lingering = undefined;
      if (this.#users > 0) return;
      if (this.#isUsed) return this.#linger();
      shared = undefined;
      this.reader.close();
    }, LINGER).unref();
  }

  /** What the reader has under this id, for somebody who uses it: what comes of it is told to `onDatagrams` until `forget`. */
  listen(id: number, onDatagrams: OnDatagrams): void {
    this.#handlers.set(id, onDatagrams);
  }

  /** The next delivery of this id. */
  delivered(id: number): Promise<void> {
    return new Promise((resolve) => {
      this.listen(id, () => {
        this.#handlers.delete(id);
        resolve();
      });
    });
  }

  /** The reader does not have it any more. */
  forget(id: number): void {
    this.#handlers.delete(id);
    this.letGo();
  }
}

/** Made with the first user, and ended a moment after the last. */
let shared: SharedReader | undefined;

/** The thread that reads for this JavaScript thread. Whoever takes it calls `use`. */
export function sharedReader(): SharedReader {
  return (shared ??= new SharedReader());
}

/** Something that the shared reader looks at, from `add` until it is closed. */
export function listener(add: (reader: Reader) => number, onDatagrams: OnDatagrams): Listener {
  const shared = sharedReader();
  const { reader } = shared;
  shared.use();
  const id = add(reader);
  if (id < 0) {
    shared.letGo();
    throw new SyscallError(-id, 'epoll_ctl');
  }
  shared.listen(id, onDatagrams);
  let open = true;
  return {
    resume: () => {
      if (open) reader.resume(id);
    },
    unref: () => {
      if (open) reader.unref(id);
    },
    close: () => {
      if (!open) return;
      open = false;
      reader.remove(id);
      shared.forget(id);
    },
  };
}

/**
 * Calls `onReadable` when the file can be read, and again after each `resume`.
 * Keeps the process alive until it is closed or told not to. The descriptor may be closed meanwhile.
 */
export function watchReadable(fd: number, onReadable: () => void): Listener {
  return listener((reader) => reader.watch(fd), onReadable);
}
