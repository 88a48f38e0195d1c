import type { Duplex, Readable, Writable } from 'node:stream';
import type { ReadStream } from 'node:tty';
import { fstatSync } from 'node:fs';
import { EBADF } from '../errno.js';
import { ArgumentError, SpawnError } from '../errors.js';
import type { Descriptor } from '../native/addon.js';
import { lazy } from '../lazy.js';
import { addon } from '../native/load.js';
import { isFailure, orThrow } from '../netlink/system-call.js';
import { checkKeys, checkInteger, isDescriptor } from '../options.js';
import { F_DUPFD_CLOEXEC, O_CLOEXEC, O_RDWR } from '../system-calls/constants.js';
import { encode } from '../system-calls/encode.js';
import { makeFilesystem, mountContext } from '../system-calls/mounts.js';
import { Program, type Argument } from '../system-calls/program.js';

/**
 * What a descriptor of the child is: a pipe to this process, this process's own, nothing (/dev/null), a number or a stream
 * with a descriptor. `'tty'` in the place of the list: a new pseudoterminal for all three.
 *
 * `'pipe'` goes one way for the first three; from the fourth on it goes both ways, over a pair of connected Unix sockets. Those belong to
 * this process's network namespace: through its end also a child in another one can ask for the links there, and
 * change them if it has CAP_NET_ADMIN in the user namespace that owns it.
 */
export type StdioEntry = 'pipe' | 'inherit' | 'ignore' | number | { readonly fd: number };
export type Stdio = 'pipe' | 'inherit' | 'ignore' | readonly StdioEntry[] | TerminalOptions | 'tty';

/** A pseudoterminal. */
export interface TerminalOptions {
  /** Lines, 24 unless said. */
  readonly rows?: number | undefined;
  /** Characters in a line, 80 unless said. */
  readonly columns?: number | undefined;
}

/** A pseudoterminal's other end: what the child writes is read here, what is written here it reads. */
export interface Terminal extends ReadStream {
  /** Tells the child that its terminal has this size, each 1 to 65535: SIGWINCH. Does nothing after the terminal's end. */
  resize(rows: number, columns: number): void;
}

/** This process's ends of a child's descriptors, in their order, each null where there is none: standard input, output, errors, others. */
export type StdioStreams = readonly [Writable | null, Readable | null, Readable | null, ...(Duplex | null)[]];

/** A child's standard streams as prepared: to be handed over to it, then either used or given up. */
export interface PreparedStdio {
  /** Puts the descriptors to their places, in the child; and behind them, until execve, one for its own use. */
  place(program: Program, behind?: number): void;
  /** The number of descriptors that the child gets. */
  readonly count: number;
  readonly isTerminal: boolean;
  /** The child has them: closes them here, and makes streams of the other ends. */
  use(): { readonly streams: StdioStreams; readonly terminal: Terminal | null };
  giveUp(): void;
}

const TIOCSCTTY = 0x540e;
const S_IFCHR = 0o20000;
/** Major number 1, minor 3: include/linux/kdev_t.h, new_encode_dev. */
const NULL_DEVICE = 0x103;

/** Kept open: opening it for each child takes longer than all else here. */
let nullDevice: Descriptor | undefined;

function openNullDevice(): number {
  nullDevice ??= ownNullDevice() ?? orThrow(addon.sync.open('/dev/null', O_RDWR), 'options.stdio, /dev/null');
  return nullDevice.fd;
}

/**
 * A null device in a file system that is mounted nowhere: a child that is root could change the mode and the owner of the machine's own. Undefined
 * without the right to make one; then children do not own the machine's either.
 */
function ownNullDevice(): Descriptor | undefined {
  const program = new Program();
  const step = 'options.stdio';
  const folder = mountContext(program, step, makeFilesystem(program, step, 'tmpfs', []), 0);
  // By the name that programs look for.
  program.add(step, 'mkdirat', [folder, 'dev', 0o755]);
  program.add(step, 'mknodat', [folder, 'dev/null', S_IFCHR | 0o666, NULL_DEVICE]);
  program.add(step, 'send', [program.add(step, 'openat', [folder, 'dev/null', O_RDWR | O_CLOEXEC, 0])]);
  const made = addon.sync.perform(encode(program.calls), program.calls.length, null);
  return isFailure(made) ? undefined : (made.descriptor ?? undefined);
}

const checkSize = (name: string, value: number) => checkInteger(name, value, 1, 0xffff);

