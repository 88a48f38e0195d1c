/** Routes of both families: made, changed, listed, looked up and deleted. */
import { expect, jest, test } from '@jest/globals';
import { CodecError, KernelError } from '../../lib/errors.js';
import type { Rtnetlink } from '../../lib/rtnetlink/client.js';
import type { NewRoute, Route } from '../../lib/rtnetlink/route.js';
import type { RouteFilter } from '../../lib/rtnetlink/routes.js';
import { leavesNothing } from '../support/leftovers.js';
import { inSandbox, noNetns, unavailable, type Sandbox } from '../support/netns.js';
import { errorOf } from '../support/rejection.js';
import { describeUnless, testUnless } from '../support/skip.js';

leavesNothing();
jest.setTimeout(60_000);

const LEFT = 21;
const RIGHT = 34;

/** Two links that are up, with 10.1.0.1/24 and fd01::1/64 on `left`, 10.2.0.1/24 and fd02::1/64 on `right`. */
async function setUp({ link, address }: Rtnetlink): Promise<void> {
  await link.set('lo', { up: true });
  await link.add({ name: 'left', index: LEFT, kind: 'veth', data: { peer: { name: 'right', index: RIGHT } } });
  for (const [place, name] of ['left', 'right'].entries()) {
    await link.set(name, { up: true, afSpec: { inet6: { addrGenMode: 'none' } } });
    await address.add({ link: name, address: `10.${place + 1}.0.1/24` });
    await address.add({ link: name, address: `fd0${place + 1}::1/64`, flags: ['nodad'] });
  }
}

function inNetwork(body: (client: Rtnetlink, sandbox: Sandbox) => Promise<void>): Promise<void> {
  return inSandbox(async (sandbox) => {
    await setUp(sandbox.client);
    await body(sandbox.client, sandbox);
  });
}

/** Routes that a test made: not those that came with the addresses. */
async function own({ route }: Rtnetlink, filter?: RouteFilter): Promise<Route[]> {
  return (await route.list(filter)).filter(({ protocol, to }) => protocol !== 'kernel' && to !== 'ff00::/8');
}

/** Why a route with `key` cannot be had here, if so: some kernels without a feature accept the attribute and drop it. */
async function possible(what: string, route: NewRoute, key: keyof Route): Promise<string | undefined> {
  return unavailable(what, async (client) => {
    await setUp(client);
    await client.route.add(route);
    if ((await own(client))[0]?.[key] === undefined) throw new Error(`the kernel was built without, and drops ${key}`);
  });
}

const noRealms = await possible('realms', { to: '10.9.0.0/24', via: '10.1.0.2', realm: 7 }, 'realm');
const noSubtrees = await possible('IPv6 subtrees', { to: 'fd09::/64', from: 'fd08::/48', via: 'fd01::2' }, 'from');
const noViaIpv6 = await possible(
  'gateways of the other family',
  { to: '10.9.0.0/24', via: 'fd01::2', link: LEFT },
  'via',
);

