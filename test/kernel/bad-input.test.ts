/** What cannot be done is refused with a typed error that names the argument or the attribute, and nothing is half-made. */
import { createServer } from 'node:http';
import { expect, jest, test } from '@jest/globals';
import {
  ArgumentError,
  ClosedError,
  CodecError,
  KernelError,
  Netns,
  NetlinkError,
  requests,
  Rtnetlink,
  SyscallError,
  watchAll,
  type Nouns,
} from '../../lib/index.js';
import { everythingIn } from '../support/everything.js';
import { noIproute2 } from '../support/iproute2.js';
import { kept } from '../support/kept.js';
import { leavesNothing, openDescriptors, until } from '../support/leftovers.js';
import { inSandbox, newNetns, noNames, noNetns, unavailable, type Sandbox } from '../support/netns.js';
import { errorOf } from '../support/rejection.js';
import { describeUnless, testUnless } from '../support/skip.js';

leavesNothing();
jest.setTimeout(60_000);

interface Expected {
  readonly type: new (...parameters: never[]) => NetlinkError;
  readonly code: string;
  readonly path?: string;
  readonly argument?: string;
  readonly syscall?: string;
}

const unwritable = (path: string): Expected => ({ type: CodecError, code: 'ERR_NETLACE_CODEC', path });
const refused = (argument: string): Expected => ({ type: ArgumentError, code: 'ERR_NETLACE_ARGUMENT', argument });
const failed = (code: string, path: string): Expected => ({ type: KernelError, code, path });
const syscall = (code: string, name: string): Expected => ({ type: SyscallError, code, syscall: name });
const closed: Expected = { type: ClosedError, code: 'ERR_NETLACE_CLOSED' };

async function expectError(run: () => unknown, { type, ...fields }: Expected): Promise<void> {
  const error = await errorOf(run);
  expect(error).toBeInstanceOf(type);
  expect(error).toBeInstanceOf(NetlinkError);
  const { code, path, argument, syscall } = error;
  expect({ code, path, argument, syscall, message: error.message }).toMatchObject(fields);
  expect(error.message).toContain(fields.path ?? fields.argument ?? '');
}

/** The kernel's nouns with promises or at once, without the types that keep a program from making the mistake. */
type Loose = { readonly [Noun in keyof Nouns<'async'>]: Record<string, (...parameters: unknown[]) => unknown> };
type Case = readonly [title: string, run: (nouns: Loose, sandbox: Sandbox) => unknown, expected: Expected];

const box = { name: 'it', kind: 'veth', data: { peer: { name: 'other' } } };
const overlay = { name: 'it', kind: 'vxlan' };
const here = { address: '10.1.0.1/24', link: 'left' };

const nothings = [undefined, null, 7].map((value) => [String(value), value] as const);

