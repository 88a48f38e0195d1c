/** `spawn`: what cannot be is refused with an error that names the option, and nothing is left of it. */
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ArgumentError, ClosedError, NetlinkError, SpawnError } from '../../lib/errors.js';
import { Namespace } from '../../lib/namespaces/namespace.js';
import { Netns } from '../../lib/namespaces/netns.js';
import { spawn } from '../../lib/process/spawn.js';
import type { SpawnOptions } from '../../lib/process/spawn-options.js';
import { leavesNothing, openDescriptors, until } from '../support/leftovers.js';
import { errorOf } from '../support/rejection.js';
import { describeUnless } from '../support/skip.js';
import {
  childrenOf,
  idle,
  nodeEnvironment,
  noRights,
  outcome,
  programs,
  rootless,
  temporaryFolder,
} from '../support/spawned.js';

leavesNothing();
jest.setTimeout(60_000);

const folder = temporaryFolder('errors');
const marker = join(folder, 'started');
const descriptors = () => readdirSync('/proc/self/fd').length;

let before: { children: number; mounts: string; descriptors: number; special: string[] };
beforeAll(async () => {
  // The first one opens /dev/null for all.
  await (
    await spawn('/bin/true', [], { stdio: 'ignore' })
  ).exited;
  before = {
    children: childrenOf().length,
    mounts: readFileSync('/proc/self/mountinfo', 'utf8'),
    descriptors: descriptors(),
    special: openDescriptors(),
  };
});
afterEach(() => expect(existsSync(marker)).toBe(false));
afterAll(async () => {
  expect(childrenOf()).toHaveLength(before.children);
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(before.mounts);
  expect(await until(() => descriptors() <= before.descriptors)).toBe(true);
});

/** What comes of a program that would leave a file, if it ran. */
const refusal = (options: SpawnOptions) => errorOf(() => spawn('touch', [marker], options));

const user = { namespaces: { user: 'new' } } as const;
const mnt = { namespaces: { mnt: 'new' } } as const;
const one = { inside: 0, outside: 0 };

