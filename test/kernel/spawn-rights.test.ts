/** `spawn`: what the child may do: capabilities, no_new_privs, seccomp; and what those may do who have no rights. */
import { describe, expect, jest, test } from '@jest/globals';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CAPABILITIES, type Capability, type CapabilitySets } from '../../lib/process/capabilities.js';
import { spawn } from '../../lib/process/spawn.js';
import type { SpawnOptions } from '../../lib/process/spawn-options.js';
import { leavesNothing } from '../support/leftovers.js';
import { noNetns, notRoot } from '../support/netns.js';
import { noBuild, noOthers, tell } from '../support/program.js';
import { errorOf } from '../support/rejection.js';
import { filterOf, LOAD, refusing } from '../support/seccomp.js';
import { describeUnless, testUnless } from '../support/skip.js';
import {
  field,
  nodeEnvironment,
  notInitialRoot,
  oneUser,
  outcome,
  rootless,
  shell,
  temporaryFolder,
} from '../support/spawned.js';

leavesNothing();
jest.setTimeout(60_000);

const NOBODY = 65_534;
const folder = temporaryFolder('rights');
chmodSync(folder, 0o755);

/** Five sets as the kernel shows them, by name. */
async function setsOf(options: SpawnOptions): Promise<Record<string, Capability[]>> {
  const status = await shell('cat /proc/self/status', options);
  const names = (key: string) => {
    const bits = BigInt(`0x${field(status, key)}`);
    return CAPABILITIES.filter((_, i) => (bits >> BigInt(i)) & 1n);
  };
  return {
    effective: names('CapEff'),
    permitted: names('CapPrm'),
    inheritable: names('CapInh'),
    bounding: names('CapBnd'),
    ambient: names('CapAmb'),
  };
}

describeUnless(oneUser, 'capabilities', () => {
  test('of another user are those that are given, all five sets', async () => {
    const capabilities: CapabilitySets = {
      effective: ['CAP_NET_ADMIN', 'CAP_CHECKPOINT_RESTORE'],
      permitted: ['CAP_NET_ADMIN', 'CAP_CHECKPOINT_RESTORE', 'CAP_KILL'],
      inheritable: ['CAP_NET_ADMIN', 'CAP_CHECKPOINT_RESTORE', 'CAP_KILL', 'CAP_CHOWN'],
      bounding: ['CAP_NET_ADMIN', 'CAP_KILL', 'CAP_SYS_TIME', 'CAP_CHECKPOINT_RESTORE', 'CAP_CHOWN'],
      ambient: ['CAP_NET_ADMIN', 'CAP_CHECKPOINT_RESTORE'],
    };
    // Across execve only what is ambient stays permitted and effective.
    expect(await setsOf({ uid: 4321, gid: 8765, capabilities })).toEqual({
      effective: ['CAP_NET_ADMIN', 'CAP_CHECKPOINT_RESTORE'],
      permitted: ['CAP_NET_ADMIN', 'CAP_CHECKPOINT_RESTORE'],
      inheritable: ['CAP_CHOWN', 'CAP_KILL', 'CAP_NET_ADMIN', 'CAP_CHECKPOINT_RESTORE'],
      bounding: ['CAP_CHOWN', 'CAP_KILL', 'CAP_NET_ADMIN', 'CAP_SYS_TIME', 'CAP_CHECKPOINT_RESTORE'],
      ambient: ['CAP_NET_ADMIN', 'CAP_CHECKPOINT_RESTORE'],
    });
  });

  test('are used: what is given works, what is not does not', async () => {
    const given = (capability: Capability): CapabilitySets => ({
      effective: [capability],
      permitted: [capability],
      inheritable: [capability],
      ambient: [capability],
    });
    const attempt = async (capability: Capability) => {
      const file = join(folder, `of-${capability}`);
      const { exit } = await outcome('sh', ['-c', `chown 12 ${file}`], {
        uid: 4321,
        gid: 8765,
        capabilities: given(capability),
      });
      return exit.code;
    };
    for (const capability of ['CAP_CHOWN', 'CAP_KILL'] as const)
      copyFileSync('/proc/self/comm', join(folder, `of-${capability}`));
    expect(await attempt('CAP_CHOWN')).toBe(0);
    expect(await attempt('CAP_KILL')).toBe(1);
  });

  test('of root are bounded', async () => {
    const own = await setsOf({});
    const bounding: Capability[] = ['CAP_NET_RAW', 'CAP_SETUID'];
    const sets = await setsOf({ capabilities: { bounding } });
    // Root has, across execve, all that is not bounded.
    expect(sets['bounding']!.sort()).toEqual(['CAP_NET_RAW', 'CAP_SETUID']);
    expect(sets['effective']!.sort()).toEqual(['CAP_NET_RAW', 'CAP_SETUID']);
    expect(own['bounding']!.length).toBeGreaterThan(10);
    expect(await setsOf({})).toEqual(own);
    expect((await setsOf({ capabilities: { bounding: [] } }))['permitted']).toEqual([]);
  });

  test('that are left out stay', async () => {
    const own = await setsOf({});
    expect(await setsOf({ capabilities: {} })).toEqual(own);
    expect(await setsOf({ capabilities: { ambient: [] } })).toEqual(own);
    const bounded = await setsOf({ capabilities: { bounding: own['bounding']! } });
    expect(bounded).toEqual(own);
  });

  test('that this process does not have are refused, by name', async () => {
    const only = (capability: Capability): CapabilitySets => ({
      effective: [capability],
      permitted: [capability],
      inheritable: [capability],
      bounding: [capability],
    });
    // A child without CAP_NET_ADMIN that asks for it for its own.
    const nested = `
      const { spawn } = require('${process.cwd()}/dist/cjs/process/index.js');
      spawn('true', [], { capabilities: { effective: ['CAP_NET_ADMIN'], permitted: ['CAP_NET_ADMIN'], inheritable: [] } })
        .then(() => console.log('started'), ({ name, step, code }) => console.log(name, step, code));`;
    const { out } = await outcome(process.execPath, ['-e', nested], {
      env: nodeEnvironment,
      capabilities: only('CAP_KILL'),
    });
    expect(out).toBe('SpawnError capabilities EPERM\n');
  });
});

