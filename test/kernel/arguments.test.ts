/** Every argument of every public function outside of rtnetlink: what it cannot be is refused by its name, before anything is done. */
import { afterAll, expect, jest, test } from '@jest/globals';
import { createServer } from 'node:net';
import { Cgroup } from '../../lib/cgroup/index.js';
import * as netlace from '../../lib/index.js';
import * as mounts from '../../lib/mount/index.js';
import { spawn } from '../../lib/process/index.js';
import { leavesNothing } from '../support/leftovers.js';
import { noNetns, rootless } from '../support/netns.js';
import { errorOf } from '../support/rejection.js';
import { describeUnless, testUnless } from '../support/skip.js';

leavesNothing();
jest.setTimeout(60_000);

const { ArgumentError, Namespace, Netns, NetnsCreation, NetnsWorker, Rtnetlink } = netlace;

/** A call with a value in the place of one argument, which an error names. */
type Row = readonly [argument: string, values: readonly unknown[], call: (value: never) => unknown];

const symbol = Symbol('wrong');
const circular: Record<string, unknown> = {};
circular['itself'] = circular;
/** Nothing of what is asked for by a word or a number. */
const things = [null, true, [], {}, () => 1, symbol, 7n, circular];
const numbers = [-1, 1.5, NaN, Infinity, 2 ** 32 + 1, 2 ** 53, '1', ...things];
const DESCRIPTORS = [...numbers, 2 ** 31];
const PIDS = [...numbers, 0, 2 ** 31, undefined];
const PORTS = [...numbers, 65_536];
const SWITCHES = [0, 1, 'yes', null, [], {}, symbol, 1n];
const TEXTS = [7, NaN, ...things, 'with\0NUL'];
const PATHS = [...TEXTS, '', 'relative'];
const NAMES = [...TEXTS, '', '.', '..', 'a/b'];
const LISTS = [7, 'text', null, {}, symbol, 7n, () => 1];
const OBJECTS = [7, 'text', null, [], symbol, 7n];
const FUNCTIONS = [7, 'text', null, [], {}, symbol, 7n];
const WORDS = [7, 'nonesuch', 'constructor', ...things];
const SIGNALS = [7, 'text', null, {}, symbol];
const TIMEOUTS = [0, ...numbers, 2 ** 31];
const HOLDERS = [7, 'text', null, [], symbol, 7n, {}, ...DESCRIPTORS.map((fd) => ({ fd }))];

/** Of each row: that the value is refused, by an error that names the argument. */
async function refuses(rows: readonly Row[]): Promise<void> {
  const accepted: string[] = [];
  for (const [argument, values, call] of rows) {
    for (const [i, value] of values.entries()) {
      let error: unknown;
      try {
        const result = await call(value as never);
        (result as Partial<Disposable> | undefined)?.[Symbol.dispose]?.();
        error = 'it was accepted';
      } catch (thrown) {
        error = thrown;
      }
      const is = error instanceof ArgumentError ? error.argument : String(error);
      if (is !== argument && !is.startsWith(`${argument}.`) && !is.startsWith(`${argument}[`))
        accepted.push(`${argument}, ${String(i)} (${typeof value} ${inspected(value)}): ${is}`);
    }
  }
  expect(accepted).toEqual([]);
}

function inspected(value: unknown): string {
  return typeof value === 'symbol' || typeof value === 'function' ? '' : String(Array.isArray(value) ? '[]' : value);
}

const setns = netlace.setns as (...parameters: unknown[]) => void;

