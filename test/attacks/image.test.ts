/** What a container's own files are made for: to lead the host out of it, to stop it, or to be written by it. */
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer, Socket } from 'node:net';
import { join } from 'node:path';
import { Namespace } from '../../lib/namespaces/namespace.js';
import { mount, umount } from '../../lib/mount/index.js';
import type { SpawnMount } from '../../lib/process/mounts.js';
import { spawn } from '../../lib/process/spawn.js';
import type { SpawnOptions } from '../../lib/process/spawn-options.js';
import { leavesNothing } from '../support/leftovers.js';
import { noNetns, notRoot } from '../support/netns.js';
import { errorOf } from '../support/rejection.js';
import { describeUnless, testUnless } from '../support/skip.js';
import { idle, notInitialRoot, outcome, programs, rootless, shell, temporaryFolder } from '../support/spawned.js';

leavesNothing();
jest.setTimeout(60_000);

const base = temporaryFolder('images');
chmodSync(base, 0o755);
/** A folder of the host, with something in it. */
const outside = join(base, 'outside');
mkdirSync(outside);
writeFileSync(join(outside, 'file'), 'of the host');

const proc: SpawnMount = { type: 'proc', target: '/proc' };
const map = [{ inside: 0, outside: 100_000, count: 65_536 }];
const mapped = { uidMap: map, gidMap: map };

/** A root with this machine's programs, and what `fill` puts there. */
type Image = SpawnOptions & { readonly root: string };

/** A root with this machine’s programs, and what `fill` puts there. */
function image(fill: (root: string) => void = () => {}): Image {
  const root = mkdtempSync(join(base, 'root-'));
  chmodSync(root, 0o755);
  fill(root);
  return { root, namespaces: { mnt: 'new', pid: 'new', ...rootless }, mounts: [...programs, proc] };
}

/** The host's folder is what it was. */
function expectUntouched(): void {
  expect(readdirSync(outside)).toEqual(['file']);
  expect(readFileSync(join(outside, 'file'), 'utf8')).toBe('of the host');
}

/** Kills the process, with a core dump, when it executes something. */
const killsExecve = (() => {
  const number = { x64: 59, arm64: 221 }[process.arch as string];
  if (number === undefined) return undefined;
  const filter = Buffer.alloc(4 * 8);
  const instruction = (i: number, code: number, jt: number, jf: number, k: number) => {
    filter.writeUInt16LE(code, i * 8);
    filter.writeUInt8(jt, i * 8 + 2);
    filter.writeUInt8(jf, i * 8 + 3);
    filter.writeUInt32LE(k, i * 8 + 4);
  };
  instruction(0, 0x20, 0, 0, 0);
  instruction(1, 0x15, 0, 1, number);
  instruction(2, 0x06, 0, 0, 0x8000_0000);
  instruction(3, 0x06, 0, 0, 0x7fff_0000);
  return filter;
})();

const cores = join(base, 'cores');
mkdirSync(cores);
chmodSync(cores, 0o777);
const dumping: SpawnOptions = { cwd: cores, rlimits: { core: 'unlimited' }, stdio: 'ignore' };
/** Why there would be no core file to be seen, if so: asked of a program that has one. */
const noCores = await (async () => {
  if (killsExecve === undefined) return 'the number of execve is not known here';
  const limit = /^Max core file size +\S+ +(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))![1];
  if (limit !== 'unlimited') return 'the limit of core files cannot be raised';
  await outcome('sh', ['-c', 'kill -SEGV $$'], dumping);
  const left = readdirSync(cores);
  for (const file of left) execFileSync('rm', [join(cores, file)]);
  return left.length > 0 ? undefined : 'core files are not put into the working directory: kernel.core_pattern';
})();

