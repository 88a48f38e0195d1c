/** Links in general: what does not depend on the kind. Veth pairs are what every kernel has. */
import { expect, jest, test } from '@jest/globals';
import { ArgumentError, CodecError, KernelError } from '../../lib/errors.js';
import type { Rtnetlink } from '../../lib/rtnetlink/client.js';
import type { Link, LinkChange } from '../../lib/rtnetlink/link.js';
import { leavesNothing } from '../support/leftovers.js';
import { inSandbox, noNetns, olderThan, unavailable } from '../support/netns.js';
import { errorOf } from '../support/rejection.js';
import { describeUnless, testUnless } from '../support/skip.js';

leavesNothing();
jest.setTimeout(60_000);

const noBridge = await unavailable('bridges', ({ link }) => link.add({ name: 'br', kind: 'bridge' }));
const noDummy = await unavailable('dummy links', ({ link }) => link.add({ name: 'it', kind: 'dummy' }));
const noVxlan = await unavailable('VXLAN', ({ link }) =>
  link.add({ name: 'it', kind: 'vxlan', data: { id: 3, port: 4789 } }),
);
const noMacvlan = await unavailable('macvlan', async ({ link }) => {
  await link.add({ name: 'under', kind: 'veth', data: { peer: { name: 'under2' } } });
  await link.add({ name: 'it', kind: 'macvlan', link: 'under' });
});

/** `left` and `right`, with indexes that are not each other's neighbours. */
async function addPair({ link }: Rtnetlink): Promise<void> {
  await link.add({ name: 'left', index: 21, kind: 'veth', data: { peer: { name: 'right', index: 34 } } });
}

async function names({ link }: Rtnetlink): Promise<string[]> {
  return (await link.list()).map(({ name }) => name).sort();
}

