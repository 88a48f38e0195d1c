/** Network namespaces: made, opened, pinned, named; sysctls and sockets inside; and that no thread ever stays in one. */
import { afterAll, expect, jest, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer as createHttpServer, get, type IncomingMessage } from 'node:http';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArgumentError, ClosedError, SyscallError } from '../../lib/errors.js';
import { Namespace } from '../../lib/namespaces/namespace.js';
import { Netns, type NetnsRef } from '../../lib/namespaces/netns.js';
import { addon } from '../../lib/native/load.js';
import { orThrow } from '../../lib/netlink/system-call.js';
import { Rtnetlink } from '../../lib/rtnetlink/client.js';
import { leavesNothing, openDescriptors, threadNamespaces, threadsAreHome, until } from '../support/leftovers.js';
import { newNetns, newNetnsSync, noNames, noNetns, rootless } from '../support/netns.js';
import { errorOf } from '../support/rejection.js';
import { describeUnless, testUnless } from '../support/skip.js';
import { noRights } from '../support/spawned.js';

leavesNothing();
jest.setTimeout(60_000);

const nameOf = (label: string) => `netlace-${process.pid}-${label}`;
const folder = mkdtempSync(join(tmpdir(), 'netlace-netns-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function textOf(stream: AsyncIterable<Buffer | string>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

/** Two namespaces with a cable between them: 10.7.0.1 and fd07::1 on the near end, .2 and ::2 on the far one. */
async function inPair(body: (near: Netns, far: Netns) => Promise<void>): Promise<void> {
  await using near = await newNetns();
  await using far = await newNetns();
  await using nearby = await Rtnetlink.open({ netns: near });
  await using remote = await Rtnetlink.open({ netns: far });
  await nearby.link.add({ name: 'cable', kind: 'veth', up: true, data: { peer: { name: 'cable', netns: far } } });
  for (const [place, client] of [nearby, remote].entries()) {
    await client.link.set('lo', { up: true });
    await client.link.set('cable', { up: true, afSpec: { inet6: { addrGenMode: 'none' } } });
    await client.address.add({ link: 'cable', address: `10.7.0.${place + 1}/24` });
    await client.address.add({ link: 'cable', address: `fd07::${place + 1}/64`, flags: ['nodad'] });
    await client.address.add({ link: 'cable', address: `fe80::${place + 1}/64`, flags: ['nodad'] });
  }
  await body(near, far);
}

describeUnless(noNetns, 'a network namespace', () => {
  test('is made anew each time, empty but for a loopback', async () => {
    await using first = await newNetns();
    using second = newNetnsSync();
    await using current = Netns.current();
    expect(first.equals(second)).toBe(false);
    expect(first.equals(current)).toBe(false);
    expect(first.equals(first)).toBe(true);
    expect(first.name).toBeUndefined();
    expect(first.ino).not.toBe(second.ino);
    expect(first.dev).toBe(second.dev);
    expect(readlinkSync(`/proc/self/fd/${first.fd}`)).toBe(`net:[${first.ino}]`);
    for (const netns of [first, second]) {
      await using client = await Rtnetlink.open({ netns });
      expect((await client.link.list()).map(({ name }) => name)).toEqual(['lo']);
    }
  });

  test('has its loopback up when asked for', async () => {
    await using up = await newNetns({ loopback: true });
    using alsoUp = newNetnsSync({ loopback: true });
    await using down = await newNetns({ loopback: false });
    for (const [netns, expected] of [
      [up, true],
      [alsoUp, true],
      [down, false],
    ] as const) {
      await using client = await Rtnetlink.open({ netns });
      expect((await client.link.get('lo')).up).toBe(expected);
      expect((await client.address.list()).length > 0).toBe(expected);
    }
    expect(await errorOf(() => Netns.create({ loopback: 'up' as never }))).toMatchObject({
      argument: 'options.loopback',
    });
  });

  test('comes with a socket for its first client, which is closed with it', async () => {
    const open = () => openDescriptors().length;
    const before = open();
    const netns = await newNetns();
    // The namespace and the socket.
    expect(open()).toBe(before + 2);
    const first = await Rtnetlink.open({ netns });
    const second = Rtnetlink.openSync({ netns });
    for (const client of [first, second])
      expect((await client.link.list()).map(({ index, name }) => [index, name])).toEqual([[1, 'lo']]);
    first.close();
    second.close();
    netns.close();
    expect(await until(() => open() === before)).toBe(true);
    const unused = newNetnsSync();
    unused.close();
    expect(open()).toBe(before);
    const opened = await newNetns();
    const client = await Rtnetlink.open({ netns: opened });
    opened.close();
    expect((await client.link.get('lo')).index).toBe(1);
    client.close();
    expect(await until(() => open() === before)).toBe(true);
  });

  test('the current one is that of the process', async () => {
    await using current = Netns.current();
    expect(`net:[${current.ino}]`).toBe(readlinkSync('/proc/self/ns/net'));
    await using client = await Rtnetlink.open();
    await using inside = await Rtnetlink.open({ netns: current });
    expect((await client.link.list()).map(({ name }) => name)).toEqual(
      (await inside.link.list()).map(({ name }) => name),
    );
  });

  for (const create of ['create', 'createSync'] as const) {
    testUnless(noNames, `made by ${create} with a name is listed, opened by it and outlives its handle`, async () => {
      const name = nameOf(create);
      const made = await Netns[create]({ name });
      const { ino, dev } = made;
      try {
        expect(made.name).toBe(name);
        expect(Netns.list()).toContain(name);
        await using client = await Rtnetlink.open({ netns: made });
        await client.link.add({ name: 'mark', kind: 'veth' });
        client.close();
        made.close();
        await using opened = await Netns.open(name);
        expect(opened).toMatchObject({ ino, dev, name });
        using again = Netns.openSync({ name });
        expect(again.equals(opened)).toBe(true);
        using byPath = Netns.openSync({ path: `/run/netns/${name}` });
        expect(byPath.equals(opened)).toBe(true);
        expect(byPath.name).toBeUndefined();
        await using inside = await Rtnetlink.open({ netns: opened });
        expect((await inside.link.get('mark')).kind).toBe('veth');

        const taken = await errorOf(() => Netns[create]({ name }));
        expect(taken).toBeInstanceOf(SyscallError);
        expect(taken).toMatchObject({
          code: 'EEXIST',
          syscall: 'open',
          message: expect.stringContaining(name),
        });
      } finally {
        Netns.delete(name);
      }
      expect(Netns.list()).not.toContain(name);
      expect(existsSync(`/run/netns/${name}`)).toBe(false);
      expect(await errorOf(() => Netns.delete(name))).toMatchObject({ code: 'ENOENT' });
      expect(await errorOf(() => Netns.open(name))).toMatchObject({
        code: 'ENOENT',
        message: expect.stringContaining(name),
      });
    });
  }

  testUnless(noNames, 'a deleted name leaves the namespace to those who hold it', async () => {
    const name = nameOf('held');
    await using held = await Netns.create({ name });
    Netns.delete(name);
    await using client = await Rtnetlink.open({ netns: held });
    await client.link.add({ name: 'mark', kind: 'veth' });
    await using second = await Netns.create({ name });
    Netns.delete(name);
    expect(second.equals(held)).toBe(false);
  });

  testUnless(noNames, 'lists names in order', async () => {
    const names = ['b', 'a', 'ü c'].map(nameOf);
    await using _ = await newNetns();
    for (const name of names) (await Netns.create({ name })).close();
    try {
      const listed = Netns.list();
      expect(listed).toEqual([...listed].sort());
      expect(listed).toEqual(expect.arrayContaining(names));
    } finally {
      for (const name of names) Netns.delete(name);
    }
  });

  test('is opened by the pid of a process', async () => {
    await using current = Netns.current();
    await using own = await Netns.open({ pid: process.pid });
    expect(own.equals(current)).toBe(true);
    const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
    await once(child, 'spawn');
    await using ofChild = await Netns.open({ pid: child.pid! });
    expect(ofChild.equals(current)).toBe(true);
    child.stdin.end();
    await once(child, 'exit');
    const error = await errorOf(() => Netns.open({ pid: child.pid! }));
    expect(error).toBeInstanceOf(SyscallError);
    expect(error).toMatchObject({ code: 'ESRCH', message: expect.stringContaining(String(child.pid)) });
  });

  test('is opened by a pidfd', async () => {
    await using current = Netns.current();
    const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
    await once(child, 'spawn');
    const pidfd = addon.pidfdOpen(child.pid!);
    if ('errno' in pidfd) throw new Error(`pidfd_open: errno ${pidfd.errno}`);
    await using ofChild = await Netns.open({ pidfd: pidfd.fd });
    expect(ofChild.equals(current)).toBe(true);
    child.stdin.end();
    await once(child, 'exit');
    expect(await errorOf(() => Netns.open({ pidfd: pidfd.fd }))).toMatchObject({ code: 'ESRCH' });
    pidfd.close();
  });

  testUnless(noRights, 'can be pinned to any file, once, and unpinned', async () => {
    const path = join(folder, 'pin');
    const made = await newNetns();
    const { ino } = made;
    made.pin(path);
    expect(await errorOf(() => made.pin(path))).toMatchObject({ code: 'EEXIST', name: 'SyscallError' });
    made.close();
    using opened = Netns.openSync({ path });
    expect(opened.ino).toBe(ino);
    Netns.unpin(path);
    expect(existsSync(path)).toBe(false);
    expect(await errorOf(() => Netns.unpin(path))).toMatchObject({ code: 'ENOENT' });
    expect(await errorOf(() => opened.pin(join(folder, 'nowhere', 'pin')))).toMatchObject({ code: 'ENOENT' });
  });

  testUnless(noRights, 'is removed by name or path only where there is one, and what else is there stays', async () => {
    const named = (label: string) => `/run/netns/${nameOf(label)}`;
    const mounts = () => readFileSync('/proc/self/mountinfo', 'utf8');
    const refused = (argument: string) => ({ code: 'ERR_NETLACE_ARGUMENT', argument });
    await using netns = await Netns.create({ name: nameOf('there') });
    const mountPoint = named('mount');
    mkdirSync(mountPoint);
    orThrow(addon.sync.mount('none', mountPoint, 'tmpfs', 0));
    try {
      writeFileSync(named('full'), 'x');
      const before = mounts();
      for (const path of [named('full'), mountPoint, `/proc/self/fd/${netns.fd}`]) {
        expect(await errorOf(() => Netns.unpin(path))).toMatchObject(refused('path'));
        expect(existsSync(path)).toBe(true);
      }
      for (const label of ['full', 'mount'])
        expect(await errorOf(() => Netns.delete(nameOf(label)))).toMatchObject(refused('name'));
      expect(readFileSync(named('full'), 'utf8')).toBe('x');
      expect(mounts()).toBe(before);

      // As they are left when a mount or a process is gone, or made for `ip netns` to find.
      writeFileSync(named('empty'), '', { mode: 0 });
      symlinkSync('/proc/self/ns/nosuch', named('dangling'));
      symlinkSync(named('there'), named('link'));
      for (const label of ['empty', 'link'])
        expect(await errorOf(() => Netns.unpin(named(label)))).toMatchObject(refused('path'));
      for (const label of ['empty', 'dangling', 'link']) Netns.delete(nameOf(label));
      expect(Netns.list()).not.toEqual(expect.arrayContaining([nameOf('empty')]));
      for (const label of ['dangling', 'link']) expect(Netns.list()).not.toContain(nameOf(label));
      expect(mounts()).toBe(before);
      using opened = Netns.openSync(nameOf('there'));
      expect(opened.equals(netns)).toBe(true);
    } finally {
      orThrow(addon.sync.umount(mountPoint, 0));
      rmdirSync(mountPoint);
      for (const label of ['full', 'empty', 'dangling', 'link']) rmSync(named(label), { force: true });
      Netns.delete(nameOf('there'));
    }
  });

  test('is opened by a handle of it, unless that is closed', async () => {
    await using netns = await newNetns();
    using copy = await Netns.open(netns);
    expect(copy.equals(netns)).toBe(true);
    expect(copy.fd).not.toBe(netns.fd);
    using namespace = Namespace.openSync(netns);
    expect(namespace.equals(netns)).toBe(true);
    netns.close();
    for (const open of [Netns.open, Netns.openSync, Namespace.open, Namespace.openSync])
      expect(await errorOf(() => open(netns))).toBeInstanceOf(ClosedError);
  });

  test('ends with its last handle', async () => {
    await using near = await newNetns();
    await using client = await Rtnetlink.open({ netns: near });
    const far = await newNetns();
    await client.link.add({ name: 'left', kind: 'veth', data: { peer: { name: 'right', netns: far } } });
    await using watch = client.watch(['link']);
    for await (const event of watch) {
      if (event.type === 'synced') far.close();
      // With the namespace goes its end of the pair, and with that the other.
      if (event.type === 'deleted' && event.value.name === 'left') break;
    }
    expect(await errorOf(() => client.link.get('left'))).toMatchObject({ code: 'ENODEV' });
  });

  test('is held by a client after its handle is closed', async () => {
    const netns = await newNetns();
    await using client = await Rtnetlink.open({ netns });
    netns.close();
    await client.link.add({ name: 'mark', kind: 'veth' });
    expect((await client.link.list()).map(({ name }) => name)).toContain('mark');
  });

  test('a closed handle says so', async () => {
    const netns = await newNetns();
    netns.close();
    netns.close();
    for (const run of [
      () => netns.fd,
      () => netns.pin(join(folder, 'never')),
      () => netns.sysctl.get('net.ipv4.ip_forward'),
      () => netns.sysctl.set('net.ipv4.ip_forward', 1),
      () => netns.sysctl.getSync('net.ipv4.ip_forward'),
      () => netns.listen(createServer()),
      () => netns.connect({ host: '127.0.0.1', port: 1 }),
      () => netns.udp(),
      () => Rtnetlink.open({ netns }),
      () => Rtnetlink.openSync({ netns }),
    ]) {
      const error = await errorOf(run);
      expect(error).toBeInstanceOf(ClosedError);
      expect(error['code']).toBe('ERR_NETLACE_CLOSED');
    }
    expect(existsSync(join(folder, 'never'))).toBe(false);
  });

  test('what is no namespace, or another kind of one, is refused', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, 'x');
    for (const [ref, expected] of [
      [{ path: file }, { code: 'ERR_NETLACE_ARGUMENT', argument: 'ref' }],
      [{ path: '/proc/self/ns/mnt' }, { code: 'ERR_NETLACE_ARGUMENT', argument: 'ref' }],
      [{ path: '/proc/self/ns/user' }, { code: 'ERR_NETLACE_ARGUMENT' }],
      [{ path: '/dev/null' }, { code: 'ERR_NETLACE_ARGUMENT' }],
      [{ path: folder }, { code: 'ERR_NETLACE_ARGUMENT' }],
      [{ path: join(folder, 'nosuch') }, { code: 'ENOENT', syscall: 'open' }],
      [{ path: '' }, { code: 'ERR_NETLACE_ARGUMENT', argument: 'ref.path' }],
      [{ path: 'a\0b' }, { code: 'ERR_NETLACE_ARGUMENT', argument: 'ref.path' }],
      [{ name: '../../proc/self/ns/net' }, { code: 'ERR_NETLACE_ARGUMENT', argument: 'ref.name' }],
      ['..', { code: 'ERR_NETLACE_ARGUMENT' }],
      ['', { code: 'ERR_NETLACE_ARGUMENT' }],
      ['x'.repeat(256), { code: 'ERR_NETLACE_ARGUMENT' }],
      [nameOf('nosuch'), { code: 'ENOENT', syscall: 'open' }],
      [{ pid: 0 }, { code: 'ERR_NETLACE_ARGUMENT', argument: 'ref.pid' }],
      [{ pid: 1.5 }, { code: 'ERR_NETLACE_ARGUMENT', argument: 'ref.pid' }],
      [{ pid: 0x7ffffffe }, { code: 'ESRCH' }],
      [{ pidfd: -1 }, { code: 'ERR_NETLACE_ARGUMENT', argument: 'ref.pidfd' }],
      [{}, { code: 'ERR_NETLACE_ARGUMENT', argument: 'ref', reason: expect.stringContaining('there is none') }],
      [{ nmae: 'x' }, { code: 'ERR_NETLACE_ARGUMENT', argument: 'ref.nmae' }],
      [
        { name: nameOf('nosuch'), pid: process.pid },
        { code: 'ERR_NETLACE_ARGUMENT', argument: 'ref', reason: expect.stringContaining('not name and pid') },
      ],
      [null, { code: 'ERR_NETLACE_ARGUMENT' }],
    ] as [NetnsRef, object][]) {
      expect(await errorOf(() => Netns.open(ref))).toMatchObject(expected);
      expect(await errorOf(() => Netns.openSync(ref))).toMatchObject(expected);
    }
    for (const name of ['', '.', '..', 'a/b', 'a\0b', 5, 'x'.repeat(256)]) {
      const error = await errorOf(() => Netns.create({ name: name as string }));
      expect(error).toBeInstanceOf(ArgumentError);
      expect(error['argument']).toBe('options.name');
      expect(await errorOf(() => Netns.delete(name as string))).toBeInstanceOf(ArgumentError);
    }
    expect(await errorOf(() => Netns.create({ nmae: 'x' } as never))).toMatchObject({ argument: 'options.nmae' });
    rmSync(file);
  });
});

