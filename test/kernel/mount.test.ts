/**
 * Mounts: made, changed, listed and undone in mount namespaces of the tests' own, each held by a child process. Nothing is ever
 * mounted where the tests run.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArgumentError, ClosedError, SyscallError } from '../../lib/errors.js';
import {
  bindMount,
  bindMountSync,
  DetachedMount,
  listMounts,
  listMountsSync,
  mount,
  mountFilesystem,
  mountFilesystemSync,
  mountSetattr,
  mountSetattrSync,
  mountSync,
  pivotRoot,
  umount,
  umountSync,
  type MountInfo,
} from '../../lib/mount/index.js';
import { mountinfoAll, statmountAll } from '../../lib/mount/list.js';
import { parseMountinfo } from '../../lib/mount/mountinfo.js';
import { run } from '../../lib/mount/program.js';
import { leavesNothing, threadCount, threadNamespaces, until } from '../support/leftovers.js';
import { notRoot, olderThan, rootless } from '../support/netns.js';
import { errorOf } from '../support/rejection.js';
import { describeUnless, testUnless } from '../support/skip.js';
import { noRights, notInitialRoot } from '../support/spawned.js';

leavesNothing();
jest.setTimeout(60_000);

/** A mount namespace, which takes a user namespace of one's own where there are no rights. */
const ALONE = [...(rootless ? ['-U', '-r'] : []), '-m', '--propagation', 'private'];
const noMounts: string | undefined = (() => {
  const { status, stderr, error } = spawnSync('unshare', [...ALONE, 'true'], {
    encoding: 'utf8',
  });
  return status === 0 ? undefined : `no mount namespaces: ${error?.message ?? stderr.trim()}`;
})();
const noSetattr = olderThan(5, 12);
const noOverlay = readFileSync('/proc/filesystems', 'utf8').includes('\toverlay\n')
  ? undefined
  : 'no overlay file system';
const noUserNamespaces =
  spawnSync('unshare', ['-U', '-r', '-m', 'true']).status === 0 ? undefined : 'no user namespaces';

const folder = mkdtempSync(join(tmpdir(), 'netlace-mount-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let before = '';
beforeAll(() => void (before = readFileSync('/proc/self/mountinfo', 'utf8')));
afterAll(() => expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(before));

/** A child process in namespaces of its own, which ends with its input. */
async function startHolder(options: readonly string[], user = {}): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn('unshare', [...options, 'sh', '-c', 'echo; read end'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    ...user,
  });
  await once(child.stdout, 'data');
  return child as ChildProcess & { readonly pid: number };
}

async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, 'close');
  child.stdin?.end();
  await exited;
}

interface Place {
  readonly pid: number;
  readonly namespace: { readonly fd: number };
  /** A new folder there and here; what is mounted in it is only there. */
  readonly dir: string;
  /** Where a path of that namespace is seen from here. */
  seen(path: string): string;
  folder(name: string): string;
  /** The last mount at a path there. */
  at(path: string): Promise<MountInfo | undefined>;
}

let places = 0;

async function inPlace(body: (place: Place) => Promise<void>, options: readonly string[] = ALONE): Promise<void> {
  const child = await startHolder(options);
  const namespace = { fd: openSync(`/proc/${child.pid}/ns/mnt`, 'r') };
  const dir = join(folder, String(places++));
  mkdirSync(dir);
  try {
    await body({
      pid: child.pid,
      namespace,
      dir,
      seen: (path) => `/proc/${child.pid}/root${path}`,
      folder: (name) => {
        const path = join(dir, name);
        mkdirSync(`/proc/${child.pid}/root${path}`);
        return path;
      },
      at: async (path) => (await listMounts({ namespace })).findLast(({ target }) => target === path),
    });
  } finally {
    closeSync(namespace.fd);
    await end(child);
  }
}

const parsed = (pid: number): MountInfo[] => parseMountinfo(readFileSync(`/proc/${pid}/mountinfo`, 'utf8'));

/** Has nsenter go there. */
const into = (pid: number): string[] => [
  '-t',
  String(pid),
  ...(rootless ? ['-U', '--preserve-credentials'] : []),
  '-m',
];

/** What findmnt says about a mount point there. */
function findmnt(pid: number, path: string, columns: string): Record<string, unknown> {
  const { stdout } = spawnSync('nsenter', [...into(pid), 'findmnt', '-J', '-o', columns, '-M', path], {
    encoding: 'utf8',
  });
  return JSON.parse(stdout).filesystems[0];
}

function findmntAll(pid: number, columns: string): Record<string, unknown>[] {
  const { stdout } = spawnSync('nsenter', [...into(pid), 'findmnt', '-J', '-l', '-v', '-o', columns], {
    encoding: 'utf8',
  });
  return JSON.parse(stdout).filesystems;
}

