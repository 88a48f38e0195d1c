/** What mountinfo says, what is refused before a call is made, and what is done where calls are missing; without mounting anything. */
import { describe, expect, test } from '@jest/globals';
import { ArgumentError, SyscallError, UnsupportedError } from '../../lib/errors.js';
import { mountError } from '../../lib/mount/error.js';
import {
  bindMountSync,
  DetachedMount,
  listMountsSync,
  mountFilesystemSync,
  mountSetattrSync,
  mountSync,
  pivotRootSync,
  umountSync,
  type MountOptions,
} from '../../lib/mount/index.js';
import { mountOperation } from '../../lib/mount/mount.js';
import { parseMountinfo } from '../../lib/mount/mountinfo.js';
import type { ThreadProgram } from '../../lib/mount/program.js';
import type { Performed, PerformFailure } from '../../lib/native/addon.js';
import { errorOf } from '../support/rejection.js';

describe('mountinfo', () => {
  const one = (line: string) => parseMountinfo(`${line}\n`)[0];

  test('all of a line', () => {
    const text =
      '36 35 98:17 /a\\040root /mnt/with\\011tab\\134 ro,nosuid,nodev,noexec,noatime,nodiratime,nosymfollow,idmapped ' +
      'shared:7 master:3 propagate_from:2 unbindable - fuse.sshfs me@host:/a\\043b rw,lowerdir=/a\\054b,x\n';
    expect(parseMountinfo(text)).toEqual([
      {
        id: 36,
        parentId: 35,
        device: { major: 98, minor: 17 },
        root: '/a root',
        target: '/mnt/with\ttab\\',
        flags: ['readOnly', 'noSuid', 'noDev', 'noExec', 'noAtime', 'noDirAtime', 'noSymFollow'],
        idmapped: true,
        type: 'fuse.sshfs',
        source: 'me@host:/a#b',
        superOptions: ['rw', 'lowerdir=/a,b', 'x'],
        shared: 7,
        master: 3,
        propagateFrom: 2,
        unbindable: true,
      },
    ]);
  });

  test('no more than there is, and a source that is empty or a hyphen', () => {
    expect(one('21 1 0:5 / /dev rw,relatime - devtmpfs - rw')).toEqual({
      id: 21,
      parentId: 1,
      device: { major: 0, minor: 5 },
      root: '/',
      target: '/dev',
      flags: ['relAtime'],
      idmapped: false,
      type: 'devtmpfs',
      source: '-',
      superOptions: ['rw'],
      unbindable: false,
    });
    expect(one('21 1 0:5 / /- rw master:4 - tmpfs  ro,size=4k')).toMatchObject({
      target: '/-',
      flags: ['strictAtime'],
      source: '',
      superOptions: ['ro', 'size=4k'],
      master: 4,
    });
    expect(parseMountinfo('')).toEqual([]);
  });
});