test('namespaces', () =>
  refuses([
    ['type', WORDS, (type) => Namespace.create(type)],
    ['type', WORDS, (type) => Namespace.createSync(type)],
    ['type', WORDS, (type) => Namespace.current(type)],
    ['options', OBJECTS, (options) => Namespace.current('net', options)],
    ['options.forChildren', SWITCHES, (forChildren) => Namespace.current('pid', { forChildren })],
    ['ref', OBJECTS, (ref) => Namespace.open(ref)],
    ['ref', [...OBJECTS, {}], (ref) => Namespace.openSync(ref)],
    ['ref.type', WORDS, (type) => Namespace.open({ pid: process.pid, type })],
    ['ref.pid', PIDS, (pid) => Namespace.open({ pid, type: 'net' })],
    ['ref.pidfd', DESCRIPTORS, (pidfd) => Namespace.open({ pidfd, type: 'net' })],
    ['ref.fd', DESCRIPTORS, (fd) => Namespace.open({ fd })],
    ['ref.path', [...TEXTS, ''], (path) => Namespace.open({ path })],
    ['ref.name', NAMES, (name) => Namespace.open({ name })],
    ['ref.forChildren', SWITCHES, (forChildren) => Namespace.open({ pid: process.pid, type: 'pid', forChildren })],
    ['path', PATHS, (path) => Namespace.unpin(path)],
    ['path', PATHS, (path) => Netns.unpin(path)],
    ['path', PATHS, (path) => Namespace.current('net').pin(path)],
    ['other', [...OBJECTS, {}, { ino: 7 }], (other) => Namespace.current('net').equals(other)],
    ['options', OBJECTS, (options) => netlace.listNamespaces(options)],
    ['options.types', [...LISTS, [], ['nonesuch'], [7n]], (types) => netlace.listNamespaces({ types })],
    [
      'namespaces',
      [...LISTS, undefined, 'net', [null], [7], [{}], [{ ino: 7 }]],
      (list) => netlace.namespaceTree(list),
    ],
    ['by', WORDS, (by) => netlace.namespaceTree([], by)],
    ['target', [...DESCRIPTORS, ...DESCRIPTORS.map((fd) => ({ fd }))], (target) => setns(target, ['net'])],
    ['types', [...LISTS.filter((one) => one !== undefined), ['nonesuch']], (types) => setns(0, types)],
    ['types', [...LISTS, [], undefined, ['nonesuch'], [7n]], (types) => netlace.unshare(types)],
  ]));

test('network namespaces', () =>
  refuses([
    ['options', OBJECTS, (options) => Netns.create(options)],
    ['options', OBJECTS, (options) => Netns.createSync(options)],
    ['options.name', NAMES, (name) => Netns.create({ name })],
    ['options.loopback', SWITCHES, (loopback) => Netns.create({ loopback })],
    ['options.rootless', SWITCHES, (rootless) => Netns.createSync({ rootless })],
    ['options', OBJECTS, (options) => new NetnsCreation(options)],
    ['options.outside', [...OBJECTS, {}], (outside) => new NetnsCreation({ outside })],
    ['ref', [...OBJECTS.filter((one) => one !== 'text'), {}, undefined], (ref) => Netns.open(ref)],
    ['ref.pid', PIDS, (pid) => Netns.open({ pid })],
    ['ref.fd', DESCRIPTORS, (fd) => Netns.openSync({ fd })],
    ['ref.pidfd', DESCRIPTORS, (pidfd) => Netns.openSync({ pidfd })],
    ['ref.name', NAMES, (name) => Netns.open({ name })],
    ['name', NAMES, (name) => Netns.delete(name)],
    ['options', OBJECTS, (options) => Rtnetlink.open(options)],
    ['options.netns', HOLDERS, (netns) => Rtnetlink.open({ netns })],
    ['options.netns', HOLDERS, (netns) => Rtnetlink.openSync({ netns })],
    ['options.onWarning', FUNCTIONS, (onWarning) => Rtnetlink.openSync({ onWarning })],
    ['options.netns', [...HOLDERS, undefined], (netns) => new NetnsWorker('/nonesuch.js', { netns })],
    ['file', [...TEXTS.slice(0, -1), 'relative'], (file) => new NetnsWorker(file, { netns: { fd: 0 } })],
  ]));