describeUnless(noMounts, 'mount and umount', () => {
  test('a file system with flags and data, in another namespace only; and nothing of it here', async () => {
    await inPlace(async ({ pid, namespace, dir, at, seen }) => {
      await mount({
        namespace,
        type: 'tmpfs',
        source: 'some words',
        target: dir,
        flags: ['noSuid', 'noExec', 'strictAtime'],
        data: { size: '1m', mode: 751 },
      });
      expect(findmnt(pid, dir, 'target,source,fstype,vfs-options,fs-options')).toEqual({
        target: dir,
        source: 'some words',
        fstype: 'tmpfs',
        'vfs-options': 'rw,nosuid,noexec',
        'fs-options': expect.stringMatching(/^rw,size=1024k,mode=751/),
      });
      expect(await at(dir)).toMatchObject({
        type: 'tmpfs',
        source: 'some words',
        flags: ['noSuid', 'noExec', 'strictAtime'],
        superOptions: expect.arrayContaining(['rw', 'size=1024k', 'mode=751']),
      });
      expect(statSync(seen(dir)).mode & 0o777).toBe(0o751);
      expect(listMountsSync().some(({ target }) => target === dir)).toBe(false);
      mountSync({ namespace, target: dir, flags: ['remount', 'readOnly', 'noDev'], data: 'size=2m' });
      expect(await at(dir)).toMatchObject({
        flags: ['readOnly', 'noDev', 'strictAtime'],
        superOptions: expect.arrayContaining(['ro', 'size=2048k']),
      });
      mountSync({ namespace, target: dir, flags: ['remount', 'bind', 'noSymFollow'] });
      expect(await at(dir)).toMatchObject({
        flags: ['strictAtime', 'noSymFollow'],
        superOptions: expect.arrayContaining(['ro']),
      });
      await umount(dir, { namespace });
      expect(await at(dir)).toBeUndefined();
    });
  });

  test('binds, with attributes and those of the source, and what is below without', async () => {
    await inPlace(async ({ namespace, dir, folder, at, seen }) => {
      await mount({ namespace, type: 'tmpfs', target: dir, flags: ['noSuid'] });
      const [from, to, all] = [folder('from'), folder('to'), folder('all')];
      mkdirSync(seen(`${from}/below`));
      mountSync({ namespace, type: 'tmpfs', target: `${from}/below` });
      await mount({ namespace, source: from, target: to, flags: ['bind', 'readOnly', 'noAtime'] });
      const kept = noSetattr === undefined ? ['noSuid'] : [];
      expect((await at(to))?.flags).toEqual(['readOnly', ...kept, 'noAtime']);
      expect(() => writeFileSync(seen(`${to}/file`), '')).toThrow(/EROFS/);
      writeFileSync(seen(`${from}/file`), 'text');
      expect(readFileSync(seen(`${to}/file`), 'utf8')).toBe('text');
      expect(await at(`${to}/below`)).toBeUndefined();
      await mount({ namespace, source: from, target: all, flags: ['bind', 'recursive', 'readOnly'] });
      expect((await at(all))?.flags).toContain('readOnly');
      expect((await at(`${all}/below`))?.flags).toEqual(['relAtime']);
      await mount({ namespace, source: `${all}/below`, target: to, flags: ['move'] });
      expect([(await at(to))?.root, await at(`${all}/below`)]).toEqual(['/', undefined]);
      await umount(dir, { namespace, detach: true });
      expect(await at(dir)).toBeUndefined();
    });
  });

  test('propagation', async () => {
    await inPlace(async ({ pid, namespace, dir, folder, at, seen }) => {
      await mount({ namespace, type: 'tmpfs', target: dir, propagation: 'shared' });
      const [one, two] = [folder('one'), folder('two')];
      const group = (await at(dir))?.shared;
      expect(group).toBeGreaterThan(0);
      await mount({ namespace, source: dir, target: one, flags: ['bind'], propagation: 'slave' });
      expect(await at(one)).toMatchObject({ master: group });
      expect(await at(one)).not.toHaveProperty('shared');
      expect(findmnt(pid, one, 'propagation')).toEqual({ propagation: 'private,slave' });
      await mount({ namespace, target: one, propagation: 'unbindable' });
      expect((await at(one))?.unbindable).toBe(true);
      const error = await errorOf(() => mount({ namespace, source: one, target: two, flags: ['bind'] }));
      expect(error).toMatchObject({ code: 'EINVAL', syscall: 'mount' });
      mkdirSync(seen(`${two}/inner`));
      await mount({ namespace, type: 'tmpfs', target: two });
      expect(await at(two)).toHaveProperty('shared');
      await mount({ namespace, target: dir, propagation: 'rprivate' });
      for (const path of [dir, two]) expect(await at(path)).not.toHaveProperty('shared');
    });
  });

  testUnless(noUserNamespaces ?? noSetattr, 'nothing stays of what cannot be done as a whole', async () => {
    // Mounts from a more privileged namespace keep how they treat access times.
    await inPlace(
      async ({ namespace, folder, at }) => {
        const [from, to] = [folder('from'), folder('to')];
        const attempt = () => mount({ namespace, source: from, target: to, flags: ['bind', 'strictAtime'] });
        expect(await errorOf(attempt)).toMatchObject({ code: 'EPERM', syscall: 'mount_setattr' });
        expect(await at(to)).toBeUndefined();
        expect(await errorOf(() => bindMount({ namespace, source: from, target: to, set: ['noAtime'] }))).toMatchObject(
          {
            code: 'EPERM',
            message: expect.stringContaining('bindMount.set'),
          },
        );
        expect(await at(to)).toBeUndefined();
        await mount({ namespace, source: from, target: to, flags: ['bind', 'readOnly'] });
        expect((await at(to))?.flags).toContain('readOnly');
      },
      ['-U', '-r', '-m'],
    );
  });

  test('unmounting what is in use, expired, or not there', async () => {
    await inPlace(async ({ namespace, dir, at, seen }) => {
      mountSync({ namespace, type: 'tmpfs', target: dir });
      const holding = openSync(seen(dir), 'r');
      expect(await errorOf(() => umount(dir, { namespace }))).toMatchObject({
        name: 'SyscallError',
        code: 'EBUSY',
        message: expect.stringContaining(`umount.target "${dir}"`),
        hint: expect.stringContaining('detach'),
      });
      umountSync(dir, { namespace, detach: true });
      expect(await at(dir)).toBeUndefined();
      closeSync(holding);
      expect(await errorOf(() => umount(dir, { namespace }))).toMatchObject({ code: 'EINVAL' });

      mountSync({ namespace, type: 'tmpfs', target: dir });
      expect(await errorOf(() => umount(dir, { namespace, expire: true }))).toMatchObject({ code: 'EAGAIN' });
      await umount(dir, { namespace, expire: true });
      expect(await at(dir)).toBeUndefined();

      const link = `${dir}-link`;
      symlinkSync(dir, link);
      mountSync({ namespace, type: 'tmpfs', target: link });
      expect(await errorOf(() => umount(link, { namespace, noFollow: true }))).toMatchObject({ code: 'EINVAL' });
      await umount(link, { namespace, force: true });
      expect(await at(dir)).toBeUndefined();
    });
  });

  test('errors name what they are about', async () => {
    await inPlace(async ({ namespace, dir }) => {
      expect(await errorOf(() => mount({ namespace, type: 'no-such', target: dir }))).toMatchObject({
        code: 'ENODEV',
        hint: 'the kernel has no file system of this type',
      });
      expect(await errorOf(() => mount({ namespace, type: 'tmpfs', target: `${dir}/none` }))).toMatchObject({
        code: 'ENOENT',
        message: expect.stringContaining(`mount.target "${dir}/none"`),
      });
    });
    const wrong = { fd: openSync('/proc/self/ns/net', 'r') };
    const closed = { fd: 65_000 };
    for (const [namespace, code] of [
      [wrong, 'EINVAL'],
      [closed, 'EBADF'],
    ] as const) {
      const error = await errorOf(() => mount({ namespace, type: 'tmpfs', target: folder }));
      expect(error).toBeInstanceOf(SyscallError);
      expect(error).toMatchObject({ code, message: expect.stringContaining('mount.namespace') });
    }
    closeSync(wrong.fd);
  });

  testUnless(notRoot, 'without the right to', async () => {
    await inPlace(async ({ namespace, dir }) => {
      process.seteuid?.(65_534);
      try {
        const refused = await errorOf(() => mountSync({ namespace, type: 'tmpfs', target: dir }));
        expect(refused).toMatchObject({ code: 'EPERM', hint: expect.stringContaining('CAP_SYS_ADMIN') });
        const clone = await errorOf(() => DetachedMount.cloneSync({ path: dir }));
        expect(clone).toMatchObject({
          code: 'EPERM',
          syscall: 'open_tree',
          hint: expect.stringContaining('CAP_SYS_ADMIN'),
        });
        expect(listMountsSync()).toEqual(parsed(process.pid));
      } finally {
        process.seteuid?.(0);
      }
    });
  });

  testUnless(notRoot ?? noUserNamespaces, 'as an ordinary user, in a mount namespace of his own', async () => {
    chmodSync(folder, 0o755);
    const child = await startHolder(['-U', '-r', '-m'], { uid: 65_534, gid: 65_534 });
    const namespace = { fd: openSync(`/proc/${child.pid}/ns/mnt`, 'r') };
    const dir = join(folder, String(places++));
    mkdirSync(dir);
    chownSync(dir, 65_534, 65_534);
    const descriptors = readdirSync('/proc/self/fd').length;
    process.seteuid?.(65_534);
    try {
      mountSync({ namespace, type: 'tmpfs', target: dir, flags: ['noSuid'], data: { size: '1m' } });
      await mountFilesystem({ namespace, type: 'tmpfs', target: dir, attributes: ['noDev'] });
      const wrong = () => mountFilesystem({ namespace, type: 'tmpfs', parameters: { a: 1 }, target: dir });
      expect((await errorOf(wrong)).message).toContain("tmpfs: Unknown parameter 'a'");
      const list = await listMounts({ namespace });
      expect(list.filter(({ target }) => target === dir).map(({ flags }) => flags)).toEqual([
        ['noSuid', 'relAtime'],
        ['noDev', 'relAtime'],
      ]);
      expect(await run(mountinfoAll(namespace as never))).toEqual(list);
      const tree = await DetachedMount.create({ namespace, type: 'tmpfs' });
      await tree.attach(dir, { namespace });
      tree.close();
      for (let i = 0; i < 3; i++) await umount(dir, { namespace });
      expect(await errorOf(() => umount(dir, { namespace }))).toMatchObject({ code: 'EINVAL' });
      expect(readdirSync('/proc/self/fd')).toHaveLength(descriptors);
    } finally {
      process.seteuid?.(0);
      closeSync(namespace.fd);
      await end(child);
    }
  });
});