describeUnless(noNetns, 'sysctls', () => {
  test('are those of the namespace, not of the process', async () => {
    const forward = () => readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
    const outside = forward();
    await using netns = await newNetns();
    await using other = await newNetns();
    const { sysctl } = netns;
    await sysctl.set('net.ipv4.ip_local_port_range', '20123\t20987');
    expect(await sysctl.get('net.ipv4.ip_local_port_range')).toBe('20123\t20987');
    expect(sysctl.getSync('net/ipv4/ip_local_port_range')).toBe('20123\t20987');
    expect(await other.sysctl.get('net.ipv4.ip_local_port_range')).toBe(outside.trimEnd());
    expect(forward()).toBe(outside);

    for (const [value, text] of [
      [true, '1'],
      [false, '0'],
      [1, '1'],
      ['0', '0'],
    ] as const) {
      await sysctl.set('net.ipv4.ip_forward', value);
      expect(sysctl.getSync('net.ipv4.ip_forward')).toBe(text);
      sysctl.setSync('net.ipv4.tcp_syncookies', value);
      expect(await sysctl.get('net.ipv4.tcp_syncookies')).toBe(text);
    }
    // Who is not root has one group in his namespaces.
    const groups = rootless ? [0, 0] : [7, 9];
    await sysctl.set('net.ipv4.ping_group_range', groups.join(' '));
    expect(await sysctl.get('net.ipv4.ping_group_range')).toBe(groups.join('\t'));
  });

  test('of a link, also of one with a dot in its name', async () => {
    await using netns = await newNetns();
    await using client = await Rtnetlink.open({ netns });
    await client.link.add({ name: 'eth0.5', kind: 'veth', data: { peer: { name: 'eth0' } } });
    const { sysctl } = netns;
    await sysctl.set('net/ipv4/conf/eth0.5/arp_ignore', 3);
    expect(await sysctl.get('net/ipv4/conf/eth0.5/arp_ignore')).toBe('3');
    expect(await sysctl.get('net.ipv4.conf.eth0/5.arp_ignore')).toBe('3');
    expect(await sysctl.get('net.ipv4.conf.eth0.arp_ignore')).toBe('0');
    await sysctl.set('net.ipv6.conf.eth0/5.disable_ipv6', true);
    expect(await sysctl.get('net/ipv6/conf/eth0.5/disable_ipv6')).toBe('1');
    expect(await sysctl.get('net.ipv6.conf.eth0.disable_ipv6')).toBe('0');
  });

  test('are set where they should be, even if the handle is closed meanwhile', async () => {
    await using witness = await newNetns();
    const path = `/proc/self/fd/${witness.fd}`;
    const settings = Array.from({ length: 30 }, async (_, number) => {
      const handle = Netns.openSync({ path });
      const written = handle.sysctl.set('net.ipv4.tcp_keepalive_time', 5000 + number);
      handle.close();
      // Takes the number of the one that was closed.
      using other = newNetnsSync();
      await written;
      expect(await other.sysctl.get('net.ipv4.tcp_keepalive_time')).toBe('7200');
    });
    await Promise.all(settings);
    expect(Number(await witness.sysctl.get('net.ipv4.tcp_keepalive_time'))).toBeLessThan(5030);
  });

  test('that are not there, or are no names, or take no such value, are refused', async () => {
    await using netns = await newNetns();
    const { sysctl } = netns;
    for (const [run, expected] of [
      [() => sysctl.get('net.ipv4.nosuch'), { code: 'ENOENT', syscall: 'openat' }],
      [() => sysctl.getSync('net.ipv4.conf.nosuch.forwarding'), { code: 'ENOENT' }],
      [() => sysctl.set('net.ipv4.ip_forward', 'perhaps'), { code: 'EINVAL', syscall: 'write' }],
      [() => sysctl.setSync('net.ipv4.ip_local_port_range', '7 5'), { code: 'EINVAL' }],
      [() => sysctl.get('kernel.hostname'), { code: 'ERR_NETLACE_ARGUMENT', argument: 'sysctl' }],
      [() => sysctl.get('net/../kernel/hostname'), { code: 'ERR_NETLACE_ARGUMENT' }],
      [() => sysctl.get('net.ipv4.//.x'), { code: 'ERR_NETLACE_ARGUMENT' }],
      [() => sysctl.get(''), { code: 'ERR_NETLACE_ARGUMENT' }],
      [() => sysctl.set('net.ipv4.ip_forward', {} as never), { code: 'ERR_NETLACE_ARGUMENT', argument: 'value' }],
    ] as [() => unknown, object][]) {
      expect(await errorOf(run)).toMatchObject(expected);
    }
  });
});

