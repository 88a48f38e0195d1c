import { CodecError } from '../errors.js';

/** Netlink uses the byte order of the machine. */
export const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Appends to a buffer that grows. Attributes and messages are padded to multiples of 4 with zeros. */
export class Writer {
  /** The bytes so far are `bytes.subarray(0, length)`; what follows is zero. */
  bytes: Uint8Array;
  view: DataView;
  length = 0;

  constructor(capacity = 512) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Appends `size` zero bytes and returns where they start. Whoever fills them in takes `view` afterwards: it may be another one. */
  reserve(size: number): number {
    const at = this.length;
    const end = at + size;
    if (end > this.bytes.length) this.#grow(end);
    this.length = end;
    return at;
  }

  #grow(least: number): void {
    const bytes = new Uint8Array(Math.max(least, this.bytes.length * 2));
    bytes.set(this.bytes.subarray(0, this.length));
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
  }

  /** Forgets everything from `length` on. */
  truncate(length: number): void {
    this.bytes.fill(0, length, this.length);
    this.length = length;
  }

  append(bytes: Uint8Array | readonly number[]): void {
    const at = this.reserve(bytes.length);
    if (bytes instanceof Uint8Array) this.bytes.set(bytes, at);
    else for (let i = 0; i < bytes.length; i++) this.bytes[at + i] = bytes[i]!;
  }

  pad4(): void {
    if ((this.length & 3) !== 0) this.reserve(4 - (this.length & 3));
  }

  /** Starts an attribute and returns its place, for `endAttr`. */
  beginAttr(type: number): number {
    const at = this.reserve(4);
    this.view.setUint16(at + 2, type, LITTLE_ENDIAN);
    return at;
  }

  endAttr(at: number): void {
    const size = this.length - at;
    if (size > 0xffff) throw new CodecError('', `${size - 4} bytes do not fit into one attribute (65531 at most)`);
    this.view.setUint16(at, size, LITTLE_ENDIAN);
    this.pad4();
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }
}
