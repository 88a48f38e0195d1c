/** Lists, flushes and deletions do what they say: what stands for "any" to the kernel is refused, and nothing is gone then. */
import { expect, jest, test } from '@jest/globals';
import type { Rtnetlink } from '../../lib/rtnetlink/client.js';
import { leavesNothing } from '../support/leftovers.js';
import { inSandbox, noNetns, olderThan, unavailable } from '../support/netns.js';
import { errorOf } from '../support/rejection.js';
import { describeUnless, testUnless } from '../support/skip.js';

leavesNothing();
jest.setTimeout(60_000);

const noVxlan = await unavailable('VXLAN', ({ link }) =>
  link.add({ name: 'it', kind: 'vxlan', data: { id: 3, port: 4789 } }),
);
const noBridge = await unavailable('bridges', ({ link }) => link.add({ name: 'br', kind: 'bridge' }));

const LEFT = 21;
const RIGHT = 34;

/** `left` and `right`, up, with addresses, a neighbour and routes of both families. */
async function setUp({ link, address, route, neighbour }: Rtnetlink): Promise<void> {
  await link.add({ name: 'left', index: LEFT, kind: 'veth', data: { peer: { name: 'right', index: RIGHT } } });
  for (const name of ['left', 'right']) await link.set(name, { up: true, afSpec: { inet6: { addrGenMode: 'none' } } });
  await address.add({ link: 'left', address: '10.1.0.1/24' });
  await address.add({ link: 'left', address: 'fd01::1/64', flags: ['nodad'] });
  await route.add({ to: '10.8.0.0/16', via: '10.1.0.2', metric: 55, source: '10.1.0.1' });
  await route.add({ to: 'fd08::/64', via: 'fd01::2', metric: 56, metrics: { mtu: 1311 } });
  await neighbour.add({ link: 'left', to: '10.1.0.9', lladdr: '02:00:00:00:00:09', state: ['stale'] });
}

/** All that a filter could take. */
async function count({ address, route, neighbour, link, fdb }: Rtnetlink): Promise<number[]> {
  const lists = [
    address.list(),
    route.list(),
    neighbour.list({ family: 'inet' }),
    neighbour.list({ proxy: true }),
    link.list(),
    fdb.list(),
  ];
  return (await Promise.all(lists)).map(({ length }) => length);
}

type Refused = readonly [call: string, run: (client: Rtnetlink) => unknown, path: string];

const ANY_FAMILY = ['unspec', 0, 'bridge', 7, 99, 'ipx'];
const NO_LINK = [0, null, -1, 1.5, '', {}, 2 ** 32, 4294967295];
const anyOf = (key: string, values: readonly unknown[]) => values.map((value) => ({ [key]: value }));

const routeFilters = [
  ...anyOf('family', ANY_FAMILY),
  ...anyOf('table', [0]),
  ...anyOf('type', ['unspec', 0]),
  ...anyOf('protocol', ['unspec', 0]),
  ...anyOf('link', NO_LINK),
  ...anyOf('unknown', [[]]),
  ...anyOf('to', ['10.8.0.0/16']),
  ...anyOf('metric', [55]),
];
const addressFilters = [
  ...anyOf('family', ANY_FAMILY),
  ...anyOf('link', NO_LINK),
  ...anyOf('scope', [null, 'nosuch']),
  ...anyOf('label', [null, 7, []]),
  ...anyOf('unknown', [[]]),
  ...anyOf('address', ['10.1.0.1/24']),
];
const neighbourFilters = [
  ...anyOf('family', ANY_FAMILY),
  ...anyOf('link', NO_LINK),
  ...anyOf('master', NO_LINK),
  ...anyOf('state', ['stale', {}]),
  ...anyOf('proxy', [1, 'yes']),
  ...anyOf('unknown', [[]]),
  ...anyOf('to', ['10.1.0.9']),
];
const fdbFilters = [
  ...anyOf('link', NO_LINK),
  ...anyOf('master', NO_LINK),
  ...anyOf('via', [LEFT]),
  ...anyOf('vlan', [5]),
  ...anyOf('unknown', [[]]),
];
const linkFilters = [
  ...anyOf('master', NO_LINK),
  ...anyOf('group', [0]),
  ...anyOf('unknown', [[]]),
  ...anyOf('link', [LEFT]),
];

