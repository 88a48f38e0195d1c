import { watch, type FSWatcher } from 'node:fs';
import { ENODEV, ENOENT } from '../errno.js';
import { whenAborted } from '../abort.js';
import { SyscallError } from '../errors.js';
import { failureOf } from '../netlink/system-call.js';
import { checkKeys, checkSignal, checkSwitch } from '../options.js';
import { cgroupError, type Directory } from './files.js';
import { flatKeyed } from './formats.js';

/** cgroup.events. */
export interface CgroupState {
  /** Whether processes are in it or below it. */
  readonly populated: boolean;
  /** Whether all of them stand still. */
  readonly frozen: boolean;
}

/** memory.events: how often, in the cgroup or below it. */
export interface MemoryEvents {
  /** Memory was taken away although it had less than memory.low. */
  readonly low: number;
  /** It was slowed down, since it had more than memory.high. */
  readonly high: number;
  /** It came to memory.max. */
  readonly max: number;
  /** It came to memory.max and nothing could be freed. */
  readonly oom: number;
  /** Processes that the OOM killer has ended. */
  readonly oomKill: number;
  /** Times that it ended a whole cgroup. Since Linux 5.17. */
  readonly oomGroupKill?: number;
  /** What other kernels have, under the kernel's names in camel case. */
  readonly [key: string]: number | undefined;
}

/** pids.events. */
export interface PidsEvents {
  /** How often `fork` failed because of pids.max. Since Linux 6.11 because of that of this cgroup or one below. */
  readonly max: number;
}

interface Told {
  readonly cgroup: CgroupState;
  readonly memory: MemoryEvents;
  readonly pids: PidsEvents;
}

/** The files of events. */
export type CgroupEventType = keyof Told;

/** What a file of events says now. Changes in quick succession are told as one. */
export type CgroupEvent<T extends CgroupEventType = CgroupEventType> = {
  readonly [K in T]: {
    readonly type: K;
    readonly value: Told[K];
    /** What it said when it was last told; undefined the first time. */
    readonly before: Told[K] | undefined;
  };
}[T];

/** How to watch. */
export interface CgroupEventsOptions {
  /** Ends the watch: the iteration throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Whether waiting for events keeps the process alive; true unless said. */
  readonly persistent?: boolean | undefined;
}

type Value = Told[CgroupEventType];

const READ: { readonly [T in CgroupEventType]: (text: string) => Told[T] } = {
  cgroup: (text) => {
    const { populated, frozen } = flatKeyed(text);
    return { populated: populated === 1, frozen: frozen === 1 };
  },
  memory: (text) => flatKeyed(text) as unknown as MemoryEvents,
  pids: (text) => flatKeyed(text) as unknown as PidsEvents,
};

const fileOf = (type: CgroupEventType) => `${type}.events`;

/** The files of events that a cgroup has. */
export function eventTypes(directory: Directory): CgroupEventType[] {
  return (Object.keys(READ) as CgroupEventType[]).filter((type) => directory.has(fileOf(type)));
}

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'fs.inotify.max_user_watches is reached',
  EMFILE: 'fs.inotify.max_user_instances is reached, or the limit of open files',
};

export function checkEventsOptions(options: CgroupEventsOptions): CgroupEventsOptions {
  const own = checkKeys('options', options, ['signal', 'persistent']);
  checkSignal('options.signal', own.signal);
  checkSwitch('options.persistent', own.persistent);
  return own;
}

/**
 * What the files of events say, then what they change to. Iterate over it; it ends when the loop is left, when it or its
 * cgroup's handle is closed, or when the cgroup is removed.
 */
export class CgroupEvents<T extends CgroupEventType = CgroupEventType> implements AsyncIterableIterator<
  CgroupEvent<T>
