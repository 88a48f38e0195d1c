import { describe, expect, test } from '@jest/globals';
import { CodecError } from '../../lib/errors.js';
import { Writer } from '../../lib/wire/writer.js';
import { hex } from '../support/codec.js';

describe('Writer', () => {
  test('grows, and keeps what it has', () => {
    const writer = new Writer(4);
    for (let i = 1; i <= 1000; i++) {
      const at = writer.reserve(1);
      writer.view.setUint8(at, i & 0xff);
    }
    expect(writer.length).toBe(1000);
    expect([...writer.finish()]).toEqual(Array.from({ length: 1000 }, (_, i) => (i + 1) & 0xff));
  });

  test('grows at once by more than the double', () => {
    const writer = new Writer(4);
    writer.append(Uint8Array.of(1, 2, 3));
    writer.append(new Uint8Array(5000).fill(7));
    expect(writer.length).toBe(5003);
    expect(hex(writer.finish().subarray(0, 5))).toBe('0102030707');
    expect(writer.finish().at(-1)).toBe(7);
  });

  test('the view is of the grown buffer', () => {
    const writer = new Writer(4);
    writer.reserve(3);
    const at = writer.reserve(4);
    writer.view.setUint32(at, 0x01020304);
    expect(hex(writer.finish())).toBe('00000001020304');
  });

  test('reserves zeros, also where something was cut off', () => {
    const writer = new Writer(8);
    writer.append(Uint8Array.of(1, 2, 3, 4, 5, 6));
    writer.truncate(2);
    expect(writer.length).toBe(2);
    writer.reserve(4);
    expect(hex(writer.finish())).toBe('010200000000');
  });

  test('pads to multiples of 4', () => {
    const writer = new Writer();
    writer.pad4();
    expect(writer.length).toBe(0);
    writer.append(Uint8Array.of(9));
    writer.pad4();
    expect(hex(writer.finish())).toBe('09000000');
    writer.pad4();
    expect(writer.length).toBe(4);
  });

  test('an attribute has its length without the padding, and the padding behind it', () => {
    const writer = new Writer();
    const at = writer.beginAttr(0x1234);
    writer.append(Uint8Array.of(0xaa, 0xbb, 0xcc, 0xdd, 0xee));
    writer.endAttr(at);
    expect(hex(writer.finish())).toBe('0900' + '3412' + 'aabbccddee' + '000000');
  });

  test('an attribute holds 65531 bytes and no more', () => {
    const writer = new Writer();
    const at = writer.beginAttr(1);
    writer.reserve(65531);
    writer.endAttr(at);
    expect(hex(writer.finish().subarray(0, 4))).toBe('ffff0100');
    const more = writer.beginAttr(1);
    writer.reserve(65532);
    expect(() => writer.endAttr(more)).toThrow(CodecError);
  });

  test('finish gives a copy', () => {
    const writer = new Writer();
    writer.append(Uint8Array.of(1));
    const bytes = writer.finish();
    writer.view.setUint8(0, 2);
    expect(bytes[0]).toBe(1);
  });
});