/** Refused before anything is sent. */
const unsent: readonly Case[] = [
  ...nothings.flatMap(([title, value]): Case[] => [
    [`${title} for a new link`, ({ link }) => link['add']!(value), unwritable('link')],
    [`${title} for a change`, ({ link }) => link['set']!('left', value), unwritable('link')],
    [`${title} for an address`, ({ address }) => address['add']!(value), unwritable('address')],
    [`${title} for an address to delete`, ({ address }) => address['delete']!(value), unwritable('address')],
    [`${title} for addresses to flush`, ({ address }) => address['flush']!(value), unwritable('address')],
    [`${title} for a route`, ({ route }) => route['replace']!(value), unwritable('route')],
    [`${title} for a route to delete`, ({ route }) => route['delete']!(value), unwritable('route')],
    [`${title} for a route to get`, ({ route }) => route['get']!(value), unwritable('route')],
    [`${title} for routes to flush`, ({ route }) => route['flush']!(value), unwritable('route')],
    [`${title} for a neighbour`, ({ neighbour }) => neighbour['add']!(value), unwritable('neighbour')],
    [`${title} for a neighbour to get`, ({ neighbour }) => neighbour['get']!(value), unwritable('neighbour')],
    [`${title} for neighbours to flush`, ({ neighbour }) => neighbour['flush']!(value), unwritable('neighbour')],
    [`${title} for a forwarding entry`, ({ fdb }) => fdb['append']!(value), unwritable('fdb')],
    [`${title} for a forwarding entry to get`, ({ fdb }) => fdb['get']!(value), unwritable('fdb')],
    [`${title} for forwarding entries to flush`, ({ fdb }) => fdb['flush']!(value), unwritable('fdb')],
  ]),
  ['null for a filter of links', ({ link }) => link['list']!(null), unwritable('link')],
  ['null for a link to delete', ({ link }) => link['delete']!(null), refused('link')],
  [
    'null for a next hop',
    ({ route }) => route['add']!({ to: 'default', nexthops: [{ via: '10.9.0.2' }, null] }),
    unwritable('route.nexthops[1]'),
  ],
  ['nothing to flush by, for addresses', ({ address }) => address['flush']!({}), unwritable('address')],
  [
    'undefined to flush by, for addresses',
    ({ address }) => address['flush']!({ link: undefined }),
    unwritable('address'),
  ],
  ['nothing to flush by, for routes', ({ route }) => route['flush']!({}), unwritable('route')],
  ['nothing to flush by, for neighbours', ({ neighbour }) => neighbour['flush']!({}), unwritable('neighbour')],
  ['no destination', ({ route }) => route['add']!({ link: 1 }), unwritable('route.to')],
  ['no destination to replace', ({ route }) => route['replace']!({ to: undefined, link: 1 }), unwritable('route.to')],
  ['no destination to delete', ({ route }) => route['delete']!({ to: undefined, link: 1 }), unwritable('route.to')],
  ['no destination to look up', ({ route }) => route['get']!({ mark: 7 }), unwritable('route.to')],
  ['what routes are not listed by', ({ route }) => route['list']!({ to: '10.0.0.0/24' }), unwritable('route.to')],
  [
    'an unknown family, for an address',
    ({ address }) => address['add']!({ ...here, link: 1, family: 'ipv4' }),
    unwritable('address.family'),
  ],
  [
    'an unknown family, for a route',
    ({ route }) => route['add']!({ to: 'default', family: 'ipv4' }),
    unwritable('route.family'),
  ],
  [
    'an unknown family, for a neighbour',
    ({ neighbour }) => neighbour['get']!({ to: '10.9.0.1', family: 'ipv4' }),
    unwritable('neighbour.family'),
  ],
  ['an unknown family, for a list', ({ link }) => link['list']!({ family: 'ipv4' }), unwritable('link.family')],
  ['an unknown scope to list by', ({ address }) => address['list']!({ scope: 'globl' }), unwritable('address.scope')],
  [
    'an unknown state to list by',
    ({ neighbour }) => neighbour['list']!({ state: ['perm'] }),
    unwritable('neighbour.state'),
  ],
  [
    'an unknown state to flush by',
    ({ fdb }) => fdb['flush']!({ link: 1, state: { permnent: true } }),
    refused('fdb.state.permnent'),
  ],
  [
    'a state that is no switch',
    ({ fdb }) => fdb['flush']!({ link: 1, state: { permanent: 'yes' } }),
    refused('fdb.state.permanent'),
  ],
  ['states that are no object', ({ fdb }) => fdb['flush']!({ link: 1, state: 'permanent' }), refused('fdb.state')],
  [
    'a name of 16 characters',
    ({ link }) => link['add']!({ ...box, name: 'sixteen-letters-' }),
    unwritable('link.name'),
  ],
  [
    'a peer name of 16 characters',
    ({ link }) => link['add']!({ ...box, data: { peer: { name: 'sixteen-letters-' } } }),
    unwritable('link.data(veth).peer.name'),
  ],
  ['a new name of 16 characters', ({ link }) => link['set']!(1, { name: 'sixteen-letters-' }), unwritable('link.name')],
  ['an empty name', ({ link }) => link['add']!({ ...box, name: '' }), unwritable('link.name')],
  ['a name with a slash', ({ link }) => link['add']!({ ...box, name: 'a/b' }), unwritable('link.name')],
  ['a name that is a number', ({ link }) => link['add']!({ ...box, name: 5 }), unwritable('link.name')],
  [
    'an address without a prefix',
    ({ address }) => address['add']!({ ...here, link: 1, address: '10.1.0.1' }),
    unwritable('address.address'),
  ],
  [
    'an IPv6 address without a prefix',
    ({ address }) => address['add']!({ ...here, link: 1, address: 'fd00::1' }),
    unwritable('address.address'),
  ],
  [
    'a prefix of 33',
    ({ address }) => address['add']!({ ...here, link: 1, address: '10.1.0.1/33' }),
    unwritable('address.address'),
  ],
  [
    'an IPv6 prefix of 129',
    ({ address }) => address['replace']!({ ...here, link: 1, address: 'fd00::1/129' }),
    unwritable('address.address'),
  ],
  [
    'an address of five numbers',
    ({ address }) => address['add']!({ ...here, link: 1, address: '10.1.0.0.1/24' }),
    unwritable('address.address'),
  ],
  ['a route to a prefix of 33', ({ route }) => route['add']!({ to: '10.1.0.0/33', link: 1 }), unwritable('route.to')],
  [
    'a route via something that is no address',
    ({ route }) => route['add']!({ to: 'default', via: 'gateway', link: 1 }),
    unwritable('route.via'),
  ],
  [
    'a VNI of 2^24',
    ({ link }) => link['add']!({ ...overlay, data: { id: 2 ** 24 } }),
    unwritable('link.data(vxlan).id'),
  ],
  ['a negative VNI', ({ link }) => link['add']!({ ...overlay, data: { id: -1 } }), unwritable('link.data(vxlan).id')],
  [
    'a port of 2^16',
    ({ link }) => link['add']!({ ...overlay, data: { id: 1, port: 2 ** 16 } }),
    unwritable('link.data(vxlan).port'),
  ],
  ['a MAC of 5 bytes', ({ link }) => link['add']!({ ...box, address: '02:00:00:00:01' }), unwritable('link.address')],
  [
    'a neighbour with a MAC of 5 bytes',
    ({ neighbour }) => neighbour['add']!({ link: 1, to: '10.1.0.2', lladdr: '02:00:00:00:01' }),
    unwritable('neighbour.lladdr'),
  ],
  [
    'a forwarding entry with a MAC of 5 bytes',
    ({ fdb }) => fdb['add']!({ link: 1, mac: '02:00:00:00:01' }),
    unwritable('fdb.mac'),
  ],
  ['an MTU that is negative', ({ link }) => link['add']!({ ...box, mtu: -1 }), unwritable('link.mtu')],
  ['an MTU of 2^32', ({ link }) => link['set']!(1, { mtu: 2 ** 32 }), unwritable('link.mtu')],
  ['an MTU that is no integer', ({ link }) => link['set']!(1, { mtu: 1400.5 }), unwritable('link.mtu')],
  ['an MTU that is text', ({ link }) => link['set']!(1, { mtu: '1400' }), unwritable('link.mtu')],
  ['up that is text', ({ link }) => link['set']!(1, { up: 'yes' }), unwritable('link.up')],
  [
    'a metric of 2^32',
    ({ route }) => route['add']!({ to: 'default', link: 1, metric: 2 ** 32 }),
    unwritable('route.metric'),
  ],
  [
    'an unknown word',
    ({ route }) => route['add']!({ to: 'default', link: 1, type: 'blackhol' }),
    unwritable('route.type'),
  ],
  ['a misspelt option of a link', ({ link }) => link['add']!({ ...box, mut: 1400 }), unwritable('link.mut')],
  ['a misspelt option of a change', ({ link }) => link['set']!(1, { upp: true }), unwritable('link.upp')],
  [
    'a misspelt option of a peer',
    ({ link }) => link['add']!({ ...box, data: { peer: { name: 'other', mut: 5 } } }),
    unwritable('link.data(veth).peer.mut'),
  ],
  [
    'a misspelt option of a kind',
    ({ link }) => link['add']!({ ...overlay, data: { id: 1, prot: 4789 } }),
    unwritable('link.data(vxlan).prot'),
  ],
  [
    'a misspelt option of a port',
    ({ link }) => link['set']!(1, { portKind: 'bridge', port: { coast: 4 } }),
    unwritable('link.port(bridge).coast'),
  ],
  [
    'a misspelt option of an address',
    ({ address }) => address['add']!({ ...here, link: 1, lable: 'x' }),
    unwritable('address.lable'),
  ],
  [
    'a misspelt option of a route',
    ({ route }) => route['add']!({ to: 'default', link: 1, vai: '10.1.0.1' }),
    unwritable('route.vai'),
  ],
  [
    'a misspelt option of a next hop',
    ({ route }) => route['add']!({ to: 'default', nexthops: [{ link: 1 }, { link: 1, wieght: 2 }] }),
    unwritable('route.nexthops[1].wieght'),
  ],
  [
    'a misspelt metric of a route',
    ({ route }) => route['add']!({ to: 'default', link: 1, metrics: { mut: 5 } }),
    unwritable('route.metrics.mut'),
  ],
  [
    'a misspelt option of a neighbour',
    ({ neighbour }) => neighbour['add']!({ link: 1, to: '10.1.0.2', lladr: 'x' }),
    unwritable('neighbour.lladr'),
  ],
  [
    'a misspelt option of a forwarding entry',
    ({ fdb }) => fdb['add']!({ link: 1, mac: '02:00:00:00:00:01', dest: '10.1.0.2' }),
    unwritable('fdb.dest'),
  ],
  ['a misspelt filter of links', ({ link }) => link['list']!({ knd: 'veth' }), unwritable('link.knd')],
  ['a misspelt filter of addresses', ({ address }) => address['list']!({ lnk: 1 }), unwritable('address.lnk')],
  ['a misspelt filter of routes', ({ route }) => route['list']!({ tabel: 'main' }), unwritable('route.tabel')],
  ['a misspelt filter of neighbours', ({ neighbour }) => neighbour['list']!({ lnk: 1 }), unwritable('neighbour.lnk')],
  ['a misspelt filter of forwarding entries', ({ fdb }) => fdb['list']!({ lnk: 1 }), unwritable('fdb.lnk')],
  [
    'a misspelt option of a lookup',
    ({ route }) => route['get']!({ to: '10.1.0.1', form: '10.1.0.2' }),
    unwritable('route.form'),
  ],
  ['a misspelt call option', ({ link }) => link['get']!(1, { timeuot: 5 }), refused('options.timeuot')],
  ['a misspelt call option of a list', ({ link }) => link['list']!({}, { singal: 5 }), refused('options.singal')],
  ['a timeout that is none', ({ route }) => route['list']!({}, { timeout: -1 }), refused('options.timeout')],
  [
    'a signal that is none',
    ({ address }) => address['add']!({ ...here, link: 1 }, { signal: {} }),
    refused('options.signal'),
  ],
  ['a link that is neither name nor index', ({ link }) => link['get']!(null), unwritable('link')],
  ['link 0', ({ link }) => link['delete']!(0), unwritable('link')],
  ['no group', ({ link }) => link['delete']!({}), refused('link')],
  ['a namespace that is none', ({ link }) => link['add']!({ ...box, netns: 'box' }), unwritable('link.netns')],
];