describeUnless(noMounts, 'mountFilesystem', () => {
  test('parameters and attributes', async () => {
    await inPlace(async ({ namespace, dir, at }) => {
      await mountFilesystem({
        namespace,
        type: 'tmpfs',
        source: 'named',
        target: dir,
        parameters: { size: 3 * 1024 * 1024, mode: '711', ro: true },
        attributes: ['noExec', 'noAtime'],
      });
      expect(await at(dir)).toMatchObject({
        source: 'named',
        flags: ['noExec', 'noAtime'],
        superOptions: expect.arrayContaining(['ro', 'size=3072k', 'mode=711']),
      });
    });
  });

  testUnless(noOverlay ?? olderThan(6, 5), 'a value with commas and spaces, which mount(2) cannot pass', async () => {
    await inPlace(async ({ namespace, dir, folder, at, seen }) => {
      mountFilesystemSync({ namespace, type: 'tmpfs', target: dir });
      const [lower, upper, work, merged] = [folder('lo, wer'), folder('upper'), folder('work'), folder('merged')];
      writeFileSync(seen(`${lower}/file`), 'below');
      await mountFilesystem({
        namespace,
        type: 'overlay',
        source: 'overlay',
        parameters: { lowerdir: lower, upperdir: upper, workdir: work },
        target: merged,
      });
      expect(readFileSync(seen(`${merged}/file`), 'utf8')).toBe('below');
      expect((await at(merged))?.superOptions).toContain(`lowerdir=${lower}`);
    });
  });

  // Layers of data only take rights in the first user namespace.
  testUnless(notInitialRoot ?? noOverlay ?? olderThan(6, 13), 'an open file as a value', async () => {
    await inPlace(async ({ namespace, dir, folder, seen }) => {
      mountSync({ namespace, type: 'tmpfs', target: dir });
      const [lower, merged] = [folder('lower'), folder('merged')];
      writeFileSync(seen(`${lower}/file`), 'by descriptor');
      const layers = [openSync(seen(lower), 'r'), openSync(seen(folder('second')), 'r')];
      using made = await DetachedMount.create({
        namespace,
        type: 'overlay',
        parameters: { 'lowerdir+': { fd: layers[0]! }, 'datadir+': { fd: layers[1]! } },
      }).finally(() => layers.forEach((fd) => closeSync(fd)));
      await made.attach(merged, { namespace });
      expect(readFileSync(seen(`${merged}/file`), 'utf8')).toBe('by descriptor');
    });
  });

  test('what the kernel says about a wrong one, and nothing is left', async () => {
    await inPlace(async ({ namespace, dir, at }) => {
      for (const [parameters, argument, said] of [
        [{ mode: '755', size: 'much' }, 'mountFilesystem.parameters.size "much"', "tmpfs: Bad value for 'size'"],
        [{ sise: '1m' }, 'mountFilesystem.parameters.sise "1m"', "tmpfs: Unknown parameter 'sise'"],
      ] as const) {
        const error = await errorOf(() => mountFilesystem({ namespace, type: 'tmpfs', parameters, target: dir }));
        expect(error).toBeInstanceOf(SyscallError);
        expect(error).toMatchObject({ code: 'EINVAL', syscall: 'fsconfig', hint: said });
        expect(error.message).toContain(argument);
        expect(error.message).toContain(said);
      }
      expect(await errorOf(() => mountFilesystem({ namespace, type: 'no-such', target: dir }))).toMatchObject({
        code: 'ENODEV',
        message: expect.stringContaining('mountFilesystem.type "no-such"'),
      });
      const missing = await errorOf(() => mountFilesystem({ namespace, type: 'tmpfs', target: `${dir}/none` }));
      expect(missing).toMatchObject({ code: 'ENOENT', syscall: 'move_mount' });
      expect(missing.message).toContain('mountFilesystem.target');
      expect(await at(dir)).toBeUndefined();
    });
  });
});