describeUnless(noNetns, 'inside', () => {
  // The body is run where the tests are skipped, too.
  const netns =
    noNetns === undefined
      ? Netns.createSync({ loopback: true, rootless })
      : ({} as ReturnType<typeof Netns.createSync>);
  const server = createServer();
  afterAll(() => netns.close());
  const { lookup } = netns;
  const looked = lookup as (...parameters: unknown[]) => Promise<unknown>;

  test('sockets', () =>
    refuses([
      ['server', [...OBJECTS, {}], (value) => netns.listen(value)],
      ['options', OBJECTS, (options) => netns.listen(server, options)],
      ['options.port', PORTS.filter((port) => port !== null), (port) => netns.listen(server, { port })],
      ['options.host', [...TEXTS, 'name', '1.2.3', '::1%eth0'], (host) => netns.listen(server, { host })],
      ['options.backlog', [...numbers, 0, 2 ** 31], (backlog) => netns.listen(server, { backlog })],
      ['options.ipv6Only', SWITCHES, (ipv6Only) => netns.listen(server, { ipv6Only })],
      ['options.reusePort', SWITCHES, (reusePort) => netns.listen(server, { reusePort })],
      ['options.path', [...TEXTS, '', '\0', `\0${'x'.repeat(108)}`], (path) => netns.listen(server, { path })],
      ['options', [...OBJECTS, undefined], (options) => netns.connect(options)],
      ['options.host', [...TEXTS, undefined, '1.2.3'], (host) => netns.connect({ host, port: 1 })],
      ['options.port', [...PORTS, undefined], (port) => netns.connect({ host: '127.0.0.1', port })],
      ['options.path', [...TEXTS, ''], (path) => netns.connect({ path })],
      ...(['localPort', 'localAddress', 'family', 'lookup', 'noDelay', 'keepAlive'] as const).map((option): Row => [
        `options.${option}`,
        {
          localPort: PORTS,
          localAddress: TEXTS,
          family: numbers,
          lookup: FUNCTIONS,
          noDelay: SWITCHES,
          keepAlive: SWITCHES,
        }[option].filter((value) => value !== null || option === 'noDelay'),
        (value) => netns.connect({ host: 'name', port: 1, [option]: value }),
      ]),
      [
        'options.keepAliveInitialDelay',
        numbers,
        (keepAliveInitialDelay) => netns.connect({ host: '127.0.0.1', port: 1, keepAliveInitialDelay }),
      ],
      ['options', OBJECTS, (options) => netns.udp(options)],
      ['options.port', PORTS.filter((port) => port !== null), (port) => netns.udp({ port })],
      ['options.address', [...TEXTS, 'name'], (address) => netns.udp({ address })],
      ['options.ipv6Only', SWITCHES, (ipv6Only) => netns.udp({ ipv6Only })],
      ['options.reuseAddr', SWITCHES, (reuseAddr) => netns.udp({ reuseAddr })],
      ['options', [7, 'text', null, symbol], (options) => netns.agent(options)],
      ['options', [7, 'text', null, symbol], (options) => netns.httpsAgent(options)],
      ['settings', [7, 'text', null, symbol], (settings) => netns.connector(settings)],
      ['settings.timeout', [...numbers, 2 ** 31], (timeout) => netns.connector({ timeout })],
      ['settings.family', numbers, (family) => netns.connector({ family })],
      ['fn', [...FUNCTIONS, undefined, async () => 1], (fn) => netns.run(fn)],
    ]));

  test('packets', () =>
    refuses([
      ['options', OBJECTS, (options) => netns.packetSocket(options)],
      [
        'options.link',
        [...numbers.filter((one) => one !== '1'), 2 ** 31, '', 'x'.repeat(16)],
        (link) => netns.packetSocket({ link }),
      ],
      ['options.protocol', PORTS.filter((one) => one !== null), (protocol) => netns.packetSocket({ protocol })],
      ['options.type', WORDS, (type) => netns.packetSocket({ type })],
      ['options.filter', [...LISTS, [], [null], [{}], new Array(1)], (filter) => netns.packetSocket({ filter })],
      ...(['code', 'jt', 'jf', 'k'] as const).map((part): Row => [
        `options.filter[0].${part}`,
        [...numbers, 2 ** 32],
        (value) => netns.packetSocket({ filter: [{ code: 6, jt: 0, jf: 0, k: 0, [part]: value as number }] }),
      ]),
      ['options.snapLength', [...numbers, 0], (snapLength) => netns.packetSocket({ snapLength })],
      ['options', [...OBJECTS, undefined], (options) => netns.rawSocket(options)],
      ['options.family', [...numbers, undefined], (family) => netns.rawSocket({ family, protocol: 1 })],
      ['options.protocol', [...numbers, 256, undefined], (protocol) => netns.rawSocket({ family: 4, protocol })],
      [
        'options.headerIncluded',
        SWITCHES,
        (headerIncluded) => netns.rawSocket({ family: 4, protocol: 1, headerIncluded }),
      ],
      ['options', [...OBJECTS, undefined], (options) => netns.tun(options)],
      ['options.mode', [...WORDS, undefined], (mode) => netns.tun({ mode })],
      ['options.name', [...TEXTS, '', 'a/b', 'x'.repeat(16)], (name) => netns.tun({ mode: 'tun', name })],
      ...(['packetInfo', 'persist', 'multiqueue'] as const).map((option): Row => [
        `options.${option}`,
        SWITCHES,
        (value) => netns.tun({ mode: 'tun', [option]: value }),
      ]),
    ]));

  test('what is sent', async () => {
    const packets = netns.packetSocket({ link: 'lo' });
    const raw = netns.rawSocket({ family: 4, protocol: 1 });
    const bytes = new Uint8Array(20);
    const buffers = [...TEXTS, new Uint16Array(2), new ArrayBuffer(2)];
    await refuses([
      ['data', buffers, (data) => packets.send(data)],
      ['to', OBJECTS, (to) => packets.send(bytes, to)],
      [
        'to.link',
        [...numbers.filter((one) => one !== '1' && one !== null), 2 ** 31, 0],
        (link) => packets.send(bytes, { link }),
      ],
      ['to.protocol', PORTS.filter((one) => one !== null), (protocol) => packets.send(bytes, { protocol })],
      ['to.address', [...TEXTS, '00:11:22:33:44:55:66:77:88'], (address) => packets.send(bytes, { address })],
      ['data', buffers, (data) => raw.send(data, { address: '127.0.0.1' })],
      ['to', [...OBJECTS, undefined], (to) => raw.send(bytes, to)],
      ['to.address', [...TEXTS, undefined, '::1', 'name'], (address) => raw.send(bytes, { address })],
    ]);
    packets.close();
    raw.close();
  });

  test('names and sysctls', () =>
    refuses([
      ['hostname', [7, null, {}, symbol, 7n, undefined], (hostname) => lookup(hostname)],
      ['options', ['text', true, symbol, 7n], (options) => looked('127.0.0.1', options)],
      ['options.family', [5, NaN, '4', null, symbol, 4n], (family) => looked('127.0.0.1', { family })],
      ['options.order', [7, 'nonesuch', null, symbol], (order) => looked('127.0.0.1', { order })],
      ['options.all', SWITCHES, (all) => looked('127.0.0.1', { all })],
      ['options.verbatim', SWITCHES, (verbatim) => looked('127.0.0.1', { verbatim })],
      ['callback', [7, 'text', null, {}], (callback) => looked('127.0.0.1', {}, callback)],
      ...([netns.sysctl.get, netns.sysctl.getSync] as const).map((get): Row => [
        'sysctl',
        [...TEXTS, '', 'net', 'kernel.hostname', 'net..x', 'net/../kernel/hostname'],
        (name) => get(name),
      ]),
      [
        'value',
        [...things.filter((one) => one !== true), NaN, Infinity, undefined],
        (value) => netns.sysctl.set('net.ipv4.ip_forward', value),
      ],
      ['value', [null, {}, symbol, 7n, NaN], (value) => netns.sysctl.setSync('net.ipv4.ip_forward', value)],
    ]));

  test('helpers', async () => {
    const { createBridge, createVethPair, createVxlan, createMacvlan, createSandbox } = netlace;
    const far = { name: 'far', netns };
    const badNames = [7, null, {}, symbol, 7n, undefined, 'x%d'];
    await refuses([
      ['bridge', [...OBJECTS.filter((one) => !Array.isArray(one)), undefined], (bridge) => createBridge(bridge)],
      ['bridge.name', badNames, (name) => createBridge({ name })],
      ['bridge.netns', [7, 'x', null, {}, { fd: 1 }], (given) => createBridge({ name: 'x', netns: given })],
      ['bridge.ports', LISTS, (ports) => createBridge({ name: 'x', netns, ports })],
      ['bridge.addresses', LISTS, (addresses) => createBridge({ name: 'x', netns, addresses })],
      ['options', OBJECTS, (options) => createBridge({ name: 'x', netns }, options)],
      ['options.client', [7, null, {}], (client) => createBridge({ name: 'x', netns }, { client })],
      ['options.timeout', TIMEOUTS, (timeout) => createBridge({ name: 'x', netns }, { timeout })],
      ['options.signal', SIGNALS, (signal) => createBridge({ name: 'x', netns }, { signal })],
      ['near', [7, 'text', null, undefined], (near) => createVethPair(near, far)],
      ['far.name', badNames, (name) => createVethPair({ name: 'near' }, { name })],
      [
        'vxlan.remotes',
        [...LISTS, [null], [7], [{}]],
        (remotes) => createVxlan({ name: 'x', netns, data: { id: 1 }, remotes }),
      ],
      ['vxlan.data', [7, null, undefined, {}], (data) => createVxlan({ name: 'x', netns, data })],
      ['vxlan.underlay', [7, null, {}], (underlay) => createVxlan({ name: 'x', netns, data: { id: 1 }, underlay })],
      ['macvlan.link', [null, undefined, {}, 7n], (link) => createMacvlan({ name: 'x', netns, link })],
      ['macvlan.linkNetns', [null, 7, {}], (linkNetns) => createMacvlan({ name: 'x', netns, link: 'lo', linkNetns })],
      ['sandbox', [...OBJECTS, undefined], (sandbox) => createSandbox(sandbox)],
      ['sandbox.near', [7, null, undefined], (near) => createSandbox({ near, far: { name: 'x' } })],
      ['sandbox.far', [7, null, undefined], (given) => createSandbox({ near: { name: 'x' }, far: given })],
      ['attachment', [...OBJECTS, undefined], (attachment) => netlace.attachToBridge(attachment)],
      ['attachment.link', [null, undefined, {}, 7n], (link) => netlace.attachToBridge({ link, bridge: 'b', netns })],
      ['attachment', [...OBJECTS, undefined], (attachment) => netlace.detachFromBridge(attachment)],
    ]);
    using inside = await Rtnetlink.open({ netns });
    expect((await inside.link.list()).map(({ name }) => name)).toEqual(['lo']);
  });
});

