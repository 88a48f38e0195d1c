import { describe, expect, test } from '@jest/globals';
import { CodecError } from '../../lib/errors.js';
import { decodeAddress, deleteAddress, listAddresses, newAddress } from '../../lib/rtnetlink/address.js';
import type { AddressAttrsIn } from '../../lib/rtnetlink/address-attrs.js';
import { RTM_DELADDR, RTM_GETADDR, RTM_NEWADDR } from '../../lib/rtnetlink/constants.js';
import { bodyOf, read, readBack } from '../support/messages.js';

const link = 7;
const add = (address: AddressAttrsIn) => newAddress('add', address);
const roundTrip = (address: AddressAttrsIn) => readBack(decodeAddress, RTM_NEWADDR, add(address));

describe('what is sent', () => {
  test('an IPv4 address goes as IFA_LOCAL and IFA_ADDRESS, its prefix length into the header', () => {
    expect(bodyOf(add({ link, address: '10.1.2.3/24' }))).toBe('02180000 07000000 08000200 0a010203 08000100 0a010203');
  });

  test('with a peer, IFA_ADDRESS and the prefix length are the peer’s, in whatever order they are given', () => {
    const body = '02190000 07000000 08000200 0a010203 08000100 0a04057f';
    expect(bodyOf(add({ link, address: '10.1.2.3', peer: '10.4.5.127/25' }))).toBe(body);
    expect(bodyOf(add({ link, address: '10.1.2.3/24', peer: '10.4.5.127/25' }))).toBe(body);
    expect(bodyOf(add({ peer: '10.4.5.127/25', link, address: '10.1.2.3' }))).toBe(
      '02190000 07000000 08000100 0a04057f 08000200 0a010203',
    );
  });

  test('a peer without a prefix length is one address', () => {
    expect(bodyOf(add({ link, address: '10.1.2.3', peer: '10.4.5.6' }))).toBe(
      '02200000 07000000 08000200 0a010203 08000100 0a040506',
    );
  });

  test('an IPv6 address', () => {
    expect(bodyOf(add({ link, address: 'fd00::1:2/64' }))).toBe(
      '0a400000 07000000 14000200 fd000000 00000000 00000000 00010002 14000100 fd000000 00000000 00000000 00010002',
    );
  });

  test('addresses of the loopback network have host scope unless said otherwise', () => {
    expect(bodyOf(add({ link, address: '127.0.0.5/8' }))).toMatch(/^020800fe /);
    expect(bodyOf(add({ link, address: '127.0.0.5/8', scope: 'link' }))).toMatch(/^020800fd /);
    expect(bodyOf(add({ link, address: '10.1.2.3/8', scope: 200 }))).toMatch(/^020800c8 /);
  });

  test.each([
    ['10.1.2.3/24', undefined, '0a0102ff'],
    ['10.1.2.3/20', undefined, '0a010fff'],
    ['10.1.2.3/0', undefined, 'ffffffff'],
    ['10.1.2.1/30', undefined, '0a010203'],
    ['10.1.2.3/31', undefined, '00000000'],
    ['10.1.2.3/32', undefined, '00000000'],
    ['10.1.2.3', '10.9.8.7/28', '0a09080f'],
  ])('broadcast + of %s peer %s', (address, peer, expected) => {
    expect(bodyOf(add({ link, address, peer, broadcast: '+' }))).toContain(` 08000400 ${expected}`);
  });

  test('flags go as the attribute, which has room for all of them', () => {
    expect(bodyOf(add({ link, address: '10.1.2.3/24', flags: ['noprefixroute', 'mcautojoin'] }))).toContain(
      ' 08000800 00060000',
    );
  });

  test('lifetimes: what is left out is forever, and preferred for as long as valid', () => {
    const lifetimes = (value: Partial<AddressAttrsIn>) =>
      / 14000600( \w+ \w+ \w+ \w+)/.exec(bodyOf(add({ link, address: '10.1.2.3/24', ...value })))?.[1];
    expect(lifetimes({ validLifetime: 3600, preferredLifetime: 1800 })).toBe(' 08070000 100e0000 00000000 00000000');
    expect(lifetimes({ preferredLifetime: 1800 })).toBe(' 08070000 ffffffff 00000000 00000000');
    expect(lifetimes({ validLifetime: 3600 })).toBe(' 100e0000 100e0000 00000000 00000000');
    expect(lifetimes({ validLifetime: 'forever' })).toBe(' ffffffff ffffffff 00000000 00000000');
    expect(lifetimes({ created: 5, updated: 6 })).toBeUndefined();
  });

  test('the other attributes', () => {
    const body = bodyOf(
      add({
        link,
        address: '10.1.2.3/24',
        label: 'eth0:1',
        metric: 300,
        protocol: 'kernelRa',
        broadcast: '10.1.2.254',
      }),
    );
    expect(body).toContain(' 0b000300 65746830 3a310000'); // IFA_LABEL "eth0:1"
    expect(body).toContain(' 08000900 2c010000'); // IFA_RT_PRIORITY 300
    expect(body).toContain(' 05000b00 02000000'); // IFA_PROTO
    expect(body).toContain(' 08000400 0a0102fe'); // IFA_BROADCAST
  });

  test('add, replace, delete and list', () => {
    const address = { link, address: '10.1.2.3/24' };
    expect(newAddress('add', address)).toMatchObject({ type: RTM_NEWADDR, flags: 0x600, operation: 'RTM_NEWADDR' });
    expect(newAddress('replace', address)).toMatchObject({ type: RTM_NEWADDR, flags: 0x500 });
    expect(deleteAddress(address)).toMatchObject({ type: RTM_DELADDR, flags: 0 });
    expect(bodyOf(deleteAddress(address))).toBe('02180000 07000000 08000200 0a010203 08000100 0a010203');
    expect(listAddresses()).toMatchObject({ type: RTM_GETADDR, flags: 0x300 });
    expect(bodyOf(listAddresses())).toBe('00000000 00000000');
    expect(bodyOf(listAddresses({ family: 'inet6', link, scope: 'link', targetNetnsId: 3 }))).toBe(
      '0a000000 07000000 08000a00 03000000',
    );
  });
});

