/** Namespaces of all types: opened, made, pinned; who owns whom; the list of all; and the raw calls, in Workers. */
import { afterAll, expect, jest, test } from '@jest/globals';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArgumentError, ClosedError, SyscallError, UnsupportedError } from '../../lib/errors.js';
import { listNamespaces, type NamespaceInfo } from '../../lib/namespaces/list.js';
import { Namespace, type CreatableType, type NamespaceRef } from '../../lib/namespaces/namespace.js';
import { Netns } from '../../lib/namespaces/netns.js';
import { setns, unshare } from '../../lib/namespaces/raw.js';
import { namespaceTree } from '../../lib/namespaces/tree.js';
import { NAMESPACE_TYPES } from '../../lib/namespace-types.js';
import { addon } from '../../lib/native/load.js';
import { leavesNothing, openDescriptors, threadsAreHome, until } from '../support/leftovers.js';
import { newNetns, noNames, noNetns, rootless } from '../support/netns.js';
import { noBuild, noOthers, tell, tellFromWorker } from '../support/program.js';
import { errorOf } from '../support/rejection.js';
import { describeUnless, testUnless } from '../support/skip.js';
import { noRights } from '../support/spawned.js';

leavesNothing();
jest.setTimeout(60_000);

const NOBODY = 65_534;
const folder = mkdtempSync(join(tmpdir(), 'netlace-namespace-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const types = NAMESPACE_TYPES.filter((type) => existsSync(`/proc/self/ns/${type}`));
const creatable: readonly CreatableType[] = ['cgroup', 'ipc', 'mnt', 'net', 'uts'];
const oneCpu = /^Cpus_allowed_list:\t(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]!;
const linkOf = (type: string, who: string | number = 'self') => readlinkSync(`/proc/${who}/ns/${type}`);

/** What has `unshare` make others with them, where there are no rights. */
const newUser = rootless ? ['--user', '--map-root-user'] : [];

/** A program with the rights to make namespaces. */
const asRoot = rootless ? { under: `unshare ${newUser.join(' ')}` } : {};

/** A namespace such as this user can make. */
const newNamespace = (): Promise<Namespace | Netns> => (rootless ? newNetns() : Namespace.create('uts'));

/** Names the host: by a file that is root's, or as whoever has the rights there can. */
const nameHost = rootless
  ? `require('node:child_process').execFileSync('hostname', ['netlace-worker'])`
  : `fs.writeFileSync('/proc/sys/kernel/hostname', 'netlace-worker')`;

/** A program in new namespaces, `unshare OPTIONS cat`, until `body` is done. */
async function inNew(options: string, body: (child: ChildProcessWithoutNullStreams) => Promise<void>): Promise<void> {
  const child = spawn('unshare', [...options.split(' '), 'cat']);
  // Of one that could not be started, that it has ended says enough.
  child.stdin.on('error', () => undefined);
  child.stdin.write('ready');
  const closed = once(child, 'close');
  const failed = closed.then(() => Promise.reject(new Error(`unshare ${options} has ended`)));
  failed.catch(() => undefined);
  await Promise.race([once(child.stdout, 'data'), failed]);
  try {
    await body(child);
  } finally {
    child.stdin.end();
    await closed;
  }
}

describeUnless(noNetns, 'a namespace', () => {
  for (const type of types) {
    test(`of ${type} is opened by pid, pidfd, path, descriptor, and as the current one`, async () => {
      using current = Namespace.current(type);
      expect(`${type}:[${current.ino}]`).toBe(linkOf(type));
      expect(current.type).toBe(type);
      const pidfd = addon.pidfdOpen(process.pid);
      if ('errno' in pidfd) throw new Error(`pidfd_open: errno ${pidfd.errno}`);
      const refs: NamespaceRef[] = [
        { pid: process.pid, type },
        { pidfd: pidfd.fd, type },
        { path: `/proc/self/ns/${type}` },
        { path: `/proc/self/ns/${type}`, type },
        { fd: current.fd },
        { fd: current.fd, type },
      ];
      for (const ref of refs) {
        await using opened = await Namespace.open(ref);
        expect(opened).toMatchObject({ type, ino: current.ino, dev: current.dev });
        expect(opened.equals(current)).toBe(true);
        expect(opened.fd).not.toBe(current.fd);
      }
      pidfd.close();
      for (const other of types) {
        if (other === type) continue;
        using differs = Namespace.current(other);
        expect(differs.equals(current)).toBe(false);
        for (const ref of [
          { fd: differs.fd, type },
          { path: `/proc/self/ns/${other}`, type },
        ] as NamespaceRef[]) {
          const error = await errorOf(() => Namespace.open(ref));
          expect(error).toBeInstanceOf(ArgumentError);
          expect(error).toMatchObject({ argument: 'ref' });
        }
      }
    });
  }

  for (const type of creatable) {
    testUnless(noRights, `of ${type} is made, without any thread being in it`, async () => {
      using current = Namespace.current(type);
      using user = Namespace.current('user');
      using made = await Namespace.create(type);
      using second = Namespace.createSync(type);
      expect(new Set([current.ino, made.ino, second.ino]).size).toBe(3);
      for (const each of [made, second]) {
        expect(each.type).toBe(type);
        expect(readlinkSync(`/proc/self/fd/${each.fd}`)).toBe(`${type}:[${each.ino}]`);
        expect(each.parent()).toBeUndefined();
        expect(each.ownerUid).toBeUndefined();
        using owner = each.owner();
        expect(owner.equals(user)).toBe(true);
        expect(owner.type).toBe('user');
      }
      expect(await threadsAreHome(type)).toBe(true);
    });
  }

  test('of user, pid and time takes a child process', async () => {
    for (const type of ['user', 'pid', 'time']) {
      for (const create of [Namespace.create, Namespace.createSync]) {
        const error = await errorOf(() => create(type as CreatableType));
        expect(error).toBeInstanceOf(UnsupportedError);
        expect(error.message).toContain(type);
      }
    }
    expect(await errorOf(() => Namespace.create('network' as CreatableType))).toMatchObject({ argument: 'type' });
  });

  test('of a user knows its parent, its owner, and who made it', () =>
    inNew('--user --uts', async ({ pid = 0 }) => {
      using current = Namespace.current('user');
      using user = await Namespace.open({ pid, type: 'user' });
      expect(`user:[${user.ino}]`).toBe(linkOf('user', pid));
      expect(user.equals(current)).toBe(false);
      expect(user.ownerUid).toBe(process.geteuid!());
      using owner = user.owner();
      using parent = user.parent();
      expect(owner.equals(current)).toBe(true);
      expect(parent?.equals(current)).toBe(true);
      using uts = await Namespace.open({ pid, type: 'uts' });
      using ownerOfUts = uts.owner();
      expect(ownerOfUts.equals(user)).toBe(true);
      using net = await Namespace.open({ pid, type: 'net' });
      using ownerOfNet = net.owner();
      expect(ownerOfNet.equals(user)).toBe(false);
    }));

  test('of pids knows its parent, and what children will be in is another than what a process is in', () =>
    inNew(rootless ? '--user --pid --fork' : '--pid --fork', async ({ pid = 0 }) => {
      using current = Namespace.current('pid');
      using own = await Namespace.open({ pid, type: 'pid' });
      expect(own.equals(current)).toBe(true);
      const pidfd = addon.pidfdOpen(pid);
      if ('errno' in pidfd) throw new Error(`pidfd_open: errno ${pidfd.errno}`);
      for (const place of [{ pid }, { pidfd: pidfd.fd }]) {
        using inside = await Namespace.open({ ...place, type: 'pid', forChildren: true });
        expect(inside.equals(current)).toBe(false);
        expect(`pid:[${inside.ino}]`).toBe(linkOf('pid_for_children', pid));
        using parent = inside.parent();
        expect(parent?.equals(current)).toBe(true);
      }
      pidfd.close();
      using ours = Namespace.current('pid', { forChildren: true });
      expect(ours.equals(current)).toBe(true);
    }));

  test('at the top has no parent', () => {
    for (const type of types) {
      using current = Namespace.current(type);
      expect(current.parent()).toBeUndefined();
    }
  });

  test('of an ended process is not found, whichever way', async () => {
    const child = spawn('cat');
    await once(child, 'spawn');
    const pid = child.pid!;
    const pidfd = addon.pidfdOpen(pid);
    if ('errno' in pidfd) throw new Error(`pidfd_open: errno ${pidfd.errno}`);
    child.stdin.end();
    await once(child, 'close');
    for (const ref of [
      { pid, type: 'uts' },
      { pidfd: pidfd.fd, type: 'uts' },
      { pidfd: pidfd.fd, type: 'pid', forChildren: true },
    ] as NamespaceRef[]) {
      const error = await errorOf(() => Namespace.open(ref));
      expect(error).toBeInstanceOf(SyscallError);
      expect(error).toMatchObject({ code: 'ESRCH' });
    }
    pidfd.close();
  });

  testUnless(noRights, 'is pinned to a file, which keeps it, and unpinned', async () => {
    for (const type of creatable) {
      if (type === 'mnt') continue;
      const path = join(folder, type);
      const made = await Namespace.create(type);
      const { ino } = made;
      made.pin(path);
      expect(await errorOf(() => made.pin(path))).toMatchObject({ code: 'EEXIST', name: 'SyscallError' });
      made.close();
      {
        using opened = Namespace.openSync({ path, type });
        expect(opened.ino).toBe(ino);
      }
      Namespace.unpin(path);
      expect(existsSync(path)).toBe(false);
      expect(await errorOf(() => Namespace.unpin(path))).toMatchObject({ code: 'ENOENT' });
    }
  });

  test('of mounts is not pinned in itself', async () => {
    using current = Namespace.current('mnt');
    const path = join(folder, 'itself');
    expect(await errorOf(() => current.pin(path))).toMatchObject({
      code: rootless ? 'EPERM' : 'EINVAL',
      syscall: 'mount',
      hint: expect.stringContaining(rootless ? 'CAP_SYS_ADMIN' : 'private'),
    });
    expect(existsSync(path)).toBe(false);
  });

  testUnless(noBuild, 'of mounts is pinned below a private mount, and is a copy of the mounts', () => {
    const told = tell(
      `
      const { Namespace } = netlace;
      const made = await Namespace.create('mnt');
      made.pin(${JSON.stringify(join(folder, 'mounts'))});
      const opened = Namespace.openSync({ path: ${JSON.stringify(join(folder, 'mounts'))} });
      told.same = opened.equals(made);
      told.other = !opened.equals(Namespace.current('mnt'));
      Namespace.unpin(${JSON.stringify(join(folder, 'mounts'))});`,
      // On one CPU, where numbers of mount namespaces rise.
      { under: ['taskset', '-c', oneCpu, 'unshare', ...newUser, '--mount', '--propagation', 'private'].join(' ') },
    );
    expect(told).toEqual({ same: true, other: true });
  });

  test('is closed once, and says so from then on', async () => {
    const before = openDescriptors().length;
    const made = await newNamespace();
    const user = Namespace.current('user');
    made.close();
    made.close();
    {
      using _disposed = Namespace.current('ipc');
      await using _alsoDisposed = Namespace.current('ipc');
    }
    user.close();
    for (const run of [
      () => made.fd,
      () => made.owner(),
      () => made.pin(join(folder, 'never')),
      () => user.parent(),
      () => user.ownerUid,
      () => setns(made),
    ]) {
      expect(await errorOf(run)).toBeInstanceOf(ClosedError);
    }
    expect(made.ino > 0n).toBe(true);
    expect(existsSync(join(folder, 'never'))).toBe(false);
    expect(openDescriptors().length).toBe(before);
  });

  test('is one with a Netns of the same', async () => {
    await using netns = await newNetns();
    using namespace = Namespace.openSync({ fd: netns.fd });
    expect(netns.type).toBe('net');
    expect(netns.equals(namespace)).toBe(true);
    expect(namespace.equals(netns)).toBe(true);
    using owner = netns.owner();
    using user = Namespace.current('user');
    expect(owner.equals(user)).toBe(!rootless);
    await using again = await Netns.open({ fd: namespace.fd });
    expect(again.equals(netns)).toBe(true);
    using uts = Namespace.current('uts');
    expect(await errorOf(() => Netns.open({ fd: uts.fd }))).toMatchObject({ argument: 'ref' });
  });

  test('what is none, or cannot be meant, is refused', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, 'x');
    const argument = (name: string) => ({ code: 'ERR_NETLACE_ARGUMENT', argument: name });
    const before = openDescriptors();
    for (const [ref, expected] of [
      [{ path: file }, argument('ref')],
      [{ path: '/dev/null' }, argument('ref')],
      [{ path: folder }, argument('ref')],
      [{ path: join(folder, 'nosuch') }, { code: 'ENOENT', syscall: 'open' }],
      [{ path: '' }, argument('ref.path')],
      [{ path: 'a\0b' }, argument('ref.path')],
      [{ path: '/proc/self/ns/uts', type: 'uts ' }, argument('ref.type')],
      [{ name: 'a/b' }, argument('ref.name')],
      [{ name: `netlace-${process.pid}-nosuch` }, { code: 'ENOENT', syscall: 'open' }],
      [{ pid: process.pid }, argument('ref.type')],
      [{ pid: 0, type: 'uts' }, argument('ref.pid')],
      [{ pid: 1.5, type: 'uts' }, argument('ref.pid')],
      [{ pid: '1', type: 'uts' }, argument('ref.pid')],
      [
        { pid: 0x7ffffffe, type: 'uts' },
        { code: 'ESRCH', syscall: 'pidfd_open' },
      ],
      [{ pidfd: -1, type: 'uts' }, argument('ref.pidfd')],
      [{ pidfd: 987_654, type: 'uts' }, { code: 'EBADF' }],
      [{ pidfd: 0, type: 'pid', forChildren: true }, argument('ref.pidfd')],
      [{ fd: -1 }, argument('ref.fd')],
      [{ fd: 0 }, argument('ref')],
      [{ fd: 987_654 }, { code: 'EBADF' }],
      [{ pid: process.pid, type: 'uts', forChildren: true }, argument('ref.forChildren')],
      [{ pid: process.pid, type: 'pid', forChildren: 1 }, argument('ref.forChildren')],
      [{ path: '/proc/self/ns/pid', type: 'pid', forChildren: true }, argument('ref.forChildren')],
      [
        { pid: process.pid, path: '/proc/self/ns/uts', type: 'uts' },
        { ...argument('ref'), reason: expect.stringContaining('not path and pid') },
      ],
      [{ type: 'uts' }, argument('ref')],
      [{}, { ...argument('ref'), reason: expect.stringContaining('there is none') }],
      [{ pdi: 5 }, argument('ref.pdi')],
      [null, argument('ref')],
      ['uts', argument('ref')],
    ] as [NamespaceRef, object][]) {
      expect(await errorOf(() => Namespace.open(ref))).toMatchObject(expected);
      expect(await errorOf(() => Namespace.openSync(ref))).toMatchObject(expected);
    }
    expect(await errorOf(() => Namespace.current('network' as 'net'))).toMatchObject(argument('type'));
    expect(await errorOf(() => Namespace.current('uts', { forChildren: true }))).toMatchObject(
      argument('options.forChildren'),
    );
    expect(await errorOf(() => Namespace.current('pid', { children: true } as never))).toMatchObject(
      argument('options.children'),
    );
    using current = Namespace.current('uts');
    for (const other of [undefined, null, 5, {}])
      expect(await errorOf(() => current.equals(other as never))).toMatchObject(argument('other'));
    current.close();
    for (const path of ['pin', '', '/a\0b', 5, undefined]) {
      expect(await errorOf(() => Namespace.unpin(path as never))).toMatchObject(argument('path'));
      using pinned = Namespace.current('uts');
      expect(await errorOf(() => pinned.pin(path as never))).toMatchObject(argument('path'));
    }
    for (const path of [file, folder, '/proc/self/ns/uts'])
      expect(await errorOf(() => Namespace.unpin(path))).toMatchObject(argument('path'));
    expect(readFileSync(file, 'utf8')).toBe('x');
    expect(openDescriptors()).toEqual(before);
    rmSync(file);
  });

  test('opening does not wait for the other end of a FIFO', async () => {
    const fifo = join(folder, 'fifo');
    await once(spawn('mkfifo', [fifo]), 'close');
    expect(await errorOf(() => Namespace.open({ path: fifo }))).toMatchObject({ argument: 'ref' });
    rmSync(fifo);
  });
});

