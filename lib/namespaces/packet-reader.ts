import { SyscallError } from '../errors.js';
import { EAGAIN } from '../errno.js';
import type { Descriptor } from '../native/addon.js';
import { addon } from '../native/load.js';
import { watchReadable } from '../netlink/reader.js';
import type { Listener } from '../netlink/source.js';
import { systemCallError } from '../netlink/system-call.js';
import { LITTLE_ENDIAN } from '../wire/writer.js';

const RECORD = 48;
const ADDRESS = 20;
/** Room for several packets of the greatest length, and for some hundred of the usual ones. */
const BUFFER_BYTES = 1024 * 1024;
/** Of a packet, including those that the kernel has put together; those of BIG TCP may be longer. */
export const DEFAULT_LENGTH = 256 * 1024;

/** Shared by all readers of this thread: what was read leaves it before anything else is done. */
let buffer: Uint8Array | undefined;

/** A packet as it came. */
export interface TakenPacket {
  readonly data: Uint8Array;
  /** How long the packet was, of which `data` may be the beginning. */
  readonly length: number;
  /** `struct sockaddr_*`; empty where there are no addresses. */
  readonly address: DataView;
  /** TPID and TCI of a VLAN tag that was taken off; 0: none. */
  readonly vlan: number;
}

interface Waiter<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void;
  readonly reject: (error: Error) => void;
}

/** Whole packets of a descriptor that never waits, read when somebody asks for one. Owns the descriptor. */
export class PacketReader<T> {
  readonly #descriptor: Descriptor;
  readonly #take: 'receivePackets' | 'readPackets';
  readonly #longest: number;
  readonly #decode: (packet: TakenPacket) => T;
  readonly #ready: (T | SyscallError)[] = [];
  readonly #waiting: Waiter<T>[] = [];
  #watch: Listener | undefined;
  /** Whether the watch will call. */
  #armed = false;
  #held = true;

  constructor(
    descriptor: Descriptor,
    take: 'receivePackets' | 'readPackets',
    longest: number,
    decode: (packet: TakenPacket) => T,
  ) {
    this.#descriptor = descriptor;
    this.#take = take;
    this.#longest = longest;
    this.#decode = decode;
  }

  /** The number, or -1 once closed. */
  get fd(): number {
    return this.#descriptor.fd;
  }

  /** The next packet; no more once closed. Rejects when reading fails; what comes after that can still be read. */
  next(): Promise<IteratorResult<T, undefined>> {
    return new Promise((resolve, reject) => {
      if (this.fd < 0) return resolve({ done: true, value: undefined });
      this.#waiting.push({ resolve, reject });
      this.#serve();
    });
  }

  #serve(): void {
    if (this.#ready.length === 0) this.#fill();
    while (this.#ready.length > 0 && this.#waiting.length > 0) {
      const [packet, waiter] = [this.#ready.shift()!, this.#waiting.shift()!];
      if (packet instanceof SyscallError) waiter.reject(packet);
      else waiter.resolve({ done: false, value: packet });
    }
    if (this.#waiting.length > 0 && !this.#armed) this.#arm();
  }

  #arm(): void {
    this.#armed = true;
    if (this.#watch !== undefined) return this.#watch.resume();
    this.#watch = watchReadable(this.fd, () => {
      this.#armed = false;
      this.#serve();
    });
    if (!this.#held) this.#watch.unref();
  }

  #fill(): void {
    buffer ??= new Uint8Array(BUFFER_BYTES);
    const filled = addon[this.#take](this.fd, buffer, this.#longest);
    const view = new DataView(buffer.buffer);
    for (let at = 0; at < filled;) {
      const length = view.getUint32(at, LITTLE_ENDIAN);
      const errno = view.getUint32(at + 12, LITTLE_ENDIAN);
      const start = at + RECORD;
      if (errno !== 0) {
        const syscall = this.#take === 'readPackets' ? 'read' : 'recvmsg';
        this.#ready.push(systemCallError({ errno, syscall }));
      } else {
        this.#ready.push(
          this.#decode({
            data: buffer.slice(start, start + length),
            length: view.getUint32(at + 4, LITTLE_ENDIAN),
            address: new DataView(buffer.buffer, at + ADDRESS, view.getUint32(at + 8, LITTLE_ENDIAN)),
            vlan: view.getUint32(at + 16, LITTLE_ENDIAN),
          }),
        );
      }
      at = start + ((length + 3) & ~3);
    }
  }

  /** Waiting for packets no longer keeps the process alive. */
  unref(): void {
    this.#held = false;
    this.#watch?.unref();
  }

  /** Who waits is told that there is nothing more. A second call does nothing. */
  close(): void {
    this.#watch?.close();
    this.#descriptor.close();
    this.#ready.length = 0;
    for (const { resolve } of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
  }
}

/** `sendto`; where there is no room, when there is some. */
export async function sendWhole(fd: number, bytes: Uint8Array, address: Uint8Array): Promise<void> {
  let result = addon.sync.sendPacket(fd, bytes, address, 0);
  if (result === 0) return;
  if (result.errno === EAGAIN) {
    // The socket may be closed meanwhile, and its number be another's.
    const own = addon.duplicate(fd);
    if ('syscall' in own) throw systemCallError(own);
    try {
      do result = await addon.async.sendPacket(own.fd, bytes, address, 1000);
      while (result !== 0 && result.errno === EAGAIN);
    } finally {
      own.close();
    }
    if (result === 0) return;
  }
  throw systemCallError(result, `${bytes.length} bytes`);
}