describe('no_new_privs', () => {
  test('is set when asked for', async () => {
    const bit = async (options: SpawnOptions) => field(await shell('cat /proc/self/status', options), 'NoNewPrivs');
    expect(await bit({})).toBe('0');
    expect(await bit({ noNewPrivileges: false })).toBe('0');
    expect(await bit({ noNewPrivileges: true })).toBe('1');
    expect(field(readFileSync('/proc/self/status', 'utf8'), 'NoNewPrivs')).toBe('0');
  });

  testUnless(notInitialRoot, 'keeps a set-user-ID program from being its owner', async () => {
    const program = join(folder, 'id');
    copyFileSync('/usr/bin/id', program);
    chmodSync(program, 0o4755);
    const who = async (options: SpawnOptions) => (await outcome(program, ['-u'], options)).out.trim();
    expect(await who({ uid: 4321, gid: 8765 })).toBe('0');
    expect(await who({ uid: 4321, gid: 8765, noNewPrivileges: true })).toBe('4321');
  });
});

const EPERM = 1;
/** With `mkdir` and `mkdirat` it is EPERM; everything else goes. The numbers differ between processors. */
const MKDIR: Readonly<Record<string, readonly [number, number]>> = { x64: [83, 258], arm64: [34, 34] };
const noNumbers = MKDIR[process.arch] === undefined ? 'no numbers of system calls for this processor here' : undefined;