describe('an argument', () => {
  const refused: readonly (readonly [argument: string, options: unknown, reason?: RegExp])[] = [
    ['options.stdio', { stdio: null }],
    ['options.stdio', { stdio: 2 }],
    ['options.uidmap', { uidmap: [] }, /there is no such option/],
    ['options.namespaces.network', { namespaces: { network: 'new' } }, /there is no such option.*net/],
    ['options.namespaces.net', { namespaces: { net: 'fresh' } }],
    ['options.namespaces.net', { namespaces: { net: { fd: -1 } } }],
    ['options.namespaces.net', { namespaces: { net: null } }],
    ['options.namespaces.net', { namespaces: { net: {} } }, /\{ pid \}/],
    ['options.namespaces.net.pid', { namespaces: { net: { pid: 0 } } }],
    ['options.namespaces.net.pid', { namespaces: { net: { pid: 1.5 } } }],
    ['options.namespaces.net', { namespaces: { net: { fd: 2 ** 32 + 3 } } }],
    ['options.cgroup', { cgroup: { fd: 2 ** 32 } }],
    ['options.mounts[0].idmap', { ...mnt, mounts: [{ type: 'bind', target: '/mnt', source: '/', idmap: { fd: -1 } }] }],
    ['options.timeout', { timeout: 0 }],
    ['options.killSignal', { killSignal: 0 }],
    ['options.uid', { ...user, uidMap: [{ inside: 1000, outside: 0 }] }, /uidMap has no 0/],
    ['options.gid', { ...user, uid: 1000, gidMap: [{ inside: 7, outside: 0 }] }, /gidMap has no 0/],
    ['options.stdio.row', { stdio: { row: 3 } }, /did you mean 'rows'/],
    ['options.namespaces.net', { namespaces: { net: { pidfd: '3' } } }],
    // Maps.
    ['options.uidMap', { uidMap: [one] }, /new user namespace/],
    ['options.gidMap', { gidMap: [one], namespaces: { uts: 'new' } }, /new user namespace/],
    ['options.setgroups', { setgroups: 'deny' }, /new user namespace/],
    ['options.setgroups', { ...user, setgroups: 'maybe' }],
    ['options.uidMap', { ...user, uidMap: [] }],
    ['options.uidMap', { ...user, uidMap: Array.from({ length: 341 }, (_, i) => ({ inside: i, outside: i })) }, /340/],
    [
      'options.uidMap[0]',
      {
        ...user,
        uidMap: [
          { inside: 0, outside: 10, count: 5 },
          { inside: 4, outside: 20 },
        ],
      },
      /overlap.*inside/,
    ],
    [
      'options.gidMap[0]',
      {
        ...user,
        gidMap: [
          { inside: 0, outside: 10, count: 5 },
          { inside: 7, outside: 14 },
        ],
      },
      /overlap.*outside/,
    ],
    ['options.uidMap[0].inside', { ...user, uidMap: [{ inside: -1, outside: 0 }] }],
    ['options.uidMap[0].outside', { ...user, uidMap: [{ inside: 0, outside: 2 ** 32 - 1 }] }],
    ['options.uidMap[0].outside', { ...user, uidMap: [{ inside: 0 }] }],
    ['options.uidMap[0].count', { ...user, uidMap: [{ inside: 0, outside: 0, count: 0 }] }],
    ['options.uidMap[0].count', { ...user, uidMap: [{ inside: 10, outside: 0, count: 2 ** 32 - 5 }] }],
    ['options.uidMap[0].length', { ...user, uidMap: [{ inside: 0, outside: 0, length: 1 }] }],
    // Roots and mounts.
    ['options.root', { root: 'relative' }, /absolute/],
    ['options.readOnlyRoot', { readOnlyRoot: true }, /mount namespace/],
    ['options.readOnlyRoot', { readOnlyRoot: true, ...mnt }, /options\.root/],
    ['options.mounts', { mounts: [{ type: 'proc', target: '/proc' }] }, /mount namespace/],
    ['options.mounts', { ...mnt, mounts: {} }],
    [
      'options.mounts[1].target',
      {
        ...mnt,
        mounts: [
          { type: 'proc', target: '/proc' },
          { type: 'tmpfs', target: 'tmp' },
        ],
      },
      /absolute/,
    ],
    ['options.mounts[0].target', { ...mnt, mounts: [{ type: 'tmpfs' }] }],
    ['options.mounts[0].target', { ...mnt, mounts: [{ type: 'tmpfs', target: '/a/../b' }] }],
    [
      'options.mounts[0].source',
      { ...mnt, mounts: [{ type: 'bind', target: '/mnt', source: 'relative' }] },
      /absolute/,
    ],
    ['options.mounts[0].target', { ...mnt, mounts: [{ type: 'tmpfs', target: '/.' }] }, /takes options.root/],
    [
      'options.mounts[1].target',
      {
        ...mnt,
        root: folder,
        mounts: [
          { type: 'tmpfs', target: '//' },
          { type: 'tmpfs', target: '/' },
        ],
      },
      /another mount/,
    ],
    [
      'options.mounts[0].readonly',
      { ...mnt, mounts: [{ type: 'tmpfs', target: '/mnt', readonly: true }] },
      /there is no such option/,
    ],
    [
      'options.mounts[0].parameters',
      { ...mnt, mounts: [{ type: 'bind', target: '/mnt', source: '/', parameters: {} }] },
    ],
    ['options.mounts[0].type', { ...mnt, mounts: [{ type: '', target: '/mnt' }] }],
    [
      'options.mounts[0].parameters.lowerdir',
      { ...mnt, mounts: [{ type: 'overlay', target: '/mnt', parameters: { lowerdir: `/${'x'.repeat(255)}` } }] },
      /255/,
    ],
    ['options.propagation', { ...mnt, propagation: 'public' }],
    // Everything else.
    ['options.cwd', { cwd: 'here' }, /absolute/],
    ['options.uid', { uid: -1 }],
    ['options.uid', { uid: 2 ** 32 - 1 }],
    ['options.gid', { gid: 1.5 }],
    ['options.groups', { groups: 7 }],
    ['options.groups[1]', { groups: [7, 'wheel'] }],
    ['options.hostname', { hostname: 'it' }, /UTS namespace/],
    ['options.domainname', { domainname: 'it', namespaces: { uts: 'inherit' } }, /UTS namespace/],
    ['options.hostname', { hostname: 'a\0b', namespaces: { uts: 'new' } }],
    ['options.timeOffsets', { timeOffsets: { boottime: 1 } }, /time namespace/],
    ['options.timeOffsets.boottime', { namespaces: { time: 'new' }, timeOffsets: { boottime: NaN } }],
    ['options.timeOffsets.realtime', { namespaces: { time: 'new' }, timeOffsets: { realtime: 1 } }],
    ['options.cgroup', { cgroup: {} }],
    ['options.cgroup', { cgroup: { fd: 'x' } }],
    ['options.rlimits.files', { rlimits: { files: 1 } }, /nofile/],
    ['options.rlimits.nofile.soft', { rlimits: { nofile: { soft: 10, hard: 9 } } }],
    ['options.rlimits.nofile.hard', { rlimits: { nofile: { soft: 10, hard: -1 } } }],
    [
      'options.capabilities.effective[1]',
      { capabilities: { effective: ['CAP_KILL', 'CAP_FLY'], permitted: [], inheritable: [] } },
      /CAP_FLY/,
    ],
    ['options.capabilities.bound', { capabilities: { bound: [] } }],
    ['options.capabilities', { capabilities: { effective: [] } }, /together/],
    [
      'options.capabilities.ambient',
      { capabilities: { ambient: ['CAP_KILL'], effective: [], permitted: [], inheritable: [] } },
      /CAP_KILL/,
    ],
    ['options.oomScoreAdjust', { oomScoreAdjust: 1001 }],
    ['options.umask', { umask: 0o1000 }],
    ['options.nice', { nice: 20 }],
    ['options.nice', { nice: -21 }],
    ['options.noNewPrivileges', { noNewPrivileges: 1 }],
    ['options.init', { init: 'yes' }],
    [
      'options.mounts[0].readOnly',
      { mounts: [{ type: 'tmpfs', target: '/tmp', readOnly: 1 }], namespaces: { mnt: 'new' } },
    ],
    ['options.signal', { signal: {} }],
    ['options.killSignal', { killSignal: 'SIGNOT' }],
    ['options.deathSignal', { deathSignal: 65 }],
    ['options.env.A', { env: { A: 'x\0y' } }],
    ['options.env', { env: { 'A=B': 'x' } }],
    ['options.env', { env: ['A=B'] }],
    ['options.argv0', { argv0: 'a\0b' }],
    ['options.sysctls', { sysctls: 'vm.swappiness=1' }],
  ];
  for (const [argument, options, reason] of refused) {
    const shown = JSON.stringify(options).slice(0, 100);
    test(`${argument} of ${shown} is refused before anything is done`, async () => {
      const error = await refusal(options as SpawnOptions);
      expect(error).toBeInstanceOf(ArgumentError);
      expect(error).toMatchObject({ argument, code: 'ERR_NETLACE_ARGUMENT' });
      if (reason !== undefined) expect(error.message).toMatch(reason);
    });
  }

  test('that is the command or one of its arguments is named', async () => {
    for (const [argument, command, args] of [
      ['command', '', []],
      ['command', 'a\0b', []],
      ['command', 7, []],
      ['args', 'true', 'x'],
      ['args[1]', 'true', ['x', 'y\0']],
      ['args[0]', 'true', [7]],
    ] as const) {
      const error = await errorOf(() => spawn(command as string, args as readonly string[]));
      expect(error).toBeInstanceOf(ArgumentError);
      expect(error).toMatchObject({ argument });
    }
  });
});

