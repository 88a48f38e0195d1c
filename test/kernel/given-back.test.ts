/** What was read of routes, addresses, neighbours and forwarding entries can be given back, state and all; and what 0 means. */
import { expect, jest, test } from '@jest/globals';
import { createMacvlan, createVethPair } from '../../lib/helpers/index.js';
import type { Rtnetlink } from '../../lib/rtnetlink/client.js';
import type { Route } from '../../lib/rtnetlink/route.js';
import { leavesNothing } from '../support/leftovers.js';
import { inSandbox, noNetns, unavailable } from '../support/netns.js';
import { errorOf } from '../support/rejection.js';
import { describeUnless, testUnless } from '../support/skip.js';

leavesNothing();
jest.setTimeout(60_000);

const noVxlan = await unavailable('VXLAN', ({ link }) =>
  link.add({ name: 'it', kind: 'vxlan', data: { id: 3, port: 4789 } }),
);
const noBridge = await unavailable('bridges', ({ link }) => link.add({ name: 'br', kind: 'bridge' }));
const noMacvlan = await unavailable('macvlan', async ({ link }) => {
  await link.add({ name: 'under', kind: 'veth', data: { peer: { name: 'under2' } } });
  await link.add({ name: 'it', kind: 'macvlan', link: 'under' });
});

/** `left` and `right`, up, with an address each of both families. */
async function setUp({ link, address }: Rtnetlink): Promise<void> {
  await link.add({ name: 'left', index: 21, kind: 'veth', data: { peer: { name: 'right', index: 34 } } });
  for (const [i, name] of ['left', 'right'].entries()) {
    await link.set(name, { up: true, afSpec: { inet6: { addrGenMode: 'none' } } });
    await address.add({ link: name, address: `10.${i + 1}.0.1/24` });
    await address.add({ link: name, address: `fd0${i + 1}::1/64`, flags: ['nodad'] });
  }
}

/** Takes the carrier of `left` away, and waits until its routes know. Kernel: net/core/dev.c, netdev_state_change. */
async function withoutCarrier(client: Rtnetlink): Promise<void> {
  let isTaken = false;
  for await (const event of client.watch(['link'])) {
    if (event.type === 'synced' || event.type === 'overrun' || event.value.name !== 'left') continue;
    const { operstate } = event.value;
    if (isTaken && operstate === 'lowerLayerDown') return;
    // It has to have one first.
    if (isTaken || operstate !== 'up') continue;
    isTaken = true;
    await client.link.set('right', { up: false });
  }
}

async function routesOf({ route }: Rtnetlink): Promise<Route[]> {
  return (await route.list({ protocol: 'static' })).sort((a, b) => (a.to < b.to ? -1 : 1));
}