describeUnless(noMounts, 'trees', () => {
  testUnless(noSetattr, 'are bound with all that is below, and attributes for all of it', async () => {
    await inPlace(async ({ namespace, dir, folder, at, seen }) => {
      await mount({ namespace, type: 'tmpfs', target: dir, flags: ['noSuid', 'noDirAtime'] });
      const [from, to, plain] = [folder('from'), folder('to'), folder('plain')];
      mkdirSync(seen(`${from}/below`));
      await mount({ namespace, type: 'tmpfs', target: `${from}/below`, flags: ['noDev'] });
      await bindMount({ namespace, source: from, target: to, set: ['readOnly', 'strictAtime'], recursive: true });
      expect((await at(to))?.flags).toEqual(['readOnly', 'noSuid', 'strictAtime', 'noDirAtime']);
      expect((await at(`${to}/below`))?.flags).toEqual(['readOnly', 'noDev', 'strictAtime']);
      bindMountSync({ namespace, source: from, target: plain, clear: ['noSuid'] });
      expect((await at(plain))?.flags).toEqual(['relAtime', 'noDirAtime']);
      expect(await at(`${plain}/below`)).toBeUndefined();
      const gone = await errorOf(() => bindMount({ namespace, source: `${from}/none`, target: to }));
      expect(gone).toMatchObject({ code: 'ENOENT', message: expect.stringContaining('bindMount.source') });
    });
  });

  testUnless(noRights ?? noSetattr, 'have the propagation that the place allows', async () => {
    await inPlace(async ({ namespace, dir, folder, at }) => {
      mountSync({ namespace, type: 'tmpfs', target: dir, propagation: 'shared' });
      const place = folder('place');
      using tree = await DetachedMount.create({ namespace, type: 'tmpfs' });
      await tree.setattr({ propagation: 'unbindable' });
      expect(await errorOf(() => tree.attach(place, { namespace }))).toMatchObject({
        code: 'EINVAL',
        syscall: 'move_mount',
        hint: expect.stringContaining('unbindable'),
      });
      await tree.setattr({ propagation: 'private' });
      await tree.attach(place, { namespace });
      expect(await at(place)).toHaveProperty('shared');
      await mountSetattr(place, { namespace, propagation: 'unbindable' });
      expect(await at(place)).toMatchObject({ unbindable: true });
    });
  });

  testUnless(noSetattr, 'change where they are: all or nothing', async () => {
    await inPlace(async ({ namespace, dir, folder, at }) => {
      mountSync({ namespace, type: 'tmpfs', target: dir });
      const below = folder('below');
      mountSync({ namespace, type: 'tmpfs', target: below });
      await mountSetattr(dir, { namespace, set: ['noExec', 'noAtime'], propagation: 'shared', recursive: true });
      for (const path of [dir, below]) {
        expect((await at(path))?.flags).toEqual(['noExec', 'noAtime']);
        expect(await at(path)).toHaveProperty('shared');
      }
      mountSetattrSync(below, { namespace, clear: ['noExec'], set: ['relAtime'], propagation: 'private' });
      expect((await at(below))?.flags).toEqual(['relAtime']);
      expect(await at(below)).not.toHaveProperty('shared');
      expect((await at(dir))?.flags).toEqual(['noExec', 'noAtime']);
      const error = await errorOf(() => mountSetattr(`${below}/none`, { namespace, set: ['noDev'] }));
      expect(error).toMatchObject({ code: 'ENOENT', message: expect.stringContaining('mountSetattr.path') });
    });
  });

  testUnless(notRoot ?? noUserNamespaces ?? olderThan(6, 3), 'with mapped owners', async () => {
    const owner = await startHolder(['-U']);
    writeFileSync(`/proc/${owner.pid}/uid_map`, '0 70000 1000');
    writeFileSync(`/proc/${owner.pid}/gid_map`, '0 80000 1000');
    const idmap = { fd: openSync(`/proc/${owner.pid}/ns/user`, 'r') };
    try {
      await inPlace(async ({ namespace, dir, folder, at, seen }) => {
        mountSync({ namespace, type: 'tmpfs', target: dir });
        const [from, to, later] = [folder('from'), folder('to'), folder('later')];
        writeFileSync(seen(`${from}/file`), '');
        await bindMount({ namespace, source: from, target: to, idmap });
        const { uid, gid } = statSync(seen(`${to}/file`));
        expect([uid, gid]).toEqual([70_000, 80_000]);
        expect(await at(to)).toMatchObject({ idmapped: true });
        expect(await at(dir)).toMatchObject({ idmapped: false });
        expect(parsed(process.pid).some(({ idmapped }) => idmapped)).toBe(false);
        // A mount that is attached already cannot be mapped any more.
        expect(await errorOf(() => mountSetattr(to, { namespace, idmap }))).toMatchObject({ code: expect.any(String) });
        using tree = await DetachedMount.clone({ namespace, path: from });
        tree.setattrSync({ idmap, set: ['noDev'] });
        await tree.attach(later, { namespace });
        expect(statSync(seen(`${later}/file`)).uid).toBe(70_000);
      });
    } finally {
      closeSync(idmap.fd);
      await end(owner);
    }
  });

  testUnless(noRights, 'detached ones are prepared here and attached elsewhere, or end', async () => {
    await inPlace(async ({ namespace, dir, folder, at, seen }) => {
      const source = folder('source');
      const target = folder('target');
      writeFileSync(`${source}/file`, 'from here');
      const tree = await DetachedMount.clone({ path: source });
      expect(readFileSync(`/proc/self/fd/${tree.fd}/file`, 'utf8')).toBe('from here');
      await tree.attach(target, { namespace });
      tree.close();
      tree.close();
      expect(readFileSync(seen(`${target}/file`), 'utf8')).toBe('from here');
      expect(existsSync(`${target}/file`)).toBe(false);
      expect(await errorOf(() => tree.attach(target, { namespace }))).toBeInstanceOf(ClosedError);
      expect(() => tree.fd).toThrow(ClosedError);

      using made = DetachedMount.createSync({ namespace, type: 'tmpfs', parameters: { size: '1m' } });
      writeFileSync(`/proc/self/fd/${made.fd}/inner`, 'kept');
      made.attachSync(dir, { namespace });
      expect(readFileSync(seen(`${dir}/inner`), 'utf8')).toBe('kept');
      expect((await at(dir))?.type).toBe('tmpfs');
      expect(await errorOf(() => DetachedMount.create({ namespace, type: 'no-such' }))).toMatchObject({
        code: 'ENODEV',
      });
    });
  });

  testUnless(olderThan(6, 5), 'go beneath what is mounted', async () => {
    await inPlace(async ({ namespace, dir, seen }) => {
      mountSync({ namespace, type: 'tmpfs', target: dir });
      writeFileSync(seen(`${dir}/upper`), '');
      using below = await DetachedMount.create({ namespace, type: 'tmpfs' });
      writeFileSync(`/proc/self/fd/${below.fd}/lower`, '');
      await below.attach(dir, { namespace, beneath: true });
      expect(readdirSync(seen(dir))).toEqual(['upper']);
      await umount(dir, { namespace });
      expect(readdirSync(seen(dir))).toEqual(['lower']);
    });
  });
});