/** Refused by the kernel, or by what a name is looked up for. */
const sent: readonly Case[] = [
  ['an unknown kind', ({ link }) => link['add']!({ name: 'it', kind: 'vteh' }), failed('EOPNOTSUPP', 'link.kind')],
  ['a link that does not exist, to get', ({ link }) => link['get']!('nobody'), failed('ENODEV', 'link.name')],
  ['an index that does not exist, to get', ({ link }) => link['get']!(99999), failed('ENODEV', 'link.index')],
  [
    'a link that does not exist, to set',
    ({ link }) => link['set']!('nobody', { up: true }),
    failed('ENODEV', 'link.name'),
  ],
  ['a link that does not exist, to delete', ({ link }) => link['delete']!('nobody'), failed('ENODEV', 'link.name')],
  [
    'a link that does not exist, as a master',
    ({ link }) => link['set']!('left', { master: 'nobody' }),
    failed('ENODEV', 'link.master'),
  ],
  [
    'a link that does not exist, for an address',
    ({ address }) => address['add']!({ ...here, link: 'nobody' }),
    failed('ENODEV', 'address.link'),
  ],
  [
    'an index that does not exist, for an address',
    ({ address }) => address['add']!({ ...here, link: 99999 }),
    failed('ENODEV', 'address.link'),
  ],
  [
    'a link that does not exist, for a route',
    ({ route }) => route['add']!({ to: 'default', link: 'nobody' }),
    failed('ENODEV', 'route.link'),
  ],
  [
    'a link that does not exist, for a next hop',
    ({ route }) => route['add']!({ to: 'default', nexthops: [{ link: 'left' }, { link: 'nobody' }] }),
    failed('ENODEV', 'route.nexthops[1].link'),
  ],
  [
    'a link that does not exist, for a neighbour',
    ({ neighbour }) => neighbour['add']!({ link: 'nobody', to: '10.1.0.2', lladdr: '02:00:00:00:00:01' }),
    failed('ENODEV', 'neighbour.link'),
  ],
  [
    'a link that does not exist, for a forwarding entry',
    ({ fdb }) => fdb['add']!({ link: 'nobody', mac: '02:00:00:00:00:01' }),
    failed('ENODEV', 'fdb.link'),
  ],
  [
    'a name that cannot be looked up, for an address',
    ({ address }) => address['add']!({ ...here, link: '' }),
    unwritable('address.link'),
  ],
  [
    'a name that cannot be looked up, for a next hop',
    ({ route }) => route['add']!({ to: 'default', nexthops: [{ link: 'left' }, { link: '' }] }),
    unwritable('route.nexthops[1].link'),
  ],
  [
    'a link that does not exist, for a kind’s data',
    ({ link }) => link['add']!({ ...overlay, data: { id: 42, link: 'nobody' } }),
    failed('ENODEV', 'link.data(vxlan).link'),
  ],
  ['a link that exists already', ({ link }) => link['add']!({ ...box, name: 'left' }), failed('EEXIST', 'link.name')],
  [
    'an address that exists already',
    ({ address }) => address['add']!({ ...here, address: '10.9.0.1/24' }),
    failed('EEXIST', 'address.address'),
  ],
  [
    'a route that exists already',
    ({ route }) => route['add']!({ to: '10.66.0.0/16', type: 'blackhole' }),
    failed('EEXIST', 'route.to'),
  ],
];

