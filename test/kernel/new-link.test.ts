/** What a new link gets, and when; what was read given back; names that are taken elsewhere. */
import { expect, jest, test } from '@jest/globals';
import { createBridge, createMacvlan, createSandbox, createVethPair, createVxlan } from '../../lib/helpers/index.js';
import type { Rtnetlink } from '../../lib/rtnetlink/client.js';
import type { Link, NewLink } from '../../lib/rtnetlink/link.js';
import { leavesNothing } from '../support/leftovers.js';
import { inSandbox, noNetns, rootless, unavailable, type Sandbox } from '../support/netns.js';
import { errorOf } from '../support/rejection.js';
import { describeUnless, testUnless } from '../support/skip.js';

leavesNothing();
jest.setTimeout(60_000);

const noBridge = await unavailable('bridges', ({ link }) => link.add({ name: 'br', kind: 'bridge' }));
const noVxlan = await unavailable('VXLAN', ({ link }) =>
  link.add({ name: 'it', kind: 'vxlan', data: { id: 3, port: 4789 } }),
);
const noMacvlan = await unavailable('macvlan', async ({ link }) => {
  await link.add({ name: 'under', kind: 'veth', data: { peer: { name: 'under2' } } });
  await link.add({ name: 'it', kind: 'macvlan', link: 'under' });
});
const noDummy = await unavailable('dummy links', ({ link }) => link.add({ name: 'it', kind: 'dummy' }));

async function names({ client }: Sandbox): Promise<string[]> {
  return (await client.link.list()).map(({ name }) => name).sort();
}

/** `left` and `right`. */
async function addPair({ link }: Rtnetlink): Promise<void> {
  await link.add({ name: 'left', index: 21, kind: 'veth', data: { peer: { name: 'right', index: 34 } } });
}