describeUnless(noMounts, 'pivotRoot', () => {
  test('gives all processes of a namespace another root', async () => {
    await inPlace(async ({ pid, namespace, dir, folder }) => {
      const root = folder('root');
      mountSync({ namespace, type: 'tmpfs', target: root });
      mkdirSync(`/proc/${pid}/root${root}/old`);
      writeFileSync(`/proc/${pid}/root${root}/mark`, '');
      await pivotRoot(root, `${root}/old`, { namespace });
      expect(readdirSync(`/proc/${pid}/root`).sort()).toEqual(['mark', 'old']);
      expect(existsSync(`/proc/${pid}/root/old${dir}`)).toBe(true);
      expect((await listMounts({ namespace })).find(({ target }) => target === '/')?.type).toBe('tmpfs');
      expect(existsSync('/mark')).toBe(false);
    });
  });

  test('and no old one, if none is wanted', async () => {
    await inPlace(async ({ pid, namespace, folder }) => {
      const root = folder('root');
      mountSync({ namespace, type: 'tmpfs', target: root });
      writeFileSync(`/proc/${pid}/root${root}/mark`, '');
      await pivotRoot(root, undefined, { namespace });
      expect(readdirSync(`/proc/${pid}/root`)).toEqual(['mark']);
      expect((await listMounts({ namespace })).map(({ target }) => target)).toEqual(['/']);
    });
  });

  test('not where this process is, and not to what is no mount point', async () => {
    const namespace = { fd: openSync('/proc/self/ns/mnt', 'r') };
    for (const options of [{}, { namespace }] as never[]) {
      const error = await errorOf(() => pivotRoot(folder, folder, options));
      expect(error).toBeInstanceOf(ArgumentError);
      expect(error).toMatchObject({ argument: 'pivotRoot.namespace' });
    }
    closeSync(namespace.fd);
    await inPlace(async (place) => {
      mountSync({ namespace: place.namespace, type: 'tmpfs', target: place.dir });
      const inner = place.folder('inner');
      const error = await errorOf(() => pivotRoot(inner, inner, { namespace: place.namespace }));
      expect(error).toMatchObject({ code: 'EINVAL', message: expect.stringContaining('pivotRoot.newRoot') });
    });
  });
});

