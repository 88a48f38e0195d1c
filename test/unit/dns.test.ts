/** DNS messages, and the files that the resolver reads. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CodecError } from '../../lib/errors.js';
import { A, AAAA, decodeAnswer, encodeQuery, nameBytes, type Question } from '../../lib/namespaces/dns-message.js';
import { candidates, parseHosts, parseResolvConf } from '../../lib/namespaces/resolver-files.js';
import { answerTo, record, wireName } from '../support/dns-server.js';

const question = (name: string, type: Question['type'] = A): Question => ({ id: 0x1234, name: nameBytes(name)!, type });
const compressed = (at: number) => Buffer.from([0xc0 | (at >> 8), at & 0xff]);
const toQuestion = compressed(12);

/** The answer with these records, decoded. */
function decoded(asked: Question, records: readonly Buffer[], change: (bytes: Buffer) => void = () => undefined) {
  const bytes = answerTo(Buffer.from(encodeQuery(asked)), 0, records);
  change(bytes);
  return decodeAnswer(bytes, asked);
}

describe('a query', () => {
  test('is a header and one question', () => {
    expect(Buffer.from(encodeQuery(question('www.Example.org', AAAA))).toString('hex')).toBe(
      '123401000001000000000000' + '03777777' + '074578616d706c65' + '036f7267' + '00' + '001c0001',
    );
  });

  test.each([
    ['a.b', true],
    ['a.b.', true],
    ['_x-1.b', true],
    ['x'.repeat(63), true],
    [`${'x'.repeat(63)}.`.repeat(3) + 'x'.repeat(61), true],
    [`${'x'.repeat(63)}.`.repeat(3) + 'x'.repeat(62), false],
    ['x'.repeat(64), false],
    ['', false],
    ['.', false],
    ['a..b', false],
    ['.a', false],
    ['a b', false],
    ['ä', false],
  ])('%j has a form on the wire: %p', (name, possible) => {
    expect(nameBytes(name) !== undefined).toBe(possible);
  });
});

describe('an answer', () => {
  test('has the addresses of the name, and of no other', () => {
    const records = [
      record(toQuestion, 1, Buffer.from([10, 7, 0, 1])),
      record(wireName('other.org'), 1, Buffer.from([10, 7, 0, 2])),
      record(wireName('WWW.example.ORG'), 1, Buffer.from([10, 7, 0, 3])),
      record(toQuestion, 16, Buffer.from('text')),
    ];
    expect(decoded(question('www.example.org'), records)).toEqual({
      truncated: false,
      rcode: 0,
      addresses: ['10.7.0.1', '10.7.0.3'],
    });
    const six = record(toQuestion, 28, Buffer.from('fd070000000000000000000000000001', 'hex'));
    expect(decoded(question('x', AAAA), [six])?.addresses).toEqual(['fd07::1']);
  });

  test('is followed through aliases in any order, and not in a circle', () => {
    const chain = [
      record(wireName('c'), 1, Buffer.from([10, 7, 0, 1])),
      record(wireName('b'), 5, wireName('C')),
      record(toQuestion, 5, wireName('b')),
    ];
    expect(decoded(question('a'), chain)?.addresses).toEqual(['10.7.0.1']);
    const circle = [record(toQuestion, 5, wireName('b')), record(wireName('b'), 5, toQuestion)];
    expect(decoded(question('a'), circle)?.addresses).toEqual([]);
    // A name behind the one that the alias leads to, by pointers that lead back.
    const data = Buffer.concat([Buffer.from([1, 0x62]), toQuestion]);
    const records = [record(toQuestion, 5, data), record(wireName('b.a'), 1, Buffer.from([10, 7, 0, 9]))];
    expect(decoded(question('a'), records)?.addresses).toEqual(['10.7.0.9']);
  });

  test.each<[string, (bytes: Buffer) => void]>([
    ['another id', (bytes) => bytes.writeUInt16BE(0x1235, 0)],
    ['a query', (bytes) => bytes.writeUInt16BE(0x0100, 2)],
    ['another opcode', (bytes) => bytes.writeUInt16BE(0x8980, 2)],
    ['no question', (bytes) => bytes.writeUInt16BE(0, 4)],
    ['another name', (bytes) => bytes.writeUInt8(0x62, 13)],
    ['another type', (bytes) => bytes.writeUInt8(28, 16)],
    ['another class', (bytes) => bytes.writeUInt8(3, 18)],
  ])('with %s belongs to something else', (_what, change) => {
    expect(decoded(question('a'), [], change)).toBeUndefined();
    expect(decoded(question('a'), [])).toBeDefined();
  });

  test('tells when it was cut off, and the RCODE', () => {
    const cut = decoded(question('a'), [], (bytes) => bytes.writeUInt16BE(0x8383, 2));
    expect(cut).toEqual({ truncated: true, rcode: 3, addresses: [] });
  });

  // The first record is at 19.
  test.each<[string, Buffer]>([
    ['a pointer to itself', record(compressed(19), 1, Buffer.alloc(4))],
    ['a pointer forward', record(compressed(40), 1, Buffer.alloc(4))],
    ['a pointer to before itself that leads to it', record(Buffer.from([1, 0x78, 0xc0, 19]), 1, Buffer.alloc(4))],
    ['a label of a type that there is not', record(Buffer.from([0x80, 1]), 1, Buffer.alloc(4))],
    ['an address of 5 bytes', record(toQuestion, 1, Buffer.alloc(5))],
    ['an alias with something behind it', record(toQuestion, 5, Buffer.from([1, 0x62, 0, 0]))],
    ['data beyond the end', record(toQuestion, 1, Buffer.alloc(4)).subarray(0, -1)],
    ['nothing', Buffer.alloc(0)],
    ['a name that ends early', Buffer.from([7, 0x78])],
    ['a name of more than 255 bytes', record(wireName(`${'x'.repeat(63)}.`.repeat(5)), 1, Buffer.alloc(4))],
  ])('with %s is broken', (_what, first) => {
    expect(() => decoded(question('a'), [first])).toThrow(CodecError);
  });

  test('whatever the bytes are: an answer, nothing or a CodecError, and soon', () => {
    const asked = question('some.name.example');
    const good = answerTo(Buffer.from(encodeQuery(asked)), 0, [
      record(toQuestion, 5, Buffer.concat([wireName('alias').subarray(0, -1), compressed(17)])),
      record(compressed(47), 1, Buffer.from([10, 7, 0, 1])),
    ]);
    const tried = (bytes: Uint8Array) => {
      try {
        const answer = decodeAnswer(bytes, asked);
        for (const address of answer?.addresses ?? []) expect(address).toMatch(/^[0-9.]+$/);
      } catch (error) {
        expect(error).toBeInstanceOf(CodecError);
      }
    };
    const mutation = fc.record({ at: fc.nat(good.length - 1), byte: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(mutation, { maxLength: 12 }), fc.nat(good.length), (mutations, length) => {
        const bytes = Buffer.from(good);
        for (const { at, byte } of mutations) bytes[at] = byte;
        tried(bytes);
        tried(bytes.subarray(0, length));
      }),
      { numRuns: 3000 },
    );
    // Behind the right head, anything: full of pointers, above all.
    const tail = fc.uint8Array({ maxLength: 600 }).map((bytes) => bytes.map((byte) => (byte % 3 === 0 ? 0xc0 : byte)));
    fc.assert(
      fc.property(tail, (bytes) => {
        const head = answerTo(Buffer.from(encodeQuery(asked)), 0, []);
        head.writeUInt16BE(0xffff, 6);
        tried(Buffer.concat([head, bytes]));
      }),
      { numRuns: 3000 },
    );
  });
});