describeUnless(noNetns, 'a new link', () => {
  test('has what the kernel takes only later', () =>
    inSandbox(async ({ client }) => {
      const { link, sync } = client;
      await link.add({
        name: 'left',
        kind: 'veth',
        alias: 'the left one',
        altName: 'one-of-left',
        altNames: ['left-of-all', 'x'.repeat(127)],
        afSpec: { inet6: { addrGenMode: 'none' } },
        mtu: 1411,
        data: { peer: { name: 'right' } },
      });
      const left = await link.get('left');
      expect(left).toMatchObject({ alias: 'the left one', mtu: 1411, afSpec: { inet6: { addrGenMode: 'none' } } });
      expect([...left.altNames!].sort()).toEqual(['left-of-all', 'one-of-left', 'x'.repeat(127)]);
      sync.link.add({ name: 'more', kind: 'veth', alias: 'at once', data: { peer: { name: 'less' } } });
      expect(sync.link.get('more').alias).toBe('at once');
      expect(sync.link.get('less').alias).toBeUndefined();
      await link.add({ index: 77, kind: 'veth', alias: 'by index', data: { peer: { name: 'there' } } });
      expect((await link.get(77)).alias).toBe('by index');
    }));

  testUnless(noBridge, 'has its settings as a port', () =>
    inSandbox(async ({ client }) => {
      const { link } = client;
      await link.add({ name: 'br', index: 60, kind: 'bridge', up: true });
      const port = { hairpin: true, cost: 33, learning: false };
      await link.add({ name: 'p1', kind: 'veth', master: 'br', port });
      await link.add({ name: 'p2', kind: 'veth', master: 60, portKind: 'bridge', port, alias: 'and that' });
      for (const name of ['p1', 'p2'])
        expect(await link.get(name)).toMatchObject({ master: 60, portKind: 'bridge', port });
      expect((await link.get('p2')).alias).toBe('and that');
      expect(await errorOf(() => link.add({ name: 'p3', kind: 'veth', port }))).toMatchObject({ path: 'link.port' });
    }),
  );

  testUnless(noMacvlan, 'is down by protocol', () =>
    inSandbox(async ({ client }) => {
      const { link } = client;
      await addPair(client);
      const protoDownReason = { mask: 0b1101, value: 0b0101 };
      await link.add({ name: 'mv', kind: 'macvlan', link: 'left', protoDown: true, protoDownReason });
      expect(await link.get('mv')).toMatchObject({ protoDown: true, protoDownReason: { value: 0b0101 } });
    }),
  );

  testUnless(noDummy, 'has no carrier where that can be said', () =>
    inSandbox(async ({ client }) => {
      await client.link.add({ name: 'it', kind: 'dummy', carrier: false });
      expect(await client.link.get('it')).toMatchObject({ carrier: false });
    }),
  );

  test('is not there if it does not take something, which the error names', () =>
    inSandbox(async (here) => {
      const { client } = here;
      const { link } = client;
      await addPair(client);
      const before = await names(here);
      const veth = (more: object): NewLink => ({ name: 'it', kind: 'veth', data: { peer: { name: 'its' } }, ...more });
      const peer = (more: object) => veth({ data: { peer: { name: 'its', ...more } } });
      const refused: readonly (readonly [NewLink, object])[] = [
        [veth({ protoDown: true }), { code: 'EOPNOTSUPP', path: 'link.protoDown' }],
        [veth({ carrier: false }), { code: 'EOPNOTSUPP', path: 'link.carrier' }],
        [veth({ altNames: ['free', 'right'] }), { code: 'EEXIST' }],
        [veth({ altName: 'left' }), { code: 'EEXIST' }],
        [veth({ xdp: { fd: 9999 } }), { path: 'link.xdp' }],
        [veth({ alias: 'x'.repeat(256) }), { path: 'link.alias' }],
        [veth({ altNames: [''] }), { path: 'link.altNames[0]' }],
        [veth({ altNames: 'free' }), { path: 'link.altNames' }],
        [veth({ newIndex: 9 }), { path: 'link.newIndex' }],
        [veth({ weight: 9 }), { path: 'link.weight' }],
        [veth({ port: { cost: 3 } }), { path: 'link.port' }],
        [{ kind: 'veth', alias: 'of which?' }, { path: 'link.name' }],
        [peer({ alias: 'x' }), { path: 'link.data(veth).peer.alias' }],
        [peer({ altNames: ['x'] }), { path: 'link.data(veth).peer.altNames' }],
        [peer({ protoDown: true }), { path: 'link.data(veth).peer.protoDown' }],
        [peer({ carrier: false }), { path: 'link.data(veth).peer.carrier' }],
        [peer({ master: 21 }), { path: 'link.data(veth).peer.master' }],
        [peer({ up: true }), { path: 'link.data(veth).peer.up' }],
        [peer({ newIndex: 5 }), { path: 'link.data(veth).peer.newIndex' }],
        [peer({ afSpec: { inet6: { addrGenMode: 'none' } } }), { path: 'link.data(veth).peer.afSpec' }],
      ];
      for (const [given, expected] of refused) {
        expect({ given, ...(await errorOf(() => link.add(given))) }).toMatchObject({ given, ...expected });
        expect(await names(here)).toEqual(before);
      }
      // Nothing is done to the link that has the name.
      expect(await errorOf(() => link.add({ name: 'left', kind: 'veth', alias: 'not mine' }))).toMatchObject({
        code: 'EEXIST',
        path: 'link.name',
      });
      expect((await link.get('left')).alias).toBeUndefined();
      // What is only for a new link, or none, is refused in a change.
      for (const [change, path] of [
        [{ altName: 'x' }, 'link.altName'],
        [{ newIndex: 5 }, 'link.newIndex'],
        [{ weight: 5 }, 'link.weight'],
      ] as const)
        expect(await errorOf(() => link.set('left', change as never))).toMatchObject({ path });
    }));

  test('in another namespace has all that, too', () =>
    inSandbox(async ({ client }) =>
      inSandbox(async (far) => {
        const given = {
          name: 'there',
          netns: far.netns,
          alias: 'far away',
          altNames: ['over-there'],
          up: true,
        } as const;
        await client.link.add({ ...given, kind: 'veth', data: { peer: { name: 'here' } } });
        expect(await far.client.link.get('over-there')).toMatchObject({ name: 'there', alias: 'far away', up: true });
        client.sync.link.add({ ...given, name: 'too', altNames: [], kind: 'veth', data: { peer: { name: 'here2' } } });
        expect(await far.client.link.get('too')).toMatchObject({ alias: 'far away', up: true });
        const error = await errorOf(() =>
          client.link.add({
            name: 'no',
            netns: far.netns,
            kind: 'veth',
            protoDown: true,
            data: { peer: { name: 'h' } },
          }),
        );
        expect(error).toMatchObject({ code: 'EOPNOTSUPP', path: 'link.protoDown' });
        expect(await names(far)).toEqual(['lo', 'there', 'too']);
        expect(await names({ client } as Sandbox)).toEqual(['here', 'here2', 'lo']);
      }),
    ));

  test('goes to another namespace under a name that there is here', () =>
    inSandbox(async (here) =>
      inSandbox(async (far) => {
        const { link, sync } = here.client;
        await link.add({ name: 'eth0', kind: 'veth', data: { peer: { name: 'eth1' } } });
        const given = { name: 'eth0', netns: far.netns, kind: 'veth', up: true, mtu: 1411 } as const;
        await link.add({ ...given, alias: 'mine', data: { peer: { name: 'here' } } });
        expect(await far.client.link.get('eth0')).toMatchObject({ up: true, mtu: 1411, alias: 'mine' });
        expect(await link.get('here')).toMatchObject({ link: (await far.client.link.get('eth0')).index });
        sync.link.add({ ...given, name: 'eth1', flags: { multicast: false }, data: { peer: { name: 'here2' } } });
        expect((await far.client.link.get('eth1')).flags).not.toContain('multicast');
        if (!rootless) {
          await link.add({ name: 'here', netnsPid: process.pid, kind: 'veth', data: { peer: { name: 'x' } } }).then(
            () => link.delete('x'),
            () => undefined,
          );
        }
        const before = [await names(here), await names(far)];
        for (const run of [() => link.add({ ...given, data: {} }), () => sync.link.add({ ...given, data: {} })])
          expect(await errorOf(run)).toMatchObject({ code: 'EEXIST', path: 'link.name' });
        expect([await names(here), await names(far)]).toEqual(before);
        expect(before).toEqual([
          ['eth0', 'eth1', 'here', 'here2', 'lo'],
          ['eth0', 'eth1', 'lo'],
        ]);
      }),
    ));

  testUnless(noMacvlan, 'of createMacvlan may have the name of the link beneath', () =>
    inSandbox(async (here) =>
      inSandbox(async (box) => {
        await here.client.link.add({ name: 'eth0', kind: 'veth', up: true, data: { peer: { name: 'other' } } });
        const made = await createMacvlan({
          name: 'eth0',
          netns: box.netns,
          link: 'eth0',
          linkNetns: here.netns,
          up: true,
          addresses: ['10.1.0.9/24'],
        });
        expect(made).toMatchObject({ name: 'eth0', kind: 'macvlan', up: true });
        expect(await names(box)).toEqual(['eth0', 'lo']);
        expect(await names(here)).toEqual(['eth0', 'lo', 'other']);
        const again = { name: 'eth0', netns: box.netns, link: 'other', linkNetns: here.netns };
        expect(await errorOf(() => createMacvlan(again))).toMatchObject({ code: 'EEXIST', path: 'macvlan.name' });
        expect(await names(box)).toEqual(['eth0', 'lo']);
      }),
    ),
  );

  testUnless(noVxlan, 'of createVxlan may have a name of the underlay', () =>
    inSandbox(async (here) =>
      inSandbox(async (box) => {
        await here.client.link.add({ name: 'eth0', kind: 'veth', data: { peer: { name: 'other' } } });
        const made = await createVxlan({
          name: 'eth0',
          netns: box.netns,
          underlay: here.netns,
          alias: 'over',
          altNames: ['overlay'],
          data: { id: 7, port: 4789 },
          remotes: [{ mac: '02:00:00:00:00:07', dst: '10.1.0.7' }],
        });
        expect(made).toMatchObject({ name: 'eth0', kind: 'vxlan', alias: 'over', altNames: ['overlay'] });
        expect(await names(box)).toEqual(['eth0', 'lo']);
        expect(await names(here)).toEqual(['eth0', 'lo', 'other']);
      }),
    ),
  );

  testUnless(noBridge, 'of a helper has what comes later, at both ends', () =>
    inSandbox(async (here) =>
      inSandbox(async (box) => {
        const { netns, client } = here;
        await createBridge({ name: 'br', netns, alias: 'bridge', altNames: ['the-bridge'], up: true });
        expect(await client.link.get('the-bridge')).toMatchObject({ name: 'br', alias: 'bridge' });
        const port = { cost: 44 };
        const [near, far] = await createVethPair(
          { name: 'near', netns, master: 'br', alias: 'near one', altName: 'near-too', port } as never,
          { name: 'eth0', netns: box.netns, alias: 'far one', altNames: ['a', 'b'], up: true },
        );
        expect(near).toMatchObject({ alias: 'near one', altNames: ['near-too'], port });
        expect(far).toMatchObject({ alias: 'far one', altNames: ['a', 'b'], up: true });
        const [, there] = await createVethPair({ name: 'near2', netns }, {
          name: 'far2',
          netns,
          master: 'br',
          port,
          alias: 'far two',
        } as never);
        expect(there).toMatchObject({ alias: 'far two', port, portKind: 'bridge' });
        const before = [await names(here), await names(box)];
        const failing = (end: object, other: object) =>
          errorOf(() =>
            createVethPair({ name: 'n', netns, ...end }, { name: 'f', netns: box.netns, up: true, ...other }),
          );
        expect(await failing({ protoDown: true }, {})).toMatchObject({ path: 'near.protoDown' });
        expect(await failing({}, { protoDown: true })).toMatchObject({ code: 'EOPNOTSUPP', path: 'far' });
        expect(await failing({}, { altNames: ['new', 'eth0'] })).toMatchObject({
          code: 'EEXIST',
          path: 'far.altNames[1]',
        });
        expect(await failing({}, { port })).toMatchObject({ path: 'far.port' });
        expect(await failing({ newIndex: 4 }, {})).toMatchObject({ path: 'near.newIndex' });
        expect([await names(here), await names(box)]).toEqual(before);

        const sandbox = await createSandbox({
          rootless,
          near: { name: 'sn', netns, alias: 'outside', master: 'br', port } as never,
          far: { name: 'sf', alias: 'inside', altNames: ['c'], up: true },
        });
        expect(sandbox.link).toMatchObject({ name: 'sf', alias: 'inside', altNames: ['c'] });
        expect(await client.link.get('sn')).toMatchObject({ alias: 'outside', port });
        sandbox.netns.close();
      }),
    ),
  );
});