/** Routes, and what is then listed of each beside what was given. */
const cases: readonly { readonly route: NewRoute; readonly listed?: object; readonly unless?: string | undefined }[] = [
  {
    route: { to: '10.9.0.0/20', via: '10.1.0.2' },
    listed: { family: 'inet', link: LEFT, table: 'main', protocol: 'boot', scope: 'universe', type: 'unicast', tos: 0 },
  },
  { route: { to: '10.9.0.0/20', link: 'left' }, listed: { link: LEFT, scope: 'link', type: 'unicast' } },
  { route: { to: '10.9.0.7/32', link: RIGHT, scope: 'host' } },
  { route: { to: '10.9.0.7', link: RIGHT, scope: 77 }, listed: { to: '10.9.0.7/32' } },
  { route: { to: 'default', via: '10.1.0.2' }, listed: { family: 'inet', link: LEFT, to: 'default' } },
  { route: { to: 'default', via: '10.2.0.2', metric: 4321 }, listed: { link: RIGHT } },
  { route: { to: '0.0.0.0/0', via: '10.2.0.2' }, listed: { to: 'default', link: RIGHT } },
  { route: { to: '10.9.0.0/20', via: '10.1.0.2', metric: 77, protocol: 'static', source: '10.2.0.1' } },
  { route: { to: '10.9.0.0/20', via: '10.1.0.2', protocol: 222, tos: 16 } },
  { route: { to: '10.9.0.0/20', via: '10.1.0.2', table: 77 } },
  { route: { to: '10.9.0.0/20', via: '10.1.0.2', table: 70_077 } },
  { route: { to: '10.9.0.0/20', via: '10.1.0.2', table: 'default' } },
  {
    route: { to: '10.9.0.0/20', via: '192.0.2.77', link: 'right', flags: ['onlink'] },
    listed: { link: RIGHT, flags: ['onlink'] },
  },
  { route: { to: '10.9.0.0/20', via: '10.1.0.2', realm: 0x70005 }, unless: noRealms },
  {
    route: { to: '10.9.0.0/20', via: 'fd01::2', link: 'left' },
    listed: { link: LEFT, family: 'inet' },
    unless: noViaIpv6,
  },
  { route: { to: '10.9.0.0/20', type: 'local', link: 'left' }, listed: { scope: 'host' } },
  { route: { to: '10.9.0.9', type: 'broadcast', link: 'left' }, listed: { scope: 'link', to: '10.9.0.9/32' } },
  { route: { to: '239.1.0.0/16', type: 'multicast', link: 'left' }, listed: { scope: 'link' } },
  ...(['blackhole', 'unreachable', 'prohibit', 'throw'] as const).flatMap((type) => [
    { route: { to: '10.9.0.0/20', type }, listed: { scope: 'universe' } },
    { route: { to: 'fd09::/48', type, metric: 55 } },
  ]),
  {
    route: {
      to: '10.9.0.0/20',
      via: '10.1.0.2',
      metrics: {
        lock: 1 << 2,
        mtu: 1311,
        window: 4444,
        rtt: 801,
        rttvar: 402,
        ssthresh: 33,
        cwnd: 44,
        advmss: 1212,
        reordering: 5,
        hoplimit: 66,
        initcwnd: 17,
        features: ['ecn'],
        rtoMin: 210,
        initrwnd: 28,
        quickack: true,
        congctl: 'reno',
        fastopenNoCookie: true,
      },
    },
  },
  {
    route: {
      to: '10.9.0.0/20',
      nexthops: [
        { via: '10.1.0.2', link: 'left', weight: 3 },
        { via: '10.2.0.2', weight: 256 },
        { link: RIGHT, weight: 7 },
      ],
    },
    listed: {
      nexthops: [
        { via: '10.1.0.2', link: LEFT, weight: 3 },
        { via: '10.2.0.2', link: RIGHT, weight: 256 },
        { link: RIGHT, weight: 7 },
      ],
    },
  },
  {
    route: {
      to: '10.9.0.0/20',
      nexthops: [
        { via: 'fd01::2', link: 'left', weight: 2 },
        { via: '192.0.2.9', link: RIGHT, weight: 5, flags: ['onlink'] },
      ],
    },
    listed: {
      nexthops: [
        { via: 'fd01::2', link: LEFT, weight: 2 },
        { via: '192.0.2.9', link: RIGHT, weight: 5, flags: ['onlink'] },
      ],
    },
    unless: noViaIpv6,
  },
  {
    route: { to: 'fd09::/48', via: 'fd01::2' },
    listed: {
      family: 'inet6',
      link: LEFT,
      table: 'main',
      protocol: 'boot',
      type: 'unicast',
      metric: 1024,
      preference: 'medium',
    },
  },
  { route: { to: 'fd09::/48', link: 'right' }, listed: { link: RIGHT } },
  { route: { to: 'fd09::7', link: 'right', metric: 321 }, listed: { to: 'fd09::7/128' } },
  { route: { to: 'default', via: 'fd01::2' }, listed: { family: 'inet6', link: LEFT } },
  { route: { to: 'default', family: 'inet6', link: 'right', metric: 9 }, listed: { family: 'inet6', link: RIGHT } },
  { route: { to: '::/0', via: 'fd02::2' }, listed: { to: 'default', link: RIGHT } },
  { route: { to: 'fd09::/48', via: 'fd01::2', source: 'fd02::1', protocol: 'bgp', preference: 'high' } },
  { route: { to: 'fd09::/48', via: 'fd01::2', table: 70_077, preference: 'low' } },
  { route: { to: 'fd09::/48', via: 'fe80::77', link: 'left' }, listed: { link: LEFT } },
  { route: { to: 'fd09::/48', via: '2001:db8::7', link: 'left', flags: ['onlink'] }, listed: { flags: ['onlink'] } },
  { route: { to: 'fd09::/48', from: 'fd08::/48', via: 'fd01::2' }, unless: noSubtrees },
  { route: { to: 'fd09::9', type: 'local', link: 'left' }, listed: { to: 'fd09::9/128', link: LEFT } },
  { route: { to: 'fd09::9', type: 'anycast', link: 'left' }, listed: { to: 'fd09::9/128', link: LEFT } },
  { route: { to: 'ff05::/16', type: 'multicast', link: 'left' }, listed: { link: LEFT } },
  {
    route: {
      to: 'fd09::/48',
      via: 'fd01::2',
      metrics: { mtu: 1411, hoplimit: 33, advmss: 1300, initcwnd: 12, rtoMin: 220 },
    },
  },
  {
    route: {
      to: 'fd09::/48',
      nexthops: [
        { via: 'fd01::2', weight: 3 },
        { via: 'fe80::9', link: 'right', weight: 44 },
      ],
    },
    listed: {
      nexthops: [
        { via: 'fd01::2', link: LEFT, weight: 3 },
        { via: 'fe80::9', link: RIGHT, weight: 44 },
      ],
    },
  },
];