describeUnless(noMounts, 'listMounts', () => {
  /** All that a list can say, at once. */
  async function fill({ namespace, dir, folder, seen }: Place): Promise<void> {
    mountSync({ namespace, type: 'tmpfs', target: dir, source: 'with space\\and\ttab', propagation: 'shared' });
    const odd = folder('line\nbreak, #hash');
    mountSync({ namespace, source: odd, target: odd, flags: ['bind', 'noExec', 'noDirAtime'], propagation: 'slave' });
    const both = folder('both');
    mountSync({ namespace, source: dir, target: both, flags: ['bind'], propagation: 'slave' });
    mountSync({ namespace, target: both, propagation: 'shared' });
    const third = folder('third');
    mountSync({ namespace, source: both, target: third, flags: ['bind'], propagation: 'slave' });
    const single = folder('single');
    mountSync({ namespace, source: single, target: single, flags: ['bind', 'strictAtime'], propagation: 'unbindable' });
    const proc = folder('proc');
    // Processes are shown by whoever has rights over all of them.
    mountSync({ namespace, type: rootless ? 'tmpfs' : 'proc', target: proc, flags: ['noSuid', 'noDev', 'noExec'] });
    const synced = folder('synced');
    mountSync({ namespace, type: 'tmpfs', target: synced, flags: ['synchronous', 'lazyTime', 'readOnly'] });
    const deleted = folder('deleted');
    const shown = folder('shown');
    mountSync({ namespace, source: deleted, target: shown, flags: ['bind'] });
    rmSync(seen(deleted), { recursive: true });
  }

  test('is what /proc/PID/mountinfo has, for a namespace and for a process', async () => {
    await inPlace(async (place) => {
      const { namespace, pid, dir } = place;
      await fill(place);
      const list = await listMounts({ namespace });
      expect(list).toEqual(parsed(pid));
      expect(listMountsSync({ namespace })).toEqual(list);
      expect(listMountsSync({ pid })).toEqual(list);
      const named = (name: string) => list.find(({ target }) => target === join(dir, name));
      expect(list.find(({ target }) => target === dir)?.source).toBe('with space\\and\ttab');
      expect(named('line\nbreak, #hash')).toMatchObject({ root: '/line\nbreak, #hash', master: expect.any(Number) });
      expect(named('both')).toMatchObject({ shared: expect.any(Number), master: expect.any(Number) });
      expect(named('third')?.master).toBe(named('both')?.shared);
      expect(named('single')).toMatchObject({ unbindable: true, flags: ['strictAtime'] });
      expect(named('shown')?.root).toBe('/deleted//deleted');
    });
  });

  test('is what findmnt shows', async () => {
    await inPlace(async (place) => {
      await fill(place);
      const columns = 'id,parent,maj:min,fsroot,target,fstype,source,vfs-options,fs-options,propagation';
      const list = await listMounts({ namespace: place.namespace });
      const shown = findmntAll(place.pid, columns);
      expect(shown).toHaveLength(list.length);
      const words = {
        readOnly: 'ro',
        noSuid: 'nosuid',
        noDev: 'nodev',
        noExec: 'noexec',
        noAtime: 'noatime',
        noDirAtime: 'nodiratime',
        relAtime: 'relatime',
        noSymFollow: 'nosymfollow',
        strictAtime: '',
      };
      for (const mounted of list) {
        const row = shown.find(({ id }) => id === mounted.id);
        const { device, shared, master, unbindable } = mounted;
        const flags = mounted.flags.map((flag) => words[flag]).filter((word) => word !== '');
        expect({
          ...row,
          'vfs-options': String(row?.['vfs-options'])
            .split(',')
            .filter((word) => word !== 'rw')
            .sort(),
        }).toEqual({
          id: mounted.id,
          parent: mounted.parentId,
          'maj:min': `${device.major}:${device.minor}`,
          fsroot: mounted.root,
          target: mounted.target,
          fstype: mounted.type,
          source: mounted.source,
          'vfs-options': flags.sort(),
          'fs-options': mounted.superOptions.join(','),
          propagation:
            (shared === undefined ? 'private' : 'shared') +
            (master === undefined ? '' : ',slave') +
            (unbindable ? ',unbindable' : ''),
        });
      }
    });
  });

  testUnless(olderThan(6, 13), 'is the same through statmount as through mountinfo', async () => {
    await inPlace(async (place) => {
      await fill(place);
      const calls = await run(statmountAll(place.namespace as never));
      expect(calls).toHaveLength(parsed(place.pid).length);
      expect(calls).toEqual(await run(mountinfoAll(place.namespace as never)));
    });
    expect(await run(statmountAll(undefined))).toEqual(await run(mountinfoAll(undefined)));
  });

  test('of a namespace without /proc, and of this process', async () => {
    await inPlace(async ({ namespace, folder }) => {
      const root = folder('root');
      mountSync({ namespace, type: 'tmpfs', target: root });
      await pivotRoot(root, undefined, { namespace });
      const mounts = await run(mountinfoAll(namespace as never));
      expect(mounts.map(({ target, type }) => [target, type])).toEqual([['/', 'tmpfs']]);
      expect(await listMounts({ namespace })).toEqual(mounts);
    });
    expect(await listMounts()).toEqual(parsed(process.pid));
  });

  test('of many mounts', async () => {
    await inPlace(async ({ namespace, dir, pid }) => {
      mountSync({ namespace, type: 'tmpfs', target: dir });
      await Promise.all(
        Array.from({ length: 600 }, () => mount({ namespace, source: dir, target: dir, flags: ['bind'] })),
      );
      const list = await listMounts({ namespace });
      expect(list.length).toBeGreaterThan(600);
      expect(list).toEqual(parsed(pid));
    });
  });

  testUnless(noOverlay ?? olderThan(6, 7), 'of one with options longer than a first guess', async () => {
    await inPlace(async ({ namespace, dir, folder, at }) => {
      mountSync({ namespace, type: 'tmpfs', target: dir });
      const lower = Array.from({ length: 20 }, (_, i) => folder(`${i}-${'x'.repeat(180)}`));
      const target = folder('merged');
      await mountFilesystem({ namespace, type: 'overlay', parameters: { 'lowerdir+': lower }, target });
      expect((await at(target))?.superOptions.join()).toContain(lower.at(-1));
      expect(lower.join().length).toBeGreaterThan(2048);
    });
  });

  test('of a process that there is not', async () => {
    const child = await startHolder([]);
    await end(child);
    expect(await errorOf(() => listMounts({ pid: child.pid }))).toMatchObject({
      name: 'SyscallError',
      code: 'ENOENT',
      message: expect.stringContaining(`listMounts.pid ${child.pid}`),
    });
  });
});