function listsAndFlushes(
  object: 'route' | 'address' | 'neighbour',
  filters: readonly Record<string, unknown>[],
): Refused[] {
  return filters.flatMap((filter): Refused[] => {
    const path = `${object}.${Object.keys(filter)[0]!}`;
    const say = JSON.stringify(filter);
    return [
      [`${object}.list(${say})`, (client) => client[object].list(filter), path],
      [`sync.${object}.list(${say})`, (client) => client.sync[object].list(filter), path],
      [`${object}.flush(${say})`, (client) => client[object].flush(filter), path],
      [`sync.${object}.flush(${say})`, (client) => client.sync[object].flush(filter), path],
    ];
  });
}

const toDelete = [
  { table: 0 },
  { type: 0 },
  { type: 'unspec' },
  { protocol: 0 },
  { protocol: 'unspec' },
  { scope: 'nowhere' },
  { scope: 255 },
  { metric: 0 },
  { link: 0 },
  { link: null },
  { nexthopId: 0 },
  { nexthops: [] },
  { metrics: {} },
  { iif: RIGHT },
  { mark: 5 },
  { ttlPropagate: true },
];

const refused: Refused[] = [
  ...listsAndFlushes('route', routeFilters),
  ...listsAndFlushes('address', addressFilters),
  ...listsAndFlushes('neighbour', neighbourFilters),
  ...fdbFilters.map((filter): Refused => [
    `fdb.list(${JSON.stringify(filter)})`,
    ({ fdb }) => fdb.list(filter),
    `fdb.${Object.keys(filter)[0]!}`,
  ]),
  ...linkFilters.map((filter): Refused => [
    `link.list(${JSON.stringify(filter)})`,
    ({ link }) => link.list(filter),
    `link.${Object.keys(filter)[0]!}`,
  ]),
  ...['10.8.0.0/16', 'fd08::/64'].flatMap((to) =>
    toDelete.map((said): Refused => [
      `route.delete(${JSON.stringify({ to, ...said })})`,
      ({ route }) => route.delete({ to, ...said } as never),
      `route.${Object.keys(said)[0]!}`,
    ]),
  ),
  ['route.delete via 0.0.0.0', ({ route }) => route.delete({ to: '10.8.0.0/16', via: '0.0.0.0' }), 'route.via'],
  ['route.delete via ::', ({ route }) => route.delete({ to: 'fd08::/64', via: '::' }), 'route.via'],
  ['route.delete source ::', ({ route }) => route.delete({ to: 'fd08::/64', source: '::' }), 'route.source'],
  ['route.delete realm 0', ({ route }) => route.delete({ to: '10.8.0.0/16', realm: 0 }), 'route.realm'],
  ['route.delete expires', ({ route }) => route.delete({ to: '10.8.0.0/16', expires: 9 }), 'route.expires'],
  ['route.flush({})', ({ route }) => route.flush({}), 'route'],
  ['address.flush({})', ({ address }) => address.flush({}), 'address'],
  ['neighbour.flush({})', ({ neighbour }) => neighbour.flush({}), 'neighbour'],
  ['neighbour.flush({ proxy: false })', ({ neighbour }) => neighbour.flush({ proxy: false }), 'neighbour'],
  ['neighbour.flush undefined', ({ neighbour }) => neighbour.flush({ link: undefined }), 'neighbour'],
  ['address.flush elsewhere', ({ address }) => address.flush({ targetNetnsId: 0 }), 'address.targetNetnsId'],
  [
    'address.list by a name elsewhere',
    ({ address }) => address.list({ link: 'left', targetNetnsId: 0 }),
    'address.link',
  ],
  [
    'address.delete elsewhere',
    ({ address }) => address.delete({ link: LEFT, address: '10.1.0.1/24', targetNetnsId: 0 }),
    'address.targetNetnsId',
  ],
  ['fdb.flush({})', ({ fdb }) => fdb.flush({}), 'fdb.link'],
];