/** What is counted or computed anew each time. */
function lasting({ cacheinfo: _, ...route }: Route): object {
  return route;
}

describeUnless(noNetns, 'routes', () => {
  for (const { route, listed = {}, unless } of cases) {
    testUnless(unless, `${JSON.stringify(route).slice(0, 100)}: what is listed can be deleted and added again`, () =>
      inNetwork(async (client) => {
        const { link: _link, nexthops: _nexthops, ...plain } = route;
        await client.route.add(route);
        const [first, ...rest] = await own(client);
        expect(rest).toEqual([]);
        expect(first).toMatchObject({ ...plain, ...listed });
        expect(first).not.toHaveProperty('unknown');
        await expect(client.route.add(first!)).rejects.toMatchObject({
          code: 'EEXIST',
          operation: 'RTM_NEWROUTE',
          path: 'route.to',
        });

        await client.route.delete(first!);
        expect(await own(client)).toEqual([]);
        await client.route.add(first!);
        const [second] = await own(client);
        expect(lasting(second!)).toEqual(lasting(first!));

        // And by what it was made with.
        await client.route.delete(route);
        expect(await own(client)).toEqual([]);
        client.sync.route.add(route);
        const [third] = client.sync.route.list().filter(({ to, table }) => to === first!.to && table === first!.table);
        expect(lasting(third!)).toEqual(lasting(first!));
        client.sync.route.delete(third!);
        expect(await own(client)).toEqual([]);
      }),
    );
  }

  test('an IPv6 route can end by itself', () =>
    inNetwork(async (client) => {
      await client.route.add({ to: 'fd09::/48', via: 'fd01::2', expires: 1000 });
      const [route] = await own(client);
      const ticks = route!.cacheinfo!.expires;
      expect(ticks).toBeGreaterThan(0);
      expect(ticks).toBeLessThanOrEqual(1000 * 1000);
      await client.route.delete(route!);
      expect(await own(client)).toEqual([]);
    }));

  test('add refuses what is there; replace takes its place, or is the first', () =>
    inNetwork(async (client) => {
      const { route } = client;
      for (const [to, one, other] of [
        ['10.9.0.0/20', '10.1.0.2', '10.2.0.2'],
        ['fd09::/48', 'fd01::2', 'fd02::2'],
        ['default', '10.1.0.2', '10.2.0.2'],
      ] as const) {
        await route.replace({ to, via: one });
        await expect(route.add({ to, via: other })).rejects.toMatchObject({ code: 'EEXIST', path: 'route.to' });
        await route.replace({ to, via: other });
        expect(await own(client)).toMatchObject([{ to, via: other, link: RIGHT }]);
        await route.add({ to, via: one, metric: 3000 });
        expect(await own(client)).toHaveLength(2);
        await route.delete({ to, via: other });
        await route.delete({ to, via: one, metric: 3000 });
        expect(await own(client)).toEqual([]);
      }
    }));

  test('change wants a route that is there', () =>
    inNetwork(async (client) => {
      const { route } = client;
      for (const [to, one, other] of [
        ['10.9.0.0/20', '10.1.0.2', '10.2.0.2'],
        ['fd09::/48', 'fd01::2', 'fd02::2'],
      ] as const) {
        await expect(route.change({ to, via: one })).rejects.toMatchObject({ code: 'ENOENT', path: 'route.to' });
        await route.add({ to, via: one });
        await route.change({ to, via: other });
        expect(await own(client)).toMatchObject([{ to, via: other, link: RIGHT }]);
        await route.delete({ to });
      }
    }));

  test('append puts an IPv4 route behind, and a next hop to an IPv6 route', () =>
    inNetwork(async (client) => {
      const { route } = client;
      await route.append({ to: '10.9.0.0/20', via: '10.1.0.2' });
      await route.append({ to: '10.9.0.0/20', via: '10.2.0.2' });
      expect(await own(client, { family: 'inet' })).toMatchObject([{ via: '10.1.0.2' }, { via: '10.2.0.2' }]);
      await route.delete({ to: '10.9.0.0/20', via: '10.2.0.2' });
      expect(await own(client, { family: 'inet' })).toMatchObject([{ via: '10.1.0.2' }]);

      await route.append({ to: 'fd09::/48', via: 'fd01::2' });
      await route.append({ to: 'fd09::/48', via: 'fd02::2' });
      expect(await own(client, { family: 'inet6' })).toMatchObject([
        {
          to: 'fd09::/48',
          nexthops: [
            { via: 'fd01::2', link: LEFT },
            { via: 'fd02::2', link: RIGHT },
          ],
        },
      ]);
      await route.delete({ to: 'fd09::/48', via: 'fd01::2' });
      expect(await own(client, { family: 'inet6' })).toMatchObject([{ via: 'fd02::2', link: RIGHT }]);
    }));

  test('the kernel filters lists by family, table, type, protocol and link', () =>
    inNetwork(async (client) => {
      const { route, sync } = client;
      await route.add({ to: '10.11.0.0/24', via: '10.1.0.2', protocol: 'static' });
      await route.add({ to: '10.12.0.0/24', via: '10.2.0.2', table: 5000 });
      await route.add({ to: '10.13.0.0/24', type: 'blackhole' });
      await route.add({ to: 'fd11::/64', via: 'fd01::2', protocol: 'static' });
      await route.add({ to: 'fd12::/64', via: 'fd02::2', table: 5000 });
      await route.add({ to: 'fd13::/64', type: 'prohibit' });
      const of = async (filter: RouteFilter) => (await own(client, filter)).map(({ to }) => to).sort();
      expect(await of({ protocol: 'static' })).toEqual(['10.11.0.0/24', 'fd11::/64']);
      expect(await of({ protocol: 'static', family: 'inet6' })).toEqual(['fd11::/64']);
      expect(await of({ table: 5000 })).toEqual(['10.12.0.0/24', 'fd12::/64']);
      expect(await of({ table: 5000, family: 'inet' })).toEqual(['10.12.0.0/24']);
      expect(await of({ type: 'blackhole', family: 'inet' })).toEqual(['10.13.0.0/24']);
      expect(await of({ type: 'prohibit', family: 'inet6' })).toEqual(['fd13::/64']);
      expect(await of({ link: 'left' })).toEqual(['10.11.0.0/24', 'fd11::/64']);
      expect(await of({ link: RIGHT, family: 'inet' })).toEqual(['10.12.0.0/24']);
      expect(await of({})).toHaveLength(6);
      expect(sync.route.list({ table: 5000 })).toHaveLength(2);
      expect(sync.route.list({ link: 'left', protocol: 'static' })).toHaveLength(2);
      const locals = await route.list({ table: 'local', family: 'inet', type: 'local' });
      expect(locals.map(({ to }) => to).sort()).toEqual(['10.1.0.1/32', '10.2.0.1/32', '127.0.0.0/8', '127.0.0.1/32']);
      await expect(route.list({ link: 'nosuch' })).rejects.toMatchObject({ code: 'ENODEV', path: 'route.link' });

      const iterated: string[] = [];
      for await (const { to } of route.list({ protocol: 'static' })) iterated.push(to);
      expect(iterated.sort()).toEqual(['10.11.0.0/24', 'fd11::/64']);
    }));

  test('how long an IPv6 route still has can be given to another one', () =>
    inNetwork(async ({ route }) => {
      await route.add({ to: 'fd33::/48', via: 'fd01::2', expires: 5000, table: 601 });
      await route.add({ to: 'fd34::/48', via: 'fd01::2', table: 601 });
      const [brief, lasting] = await route.list({ table: 601 });
      expect(brief).toMatchObject({ to: 'fd33::/48' });
      expect(brief!.expires).toBeGreaterThan(4900);
      expect(brief!.expires).toBeLessThanOrEqual(5000);
      expect(lasting).toMatchObject({ to: 'fd34::/48' });
      expect(lasting).not.toHaveProperty('expires');
      await route.add({ ...brief!, table: 602 });
      const [again] = await route.list({ table: 602 });
      expect(again!.expires).toBeGreaterThan(4900);
      expect(again!.expires).toBeLessThanOrEqual(brief!.expires!);
    }));

  test('a table that does not exist has no routes', () =>
    inNetwork(async ({ route, sync }) => {
      for (const filter of [
        { table: 4999 },
        { table: 4999, family: 'inet' },
        { table: 4999, family: 'inet6' },
      ] as const) {
        expect(await route.list(filter)).toEqual([]);
        expect(sync.route.list(filter)).toEqual([]);
      }
    }));

  test('flush deletes what the filter says, and spares the kernel’s own', () =>
    inNetwork(async (client) => {
      const { route, sync } = client;
      for (let number = 0; number < 50; number++) {
        await route.add({ to: `10.50.${number}.0/24`, via: '10.1.0.2', table: 600 });
        await route.add({ to: `fd50:${number}::/64`, via: 'fd01::2', table: 600 });
      }
      await route.add({ to: '10.51.0.0/24', via: '10.1.0.2', protocol: 'static' });
      await route.flush({ table: 600, family: 'inet' });
      expect(await own(client, { family: 'inet' })).toMatchObject([{ to: '10.51.0.0/24' }]);
      expect(await own(client, { family: 'inet6' })).toHaveLength(50);
      sync.route.flush({ table: 600 });
      expect(await own(client)).toHaveLength(1);
      const kernels = (await route.list({ protocol: 'kernel' })).length;
      await route.flush({ link: 'left' });
      expect(await own(client)).toEqual([]);
      expect(await route.list({ protocol: 'kernel' })).toHaveLength(kernels);
      await route.flush({ table: 600 });
      await route.flush({ link: 'right', protocol: 'kernel', family: 'inet', table: 'main' });
      expect(await route.list({ family: 'inet', table: 'main' })).toMatchObject([{ to: '10.1.0.0/24' }]);
    }));

  test('lookups: destination, source, links, mark, user and what the kernel matched', () =>
    inNetwork(async (client) => {
      const { route, sync } = client;
      await route.add({ to: '10.9.0.0/20', via: '10.1.0.2', source: '10.2.0.1', metric: 17 });
      await route.add({ to: 'fd09::/48', via: 'fd02::2', metric: 18 });
      expect(await route.get({ to: '10.9.1.7' })).toMatchObject({
        family: 'inet',
        to: '10.9.1.7/32',
        via: '10.1.0.2',
        link: LEFT,
        source: '10.2.0.1',
        flags: ['cloned'],
      });
      expect(sync.route.get({ to: 'fd09::77' })).toMatchObject({
        family: 'inet6',
        to: 'fd09::77/128',
        via: 'fd02::2',
        link: RIGHT,
      });
      expect(await route.get({ to: '10.9.1.7', flags: ['fibMatch'] })).toMatchObject({ to: '10.9.0.0/20', metric: 17 });
      expect(await route.get({ to: 'fd09::77', flags: ['fibMatch'] })).toMatchObject({ to: 'fd09::/48', metric: 18 });
      expect(await route.get({ to: '10.9.1.7', from: '10.1.0.1' })).toMatchObject({ from: '10.1.0.1/32', link: LEFT });
      expect(await route.get({ to: '10.2.0.9', link: 'right' })).toMatchObject({ link: RIGHT, source: '10.2.0.1' });
      expect(await route.get({ to: '10.9.1.7', mark: 0x77, uid: 65_534, tos: 8 })).toMatchObject({
        mark: 0x77,
        uid: 65_534,
      });
      expect(await route.get({ to: '10.9.1.7', ipProtocol: 6, sourcePort: 4711, destinationPort: 80 })).toMatchObject({
        link: LEFT,
      });
      expect(await route.get({ to: '10.1.0.1' })).toMatchObject({ type: 'local', link: 1 });
      await expect(route.get({ to: '192.0.2.1' })).rejects.toMatchObject({
        code: 'ENETUNREACH',
        operation: 'RTM_GETROUTE',
        path: 'route.to',
      });
      await expect(route.get({ to: '2001:db8::1' })).rejects.toMatchObject({ code: 'ENETUNREACH' });
      await route.add({ to: '198.51.100.0/24', type: 'prohibit' });
      await expect(route.get({ to: '198.51.100.7' })).rejects.toMatchObject({ code: 'EACCES' });
      await expect(route.get({ to: '10.9.1.7', link: 'nosuch' })).rejects.toMatchObject({
        code: 'ENODEV',
        path: 'route.link',
      });
    }));

  test('lookups for packets that come in by a link', () =>
    inNetwork(async (client, { netns }) => {
      const { route } = client;
      await route.add({ to: '10.9.0.0/20', via: '10.1.0.2' });
      const packet = { to: '10.9.1.7', from: '10.2.0.9', iif: 'right' };
      // It would have to be forwarded.
      await expect(route.get(packet)).rejects.toMatchObject({ code: 'EHOSTUNREACH', path: 'route.to' });
      await netns.sysctl.set('net.ipv4.ip_forward', true);
      expect(await route.get(packet)).toMatchObject({
        to: '10.9.1.7/32',
        from: '10.2.0.9/32',
        iif: RIGHT,
        link: LEFT,
        via: '10.1.0.2',
      });
      expect(await route.get({ ...packet, iif: RIGHT })).toMatchObject({ iif: RIGHT });
      await expect(route.get({ ...packet, iif: 'nosuch' })).rejects.toMatchObject({
        code: 'ENODEV',
        path: 'route.iif',
      });
      await expect(route.get({ ...packet, iif: 999 })).rejects.toMatchObject({ code: 'ENODEV' });
    }));

  test('delete wants a route that fits in all that is said', () =>
    inNetwork(async (client) => {
      const { route } = client;
      await route.add({ to: '10.9.0.0/20', via: '10.1.0.2', metric: 7, protocol: 'static' });
      await route.add({ to: 'fd09::/48', via: 'fd01::2', metric: 7, protocol: 'static' });
      const unfit: readonly NewRoute[] = [
        { to: '10.9.0.0/21' },
        { to: '10.9.0.0/20', metric: 8 },
        { to: '10.9.0.0/20', via: '10.2.0.2' },
        { to: '10.9.0.0/20', link: 'right' },
        { to: '10.9.0.0/20', protocol: 'bird' },
        { to: '10.9.0.0/20', table: 77 },
        { to: '10.9.0.0/20', type: 'blackhole' },
        { to: 'fd09::/47' },
        { to: 'fd09::/48', metric: 8 },
        { to: 'fd09::/48', via: 'fd02::2' },
        { to: 'fd09::/48', link: 'right' },
        { to: 'fd09::/48', protocol: 'bird' },
        { to: 'fd09::/48', table: 77 },
      ];
      for (const each of unfit) {
        const error = await errorOf(() => route.delete(each));
        expect(error).toBeInstanceOf(KernelError);
        expect({ each, code: error['code'] }).toEqual({ each, code: 'ESRCH' });
      }
      expect(await own(client)).toHaveLength(2);
      await route.delete({ to: '10.9.0.0/20' });
      await route.delete({ to: 'fd09::/48' });
      expect(await own(client)).toEqual([]);
    }));

  test('errors name what is wrong', () =>
    inNetwork(async (client) => {
      const { route, sync } = client;
      const refused: readonly [run: () => unknown, expected: object][] = [
        [() => route.add({ to: '10.9.0.0/20', via: '192.0.2.1' }), { code: 'ENETUNREACH', path: 'route.via' }],
        [() => route.add({ to: '10.9.0.0/20', link: 'nosuch' }), { code: 'ENODEV', path: 'route.link' }],
        [() => route.add({ to: '10.9.0.0/20', link: 999 }), { code: 'ENODEV', path: 'route.link' }],
        [() => route.add({ to: 'fd09::/48', link: 999 }), { code: 'ENODEV', path: 'route.link' }],
        [
          () => route.add({ to: '10.9.0.0/20', nexthops: [{ link: 'left' }, { link: 'nosuch' }] }),
          { code: 'ENODEV', path: 'route.nexthops[1].link' },
        ],
        [() => route.add({ to: '10.9.0.0/20', via: '10.1.0.2', source: '192.0.2.2' }), { code: 'EINVAL' }],
        [() => sync.route.add({ to: '10.9.0.0/20', link: 'nosuch' }), { code: 'ENODEV', path: 'route.link' }],
      ];
      for (const [run, expected] of refused) {
        const error = await errorOf(run);
        expect(error).toBeInstanceOf(KernelError);
        expect(error).toMatchObject(expected);
      }
      const unwritable: readonly [run: () => unknown, path: string][] = [
        [() => route.add({ to: '10.9.0.0/33', via: '10.1.0.2' }), 'route.to'],
        [() => route.add({ to: '10.9.0.0.1', via: '10.1.0.2' }), 'route.to'],
        [() => route.add({ to: '10.9.0.0/20', via: 'nowhere' }), 'route.via'],
        [() => route.add({ to: '10.9.0.0/20', vai: '10.1.0.2' } as never), 'route.vai'],
        [() => route.add({ to: '10.9.0.0/20', type: 'unicorn' } as never), 'route.type'],
        [() => route.add({ to: '10.9.0.0/20', table: -1 }), 'route.table'],
        [
          () => route.add({ to: '10.9.0.0/20', nexthops: [{ via: '10.1.0.2' }, { via: '10.1.0.2', weight: 0 }] }),
          'route.nexthops[1].weight',
        ],
        [
          () => route.add({ to: '10.9.0.0/20', via: '10.1.0.2', metrics: { mtu: 'big' } } as never),
          'route.metrics.mtu',
        ],
        [() => route.list({ tabel: 5 } as never), 'route.tabel'],
      ];
      for (const [run, path] of unwritable) {
        const error = await errorOf(run);
        expect(error).toBeInstanceOf(CodecError);
        expect(error).toMatchObject({ path });
      }
      expect(await own(client)).toEqual([]);
    }));
});
