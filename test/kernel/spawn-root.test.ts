/** `spawn`: the child's root, and what is mounted in it. */
import { describe, expect, jest, test } from '@jest/globals';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Cgroup } from '../../lib/cgroup/cgroup.js';
import { Namespace } from '../../lib/namespaces/namespace.js';
import type { SpawnMount } from '../../lib/process/mounts.js';
import { spawn } from '../../lib/process/spawn.js';
import type { SpawnOptions } from '../../lib/process/spawn-options.js';
import { leavesNothing } from '../support/leftovers.js';
import { noNetns } from '../support/netns.js';
import { errorOf } from '../support/rejection.js';
import { describeUnless, testUnless } from '../support/skip.js';
import {
  idle,
  lines,
  linkOf,
  noRights,
  notInitialRoot,
  oneUser,
  outcome,
  programs,
  rootless,
  shell,
  temporaryFolder,
} from '../support/spawned.js';

leavesNothing();
jest.setTimeout(60_000);

const base = temporaryFolder('root');
chmodSync(base, 0o755);
const folder = () => mkdtempSync(join(base, 'it-'));
const own = { namespaces: { mnt: 'new', ...rootless } } as const;
const proc: SpawnMount = { type: 'proc', target: '/proc' };
const mountsHere = readFileSync('/proc/self/mountinfo', 'utf8');

interface Mounted {
  readonly root: string;
  readonly at: string;
  readonly options: readonly string[];
  readonly propagation: readonly string[];
  readonly type: string;
  readonly source: string;
  readonly ofType: readonly string[];
}

/** The mounts in a text of /proc/PID/mountinfo, by where they are; of several in one place the last. */
function mountsIn(mountinfo: string): Map<string, Mounted> {
  return new Map(
    mountinfo
      .trim()
      .split('\n')
      .map((line) => {
        const [front = '', back = ''] = line.split(' - ');
        const [, , , root = '', at = '', options = '', ...propagation] = front.split(' ');
        const [type = '', source = '', ofType = ''] = back.split(' ');
        return [at, { root, at, options: options.split(','), propagation, type, source, ofType: ofType.split(',') }];
      }),
  );
}

const mountsOf = async (options: SpawnOptions) => mountsIn(await shell('cat /proc/self/mountinfo', options));

const noCgroups = await (async () => {
  try {
    await (await Cgroup.create(`/netlace-spawn-${process.pid}-probe`)).delete();
    return undefined;
  } catch (error) {
    return `no cgroups can be made: ${(error as Error).message}`;
  }
})();

/** A root with this machine’s programs, and with processes: outside the initial user namespace these take a pid namespace. */
function inRoot(root: string, mounts: readonly SpawnMount[] = [], more: SpawnOptions = {}): SpawnOptions {
  return { namespaces: { mnt: 'new', ...rootless, pid: 'new' }, ...more, root, mounts: [...programs, proc, ...mounts] };
}

/** Why a mount cannot be made in a child, if so. */
async function refused(mount: SpawnMount, kind?: 'cgroup' | 'ipc'): Promise<string | undefined> {
  if (noNetns !== undefined) return noNetns;
  try {
    await shell('true', { namespaces: { mnt: 'new', ...rootless, ...(kind && { [kind]: 'new' }) }, mounts: [mount] });
    return undefined;
  } catch (error) {
    return `${mount.type} cannot be mounted here, ${String((error as Error & { code?: string }).code)}`;
  }
}

const overlayed = () => {
  const [lower, upper, work, at] = ['lower', 'upper', 'work', 'at'].map((name) => {
    const path = join(base, 'overlay', name);
    mkdirSync(path, { recursive: true });
    return path;
  });
  return { lower: lower!, upper: upper!, work: work!, at: at! };
};
const overlay = (source: ReturnType<typeof overlayed>): SpawnMount => ({
  type: 'overlay',
  target: source.at,
  parameters: { lowerdir: source.lower, upperdir: source.upper, workdir: source.work },
});
const noOverlay = await refused(overlay(overlayed()));
const noCgroup2 = await refused({ type: 'cgroup2', target: base }, 'cgroup');
const noMqueue = await refused({ type: 'mqueue', target: base }, 'ipc');