export function prepareStdio(stdio: Stdio = 'pipe'): PreparedStdio {
  if (stdio === null || (typeof stdio !== 'string' && typeof stdio !== 'object'))
    throw new ArgumentError('options.stdio', "takes 'pipe', 'inherit', 'ignore', 'tty', { rows, columns } or a list");
  if (stdio === 'tty' || (typeof stdio === 'object' && !Array.isArray(stdio)))
    return terminal(stdio === 'tty' ? {} : (stdio as TerminalOptions));
  const entries = typeof stdio === 'string' ? [stdio, stdio, stdio] : [...(stdio as readonly StdioEntry[])];
  while (entries.length < 3) entries.push('pipe');
  const sources: Argument[] = [];
  /** Of each entry, this process's end. */
  const ours: (Descriptor | null)[] = entries.map(() => null);
  const given: Descriptor[] = [];
  const giveUp = () => {
    for (const descriptor of ours) descriptor?.close();
    closeGiven();
  };
  const closeGiven = () => {
    for (const descriptor of given) descriptor.close();
  };
  try {
    for (const [number, entry] of entries.entries()) {
      if (entry === 'pipe') {
        const [theirEnd, ourEnd] = connection(number);
        given.push(theirEnd);
        sources.push(theirEnd.fd);
        ours[number] = ourEnd;
      } else if (entry === 'inherit') {
        sources.push(openOne(number, number));
      } else if (entry === 'ignore') {
        sources.push(openNullDevice());
      } else {
        const fd = typeof entry === 'object' && entry !== null ? entry.fd : entry;
        if (!isDescriptor(fd))
          throw new ArgumentError(
            `options.stdio[${number}]`,
            "takes 'pipe', 'inherit', 'ignore', a descriptor or a stream that has one",
          );
        sources.push(openOne(fd, number));
      }
    }
  } catch (error) {
    giveUp();
    throw error;
  }
  return {
    place: (program, behind) => placeDescriptors(program, sources, behind),
    count: sources.length,
    isTerminal: false,
    use: () => {
      closeGiven();
      const streams = ours.map((descriptor, number) => (descriptor === null ? null : streamFrom(descriptor, number)));
      // There are three or more, each one's direction by its number.
      return { streams: streams as readonly (Duplex | null)[] as StdioStreams, terminal: null };
    },
    giveUp,
  };
}

/** A descriptor that is open. The number of one that is closed may soon be a file's of this library. */
function openOne(fd: number, number: number): number {
  try {
    fstatSync(fd);
  } catch {
    throw new SpawnError(EBADF, 'dup3', `stdio[${number}]`);
  }
  return fd;
}

/** The child's end and ours: it reads its standard input, writes its standard output and errors, and does both with all others. */
function connection(number: number): readonly [Descriptor, Descriptor] {
  if (number > 2) return orThrow(addon.socketpair());
  const [read, write] = orThrow(addon.pipe());
  return number === 0 ? [read, write] : [write, read];
}

function streamFrom(descriptor: Descriptor, number: number): Duplex {
  const stream = new (lazy('net').Socket)({
    fd: descriptor.lend(),
    readable: number !== 0,
    writable: number === 0 || number > 2,
  });
  descriptor.release();
  return stream;
}

function terminal(options: TerminalOptions): PreparedStdio {
  const { rows = 24, columns = 80 } = checkKeys('options.stdio', options, ['rows', 'columns']);
  const [master, slave] = orThrow(
    addon.pty(checkSize('options.stdio.rows', rows), checkSize('options.stdio.columns', columns)),
    '/dev/ptmx',
  );
  return {
    place: (program, behind) => placeDescriptors(program, [slave.fd, slave.fd, slave.fd], behind),
    count: 3,
    isTerminal: true,
    use: () => {
      slave.close();
      const stream = terminalOn(master);
      return { streams: [stream, stream, null], terminal: stream };
    },
    giveUp: () => {
      master.close();
      slave.close();
    },
  };
}

function terminalOn(master: Descriptor): Terminal {
  const stream = new (lazy('tty').ReadStream)(master.lend());
  const destroy = stream.destroy.bind(stream);
  // The stream closes it: as soon as it is destroyed, the number may be another file's.
  const fd = master.release();
  return Object.assign(stream, {
    /** EIO is how the kernel says that the last process has closed the slave: the end, not an error. */
    destroy(error?: NodeJS.ErrnoException) {
      if (error?.code !== 'EIO') return destroy(error);
      stream.push(null);
      return stream;
    },
    resize(rows: number, columns: number) {
      checkSize('rows', rows);
      checkSize('columns', columns);
      if (!stream.destroyed) orThrow(addon.resizePty(fd, rows, columns), 'the terminal');
    },
  });
}

/** A session of its own, and the terminal as that which controls it. */
export function controlTerminal(program: Program): void {
  program.add('stdio', 'ioctl', [0, TIOCSCTTY, 0]);
}

/** First out of the way of the numbers that they shall have: one may be where another one has to go. */
function placeDescriptors(program: Program, sources: readonly Argument[], behind: number | undefined): void {
  const all = behind === undefined ? sources : [...sources, behind];
  for (const source of all) if (typeof source === 'number') program.holds(source);
  const subject = (number: number) => (number < sources.length ? `stdio[${number}]` : 'stdio');
  const moved = all.map((source, i) =>
    typeof source === 'number' && source < all.length
      ? program.add(subject(i), 'fcntl', [source, F_DUPFD_CLOEXEC, all.length])
      : source,
  );
  for (const [number, source] of moved.entries())
    program.add(subject(number), 'dup3', [source, number, number < sources.length ? 0 : O_CLOEXEC]);
}