const there = { target: '/nonesuch' };
/** Each call in both forms. */
const both = <Options>(
  later: (options: Options) => unknown,
  sync: (options: Options) => unknown,
  rows: readonly (readonly [argument: string, values: readonly unknown[], options: (value: never) => unknown])[],
): Row[] =>
  [later, sync].flatMap((call) =>
    rows.map(([argument, values, options]): Row => [argument, values, (value) => call(options(value) as Options)]),
  );

test('mounts', () =>
  refuses([
    ...both(mounts.mount, mounts.mountSync, [
      ['mount', [...OBJECTS, undefined], (value) => value],
      ['mount.target', [...PATHS, undefined], (target) => ({ target, type: 'tmpfs' })],
      ['mount.type', [...TEXTS, ''], (type) => ({ ...there, type })],
      ['mount.source', [...TEXTS, ''], (source) => ({ ...there, type: 'tmpfs', source })],
      ['mount.flags', [...LISTS, ['nonesuch'], ['constructor'], [7n]], (flags) => ({ ...there, type: 'tmpfs', flags })],
      [
        'mount.data',
        [7, null, [], symbol, { a: null }, { a: NaN }, { a: 7n }, 'x\0'],
        (data) => ({ ...there, type: 'tmpfs', data }),
      ],
      ['mount.propagation', [...WORDS, 'rconstructor'], (propagation) => ({ ...there, propagation })],
      ['mount.namespace', HOLDERS, (namespace) => ({ ...there, type: 'tmpfs', namespace })],
    ]),
    ...both(mounts.bindMount, mounts.bindMountSync, [
      ['bindMount', [...OBJECTS, undefined], (value) => value],
      ['bindMount.source', [...PATHS, undefined], (source) => ({ ...there, source })],
      ['bindMount.target', [...PATHS, undefined], (target) => ({ source: '/', target })],
      ['bindMount.set', [...LISTS, ['nonesuch']], (set) => ({ ...there, source: '/', set })],
      ['bindMount.clear', [...LISTS, ['nonesuch']], (clear) => ({ ...there, source: '/', clear })],
      ['bindMount.idmap', HOLDERS, (idmap) => ({ ...there, source: '/', idmap })],
      ['bindMount.recursive', SWITCHES, (recursive) => ({ ...there, source: '/', recursive })],
      ['bindMount.namespace', HOLDERS, (namespace) => ({ ...there, source: '/', namespace })],
    ]),
    ...both(mounts.mountFilesystem, mounts.mountFilesystemSync, [
      ['mountFilesystem', [...OBJECTS, undefined], (value) => value],
      ['mountFilesystem.type', [...TEXTS, '', undefined], (type) => ({ ...there, type })],
      ['mountFilesystem.target', [...PATHS, undefined], (target) => ({ type: 'tmpfs', target })],
      ['mountFilesystem.source', [...TEXTS, ''], (source) => ({ ...there, type: 'tmpfs', source })],
      [
        'mountFilesystem.parameters',
        [7, 'text', null, [], symbol],
        (parameters) => ({ ...there, type: 'tmpfs', parameters }),
      ],
      [
        'mountFilesystem.parameters.a',
        [null, false, NaN, Infinity, 7n, symbol, undefined, 'x\0', 'x'.repeat(256), [7], ...HOLDERS.slice(6)],
        (a) => ({ ...there, type: 'tmpfs', parameters: { a } }),
      ],
      [
        'mountFilesystem.attributes',
        [...LISTS, ['nonesuch']],
        (attributes) => ({ ...there, type: 'tmpfs', attributes }),
      ],
      ['mountFilesystem.namespace', HOLDERS, (namespace) => ({ ...there, type: 'tmpfs', namespace })],
    ]),
    ['mountSetattr.path', [...PATHS, undefined], (path) => mounts.mountSetattr(path, { set: ['readOnly'] })],
    ['mountSetattr', [...OBJECTS, undefined, {}], (options) => mounts.mountSetattr('/nonesuch', options)],
    ['mountSetattr.propagation', WORDS, (propagation) => mounts.mountSetattr('/nonesuch', { propagation })],
    ['mountSetattr.idmap', HOLDERS, (idmap) => mounts.mountSetattrSync('/nonesuch', { idmap })],
    ['umount.target', [...PATHS, undefined], (target) => mounts.umount(target)],
    ['umount', OBJECTS, (options) => mounts.umountSync('/nonesuch', options)],
    ...(['detach', 'force', 'expire', 'noFollow'] as const).map((option): Row => [
      `umount.${option}`,
      SWITCHES,
      (value) => mounts.umount('/nonesuch', { [option]: value }),
    ]),
    ['umount.namespace', HOLDERS, (namespace) => mounts.umount('/nonesuch', { namespace })],
    ['pivotRoot.newRoot', [...PATHS, undefined], (path) => mounts.pivotRoot(path, undefined, { namespace: { fd: 0 } })],
    ['pivotRoot.putOld', PATHS, (path) => mounts.pivotRootSync('/', path, { namespace: { fd: 0 } })],
    ['pivotRoot', [...OBJECTS, undefined], (options) => mounts.pivotRoot('/', undefined, options)],
    ['pivotRoot.namespace', [...HOLDERS, undefined], (namespace) => mounts.pivotRoot('/', undefined, { namespace })],
    ['listMounts', OBJECTS, (options) => mounts.listMounts(options)],
    ['listMounts.pid', PIDS.filter((pid) => pid !== undefined), (pid) => mounts.listMountsSync({ pid })],
    ['listMounts.namespace', HOLDERS, (namespace) => mounts.listMounts({ namespace })],
    ['clone', [...OBJECTS, undefined], (options) => mounts.DetachedMount.clone(options)],
    ['clone.path', [...PATHS, undefined], (path) => mounts.DetachedMount.cloneSync({ path })],
    ['clone.recursive', SWITCHES, (recursive) => mounts.DetachedMount.clone({ path: '/nonesuch', recursive })],
    ['create', [...OBJECTS, undefined], (options) => mounts.DetachedMount.create(options)],
    ['create.type', [...TEXTS, '', undefined], (type) => mounts.DetachedMount.createSync({ type })],
  ]));

