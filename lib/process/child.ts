import { readlinkSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { ESRCH } from '../errno.js';
import { ClosedError, SyscallError } from '../errors.js';
import type { Descriptor } from '../native/addon.js';
import { addon } from '../native/load.js';
import { NAMESPACE_TYPES, type NamespaceType } from '../namespace-types.js';
import { watchReadable } from '../netlink/kernel.js';
import type { Listener } from '../netlink/source.js';
import { isFailure, orThrow } from '../netlink/system-call.js';
import { signalName, signalNumber } from './signals.js';
import type { Terminal } from './stdio.js';

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

/** What the addon's `wait` fills, and the same as bytes. */
const end = new Float64Array(11);
const endBytes = new Uint8Array(end.buffer);

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
  /** A stream, or null, for each descriptor that it was given. */
  readonly stdio: readonly (Readable | Writable | null)[];
  /** Its pseudoterminal, if it was given one. */
  readonly terminal: Terminal | null;
  /** Resolves when it has ended; never rejects because of how. */
  readonly exited: Promise<Exit>;
  readonly #pidfd: Descriptor;
  readonly #listener: Listener;
  #exit: Exit | undefined;

  constructor(
    pid: number,
    pidfd: Descriptor,
    { streams, terminal }: { streams: readonly (Readable | Writable | null)[]; terminal: Terminal | null },
  ) {
    this.pid = pid;
    this.#pidfd = pidfd;
    this.stdio = streams;
    this.stdin = (streams[0] ?? null) as Writable | null;
    this.stdout = (streams[1] ?? null) as Readable | null;
    this.stderr = (streams[2] ?? null) as Readable | null;
    this.terminal = terminal;
    let resolve!: (exit: Exit) => void;
    let reject!: (error: unknown) => void;
    this.exited = new Promise((...settle) => ([resolve, reject] = settle));
    this.#listener = watchReadable(pidfd.fd, () => {
      const waited = addon.wait(pidfd.fd, endBytes);
      if (waited === 0) return this.#listener.resume();
      this.#listener.close();
      pidfd.close();
      // As Node.js does. What was printed is kept until it is read.
      if (terminal === null) this.stdin?.destroy();
      if (waited < 0) return reject(new SyscallError(-waited, 'waitid', `process ${pid}`));
      this.#exit = exitFromEnd();
      resolve(this.#exit);
    });
  }

  /** A descriptor that stands for the process (`pidfd_open(2)`), for other calls. It stays this handle's: do not close it. */
  get pidfd(): number {
    if (this.#pidfd.fd < 0) throw new ClosedError(`process ${this.pid}`);
    return this.#pidfd.fd;
  }

  /** Set when it has ended. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** Sends a signal. False when the process has ended. */
  kill(signal: NodeJS.Signals | number = 'SIGTERM'): boolean {
    const number = signalNumber('signal', signal);
    if (this.#pidfd.fd < 0) return false;
    const sent = addon.pidfdSignal(this.#pidfd.fd, number);
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
    this.#listener.unref();
  }

  /** Ends it, if it has not, and waits for that. What it printed that nobody has read is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill('SIGKILL');
    await this.exited;
    for (const stream of this.stdio) stream?.destroy();
  }
}
