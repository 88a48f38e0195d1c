import { describe, expect, test } from '@jest/globals';
import {
  attr,
  attrSet,
  list,
  merging,
  nest,
  selected,
  spread,
  type AttrSet,
  type AttrsIn,
  type AttrsOut,
  type Rows,
} from '../../lib/wire/attrs.js';
import { mapped, readOnly, split } from '../../lib/wire/codec.js';
import { be32, bool8, flag, u16, u32, u8 } from '../../lib/wire/numbers.js';
import { nulString } from '../../lib/wire/text.js';
import { Writer } from '../../lib/wire/writer.js';
import { codecError, hex, unhex, viewOf } from '../support/codec.js';

function write<T extends Rows>(set: AttrSet<T>, value: AttrsIn<T>): string {
  const writer = new Writer(1);
  set.write(writer, value);
  return hex(writer.finish());
}

function read<T extends Rows>(set: AttrSet<T>, text: string): AttrsOut<T> {
  const bytes = unhex(text);
  return set.read(viewOf(bytes), 0, bytes.length);
}

const red = attrSet('RED', () => ({ depth: attr(1, u8), on: attr(2, flag) }));
const blue = attrSet('BLUE', () => ({ width: attr(1, u16) }));
const info = attrSet('INFO', () => ({
  kind: attr(1, nulString()),
  data: attr(
    2,
    selected<object, object>(() => ({ red, blue }), 'kind'),
  ),
}));
const limits = attrSet('LIMITS', () => ({ least: attr(1, u32), most: attr(2, u32) }));
const set = attrSet('T', () => ({
  name: attr(1, nulString(15)),
  mtu: attr(2, u32),
  quiet: attr(3, flag),
  ports: attr(4, list(u16, 7)),
  limits: attr(5, nest(limits)),
  info: attr(6, spread(info)),
  counter: attr(7, readOnly(u32)),
  inherit: attr(8, split(flag, bool8)),
  all: attr(9, list(nest(limits))),
}));

describe('writing', () => {
  test('in the order of the keys; padded', () => {
    expect(write(set, { mtu: 1500, name: 'ab' })).toBe(
      '0800' + '0200' + 'dc050000' + '0700' + '0100' + '61620000' + '',
    );
  });

  test('undefined is not sent, 0 and empty are', () => {
    expect(write(set, { name: undefined, mtu: 0 })).toBe('0800020000000000');
    expect(write(set, { name: '' })).toBe('0500010000000000');
    expect(write(set, {})).toBe('');
  });

  test('flags that are off and what is only read are passed over', () => {
    expect(write(set, { quiet: false, counter: 7, inherit: false })).toBe('');
    expect(write(set, { quiet: true, inherit: true })).toBe('04000300' + '04000800');
  });

  test('nests say that they are', () => {
    expect(write(set, { limits: { most: 3 } })).toBe('0c00' + '0580' + '0800' + '0200' + '03000000');
    expect(write(set, { limits: {} })).toBe('04000580');
  });

  test('lists: each element an attribute of the type asked for', () => {
    expect(write(set, { ports: [1, 2] })).toBe('1400' + '0480' + '060007000100' + '0000' + '060007000200' + '0000');
    expect(write(set, { ports: [] })).toBe('04000480');
    expect(write(set, { all: [{ least: 1 }] })).toBe('1000' + '0980' + '0c00' + '0180' + '0800' + '0100' + '01000000');
  });

  test('spread attributes are written once, where the first of them stands', () => {
    const value = { kind: 'red', mtu: 1, data: { depth: 5 } };
    expect(write(set as AttrSet<Rows>, value)).toBe(
      '1800' + '0680' + '08000100' + '72656400' + '0c00' + '0280' + '05000100' + '05000000' + '0800020001000000',
    );
  });

  test('a misspelt option is refused, and what was meant is suggested', () => {
    const refused = (key: string) => codecError(() => set.write(new Writer(), { [key]: 1 })).message;
    expect(refused('mtv')).toBe("mtv: there is no such option; did you mean 'mtu'?");
    expect(refused('MTU')).toBe("MTU: there is no such option; did you mean 'mtu'?");
    expect(refused('limit')).toContain("did you mean 'limits'?");
    expect(refused('_kind')).toContain("did you mean 'kind'?");
    expect(refused('colour')).toBe('colour: there is no such option');
    expect(refused('info')).toBe('info: there is no such option');
    expect(refused('toString')).toBe('toString: there is no such option');
  });

  test('undefined is no value, so its key may be anything', () => {
    expect(write(set, { colour: undefined } as object)).toBe('');
  });

  test.each([null, undefined, 7, 'name'])('%p is no object', (value) => {
    codecError(() => set.write(new Writer(), value as unknown as object));
  });
});