describeUnless(noNetns, 'a link that was read', () => {
  const kinds: readonly (readonly [string, string | undefined, NewLink])[] = [
    ['veth', undefined, { name: 'it', kind: 'veth', alias: 'x', up: true, data: { peer: { name: 'its' } } }],
    ['bridge', noBridge, { name: 'it', kind: 'bridge', up: true, altNames: ['also'], data: { ageingTime: 1234 } }],
    ['vxlan', noVxlan, { name: 'it', kind: 'vxlan', mtu: 1404, data: { id: 5, port: 4789, proxy: true, ttl: 7 } }],
    ['macvlan', noMacvlan, { name: 'it', kind: 'macvlan', link: 'left', data: { mode: 'private' } }],
    ['macvtap', noMacvlan, { name: 'it', kind: 'macvtap', link: 'left', data: { mode: 'passthru' } }],
    ['dummy', noDummy, { name: 'it', kind: 'dummy', up: true }],
  ];

  /** What does not follow from anything else. */
  function settings({ name, kind, alias, altNames, mtu, up, address, data, master, portKind, group }: Link): object {
    const numbers = JSON.stringify(data, (key, value: unknown) =>
      /Timer$|^macaddr/.test(key) ? undefined : String(value),
    );
    return { name, kind, alias, altNames, mtu, up, address, numbers, master, portKind, group };
  }

  for (const [kind, unless, given] of kinds) {
    testUnless(unless, `can be given back to set and add: ${kind}`, () =>
      inSandbox(async ({ client }) => {
        const { link, sync } = client;
        await addPair(client);
        await link.add(given);
        const read = await link.get('it');
        await link.set('it', read);
        sync.link.set(read.index, read);
        expect(settings(await link.get('it'))).toEqual(settings(read));
        await link.delete('it');
        await link.add(read as NewLink);
        const again = await link.get('it');
        expect(settings(again)).toEqual(settings(read));
        expect(again.index).toBe(read.index);
        // Nor is another link changed by what stands in it.
        await link.set('right', { mtu: 1389 });
        await link.set('right', { ...(await link.get('right')), mtu: 1390 });
        expect(await link.get('right')).toMatchObject({ index: 34, mtu: 1390 });
      }),
    );
  }

  testUnless(noBridge, 'can be given back as a port, and the loopback', () =>
    inSandbox(async ({ client }) => {
      const { link } = client;
      await link.set('lo', { up: true });
      await link.set('lo', await link.get('lo'));
      await link.add({ name: 'br', kind: 'bridge', up: true });
      await link.add({
        name: 'p',
        kind: 'veth',
        up: true,
        master: 'br',
        port: { cost: 77 },
        data: { peer: { name: 'q', mtu: 1500 } },
      });
      await link.set('q', { up: true });
      const read = await link.get('p');
      await link.set('p', read);
      await link.delete('p');
      await link.add(read as NewLink);
      expect(await link.get('p')).toMatchObject({ master: read.master, port: { cost: 77 } });
    }),
  );
});