describeUnless(noNetns, 'what was read can be given back', () => {
  test('routes of a link without a carrier, also as next hops', () =>
    inSandbox(async ({ client, netns }) => {
      const { link, route, sync } = client;
      await setUp(client);
      await link.add({ name: 'other', index: 51, kind: 'veth', up: true, data: { peer: { name: 'its' } } });
      await link.set('its', { up: true });
      await client.address.add({ link: 'other', address: '10.3.0.1/24' });
      await client.address.add({ link: 'other', address: 'fd03::1/64', flags: ['nodad'] });
      await netns.sysctl.set('net.ipv4.conf.all.ignore_routes_with_linkdown', 0);
      const protocol = 'static';
      await route.add({ to: '10.8.0.0/16', via: '10.1.0.2', protocol });
      await route.add({ to: '10.9.0.0/16', protocol, nexthops: [{ via: '10.1.0.2', weight: 3 }, { via: '10.3.0.2' }] });
      await route.add({ to: 'fd08::/48', via: 'fd01::2', protocol });
      await route.add({ to: 'fd09::/48', protocol, nexthops: [{ via: 'fd01::2' }, { via: 'fd03::2' }] });
      await withoutCarrier(client);
      const before = await routesOf(client);
      const flags = before.map((each) => [each.flags, ...(each.nexthops ?? []).map((hop) => hop.flags)]);
      expect(flags.flat(2).filter((flag) => flag === 'linkdown').length).toBeGreaterThanOrEqual(4);
      for (const each of before) {
        await route.delete(each);
        await route.add(each);
        await route.replace(each);
      }
      expect(await routesOf(client)).toMatchObject(before.map(({ cacheinfo: _, ...rest }) => rest));
      for (const each of before) {
        sync.route.delete(each);
        sync.route.add(JSON.parse(JSON.stringify(each)) as Route);
      }
      expect(await routesOf(client)).toMatchObject(before.map(({ cacheinfo: _, ...rest }) => rest));
    }));

  test('state is not taken for what was asked for', () =>
    inSandbox(async ({ client }) => {
      await setUp(client);
      const { route } = client;
      const state = [
        'dead',
        'offload',
        'linkdown',
        'unresolved',
        'trap',
        'cloned',
        'rtOffload',
        'rtTrap',
        'offloadFailed',
      ];
      for (const to of ['10.8.0.0/16', 'fd08::/48']) {
        const via = to.includes(':') ? 'fd01::2' : '10.1.0.2';
        await route.add({ to, via, link: 'left', flags: [...state, 'onlink'] as never });
        expect((await route.list()).find((each) => each.to === to)).toMatchObject({ flags: ['onlink'] });
        await route.delete({ to });
        await route.add({ to, nexthops: [{ via, link: 'left', flags: ['dead', 'linkdown', 'offload', 'trap'] }] });
        const [hop] = (await route.list()).find((each) => each.to === to)!.nexthops ?? [{ flags: [] }];
        expect(hop!.flags).toEqual([]);
        await route.delete({ to });
        // A lookup tells more, all of which may be given back.
        const looked = await route.get({ to: via, link: 'left', mark: 5 });
        await route.add({ ...looked, to, table: 99 });
        expect(await route.list({ table: 99 })).toHaveLength(1);
        await route.flush({ table: 99 });
      }
    }));

  test('what the kernel would pass over is refused', () =>
    inSandbox(async ({ client }) => {
      await setUp(client);
      const { route } = client;
      const given: readonly (readonly [object, string])[] = [
        [{ to: '10.8.0.0/16', table: 0 }, 'route.table'],
        [{ to: '10.8.0.0/16', expires: 60 }, 'route.expires'],
        [{ to: '10.8.0.0/16', preference: 'high' }, 'route.preference'],
        [{ to: '10.8.0.0/16', from: '10.5.0.0/24' }, 'route.from'],
        [{ to: 'fd08::/48', realm: 3 }, 'route.realm'],
        ...['10.8.0.0/16', 'fd08::/48'].flatMap((to) =>
          [{ iif: 34 }, { mark: 5 }, { uid: 5 }, { ipProtocol: 6 }, { sourcePort: 5 }, { ttlPropagate: true }].map(
            (more) => [{ to, ...more }, `route.${Object.keys(more)[0]!}`] as const,
          ),
        ),
      ];
      for (const [more, path] of given)
        for (const verb of ['add', 'replace', 'append'] as const)
          expect(await errorOf(() => route[verb]({ link: 'left', ...more } as never))).toMatchObject({ path });
      expect(await route.list({ protocol: 'boot' })).toEqual([]);
    }));

  test('neighbours in every state', () =>
    inSandbox(async ({ client }) => {
      await setUp(client);
      const { neighbour } = client;
      for (const state of [
        'incomplete',
        'reachable',
        'stale',
        'delay',
        'probe',
        'failed',
        'noarp',
        'permanent',
      ] as const) {
        const key = { to: '10.1.0.77', link: 'left' };
        await neighbour.add({ ...key, lladdr: '02:00:00:00:00:01', state: [state] });
        const read = await neighbour.get(key);
        await neighbour.replace(read);
        await neighbour.delete(read);
        await neighbour.add(read);
        // The others go on to the next by themselves.
        if (['stale', 'noarp', 'permanent'].includes(state)) expect((await neighbour.get(key)).state).toEqual([state]);
        await neighbour.delete(read);
      }
    }));

  testUnless(noBridge, 'addresses that a bridge learned, whatever has become of them', () =>
    inSandbox(async ({ client }) => {
      const { link, fdb } = client;
      await setUp(client);
      await link.add({ name: 'br', kind: 'bridge', up: true, data: { ageingTime: 360_000 } });
      await link.set('left', { master: 'br' });
      const mac = '02:00:00:00:00:42';
      const entry = { mac, link: 'left', flags: ['master'] } as const;
      const read = async () => (await fdb.list({ master: 'br' })).find((each) => each.mac === mac)!;
      await fdb.add({ ...entry, state: ['stale'] });
      expect(await read()).toMatchObject({ state: ['reachable'] });
      // Of all VLANs, as it was made.
      await fdb.delete(entry);
      await fdb.add({ ...entry, flags: ['master', 'locked', 'offloaded'], state: ['noarp'] });
      expect(await read()).toMatchObject({ state: ['noarp'] });
      expect((await read()).flags).not.toContain('locked');
      await fdb.replace(await read());
    }),
  );

  testUnless(noVxlan, 'entries of a VXLAN table are not reported as what they were said to be', () =>
    inSandbox(async ({ client }) => {
      const { link, fdb } = client;
      await link.add({ name: 'vx', kind: 'vxlan', data: { id: 5, port: 4789 } });
      const mac = '02:00:00:00:00:51';
      await fdb.add({ link: 'vx', mac, dst: '10.9.9.1', flags: ['self', 'offloaded'] });
      const [read] = await fdb.list({ link: 'vx' });
      expect(read).toMatchObject({ mac, flags: ['self'] });
    }),
  );
});

