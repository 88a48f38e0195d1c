/** One codec on its own: what it writes, as hex, and what it reads of hex. */
import { expect } from '@jest/globals';
import { CodecError } from '../../lib/errors.js';
import type { Codec } from '../../lib/wire/codec.js';
import { LITTLE_ENDIAN, Writer } from '../../lib/wire/writer.js';

/** Expected bytes are those of a little-endian machine. */
export const bigEndianHost = LITTLE_ENDIAN ? undefined : 'this machine is big-endian';

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

export function unhex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

export function encode<In>(codec: Codec<In, unknown>, value: In): string {
  const writer = new Writer();
  codec.write(writer, value, {}, 0);
  return hex(writer.finish());
}

/** The bytes lie in the middle of others: a codec that reads elsewhere reads something else. */
export function decode<Out>(codec: Codec<never, Out>, text: string): Out {
  const payload = unhex(text);
  const bytes = new Uint8Array(payload.length + 16).fill(0xee);
  bytes.set(payload, 8);
  return codec.read(viewOf(bytes.subarray(4)), 4, payload.length, {}, 0);
}

/** What `run` throws, which has to be a CodecError. */
export function codecError(run: () => unknown): CodecError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(CodecError);
    return error as CodecError;
  }
  throw new Error('nothing was thrown');
}

/** Why `codec` refuses `value`. */
export function refusal(codec: Codec<never, unknown>, value: unknown): string {
  return codecError(() => encode(codec as Codec<unknown>, value)).message;
}