> {
  readonly #directory: Directory;
  readonly #signal: AbortSignal | undefined;
  readonly #persistent: boolean;
  readonly #onClose: (events: CgroupEvents) => void;
  /** The files that have to be read again. */
  readonly #changed: Set<T>;
  readonly #told = new Map<T, { readonly text: string; readonly value: Value }>();
  readonly #types: readonly T[];
  #watchers: FSWatcher[] | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #wake: (() => void) | undefined;
  #failure: { readonly reason: unknown } | undefined;
  #closed = false;
  /** Takes the signal's listener back. */
  #forget: (() => void) | undefined;
  readonly #onAbort = () => this.#fail(this.#signal!.reason);

  /** @internal By `Cgroup.events`: `directory` is good until `close` is called. */
  constructor(
    directory: Directory,
    types: readonly T[],
    options: CgroupEventsOptions,
    onClose: (events: CgroupEvents) => void,
  ) {
    this.#directory = directory;
    this.#types = types;
    this.#changed = new Set(types);
    this.#signal = options.signal;
    this.#persistent = options.persistent ?? true;
    this.#onClose = onClose;
    if (this.#signal !== undefined) this.#forget = whenAborted(this.#signal, this.#onAbort);
  }

  next(): Promise<IteratorResult<CgroupEvent<T>, void>> {
    const turn = this.#turn.then(() => this.#next());
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async return(): Promise<IteratorResult<CgroupEvent<T>, void>> {
    this.close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Ends the iteration. A second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#forget?.();
    for (const watcher of this.#watchers ?? []) watcher.close();
    this.#onClose(this);
    this.#wake?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #fail(reason: unknown): void {
    this.#failure ??= { reason };
    this.close();
  }

  async #next(): Promise<IteratorResult<CgroupEvent<T>, void>> {
    for (;;) {
      if (!this.#closed) this.#look();
      const event = this.#closed ? undefined : this.#read();
      if (event !== undefined) return { done: false, value: event };
      if (this.#closed) break;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const failure = this.#failure;
    if (failure === undefined) return { done: true, value: undefined };
    this.#failure = undefined;
    throw failure.reason;
  }

  /** Has the kernel tell of changes from now on. It does so as of a file that was written to: inotify(7). */
  #look(): void {
    if (this.#watchers !== undefined) return;
    this.#watchers = [];
    try {
      for (const type of this.#types) this.#watch(fileOf(type), () => this.#changed.add(type));
      // That it was removed is only told to who watches the cgroup around it, before Linux 7.
      const name = this.#directory.path.slice(this.#directory.path.lastIndexOf('/') + 1);
      this.#watch('..', (event, file) => {
        if (event === 'rename' && file === name) this.#changed.add(this.#types[0]!);
      });
    } catch (error) {
      this.#fail(error);
    }
  }

  #watch(file: string, onChange: (event: string, file: string | null) => void): void {
    const failed = (error: unknown) => {
      const failure = failureOf(error);
      const { code } = error as NodeJS.ErrnoException;
      return cgroupError(failure, file, `${file} of cgroup ${this.#directory.path}`, HINTS[code ?? '']);
    };
    try {
      const watcher = watch(`${this.#directory.location}/${file}`, { persistent: this.#persistent }, (event, name) => {
        onChange(event, name);
        if (this.#changed.size > 0) this.#wake?.();
      });
      this.#watchers!.push(watcher);
      watcher.on('error', (error) => this.#fail(failed(error)));
    } catch (error) {
      throw failed(error);
    }
  }

  /** The next file that says something else than it was told to; closes when the cgroup is gone. */
  #read(): CgroupEvent<T> | undefined {
    for (const type of this.#changed) {
      this.#changed.delete(type);
      let text: string;
      try {
        text = this.#directory.read(fileOf(type));
      } catch (error) {
        if (error instanceof SyscallError && [ENOENT, ENODEV].includes(error.errno)) this.close();
        else this.#fail(error);
        return undefined;
      }
      const before = this.#told.get(type);
      if (text === before?.text) continue;
      const value = READ[type](text);
      this.#told.set(type, { text, value });
      return { type, value, before: before?.value } as CgroupEvent<T>;
    }
    return undefined;
  }
}