describeUnless(noCores, 'a filter that kills execve leaves no core dump', () => {
  const kinds: Readonly<Record<string, readonly [reason: string | undefined, options: SpawnOptions]>> = {
    'of a plain program': [undefined, {}],
    'of another user': [notRoot, { uid: 12_345, gid: 12_345 }],
    'with a user namespace': [noNetns, { namespaces: { user: 'new', pid: 'new', mnt: 'new' } }],
    'with an init': [noNetns, { namespaces: { user: 'new', pid: 'new' }, init: true }],
    'in time and cgroup namespaces': [noNetns, { namespaces: { user: 'new', cgroup: 'new', time: 'new' } }],
  };
  for (const [title, [reason, options]] of Object.entries(kinds))
    testUnless(reason, title, async () => {
      const seccomp = killsExecve!;
      const { exit } = await outcome('true', [], { ...dumping, ...options, seccomp, noNewPrivileges: true });
      const asInit = options.init === true;
      expect(exit).toMatchObject({ ...(asInit ? { code: 128 + 31 } : { signal: 'SIGSYS' }), dumpedCore: false });
      expect(readdirSync(cores)).toEqual([]);
    });
});

describeUnless(noNetns, 'a working directory', () => {
  /** As many as the host has, and those of a folder. */
  async function refusedEach(paths: (fd: number) => string[], options: SpawnOptions): Promise<void> {
    const folders = Array.from({ length: 8 }, () => openSync(outside, 'r'));
    try {
      const fds = readdirSync('/proc/self/fd').map(Number);
      expect(fds).toEqual(expect.arrayContaining(folders));
      for (const fd of fds)
        for (const cwd of paths(fd)) {
          const made = spawn('pwd', [], { stdio: ['ignore', 'ignore', 'ignore'], ...options, cwd });
          const error = await errorOf(async () => {
            await (
              await made
            ).exited;
          });
          expect({ cwd, step: error['step'], code: error['code'] }).toEqual({
            cwd,
            step: 'cwd',
            code: expect.stringMatching(/^(ENOENT|ENOTDIR|EACCES|ELOOP)$/),
          });
        }
    } finally {
      for (const fd of folders) closeSync(fd);
    }
  }
  const own = (fd: number) => [`/proc/self/fd/${fd}`];

  test('is no descriptor of the host, for a plain program and one with rights of its own', async () => {
    await refusedEach(own, {});
    await refusedEach(own, { rlimits: { nofile: 100 } });
    await refusedEach(own, { namespaces: { user: 'new', pid: 'new', mnt: 'new' }, mounts: [proc] });
  });

  test('is none in a root, by a link or by another process either', async () => {
    const options = image((root) => {
      for (let fd = 0; fd < 100; fd++) {
        symlinkSync(`/proc/self/fd/${fd}`, join(root, `own-${fd}`));
        symlinkSync(`../../proc/1/fd/${fd}`, join(root, `first-${fd}`));
      }
    });
    await refusedEach(
      (fd) => [...own(fd), `/proc/1/fd/${fd}`, `/own-${fd}`, `/first-${fd}`, `/proc/self/task/1/fd/${fd}/.`],
      options,
    );
    await refusedEach((fd) => [`/own-${fd}`], { ...options, init: true });
  });

  testUnless(notRoot, 'is none below a changed root, where the host’s processes are to be seen', async () => {
    const { root } = image((folder) => {
      mkdirSync(join(folder, 'proc'));
      symlinkSync('/proc/self/fd/3', join(folder, 'link'));
    });
    const inside = join(root, 'proc');
    await mount({ source: '/proc', target: inside, flags: ['bind'] });
    try {
      await refusedEach((fd) => [...own(fd), `/proc/${process.pid}/fd/${fd}`], { root });
      await refusedEach(() => [`/proc/${process.pid}/cwd`, `/proc/${process.pid}/root`, '/proc/1/root', '/link'], {
        root,
      });
    } finally {
      await umount(inside);
    }
  });

  test('is none in a mount namespace that is joined', async () => {
    await using box = await idle({
      ...image((root) => {
        for (let fd = 0; fd < 100; fd++) symlinkSync(`/proc/self/fd/${fd}`, join(root, `own-${fd}`));
      }),
      init: true,
    });
    const joined = (...kinds: readonly ('user' | 'pid' | 'mnt')[]): SpawnOptions => ({
      namespaces: Object.fromEntries(
        [...(rootless.user === undefined ? [] : ['user']), ...kinds].map((kind) => [kind, { pid: box.pid }]),
      ),
    });
    const paths = (fd: number) => [...own(fd), `/own-${fd}`, `/proc/thread-self/fd/${fd}`];
    await refusedEach(paths, joined('mnt', 'pid'));
    await refusedEach((fd) => [...paths(fd), '/proc/self/cwd'], joined('mnt'));
  });

  test('may be a descriptor that the program is given, in the root only', async () => {
    const folder = openSync(outside, 'r');
    try {
      const given = (options: SpawnOptions): SpawnOptions => ({
        ...options,
        cwd: '/proc/self/fd/3',
        stdio: ['ignore', 'pipe', 'inherit', folder],
      });
      expect(await shell('/bin/pwd', given({}))).toBe(outside);
      expect(await errorOf(() => spawn('pwd', [], given(image())))).toMatchObject({ step: 'cwd', code: 'ENOENT' });
    } finally {
      closeSync(folder);
    }
  });
});