describeUnless(noNumbers, 'seccomp', () => {
  const noMkdir = refusing(MKDIR[process.arch] ?? [], EPERM);

  test('filters what the program does', async () => {
    const attempt = (at: string, options: SpawnOptions) => outcome('mkdir', [join(folder, at)], options);
    const refused = await attempt('never', { seccomp: noMkdir, noNewPrivileges: true });
    expect(refused.exit.code).toBe(1);
    expect(refused.err).toMatch(/Operation not permitted/);
    expect(existsSync(join(folder, 'never'))).toBe(false);
    expect((await attempt('allowed', { noNewPrivileges: true })).exit.code).toBe(0);
    expect(existsSync(join(folder, 'allowed'))).toBe(true);
    const mode = async (options: SpawnOptions) => field(await shell('cat /proc/self/status', options), 'Seccomp');
    expect(await mode({ seccomp: noMkdir, noNewPrivileges: true })).toBe('2');
    expect(await mode({})).toBe('0');
    // This process goes on as before.
    mkdirSync(join(folder, 'here'));
  });

  testUnless(noNetns, 'does not filter what makes the child’s root before', async () => {
    const at = join(folder, 'target');
    mkdirSync(at);
    const { out, exit } = await outcome('sh', ['-c', `stat -f -c %T ${at}; mkdir ${at}/x 2> /dev/null; echo $?`], {
      namespaces: { mnt: 'new', ...rootless },
      mounts: [{ type: 'tmpfs', target: at }],
      seccomp: noMkdir,
      noNewPrivileges: true,
    });
    expect(out).toBe('tmpfs\n1\n');
    expect(exit.code).toBe(0);
  });

  test('that is no program is refused, by name', async () => {
    const endless = filterOf([[LOAD, 0, 0, 0]]);
    expect(await errorOf(() => spawn('true', [], { seccomp: endless, noNewPrivileges: true }))).toMatchObject({
      name: 'SpawnError',
      step: 'seccomp',
      code: 'EINVAL',
    });
    for (const seccomp of [new Uint8Array(0), new Uint8Array(12), new Uint8Array(4097 * 8), 'allow', [6, 0]])
      expect(await errorOf(() => spawn('true', [], { seccomp: seccomp as never }))).toMatchObject({
        name: 'ArgumentError',
        argument: 'options.seccomp',
      });
  });

  testUnless(oneUser, 'is there without no_new_privs, too, for a program that has fewer rights', async () => {
    const none = { effective: [], permitted: [], inheritable: [], bounding: [] } as const;
    for (const noNewPrivileges of [true, false, undefined]) {
      const { out } = await outcome(
        'sh',
        ['-c', 'grep -E "^(Seccomp|NoNewPrivs|CapEff|Uid):" /proc/self/status; mkdir x'],
        {
          uid: NOBODY,
          gid: NOBODY,
          capabilities: none,
          seccomp: noMkdir,
          noNewPrivileges,
        },
      );
      expect(out.split('\n').map((line) => line.replace(/\s+/g, ' '))).toEqual([
        `Uid: ${NOBODY} ${NOBODY} ${NOBODY} ${NOBODY}`,
        'CapEff: 0000000000000000',
        `NoNewPrivs: ${noNewPrivileges === true ? 1 : 0}`,
        'Seccomp: 2',
        '',
      ]);
    }
  });

  testUnless(oneUser ?? noOthers, 'takes no_new_privs from whoever has no rights', async () => {
    const source = `
      const { spawn } = require('${process.cwd()}/dist/cjs/process/index.js');
      spawn('true', [], { seccomp: new Uint8Array([6, 0, 0, 0, 0, 0, 255, 127]) })
        .then(() => console.log('started'), ({ name, step, code }) => console.log(name, step, code));`;
    const { out } = await outcome(process.execPath, ['-e', source], {
      env: nodeEnvironment,
      uid: NOBODY,
      gid: NOBODY,
      cwd: '/',
    });
    expect(out).toBe('SpawnError seccomp EACCES\n');
  });
});

describeUnless(oneUser ?? noOthers, 'a process of an ordinary user that may become others', () => {
  const rights: Capability[] = ['CAP_SETUID', 'CAP_SETGID'];
  const user: SpawnOptions = {
    env: nodeEnvironment,
    uid: 4321,
    gid: 8765,
    capabilities: { effective: rights, permitted: rights, inheritable: rights, ambient: rights },
    cwd: '/',
  };

  test('stays its own, however many children of other users it starts at once', async () => {
    // When a process has become undumpable, its files in /proc are root's.
    const source = `
      const { spawn } = require('${process.cwd()}/dist/cjs/process/index.js');
      const fs = require('node:fs');
      (async () => {
        const seen = new Set();
        for (let round = 0; round < 30; round++) {
          await Promise.all(Array.from({ length: 16 }, async (_, i) => {
            const child = await spawn('/bin/true', [], { uid: 1 + i, gid: 1 + i, stdio: 'ignore' });
            await child.exited;
          }));
          seen.add(fs.statSync('/proc/self/fd').uid);
        }
        console.log([...seen].join());
      })();`;
    const { out, err } = await outcome(process.execPath, ['-e', source], user);
    expect(err).toBe('');
    expect(out).toBe('4321\n');
  });

  test('may not end them: what is aborted goes on, and nothing is thrown', async () => {
    const source = `
      const { spawn } = require('${process.cwd()}/dist/cjs/process/index.js');
      (async () => {
        const options = { stdio: ['pipe', 'ignore', 'ignore'], uid: 17, gid: 17 };
        const late = [new AbortController(), new AbortController()];
        const children = [];
        for (const { signal } of late) children.push(await spawn('/bin/cat', [], { ...options, signal }));
        for (const controller of late) controller.abort();
        for (const child of children) child.stdin.end();
        console.log((await Promise.all(children.map(({ exited }) => exited))).map(({ code }) => code).join());
      })();`;
    const { out, err } = await outcome(process.execPath, ['-e', source], user);
    expect(err).toBe('');
    expect(out).toBe('0,0\n');
  });
});