describeUnless(noNetns ?? noBuild, 'a namespace that is not ours', () => {
  test('outside of the own user namespace does not say who owns it', () =>
    inNew('--user', async ({ pid = 0 }) => {
      using sibling = await Namespace.open({ pid, type: 'user' });
      using user = Namespace.current('user');
      using uts = Namespace.current('uts');
      const told = tell(
        `
        const { Namespace } = netlace;
        const [sibling, user, uts] = [3, 4, 5].map((fd) => Namespace.openSync({ fd }));
        told.isOwn = user.equals(Namespace.current('user'));
        told.siblingUid = sibling.ownerUid;
        await attempt('siblingParent', () => sibling.parent() ?? null);
        await attempt('siblingOwner', () => sibling.owner());
        await attempt('utsOwner', () => uts.owner());
        await attempt('ownParent', () => Namespace.current('user').parent() ?? null);
        const made = await Namespace.create('uts');
        told.madeByOwn = made.owner().equals(Namespace.current('user'));`,
        { under: 'unshare --user --map-root-user', descriptors: [sibling.fd, user.fd, uts.fd] },
      );
      const refused = { name: 'SyscallError', code: 'EPERM', hint: expect.stringContaining('outside of the user') };
      expect(told).toMatchObject({
        isOwn: false,
        siblingUid: 0,
        siblingParent: refused,
        siblingOwner: refused,
        utsOwner: refused,
        ownParent: null,
        madeByOwn: true,
      });
    }));

  test('beyond the limit is not made, and the limit is named', () => {
    const told = tellFromWorker(
      `
      for (const type of ['uts', 'ipc']) fs.writeFileSync('/proc/sys/user/max_' + type + '_namespaces', '0');
      await attempt('create', () => netlace.Namespace.create('uts'));
      await attempt('other', async () => (await netlace.Namespace.create('cgroup')).type);
      await attempt('unshare', () => netlace.unshare(['ipc']));`,
      { under: 'unshare --user --map-root-user' },
    );
    const beyond = (limit: string) => ({ code: 'ENOSPC', syscall: 'unshare', hint: expect.stringContaining(limit) });
    expect(told).toMatchObject({
      create: beyond('/proc/sys/user/max_uts_namespaces'),
      other: 'cgroup',
      unshare: beyond('/proc/sys/user/max_ipc_namespaces'),
    });
  });

  testUnless(noOthers, 'of another user’s process takes the right to trace that', () => {
    const told = tell(
      `
      const { Namespace, listNamespaces } = netlace;
      await attempt('foreign', () => Namespace.open({ pid: ${process.pid}, type: 'uts' }));
      await attempt('children', () => Namespace.open({ pid: ${process.pid}, type: 'pid', forChildren: true }));
      await attempt('own', () => Namespace.openSync({ pid: process.pid, type: 'uts' }).equals(Namespace.current('uts')));
      await attempt('create', () => Namespace.create('uts'));
      await attempt('pin', () => Namespace.current('uts').pin('/etc/netlace-never'));
      await attempt('owner', () => Namespace.current('uts').owner().equals(Namespace.current('user')));
      await attempt('unshareRoot', () => netlace.unshare(['fs']) ?? 'done');
      await attempt('unshare', () => netlace.unshare(['ipc']));
      await attempt('setns', () => netlace.setns(Namespace.current('ipc')));
      const listed = await listNamespaces();
      const own = Object.values(namespaces('self'));
      told.listed = listed.filter(({ type, ino }) => own.includes(type + ':[' + ino + ']')).map(({ type }) => type).sort();
      told.foreigners = listed.filter(({ processes, uid }) => processes > 0 && uid !== ${NOBODY}).length;`,
      { uid: NOBODY, gid: NOBODY },
    );
    const traces = { name: 'SyscallError', code: /^E(PERM|ACCES)$/, hint: expect.stringContaining('CAP_SYS_PTRACE') };
    for (const key of ['foreign', 'children'])
      expect(told[key]).toMatchObject({ ...traces, code: expect.stringMatching(traces.code) });
    expect(told).toMatchObject({
      own: true,
      owner: true,
      unshareRoot: 'done',
      foreigners: 0,
      listed: [...types].sort(),
    });
    for (const [key, syscall] of [
      ['create', 'unshare'],
      ['unshare', 'unshare'],
      ['setns', 'setns'],
    ] as const) {
      expect(told[key]).toMatchObject({ code: 'EPERM', syscall, hint: expect.stringContaining('CAP_SYS_ADMIN') });
    }
    expect(told['pin']).toMatchObject({ code: 'EACCES' });
  });
});