describe('a step', () => {
  const failing: readonly (readonly [step: string, code: string, options: SpawnOptions])[] = [
    ['cwd', 'ENOENT', { cwd: join(folder, 'missing') }],
    ['cwd', 'ENOTDIR', { cwd: '/proc/self/status' }],
    ['stdio[1]', 'EBADF', { stdio: ['ignore', 999_999] }],
    ['namespaces.net', 'EBADF', { namespaces: { net: { fd: 999_999 } } }],
  ];
  for (const [step, code, options] of failing) {
    test(`that fails is named: ${step}, ${code}`, async () => {
      const error = await refusal(options);
      expect(error).toBeInstanceOf(SpawnError);
      expect(error).toBeInstanceOf(NetlinkError);
      expect(error).toMatchObject({ name: 'SpawnError', step, code });
      expect(error.message).toContain(step);
    });
  }

  test('that fails is the command: missing, no program, a folder, or for another processor', async () => {
    const text = join(folder, 'text');
    writeFileSync(text, 'no program', { mode: 0o755 });
    for (const [command, code] of [
      ['netlace-there-is-no-such-command', 'ENOENT'],
      [join(folder, 'missing'), 'ENOENT'],
      [folder, 'EACCES'],
      [text, 'ENOEXEC'],
      ['/proc/self/status/x', 'ENOTDIR'],
    ] as const) {
      // A folder of PATH that this user may not look into would count for more than one without the command.
      const error = await errorOf(() => spawn(command, [], { env: { PATH: '/usr/bin:/bin' } }));
      expect(error).toMatchObject({ name: 'SpawnError', step: 'command', code });
    }
  });

  test('that fails late has undone nothing of this process’s, and leaves nothing mounted or running', async () => {
    const options: SpawnOptions = {
      namespaces: { mnt: 'new', uts: 'new', pid: 'new', ...rootless },
      root: folder,
      mounts: [{ type: 'tmpfs', target: '/' }, ...programs, { type: 'proc', target: '/proc' }],
      hostname: 'never',
    };
    expect(await errorOf(() => spawn('/usr/bin/netlace-not-there', [], options))).toMatchObject({ step: 'command' });
    expect(await errorOf(() => spawn('true', [], { ...options, cwd: '/nowhere' }))).toMatchObject({ step: 'cwd' });
    expect(childrenOf()).toHaveLength(before.children);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(before.mounts);
  });
});