describe('paths', () => {
  const pathOf = (value: object) => codecError(() => set.write(new Writer(), value)).path;

  test.each<[object, string]>([
    [{ mtu: -1 }, 'mtu'],
    [{ quiet: 1 }, 'quiet'],
    [{ limits: { most: 'all' } }, 'limits.most'],
    [{ limits: { tops: 1 } }, 'limits.tops'],
    [{ limits: 7 }, 'limits'],
    [{ ports: [1, 2, 65536] }, 'ports[2]'],
    [{ ports: 1 }, 'ports'],
    [{ all: [{}, { least: null }] }, 'all[1].least'],
    [{ kind: 'red', data: { depth: 256 } }, 'data(red).depth'],
    [{ kind: 'red', data: { dept: 256 } }, 'data(red).dept'],
    [{ kind: 'green', data: {} }, 'data'],
    [{ data: {} }, 'data'],
    [{ kind: 7 }, 'kind'],
    [{ unknown: 7 }, 'unknown'],
    [{ kind: 'red', unknown: 7 }, 'unknown'],
    [{ unknown: [{ type: 1, bytes: new Uint8Array(), within: 'LIMITS' }] }, 'unknown[0].within'],
    [{ kind: 'red', unknown: [{ type: 1, bytes: [1], within: 'INFO' }] }, 'unknown[0]'],
    [{ unknown: [{ type: 1, bytes: [1] }] }, 'unknown[0]'],
    [
      {
        unknown: [
          { type: 1, bytes: new Uint8Array(1) },
          { type: 65536, bytes: new Uint8Array() },
        ],
      },
      'unknown[1]',
    ],
    [{ unknown: [null] }, 'unknown[0]'],
  ])('%j', (value, path) => expect(pathOf(value)).toBe(path));

  test('of a reply that cannot be read', () => {
    const path = (text: string) => codecError(() => read(set, text)).path;
    expect(path('06000200ffff')).toBe('mtu');
    expect(path('0a00' + '0500' + '06000200ffff')).toBe('limits.most');
    expect(path('0900' + '0400' + '05000700ff')).toBe('ports[0]');
    expect(path('1400' + '0600' + '0800' + '0100' + '72656400' + '0800' + '0200' + '04000100')).toBe('data(red).depth');
  });
});