describeUnless(noNetns, 'the root', () => {
  test('is another folder, by pivot_root: of the old one nothing is left', async () => {
    const root = folder();
    writeFileSync(join(root, 'here'), 'in the new root');
    const options = inRoot(root);
    expect((await lines('ls -a /', options)).sort()).toEqual(
      ['.', '..', 'here', 'proc', ...programs.map(({ target }) => target.slice(1))].sort(),
    );
    expect(await shell('cat /here /../../here', options)).toBe('in the new rootin the new root');
    expect(await shell('pwd', options)).toBe('/');
    const mounts = await mountsOf(options);
    // What is mounted below the folders comes along.
    const isBelow = (path: string): boolean => programs.some(({ target }) => path.startsWith(`${target}/`));
    expect([...mounts.keys()].filter((path) => !isBelow(path)).sort()).toEqual(
      ['/', '/proc', ...programs.map(({ target }) => target)].sort(),
    );
    // The folders that were made for what is mounted are there; here nothing is mounted on them.
    expect(readdirSync(join(root, 'proc'))).toEqual([]);
  });

  testUnless(
    noRights,
    'is another folder, by chroot, where the mount namespace is none of the child’s own',
    async () => {
      const root = folder();
      writeFileSync(join(root, 'mark'), '');
      mkdirSync(join(root, 'deeper'));
      // There are no programs in it.
      expect(await errorOf(() => spawn('sh', ['-c', 'true'], { root }))).toMatchObject({
        name: 'SpawnError',
        step: 'command',
        code: 'ENOENT',
      });
      await using whole = await idle({ root: '/usr/..', cwd: '/usr' });
      expect(linkOf('mnt', whole.pid)).toBe(linkOf('mnt'));
      expect(readlinkSync(`/proc/${whole.pid}/root`)).toBe('/');
      // A mount namespace with programs mounted in the folder, which is joined.
      const mounts = programs.map((mount) => ({ ...mount, target: join(root, mount.target) }));
      for (const { target } of mounts) mkdirSync(target, { recursive: true });
      await using other = await idle({ ...own, mounts });
      using mnt = await Namespace.open({ pidfd: other.pidfd, type: 'mnt' });
      const options: SpawnOptions = { namespaces: { mnt }, root };
      expect((await lines('ls /; /bin/pwd', options)).sort()).toEqual(
        ['/', 'deeper', 'mark', ...programs.map(({ target }) => target.slice(1))].sort(),
      );
      expect(await shell('cd ..; /bin/pwd', { ...options, cwd: '/deeper' })).toBe('/');
      await using child = await idle(options);
      expect(readlinkSync(`/proc/${child.pid}/root`)).toBe(root);
      expect(linkOf('mnt', child.pid)).toBe(linkOf('mnt', other.pid));
    },
  );

  test('is read-only, and what is mounted in it is not', async () => {
    const root = folder();
    const options = inRoot(root, [{ type: 'tmpfs', target: '/tmp' }], { readOnlyRoot: true });
    const script = ': > /tmp/x && echo there; (: > /x) 2> /dev/null || echo refused; echo done';
    expect(await shell(script.replace('2> /dev/null', '2>&1'), options)).toMatch(
      /^there\n.*Read-only file system\nrefused\ndone$/s,
    );
    expect((await mountsOf(options)).get('/')!.options).toContain('ro');
    expect((await mountsOf(inRoot(root))).get('/')!.options).toContain('rw');
    expect(await shell(': > /y; echo $?', inRoot(root))).toBe('0');
    expect(existsSync(join(root, 'y'))).toBe(true);
    expect(existsSync(join(root, 'x'))).toBe(false);
  });

  test('is a file system that is mounted as it', async () => {
    const root = folder();
    const options: SpawnOptions = {
      namespaces: { mnt: 'new', ...rootless, pid: 'new' },
      root,
      mounts: [{ type: 'tmpfs', target: '/', parameters: { size: '3m', mode: '0711' } }, ...programs, proc],
      readOnlyRoot: true,
    };
    const at = (await mountsOf(options)).get('/')!;
    expect(at).toMatchObject({ type: 'tmpfs', root: '/' });
    expect(at.ofType).toContain('size=3072k');
    expect(at.options).toContain('ro');
    expect(await shell('stat -c %a /', options)).toBe('711');
    expect(readdirSync(root)).toEqual([]);
  });

  test('has links that lead nowhere else, however they are made', async () => {
    const outside = folder();
    const root = folder();
    for (const [name, target] of [
      ['absolute', outside],
      ['upwards', `../../../../../../../../${outside}`],
      ['proc-root', '/proc/self/root'],
      ['loop', 'loop'],
    ] as const)
      symlinkSync(target, join(root, name));
    mkdirSync(join(root, outside), { recursive: true });
    for (const name of ['absolute', 'upwards']) {
      const options = inRoot(root, [
        { type: 'tmpfs', target: `/${name}/mounted` },
        { type: 'bind', source: '/etc/hostname', target: `/${name}/file` },
      ]);
      const mounts = await mountsOf(options);
      expect([...mounts.keys()]).toContain(`${outside}/mounted`);
      expect([...mounts.keys()]).toContain(`${outside}/file`);
    }
    // Made in the folder of that name inside the root; outside there is nothing new.
    expect(readdirSync(outside)).toEqual([]);
    expect(readdirSync(join(root, outside)).sort()).toEqual(['file', 'mounted']);
    expect(await errorOf(() => spawn('true', [], inRoot(root, [{ type: 'tmpfs', target: '/loop/x' }])))).toMatchObject({
      name: 'SpawnError',
      code: 'ELOOP',
      step: `mounts[${programs.length + 1}]`,
    });
    expect(
      await errorOf(() => spawn('true', [], inRoot(root, [{ type: 'tmpfs', target: '/a/../../b' }]))),
    ).toMatchObject({ name: 'ArgumentError', argument: `options.mounts[${programs.length + 1}].target` });
  });

  testUnless(noRights, 'has no way out by what only looks like a link', async () => {
    // With this process's /proc in it, a root can have links to other processes' roots.
    const outside = folder();
    const root = folder();
    symlinkSync(`/proc/${process.pid}/root${outside}`, join(root, 'out'));
    symlinkSync(`/proc/${process.pid}/root${outside}/made`, join(root, 'file'));
    for (const mount of [
      { type: 'tmpfs', target: '/out/sub' },
      { type: 'bind', source: '/etc/hostname', target: '/out/file' },
      { type: 'bind', source: '/etc/hostname', target: '/file' },
    ] as const)
      expect(
        await errorOf(() =>
          spawn('true', [], { ...own, root, mounts: [{ type: 'bind', source: '/proc', target: '/proc' }, mount] }),
        ),
      ).toMatchObject({ name: 'SpawnError', step: 'mounts[1]', code: 'ELOOP' });
    expect(readdirSync(outside)).toEqual([]);
  });

  test('has links to folders for targets, and that is where things are mounted', async () => {
    const root = folder();
    mkdirSync(join(root, 'run'));
    symlinkSync('/run', join(root, 'link'));
    const mounts = await mountsOf(inRoot(root, [{ type: 'tmpfs', target: '/link' }]));
    expect(mounts.get('/run')).toMatchObject({ type: 'tmpfs' });
    expect(mounts.has('/link')).toBe(false);
  });

  test('that is itself behind a link is what that leads to', async () => {
    const root = folder();
    writeFileSync(join(root, 'here'), 'followed');
    symlinkSync(root, `${root}-link`);
    expect(await shell('cat /here', inRoot(`${root}-link`))).toBe('followed');
  });

  test('is where cwd and the command are looked for', async () => {
    const root = folder();
    mkdirSync(join(root, 'only/inside'), { recursive: true });
    expect(await shell('pwd', inRoot(root, [], { cwd: '/only/inside' }))).toBe('/only/inside');
    expect(await errorOf(() => spawn('true', [], inRoot(root, [], { cwd: base })))).toMatchObject({
      name: 'SpawnError',
      step: 'cwd',
      code: 'ENOENT',
    });
    expect(await errorOf(() => spawn(process.execPath + '-not', [], inRoot(root)))).toMatchObject({
      step: 'command',
      code: 'ENOENT',
    });
  });

  testUnless(oneUser, 'is pivoted to in a new user namespace, too', async () => {
    const root = folder();
    const options = inRoot(root, [{ type: 'tmpfs', target: '/tmp' }], {
      namespaces: { user: 'new', mnt: 'new', pid: 'new' },
    });
    expect(await shell('id -u; echo $$; ls /proc | grep -c "^[0-9]"; stat -f -c %T /tmp', options)).toMatch(
      /^0\n1\n[1-4]\ntmpfs$/,
    );
  });
});