test('cgroups', () =>
  refuses([
    ['path', [...PATHS, '/', '/a/../b', '/a//b', undefined], (path) => Cgroup.create(path)],
    ['path', [...PATHS, '/a/./b', undefined], (path) => Cgroup.open(path)],
    ['pid', PIDS, (pid) => Cgroup.ofProcess(pid)],
    ['options', OBJECTS, (options) => Cgroup.create('/nonesuch/x', options)],
    ['options.parent', [...OBJECTS, {}], (parent) => Cgroup.create('x', { parent })],
    [
      'options.controllers',
      [...LISTS, [7], [null], ['a b'], [7n]],
      (controllers) => Cgroup.create('/nonesuch/x', { controllers }),
    ],
    ['options.limits', OBJECTS, (limits) => Cgroup.create('/nonesuch/x', { limits })],
    ...(['cpu', 'memory', 'pids', 'io', 'cpuset'] as const).map((controller): Row => [
      `options.limits.${controller}`,
      OBJECTS,
      (value) => Cgroup.create('/nonesuch/x', { limits: { [controller]: value } }),
    ]),
    ...(
      [
        ['cpu', 'weight', [...numbers, 0, 10_001]],
        ['cpu', 'idle', SWITCHES],
        ['cpu', 'max', [...OBJECTS, {}, { quota: 1 }, { quota: NaN }, { quota: 5000n }]],
        ['memory', 'max', [-1, 1.5, NaN, '1', null, {}, symbol, 2n ** 63n, circular]],
        ['memory', 'oomGroup', SWITCHES],
        ['pids', 'max', [...numbers, 4_194_305]],
        [
          'io',
          'max',
          [
            ...LISTS,
            [null],
            [{}],
            [{ device: '8:16' }],
            [{ device: 7, rbps: 1 }],
            [{ device: '8:16', riops: 2 ** 32 }],
          ],
        ],
        ['io', 'weight', [...numbers, 0]],
        ['cpuset', 'cpus', [...TEXTS, 'x', '0-', '0,,1']],
      ] as const
    ).map(([controller, limit, values]): Row => [
      `options.limits.${controller}.${limit}`,
      values,
      (value) => Cgroup.create('/nonesuch/x', { limits: { [controller]: { [limit]: value } } }),
    ]),
  ]));