testUnless(
  oneUser ?? noOthers,
  'groups do not stay in a user namespace that denies setgroups, new or joined',
  async () => {
    const source = `
    const { spawn } = require('${process.cwd()}/dist/cjs/process/index.js');
    const { text } = require('node:stream/consumers');
    const groups = async (options) => {
      const child = await spawn('sed', ['-n', 's/^Groups:[^0-9]*//p', '/proc/self/status'], options);
      const [out] = await Promise.all([text(child.stdout), child.exited]);
      return out.trim();
    };
    (async () => {
      const held = await spawn('cat', [], { stdio: ['pipe', 'ignore', 'ignore'], namespaces: { user: 'new' }, setgroups: 'deny' });
      const joined = { namespaces: { user: { pid: held.pid } } };
      console.log(JSON.stringify([
        await groups({}),
        await groups(joined),
        await groups({ ...joined, uid: 0, gid: 0 }),
        await groups({ namespaces: { user: 'new' }, setgroups: 'deny' }),
      ]));
      held.kill('SIGKILL');
      await held.exited;
    })();`;
    const { out, err } = await outcome(process.execPath, ['-e', source], {
      env: nodeEnvironment,
      groups: [6, 24],
      cwd: '/',
    });
    expect(err).toBe('');
    expect(JSON.parse(out)).toEqual(['6 24', '', '', '']);
  },
);

/** Whoever is not root is such a user himself. */
const nobody = notRoot === undefined ? { uid: NOBODY, gid: NOBODY } : {};
const { uid, gid } = { uid: process.getuid!(), gid: process.getgid!(), ...nobody };
const RUN = `
  const { text } = require('node:stream/consumers');
  const run = async (script, options) => {
    const child = await netlace.spawn('sh', ['-c', script], options);
    const [out, err, { code }] = await Promise.all([text(child.stdout), text(child.stderr), child.exited]);
    if (code !== 0) throw new Error(script + ': ' + err);
    return out.trim().split('\\n');
  };
  const refused = async (options) => {
    try {
      await netlace.spawn('true', [], options);
      return 'started';
    } catch ({ name, code, step, argument, hint, message }) {
      return { name, code, step, argument, message };
    }
  };`;
const noUserNamespaces =
  noNetns ??
  (notRoot === undefined ? (oneUser ?? noOthers) : noBuild) ??
  (tell(`${RUN} told.it = await refused({ namespaces: { user: 'new' } });`, nobody)['it'] === 'started'
    ? undefined
    : 'this system lets no ordinary user make user namespaces');