/** Runs `body` with a link that has a peer, an address, and a route. */
async function inScene(body: (sandbox: Sandbox) => Promise<void>): Promise<void> {
  await inSandbox(async (sandbox) => {
    const { link, address, route } = sandbox.client;
    await link.add({ name: 'left', kind: 'veth', data: { peer: { name: 'right' } } });
    await address.add({ link: 'left', address: '10.9.0.1/24' });
    await route.add({ to: '10.66.0.0/16', type: 'blackhole' });
    await body(sandbox);
  });
}

const loose = (nouns: Nouns<'async'> | Nouns<'sync'>): Loose => nouns as unknown as Loose;

const noScene =
  noIproute2 ??
  (await unavailable('veth pairs', ({ link }) =>
    link.add({ name: 'it', kind: 'veth', data: { peer: { name: 'other' } } }),
  ));

describeUnless(noScene, 'requests', () => {
  const common = kept<{ sandbox: Sandbox; before: unknown }>((body) =>
    inScene((sandbox) => body({ sandbox, before: everythingIn(sandbox) })),
  );

  test.each([...unsent, ...sent])('%s', async (_title, run, expected) => {
    const { sandbox, before } = common();
    await expectError(() => run(loose(sandbox.client), sandbox), expected);
    await expectError(() => run(loose(sandbox.client.sync), sandbox), expected);
    expect(everythingIn(sandbox)).toEqual(before);
  });

  test('an error in one request leaves those of the same tick alone', () =>
    inScene(async ({ client }) => {
      const results = await Promise.allSettled([
        client.link.set('left', { mtu: 1401 }),
        ...unsent
          .filter(([, , { type }]) => type === CodecError)
          .map(([, run]) => run(loose(client), undefined as never)),
        client.link.set('right', { mtu: 1402 }),
      ]);
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
      expect(await client.link.get('left')).toMatchObject({ mtu: 1401 });
      expect(await client.link.get('right')).toMatchObject({ mtu: 1402 });
    }));
});