describeUnless(noNetns, 'links', () => {
  test('a new namespace has a loopback', () =>
    inSandbox(async ({ client }) => {
      const lo = await client.link.get('lo');
      expect(lo).toMatchObject({
        index: 1,
        name: 'lo',
        type: 'loopback',
        up: false,
        mtu: 65536,
        address: '00:00:00:00:00:00',
      });
      expect(lo.flags).toEqual(['loopback']);
      expect(lo).not.toHaveProperty('kind');
      expect(client.sync.link.get('lo')).toMatchObject({ index: 1, name: 'lo' });
    }));

  testUnless(olderThan(6, 2), 'a new link is sent back when that is asked for, if it is in this namespace', () =>
    inSandbox(async ({ client }) =>
      inSandbox(async (other) => {
        const { link } = client;
        const made = await link.addWithEcho({
          name: 'left',
          kind: 'veth',
          mtu: 1403,
          up: true,
          data: { peer: { name: 'right', netns: other.netns } },
        });
        // What the kernel has found out since is whether it is of use.
        const { operstate, flags, ...same } = await link.get('left');
        expect(made).toMatchObject(same);
        expect(made!.flags.filter((flag) => flag !== 'running')).toEqual(flags);
        expect([made!.operstate, operstate]).toEqual(['unknown', 'down']);
        expect(made).toMatchObject({ mtu: 1403, up: true, link: (await other.client.link.get('right')).index });
        // Others' names are looked up as ever.
        const under = client.sync.link.addWithEcho({ name: 'it', kind: 'veth', data: { peer: { name: 'of-it' } } });
        expect(under!.index).toBe((await link.get('it')).index);
        expect(
          await link.addWithEcho({
            name: 'far',
            netns: other.netns,
            kind: 'veth',
            data: { peer: { name: 'further' } },
          }),
        ).toBeUndefined();
        expect(await names(other.client)).toEqual(['far', 'lo', 'right']);
        expect(
          await errorOf(() => link.addWithEcho({ name: 'left', kind: 'veth', data: { peer: { name: 'x' } } })),
        ).toMatchObject({ code: 'EEXIST', path: 'link.name' });
        // What is behind it is answered as it should be.
        const [bridge, lo] = await Promise.all([
          link.addWithEcho({ name: 'one', kind: 'veth', data: { peer: { name: 'two' } } }),
          link.get('lo'),
          link.set('lo', { up: true }),
        ]);
        expect([bridge!.name, lo.name]).toEqual(['one', 'lo']);
      }),
    ),
  );

  test('a veth pair is made in one request, the peer in another namespace, with settings of its own', () =>
    inSandbox(async ({ client }) =>
      inSandbox(async (far) => {
        const near = {
          name: 'near0',
          index: 123,
          mtu: 1401,
          address: '02:00:00:00:01:0a',
          broadcast: 'ff:ff:ff:ff:ff:0e',
          txQueueLength: 501,
          group: 11,
          up: true,
          txQueues: 3,
          rxQueues: 5,
          gsoMaxSize: 30_001,
          gsoMaxSegs: 301,
        };
        const peer = {
          name: 'far0',
          index: 456,
          mtu: 1302,
          address: '02:00:00:00:02:0b',
          broadcast: 'ff:ff:ff:ff:ff:0d',
          txQueueLength: 602,
          group: 12,
          txQueues: 4,
          rxQueues: 6,
          // Before, a new peer gets the limits of the first end.
          ...(olderThan(5, 19) === undefined ? { gsoMaxSize: 30_002, gsoMaxSegs: 302 } : {}),
        };
        await client.link.add({ ...near, kind: 'veth', data: { peer: { ...peer, netns: far.netns } } });
        const here = await client.link.get('near0');
        const there = await far.client.link.get('far0');
        // Kernels without receive packet steering have only one, and do not report it.
        const withoutRps = (await client.link.get('lo')).rxQueues === undefined;
        const reported = ({ rxQueues, ...rest }: typeof near | typeof peer) =>
          withoutRps ? rest : { rxQueues, ...rest };
        expect(here).toMatchObject({ ...reported(near), kind: 'veth', type: 'ether', link: 456 });
        expect(there).toMatchObject({ ...reported(peer), kind: 'veth', type: 'ether', link: 123, up: false });
        expect(here.linkNetnsId).toEqual(expect.any(Number));
        expect(there.linkNetnsId).toEqual(expect.any(Number));
        expect(await names(client)).toEqual(['lo', 'near0']);
        expect(await names(far.client)).toEqual(['far0', 'lo']);

        await client.link.delete('near0');
        expect(await names(far.client)).toEqual(['lo']);
      }),
    ));

  test('a link is made directly in another namespace, its peer in a third', () =>
    inSandbox(async ({ client }) =>
      inSandbox(async (second) =>
        inSandbox(async (third) => {
          await client.link.add({
            name: 'left',
            index: 41,
            kind: 'veth',
            netns: second.netns,
            data: { peer: { name: 'right', index: 52, netns: third.netns } },
          });
          expect(await names(client)).toEqual(['lo']);
          expect(await second.client.link.get(41)).toMatchObject({ name: 'left', link: 52 });
          expect(await third.client.link.get(52)).toMatchObject({ name: 'right', link: 41 });
        }),
      ),
    ));

  test('the index of a new link can be chosen, or is chosen by the kernel', () =>
    inSandbox(async ({ client }) => {
      await client.link.add({ name: 'a', index: 4711, kind: 'veth', data: { peer: { name: 'b' } } });
      const { index } = await client.link.get('b');
      expect((await client.link.get('a')).index).toBe(4711);
      expect(index).toBeGreaterThan(1);
      expect(index).not.toBe(4711);
      const taken = client.link.add({ name: 'c', index: 4711, kind: 'veth', data: { peer: { name: 'd' } } });
      await expect(taken).rejects.toMatchObject({
        code: expect.stringMatching(/^(EBUSY|EEXIST)$/),
        operation: 'RTM_NEWLINK',
      });
      expect(await names(client)).toEqual(['a', 'b', 'lo']);
    }));

  test('a link is found by index, name and alternative name', () =>
    inSandbox(async ({ client }) => {
      const { link, sync } = client;
      await addPair(client);
      const long = 'an alternative name that is longer than a name, ü';
      const longest = 'x'.repeat(127);
      await link.addAltNames('left', ['short', long]);
      await link.addAltNames(21, [longest]);
      expect((await link.get('left')).altNames).toEqual(['short', long, longest]);
      for (const ref of [21, 'left', long, longest]) {
        expect(await link.get(ref)).toMatchObject({ index: 21, name: 'left' });
        expect(sync.link.get(ref)).toMatchObject({ index: 21, name: 'left' });
      }
      expect(await link.get('right')).not.toHaveProperty('altNames');

      await link.set(long, { mtu: 1409 });
      expect((await link.get('left')).mtu).toBe(1409);
      await link.deleteAltNames(longest, ['short', long]);
      expect((await link.get('left')).altNames).toEqual([longest]);
      await expect(link.get(long)).rejects.toMatchObject({ code: 'ENODEV', path: 'link.altName' });
      await expect(link.addAltNames('right', [longest])).rejects.toMatchObject({
        code: 'EEXIST',
        operation: 'RTM_NEWLINKPROP',
      });
      await link.delete(longest);
      expect(await names(client)).toEqual(['lo']);
    }));

  test('many links are listed, awaited and one by one, and at once', () =>
    inSandbox(async ({ client }) => {
      const pairs = Array.from({ length: 150 }, (_, index) => index);
      await Promise.all(
        pairs.map((pair) =>
          client.link.add({ name: `a${pair}`, kind: 'veth', mtu: 1000 + pair, data: { peer: { name: `b${pair}` } } }),
        ),
      );
      const awaited = await client.link.list();
      expect(awaited).toHaveLength(301);
      const mtus = new Map(awaited.map(({ name, mtu }) => [name, mtu]));
      for (const pair of pairs) expect(mtus.get(`a${pair}`)).toBe(1000 + pair);
      const iterated: string[] = [];
      for await (const { name } of client.link.list()) iterated.push(name);
      expect(iterated).toEqual(awaited.map(({ name }) => name));
      expect(client.sync.link.list().map(({ name }) => name)).toEqual(iterated);
      for await (const { name } of client.link.list()) {
        expect(name).toBe(iterated[0]);
        break;
      }
      await client.link.get('lo');
    }));

  testUnless(noBridge, 'the kernel filters by kind and by master', () =>
    inSandbox(async ({ client }) => {
      const { link, sync } = client;
      await link.add({ name: 'br0', index: 60, kind: 'bridge' });
      await link.add({ name: 'br1', index: 71, kind: 'bridge' });
      for (const [name, master] of [
        ['p0', 'br0'],
        ['p1', 'br1'],
        ['p2', 'br1'],
      ] as const) {
        await link.add({ name, kind: 'veth', master, data: { peer: { name: `${name}far` } } });
      }
      const of = async (filter: Parameters<typeof link.list>[0]) =>
        (await link.list(filter)).map(({ name }) => name).sort();
      expect(await of({ kind: 'bridge' })).toEqual(['br0', 'br1']);
      expect(await of({ master: 'br1' })).toEqual(['p1', 'p2']);
      expect(await of({ master: 60 })).toEqual(['p0']);
      expect(await of({ kind: 'veth', master: 71 })).toEqual(['p1', 'p2']);
      expect(await of({ kind: 'veth' })).toEqual(['p0', 'p0far', 'p1', 'p1far', 'p2', 'p2far']);
      expect(await of({ kind: 'bridge', master: 'br0' })).toEqual([]);
      expect(await of({ kind: 'nosuchkind' })).toEqual([]);
      expect(sync.link.list({ kind: 'nosuchkind', master: 'br0' })).toEqual([]);
      expect(sync.link.list({ master: 'br1' }).map(({ name }) => name)).toHaveLength(2);
      expect((await link.list({ extMask: ['skipStats'] }))[0]).not.toHaveProperty('afSpec.inet6.stats');
      expect((await link.list())[0]).toHaveProperty('afSpec.inet6.stats');

      await expect(link.list({ master: 'nosuch' })).rejects.toMatchObject({ code: 'ENODEV', path: 'link.master' });
      expect(() => sync.link.list({ master: 'nosuch' })).toThrow(KernelError);
    }),
  );

  /** Written to `left`, which had another value, and read back. */
  const written: readonly {
    readonly change: LinkChange;
    readonly read?: Readonly<Record<string, unknown>>;
    readonly unless?: string | undefined;
  }[] = [
    { change: { mtu: 1417 } },
    { change: { address: '02:11:22:33:44:57' } },
    { change: { broadcast: 'ff:ff:ff:ff:ff:fe' } },
    { change: { txQueueLength: 777 } },
    { change: { linkMode: 'dormant' } },
    { change: { alias: 'what people call it, Ünïcode' } },
    { change: { alias: 'x'.repeat(255) } },
    { change: { group: 0xfffffff7 } },
    { change: { gsoMaxSegs: 77 } },
    { change: { gsoMaxSize: 30_000 } },
    { change: { groMaxSize: 30_001 }, unless: olderThan(5, 17) },
    { change: { gsoIpv4MaxSize: 30_002 }, unless: olderThan(6, 3) },
    { change: { groIpv4MaxSize: 30_003 }, unless: olderThan(6, 3) },
    { change: { afSpec: { inet6: { addrGenMode: 'none' } } } },
    { change: { up: true } },
    { change: { flags: { debug: true, multicast: false } }, read: { flags: ['broadcast', 'debug'] } },
    { change: { flags: ['noarp', 'dynamic'] }, read: { flags: ['broadcast', 'noarp', 'multicast', 'dynamic'] } },
    { change: { flags: { promisc: true } }, read: { promiscuity: 1, flags: ['broadcast', 'promisc', 'multicast'] } },
    { change: { flags: { allmulti: true } }, read: { flags: ['broadcast', 'allmulti', 'multicast'] } },
    { change: { name: 'renamed' } },
  ];
  for (const { change, read = change as Record<string, unknown>, unless } of written) {
    testUnless(unless, `${JSON.stringify(change).slice(0, 60)} is written and read back`, () =>
      inSandbox(async ({ client }) => {
        await addPair(client);
        const before = await client.link.get(21);
        expect(before).not.toMatchObject(read);
        await client.link.set('left', change);
        const after = await client.link.get(21);
        expect(after).toMatchObject(read);
        expect(await client.link.get('right')).not.toMatchObject(read);

        // The same when the link is made.
        const { up: _up, flags: _flags, name: _name, afSpec, ...atCreation } = change;
        if (Object.keys(atCreation).length === 0 || afSpec !== undefined) return;
        await client.link.delete(21);
        await client.link.add({ ...atCreation, name: 'made', kind: 'veth' });
        // Neither is looked at when a link is made.
        if (atCreation.alias === undefined) expect(await client.link.get('made')).toMatchObject(read);
      }),
    );
  }

  test('several things change together, and nothing else does', () =>
    inSandbox(async ({ client }) => {
      await addPair(client);
      const { flags: _f, stats: _s, stats32: _s32, ...before } = await client.link.get('left');
      await client.link.set('left', { name: 'other', mtu: 1333, address: '02:00:00:00:00:5c', group: 9 });
      const after = await client.link.get(21);
      expect(after).toMatchObject({
        ...before,
        name: 'other',
        mtu: 1333,
        address: '02:00:00:00:00:5c',
        group: 9,
        afSpec: expect.anything() as never,
      });
      await expect(client.link.get('left')).rejects.toMatchObject({ code: 'ENODEV' });
    }));

  test('flags: only those that are said change', () =>
    inSandbox(async ({ client }) => {
      const { link } = client;
      const flags = async () => (await link.get('left')).flags;
      await addPair(client);
      await link.set('left', { flags: { promisc: true, noarp: true } });
      await link.set('left', { up: true });
      await link.set('right', { up: true });
      expect(await flags()).toEqual(['up', 'broadcast', 'running', 'noarp', 'promisc', 'multicast', 'lowerUp']);
      await link.set('left', { flags: { promisc: false } });
      expect(await flags()).toEqual(['up', 'broadcast', 'running', 'noarp', 'multicast', 'lowerUp']);
      await link.set('left', { up: false, flags: ['allmulti'] });
      expect(await flags()).toEqual(['broadcast', 'noarp', 'allmulti', 'multicast']);
      await link.set('left', { mtu: 1300 });
      expect(await flags()).toEqual(['broadcast', 'noarp', 'allmulti', 'multicast']);
    }));

  test('an alias is removed by an empty one', () =>
    inSandbox(async ({ client }) => {
      await addPair(client);
      await client.link.set('left', { alias: 'x' });
      await client.link.set('left', { alias: '' });
      expect(await client.link.get('left')).not.toHaveProperty('alias');
    }));

  test('a link that is down comes up, with a carrier when the other end does', () =>
    inSandbox(async ({ client }) => {
      await addPair(client);
      await client.link.set('left', { up: true });
      await expectSoon(() => client.link.get('left'), { up: true, carrier: false, operstate: 'lowerLayerDown' });
      await client.link.set('right', { up: true });
      expect(await client.link.get('left')).toMatchObject({ up: true, carrier: true });
      await client.link.set('right', { up: false });
      await expectSoon(() => client.link.get('right'), { up: false, operstate: 'down' });
    }));

  test('operstate can be set while the link mode leaves it to us', () =>
    inSandbox(async ({ client }) => {
      await addPair(client);
      await client.link.set('left', { up: true, linkMode: 'dormant' });
      await client.link.set('right', { up: true });
      await expectSoon(() => client.link.get('left'), { operstate: 'dormant' });
      await client.link.set('left', { operstate: 'up' });
      expect(await client.link.get('left')).toMatchObject({ operstate: 'up', linkMode: 'dormant' });
    }));

  testUnless(noDummy, 'a carrier can be taken away where the driver allows', () =>
    inSandbox(async ({ client }) => {
      await client.link.add({ name: 'it', kind: 'dummy', up: true });
      expect(await client.link.get('it')).toMatchObject({ carrier: true });
      await client.link.set('it', { carrier: false });
      expect(await client.link.get('it')).toMatchObject({ carrier: false });
    }),
  );

  testUnless(noVxlan, 'a link can be held down, with reasons', () =>
    inSandbox(async ({ client }) => {
      const { link } = client;
      await link.add({ name: 'it', kind: 'vxlan', data: { id: 5, port: 4789 } });
      await link.set('it', { protoDown: true, protoDownReason: { mask: 0b1101, value: 0b0101 } });
      expect(await link.get('it')).toMatchObject({ protoDown: true, protoDownReason: { value: 0b0101 } });
      await expect(link.set('it', { protoDown: false })).rejects.toMatchObject({ code: 'EBUSY' });
      await link.set('it', { protoDown: false, protoDownReason: { mask: 0b0101, value: 0 } });
      expect(await link.get('it')).toMatchObject({ protoDown: false });
    }),
  );

  testUnless(noBridge, 'a master is given by name or index, and left', () =>
    inSandbox(async ({ client }) => {
      const { link } = client;
      await addPair(client);
      await link.add({ name: 'br0', index: 60, kind: 'bridge' });
      await link.add({ name: 'br1', index: 71, kind: 'bridge' });
      await link.set('left', { master: 'br1' });
      expect(await link.get('left')).toMatchObject({ master: 71, portKind: 'bridge' });
      await link.set('left', { master: 60 });
      expect(await link.get('left')).toMatchObject({ master: 60 });
      await link.set(21, { master: null });
      expect(await link.get('left')).not.toHaveProperty('master');
      expect(await link.get('left')).not.toHaveProperty('portKind');
      client.sync.link.set('left', { master: 'br0' });
      expect(client.sync.link.get('left').master).toBe(60);
      await expect(link.set('left', { master: 'nosuch' })).rejects.toMatchObject({
        code: 'ENODEV',
        path: 'link.master',
      });
      await expect(link.set('left', { master: 34 })).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
    }),
  );

  testUnless(noBridge, 'what the kind has of its own changes in place, with and without the kind', () =>
    inSandbox(async ({ client }) => {
      const { link } = client;
      await link.add({ name: 'br', kind: 'bridge', data: { ageingTime: 12_300 } });
      const { index } = await link.get('br');
      await link.set('br', { data: { forwardDelay: 436 } });
      expect(await link.get('br')).toMatchObject({
        index,
        kind: 'bridge',
        data: { forwardDelay: 436, ageingTime: 12_300 },
      });
      await link.set(index, { kind: 'bridge', data: { ageingTime: 45_600 } });
      expect(await link.get('br')).toMatchObject({ data: { forwardDelay: 436, ageingTime: 45_600 } });
      client.sync.link.set('br', { data: { forwardDelay: 544 } });
      expect(client.sync.link.get('br')).toMatchObject({ data: { forwardDelay: 544 } });
    }),
  );

  testUnless(noMacvlan, 'the parent is given by name or index', () =>
    inSandbox(async ({ client }) => {
      await addPair(client);
      await client.link.add({ name: 'm0', kind: 'macvlan', link: 'left', data: { mode: 'bridge' } });
      await client.link.add({ name: 'm1', kind: 'macvlan', link: 34, data: { mode: 'private' } });
      expect(await client.link.get('m0')).toMatchObject({ link: 21, data: { mode: 'bridge' } });
      expect(await client.link.get('m1')).toMatchObject({ link: 34, data: { mode: 'private' } });
      const orphan = client.link.add({ name: 'm2', kind: 'macvlan', link: 'nosuch' });
      await expect(orphan).rejects.toMatchObject({ code: 'ENODEV', path: 'link.link' });
    }),
  );

  test('a link moves to another namespace, also under another name', () =>
    inSandbox(async ({ client }) =>
      inSandbox(async (far) => {
        await addPair(client);
        await client.link.set('right', { netns: far.netns });
        expect(await names(client)).toEqual(['left', 'lo']);
        expect(await far.client.link.get('right')).toMatchObject({ index: 34, link: 21 });
        await client.link.set('left', { netns: far.netns, name: 'moved', mtu: 1234 });
        expect(await far.client.link.get('moved')).toMatchObject({ index: 21, mtu: 1234, link: 34 });
        expect(await names(client)).toEqual(['lo']);
      }),
    ));

  testUnless(olderThan(5, 13), 'a link moves to another namespace under another index', () =>
    inSandbox(async ({ client }) =>
      inSandbox(async (far) => {
        await addPair(client);
        await client.link.set('left', { netns: far.netns, name: 'moved', newIndex: 808 });
        expect(await far.client.link.get(808)).toMatchObject({ name: 'moved', link: 34 });
        expect(await names(client)).toEqual(['lo', 'right']);
      }),
    ),
  );

  test('a link moves by the namespace’s id', () =>
    inSandbox(async ({ client }) =>
      inSandbox(async (far) => {
        await client.link.add({ name: 'near', kind: 'veth', data: { peer: { name: 'far', netns: far.netns } } });
        await addPair(client);
        const { linkNetnsId } = await client.link.get('near');
        await client.link.set('left', { targetNetnsId: linkNetnsId });
        expect(await far.client.link.get('left')).toMatchObject({ index: 21 });
        await client.link.add({
          name: 'born',
          kind: 'veth',
          targetNetnsId: linkNetnsId,
          data: { peer: { name: 'born2' } },
        });
        expect(await names(far.client)).toContain('born');
      }),
    ));

  testUnless(noMacvlan, 'the parent may be in another namespace, said by its id', () =>
    inSandbox(async ({ client }) =>
      inSandbox(async (far) => {
        await client.link.add({
          name: 'near',
          index: 61,
          kind: 'veth',
          data: { peer: { name: 'far', index: 72, netns: far.netns } },
        });
        const { linkNetnsId } = await client.link.get('near');
        await client.link.add({ name: 'm0', kind: 'macvlan', link: 72, linkNetnsId });
        expect(await client.link.get('m0')).toMatchObject({ link: 72, linkNetnsId });
      }),
    ),
  );

  test('links are deleted by name, by index and by group', () =>
    inSandbox(async ({ client }) => {
      const { link } = client;
      await addPair(client);
      await link.delete('left');
      expect(await names(client)).toEqual(['lo']);
      await addPair(client);
      await link.delete(34);
      expect(await names(client)).toEqual(['lo']);
      for (const [name, group] of [
        ['a', 5],
        ['b', 5],
        ['c', 6],
      ] as const) {
        await link.add({ name, group, kind: 'veth', data: { peer: { name: `${name}2` } } });
      }
      await link.delete({ group: 5 });
      expect(await names(client)).toEqual(['c', 'c2', 'lo']);
      client.sync.link.delete({ group: 6 });
      expect(await names(client)).toEqual(['lo']);
      await expect(link.delete({ group: 5 })).rejects.toMatchObject({ code: 'ENODEV' });
    }));

  test('requests issued together are carried out in order', () =>
    inSandbox(async ({ client }) => {
      const { link } = client;
      const done: string[] = [];
      const results = await Promise.allSettled([
        link.add({ name: 'left', kind: 'veth' }).then(() => done.push('add')),
        link.set('left', { mtu: 1411 }).then(() => done.push('mtu')),
        link.get('left').then(({ mtu }) => done.push(`get ${mtu}`)),
        link.set('nosuch', { mtu: 1411 }).then(() => done.push('never')),
        link.delete('left').then(() => done.push('delete')),
        link.get('left').then(() => done.push('never')),
      ]);
      expect(done).toEqual(['add', 'mtu', 'get 1411', 'delete']);
      expect(results.map(({ status }) => status === 'fulfilled')).toEqual([true, true, true, false, true, false]);
    }));

  test('what is given up before it is sent is not carried out', () =>
    inSandbox(async ({ client }) => {
      const controller = new AbortController();
      const add = (name: string, options = {}) =>
        client.link.add({ name, kind: 'veth', data: { peer: { name: `${name}-peer` } } }, options);
      const [first, given, last] = [add('first'), add('given', { signal: controller.signal }), add('last')];
      controller.abort();
      expect((await errorOf(() => given)).name).toBe('AbortError');
      await Promise.all([first, last]);
      const names = (await client.link.list()).map(({ name }) => name).sort();
      expect(names).toEqual(['first', 'first-peer', 'last', 'last-peer', 'lo']);
    }));

  test('what the kernel refuses comes with the code and the path', () =>
    inSandbox(async ({ client }) => {
      const { link, sync } = client;
      await addPair(client);
      const refused: readonly [run: () => unknown, expected: object][] = [
        [() => link.add({ name: 'left', kind: 'veth' }), { code: 'EEXIST', errno: 17, path: 'link.name' }],
        [() => link.set('right', { name: 'left' }), { code: 'EEXIST', path: 'link.name' }],
        [() => link.add({ name: 'left', index: 77, kind: 'veth' }), { code: 'EEXIST', path: 'link.name' }],
        [() => link.add({ name: 'it', index: 1, kind: 'veth' }), { code: 'EEXIST', path: 'link.index' }],
        [() => sync.link.add({ index: 1, kind: 'veth' }), { code: 'EEXIST', path: 'link.index' }],
        [() => link.add({ name: 'it', kind: 'nosuchkind' }), { code: 'EOPNOTSUPP', path: 'link.kind' }],
        [() => link.add({ name: 'it', kind: 'nosuchkind', master: 'left' }), { code: 'EOPNOTSUPP', path: 'link.kind' }],
        [() => link.add({ name: 'it', kind: 'veth', master: 'left' }), { code: 'EOPNOTSUPP', path: undefined }],
        [() => link.get('nosuch'), { code: 'ENODEV', path: 'link.name', operation: 'RTM_GETLINK' }],
        [() => link.get(99_999), { code: 'ENODEV', path: 'link.index', operation: 'RTM_GETLINK' }],
        [() => link.set('nosuch', { up: true }), { code: 'ENODEV', path: 'link.name', operation: 'RTM_NEWLINK' }],
        [() => link.delete('nosuch'), { code: 'ENODEV', path: 'link.name', operation: 'RTM_DELLINK' }],
        [() => link.delete(99_999), { code: 'ENODEV', path: 'link.index', operation: 'RTM_DELLINK' }],
        [() => link.delete('lo'), { code: 'EOPNOTSUPP', operation: 'RTM_DELLINK' }],
        [() => link.set('left', { mtu: 67 }), { code: 'EINVAL', operation: 'RTM_NEWLINK' }],
        [() => link.set('left', { address: '01:00:00:00:00:01' }), { code: 'EADDRNOTAVAIL' }],
        [
          () => link.add({ name: 'a', kind: 'veth', data: { peer: { name: 'left' } } }),
          { code: 'EEXIST', path: 'link.data(veth).peer.name' },
        ],
        [
          () => sync.link.add({ name: 'left', kind: 'veth', data: { peer: { name: 'b' } } }),
          { code: 'EEXIST', path: 'link.name' },
        ],
        [() => sync.link.get('nosuch'), { code: 'ENODEV', path: 'link.name' }],
        [() => sync.link.add({ name: 'left', kind: 'veth' }), { code: 'EEXIST', path: 'link.name' }],
      ];
      for (const [run, expected] of refused) {
        const error = await errorOf(run);
        expect(error).toBeInstanceOf(KernelError);
        expect(error).toMatchObject(expected);
      }
      expect(await names(client)).toEqual(['left', 'lo', 'right']);
    }));

  test('what cannot be written is refused before it is sent', () =>
    inSandbox(async ({ client }) => {
      const { link } = client;
      await addPair(client);
      const refused: readonly [run: () => unknown, path: string][] = [
        [() => link.add({ name: 'sixteen-bytes-xx', kind: 'veth' }), 'link.name'],
        [() => link.add({ name: '', kind: 'veth' }), 'link.name'],
        [() => link.add({ name: 'it', kind: 'veth', mut: 3 } as never), 'link.mut'],
        [() => link.add({ name: 'it', kind: 'veth', index: -1 }), 'link.index'],
        [
          () => link.add({ name: 'it', kind: 'veth', data: { peer: { name: 'x', mtu: -1 } } }),
          'link.data(veth).peer.mtu',
        ],
        [() => link.add({ name: 'it', kind: 'veth', data: { peerr: {} } } as never), 'link.data(veth).peerr'],
        [() => link.set('left', { mtu: 2 ** 32 }), 'link.mtu'],
        [() => link.set('left', { mtu: '1500' } as never), 'link.mtu'],
        [() => link.set('left', { address: '02:00:00:00:00:0g' }), 'link.address'],
        [() => link.set('left', { alias: 'x'.repeat(256) }), 'link.alias'],
        [() => link.set('left', { flags: { promisk: true } } as never), 'link.flags'],
        [() => link.set('left', { up: 1 } as never), 'link.up'],
        [() => link.set('left', { netns: { fd: -1 } }), 'link.netns'],
        [() => link.set('left', { txQueueLength: 1.5 }), 'link.txQueueLength'],
        [() => link.list({ knd: 'veth' } as never), 'link.knd'],
        [() => link.get(0), 'link'],
        [() => link.get({} as never), 'link'],
      ];
      for (const [run, path] of refused) {
        const error = await errorOf(run);
        expect(error).toBeInstanceOf(CodecError);
        expect(error).toMatchObject({ code: 'ERR_NETLACE_CODEC', path: expect.stringContaining(path) });
      }
      expect(await errorOf(() => link.delete({} as never))).toBeInstanceOf(ArgumentError);
      expect(await names(client)).toEqual(['left', 'lo', 'right']);
    }));
});

/** The operational state follows the carrier a moment later, and nothing tells when: so it is asked for again. */
async function expectSoon(get: () => Promise<Link>, expected: object): Promise<void> {
  const end = Date.now() + 30_000;
  for (;;) {
    const link = await get();
    try {
      expect(link).toMatchObject(expected);
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}
