/** Routes: what we make as `ip route` shows it, and what `ip route` makes as we read it. */
import { expect, jest } from '@jest/globals';
import type { NewRoute, Route } from '../../lib/rtnetlink/route.js';
import { jsonIn, noIproute2, runIn } from '../support/iproute2.js';
import { leavesNothing } from '../support/leftovers.js';
import { inSandbox, noNetns, type Sandbox } from '../support/netns.js';
import { describeUnless, testUnless } from '../support/skip.js';

leavesNothing();
jest.setTimeout(60_000);

const skip = noNetns ?? noIproute2;
const LEFT = 21;
const RIGHT = 34;

function inNetwork(body: (sandbox: Sandbox) => Promise<void>): Promise<void> {
  return inSandbox(async (sandbox) => {
    const { link, address } = sandbox.client;
    await link.set('lo', { up: true });
    await link.add({ name: 'left', index: LEFT, kind: 'veth', data: { peer: { name: 'right', index: RIGHT } } });
    for (const [place, name] of ['left', 'right'].entries()) {
      await link.set(name, { up: true, afSpec: { inet6: { addrGenMode: 'none' } } });
      await address.add({ link: name, address: `10.${place + 1}.0.1/24` });
      await address.add({ link: name, address: `fd0${place + 1}::1/64`, flags: ['nodad'] });
    }
    await body(sandbox);
  });
}

/** What `ip -j -d route` shows of routes that a test made. */
function shown(sandbox: Sandbox): Record<string, unknown>[] {
  return ['-4', '-6']
    .flatMap((family) => jsonIn(sandbox, `ip ${family} -j -d route show table all`))
    .filter(({ protocol, dst }) => protocol !== 'kernel' && dst !== 'ff00::/8');
}

async function own({ client }: Sandbox): Promise<Route[]> {
  return (await client.route.list()).filter(({ protocol, to }) => protocol !== 'kernel' && to !== 'ff00::/8');
}