describeUnless(noNetns, 'clients and watches', () => {
  const cases: readonly (readonly [title: string, run: (sandbox: Sandbox) => unknown, expected: Expected])[] = [
    [
      'a misspelt option of a client',
      ({ netns }) => Rtnetlink.open({ netsn: netns } as never),
      refused('options.netsn'),
    ],
    ['the same, at once', ({ netns }) => Rtnetlink.openSync({ netsn: netns } as never), refused('options.netsn')],
    ['a listener that is none', () => Rtnetlink.open({ onWarning: 5 as never }), refused('options.onWarning')],
    [
      'a watch that is neither persistent nor not',
      ({ client }) => client.watch(['link'], { persistent: 'no' as never }),
      refused('options.persistent'),
    ],
    ['a watch of no clients', () => watchAll(undefined as never, ['link']), refused('clients')],
    ['a watch of something else', ({ client }) => watchAll([client, {} as never], ['link']), refused('clients')],
    ['client options that are none', () => Rtnetlink.open(null as never), refused('options')],
    [
      'a client in something else than a namespace',
      () => Rtnetlink.open({ netns: 'box' } as never),
      refused('options.netns'),
    ],
    ['a client in a file that is no namespace', () => Rtnetlink.open({ netns: { fd: 0 } }), syscall('EINVAL', 'setns')],
    [
      'a misspelt option of a watch',
      ({ client }) => client.watch(['link'], { presistent: false } as never),
      refused('options.presistent'),
    ],
    ['a watch of a misspelt object', ({ client }) => client.watch(['links'] as never), refused('objects')],
    ['a watch of nothing', ({ client }) => client.watch([]), refused('objects')],
    [
      'a watch with a signal that is none',
      ({ client }) => client.watch(['link'], { signal: {} } as never),
      refused('options.signal'),
    ],
    [
      'a misspelt option of several watches',
      ({ client }) => watchAll([client], ['link'], { presistent: false } as never),
      refused('options.presistent'),
    ],
    [
      'a request with a misspelt call option',
      ({ client }) => client.request(requests.getLink(1), { timeuot: 1 } as never),
      refused('options.timeuot'),
    ],
  ];
  test.each(cases)('%s', (_title, run, expected) =>
    inSandbox(async (sandbox) => {
      const before = openDescriptors();
      await expectError(() => run(sandbox), expected);
      expect(openDescriptors()).toEqual(before);
    }),
  );
});