describeUnless(noUserNamespaces, 'an ordinary user', () => {
  test('runs programs as with child_process', () => {
    const told = tell(
      `${RUN} told.it = await run('id -u; id -g; echo $A; umask; nice', { env: { ...process.env, A: 'b c' }, umask: 0o71, nice: 3 });`,
      nobody,
    );
    expect(told['it']).toEqual([`${uid}`, `${gid}`, 'b c', '0071', '3']);
  });

  test('is root in new namespaces', () => {
    const told = tell(
      `${RUN}
      const all = { user: 'new', pid: 'new', mnt: 'new', uts: 'new', ipc: 'new', net: 'new', cgroup: 'new' };
      const proc = { type: 'proc', target: '/proc' };
      told.ids = await run('id -u; id -g; cat /proc/self/uid_map | tr -s " "; cat /proc/self/setgroups', { namespaces: all });
      told.inside = await run('uname -n; echo $$; ls -d /proc/[0-9]* | wc -l; cat /proc/sys/net/ipv4/ip_default_ttl', {
        namespaces: all, hostname: 'rootless', mounts: [proc], sysctls: { 'net.ipv4.ip_default_ttl': 99 },
      });
      told.mapped = await run('id -u; id -g', {
        namespaces: all, uidMap: [{ inside: 77, outside: ${uid} }], gidMap: [{ inside: 88, outside: ${gid} }], uid: 77, gid: 88,
      });
      const root = fs.mkdtempSync(os.tmpdir() + '/netlace-rootless-');
      const programs = ['/usr', '/bin', '/lib', '/lib64'].filter((path) => fs.existsSync(path))
        .map((path) => ({ type: 'bind', source: path, target: path, readOnly: true }));
      told.root = await run('ls /; stat -c %u /', { namespaces: all, root, mounts: [{ type: 'tmpfs', target: '/' }, ...programs, proc] });
      told.left = fs.readdirSync(root);
      fs.rmdirSync(root);
      const links = namespaces('self');
      told.same = links;
      const child = await netlace.spawn('cat', [], { namespaces: all });
      told.own = Object.entries(child.namespaces()).filter(([kind, ino]) => links[kind] === kind + ':[' + ino + ']').map(([kind]) => kind);
      child.stdin.end();
      child.stdout.resume();
      told.end = (await child.exited).code;`,
      nobody,
    );
    expect(told['ids']).toEqual(['0', '0', ` 0 ${uid} 1`, 'deny']);
    const processes: unknown = expect.stringMatching(/^[1-3]$/);
    expect(told['inside']).toEqual(['rootless', '1', processes, '99']);
    expect(told['mapped']).toEqual(['77', '88']);
    expect(told['root']).toEqual(expect.arrayContaining(['proc', 'usr', '0']));
    expect(told['left']).toEqual([]);
    expect(told['own']).toEqual(['time'].filter((kind) => existsSync(`/proc/self/ns/${kind}`)));
    expect(told['end']).toBe(0);
  });

  test('joins its own namespaces again, by the user namespace', () => {
    const told = tell(
      `${RUN}
      const child = await netlace.spawn('cat', [], { namespaces: { user: 'new', net: 'new', uts: 'new' }, hostname: 'joined' });
      const opened = await Promise.all(['user', 'net', 'uts'].map((type) => netlace.Namespace.open({ pidfd: child.pidfd, type })));
      const [user, net, uts] = opened;
      told.inos = [net.ino, uts.ino, user.ino].map(String);
      told.seen = await run('readlink /proc/self/ns/net /proc/self/ns/uts /proc/self/ns/user; uname -n', { namespaces: { user, net, uts } });
      told.alone = await refused({ namespaces: { net } });
      for (const each of opened) each.close();
      await child[Symbol.asyncDispose]();`,
      nobody,
    );
    const [net, uts, user] = told['inos'] as string[];
    expect(told['seen']).toEqual([`net:[${net}]`, `uts:[${uts}]`, `user:[${user}]`, 'joined']);
    expect(told['alone']).toMatchObject({ name: 'SpawnError', step: 'namespaces.net', code: 'EPERM' });
  });

  test('is told what it may not do', () => {
    const told = tell(
      `${RUN}
      told.namespaces = await refused({ namespaces: { net: 'new' } });
      told.uid = await refused({ uid: 0 });
      told.gid = await refused({ gid: 0 });
      told.groups = await refused({ groups: [0] });
      told.root = await refused({ root: '/' });
      told.nice = await refused({ nice: -5 });
      told.capabilities = await refused({ capabilities: { bounding: [] } });
      told.range = await refused({ namespaces: { user: 'new' }, uidMap: [{ inside: 0, outside: 1000, count: 2 }] });
      const it = netlace.Namespace.current('net');
      told.join = await refused({ namespaces: { net: it } });
      it.close();`,
      nobody,
    );
    const hint: unknown = expect.stringContaining("user: 'new'");
    expect(told).toMatchObject({
      namespaces: { name: 'SpawnError', code: 'EPERM', step: 'clone3', message: hint },
      uid: { name: 'SpawnError', code: 'EPERM', step: 'uid' },
      gid: { name: 'SpawnError', code: 'EPERM', step: 'gid' },
      groups: { name: 'SpawnError', code: 'EPERM', step: 'groups' },
      root: { name: 'SpawnError', code: 'EPERM', step: 'root' },
      nice: { name: 'SpawnError', code: 'EACCES', step: 'nice' },
      capabilities: { name: 'SpawnError', code: 'EPERM', step: 'capabilities.bounding' },
      range: { name: 'SpawnError', code: 'EPERM', step: 'uidMap' },
      join: { name: 'SpawnError', code: 'EPERM', step: 'namespaces.net' },
    });
  });
});