describeUnless(noNetns, 'a bind mount', () => {
  const source = folder();
  mkdirSync(join(source, 'sub'));
  writeFileSync(join(source, 'file'), 'bound');

  test('of a folder and of a file: what is written there is here', async () => {
    const at = folder();
    const fileAt = join(folder(), 'file');
    writeFileSync(fileAt, '');
    const options: SpawnOptions = {
      ...own,
      mounts: [
        { type: 'bind', source, target: at },
        { type: 'bind', source: join(source, 'file'), target: fileAt },
      ],
    };
    expect(await shell(`cat ${at}/file ${fileAt}; echo written > ${at}/new`, options)).toBe('boundbound');
    expect(readFileSync(join(source, 'new'), 'utf8')).toBe('written\n');
    expect(readdirSync(at)).toEqual([]);
    expect(readFileSync(fileAt, 'utf8')).toBe('');
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(mountsHere);
  });

  test('is read-only and without rights of files, each by itself', async () => {
    for (const [key, option] of [
      ['readOnly', 'ro'],
      ['noSuid', 'nosuid'],
      ['noDev', 'nodev'],
      ['noExec', 'noexec'],
    ] as const) {
      const at = folder();
      const mount = (await mountsOf({ ...own, mounts: [{ type: 'bind', source, target: at, [key]: true }] })).get(at)!;
      const plain = (await mountsOf({ ...own, mounts: [{ type: 'bind', source, target: at }] })).get(at)!;
      expect(mount.options).toContain(option);
      expect(plain.options).not.toContain(option);
      expect(mount.options.filter((each) => !['ro', 'rw', option].includes(each))).toEqual(
        plain.options.filter((each) => each !== 'rw'),
      );
    }
    const at = folder();
    const { exit, err } = await outcome('touch', [`${at}/x`], {
      ...own,
      mounts: [{ type: 'bind', source, target: at, readOnly: true }],
    });
    expect(exit.code).toBe(1);
    expect(err).toMatch(/Read-only/);
    expect(existsSync(join(source, 'x'))).toBe(false);
  });

  testUnless(notInitialRoot, 'takes along what is mounted below, or does not', async () => {
    // A mount namespace in which there is something below: the child of a child looks at it.
    const at = folder();
    await using outer = await idle({
      ...own,
      mounts: [{ type: 'tmpfs', target: join(source, 'sub'), parameters: { size: '123k' } }],
    });
    using mnt = await Namespace.open({ pidfd: outer.pidfd, type: 'mnt' });
    expect(await shell(`stat -f -c %T ${source}/sub`, { namespaces: { mnt } })).toBe('tmpfs');
    // /proc is mounted in every one: /sys and /dev have mounts below on most machines, / on all.
    const all = await mountsOf({ ...own, mounts: [{ type: 'bind', source: '/', target: at }] });
    const one = await mountsOf({ ...own, mounts: [{ type: 'bind', source: '/', target: at, recursive: false }] });
    expect([...all.keys()]).toContain(`${at}/proc`);
    expect([...one.keys()]).toContain(at);
    expect([...one.keys()]).not.toContain(`${at}/proc`);
    const readOnly = await mountsOf({ ...own, mounts: [{ type: 'bind', source: '/', target: at, readOnly: true }] });
    expect(readOnly.get(`${at}/proc`)!.options).toContain('ro');
    expect(readOnly.get('/proc')!.options).toContain('rw');
  });

  test('gets a target where there is none, in a root of the child’s own', async () => {
    const root = folder();
    const options = inRoot(root, [
      { type: 'bind', source: join(source, 'file'), target: '/a/b/c' },
      { type: 'bind', source, target: '/x/./y//z' },
    ]);
    expect(await shell('cat /a/b/c /x/y/z/file', options)).toBe('boundbound');
    expect(statSync(join(root, 'a/b/c')).isFile()).toBe(true);
    expect(statSync(join(root, 'x/y/z')).isDirectory()).toBe(true);
    const missing = join(base, 'missing');
    expect(
      await errorOf(() => spawn('true', [], { ...own, mounts: [{ type: 'bind', source, target: missing }] })),
    ).toMatchObject({
      name: 'SpawnError',
      step: 'mounts[0]',
      code: 'ENOENT',
    });
    expect(existsSync(missing)).toBe(false);
  });
});

