import { CodecError } from '../errors.js';
import { show, type Codec } from './codec.js';

const encoder = new TextEncoder();
/** A byte order mark is a character like any other in a name. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Short texts met lately, each at the place that its hash gives: kinds, queueing disciplines and names come again and again. */
const recent = new Array<string>(512).fill('');
const LONGEST_RECENT = 16;

/** Text up to the first NUL or the end. Most names are a few ASCII characters: a loop beats TextDecoder there. */
export function readText(view: DataView, at: number, length: number): string {
  let size = 0;
  let hash = 0;
  while (size < length && size < LONGEST_RECENT) {
    const byte = view.getUint8(at + size);
    if (byte === 0) break;
    if (byte >= 0x80) return decodeUtf8(view, at, length);
    hash = (Math.imul(hash, 31) + byte) | 0;
    size++;
  }
  if (size === LONGEST_RECENT) return decodeUtf8(view, at, length);
  const place = (hash ^ (hash >>> 9)) & (recent.length - 1);
  const known = recent[place]!;
  return isAscii(known, view, at, size) ? known : (recent[place] = readAscii(view, at, size));
}

function isAscii(text: string, view: DataView, at: number, size: number): boolean {
  if (text.length !== size) return false;
  for (let i = 0; i < size; i++) if (text.charCodeAt(i) !== view.getUint8(at + i)) return false;
  return true;
}

function readAscii(view: DataView, at: number, size: number): string {
  let text = '';
  for (let i = at; i < at + size; i++) text += String.fromCharCode(view.getUint8(i));
  return text;
}

function decodeUtf8(view: DataView, at: number, length: number): string {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, length);
  const end = bytes.indexOf(0);
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function encodeText(value: unknown, minimum: number, maximum: number): Uint8Array {
  if (typeof value !== 'string') throw new CodecError('', `takes a string, not ${show(value)}`);
  const bytes = encoder.encode(value);
  if (bytes.length > maximum) {
    throw new CodecError('', `${show(value)} has ${bytes.length} bytes; ${maximum} are the most`);
  }
  if (bytes.length < minimum) throw new CodecError('', 'must not be empty');
  if (bytes.includes(0)) throw new CodecError('', `${show(value)} contains a NUL`);
  return bytes;
}

/** Text with a NUL at its end (NLA_NUL_STRING), of at most `maximum` bytes without it. */
export function nulString(maximum = 65530, minimum = 0): Codec<string> {
  return {
    write(writer, value) {
      writer.append(encodeText(value, minimum, maximum));
      writer.reserve(1);
    },
    read: readText,
  };
}

/** Text without an end mark (NLA_STRING). */
export function string(maximum = 65531, minimum = 0): Codec<string> {
  return {
    write: (writer, value) => writer.append(encodeText(value, minimum, maximum)),
    read: readText,
  };
}

/** The kernel's dev_valid_name(): 1 to 15 bytes, no '/', ':' or white space, not '.' or '..'. */
export const linkName: Codec<string> = {
  write(writer, value) {
    const bytes = encodeText(value, 1, 15);
    if (value === '.' || value === '..' || /[/:\s]/.test(value)) {
      throw new CodecError('', `${show(value)} is no name for a link: no '/', ':' or white space, not '.' or '..'`);
    }
    writer.append(bytes);
    writer.reserve(1);
  },
  read: readText,
};

/** Bytes that nothing here interprets, copied. */
export function bytes(maximum = 65531, minimum = 0): Codec<Uint8Array> {
  return {
    write(writer, value) {
      if (!(value instanceof Uint8Array)) throw new CodecError('', `takes a Uint8Array, not ${show(value)}`);
      if (value.length < minimum || value.length > maximum) {
        const sizes = minimum === maximum ? `${minimum}` : `${minimum} to ${maximum}`;
        throw new CodecError('', `takes ${sizes} bytes, not ${value.length}`);
      }
      writer.append(value);
    },
    read: readBytes,
  };
}

const NO_BYTES = new Uint8Array(0);

export function readBytes(view: DataView, at: number, length: number): Uint8Array {
  if (length === 0) return NO_BYTES;
  return new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset + at, length).slice();
}