/** Our route; what `ip route add` calls the same; some of what `ip -j -d route` shows. */
const same: readonly [ours: NewRoute, theirs: string, shown: Record<string, unknown>][] = [
  [
    { to: '10.9.0.0/20', via: '10.1.0.2' },
    '10.9.0.0/20 via 10.1.0.2',
    { dst: '10.9.0.0/20', gateway: '10.1.0.2', dev: 'left', protocol: 'boot', scope: 'global' },
  ],
  [{ to: '10.9.0.7', link: 'right' }, '10.9.0.7 dev right', { dst: '10.9.0.7', dev: 'right', scope: 'link' }],
  [
    { to: 'default', via: '10.2.0.2', metric: 77 },
    'default via 10.2.0.2 metric 77',
    { dst: 'default', dev: 'right', metric: 77 },
  ],
  [
    { to: '10.9.0.0/20', via: '10.1.0.2', protocol: 'bird', source: '10.2.0.1' },
    '10.9.0.0/20 via 10.1.0.2 proto bird src 10.2.0.1',
    { protocol: 'bird', prefsrc: '10.2.0.1' },
  ],
  [{ to: '10.9.0.0/20', via: '10.1.0.2', tos: 0x10 }, '10.9.0.0/20 via 10.1.0.2 tos 0x10', { tos: '0x10' }],
  [{ to: '10.9.0.0/20', via: '10.1.0.2', table: 77 }, '10.9.0.0/20 via 10.1.0.2 table 77', { table: '77' }],
  [{ to: '10.9.0.0/20', via: '10.1.0.2', table: 70_077 }, '10.9.0.0/20 via 10.1.0.2 table 70077', { table: '70077' }],
  [{ to: '10.9.0.0/20', link: 'left', scope: 'host' }, '10.9.0.0/20 dev left scope host', { scope: 'host' }],
  [
    { to: '10.9.0.0/20', via: '192.0.2.7', link: 'right', flags: ['onlink'] },
    '10.9.0.0/20 via 192.0.2.7 dev right onlink',
    { flags: ['onlink'] },
  ],
  [
    { to: '10.9.0.0/20', via: 'fd01::2', link: 'left' },
    '10.9.0.0/20 via inet6 fd01::2 dev left',
    { via: { family: 'inet6', host: 'fd01::2' } },
  ],
  [
    { to: '10.9.0.9', type: 'local', link: 'left' },
    'local 10.9.0.9 dev left table main',
    { type: 'local', scope: 'host' },
  ],
  [
    { to: '10.9.0.9', type: 'broadcast', link: 'left' },
    'broadcast 10.9.0.9 dev left table main',
    { type: 'broadcast', scope: 'link' },
  ],
  [{ to: '239.1.0.0/16', type: 'multicast', link: 'left' }, 'multicast 239.1.0.0/16 dev left', { type: 'multicast' }],
  ...(['blackhole', 'unreachable', 'prohibit', 'throw'] as const).flatMap(
    (type): [NewRoute, string, Record<string, unknown>][] => [
      [{ to: '10.9.0.0/20', type }, `${type} 10.9.0.0/20`, { type }],
      [{ to: 'fd09::/48', type, metric: 55 }, `${type} fd09::/48 metric 55`, { type, metric: 55 }],
    ],
  ),
  [
    {
      to: '10.9.0.0/20',
      via: '10.1.0.2',
      metrics: {
        lock: 1 << 13,
        mtu: 1311,
        advmss: 1212,
        window: 4444,
        hoplimit: 66,
        initcwnd: 17,
        initrwnd: 28,
        rtoMin: 210,
        quickack: true,
        features: ['ecn'],
        congctl: 'reno',
      },
    },
    '10.9.0.0/20 via 10.1.0.2 mtu 1311 advmss 1212 window 4444 hoplimit 66 initcwnd 17 initrwnd 28 rto_min 210ms quickack 1 features ecn congctl reno',
    {
      metrics: [
        expect.objectContaining({
          mtu: 1311,
          advmss: 1212,
          window: 4444,
          hoplimit: 66,
          initcwnd: 17,
          initrwnd: 28,
          quickack: 1,
        }),
      ],
    },
  ],
  [
    {
      to: '10.9.0.0/20',
      nexthops: [
        { via: '10.1.0.2', weight: 3 },
        { via: '10.2.0.2', link: 'right', weight: 200 },
      ],
    },
    '10.9.0.0/20 nexthop via 10.1.0.2 weight 3 nexthop via 10.2.0.2 dev right weight 200',
    {
      nexthops: [
        { gateway: '10.1.0.2', dev: 'left', weight: 3, flags: [] },
        { gateway: '10.2.0.2', dev: 'right', weight: 200, flags: [] },
      ],
    },
  ],
  [
    {
      to: '10.9.0.0/20',
      nexthops: [
        { via: 'fd01::2', link: 'left', weight: 2 },
        { link: 'right', weight: 5 },
      ],
    },
    '10.9.0.0/20 nexthop via inet6 fd01::2 dev left weight 2 nexthop dev right weight 5',
    {
      nexthops: [
        expect.objectContaining({ via: { family: 'inet6', host: 'fd01::2' }, weight: 2 }),
        expect.objectContaining({ dev: 'right', weight: 5 }),
      ],
    },
  ],
  [
    { to: 'fd09::/48', via: 'fd01::2' },
    'fd09::/48 via fd01::2',
    { dst: 'fd09::/48', gateway: 'fd01::2', dev: 'left', metric: 1024, pref: 'medium' },
  ],
  [{ to: 'default', via: 'fd01::2', metric: 9 }, '-6 default via fd01::2 metric 9', { dst: 'default', metric: 9 }],
  [
    { to: 'fd09::7', link: 'right', table: 70_077 },
    'fd09::7 dev right table 70077',
    { dst: 'fd09::7', table: '70077' },
  ],
  [
    { to: 'fd09::/48', via: 'fe80::7', link: 'left', preference: 'high', source: 'fd02::1' },
    'fd09::/48 via fe80::7 dev left pref high src fd02::1',
    { pref: 'high', prefsrc: 'fd02::1' },
  ],
  [{ to: 'fd09::9', type: 'anycast', link: 'left' }, 'anycast fd09::9 dev left table main', { type: 'anycast' }],
  [
    {
      to: 'fd09::/48',
      nexthops: [
        { via: 'fd01::2', weight: 3 },
        { via: 'fe80::9', link: 'right', weight: 44 },
      ],
    },
    'fd09::/48 nexthop via fd01::2 weight 3 nexthop via fe80::9 dev right weight 44',
    {
      nexthops: [
        expect.objectContaining({ gateway: 'fd01::2', weight: 3 }),
        expect.objectContaining({ dev: 'right', weight: 44 }),
      ],
    },
  ],
];