describeUnless(noNetns, 'sysctls', () => {
  test('of a joined container are written to its namespaces, not to its files', async () => {
    await using box = await idle({
      namespaces: { user: 'new', mnt: 'new', net: 'new', pid: 'new' },
      ...(notInitialRoot === undefined ? mapped : {}),
      mounts: [proc],
    });
    const at = { pid: box.pid };
    const target = join(outside, 'file');
    const into = { user: at, mnt: at, net: at, pid: at };
    // Over all that the host might look for there.
    await shell(
      `mount -t tmpfs none /proc/sys && mkdir -p /proc/sys/net/ipv4/conf/lo &&
       ln -s ${target} /proc/sys/net/ipv4/ip_forward && ln -s ${target} /proc/sys/net/ipv4/conf/lo/forwarding &&
       mkfifo /proc/sys/net/ipv4/ip_default_ttl`,
      { namespaces: into },
    );
    const sysctls = {
      'net.ipv4.ip_forward': 1,
      'net.ipv4.conf.lo.forwarding': 1,
      'net.ipv4.ip_default_ttl': 77,
    };
    expect(await shell('readlink /proc/sys/net/ipv4/ip_forward', { namespaces: into, sysctls })).toBe(target);
    expectUntouched();
    expect(
      await shell('cd /proc/sys/net/ipv4; cat ip_default_ttl ip_forward', { namespaces: { user: at, net: at } }),
    ).toBe('77\n1');
  });
});

describeUnless(noNetns, 'the program of an init', () => {
  const options: SpawnOptions = { namespaces: { pid: 'new', mnt: 'new', ...rootless }, mounts: [proc], init: true };
  const hosts = () =>
    [process.execPath, readlinkSync('/proc/self/exe'), ...addons()].map((path) => [
      path,
      statSync(path).mode,
      createHash('sha256').update(readFileSync(path)).digest('hex'),
    ]);
  const addons = () => [...new Set(readFileSync('/proc/self/maps', 'utf8').match(/\/\S+\.node$/gm) ?? [])];

  /** What works on the file behind the descriptor. */
  function changesOf(fd: number): string[] {
    const attempts: Readonly<Record<string, () => void>> = {
      write: () => {
        const written = openSync(`/proc/self/fd/${fd}`, 'r+');
        try {
          writeSync(written, 'x');
        } finally {
          closeSync(written);
        }
      },
      append: () => {
        writeFileSync(`/proc/self/fd/${fd}`, 'x', { flag: 'a' });
      },
      truncate: () => {
        closeSync(openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_TRUNC));
      },
      ftruncate: () => {
        const written = openSync(`/proc/self/fd/${fd}`, 'r+');
        try {
          ftruncateSync(written, 0);
        } finally {
          closeSync(written);
        }
      },
    };
    return Object.entries(attempts)
      .filter(([, attempt]) => {
        try {
          attempt();
          return true;
        } catch {
          return false;
        }
      })
      .map(([name]) => name);
  }

  test('is no file of the host, cannot be written while it runs or afterwards, and others start all the same', async () => {
    const before = hosts();
    expect(before.length).toBeGreaterThan(2);
    const box = await idle(options);
    const exe = `/proc/${box.pid}/exe`;
    const file = openSync(exe, 'r');
    try {
      expect(existsSync(readlinkSync(exe))).toBe(false);
      expect(changesOf(file)).toEqual([]);
      for (const mode of [0, 0o777]) {
        try {
          fchmodSync(file, mode);
        } catch {
          // It is sealed.
        }
        expect((await outcome('true', [], options)).exit.code).toBe(0);
        expect((await outcome('true', [], { rlimits: { nofile: 100 } })).exit.code).toBe(0);
      }
      await box[Symbol.asyncDispose]();
      expect(changesOf(file)).toEqual([]);
    } finally {
      closeSync(file);
      await box[Symbol.asyncDispose]();
    }
    expect((await outcome('true', [], options)).exit.code).toBe(0);
    expect(hosts()).toEqual(before);
  });

  test('is not changed from inside, and is not what a command leads to', async () => {
    const before = hosts();
    const script = `
      chmod 0 /proc/1/exe; chmod 777 /proc/1/exe
      (echo x > /proc/1/exe) && echo written
      (echo x >> /proc/1/exe) && echo appended
      exec 3< /proc/1/exe; (echo x > /proc/self/fd/3) && echo written
      true`;
    expect((await outcome('sh', ['-c', `exec 2> /dev/null; ${script}`], options)).out).toBe('');
    const { root, ...into } = image((folder) => symlinkSync('/proc/self/exe', join(folder, 'program')));
    // The launcher itself, without anything to do, or with what it has no descriptor for.
    for (const command of ['/program', '/proc/self/exe'])
      for (const args of [[], ['3', '4096'], ['0', '64']])
        expect((await outcome(command, args, { ...into, root, stdio: ['ignore'] })).exit.code).toBe(126);
    expect((await outcome('true', [], options)).exit.code).toBe(0);
    expect(hosts()).toEqual(before);
  });
});

