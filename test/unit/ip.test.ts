/** The text of addresses, beside what the package ip-address makes of it. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Address4, Address6 } from 'ip-address';
import { formatIp, ip, ipv4, ipv6, parseIp, parsePrefix } from '../../lib/wire/ip.js';
import { codecError, decode, encode, hex, refusal, viewOf } from '../support/codec.js';

const runs = { numRuns: 5000 };

describe('IPv4', () => {
  test('any four bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (bytes) => {
        const text = formatIp(viewOf(bytes), 0, 4);
        expect(text).toBe(bytes.join('.'));
        expect(parseIp(text)).toEqual([...bytes]);
        expect(new Address4(text).toArray()).toEqual([...bytes]);
      }),
      runs,
    );
  });

  test.each([
    '',
    '1',
    '1.2',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '1.2.3.04',
    '00.1.2.3',
    '1..2.3',
    '.1.2.3',
    '1.2.3.',
    '1.2.3.4 ',
    '0x1.2.3.4',
    '1.2.3.-4',
    '1.2.3.4\n',
    '١.2.3.4',
    '1.2.3.99999999999',
  ])('not %p', (text) => expect(parseIp(text)).toBeUndefined());
});

/** ip-address takes these all the same: a zone, brackets, leading zeros. */
const excepted = /%|\[|01\./;

/** Sixteen bytes, with as many zeros as makes the shortened forms likely. */
const sixteen = fc
  .array(fc.oneof(fc.constant(0), fc.constant(0), fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 })
  .map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff])));

describe('IPv6', () => {
  test('any sixteen bytes, in the form of RFC 5952', () => {
    fc.assert(
      fc.property(sixteen, (bytes) => {
        const text = formatIp(viewOf(bytes), 0, 16);
        expect(parseIp(text)).toEqual([...bytes]);
        const theirs = Address6.fromByteArray([...bytes]);
        expect(new Address6(text).canonicalForm()).toBe(theirs.canonicalForm());
        if (!text.includes('.')) expect(text).toBe(theirs.correctForm());
      }),
      runs,
    );
  });

  test.each([
    ['00000000000000000000000000000000', '::'],
    ['00000000000000000000000000000001', '::1'],
    ['20010db8000000000000000000000001', '2001:db8::1'],
    // RFC 5952, section 4.2.2: one group of zeros is not shortened.
    ['20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
    // 4.2.3: the longest run, or the first of several.
    ['20010000000000010000000000000001', '2001:0:0:1::1'],
    ['20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
    ['00010002000300040005000600000000', '1:2:3:4:5:6::'],
    ['00000000000000000000ffff0a000001', '::ffff:10.0.0.1'],
    ['00000000000000000000ffff00000000', '::ffff:0.0.0.0'],
    ['0000000000000000000000000a000001', '::a00:1'],
    ['fe800000000000000042acfffe110002', 'fe80::42:acff:fe11:2'],
  ])('%s is %s', (bytes, text) => {
    expect(decode(ip, bytes)).toBe(text);
    expect(encode(ip, text)).toBe(bytes);
  });

  test('other forms of the same', () => {
    for (const text of ['2001:DB8::1', '2001:0db8:0:0:0:0:0:1', '2001:db8:0:0::0:1', '2001:db8::0.0.0.1']) {
      expect(hex(Uint8Array.from(parseIp(text)!))).toBe('20010db8000000000000000000000001');
    }
  });

  test.each([
    ':',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '1:2:3:4:5:6:7::8',
    '12345::',
    '::g',
    ':1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:',
    '::1%eth0',
    '[::1]',
    '::1 ',
    '::1.2.3',
    '::1.2.3.256',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '::01.2.3.4',
    '1:2:3:4:5:6:7:1.2.3.4',
  ])('not %p', (text) => {
    expect(parseIp(text)).toBeUndefined();
    if (!excepted.test(text)) expect(Address6.isValid(text)).toBe(false);
  });

  test('anything: what is taken, ip-address takes for the same', () => {
    const soup = fc.string({ unit: fc.constantFrom(':', ':', '::', '.', '0', '1', 'f', 'ffff', '255'), maxLength: 18 });
    fc.assert(
      fc.property(soup, (text) => {
        const bytes = parseIp(text);
        if (bytes?.length === 16)
          expect(new Address6(text).canonicalForm()).toBe(Address6.fromByteArray([...bytes]).canonicalForm());
        if (bytes?.length === 4) expect(Address4.isValid(text)).toBe(true);
      }),
      runs,
    );
  });
});

describe('codecs', () => {
  test('of one family or both', () => {
    expect(encode(ipv4, '10.1.0.2')).toBe('0a010002');
    expect(refusal(ipv4, '::1')).toBe('takes an IPv4 address, not "::1"');
    expect(refusal(ipv6, '10.1.0.2')).toBe('takes an IPv6 address, not "10.1.0.2"');
    expect(refusal(ip, 'localhost')).toBe('takes an IP address, not "localhost"');
    expect(refusal(ip, 0x0a010002)).toContain('takes an IP address');
    expect([ipv4.size, ipv6.size, ip.size]).toEqual([4, 16, undefined]);
  });

  test('no other number of bytes', () => {
    for (const bytes of ['', '0a', '0a01000201', '00'.repeat(17)])
      expect(codecError(() => decode(ip, bytes)).reason).toContain('no IP address');
  });
});

describe('prefixes', () => {
  test('an address and a length', () => {
    expect(parsePrefix('10.1.0.1/24', false)).toEqual({ address: [10, 1, 0, 1], length: 24 });
    expect(parsePrefix('0.0.0.0/0', false).length).toBe(0);
    expect(parsePrefix('::/128', false).length).toBe(128);
  });

  test('without one where that is allowed', () => {
    expect(parsePrefix('10.1.0.1', true).length).toBe(32);
    expect(parsePrefix('::1', true).length).toBe(128);
    expect(codecError(() => parsePrefix('10.1.0.1', false)).reason).toContain('an address with its prefix length');
  });

  test.each([
    '10.1.0.1/33',
    '::1/129',
    '10.1.0.1/',
    '10.1.0.1/024',
    '10.1.0.1/-1',
    '10.1.0.1/1e1',
    '10.1.0.1/8/8',
    '/8',
    '10.1/16',
    8,
    null,
    undefined,
  ])('not %p', (text) => void codecError(() => parsePrefix(text, true)));
});