describeUnless(noNetns, 'what the documentation says of 0, and of what goes along', () => {
  testUnless(noVxlan, 'the kernel puts 300 s for an ageing of 0, and a port for 0', () =>
    inSandbox(async ({ client: { link } }) => {
      await link.add({ name: 'vx', kind: 'vxlan', data: { id: 5, port: 0, ageing: 0, limit: 0 } });
      expect(await link.get('vx')).toMatchObject({ data: { ageing: 300, port: 8472, limit: 0 } });
      await link.set('vx', { data: { ageing: 77 }, mtu: 1403 });
      expect(await link.get('vx')).toMatchObject({ mtu: 1403, data: { ageing: 77 } });
      await link.set('vx', { data: { ageing: 0 } });
      expect(await link.get('vx')).toMatchObject({ data: { ageing: 300 } });
    }),
  );

  testUnless(noBridge, 'a bridge with an ageing time of 0 forgets what it has learned', () =>
    inSandbox(async ({ client }) => {
      const { link, fdb } = client;
      await setUp(client);
      await link.add({ name: 'br', kind: 'bridge', up: true, data: { ageingTime: 0 } });
      await link.set('left', { master: 'br' });
      const mac = '02:00:00:00:00:42';
      await fdb.add({ mac, link: 'left', flags: ['master'], state: ['reachable'] });
      const learned = async () => (await fdb.list({ master: 'br' })).filter((each) => each.mac === mac);
      // Collected a moment later; until then it is told to have expired.
      for (const entry of await learned()) expect(entry.state).toEqual(['stale']);
    }),
  );

  test('with a primary address go its secondaries, whatever their label', () =>
    inSandbox(async ({ client, netns }) => {
      await setUp(client);
      const { address } = client;
      const listed = async () =>
        (await address.list({ link: 'left', family: 'inet' })).map((each) => each.address).sort();
      for (const [promotes, left] of [
        [0, []],
        [1, ['10.7.0.2/24']],
      ] as const) {
        await netns.sysctl.set('net.ipv4.conf.left.promote_secondaries', promotes);
        await address.add({ link: 'left', address: '10.7.0.1/24', label: 'left:a' });
        await address.add({ link: 'left', address: '10.7.0.2/24', label: 'left:b' });
        await address.flush({ label: 'left:a' });
        expect(await listed()).toEqual(['10.1.0.1/24', ...left]);
      }
    }));
});

describeUnless(noNetns, 'errors of helpers', () => {
  testUnless(noMacvlan, 'have a path where the kernel gives none', () =>
    inSandbox(async ({ client, netns }) => {
      await setUp(client);
      await netns.sysctl.set('net.ipv6.conf.default.disable_ipv6', 1);
      const end = { name: 'near', netns, addresses: ['10.4.0.1/24', 'fd04::1/64'] };
      expect(await errorOf(() => createVethPair(end, { name: 'far', netns }))).toMatchObject({
        path: 'near.addresses[1]',
      });
      const error = await errorOf(() => createMacvlan({ name: 'mv', netns, link: 'lo', linkNetns: netns }));
      expect(error).toMatchObject({ name: 'KernelError', path: expect.stringMatching(/^macvlan/) });
      const routes = [
        { to: '10.9.0.0/16', type: 'blackhole', metric: 5 },
        { to: '10.9.0.0/16', type: 'blackhole', metric: 5 },
      ];
      expect(
        await errorOf(() => createVethPair({ name: 'near', netns, up: true, routes } as never, { name: 'far', netns })),
      ).toMatchObject({ code: 'EEXIST', path: 'near.routes[1].to' });
      expect((await client.link.list()).map(({ name }) => name).sort()).toEqual(['left', 'lo', 'right']);
    }),
  );
});