describeUnless(noNetns, 'a file system', () => {
  test('of processes shows those of the new pid namespace', async () => {
    const options: SpawnOptions = {
      namespaces: { mnt: 'new', ...rootless, pid: 'new' },
      mounts: [{ ...proc, noExec: true }],
    };
    expect(
      await shell('echo $$; readlink /proc/self/exe | grep -c readlink; ls -d /proc/[0-9]* | head -n 1', options),
    ).toBe('1\n1\n/proc/1');
    const mount = (await mountsOf(options)).get('/proc')!;
    expect(mount).toMatchObject({ type: 'proc', root: '/' });
    expect(mount.options).toContain('noexec');
    expect(mount.options).not.toContain('nodev');
  });

  test('of processes has parameters', async () => {
    const mounts: SpawnMount[] = [{ ...proc, parameters: { hidepid: 'invisible', subset: 'pid' } }];
    const mount = (await mountsOf({ namespaces: { mnt: 'new', ...rootless, pid: 'new' }, mounts })).get('/proc')!;
    expect(mount.ofType).toEqual(expect.arrayContaining(['hidepid=invisible', 'subset=pid']));
  });

  test('of devices shows the links of the new network namespace', async () => {
    const at = folder();
    const options: SpawnOptions = {
      namespaces: { mnt: 'new', ...rootless, net: 'new' },
      mounts: [{ type: 'sysfs', target: at, readOnly: true }],
    };
    expect(await shell(`ls ${at}/class/net`, options)).toBe('lo');
    expect((await mountsOf(options)).get(at)).toMatchObject({ type: 'sysfs' });
  });

  test('in memory has a size, an owner and a source', async () => {
    const at = folder();
    const options: SpawnOptions = {
      ...own,
      mounts: [
        { type: 'tmpfs', source: 'scratch', target: at, parameters: { size: '321k', mode: '0751', nr_inodes: 99 } },
      ],
    };
    const mount = (await mountsOf(options)).get(at)!;
    expect(mount).toMatchObject({ type: 'tmpfs', source: 'scratch' });
    expect(mount.ofType).toEqual(expect.arrayContaining(['size=324k', 'nr_inodes=99', 'mode=751']));
    expect(await shell(`stat -c %a ${at}; : > ${at}/x; ls ${at}`, options)).toBe('751\nx');
    expect(readdirSync(at)).toEqual([]);
  });

  test('of terminals is one of the child’s own', async () => {
    const at = folder();
    const options: SpawnOptions = {
      ...own,
      mounts: [{ type: 'devpts', target: at, parameters: { newinstance: true, ptmxmode: '0666', mode: '0621' } }],
    };
    expect(await shell(`ls ${at}`, options)).toBe('ptmx');
    const mount = (await mountsOf(options)).get(at)!;
    expect(mount).toMatchObject({ type: 'devpts' });
    expect(mount.ofType).toEqual(expect.arrayContaining(['mode=621', 'ptmxmode=666']));
  });

  testUnless(noCgroup2 ?? noCgroups, 'of cgroups shows what is below the child’s', async () => {
    const at = folder();
    const path = `/netlace-spawn-${process.pid}-mounted`;
    const cgroup = await Cgroup.create(path);
    try {
      const options: SpawnOptions = {
        namespaces: { mnt: 'new', ...rootless, cgroup: 'new' },
        cgroup,
        mounts: [{ type: 'cgroup2', target: at }],
      };
      expect((await mountsOf(options)).get(at)).toMatchObject({ type: 'cgroup2', root: '/' });
      expect((await lines(`cat ${at}/cgroup.procs`, options)).length).toBeGreaterThan(0);
      expect(await shell(`ls ${at} | grep -c netlace || true`, options)).toBe('0');
    } finally {
      await cgroup.delete();
    }
  });

  testUnless(noMqueue, 'of message queues is mounted like any other', async () => {
    const at = folder();
    const options: SpawnOptions = {
      namespaces: { mnt: 'new', ...rootless, ipc: 'new' },
      mounts: [{ type: 'mqueue', target: at }],
    };
    expect((await mountsOf(options)).get(at)).toMatchObject({ type: 'mqueue' });
  });

  testUnless(noOverlay, 'over another one keeps what is changed apart', async () => {
    const made = overlayed();
    writeFileSync(join(made.lower, 'kept'), 'below');
    writeFileSync(join(made.lower, 'changed'), 'below');
    writeFileSync(join(made.lower, 'gone'), 'below');
    const script = `cd ${made.at}; echo above > changed; rm gone; echo new > new; cat kept changed; ls`;
    expect(await lines(script, { ...own, mounts: [overlay(made)] })).toEqual(['belowabove', 'changed', 'kept', 'new']);
    expect(readFileSync(join(made.lower, 'changed'), 'utf8')).toBe('below');
    expect(readdirSync(made.lower).sort()).toEqual(['changed', 'gone', 'kept']);
    expect(readFileSync(join(made.upper, 'changed'), 'utf8')).toBe('above\n');
    expect(readFileSync(join(made.upper, 'new'), 'utf8')).toBe('new\n');
    expect(statSync(join(made.upper, 'gone')).isCharacterDevice()).toBe(true);
  });

  testUnless(noOverlay ?? notInitialRoot, 'over this machine’s root is a root', async () => {
    const made = overlayed();
    const options: SpawnOptions = {
      ...own,
      root: made.at,
      mounts: [
        {
          type: 'overlay',
          target: '/',
          parameters: { lowerdir: '/', upperdir: made.upper, workdir: made.work },
        },
        proc,
      ],
    };
    expect(await shell('echo mine > /netlace-overlay; cat /netlace-overlay; stat -f -c %T /', options)).toBe(
      'mine\noverlayfs',
    );
    expect(existsSync('/netlace-overlay')).toBe(false);
    expect(readFileSync(join(made.upper, 'netlace-overlay'), 'utf8')).toBe('mine\n');
  });

  test('that does not exist, and a parameter that it does not know, are named', async () => {
    for (const [mount, step] of [
      [{ type: 'netlacefs', target: base }, 'mounts[1]'],
      [{ type: 'tmpfs', target: base, parameters: { colour: 'red' } }, 'mounts[1].parameters.colour'],
      [{ type: 'tmpfs', target: base, parameters: { size: 'many' } }, 'mounts[1].parameters.size'],
    ] as const) {
      const error = await errorOf(() =>
        spawn('true', [], { ...own, mounts: [{ type: 'tmpfs', target: base }, mount] }),
      );
      expect(error).toMatchObject({ name: 'SpawnError', step });
    }
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(mountsHere);
  });
});