describe('resolv.conf', () => {
  test('the defaults', () => {
    const defaults = { nameservers: ['127.0.0.1'], search: [], ndots: 1, timeout: 5000, attempts: 2 };
    expect(parseResolvConf('')).toEqual(defaults);
    expect(parseResolvConf('nonsense\n\n; nameserver 10.0.0.1\n#x\nnameserver here\noptions\n')).toEqual(defaults);
  });

  test('what is in it, with the limits of the C library', () => {
    const text = `nameserver 10.0.0.1
nameserver\tfd00::53 # the other
domain first.org second.org
search a.org  b.org
nameserver 10.0.0.3
nameserver 10.0.0.4
options ndots:99 timeout:7 attempts:0 edns0 rotate
options timeout:99`;
    expect(parseResolvConf(text)).toEqual({
      nameservers: ['10.0.0.1', 'fd00::53', '10.0.0.3'],
      search: ['a.org', 'b.org'],
      ndots: 15,
      timeout: 30_000,
      attempts: 1,
    });
    expect(parseResolvConf('search a.org\ndomain b.org').search).toEqual(['b.org']);
  });

  test.each([
    ['www', 1, ['www.a.org', 'www.b.org', 'www']],
    ['www.x', 1, ['www.x', 'www.x.a.org', 'www.x.b.org']],
    ['www.x', 2, ['www.x.a.org', 'www.x.b.org', 'www.x']],
    ['www', 0, ['www', 'www.a.org', 'www.b.org']],
    ['www.', 1, ['www.']],
  ])('%s with ndots:%i stands for %j', (name, ndots, expected) => {
    expect(candidates(name, { search: ['a.org', 'b.org'], ndots })).toEqual(expected);
  });
});

test('hosts', () => {
  const hosts = parseHosts(
    '127.0.0.1 localhost\n::1\tlocalhost ip6-localhost # six\n#10.0.0.1 no\nx y\n10.0.0.2 A a\n',
  );
  expect([...hosts]).toEqual([
    ['localhost', ['127.0.0.1', '::1']],
    ['ip6-localhost', ['::1']],
    ['a', ['10.0.0.2']],
  ]);
});