const byIno = async (ino: bigint, options = {}): Promise<NamespaceInfo | undefined> =>
  (await listNamespaces(options)).find((info) => info.ino === ino);

describeUnless(noNetns, 'the list of namespaces', () => {
  test('has those of this process, with what is known of them', async () => {
    const listed = await listNamespaces();
    expect(new Set(listed.map(({ ino }) => ino)).size).toBe(listed.length);
    expect(listed.map(({ ino }) => ino)).toEqual(listed.map(({ ino }) => ino).sort((a, b) => (a < b ? -1 : 1)));
    using user = Namespace.current('user');
    for (const type of types) {
      using current = Namespace.current(type);
      const info = listed.find(({ ino }) => ino === current.ino)!;
      expect(info).toMatchObject({ type, dev: current.dev });
      expect(info.processes).toBeGreaterThan(0);
      expect(info.pid).toBeGreaterThan(0);
      expect(info.pid).toBeLessThanOrEqual(process.pid);
      if (type !== 'user' && type !== 'pid') expect(info.parentIno).toBeUndefined();
    }
    using made = await newNamespace();
    using owner = made.owner();
    expect(owner.equals(user)).toBe(!rootless);
    expect((await byIno(made.ino))?.ownerIno).toBe(owner.ino);
  });

  test('has what lives in new namespaces', () =>
    inNew('--user --uts --net --ipc', async ({ pid = 0 }) => {
      using current = Namespace.current('user');
      const listed = await listNamespaces();
      const user = listed.find(({ type, pid: lowest }) => type === 'user' && lowest === pid)!;
      expect(user).toMatchObject({
        processes: 1,
        command: 'cat',
        ownerIno: current.ino,
        parentIno: current.ino,
        ownerUid: process.geteuid!(),
        paths: [],
        names: [],
        nsid: undefined,
      });
      for (const type of ['uts', 'net', 'ipc'] as const) {
        const info = listed.find((each) => each.type === type && each.pid === pid)!;
        expect(`${type}:[${info.ino}]`).toBe(linkOf(type, pid));
        expect(info).toMatchObject({ processes: 1, command: 'cat', ownerIno: user.ino, parentIno: undefined });
      }
      // What it shares with this process is counted there.
      using mnt = Namespace.current('mnt');
      const shared = listed.find(({ ino }) => ino === mnt.ino)!;
      expect(shared.processes).toBeGreaterThan(1);
    }));

  test('has what only a descriptor holds', async () => {
    const made = await newNamespace();
    expect(await byIno(made.ino)).toMatchObject({
      type: rootless ? 'net' : 'uts',
      processes: 0,
      pid: undefined,
      command: undefined,
      uid: undefined,
      user: undefined,
      holders: [process.pid],
      paths: [],
    });
    made.close();
    expect(await byIno(made.ino)).toBeUndefined();
  });

  testUnless(noRights, 'has what a file holds, and a descriptor that was opened by it', async () => {
    const made = await Namespace.create('uts');
    const path = join(folder, 'held');
    made.pin(path);
    const { ino } = made;
    made.close();
    expect(await byIno(ino)).toMatchObject({ holders: [], paths: [path], processes: 0 });
    const opened = await Namespace.open({ path });
    expect(await byIno(ino)).toMatchObject({ holders: [process.pid], paths: [path] });
    Namespace.unpin(path);
    expect(await byIno(ino)).toMatchObject({ holders: [process.pid], paths: [] });
    opened.close();
    expect(await byIno(ino)).toBeUndefined();
  });

  testUnless(noNames, 'has names of network namespaces, and paths with spaces', async () => {
    const name = `netlace-${process.pid}-named`;
    const path = join(folder, 'with space\tand \\ more');
    await using netns = await Netns.create({ name });
    netns.pin(path);
    try {
      const info = await byIno(netns.ino, { types: ['net'] });
      expect(info).toMatchObject({ type: 'net', names: [name], processes: 0 });
      expect([...info!.paths].sort()).toEqual([`/run/netns/${name}`, path].sort());
    } finally {
      Netns.unpin(path);
      Netns.delete(name);
    }
    expect((await byIno(netns.ino))?.names).toEqual([]);
  });

  test('has what is only pinned in another mount namespace', async () => {
    const path = join(folder, 'elsewhere');
    writeFileSync(path, '');
    const script = `mount --bind /proc/self/ns/uts ${path} && exec unshare --uts cat`;
    const child = spawn('unshare', [...newUser, '--mount', '--uts', '--propagation', 'private', 'sh', '-c', script]);
    child.stdin.write('ready');
    await once(child.stdout, 'data');
    // The process has gone on to a second one; the first is only pinned, over there.
    const pins = (await listNamespaces({ types: ['uts'] })).filter(({ paths }) => paths.length > 0);
    const there = pins.find(({ paths }) => paths.includes(`/proc/${child.pid}/root${path}`))!;
    expect(there).toMatchObject({ type: 'uts', processes: 0, holders: [] });
    expect(there.ownerIno).toBeDefined();
    using opened = await Namespace.open({ path: there.paths[0]! });
    expect(opened.ino).toBe(there.ino);
    child.stdin.end();
    await once(child, 'close');
    rmSync(path);
  });

  test('has the pid namespace that only children will be in, and owners without a process', () =>
    inNew('--user --map-root-user unshare --user --uts --pid --fork', async ({ pid = 0 }) => {
      // Processes are in the inner user namespace only; the outer one lives as its parent.
      const listed = await listNamespaces();
      const inner = listed.find(({ ino, type }) => type === 'user' && `user:[${ino}]` === linkOf('user', pid))!;
      const outer = listed.find(({ ino }) => ino === inner.parentIno)!;
      using current = Namespace.current('user');
      expect(outer).toMatchObject({ type: 'user', processes: 0, pid: undefined, parentIno: current.ino });
      const children = listed.find(({ ino }) => `pid:[${ino}]` === linkOf('pid_for_children', pid))!;
      using pids = Namespace.current('pid');
      expect(children).toMatchObject({ type: 'pid', processes: 1, holders: [pid], parentIno: pids.ino });

      const nodes = namespaceTree(listed).flatMap(function all(node): (typeof node)[] {
        return [node, ...node.children.flatMap(all)];
      });
      expect(nodes.length).toBe(listed.length);
      const node = nodes.find(({ ino }) => ino === outer.ino)!;
      expect(node.children.map(({ ino }) => ino)).toEqual([inner.ino]);
      expect(node.children[0]!.children.map(({ type }) => type).sort()).toEqual(['pid', 'uts']);
      const byParent = namespaceTree(listed, 'parent').find(({ ino }) => ino === pids.ino)!;
      expect(byParent.children.map(({ ino }) => ino)).toContain(children.ino);
    }));

  test('is of the types asked for', async () => {
    const listed = await listNamespaces({ types: ['uts', 'user'] });
    expect(new Set(listed.map(({ type }) => type))).toEqual(new Set(['uts', 'user']));
    expect((await listNamespaces({ types: undefined })).length).toBeGreaterThan(listed.length);
    for (const [options, argument] of [
      [{ types: [] }, 'options.types'],
      [{ types: 'net' }, 'options.types'],
      [{ types: ['net', 'nte'] }, 'options.types[1]'],
      [{ type: ['net'] }, 'options.type'],
      [null, 'options'],
    ] as const)
      expect(await errorOf(() => listNamespaces(options as never))).toMatchObject({ argument });
    expect(await errorOf(() => namespaceTree([], 'child' as never))).toMatchObject({ argument: 'by' });
  });

  test('lets the event loop run, however short it is', async () => {
    let ran = false;
    setImmediate(() => (ran = true));
    await listNamespaces({ types: ['uts'] });
    expect(ran).toBe(true);
  });

  test('does not mind processes that come and go, and leaves nothing', async () => {
    const before = openDescriptors().length;
    for (let round = 0; round < 6; round++) {
      const ends = [1, 2].map(() => once(spawn('unshare', [...newUser, '--uts', '--net', 'true']), 'close'));
      const all = Promise.all(ends);
      let over = false;
      void all.then(() => (over = true));
      do expect((await listNamespaces()).length).toBeGreaterThanOrEqual(types.length);
      while (!over);
      await all;
    }
    expect(await until(() => openDescriptors().length <= before)).toBe(true);
  });
});