describeUnless(noNetns, 'propagation', () => {
  test('of the child’s mounts is private unless said', async () => {
    const at = folder();
    const options: SpawnOptions = { ...own, mounts: [{ type: 'tmpfs', target: at }] };
    expect((await mountsOf(options)).get('/')!.propagation).toEqual([]);
    for (const [propagation, shown] of [
      ['private', /^$/],
      ['shared', /^shared:\d+$/],
      ['unbindable', /^unbindable$/],
    ] as const) {
      const found = (await mountsOf({ ...own, propagation })).get('/')!.propagation;
      expect(found.filter((each) => !each.startsWith('master')).join()).toMatch(shown);
    }
  });

  testUnless(noRights, 'makes a slave of what is shared: what is mounted there comes in, not back', async () => {
    const at = folder();
    mkdirSync(join(at, 'there'));
    mkdirSync(join(at, 'back'));
    // Between this process and the test stands a child with mounts that are shared.
    await using master = await spawn('sh', [], { ...own, propagation: 'shared', stdio: ['pipe', 'pipe', 'inherit'] });
    using mnt = await Namespace.open({ pidfd: master.pidfd, type: 'mnt' });
    const slaved = mountsIn(
      await shell(`unshare --mount --propagation unchanged true; cat /proc/self/mountinfo`, { namespaces: { mnt } }),
    );
    expect(slaved.get('/')!.propagation.join()).toMatch(/shared:\d+/);
    master.stdin!.end();
    await master.exited;
    const slave = (await mountsOf({ ...own, propagation: 'slave' })).get('/')!;
    const here = mountsIn(mountsHere).get('/')!;
    // A slave of this process's mount where that is shared, else private.
    const shared = here.propagation.find((each) => each.startsWith('shared:'));
    expect(slave.propagation).toEqual(shared === undefined ? [] : [shared.replace('shared', 'master')]);
  });
});