const { mountPoint } = Cgroup.hierarchy();
testUnless(mountPoint === undefined ? 'no cgroups of version 2 are mounted' : undefined, 'a cgroup', async () => {
  using cgroup = Cgroup.open('/');
  await refuses([
    ['pid', PIDS, (pid) => cgroup.add(pid)],
    ['limits', [...OBJECTS, undefined], (limits) => cgroup.set(limits)],
    ['options', OBJECTS, (options) => cgroup.events(options)],
    ['options.signal', SIGNALS, (signal) => cgroup.events({ signal })],
    ['options.persistent', SWITCHES, (persistent) => cgroup.events({ persistent })],
    ['options', OBJECTS, (options) => cgroup.delete(options)],
    ['options.kill', SWITCHES, (kill) => cgroup.delete({ kill })],
    ['options.recursive', SWITCHES, (recursive) => cgroup.delete({ recursive })],
    ...[cgroup.freeze, cgroup.thaw, cgroup.kill, cgroup.delete].flatMap((method): Row[] => {
      const call = method.bind(cgroup) as (options: unknown) => unknown;
      return [
        ['options', OBJECTS, (options) => call(options)],
        ['options.signal', SIGNALS, (signal) => call({ signal })],
        ['options.timeout', TIMEOUTS, (timeout) => call({ timeout })],
      ];
    }),
  ]);
});