describe('reading', () => {
  test('gives what was sent, and nothing for the rest', () => {
    expect(read(set, '0800' + '0200' + 'dc050000' + '0700' + '0100' + '61620000')).toEqual({ mtu: 1500, name: 'ab' });
    expect(read(set, '')).toEqual({});
  });

  test('flags of the type do not matter', () => {
    expect(read(set, '0800' + '02c0' + 'dc050000')).toEqual({ mtu: 1500 });
  });

  test('spread attributes stand beside the others', () => {
    const text =
      '0800020001000000' + '1800' + '0600' + '0800' + '0100' + '72656400' + '0c00' + '0200' + '05000100' + '05000000';
    expect(read(set, text)).toEqual({ mtu: 1, kind: 'red', data: { depth: 5 } });
  });

  test('data of a kind without a table, or without a kind, are bytes', () => {
    const green = '1800' + '0600' + '0a00' + '0100' + '677265656e00' + '0000' + '0800' + '0200' + '01020304';
    expect(read(set, green)).toEqual({ kind: 'green', data: unhex('01020304') });
    expect(read(set, '0c00' + '0600' + '0800' + '0200' + '01020304')).toEqual({ data: unhex('01020304') });
    expect(write(set as AttrSet<Rows>, read(set, green))).toBe(
      green.replace('18000600', '18000680').replace('08000200', '08000280'),
    );
  });

  test("a kind named like an object's method has no table", () => {
    const text = '1400' + '0600' + '0d00' + '0100' + '746f537472696e6700' + '000000';
    expect(read(set, text)).toEqual({ kind: 'toString' });
  });

  test('unknown attributes are kept as they came, and written back', () => {
    const text = '0800020001000000' + '0600' + 'e783' + 'aabb' + '0000' + '0400' + 'e803';
    const value = read(set, text);
    expect(value).toEqual({
      mtu: 1,
      unknown: [
        { type: 0x83e7, bytes: Uint8Array.of(0xaa, 0xbb) },
        { type: 1000, bytes: new Uint8Array() },
      ],
    });
    expect(write(set, value)).toBe(text);
  });

  test('unknown attributes inside spread ones are known to be there, and written back there', () => {
    const text =
      '1800' +
      '0680' +
      '0800' +
      '0100' +
      '72656400' +
      '0600' +
      '0940' +
      'ccdd' +
      '0000' +
      '0400' +
      '0a00' +
      '0600' +
      '0f00' +
      'aabb' +
      '0000';
    const value = read(set, text);
    expect(value).toEqual({
      kind: 'red',
      unknown: [
        { type: 0x4009, bytes: unhex('ccdd'), within: 'INFO' },
        { type: 10, bytes: new Uint8Array(), within: 'INFO' },
        { type: 15, bytes: unhex('aabb') },
      ],
    });
    expect(write(set, value)).toBe(text);
    // Also where nothing else of that table is there, and whatever comes first.
    const alone = { unknown: value.unknown!.slice(1, 2) };
    expect(write(set, alone)).toBe('0800' + '0680' + '0400' + '0a00');
    expect(write(set as AttrSet<Rows>, { ...alone, kind: 'red' })).toBe(
      '1000' + '0680' + '0800' + '0100' + '72656400' + '0400' + '0a00',
    );
  });

  test('unknown attributes inside nests are kept there', () => {
    expect(read(set, '0c00' + '0500' + '0800' + '0900' + '01020304')).toEqual({
      limits: { unknown: [{ type: 9, bytes: unhex('01020304') }] },
    });
  });

  test('the last of two counts', () => {
    expect(read(set, '0800020001000000' + '0800020002000000')).toEqual({ mtu: 2 });
  });

  test.each([
    ['a length of 3', '03000200'],
    ['a length of 0', '0000020001000000'],
    ['a length beyond the end', '0900020001000000'],
    ['an inner length beyond the end', '0c00' + '0500' + '0900' + '0200' + '01000000'],
    ['a list whose element is too long', '0a00' + '0400' + '070007000100'],
  ])('%s is an error', (_name, text) => void codecError(() => read(set, text)));

  test('one to three bytes at the end are passed over, as the kernel does', () => {
    expect(read(set, '0800020001000000' + '080002')).toEqual({ mtu: 1 });
  });

  test('no deeper than 32 levels', () => {
    const rows: Rows = {
      mtu: attr(2, u32),
      inner: attr(1, {
        typeFlags: 0x8000,
        write: () => undefined,
        read: (view, at, length) => endless.read(view, at, at + length),
      }),
    };
    const endless: AttrSet<Rows> = attrSet('E', () => rows);
    const nested = (levels: number) => {
      const bytes = new Uint8Array(4 * levels);
      for (let i = 0; i < levels; i++) viewOf(bytes).setUint16(4 * i, 4 * (levels - i), true);
      for (let i = 0; i < levels; i++) bytes[4 * i + 2] = 1;
      return endless.read(viewOf(bytes), 0, bytes.length);
    };
    expect(nested(31)).toHaveProperty('inner.inner.inner.inner');
    expect(codecError(() => nested(40)).reason).toContain('nested more than 32 deep');
    expect(codecError(() => nested(10000)).reason).toContain('nested more than 32 deep');
    // What was thrown left no level behind.
    expect(nested(31)).toHaveProperty('inner.inner');
  });

  test('a codec may assign to its siblings itself', () => {
    const other = merging<number, number>({
      write: (writer, value, siblings, base) => be32.write(writer, value, siblings, base),
      read(view, at, length, siblings, base) {
        const value = be32.read(view, at, length, siblings, base);
        (siblings as { best?: number }).best = value;
        return value;
      },
    });
    const merged = attrSet('M', () => ({ best: attr(1, u32), other: attr(2, other) }));
    expect(read(merged, '0800020000000009')).toEqual({ best: 9 });
    expect(read(merged, '08000100' + '05000000' + '0800020000000009')).toEqual({ best: 9 });
  });
});

describe('codecs made of others', () => {
  test('mapped', () => {
    const doubled = attrSet('D', () => ({
      half: attr(
        1,
        mapped(
          u8,
          (n: number) => n * 2,
          (n) => n / 2,
        ),
      ),
    }));
    expect(write(doubled, { half: 4 })).toBe('0500010008000000');
    expect(read(doubled, '0500010008000000')).toEqual({ half: 4 });
  });

  test('written one way, read another', () => {
    expect(write(set, { inherit: true })).toBe('04000800');
    expect(read(set, '0500080001000000')).toEqual({ inherit: true });
  });
});

describe('mistakes in a table show when it is first used', () => {
  test('one number twice', () => {
    expect(() => attrSet('T', () => ({ a: attr(1, u8), b: attr(1, u8) })).has('a')).toThrow('T: b and a are both 1');
  });

  test('one name twice', () => {
    expect(() => attrSet('T', () => ({ width: attr(9, u8), inner: attr(1, spread(blue)) })).has('width')).toThrow(
      'T: two attributes named width',
    );
  });
});

test('names and numbers', () => {
  expect(set.nameOf(2)).toBe('mtu');
  expect(set.nameOf(99)).toBeUndefined();
  expect(set.has('mtu')).toBe(true);
  expect(set.has('kind')).toBe(true);
  expect(set.has('toString')).toBe(false);
});