describe('what is read', () => {
  test('IPv4: IFA_ADDRESS before IFA_LOCAL, the same without a peer', () => {
    expect(read(decodeAddress, RTM_NEWADDR, '021880fe 02000000 08000100 0a010203 08000200 0a010203')).toEqual({
      family: 'inet',
      scope: 'host',
      link: 2,
      address: '10.1.2.3/24',
    });
    expect(read(decodeAddress, RTM_NEWADDR, '02198000 02000000 08000100 0a04057f 08000200 0a010203')).toMatchObject({
      address: '10.1.2.3',
      peer: '10.4.5.127/25',
    });
  });

  test('IPv6: IFA_ADDRESS alone, or with a peer IFA_LOCAL before it', () => {
    const [mine, other] = ['fd000000 00000000 00000000 00000001', 'fd000000 00000000 00000000 000000fe'];
    const alone = read(decodeAddress, RTM_NEWADDR, `0a408000 02000000 14000100 ${mine}`);
    expect(alone).toMatchObject({ family: 'inet6', address: 'fd00::1/64' });
    expect(alone).not.toHaveProperty('peer');
    expect(read(decodeAddress, RTM_NEWADDR, `0a788000 02000000 14000200 ${mine} 14000100 ${other}`)).toMatchObject({
      address: 'fd00::1',
      peer: 'fd00::fe/120',
    });
  });

  test('lifetimes and stamps appear beside the rest', () => {
    const body = '02188000 02000000 08000200 0a010203 14000600 0a000000 ffffffff 39300000 3a300000';
    expect(read(decodeAddress, RTM_NEWADDR, body)).toEqual({
      family: 'inet',
      scope: 'universe',
      link: 2,
      address: '10.1.2.3/24',
      preferredLifetime: 10,
      validLifetime: 'forever',
      created: 12345,
      updated: 12346,
    });
  });

  test('the lowest flag has a name in each family', () => {
    const flags = '08000800 81100000';
    expect(read(decodeAddress, RTM_NEWADDR, `02180000 02000000 ${flags}`)?.flags).toEqual([
      'secondary',
      'permanent',
      0x1000,
    ]);
    expect(read(decodeAddress, RTM_NEWADDR, `0a180000 02000000 ${flags}`)?.flags).toEqual([
      'temporary',
      'permanent',
      0x1000,
    ]);
  });

  test('other messages are of no interest', () => {
    expect(read(decodeAddress, RTM_DELADDR, '02180000 02000000')).toBeUndefined();
    expect(read(decodeAddress, 58, '02180000 02000000')).toBeUndefined();
  });

  test('scope and label are chosen by here', () => {
    const { decode } = listAddresses({ scope: 'link', label: 'eth0:1' });
    const labelled = '0b000300 65746830 3a310000';
    expect(read(decode!, RTM_NEWADDR, `021800fd 02000000 ${labelled}`)).toMatchObject({ label: 'eth0:1' });
    expect(read(decode!, RTM_NEWADDR, `02180000 02000000 ${labelled}`)).toBeUndefined();
    expect(read(decode!, RTM_NEWADDR, '021800fd 02000000')).toBeUndefined();
  });
});