test('programs', () =>
  refuses([
    ['command', [7, null, {}, symbol, '', 'a\0b', undefined, 7n], (command) => spawn(command)],
    ['args', [7, 'text', null, {}], (args) => spawn('true', args)],
    ['args[0]', [7, null, {}, symbol, 'a\0b', undefined, 7n], (arg) => spawn('true', [arg])],
    ['options', OBJECTS, (options) => spawn('true', [], options)],
    ['options.stdio', [7, null, 'nonesuch', true, symbol], (stdio) => spawn('true', [], { stdio })],
    [
      'options.stdio[1]',
      [...DESCRIPTORS, ...DESCRIPTORS.map((fd) => ({ fd })), 'nonesuch', undefined],
      (entry) => spawn('true', [], { stdio: ['ignore', entry, 'ignore'] }),
    ],
    ['options.stdio.rows', [...numbers, 0, 65_536], (rows) => spawn('true', [], { stdio: { rows } })],
    ['options.uid', [...numbers, 2 ** 32 - 1], (uid) => spawn('true', [], { uid })],
    ['options.gid', [...numbers, 2 ** 32 - 1], (gid) => spawn('true', [], { gid })],
    ['options.groups', [...LISTS, ...numbers.map((id) => [id])], (groups) => spawn('true', [], { groups })],
    ['options.signal', SIGNALS, (signal) => spawn('true', [], { signal })],
    ['options.umask', [...numbers, 0o1000], (umask) => spawn('true', [], { umask })],
    ['options.nice', [20, -21, 1.5, NaN, '1', null, 7n], (nice) => spawn('true', [], { nice })],
    [
      'options.oomScoreAdjust',
      [1001, 1.5, NaN, '1', null, 7n],
      (oomScoreAdjust) => spawn('true', [], { oomScoreAdjust }),
    ],
    ['options.cwd', PATHS, (cwd) => spawn('true', [], { cwd })],
    ['options.detached', SWITCHES, (detached) => spawn('true', [], { detached })],
  ]));

