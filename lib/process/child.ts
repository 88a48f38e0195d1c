import { readlinkSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { ESRCH } from '../errno.js';
import { ClosedError, SyscallError } from '../errors.js';
import { addon } from '../native/load.js';
import { NAMESPACE_TYPES, type NamespaceType } from '../namespace-types.js';
import type { SharedReader } from '../netlink/reader.js';
import { isFailure, orThrow } from '../netlink/system-call.js';
import { countChild } from './at-once.js';
import { signalName, signalNumber } from './signals.js';
import type { StdioStreams, Terminal } from './stdio.js';

/** What a process used, and the children that it has waited for. `getrusage(2)`. */
export interface ResourceUsage {
  /** Processor time in milliseconds. */
  readonly userTime: number;
  readonly systemTime: number;
  /** The most memory at a time in bytes, but no less than this process had when it started the child. */
  readonly maxResidentSet: number;
  /** Pages that were found in memory, and that had to be read. */
  readonly minorFaults: number;
  readonly majorFaults: number;
  /** Times that the file system had to read or write. */
  readonly blocksIn: number;
  readonly blocksOut: number;
  /** How often it waited for something, and how often another process took its place. */
  readonly voluntarySwitches: number;
  readonly involuntarySwitches: number;
}

/** How a child ended. */
export interface Exit {
  /** The exit code, or null when a signal ended it. */
  readonly code: number | null;
  /** The signal, or null when it ended by itself. */
  readonly signal: NodeJS.Signals | number | null;
  readonly dumpedCore: boolean;
  readonly usage: ResourceUsage;
}

/** What the reader's `wait` fills, and the same as bytes. */
const end = new Float64Array(11);
const endBytes = new Uint8Array(end.buffer);

/** Milliseconds after which to look again whether a child that has ended, and is traced, may be waited for. */
const TRACED = 20;

/** include/uapi/asm-generic/siginfo.h */
const CLD_EXITED = 1;
const CLD_DUMPED = 3;

function exitFromEnd(): Exit {
  const exited = end[0] === CLD_EXITED;
  const status = end[1]!;
  return {
    code: exited ? status : null,
    signal: exited ? null : signalName(status),
    dumpedCore: end[0] === CLD_DUMPED,
    usage: {
      userTime: end[2]!,
      systemTime: end[3]!,
      maxResidentSet: end[4]!,
      minorFaults: end[5]!,
      majorFaults: end[6]!,
      blocksIn: end[7]!,
      blocksOut: end[8]!,
      voluntarySwitches: end[9]!,
      involuntarySwitches: end[10]!,
    },
  };
}

/** A process that `spawn` has started. It is waited for by its pidfd: no number that is used again is ever signalled. */
export class Child {
  /** As this process's pid namespace counts. */
  readonly pid: number;
  /** Its standard input; null when that is no pipe or terminal. */
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /**
   * A stream, or null, for each descriptor that it was given. Those behind the first three go both ways; as with `node:child_process`, one ends
   * when the child has closed its end, and with an error where it has not read all that was written.
   */
  readonly stdio: StdioStreams;
  /** Its pseudoterminal, if it was given one. */
  readonly terminal: Terminal | null;
  /** Resolves when it has ended; never rejects because of how. */
  readonly exited: Promise<Exit>;
  /** Whose thread watches it, and what it is called there. */
  readonly #shared: SharedReader;
  readonly #id: number;
  #exit: Exit | undefined;

  /**
   * `shared` watches it under this id, and is used by it from now on.
   *
   * @internal
   */
  constructor(
    shared: SharedReader,
    id: number,
    { streams, terminal }: { streams: StdioStreams; terminal: Terminal | null },
  ) {
    this.#shared = shared;
    this.#id = id;
    this.pid = shared.reader.pid(id);
    this.stdio = streams;
    [this.stdin, this.stdout, this.stderr] = streams;
    this.terminal = terminal;
    this.exited = new Promise((resolve, reject) => {
      shared.listen(id, () => {
        const waited = shared.reader.wait(id, endBytes);
        // Somebody traces it, and has not let go of it yet.
        if (waited === 0) return void setTimeout(() => shared.reader.resume(id), TRACED).unref();
        shared.forget(id);
        countChild(-1);
        // As Node.js does. What was printed is kept until it is read.
        if (terminal === null) this.stdin?.destroy();
        if (waited < 0) return reject(new SyscallError(-waited, 'waitid', `process ${this.pid}`));
        this.#exit = exitFromEnd();
        resolve(this.#exit);
      });
    });
    shared.reader.resume(id);
  }

  /** A descriptor that stands for the process (`pidfd_open(2)`), for other calls. It stays this handle's: do not close it. */
  get pidfd(): number {
    const pidfd = this.#shared.reader.pidfd(this.#id);
    if (pidfd < 0) throw new ClosedError(`process ${this.pid}`);
    return pidfd;
  }

  /** Set when it has ended. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** Sends a signal. False when the process has ended. */
  kill(signal: NodeJS.Signals | number = 'SIGTERM'): boolean {
    const number = signalNumber('signal', signal);
    const pidfd = this.#shared.reader.pidfd(this.#id);
    if (pidfd < 0) return false;
    const sent = addon.pidfdSignal(pidfd, number);
    if (isFailure(sent) && sent.errno === ESRCH) return false;
    orThrow(sent, `process ${this.pid}`);
    return true;
  }

  /**
   * The numbers of the namespaces it is in, as in `readlink /proc/PID/ns/net`, of the types that the kernel has; of a process that may
   * be looked at. `Namespace.open({ pidfd: child.pidfd, type })` opens one.
   */
  namespaces(): Readonly<Partial<Record<NamespaceType, bigint>>> {
    const found: Partial<Record<NamespaceType, bigint>> = {};
    for (const kind of NAMESPACE_TYPES) {
      try {
        found[kind] = BigInt(/\d+/.exec(readlinkSync(`/proc/${this.pid}/ns/${kind}`))![0]);
      } catch (error) {
        // The kernel has no namespaces of this type; or the process has ended, which is seen below.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
    // Until here the number was this process's.
    if (!this.kill(0)) throw new ClosedError(`process ${this.pid}`);
    return found;
  }

  /** Waiting for its end no longer keeps this process alive. */
  unref(): void {
    this.#shared.reader.unref(this.#id);
  }

  /** Ends it, if it has not, and waits for that. What it printed that nobody has read is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill('SIGKILL');
    // Before its end is noticed: what was written and it has not read would be an error of the stream.
    for (const stream of this.stdio) stream?.destroy();
    await this.exited;
  }
}