describeUnless(noNetns, 'nothing more than was said', () => {
  test('what stands for any is refused, and nothing is gone', () =>
    inSandbox(async ({ client }) => {
      await setUp(client);
      const before = await count(client);
      for (const [call, run, path] of refused) {
        const error = await errorOf(() => run(client)).catch(() => ({ path: `nothing was thrown by ${call}` }));
        expect({ call, code: (error as { code?: string }).code, path: (error as { path?: string }).path }).toEqual({
          call,
          code: expect.stringMatching(/^(ERR_NETLACE_CODEC|ERR_NETLACE_ARGUMENT)$/),
          path: expect.stringContaining(path),
        });
      }
      expect(await count(client)).toEqual(before);
    }));

  test('filters that say something choose just that', () =>
    inSandbox(async ({ client }) => {
      await setUp(client);
      const { route, neighbour, address } = client;
      expect((await route.list({ protocol: 'boot' })).map(({ to }) => to).sort()).toEqual(['10.8.0.0/16', 'fd08::/64']);
      expect(await neighbour.list({ state: [] })).toEqual([]);
      expect((await neighbour.list({ proxy: false })).map(({ to }) => to)).toContain('10.1.0.9');
      expect(await address.list({ label: '' })).toEqual([]);
      await neighbour.flush({ state: [], family: 'inet' });
      expect((await neighbour.list({ family: 2 })).map(({ to }) => to)).toEqual(['10.1.0.9']);
      await route.flush({ protocol: 'boot', family: 'inet6' });
      expect((await route.list({ protocol: 'boot' })).map(({ to }) => to)).toEqual(['10.8.0.0/16']);
    }));

  test('an IPv6 route is deleted only if it is all that was said', () =>
    inSandbox(async ({ client }) => {
      await setUp(client);
      const { route, sync } = client;
      await route.add({ to: 'fd08::/64', type: 'blackhole', metric: 77 });
      const metrics = async () =>
        (await route.list({ family: 'inet6', protocol: 'boot' })).map(({ type, metric }) => [type, metric]).sort();
      const wrong = [
        { type: 'prohibit' },
        { source: 'fd01::1' },
        { metrics: { mtu: 1312 } },
        { preference: 'high' },
        { type: 'blackhole', metric: 56 },
        { from: 'fd05::/64' },
      ] as const;
      for (const said of wrong) {
        expect(await errorOf(() => route.delete({ to: 'fd08::/64', ...said }))).toMatchObject({ code: 'ESRCH' });
        expect(await errorOf(() => sync.route.delete({ to: 'fd08::/64', ...said }))).toMatchObject({ code: 'ESRCH' });
      }
      expect(await metrics()).toEqual([
        ['blackhole', 77],
        ['unicast', 56],
      ]);
      await route.delete({ to: 'fd08:0::/64', type: 'blackhole' });
      expect(await metrics()).toEqual([['unicast', 56]]);
      sync.route.delete({ to: 'fd08::/64', metrics: { mtu: 1311 }, link: 'left' });
      expect(await metrics()).toEqual([]);
    }));

  testUnless(noVxlan, 'a destination of a VXLAN entry is deleted, or nothing', () =>
    inSandbox(async ({ client }) => {
      const { fdb, link } = client;
      await link.add({ name: 'vx', kind: 'vxlan', data: { id: 5, port: 4789 } });
      const mac = '02:00:00:00:00:52';
      await fdb.add({ link: 'vx', mac, dst: '10.9.9.2', port: 77, vni: 6 });
      const before = await fdb.list({ link: 'vx' });
      expect(before.map((entry) => entry.mac)).toEqual([mac]);
      const said: readonly (readonly [object, string])[] = [
        [{ dst: '0.0.0.0' }, 'fdb.dst'],
        [{ dst: '::' }, 'fdb.dst'],
        [{ port: 78 }, 'fdb.port'],
        [{ vni: 3 }, 'fdb.vni'],
        [{ via: 1 }, 'fdb.via'],
      ];
      for (const [more, path] of said)
        expect(await errorOf(() => fdb.delete({ link: 'vx', mac, ...more }))).toMatchObject({ path });
      // The kernel says nothing of a destination that there is not.
      await fdb.delete({ link: 'vx', mac, dst: '10.9.9.3' });
      expect((await fdb.list({ link: 'vx' })).map((entry) => entry.mac)).toEqual([mac]);
      await fdb.delete(before[0]!);
      expect(await fdb.list({ link: 'vx' })).toEqual([]);
    }),
  );

  testUnless(noVxlan ?? olderThan(6, 7), 'a flush of a VXLAN table takes only what it says', () =>
    inSandbox(async ({ client }) => {
      const { fdb, link } = client;
      await link.add({ name: 'vx', index: 30, kind: 'vxlan', data: { id: 5, port: 4789 } });
      await fdb.add({ link: 'vx', mac: '02:00:00:00:00:51', dst: '10.9.9.1' });
      const any: readonly (readonly [object, string])[] = [
        [{ state: {} }, 'fdb.state'],
        [{ state: [] }, 'fdb.state'],
        [{ state: { permanent: undefined } }, 'fdb.state'],
        [{ flags: {} }, 'fdb.flags'],
        [{ flags: [] }, 'fdb.flags'],
        [{ flags: { offloaded: undefined } }, 'fdb.flags'],
        [{ dst: '0.0.0.0' }, 'fdb.dst'],
        [{ dst: '::' }, 'fdb.dst'],
        [{ port: 0 }, 'fdb.port'],
        [{ vni: 0 }, 'fdb.vni'],
        [{ srcVni: 0 }, 'fdb.srcVni'],
        [{ nexthopId: 0 }, 'fdb.nexthopId'],
        [{ vlan: 0 }, 'fdb.vlan'],
        [{ unknown: [] }, 'fdb.unknown'],
        [{ mac: '02:00:00:00:00:51' }, 'fdb.mac'],
        [{ link: 0 }, 'fdb.link'],
        [{ master: 0 }, 'fdb.master'],
      ];
      for (const [more, path] of any) {
        const error = await errorOf(() => fdb.flush({ link: 'vx', ...more }));
        expect(error['path'] ?? error['argument']).toBe(path);
      }
      expect(await fdb.list({ link: 'vx' })).toHaveLength(1);
      await fdb.flush({ link: 'vx', flags: { offloaded: true } });
      expect(await fdb.list({ link: 'vx' })).toHaveLength(1);
      await fdb.flush({ link: 30, dst: '10.9.9.1' });
      expect(await fdb.list({ link: 'vx' })).toEqual([]);
    }),
  );

  testUnless(noBridge, 'a change says which link it is of, whatever else it says', () =>
    inSandbox(async ({ client }) => {
      const { link } = client;
      await setUp(client);
      await link.set('left', { group: 7 });
      // A group beside a name that nobody has is not changed as a whole.
      expect(await errorOf(() => link.set('nosuch', { group: 7, mtu: 1333 }))).toMatchObject({ code: 'ENODEV' });
      // An index in what was read is not the link to change.
      await link.set('left', { index: RIGHT, mtu: 1401 });
      expect(await link.get('left')).toMatchObject({ index: LEFT, mtu: 1401 });
      expect(await link.get('right')).toMatchObject({ index: RIGHT, mtu: 1500 });
      expect(await errorOf(() => link.delete({ group: 0 }))).toMatchObject({
        code: 'EPERM',
        message: 'RTM_DELLINK: Operation not permitted (EPERM)',
      });
      expect(await errorOf(() => link.delete({ group: 7, mtu: 5 } as never))).toMatchObject({ path: 'link.mtu' });
      expect((await link.list()).map(({ name }) => name).sort()).toEqual(['left', 'lo', 'right']);
    }),
  );
});