test('a misspelt option gets a suggestion', async () => {
  const cases: readonly (readonly [call: () => unknown, suggestion: string])[] = [
    [
      () => netlace.listNamespaces({ type: ['net'] } as never),
      `options.type: there is no such option; did you mean 'types'?`,
    ],
    [
      () => Netns.create({ lopback: true } as never),
      `options.lopback: there is no such option; did you mean 'loopback'?`,
    ],
    [() => Netns.open({ pdi: 1 } as never), `ref.pdi: there is no such option; did you mean 'pid'?`],
    [
      () => mounts.mount({ target: '/x', typ: 'tmpfs' } as never),
      `mount.typ: there is no such option; did you mean 'type'?`,
    ],
    [
      () => mounts.umount('/x', { nofollow: true } as never),
      `umount.nofollow: there is no such option; did you mean 'noFollow'?`,
    ],
    [
      () => Cgroup.create('/x/y', { limit: {} } as never),
      `options.limit: there is no such option; did you mean 'limits'?`,
    ],
    [
      () => Cgroup.create('/x/y', { limits: { memory: { maximum: 1 } } } as never),
      'options.limits.memory.maximum: there is no such option; there are oomGroup, min, low, swapMax, high, max',
    ],
    [() => spawn('true', [], { enviroment: {} } as never), `options.enviroment: there is no such option`],
    [
      () => spawn('true', [], { detatched: true } as never),
      `options.detatched: there is no such option; did you mean 'detached'?`,
    ],
    [
      () => netlace.createBridge({ name: 'x', adresses: [] } as never),
      `bridge.adresses: there is no such option; did you mean 'addresses'?`,
    ],
    [
      () => netlace.createBridge({ name: 'x', prots: [] } as never),
      `bridge.prots: there is no such option; did you mean 'ports'?`,
    ],
    [
      () => netlace.createBridge({ name: 'x', data: { stpstat: 1 } } as never),
      `bridge.data.stpstat: there is no such option; did you mean 'stpState'?`,
    ],
    [
      () => netlace.createVethPair({ name: 'x' }, { name: 'y', route: [] } as never),
      `far.route: there is no such option; did you mean 'routes'?`,
    ],
    [
      () => netlace.createVxlan({ name: 'x', data: { id: 1 }, remote: [] } as never),
      `vxlan.remote: there is no such option; did you mean 'remotes'?`,
    ],
    [
      () => netlace.createMacvlan({ name: 'x', link: 1, linkNetn: 1 } as never),
      `macvlan.linkNetn: there is no such option; did you mean 'linkNetns'?`,
    ],
    [
      () => netlace.createBridge({ name: 'x' }, { timout: 1 } as never),
      `options.timout: there is no such option; did you mean 'timeout'?`,
    ],
    [
      () => netlace.attachToBridge({ link: 'x', brigde: 'y' } as never),
      `attachment.brigde: there is no such option; did you mean 'bridge'?`,
    ],
  ];
  for (const [call, message] of cases) expect((await errorOf(call)).message).toContain(message);
});

describeUnless(noNetns, 'what a prototype has', () => {
  test('is no option', async () => {
    const inherited = {
      ...{ name: 'inherited', netns: 7, kill: true, timeout: -1, recursive: true, types: 7, path: 7 },
      ...{ namespace: 7, clear: 7, host: 7, port: -1, link: 7n, protocol: -1, fd: -1, forChildren: 7, nonesuch: 7 },
    };
    for (const [key, value] of Object.entries(inherited))
      Object.defineProperty(Object.prototype, key, { value, enumerable: true, configurable: true, writable: true });
    try {
      using netns = await Netns.create({ rootless });
      expect(netns.name).toBeUndefined();
      using same = Netns.openSync({ pid: process.pid });
      expect(same.equals(Namespace.current('net'))).toBe(true);
      netns.packetSocket().close();
      const socket = await netns.udp();
      socket.close();
      expect((await mounts.listMounts()).length).toBeGreaterThan(0);
    } finally {
      for (const key of Object.keys(inherited)) Reflect.deleteProperty(Object.prototype, key);
    }
  });
});