describe('the target of a mount', () => {
  /** Binds a file and a folder, and mounts a file system, at the target. */
  const mounts = (target: string): readonly SpawnMount[] => [
    { type: 'bind', source: join(outside, 'file'), target },
    { type: 'bind', source: outside, target },
    { type: 'tmpfs', target },
  ];
  const seen = (target: string, options: SpawnOptions) =>
    shell(`if [ -d ${target} ]; then ls ${target}; else cat ${target}; fi`, options);

  /** Whether a file of this kind is mounted over, by what is no folder. */
  async function expectMountedOver(options: Image): Promise<void> {
    const [file, folder, memory] = mounts('/it');
    const at = (one: SpawnMount | undefined) => ({ ...options, mounts: [...options.mounts!, one!] });
    expect(await seen('/it', at(file))).toBe('of the host');
    for (const one of [folder, memory])
      expect(await errorOf(() => spawn('true', [], at(one)))).toMatchObject({
        step: `mounts[${options.mounts!.length}]`,
        code: 'EINVAL',
      });
    expectUntouched();
  }

  testUnless(noNetns, 'that is a FIFO is not opened, nor waited for', async () => {
    const options = image((root) => execFileSync('mkfifo', [join(root, 'it')]));
    // Nobody is at the other end: whoever opened it would wait.
    await expectMountedOver(options);
    const path = join(options.root, 'it');
    const reader = new Socket({
      fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK),
      readable: true,
      writable: false,
    });
    let ended = false;
    const end = new Promise<void>((resolve) => reader.once('close', resolve)).then(() => (ended = true));
    reader.resume();
    await expectMountedOver(options);
    expect(ended).toBe(false);
    // What would have been seen.
    closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
    await end;
    expect(lstatSync(path).isFIFO()).toBe(true);
  });

  testUnless(noNetns, 'that is a socket is not opened', async () => {
    const options = image();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(options.root, 'it'), resolve));
    try {
      await expectMountedOver(options);
    } finally {
      server.close();
    }
  });

  testUnless(notInitialRoot, 'that is a device is not opened', async () => {
    // There is no such device: to open it is ENXIO.
    const options = image((root) => execFileSync('mknod', [join(root, 'it'), 'c', '250', '77']));
    expect(await errorOf(() => openSync(join(options.root, 'it'), 'r'))).toMatchObject({ code: 'ENXIO' });
    await expectMountedOver(options);
    await expectMountedOver({ ...options, namespaces: { ...options.namespaces, user: 'new' }, ...mapped });
  });

  testUnless(noNetns, 'that is a link leads nowhere but into the root, and nothing is made elsewhere', async () => {
    const links: Readonly<Record<string, (root: string) => string>> = {
      absolute: () => join(outside, 'made'),
      up: () => `../../../../../../..${join(outside, 'made')}`,
      process: () => `/proc/1/root${join(outside, 'made')}`,
      self: () => '/proc/self/cwd/made',
      dangling: () => 'nowhere',
      loop: () => 'it',
    };
    for (const [name, to] of Object.entries(links)) {
      for (const path of ['/it', '/it/below', '/it/below/it']) {
        for (const one of mounts(path)) {
          const { root, ...options } = image((folder) => symlinkSync(to(folder), join(folder, 'it')));
          const at = { ...options, root, mounts: [...options.mounts!, one] };
          const error = await errorOf(async () => {
            await outcome('true', [], at);
            throw new Error('started');
          });
          if (error.message !== 'started')
            expect({ name, step: error['step'], code: error['code'] }).toEqual({
              name,
              step: `mounts[${options.mounts!.length}]`,
              code: expect.stringMatching(/^(ENOENT|ENOTDIR|ELOOP|EEXIST|EACCES|EXDEV)$/),
            });
          expectUntouched();
          expect(lstatSync(join(root, 'it')).isSymbolicLink()).toBe(true);
        }
      }
    }
    // With what it leads to it is a target like others.
    const { root, ...options } = image((folder) => {
      mkdirSync(join(folder, outside), { recursive: true });
      symlinkSync(outside, join(folder, 'it'));
    });
    const into = {
      ...options,
      root,
      mounts: [...options.mounts!, { type: 'bind', source: outside, target: '/it' } as const],
    };
    expect(await shell(`ls ${outside}`, into)).toBe('file');
  });

  testUnless(noNetns, 'below a link to another process leads to none of its folders', async () => {
    const { root, ...options } = image((folder) => symlinkSync('/proc/1/cwd', join(folder, 'it')));
    for (const one of mounts('/it/made'))
      expect(
        await errorOf(() => spawn('true', [], { ...options, root, init: true, mounts: [...options.mounts!, one] })),
      ).toMatchObject({ step: `mounts[${options.mounts!.length}]`, code: 'ELOOP' });
    expectUntouched();
  });
});

