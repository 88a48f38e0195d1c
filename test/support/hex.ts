/**
 * Goldens: bytes as the kernel or `ip` sent them, in text files that a person can read.
 *
 * A line has bytes in hexadecimal, spaces wherever they help, and after `#` what they are. The comment at the top says
 * what the bytes came from. They are those of a little-endian machine.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** The bytes of such a text. */
export function parseHex(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    for (const digits of line
      .replace(/#.*/, '')
      .split(/\s+/)
      .filter((word) => word !== '')) {
      if (!/^([0-9a-f]{2})+$/.test(digits)) throw new Error(`line ${index + 1}: ${digits} is not hexadecimal`);
      bytes.push(...Buffer.from(digits, 'hex'));
    }
  }
  return Uint8Array.from(bytes);
}

/** The bytes of `test/golden/NAME.hex`. */
export function golden(name: string): Uint8Array {
  return parseHex(readFileSync(resolve(`test/golden/${name}.hex`), 'utf8'));
}

/** Bytes as such a text has them, 16 a line: two of these are easier to compare than two arrays. */
export function hex(bytes: Uint8Array): string {
  return (
    Buffer.from(bytes)
      .toString('hex')
      .match(/.{1,32}/g)
      ?.map((line) => line.match(/../g)!.join(' ')) ?? []
  ).join('\n');
}