test.each<[string, AddressAttrsIn]>([
  [
    'IPv4',
    { link, address: '10.1.2.3/24', broadcast: '10.1.2.255', label: 'a:b', flags: ['permanent', 'noprefixroute'] },
  ],
  ['IPv4 with a peer', { link, address: '10.1.2.3', peer: '10.4.5.0/24', metric: 9, protocol: 77 }],
  ['IPv6', { link, address: 'fd00::5/48', validLifetime: 100, preferredLifetime: 50, flags: ['temporary', 'nodad'] }],
  ['IPv6 with a peer', { link, address: 'fd00::5', peer: 'fd01::/16', scope: 'site' }],
])('what was read can be written back: %s', (_name, address) => {
  const once = roundTrip(address)!;
  expect(once).toMatchObject(address);
  expect(roundTrip(once)).toEqual(once);
});

test.each<[AddressAttrsIn, string]>([
  [{ link, address: '10.1.2.3' }, 'address.address: takes an address with its prefix length'],
  [{ link, address: '10.1.2.3/33' }, 'address.address: takes a prefix length from 0 to 32, not "10.1.2.3/33"'],
  [{ link, address: 'fd00::1/129' }, 'address.address: takes a prefix length from 0 to 128'],
  [{ link, address: '10.1.2/24' }, 'address.address: takes an address'],
  [{ link, address: 7 as never }, 'address.address: takes an address'],
  [{ link }, 'address.address: is missing'],
  [{ link, address: '10.1.2.3/24', peer: 'fd00::1/64' }, 'address.peer: "fd00::1/64" is not of the family'],
  [{ link, address: '10.1.2.3/24', family: 'inet6' }, 'address.address: "10.1.2.3/24" is not of the family'],
  [{ link, address: '10.1.2.3', peer: '10.1.2.4/99' }, 'address.peer: takes a prefix length from 0 to 32'],
  [{ link, address: '10.1.2.3/24', broadcast: '10.1.2' }, 'address.broadcast: takes an IPv4 address'],
  [{ link, address: 'fd00::1/64', broadcast: '+' }, 'address.broadcast: IPv6 addresses have no broadcast address'],
  [{ link, address: 'fd00::1/64', label: 'x' }, 'address.label: IPv6 addresses have no label'],
  [{ link, address: '10.1.2.3/24', label: 'sixteen-letters-' }, 'address.label: "sixteen-letters-" has 16 bytes'],
  [{ link, address: '10.1.2.3/24', validLifetime: -1 }, 'address.validLifetime: takes'],
  [{ link, address: '10.1.2.3/24', preferredLifetime: 'never' as never }, 'address.preferredLifetime: takes'],
  [{ link, address: '10.1.2.3/24', flags: ['permanant' as never] }, "address.flags: takes 'secondary'"],
  [{ link, address: '10.1.2.3/24', protocol: 256 }, 'address.protocol: takes an integer from 0 to 255'],
  [
    { link, address: '10.1.2.3/24', broadcst: '+' } as never,
    "address.broadcst: there is no such option; did you mean 'broadcast'?",
  ],
  [{ link: 'eth0' as never, address: '10.1.2.3/24' }, 'address.link: takes the index of a link here'],
])('%j is refused', (address, message) => {
  const write = () => bodyOf(add(address));
  expect(write).toThrow(CodecError);
  expect(write).toThrow(message);
});