/** An idmapped mount takes a file system that can do it: a tmpfs since Linux 6.3, ext4 and others since 5.12. */
const idmapUser: SpawnOptions = {
  namespaces: { user: 'new' },
  uidMap: [{ inside: 0, outside: 50_000, count: 1000 }],
  gidMap: [{ inside: 0, outside: 60_000, count: 1000 }],
};
const noIdmap =
  oneUser ??
  (await (async () => {
    await using child = await idle(idmapUser);
    using idmap = await Namespace.open({ pidfd: child.pidfd, type: 'user' });
    return await refused({ type: 'bind', source: base, target: base, idmap });
  })());

describe('an idmapped mount', () => {
  testUnless(noIdmap, 'shows other owners, and keeps those', async () => {
    await using child = await idle(idmapUser);
    using idmap = await Namespace.open({ pidfd: child.pidfd, type: 'user' });
    const source = folder();
    const at = folder();
    chmodSync(source, 0o777);
    writeFileSync(join(source, 'of-root'), '');
    writeFileSync(join(source, 'of-12'), '');
    chownSync(join(source, 'of-12'), 12, 34);
    const options: SpawnOptions = { ...own, mounts: [{ type: 'bind', source, target: at, idmap, noSuid: true }] };
    expect(await shell(`cd ${at}; stat -c '%n %u %g' of-root of-12`, options)).toBe(
      'of-root 50000 60000\nof-12 50012 60034',
    );
    const mount = (await mountsOf(options)).get(at)!;
    expect(mount.options).toEqual(expect.arrayContaining(['nosuid', 'idmapped']));
    // Who is 50012 outside writes as 12.
    await shell(`: > ${at}/new`, { ...options, uid: 50_000, gid: 60_007, groups: [] });
    expect(statSync(join(source, 'new'))).toMatchObject({ uid: 0, gid: 7 });
    expect(statSync(join(source, 'of-12'))).toMatchObject({ uid: 12, gid: 34 });
  });
});