describeUnless(noNetns, 'sockets inside', () => {
  /** Sends `text` by `socket`, the server answers with it and where it came from. */
  async function conversation(server: Netns, host: string, socketTo: (port: number) => Socket): Promise<string> {
    const echo = await server.listen(
      createServer((socket) => socket.end(`${socket.remoteAddress} ${socket.localAddress}`)),
      { host },
    );
    const socket = socketTo((echo.address() as AddressInfo).port);
    await once(socket, 'connect');
    const text = await textOf(socket);
    await new Promise((done) => echo.close(done));
    return text;
  }

  test('TCP over IPv4 and IPv6, from a chosen address too', () =>
    inPair(async (near, far) => {
      for (const [host, client] of [
        ['10.7.0.1', '10.7.0.2'],
        ['fd07::1', 'fd07::2'],
      ] as const) {
        expect(await conversation(near, host, (port) => far.connect({ host, port }))).toBe(`${client} ${host}`);
      }
      expect(
        await conversation(far, '10.7.0.2', (port) =>
          near.connect({ host: '10.7.0.2', port, localAddress: '10.7.0.1', localPort: 4711 }),
        ),
      ).toBe('10.7.0.1 10.7.0.2');
      expect(
        await conversation(near, '127.0.0.1', (port) =>
          near.connect({ host: '127.0.0.1', port, localAddress: '127.3.2.1' }),
        ),
      ).toBe('127.3.2.1 127.0.0.1');
      expect(await conversation(far, '::', (port) => near.connect({ host: '10.7.0.2', port }))).toBe(
        '::ffff:10.7.0.1 ::ffff:10.7.0.2',
      );
    }));

  test('a link-local address to listen on takes the link’s index; one to connect to is refused', () =>
    inPair(async (near, far) => {
      await using nearby = await Rtnetlink.open({ netns: near });
      const here = (await nearby.link.get('cable')).index;
      const server = await near.listen(createServer(), { host: `fe80::1%${here}`, port: 4711 });
      expect(server.listening).toBe(true);
      for (const host of ['fe80::1', `fe80::1%${here}`]) {
        const error = await errorOf(() => far.connect({ host, port: 4711 }));
        expect(error).toMatchObject({ code: 'ERR_NETLACE_ARGUMENT', argument: 'options.host' });
      }
      await new Promise((done) => server.close(done));
    }));

  test('HTTP', () =>
    inPair(async (near, far) => {
      const server = await near.listen(
        createHttpServer((request, response) => response.end(`${request.url} from ${request.socket.remoteAddress}`)),
        { host: '10.7.0.1', port: 80 },
      );
      const request = get({
        path: '/page',
        createConnection: () => far.connect({ host: '10.7.0.1', port: 80 }),
      });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      expect(response.statusCode).toBe(200);
      expect(await textOf(response)).toBe('/page from 10.7.0.2');
      await new Promise((done) => server.close(done));
    }));

  test('much data arrives whole', () =>
    inPair(async (near, far) => {
      const bytes = Buffer.alloc(4 * 1024 * 1024, 'the quick brown fox ');
      const server = await near.listen(
        createServer((socket) => socket.end(bytes)),
        { host: 'fd07::1' },
      );
      const socket = far.connect({ host: 'fd07::1', port: (server.address() as AddressInfo).port });
      const chunks: Buffer[] = [];
      for await (const chunk of socket) chunks.push(chunk as Buffer);
      expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
      await new Promise((done) => server.close(done));
    }));

  test('UDP over IPv4 and IPv6', () =>
    inPair(async (near, far) => {
      for (const [here, there] of [
        ['10.7.0.1', '10.7.0.2'],
        ['fd07::1', 'fd07::2'],
      ] as const) {
        const server = await near.udp({ address: here, port: 5353 });
        const client = await far.udp({ address: there });
        const question = once(server, 'message');
        client.send('question', 5353, here);
        const [text, from] = (await question) as [Buffer, { address: string; port: number }];
        expect(`${text.toString()} ${from.address}`).toBe(`question ${there}`);
        const answer = once(client, 'message');
        server.send('answer', from.port, from.address);
        expect(String(((await answer) as [Buffer])[0])).toBe('answer');
        server.close();
        client.close();
      }
    }));

  test('two namespaces have the same port; one has it once, unless it is to be shared', () =>
    inPair(async (near, far) => {
      const servers = [
        await near.listen(createServer(), { port: 8080 }),
        await far.listen(createServer(), { port: 8080 }),
      ];
      const taken = await errorOf(() => near.listen(createServer(), { port: 8080 }));
      expect(taken).toBeInstanceOf(SyscallError);
      expect(taken).toMatchObject({ code: 'EADDRINUSE', message: expect.stringContaining('8080') });
      servers.push(
        await near.listen(createServer(), { port: 8081, reusePort: true }),
        await near.listen(createServer(), { port: 8081, reusePort: true }),
      );
      servers.push(
        await far.listen(createServer(), { port: 8082, host: '::', ipv6Only: true }),
        await far.listen(createServer(), { port: 8082, host: '0.0.0.0' }),
      );
      await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
    }));

  test('what cannot be connected to or listened at is an error', () =>
    inPair(async (near, far) => {
      const [refused] = (await once(far.connect({ host: '10.7.0.1', port: 9 }), 'error').catch((error: unknown) => [
        error,
      ])) as [Error];
      expect(refused).toMatchObject({ code: 'ECONNREFUSED', address: '10.7.0.1', port: 9 });
      const [unreachable] = (await once(far.connect({ host: '192.0.2.1', port: 9 }), 'error').catch(
        (error: unknown) => [error],
      )) as [Error];
      expect(unreachable).toMatchObject({ code: 'ENETUNREACH' });
      for (const [run, expected] of [
        [() => near.listen(createServer(), { host: '10.7.0.9' }), { code: 'EADDRNOTAVAIL', syscall: 'bind' }],
        [() => near.udp({ address: '10.7.0.9' }), { code: 'EADDRNOTAVAIL', syscall: 'bind' }],
        [() => near.connect({ host: '10.7.0.2', port: 9, localAddress: '10.7.0.9' }), { code: 'EADDRNOTAVAIL' }],
        [() => near.connect({ host: '10.7.0', port: 9 }), { code: 'ERR_NETLACE_ARGUMENT', argument: 'options.host' }],
        [
          () => near.connect({ host: '10.7.0.2', port: 65_536 }),
          { code: 'ERR_NETLACE_ARGUMENT', argument: 'options.port' },
        ],
        [
          () => near.listen(createServer(), { prot: 80 } as never),
          { code: 'ERR_NETLACE_ARGUMENT', argument: 'options.prot' },
        ],
        [() => near.udp({ address: '10.7.0' }), { code: 'ERR_NETLACE_ARGUMENT', argument: 'options.address' }],
      ] as [() => unknown, object][]) {
        expect(await errorOf(run)).toMatchObject(expected);
      }
    }));
});