describeUnless(noNetns, 'alternative names', () => {
  test('are given all or none, and taken away all or none', () =>
    inSandbox(async ({ client }) => {
      const { link, sync } = client;
      await addPair(client);
      const of = async (name: string) => [...((await link.get(name)).altNames ?? [])].sort();
      await link.addAltNames('left', ['mine']);
      for (const names of [
        ['new', 'right', 'newer'],
        ['new', 'mine'],
        ['new', 'new'],
      ]) {
        const path = `link.altNames[1]`;
        expect(await errorOf(() => link.addAltNames('left', names))).toMatchObject({ code: 'EEXIST', path });
        expect(await errorOf(() => sync.link.addAltNames(21, names))).toMatchObject({ code: 'EEXIST', path });
        expect(await of('left')).toEqual(['mine']);
      }
      expect(await errorOf(() => link.addAltNames('left', ['new', '']))).toMatchObject({ path: 'link.altNames[1]' });
      expect(await errorOf(() => link.addAltNames('nosuch', ['new']))).toMatchObject({ code: 'ENODEV', path: 'link' });
      await link.addAltNames('left', []);
      await link.addAltNames('left', ['second', 'third']);
      expect(await errorOf(() => link.deleteAltNames('left', ['mine', 'nope', 'third']))).toMatchObject({
        code: 'ENOENT',
        path: 'link.altNames[1]',
      });
      expect(await of('left')).toEqual(['mine', 'second', 'third']);
      await link.deleteAltNames('third', ['mine', 'second', 'third']);
      expect(await of('left')).toEqual([]);
    }));
});