describeUnless(noNetns ?? noBuild, 'the raw calls, in a Worker', () => {
  test('unshare moves that thread and what it starts, no other', () => {
    const told = tellFromWorker(
      `
      told.before = namespaces('thread-self');
      netlace.unshare(['uts', 'ipc', 'net', 'cgroup']);
      ${nameHost};
      told.name = os.hostname();
      told.after = namespaces('thread-self');
      told.child = require('node:child_process').execFileSync('uname', ['-n'], { encoding: 'utf8' }).trim();
      told.pool = await fs.promises.readlink('/proc/thread-self/ns/uts');
      const inside = await netlace.Rtnetlink.open({ netns: netlace.Netns.current() });
      told.links = (await inside.link.list()).map(({ name }) => name);
      inside.close();
      const { Worker } = require('node:worker_threads');
      const nested = new Worker("require('node:worker_threads').parentPort.postMessage(require('node:os').hostname())", { eval: true });
      [told.nested] = await require('node:events').once(nested, 'message');`,
      asRoot,
    );
    const { before, after, main } = told as Record<string, Record<string, string>>;
    expect(main).toEqual(before);
    for (const type of ['uts', 'ipc', 'net', 'cgroup']) expect(after![type]).not.toBe(before![type]);
    for (const type of ['mnt', 'pid', 'user']) expect(after![type]).toBe(before![type]);
    expect(told).toMatchObject({
      name: 'netlace-worker',
      child: 'netlace-worker',
      nested: 'netlace-worker',
      pool: before!['uts'],
      links: ['lo'],
    });
  });

  testUnless(noRights, 'setns enters by handle, descriptor and pidfd', () =>
    inNew('--uts --net --ipc', async ({ pid = 0 }) => {
      const pidfd = addon.pidfdOpen(pid);
      if ('errno' in pidfd) throw new Error(`pidfd_open: errno ${pidfd.errno}`);
      const told = tellFromWorker(
        `
        const { Namespace, setns } = netlace;
        const own = { uts: Namespace.current('uts'), net: netlace.Netns.current(), ipc: Namespace.current('ipc') };
        setns(Namespace.openSync({ pid: ${pid}, type: 'uts' }));
        setns(Namespace.openSync({ pid: ${pid}, type: 'net' }).fd, ['net']);
        told.handles = namespaces('thread-self');
        for (const each of Object.values(own)) setns(each);
        told.back = namespaces('thread-self');
        setns(3, ['uts', 'ipc']);
        told.pidfd = namespaces('thread-self');`,
        { descriptors: [pidfd.fd] },
      );
      pidfd.close();
      const theirs = (type: string) => linkOf(type, pid);
      expect(told['main']).toEqual(told['back']);
      expect(told['handles']).toMatchObject({ uts: theirs('uts'), net: theirs('net') });
      expect(told['back']).toMatchObject({ uts: linkOf('uts'), net: linkOf('net'), ipc: linkOf('ipc') });
      expect(told['pidfd']).toMatchObject({ uts: theirs('uts'), ipc: theirs('ipc'), net: linkOf('net') });
    }),
  );

  testUnless(noRights, 'a mount namespace takes a root and working directory of the thread’s own', () =>
    inNew('--mount --propagation private', async ({ pid = 0 }) => {
      const told = tellFromWorker(`
        const { Namespace, setns, unshare } = netlace;
        const own = Namespace.current('mnt');
        const other = Namespace.openSync({ pid: ${pid}, type: 'mnt' });
        await attempt('shared', () => setns(other));
        unshare(['fs']);
        await attempt('apart', () => setns(other) ?? namespaces('thread-self').mnt);
        await attempt('back', () => setns(own) ?? namespaces('thread-self').mnt);
        await attempt('made', () => unshare(['mnt']) ?? namespaces('thread-self').mnt);`);
      expect(told['shared']).toMatchObject({
        code: 'EINVAL',
        syscall: 'setns',
        hint: expect.stringContaining("unshare(['fs'])"),
      });
      expect(told).toMatchObject({ apart: linkOf('mnt', pid), back: linkOf('mnt') });
      expect(told['made']).toMatch(/^mnt:/);
      expect([linkOf('mnt'), linkOf('mnt', pid)]).not.toContain(told['made']);
      expect(told['main']).toMatchObject({ mnt: linkOf('mnt') });
    }),
  );

  testUnless(noRights, 'pid and time namespaces are for children only', () => {
    const told = tellFromWorker(`
      const { Namespace, setns, unshare } = netlace;
      const run = (script) => require('node:child_process').execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trim();
      const own = Namespace.current('pid');
      unshare(['pid']);
      told.inside = namespaces('thread-self');
      await attempt('early', () => Namespace.current('pid', { forChildren: true }).ino);
      told.child = run('echo $$');
      await attempt('again', () => unshare(['pid']));
      setns(own);
      told.back = Number(run('echo $$')) > 1;
      if (${types.includes('time')}) await attempt('time', () => unshare(['time']) ?? namespaces('thread-self'));`);
    const { main, inside, time } = told as Record<string, Record<string, string>>;
    expect(inside!['pid']).toBe(main!['pid']);
    // Some time after Linux 6.18 it can be opened before the first child is in it.
    if (inside!['pid_for_children'] === 'none')
      expect(told['early']).toMatchObject({ code: 'ENOENT', hint: expect.stringContaining('child') });
    else expect(`pid:[${String(told['early'])}]`).toBe(inside!['pid_for_children']);
    expect(told).toMatchObject({ child: '1', back: true });
    expect(told['again']).toMatchObject({
      code: 'EINVAL',
      syscall: 'unshare',
      hint: expect.stringContaining('already'),
    });
    if (types.includes('time')) {
      expect(time!['time']).toBe(main!['time']);
      expect(time!['time_for_children']).not.toBe(main!['time']);
    }
  });

  test('what a process with threads cannot do says why', () =>
    inNew(types.includes('time') ? '--user --time' : '--user', async ({ pid = 0 }) => {
      const told = tellFromWorker(`
        const { Namespace, setns, unshare } = netlace;
        await attempt('unshareUser', () => unshare(['user']));
        await attempt('unshareBoth', () => unshare(['uts', 'user']));
        await attempt('setnsUser', () => setns(Namespace.openSync({ pid: ${pid}, type: 'user' })));
        if (${types.includes('time')}) await attempt('setnsTime', () => setns(Namespace.current('time')));
        told.after = namespaces('thread-self');`);
      const threads = expect.stringContaining('threads');
      for (const key of ['unshareUser', 'unshareBoth'])
        expect(told[key]).toMatchObject({ name: 'SyscallError', code: 'EINVAL', syscall: 'unshare', hint: threads });
      expect(told['setnsUser']).toMatchObject({ code: 'EINVAL', syscall: 'setns', hint: threads });
      if (types.includes('time'))
        expect(told['setnsTime']).toMatchObject({ code: 'EUSERS', syscall: 'setns', hint: threads });
      expect(told['after']).toEqual(told['main']);
    }));

  test('nothing is done for bad arguments', async () => {
    using uts = Namespace.current('uts');
    const pidfd = addon.pidfdOpen(process.pid);
    if ('errno' in pidfd) throw new Error(`pidfd_open: errno ${pidfd.errno}`);
    const file = openSync('/dev/null', 'r');
    for (const [run, expected] of [
      [() => setns(uts, ['net']), { argument: 'types' }],
      [() => setns(uts, ['uts', 'net']), { argument: 'types' }],
      [() => setns(uts, [] as never), { argument: 'types' }],
      [() => setns(uts, 'uts' as never), { argument: 'types' }],
      [() => setns(uts, ['utz' as never]), { argument: 'types[0]' }],
      [() => setns(-1), { argument: 'target' }],
      [() => setns(null as never), { argument: 'target' }],
      [() => setns({} as never), { argument: 'target' }],
      [() => setns(987_654), { code: 'EBADF' }],
      [() => setns(pidfd), { argument: 'types' }],
      [() => setns(pidfd, ['mnt', 'uts']), { argument: 'types' }],
      [() => setns(file), { argument: 'types' }],
      [() => setns(file, ['uts']), { code: 'EINVAL', syscall: 'setns' }],
      [() => unshare([]), { argument: 'types' }],
      [() => unshare('uts' as never), { argument: 'types' }],
      [() => unshare(['fs', 'nte' as never]), { argument: 'types[1]' }],
      [() => unshare(undefined as never), { argument: 'types' }],
    ] as [() => unknown, object][]) {
      expect(await errorOf(run)).toMatchObject(expected);
    }
    pidfd.close();
    closeSync(file);
    expect(linkOf('uts')).toBe(linkOf('uts', 'thread-self'));
  });
});