describeUnless(noNetns, 'namespaces', () => {
  const name = `netlace-bad-${process.pid}`;
  const cases: readonly (readonly [title: string, run: (netns: Netns) => unknown, expected: Expected])[] = [
    ['a namespace that does not exist', () => Netns.open('netlace-nobody'), syscall('ENOENT', 'open')],
    ['the same, at once', () => Netns.openSync({ name: 'netlace-nobody' }), syscall('ENOENT', 'open')],
    ['a path that does not exist', () => Netns.open({ path: '/proc/self/ns/nobody' }), syscall('ENOENT', 'open')],
    ['a process that does not exist', () => Netns.open({ pid: 0x7fffffff }), syscall('ESRCH', 'pidfd_open')],
    ['a name that does not exist, to delete', () => Netns.delete('netlace-nobody'), syscall('ENOENT', 'lstat')],
    ['a file that is no namespace', () => Netns.open({ path: '/proc/self/status' }), refused('ref')],
    ['another kind of namespace', () => Netns.open({ path: '/proc/self/ns/uts' }), refused('ref')],
    ['a folder', () => Netns.open({ path: '/proc' }), refused('ref')],
    ['a name with a slash', () => Netns.open('a/b'), refused('ref.name')],
    ['a new name with a slash', () => Netns.create({ name: '../b' }), refused('options.name')],
    ['an empty name', () => Netns.createSync({ name: '' }), refused('options.name')],
    ['a name of 256 bytes', () => Netns.create({ name: 'n'.repeat(256) }), refused('options.name')],
    ['a name that is a number', () => Netns.delete(5 as never), refused('name')],
    ['pid 0', () => Netns.open({ pid: 0 }), refused('ref.pid')],
    ['a pidfd that is none', () => Netns.open({ pidfd: -1 }), refused('ref.pidfd')],
    ['an empty path', () => Netns.open({ path: '' }), refused('ref.path')],
    ['no reference', () => Netns.open({} as never), refused('ref')],
    ['a misspelt reference', () => Netns.open({ nmae: 'x' } as never), refused('ref.nmae')],
    ['two references', () => Netns.openSync({ name: 'x', pid: 1 }), refused('ref')],
    ['a reference that is none', () => Netns.open(7 as never), refused('ref')],
    ['a misspelt option of create', () => Netns.create({ nmae: 'x' } as never), refused('options.nmae')],
    ['the same, at once', () => Netns.createSync({ nmae: 'x' } as never), refused('options.nmae')],
    [
      'a misspelt option of listen',
      (netns) => netns.listen(createServer(), { prot: 80 } as never),
      refused('options.prot'),
    ],
    [
      'a misspelt option of connect',
      (netns) => netns.connect({ host: '127.0.0.1', prot: 80 } as never),
      refused('options.prot'),
    ],
    ['a misspelt option of udp', (netns) => netns.udp({ adress: '127.0.0.1' } as never), refused('options.adress')],
    ['a host that is none', (netns) => netns.connect({ host: '10.7.0', port: 80 }), refused('options.host')],
    ['a port of 2^16', (netns) => netns.listen(createServer(), { port: 65536 }), refused('options.port')],
    [
      'a switch that is a number',
      (netns) => netns.listen(createServer(), { ipv6Only: 1 } as never),
      refused('options.ipv6Only'),
    ],
    ['options of listen that are none', (netns) => netns.listen(createServer(), null as never), refused('options')],
    ['a server that is none', (netns) => netns.listen(null as never), refused('server')],
    ['a negative backlog', (netns) => netns.listen(createServer(), { backlog: -1 }), refused('options.backlog')],
    ['options of connect that are none', (netns) => netns.connect(null as never), refused('options')],
    ['options of udp that are none', (netns) => netns.udp(null as never), refused('options')],
    ['settings of a connector that are none', (netns) => netns.connector(null as never), refused('settings')],
    ['options of a packet socket that are none', (netns) => netns.packetSocket(null as never), refused('options')],
    ['options of a raw socket that are none', (netns) => netns.rawSocket(null as never), refused('options')],
    ['options of a device that are none', (netns) => netns.tun(null as never), refused('options')],
    ['a port that is text', (netns) => netns.udp({ port: '53' } as never), refused('options.port')],
    ['an address of nobody', (netns) => netns.udp({ address: 'fd00::1' }), syscall('EADDRNOTAVAIL', 'bind')],
    ['a sysctl that does not exist', (netns) => netns.sysctl.get('net.ipv4.nobody'), syscall('ENOENT', 'openat')],
    ['a sysctl of something else', (netns) => netns.sysctl.get('kernel.hostname'), refused('sysctl')],
    ['a sysctl with a way out', (netns) => netns.sysctl.set('net/ipv4/../../kernel/hostname', 'x'), refused('sysctl')],
    [
      'a sysctl value out of range',
      (netns) => netns.sysctl.set('net.ipv4.ip_default_ttl', 256),
      syscall('EINVAL', 'write'),
    ],
    ['a sysctl value that is none', (netns) => netns.sysctl.set('net.ipv4.ip_forward', {} as never), refused('value')],
    ['a pin at a file that exists', (netns) => netns.pin('/proc/self/status'), syscall('EEXIST', 'open')],
    ['a pin at a relative path', (netns) => netns.pin('netlace-pin'), refused('path')],
    ['a pin at a number', (netns) => netns.pin(5 as never), refused('path')],
    ['a relative path to unpin', () => Netns.unpin('netlace-pin'), refused('path')],
    ['a number to unpin', () => Netns.unpin(5 as never), refused('path')],
    ['a namespace that is not pinned', () => Netns.unpin('/proc/self/ns/net'), refused('path')],
    ['a comparison with nothing', (netns) => netns.equals(undefined as never), refused('other')],
    ['a comparison with something else', (netns) => netns.equals({} as never), refused('other')],
  ];
  test.each(cases)('%s', (_title, run, expected) =>
    inSandbox(async ({ netns }) => {
      const before = openDescriptors();
      const names = Netns.list();
      await expectError(() => run(netns), expected);
      expect(Netns.list()).toEqual(names);
      await until(() => openDescriptors().length <= before.length);
      expect(openDescriptors()).toEqual(before);
    }),
  );

  testUnless(noNames, 'a name that exists already', async () => {
    const made = await Netns.create({ name });
    try {
      const before = openDescriptors();
      await expectError(() => Netns.create({ name }), syscall('EEXIST', 'open'));
      await expectError(() => Netns.createSync({ name }), syscall('EEXIST', 'open'));
      using there = Netns.openSync(name);
      expect(there.equals(made)).toBe(true);
      there.close();
      expect(openDescriptors()).toEqual(before);
    } finally {
      made.close();
      Netns.delete(name);
    }
    expect(Netns.list()).not.toContain(name);
  });
});

