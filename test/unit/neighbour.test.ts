import { describe, expect, test } from '@jest/globals';
import { CodecError } from '../../lib/errors.js';
import { Rtnetlink } from '../../lib/rtnetlink/client.js';
import { RTM_DELNEIGH, RTM_GETNEIGH, RTM_NEWNEIGH } from '../../lib/rtnetlink/constants.js';
import {
  decodeFdbEntry,
  deleteFdbEntry,
  flushFdb,
  getFdbEntry,
  listFdb,
  newFdbEntry,
} from '../../lib/rtnetlink/fdb.js';
import {
  decodeNeighbour,
  deleteNeighbour,
  getNeighbour,
  listNeighbours,
  newNeighbour,
} from '../../lib/rtnetlink/neighbour.js';
import type { FdbAttrsIn, NeighbourAttrsIn } from '../../lib/rtnetlink/neighbour-attrs.js';
import { FakeKernel, refuse } from '../../lib/testing.js';
import { bodyOf, read, readBack } from '../support/messages.js';

const link = 7;

describe('neighbours', () => {
  const to = '10.1.2.3';
  const lladdr = '02:42:ac:11:00:05';
  const add = (neighbour: NeighbourAttrsIn) => newNeighbour('add', neighbour);

  test('are permanent unless said otherwise', () => {
    // ndmsg: family 2, link 7, state 0x80; NDA_DST; NDA_LLADDR
    expect(bodyOf(add({ link, to, lladdr }))).toBe(
      '02000000 07000000 80000000 08000100 0a010203 0a000200 0242ac11 00050000',
    );
    expect(bodyOf(add({ link, to, lladdr, state: ['stale'] }))).toMatch(/^02000000 07000000 04000000 /);
    expect(bodyOf(add({ link, to, lladdr, state: ['noarp', 'reachable'] }))).toMatch(/^02000000 07000000 42000000 /);
    expect(bodyOf(add({ link, to, flags: ['use'] }))).toMatch(/^02000000 07000000 00000100 /);
    expect(bodyOf(add({ link, to, flags: ['managed'] }))).toMatch(/^02000000 07000000 00000000 /);
  });

  test('IPv6, and a link-layer address of another size', () => {
    expect(bodyOf(add({ link, to: 'fe80::5', lladdr: '0a:01:02:03' }))).toBe(
      '0a000000 07000000 80000000 14000100 fe800000 00000000 00000000 00000005 08000200 0a010203',
    );
  });

  test('flags go into the header, and those above 8 bits into NDA_FLAGS_EXT', () => {
    const body = bodyOf(
      add({ link, to, state: ['stale'], flags: ['router', 'extLearned', 'managed', 'extValidated'] }),
    );
    expect(body).toMatch(/^02000000 07000000 04009000 /);
    expect(body).toContain(' 08000f00 05000000');
    expect(bodyOf(add({ link, to, flags: ['proxy'] }))).not.toContain('08000f00');
  });

  test('flags are read from both places into one list', () => {
    const base = '02000000 07000000 04009001 08000100 0a010203';
    expect(read(decodeNeighbour, RTM_NEWNEIGH, base)?.flags).toEqual(['extLearned', 'router']);
    expect(read(decodeNeighbour, RTM_NEWNEIGH, `${base} 08000f00 09000000`)?.flags).toEqual([
      'extLearned',
      'router',
      'managed',
      0x800,
    ]);
  });

  test('what a dump has', () => {
    const body = `02000000 07000000 02008001 08000100 0a010203 0a000200 0242ac11 00050000
      08000400 03000000 14000300 01000000 02000000 03000000 04000000 05000c00 04000000`;
    expect(read(decodeNeighbour, RTM_NEWNEIGH, body)).toEqual({
      family: 'inet',
      link,
      state: ['reachable'],
      flags: ['router'],
      type: 'unicast',
      to,
      lladdr,
      probes: 3,
      cacheinfo: { confirmed: 1, used: 2, updated: 3, refcnt: 4 },
      protocol: 'static',
    });
  });

  test('what was read can be written back', () => {
    const flags = ['router', 'managed'] as const;
    const once = readBack(
      decodeNeighbour,
      RTM_NEWNEIGH,
      add({ link, to, lladdr, state: ['stale'], flags, protocol: 'zebra' }),
    )!;
    expect(once).toMatchObject({ link, to, lladdr, state: ['stale'], flags, protocol: 'zebra' });
    expect(readBack(decodeNeighbour, RTM_NEWNEIGH, add(once))).toEqual(once);
  });

  test('forwarding entries and other messages are of no interest', () => {
    expect(read(decodeNeighbour, RTM_NEWNEIGH, '07000000 07000000 80000000')).toBeUndefined();
    expect(read(decodeNeighbour, RTM_DELNEIGH, '02000000 07000000 80000000')).toBeUndefined();
    expect(read(decodeNeighbour, RTM_NEWNEIGH, '')).toBeUndefined();
  });

  test('verbs', () => {
    const neighbour = { link, to, lladdr };
    expect(newNeighbour('add', neighbour)).toMatchObject({ type: RTM_NEWNEIGH, flags: 0x600 });
    expect(newNeighbour('replace', neighbour)).toMatchObject({ type: RTM_NEWNEIGH, flags: 0x500 });
    expect(newNeighbour('change', neighbour)).toMatchObject({ type: RTM_NEWNEIGH, flags: 0x100 });
    expect(deleteNeighbour(neighbour)).toMatchObject({ type: RTM_DELNEIGH, flags: 0 });
    expect(bodyOf(deleteNeighbour({ link, to, flags: ['proxy'] }))).toBe(
      '02000000 07000000 00000800 08000100 0a010203',
    );
  });

  test('lists name the link in an attribute, single neighbours in the header: the kernel insists', () => {
    expect(listNeighbours()).toMatchObject({ type: RTM_GETNEIGH, flags: 0x300 });
    expect(bodyOf(listNeighbours())).toBe('00000000 00000000 00000000');
    expect(bodyOf(listNeighbours({ family: 'inet6', link, master: 9 }))).toBe(
      '0a000000 00000000 00000000 08000900 09000000 08000800 07000000',
    );
    expect(bodyOf(listNeighbours({ proxy: true }))).toBe('00000000 00000000 00000800');
    expect(getNeighbour({ link, to })).toMatchObject({ type: RTM_GETNEIGH, flags: 0 });
    expect(bodyOf(getNeighbour({ link, to }))).toBe('02000000 07000000 00000000 08000100 0a010203');
    expect(bodyOf(getNeighbour({ link, to, proxy: true }))).toBe('02000000 07000000 00000800 08000100 0a010203');
  });

  test('states are chosen by here: any of them', () => {
    const { decode } = listNeighbours({ state: ['stale', 'failed'] });
    expect(read(decode!, RTM_NEWNEIGH, '02000000 07000000 04000000')).toMatchObject({ state: ['stale'] });
    expect(read(decode!, RTM_NEWNEIGH, '02000000 07000000 80000000')).toBeUndefined();
    expect(read(decode!, RTM_NEWNEIGH, '02000000 07000000 00000000')).toBeUndefined();
  });

  test.each<[NeighbourAttrsIn, string]>([
    [{ link, lladdr }, 'neighbour.to: is missing'],
    [{ link, to: '10.1.2.3/24' }, 'neighbour.to: takes an IP address'],
    [{ link, to, lladdr: '02:42' + ':00'.repeat(31) }, 'neighbour.lladdr: '],
    [{ link, to, lladdr: '2:42:ac:11:0:5' }, 'neighbour.lladdr: takes a link-layer address'],
    [{ link, to, state: ['permenant' as never] }, "neighbour.state: takes 'incomplete'"],
    [{ link, to, state: 'permanent' as never }, 'neighbour.state: takes an array of flag names'],
    [{ link, to, flags: ['proxi' as never] }, "neighbour.flags: takes 'use'"],
    [{ link, to, flags: 'proxy' as never }, 'neighbour.flags: takes an array of flag names'],
    [{ link, to, llladdr: lladdr } as never, "neighbour.llladdr: there is no such option; did you mean 'lladdr'?"],
    [{ link, to, protocol: 'ospff' as never }, "neighbour.protocol: takes 'unspec'"],
  ])('%j is refused', (neighbour, message) => {
    const write = () => bodyOf(add(neighbour));
    expect(write).toThrow(CodecError);
    expect(write).toThrow(message);
  });
});