describe('refused before anything is done', () => {
  // No such descriptor: if one were not refused, nothing would be mounted all the same.
  const namespace = { fd: 1_000_000 };
  const target = '/target';
  const tmpfs = { namespace, type: 'tmpfs', target };

  const cases: readonly (readonly [string, string, () => unknown])[] = [
    ['mount.nosuch', 'an option', () => mountSync({ ...tmpfs, nosuch: 1 } as never)],
    ['mount', 'no options', () => mountSync(undefined as never)],
    ['mount.target', 'missing', () => mountSync({ namespace, type: 'tmpfs' } as never)],
    ['mount.target', 'relative', () => mountSync({ ...tmpfs, target: 'target' })],
    ['mount.target', 'with NUL', () => mountSync({ ...tmpfs, target: '/a\0b' })],
    ['mount.type', 'missing', () => mountSync({ namespace, target })],
    [
      'mount.type',
      'missing with flags',
      () => mountSync({ namespace, target, flags: ['readOnly'], propagation: 'shared' }),
    ],
    ['mount.type', 'empty', () => mountSync({ ...tmpfs, type: '' })],
    ['mount.type', 'with bind', () => mountSync({ ...tmpfs, source: '/a', flags: ['bind'] })],
    ['mount.source', 'missing', () => mountSync({ namespace, target, flags: ['bind'] })],
    ['mount.source', 'relative', () => mountSync({ namespace, target, source: 'a', flags: ['bind'] })],
    ['mount.source', 'relative device', () => mountSync({ namespace, target, source: '../sda', type: 'ext4' })],
    ['mount.source', 'with remount', () => mountSync({ namespace, target, source: '/a', flags: ['remount', 'bind'] })],
    ['mount.flags', 'no list', () => mountSync({ ...tmpfs, flags: 'readOnly' as never })],
    ['mount.flags[1]', 'unknown', () => mountSync({ ...tmpfs, flags: ['noExec', 'readonly' as never] })],
    ['mount.flags[0]', 'from Object', () => mountSync({ ...tmpfs, flags: ['toString' as never] })],
    ['mount.flags', 'two modes', () => mountSync({ ...tmpfs, flags: ['noAtime', 'relAtime'] })],
    [
      'mount.flags',
      'move with more',
      () => mountSync({ namespace, target, source: '/a', flags: ['move', 'readOnly'] }),
    ],
    ['mount.flags', 'recursive alone', () => mountSync({ ...tmpfs, flags: ['recursive'] })],
    [
      'mount.flags',
      'bind of a file system',
      () => mountSync({ namespace, target, source: '/a', flags: ['bind', 'synchronous'] }),
    ],
    ['mount.data', 'with bind', () => mountSync({ namespace, target, source: '/a', flags: ['bind'], data: 'x' })],
    ['mount.data', 'too long', () => mountSync({ ...tmpfs, data: 'x'.repeat(4096) })],
    ['mount.data', 'with NUL', () => mountSync({ ...tmpfs, data: 'a\0b' })],
    ['mount.data.a', 'with comma', () => mountSync({ ...tmpfs, data: { a: '1,b' } })],
    ['mount.data.a', 'no value', () => mountSync({ ...tmpfs, data: { a: false as never } })],
    ['mount.propagation', 'unknown', () => mountSync({ ...tmpfs, propagation: 'rrshared' as never })],
    [
      'mount.propagation',
      'with remount',
      () => mountSync({ namespace, target, flags: ['remount'], propagation: 'shared' }),
    ],
    ['mount.namespace', 'no handle', () => mountSync({ ...tmpfs, namespace: 3 as never })],
    ['mount.namespace', 'closed', () => mountSync({ ...tmpfs, namespace: { fd: -1 } })],
    ['umount.target', 'relative', () => umountSync('target', { namespace })],
    ['umount.force', 'no switch', () => umountSync(target, { namespace, force: 1 as never })],
    ['umount.expire', 'with detach', () => umountSync(target, { namespace, expire: true, detach: true })],
    ['pivotRoot.newRoot', 'relative', () => pivotRootSync('a', '/b', { namespace })],
    ['pivotRoot.putOld', 'relative', () => pivotRootSync('/a', 'b', { namespace })],
    ['pivotRoot.namespace', 'missing', () => pivotRootSync('/a', '/b', {} as never)],
    ['mountSetattr.path', 'relative', () => mountSetattrSync('a', { namespace, set: ['noDev'] })],
    ['mountSetattr', 'nothing', () => mountSetattrSync('/a', { namespace, recursive: true })],
    ['mountSetattr.clear', 'a mode', () => mountSetattrSync('/a', { namespace, clear: ['noAtime'] })],
    ['mountSetattr.clear', 'and set', () => mountSetattrSync('/a', { namespace, set: ['noDev'], clear: ['noDev'] })],
    [
      'mountSetattr.propagation',
      'recursive',
      () => mountSetattrSync('/a', { namespace, propagation: 'rshared' as never }),
    ],
    ['mountSetattr.idmap', 'no handle', () => mountSetattrSync('/a', { namespace, idmap: {} as never })],
    ['bindMount.source', 'relative', () => bindMountSync({ namespace, source: 'a', target })],
    [
      'bindMount.set[0]',
      'a flag of mount',
      () => bindMountSync({ namespace, source: '/a', target, set: ['bind' as never] }),
    ],
    ['mountFilesystem.type', 'missing', () => mountFilesystemSync({ namespace, target } as never)],
    ['mountFilesystem.target', 'relative', () => mountFilesystemSync({ ...tmpfs, target: '' })],
    ['mountFilesystem.parameters', 'text', () => mountFilesystemSync({ ...tmpfs, parameters: 'a=b' as never })],
    [
      'mountFilesystem.parameters.a',
      'false',
      () => mountFilesystemSync({ ...tmpfs, parameters: { a: false as never } }),
    ],
    [
      'mountFilesystem.parameters.a',
      'too long',
      () => mountFilesystemSync({ ...tmpfs, parameters: { a: 'x'.repeat(256) } }),
    ],
    ['mountFilesystem.parameters.a', 'closed', () => mountFilesystemSync({ ...tmpfs, parameters: { a: { fd: -1 } } })],
    ['mountFilesystem.attributes[0]', 'unknown', () => mountFilesystemSync({ ...tmpfs, attributes: ['ro' as never] })],
    ['clone.path', 'relative', () => DetachedMount.cloneSync({ namespace, path: 'a' })],
    ['create.target', 'no such option', () => DetachedMount.createSync(tmpfs)],
    ['listMounts.pid', 'no pid', () => listMountsSync({ pid: 0 })],
    ['listMounts.pid', 'and namespace', () => listMountsSync({ pid: 1, namespace })],
  ];
  for (const [argument, why, call] of cases) {
    test(`${argument}: ${why}`, async () => {
      const error = await errorOf(call);
      expect(error).toBeInstanceOf(ArgumentError);
      expect(error).toMatchObject({ argument });
    });
  }
});