describeUnless(notInitialRoot, 'a source that only the host may see', () => {
  const hidden = join(base, 'hidden');
  mkdirSync(join(hidden, 'source'), { recursive: true });
  writeFileSync(join(hidden, 'source/file'), 'of root');
  chmodSync(join(hidden, 'source/file'), 0o600);
  chownSync(join(hidden, 'source'), 0, 0);
  chmodSync(hidden, 0o700);
  const source = join(hidden, 'source');
  const inUser: SpawnOptions = { namespaces: { user: 'new', mnt: 'new', pid: 'new' }, ...mapped };

  test('is bound in a user namespace, and its owners are others’', async () => {
    const { root } = image((folder) => chownSync(folder, 100_000, 100_000));
    for (const options of [{ root }, {}]) {
      const target = '/mnt';
      const bound: SpawnOptions = {
        ...inUser,
        ...options,
        mounts: [...('root' in options ? programs : []), { type: 'bind', source, target }],
      };
      expect(await shell(`stat -c '%n %u' ${target}/file`, bound)).toBe(`${target}/file 65534`);
      expect((await outcome('cat', [`${target}/file`], bound)).exit.code).toBe(1);
      // By itself nobody in there comes that far.
      expect((await outcome('ls', [source], inUser)).exit.code).toBe(2);
    }
  });

  test('is bound by owners of a user namespace, into that and into another one', async () => {
    await using owner = await idle({ namespaces: { user: 'new' }, ...mapped });
    using idmap = await Namespace.open({ pidfd: owner.pidfd, type: 'user' });
    const mounts: SpawnMount[] = [{ type: 'bind', source, target: '/mnt', idmap }];
    expect(await shell('stat -c %u /mnt/file; cat /mnt/file', { ...inUser, mounts })).toBe('0\nof root');
    expect(await shell('stat -c %u /mnt/file', { namespaces: { user: { pid: owner.pid }, mnt: 'new' }, mounts })).toBe(
      '0',
    );
    expect(await shell('stat -c %u /mnt/file', { namespaces: { mnt: 'new' }, mounts })).toBe('100000');
  });
});

afterEach(expectUntouched);