describeUnless(noRights, 'a namespace', () => {
  test('of the wrong type is named', async () => {
    using uts = await Namespace.create('uts');
    using net = await Netns.create();
    for (const [kind, namespaces] of [
      ['net', { net: uts }],
      ['uts', { uts: net }],
      ['mnt', { mnt: uts }],
      ['pid', { pid: uts }],
      ['user', { user: net }],
      // The ones that are made do not hide it.
      ['ipc', { ipc: uts, uts: 'new', pid: 'new' }],
    ] as const)
      expect(await refusal({ namespaces })).toMatchObject({
        name: 'SpawnError',
        code: 'EINVAL',
        syscall: 'setns',
        step: `namespaces.${kind}`,
      });
    const file = openSync('/proc/self/status', 'r');
    expect(await refusal({ namespaces: { net: { fd: file } } })).toMatchObject({
      step: 'namespaces.net',
      code: 'EINVAL',
    });
    closeSync(file);
  });

  test('that is closed is refused', async () => {
    const net = await Netns.create();
    net.close();
    const error = await refusal({ namespaces: { net } });
    expect([ArgumentError, ClosedError].some((each) => error instanceof each)).toBe(true);
  });

  test('of a process that there is not is refused, and the option named', async () => {
    // Above the highest number that there can be.
    const error = await refusal({ namespaces: { uts: { pid: process.pid }, net: { pid: 5_000_000 } } });
    expect(error).toMatchObject({ name: 'SyscallError', code: 'ESRCH', syscall: 'pidfd_open' });
    expect(error.message).toContain('options.namespaces.net, process 5000000');
  });

  test('of processes whose first has ended takes no more', async () => {
    let pid;
    {
      await using child = await idle({ namespaces: { pid: 'new' } });
      pid = await Namespace.open({ pidfd: child.pidfd, type: 'pid' });
    }
    using dead = pid;
    const error = await refusal({ namespaces: { pid: dead } });
    expect(error).toMatchObject({ name: 'SpawnError', code: 'ENOMEM' });
  });

  test('limit that is reached has a hint', async () => {
    // In a user namespace of its own, whose limit nobody else has.
    const nested = `
      const { spawn } = require('${process.cwd()}/dist/cjs/process/index.js');
      require('node:fs').writeFileSync('/proc/sys/user/max_uts_namespaces', '0');
      spawn('true', [], { namespaces: { uts: 'new' } })
        .then(() => console.log('started'), ({ name, step, code, message }) => console.log(name, step, code, /user\\.max/.test(message)));`;
    const { out } = await outcome(process.execPath, ['-e', nested], {
      env: nodeEnvironment,
      namespaces: { user: 'new' },
      cwd: '/',
    });
    expect(out).toBe('SpawnError clone3 ENOSPC true\n');
  });
});