describeUnless(skip, 'routes beside ip', () => {
  for (const [ours, theirs, expected] of same) {
    testUnless(skip, theirs, () =>
      inNetwork(async (sandbox) => {
        const { route } = sandbox.client;
        await route.add(ours);
        const mineShown = shown(sandbox);
        expect(mineShown).toMatchObject([expected]);
        const [mine] = await own(sandbox);
        await route.delete(mine!);
        expect(shown(sandbox)).toEqual([]);

        const [option, ...rest] = theirs.startsWith('-6 ') ? theirs.split(' ') : ['', ...theirs.split(' ')];
        runIn(sandbox, `ip ${option!} route add ${rest.join(' ')}`);
        expect(shown(sandbox)).toEqual(mineShown);
        const [read] = await own(sandbox);
        const { cacheinfo: _one, ...lasting } = mine!;
        const { cacheinfo: _other, ...lastingRead } = read!;
        expect(lastingRead).toEqual(lasting);
        await route.delete(read!);
        expect(shown(sandbox)).toEqual([]);

        // And what we make from what we read of theirs, ip deletes.
        await route.add(read!);
        expect(shown(sandbox)).toEqual(mineShown);
        runIn(sandbox, `ip ${option!} route del ${rest.join(' ')}`);
        expect(await own(sandbox)).toEqual([]);
      }),
    );
  }

  testUnless(skip, 'the kernel’s own routes', () =>
    inNetwork(async (sandbox) => {
      const brief = (...parts: readonly unknown[]) => parts.map(String).join(' ');
      for (const [family, option, host] of [
        ['inet', '-4', '/32'],
        ['inet6', '-6', '/128'],
      ] as const) {
        const theirs = jsonIn(sandbox, `ip ${option} -j -d route show table all`);
        const ours = await sandbox.client.route.list({ family });
        expect(
          ours
            .map(({ type, to, table, protocol }) =>
              brief(type, to.endsWith(host) ? to.slice(0, -host.length) : to, table, protocol),
            )
            .sort(),
        ).toEqual(theirs.map(({ type, dst, table = 'main', protocol }) => brief(type, dst, table, protocol)).sort());
      }
    }),
  );

  testUnless(skip, 'lookups', () =>
    inNetwork(async (sandbox) => {
      const { route } = sandbox.client;
      runIn(sandbox, 'ip route add 10.9.0.0/20 via 10.1.0.2 src 10.2.0.1');
      runIn(sandbox, 'ip route add fd09::/48 via fd02::2');
      for (const [lookup, theirs] of [
        [{ to: '10.9.1.7' }, '10.9.1.7'],
        [{ to: '10.9.1.7', from: '10.1.0.1' }, '10.9.1.7 from 10.1.0.1'],
        [{ to: '10.2.0.9', link: 'right' }, '10.2.0.9 oif right'],
        [{ to: '10.1.0.1' }, '10.1.0.1'],
        [{ to: 'fd09::77' }, 'fd09::77'],
        [{ to: 'fd01::1' }, 'fd01::1'],
      ] as const) {
        const [shownRoute] = jsonIn(sandbox, `ip -j -d route get ${theirs}`);
        const found = await route.get(lookup);
        expect(found).toMatchObject({
          to: `${String(shownRoute!['dst'])}/${lookup.to.includes(':') ? 128 : 32}`,
          type: shownRoute!['type'],
        });
        expect(found.via).toBe(shownRoute!['gateway']);
        expect(found.source).toBe(shownRoute!['prefsrc']);
        expect(found.link).toBe({ left: LEFT, right: RIGHT, lo: 1 }[String(shownRoute!['dev'])]);
      }
    }),
  );
});