/** Every call that takes the kernel, by class, with arguments that would do. */
const clientCalls: Readonly<Record<keyof Nouns<'async'>, Readonly<Record<string, readonly unknown[]>>>> = {
  link: {
    add: [box],
    addWithEcho: [box],
    set: ['lo', { up: true }],
    get: ['lo'],
    list: [],
    delete: ['lo'],
    addAltNames: ['lo', ['x']],
    deleteAltNames: ['lo', ['x']],
  },
  address: {
    add: [{ link: 1, address: '10.1.0.1/24' }],
    replace: [{ link: 'lo', address: '10.1.0.1/24' }],
    delete: [{ link: 1, address: '10.1.0.1/24' }],
    list: [],
    flush: [{ link: 'lo' }],
  },
  route: {
    add: [{ to: 'default', link: 1 }],
    replace: [{ to: 'default', link: 'lo' }],
    change: [{ to: 'default', link: 1 }],
    append: [{ to: 'default', link: 1 }],
    delete: [{ to: 'default', link: 1 }],
    get: [{ to: '10.1.0.1' }],
    list: [],
    flush: [{ link: 'lo' }],
  },
  neighbour: {
    add: [{ link: 1, to: '10.1.0.2', lladdr: '02:00:00:00:00:01' }],
    replace: [{ link: 'lo', to: '10.1.0.2', lladdr: '02:00:00:00:00:01' }],
    change: [{ link: 1, to: '10.1.0.2', lladdr: '02:00:00:00:00:01' }],
    delete: [{ link: 1, to: '10.1.0.2' }],
    get: [{ link: 1, to: '10.1.0.2' }],
    list: [],
    flush: [{ link: 'lo' }],
  },
  fdb: {
    add: [{ link: 1, mac: '02:00:00:00:00:01' }],
    replace: [{ link: 'lo', mac: '02:00:00:00:00:01' }],
    change: [{ link: 1, mac: '02:00:00:00:00:01' }],
    append: [{ link: 1, mac: '02:00:00:00:00:01' }],
    delete: [{ link: 1, mac: '02:00:00:00:00:01' }],
    get: [{ link: 1, mac: '02:00:00:00:00:01' }],
    list: [],
    flush: [{ link: 'lo' }],
  },
};