describe('forwarding entries', () => {
  const mac = '02:42:ac:11:00:05';
  const lladdr = '0a000200 0242ac11 00050000';
  const add = (entry: FdbAttrsIn) => newFdbEntry('add', entry);

  test('of a VXLAN link are its own and permanent', () => {
    expect(bodyOf(add({ link, mac, dst: '192.0.2.9' }))).toBe(`07000000 07000000 80000200 ${lladdr} 08000100 c0000209`);
  });

  test('of a bridge are static, so that packets leave by the port', () => {
    const body = `07000000 07000000 42000400 ${lladdr}`;
    expect(bodyOf(add({ link, mac, flags: ['master'] }))).toBe(body);
    expect(bodyOf(add({ link, mac, master: 9 }))).toBe(`${body} 08000900 09000000`);
    expect(bodyOf(add({ link, mac, flags: ['master', 'sticky'] }))).toMatch(/^07000000 07000000 42004400 /);
    expect(bodyOf(add({ link, mac, flags: ['master', 'self'] }))).toMatch(/^07000000 07000000 42000600 /);
  });

  test('of the bridge itself are permanent, as the kernel demands', () => {
    expect(bodyOf(add({ link, mac, master: link }))).toMatch(/^07000000 07000000 80000200 /);
  });

  test('the port is big-endian, the network identifiers are not', () => {
    const body = bodyOf(
      add({
        link,
        mac,
        dst: 'fd00::9',
        port: 4790,
        vni: 0x123456,
        srcVni: 0x654321,
        via: 3,
        vlan: 0x123,
        nexthopId: 5,
      }),
    );
    expect(body).toContain(' 06000600 12b60000');
    expect(body).toContain(' 08000700 56341200');
    expect(body).toContain(' 08000b00 21436500');
    expect(body).toContain(' 08000800 03000000');
    expect(body).toContain(' 06000500 23010000');
    expect(body).toContain(' 08000d00 05000000');
    expect(body).toContain(' 14000100 fd000000 00000000 00000000 00000009');
  });

  test('activity notification is nested', () => {
    const body = bodyOf(add({ link, mac, master: 9, activityNotify: ['notify'], dontRefresh: true }));
    expect(body).toContain(' 10000e80 05000100 01000000 04000200');
    expect(bodyOf(add({ link, mac, master: 9, dontRefresh: false, activityNotify: ['notify'] }))).toContain(
      ' 0c000e80 05000100 01000000',
    );
  });

  test('what a dump of a bridge has', () => {
    const body = `07000000 05000000 40004000 ${lladdr} 08000900 09000000 08000f00 02000000
      14000300 01000000 00000000 03000000 00000000 06000500 23010000 0c000e80 05000100 03000000`;
    expect(read(decodeFdbEntry, RTM_NEWNEIGH, body)).toEqual({
      family: 'bridge',
      link: 5,
      state: ['noarp'],
      flags: ['sticky', 'locked'],
      type: 'unspec',
      mac,
      master: 9,
      cacheinfo: { confirmed: 1, used: 0, updated: 3, refcnt: 0 },
      vlan: 0x123,
      activityNotify: ['notify', 'inactive'],
    });
  });

  test.each<[string, FdbAttrsIn]>([
    ['VXLAN', { link, mac, dst: '192.0.2.9', port: 8472, vni: 77, via: 3, state: ['permanent'], flags: ['self'] }],
    ['bridge', { link, mac, master: 9, vlan: 12, state: ['noarp'], flags: ['extLearned', 'master'] }],
  ])('what was read can be written back: %s', (_name, entry) => {
    const once = readBack(decodeFdbEntry, RTM_NEWNEIGH, add(entry))!;
    expect({ ...once, flags: new Set(once.flags) }).toMatchObject({ ...entry, flags: new Set(entry.flags) });
    expect(readBack(decodeFdbEntry, RTM_NEWNEIGH, add(once))).toEqual(once);
  });

  test('neighbours are of no interest', () => {
    expect(read(decodeFdbEntry, RTM_NEWNEIGH, '02000000 07000000 80000000')).toBeUndefined();
    expect(read(decodeFdbEntry, RTM_NEWNEIGH, '')).toBeUndefined();
  });

  test('verbs', () => {
    const entry = { link, mac };
    expect(newFdbEntry('add', entry)).toMatchObject({ type: RTM_NEWNEIGH, flags: 0x600 });
    expect(newFdbEntry('replace', entry)).toMatchObject({ flags: 0x500 });
    expect(newFdbEntry('change', entry)).toMatchObject({ flags: 0x100 });
    expect(newFdbEntry('append', entry)).toMatchObject({ flags: 0xc00 });
    expect(bodyOf(deleteFdbEntry({ link, mac, dst: '192.0.2.9' }))).toBe(
      `07000000 07000000 80000200 ${lladdr} 08000100 c0000209`,
    );
    expect(bodyOf(deleteFdbEntry({ link, mac, master: 9 }))).toMatch(/^07000000 07000000 42000400 /);
  });

  test('lists and single entries', () => {
    expect(listFdb()).toMatchObject({ type: RTM_GETNEIGH, flags: 0x300 });
    expect(bodyOf(listFdb())).toBe('07000000 00000000 00000000');
    expect(bodyOf(listFdb({ link, master: 9 }))).toBe('07000000 07000000 00000000 08000900 09000000');
    expect(getFdbEntry({ mac, link })).toMatchObject({ type: RTM_GETNEIGH, flags: 0 });
    expect(bodyOf(getFdbEntry({ mac, link, vni: 5 }))).toBe(`07000000 07000000 00000200 ${lladdr} 08000700 05000000`);
    expect(bodyOf(getFdbEntry({ mac, link, flags: ['master'] }))).toBe(`07000000 07000000 00000400 ${lladdr}`);
    expect(bodyOf(getFdbEntry({ mac, link, master: 9, vlan: 12 }))).toBe(
      `07000000 00000000 00000000 ${lladdr} 08000900 09000000 06000500 0c000000`,
    );
  });

  test('flushing: what must be and what must not be', () => {
    expect(flushFdb({ link })).toMatchObject({ type: RTM_DELNEIGH, flags: 0x200 });
    expect(bodyOf(flushFdb({ link }))).toBe('07000000 07000000 00000200');
    expect(bodyOf(flushFdb({ link, master: 9, vlan: 12 }))).toBe(
      '07000000 09000000 00000200 06000500 0c000000 08000800 07000000',
    );
    // NDA_NDM_STATE_MASK 0xc0 with NUD_NOARP set, NDA_NDM_FLAGS_MASK 0x50 with NTF_STICKY set
    expect(
      bodyOf(flushFdb({ link, state: { permanent: false, noarp: true }, flags: { sticky: true, extLearned: false } })),
    ).toBe('07000000 07000000 40004200 06001000 c0000000 05001100 50000000');
  });

  test.each<[FdbAttrsIn, string]>([
    [{ link }, 'fdb.mac: is missing'],
    [{ link, mac: '02:42:ac:11:00' }, 'fdb.mac: takes 6 bytes'],
    [{ link, mac, vni: 2 ** 24 }, 'fdb.vni: takes an integer from 0 to 16777215, not 16777216'],
    [{ link, mac, srcVni: -1 }, 'fdb.srcVni: takes an integer from 0 to 16777215'],
    [{ link, mac, vlan: 4095 }, 'fdb.vlan: takes an integer from 1 to 4094'],
    [{ link, mac, vlan: 0 }, 'fdb.vlan: takes an integer from 1 to 4094'],
    [{ link, mac, port: 65536 }, 'fdb.port: takes an integer from 0 to 65535'],
    [{ link, mac, dst: '192.0.2' }, 'fdb.dst: takes an IP address'],
    [{ link, mac, flags: 'self' as never }, 'fdb.flags: takes an array of flag names'],
    [{ link, mac, dest: '192.0.2.1' } as never, "fdb.dest: there is no such option; did you mean 'dst'?"],
    [{ link, mac, activityNotify: ['x' as never] }, "fdb.activityNotify: takes 'notify'"],
  ])('%j is refused', (entry, message) => {
    const write = () => bodyOf(add(entry));
    expect(write).toThrow(CodecError);
    expect(write).toThrow(message);
  });
});

test('fdb.flush on a kernel that deletes only one at a time says so', async () => {
  const refused = async (message: string) => {
    await using client = await Rtnetlink.over(new FakeKernel(() => refuse('EINVAL', { message })));
    return await client.fdb.flush({ link: 7 }).catch((error: unknown) => error);
  };
  const cause: unknown = expect.objectContaining({ code: 'EINVAL' });
  for (const message of ['invalid address', 'Invalid address']) {
    expect(await refused(message)).toMatchObject({ code: 'ERR_NETLACE_UNSUPPORTED', cause });
  }
  expect(await refused('vlan id is unacceptable')).toMatchObject({ code: 'EINVAL' });
});