describeUnless(noMounts, 'Node', () => {
  test('stays where it is, with as many threads, whatever was done and however it ended', async () => {
    await inPlace(async ({ namespace, dir }) => {
      await Promise.all(Array.from({ length: 4 }, () => listMounts({ namespace })));
      const threads = threadCount();
      const descriptors = readdirSync('/proc/self/fd').length;
      const outcomes = await Promise.allSettled([
        ...Array.from({ length: 20 }, () => listMounts({ namespace })),
        ...Array.from({ length: 20 }, () =>
          mountFilesystem({ namespace, type: 'tmpfs', parameters: { no: 1 }, target: dir }),
        ),
        ...Array.from({ length: 20 }, () => bindMount({ namespace, source: dir, target: `${dir}/none` })),
        ...Array.from({ length: 20 }, () =>
          DetachedMount.create({ namespace, type: 'tmpfs' }).then((made) => made.close()),
        ),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual([
        ...Array<string>(20).fill('fulfilled'),
        ...Array<string>(40).fill('rejected'),
        ...Array<string>(20).fill('fulfilled'),
      ]);
      expect(readdirSync('/proc/self/fd')).toHaveLength(descriptors);
      expect(await until(() => threadCount() <= threads)).toBe(true);
      const own = readlinkSync('/proc/self/ns/mnt');
      expect(await until(() => threadNamespaces('mnt').join() === own)).toBe(true);
    });
  });

  test('may close the descriptor once the call is made', async () => {
    await inPlace(async ({ pid, dir, at }) => {
      const fd = openSync(`/proc/${pid}/ns/mnt`, 'r');
      const mounted = mount({ namespace: { fd }, type: 'tmpfs', target: dir });
      closeSync(fd);
      await mounted;
      expect((await at(dir))?.type).toBe('tmpfs');
    });
  });
});