describe('mount where calls are missing or fail', () => {
  const bind: MountOptions = {
    source: '/a',
    target: '/b',
    flags: ['bind', 'recursive', 'readOnly', 'noDev'],
    propagation: 'rslave',
  };
  /** Answers each program in turn; returns the calls of all. */
  function play(options: MountOptions, ...answers: readonly (Performed | PerformFailure)[]) {
    const asked: unknown[] = [];
    const operation = mountOperation(options);
    let step = operation.next();
    try {
      for (const answer of answers) {
        asked.push((step.value as ThreadProgram).calls.map(({ name, args }) => [name, ...args]));
        step = operation.next(answer);
      }
    } catch (error) {
      return { asked, error };
    }
    expect(step.done).toBe(true);
    return { asked, error: undefined };
  }
  const done = (...results: readonly number[]): Performed => ({ results, buffers: [], descriptor: null });
  const failed = (step: number, errno: number, syscall: string): PerformFailure => ({
    step,
    errno,
    syscall,
    buffers: [],
  });
  const attributes = new Uint8Array(BigUint64Array.of(5n, 0n, 0n, 0n).buffer);
  const first = [
    ['mount', '/a', '/b', null, 0x5000, null],
    ['mount_setattr', -100, '/b', 0, attributes, 32],
    ['mount', null, '/b', null, 0x84000, null],
  ];
  const remount = [['mount', null, '/b', null, 0x1025, null]];
  const undo = [['umount2', '/b', 2]];

  test('one program does all', () => {
    expect(play(bind, done(0, 0, 0))).toEqual({ asked: [first], error: undefined });
  });

  test('before Linux 5.12 a remount sets the attributes', () => {
    expect(play(bind, done(0, -38, 0), done(0))).toEqual({ asked: [first, remount], error: undefined });
  });

  test('nothing is undone where nothing was mounted', () => {
    const { asked, error } = play(bind, failed(0, 2, 'mount'));
    expect(asked).toEqual([first]);
    expect(error).toMatchObject({ code: 'ENOENT', message: expect.stringContaining('mount.target "/b"') });
  });

  test('what was mounted goes when the rest fails, and the error is that of the rest', () => {
    const early = play(bind, failed(2, 22, 'mount'), done(0));
    expect(early.asked).toEqual([first, undo]);
    expect(early.error).toMatchObject({ code: 'EINVAL', message: expect.stringContaining('mount.propagation') });
    const late = play(bind, done(0, -38, 0), failed(0, 1, 'mount'), failed(0, 22, 'umount2'));
    expect(late.asked).toEqual([first, remount, undo]);
    expect(late.error).toMatchObject({ code: 'EPERM', message: expect.stringContaining('mount.flags') });
  });

  test('of propagation alone nothing is undone', () => {
    const { asked } = play({ target: '/b', propagation: 'private' }, failed(0, 22, 'mount'));
    expect(asked).toEqual([[['mount', null, '/b', null, 0x40000, null]]]);
  });
});

test('a call that the kernel does not have', () => {
  const missing = mountError({ errno: 38, syscall: 'mount_setattr' }, 'bindMount.set');
  expect(missing).toBeInstanceOf(UnsupportedError);
  expect(missing.message).toBe('bindMount.set: the kernel has no mount_setattr; Linux has it since 5.12');
  expect(mountError({ errno: 38, syscall: 'mount' }, '')).toBeInstanceOf(SyscallError);
});