/** The names of a class's public methods. */
function methodsOf(object: object): string[] {
  const prototype = Object.getPrototypeOf(object) as object;
  return Object.getOwnPropertyNames(prototype).filter((each) => each !== 'constructor');
}

describeUnless(noNetns, 'closed handles', () => {
  test('every call of a client', () =>
    inSandbox(async ({ netns }) => {
      const client = await Rtnetlink.open({ netns });
      client.close();
      client.close();
      for (const [noun, calls] of Object.entries(clientCalls)) {
        const object = loose(client)[noun as keyof Loose];
        expect(Object.keys(calls).sort()).toEqual(methodsOf(object).sort());
        for (const [method, parameters] of Object.entries(calls)) {
          const { code, message } = await errorOf(() => object[method]!(...parameters));
          expect({ noun, method, code, message }).toMatchObject({ noun, method, code: closed.code });
          const sync = loose(client.sync)[noun as keyof Loose];
          expect(await errorOf(() => sync[method]!(...parameters))).toBeInstanceOf(ClosedError);
        }
      }
      await expectError(() => client.request(requests.getLink(1)), closed);
      await expectError(async () => {
        for await (const _ of client.route.list());
      }, closed);
      await expectError(() => client.watch(['link']).next(), closed);
    }));

  test('every call of a namespace', async () => {
    const netns = await newNetns();
    const other = await newNetns();
    netns.close();
    netns.close();
    const calls: Readonly<Record<string, () => unknown>> = {
      fd: () => netns.fd,
      pin: () => netns.pin('/run/netlace-nobody'),
      listen: () => netns.listen(createServer()),
      connect: () => netns.connect({ host: '127.0.0.1', port: 80 }),
      udp: () => netns.udp(),
      lookup: () => netns.lookup('somewhere.example'),
      packetSocket: () => netns.packetSocket(),
      rawSocket: () => netns.rawSocket({ family: 4, protocol: 253 }),
      tun: () => netns.tun({ mode: 'tun' }),
      owner: () => netns.owner(),
      get: () => netns.sysctl.get('net.ipv4.ip_forward'),
      set: () => netns.sysctl.set('net.ipv4.ip_forward', 1),
      getSync: () => netns.sysctl.getSync('net.ipv4.ip_forward'),
      setSync: () => netns.sysctl.setSync('net.ipv4.ip_forward', 1),
      open: () => Rtnetlink.open({ netns }),
      openSync: () => Rtnetlink.openSync({ netns }),
    };
    for (const [call, run] of Object.entries(calls)) {
      const { code, message } = await errorOf(run);
      expect({ call, code, message }).toMatchObject({ call, code: closed.code });
    }
    // What it was is still known.
    expect(netns.ino).toEqual(expect.any(BigInt));
    expect(netns.equals(other)).toBe(false);
    // Of these the connections that are made by them say so; `run` is for Workers.
    const later = ['agent', 'httpsAgent', 'connector', 'run'];
    const known = [...Object.keys(calls), ...later, 'sysctl', 'ino', 'dev', 'equals', 'close'];
    expect(methodsOf(netns).filter((each) => !known.includes(each))).toEqual([]);
    expect(Object.keys(netns.sysctl).filter((each) => !known.includes(each))).toEqual([]);
    other.close();
  });

  test('a link made in a closed namespace', () =>
    inSandbox(async ({ client }) => {
      const gone = await newNetns();
      gone.close();
      await expectError(() => client.link.add({ ...box, kind: 'veth', netns: gone } as never), closed);
      expect((await client.link.list()).map(({ name }) => name)).toEqual(['lo']);
    }));

  test('a watch that is closed has ended', () =>
    inSandbox(async ({ client }) => {
      const watch = client.watch(['link']);
      expect(await watch.next()).toMatchObject({ value: { type: 'existing' } });
      watch.close();
      watch.close();
      expect(await watch.next()).toEqual({ done: true, value: undefined });
    }));
});