describeUnless(noNetns, 'threads', () => {
  test('none is ever left in another namespace, however much is done there', async () => {
    const home = readlinkSync('/proc/self/ns/net');
    // One of an earlier test may be seen for a moment after it has ended.
    expect(await threadsAreHome()).toBe(true);
    const seen = new Set<string>();
    const look = () => {
      for (const namespace of threadNamespaces()) seen.add(namespace);
    };
    for (let round = 0; round < 40; round++) {
      await using netns = await newNetns();
      await using client = await Rtnetlink.open({ netns });
      look();
      const { sysctl } = netns;
      await Promise.all([
        ...Array.from({ length: 20 }, () => sysctl.get('net.ipv4.ip_forward')),
        ...Array.from({ length: 20 }, (_, number) => client.link.set('lo', { mtu: 60_000 + number })),
        ...Array.from({ length: 5 }, () => client.link.list().then()),
        ...Array.from({ length: 3 }, () => netns.udp().then((socket) => socket.close())),
        ...Array.from({ length: 3 }, () => Rtnetlink.open({ netns }).then((each) => each.close())),
      ]);
      sysctl.setSync('net.ipv4.ip_forward', 1);
      using other = newNetnsSync();
      expect(other.equals(netns)).toBe(false);
      client.sync.link.list();
      // Whatever was to be done is done: threads made for it end, those of the pool are where they always were.
      expect(await threadsAreHome()).toBe(true);
    }
    // While something is being done, its own thread may be elsewhere; the process never is.
    expect(seen).toContain(home);
    await using current = Netns.current();
    expect(`net:[${current.ino}]`).toBe(home);
    expect(threadNamespaces()).toEqual([home]);
  });
});
