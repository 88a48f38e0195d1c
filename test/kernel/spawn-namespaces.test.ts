/** `spawn`: the namespaces a child is in, new ones and those that there are, and what belongs to them. */
import { describe, expect, jest, test } from '@jest/globals';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { Cgroup } from '../../lib/cgroup/cgroup.js';
import { Namespace } from '../../lib/namespaces/namespace.js';
import { Netns } from '../../lib/namespaces/netns.js';
import type { Child } from '../../lib/process/child.js';
import { NAMESPACE_TYPES, type NamespaceType } from '../../lib/namespace-types.js';
import type { NamespaceChoice } from '../../lib/process/namespaces.js';
import { spawn } from '../../lib/process/spawn.js';
import type { SpawnOptions } from '../../lib/process/spawn-options.js';
import { Rtnetlink } from '../../lib/rtnetlink/client.js';
import { leavesNothing } from '../support/leftovers.js';
import { olderThan } from '../support/netns.js';
import { errorOf } from '../support/rejection.js';
import { describeUnless, testUnless } from '../support/skip.js';
import { field, idle, isRunning, lines, linkOf, noRights, oneUser, shell } from '../support/spawned.js';

leavesNothing();
jest.setTimeout(60_000);

/** Not every kernel has those of time. */
const KINDS = NAMESPACE_TYPES.filter((type) => existsSync(`/proc/self/ns/${type}`));
const links = `cd /proc/self/ns && readlink ${KINDS.join(' ')}`;

/** Each of the child's namespaces, by kind. */
async function linksIn(options: SpawnOptions): Promise<Record<string, string>> {
  return Object.fromEntries((await lines(links, options)).map((link) => [link.split(':')[0], link]));
}

const ours = Object.fromEntries(KINDS.map((kind) => [kind, linkOf(kind)]));
const noTime = olderThan(6, 0) ?? (existsSync('/proc/self/ns/time') ? undefined : 'this kernel has no time namespaces');
const noCgroups = await (async () => {
  const path = `/netlace-spawn-${process.pid}-probe`;
  try {
    await (await Cgroup.create(path)).delete();
    return undefined;
  } catch (error) {
    return `no cgroups can be made: ${(error as Error).message}`;
  }
})();

/** With a handle of a child's namespace. */
async function withNamespace(child: Child, type: NamespaceType, body: (namespace: Namespace) => Promise<void>) {
  using namespace = await Namespace.open({ pidfd: child.pidfd, type });
  await body(namespace);
}

describeUnless(noRights, 'a child', () => {
  test('is in this process’s namespaces unless said', async () => {
    expect(await linksIn({})).toEqual(ours);
    const inherit = Object.fromEntries(KINDS.map((kind) => [kind, 'inherit' as const]));
    expect(await linksIn({ namespaces: inherit })).toEqual(ours);
    expect(KINDS.length).toBeGreaterThanOrEqual(7);
  });

  for (const kind of KINDS) {
    const skip = kind === 'time' ? noTime : undefined;
    testUnless(skip, `is in a new ${kind} namespace, and in no other new one`, async () => {
      const found = await linksIn({ namespaces: { [kind]: 'new' } });
      expect(found[kind]).toMatch(new RegExp(`^${kind}:\\[\\d+\\]$`));
      expect(found[kind]).not.toBe(ours[kind]);
      expect({ ...found, [kind]: undefined }).toEqual({ ...ours, [kind]: undefined });
      expect(linkOf(kind)).toBe(ours[kind]);
    });

    testUnless(skip, `joins the ${kind} namespace of another one`, async () => {
      await using first = await idle({ namespaces: { [kind]: 'new' } });
      const theirs = linkOf(kind, first.pid);
      expect(`${kind}:[${first.namespaces()[kind]}]`).toBe(theirs);
      expect(theirs).not.toBe(ours[kind]);
      await withNamespace(first, kind, async (namespace) => {
        for (const choice of [namespace, { pid: first.pid }, { pidfd: first.pidfd }]) {
          const found = await linksIn({ namespaces: { [kind]: choice } });
          expect(found).toEqual({ ...ours, [kind]: theirs });
        }
      });
      expect(linkOf(kind)).toBe(ours[kind]);
    });
  }

  testUnless(noTime, 'is in eight new ones at once, and another one joins them all', async () => {
    const all = Object.fromEntries(KINDS.map((kind) => [kind, 'new' as const]));
    await using first = await idle({ namespaces: all });
    const theirs = Object.fromEntries(KINDS.map((kind) => [kind, linkOf(kind, first.pid)]));
    for (const kind of KINDS) expect(theirs[kind]).not.toBe(ours[kind]);
    const opened = await Promise.all(KINDS.map((type) => Namespace.open({ pidfd: first.pidfd, type })));
    try {
      const choices: Partial<Record<NamespaceType, NamespaceChoice>> = {};
      for (const [i, kind] of KINDS.entries()) choices[kind] = opened[i]!;
      // /proc is that of this process's pid namespace: there the child is found from here.
      await using second = await idle({ namespaces: choices });
      for (const kind of KINDS) expect(linkOf(kind, second.pid)).toBe(theirs[kind]);
      // It is this process's child all the same.
      second.stdin!.end();
      expect(await second.exited).toMatchObject({ code: 0 });
      expect(isRunning(first.pid)).toBe(true);
    } finally {
      for (const each of opened) each.close();
    }
  });

  test('is in a mix of new ones and those that there are', async () => {
    await using first = await idle({ namespaces: { uts: 'new', ipc: 'new' }, hostname: 'first' });
    using uts = await Namespace.open({ pidfd: first.pidfd, type: 'uts' });
    using netns = await Netns.create();
    await using client = await Rtnetlink.open({ netns });
    await client.link.add({ name: 'inside0', kind: 'veth', data: { peer: { name: 'inside1' } } });
    const options: SpawnOptions = { namespaces: { uts, net: netns, pid: 'new', ipc: 'new' } };
    const found = await linksIn(options);
    expect(found['uts']).toBe(linkOf('uts', first.pid));
    expect(found['net']).toBe(`net:[${netns.ino}]`);
    expect(found['ipc']).not.toBe(linkOf('ipc', first.pid));
    expect(new Set([found['ipc'], found['pid'], ours['ipc'], ours['pid']]).size).toBe(4);
    expect(found['mnt']).toBe(ours['mnt']);
    expect(await shell('uname -n; echo $$; cut -d : -f 1 -s /proc/net/dev | tr -d " " | sort', options)).toBe(
      'first\n1\ninside0\ninside1\nlo',
    );
  });

  test('is number 1 of a new pid namespace, and what it leaves behind ends with it', async () => {
    const child = await spawn('sh', ['-c', 'sleep 1000 & echo $$ $!; read -r _'], {
      namespaces: { pid: 'new' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    expect(await new Promise((resolve) => child.stdout!.once('data', (chunk) => resolve(String(chunk))))).toBe('1 2\n');
    expect(field(readFileSync(`/proc/${child.pid}/status`, 'utf8'), 'NSpid').split(/\s+/)).toEqual([
      `${child.pid}`,
      '1',
    ]);
    child.stdin!.end('\n');
    expect((await child.exited).code).toBe(0);
    // The sleeper had the pipe.
    if (!child.stdout!.readableEnded) {
      child.stdout!.resume();
      await new Promise((resolve) => child.stdout!.once('end', resolve));
    }
  });

  test('joins a pid namespace as one of its processes', async () => {
    await using init = await idle({ namespaces: { pid: 'new' } });
    await withNamespace(init, 'pid', async (pid) => {
      expect(await shell('echo $$', { namespaces: { pid } })).toBe('2');
      await using second = await idle({ namespaces: { pid } });
      expect(linkOf('pid', second.pid)).toBe(linkOf('pid', init.pid));
      expect(field(readFileSync(`/proc/${second.pid}/status`, 'utf8'), 'PPid')).toBe(`${process.pid}`);
      init.kill('SIGKILL');
      expect(await second.exited).toMatchObject({ signal: 'SIGKILL' });
    });
    await init.exited;
  });
});

describeUnless(noRights, 'names', () => {
  test('are the child’s own', async () => {
    const both = 'uname -n; cat /proc/sys/kernel/domainname';
    expect(
      await lines(both, { namespaces: { uts: 'new' }, hostname: 'inner-host', domainname: 'inner.example' }),
    ).toEqual(['inner-host', 'inner.example']);
    const here = [hostname(), readFileSync('/proc/sys/kernel/domainname', 'utf8').trim()];
    expect(await lines(both, { namespaces: { uts: 'new' } })).toEqual(here);
    expect(await lines(both)).toEqual(here);
  });

  test('are changed in a namespace that is joined', async () => {
    await using child = await idle({ namespaces: { uts: 'new' }, hostname: 'before' });
    using uts = await Namespace.open({ pidfd: child.pidfd, type: 'uts' });
    expect(await shell('uname -n', { namespaces: { uts } })).toBe('before');
    expect(await shell('uname -n', { namespaces: { uts }, hostname: 'after' })).toBe('after');
    expect(await shell('uname -n', { namespaces: { uts } })).toBe('after');
    expect(hostname()).not.toBe('after');
  });

  test('of 64 bytes are the longest', async () => {
    const hostnames = ['h'.repeat(64), 'é'.repeat(32)];
    for (const name of hostnames)
      expect(await shell('uname -n', { namespaces: { uts: 'new' }, hostname: name })).toBe(name);
    expect(
      await errorOf(() => spawn('true', [], { namespaces: { uts: 'new' }, hostname: 'é'.repeat(32) + 'x' })),
    ).toMatchObject({ name: 'ArgumentError', argument: 'options.hostname' });
  });
});

describeUnless(noRights, 'sysctls', () => {
  test('are those of the child’s namespaces', async () => {
    const options: SpawnOptions = {
      namespaces: { net: 'new', ipc: 'new', uts: 'new' },
      sysctls: {
        'net.ipv4.ip_default_ttl': 77,
        'net/ipv4/ip_unprivileged_port_start': '321',
        'kernel.shmmni': 1234,
        'kernel.domainname': 'by.sysctl',
      },
    };
    const before = readFileSync('/proc/sys/kernel/shmmni', 'utf8');
    expect(
      await lines(
        'cd /proc/sys; cat net/ipv4/ip_default_ttl net/ipv4/ip_unprivileged_port_start kernel/shmmni kernel/domainname',
        options,
      ),
    ).toEqual(['77', '321', '1234', 'by.sysctl']);
    expect(readFileSync('/proc/sys/kernel/shmmni', 'utf8')).toBe(before);
  });

  test('that do not exist, or do not take the value, are named', async () => {
    const namespaces = { net: 'new' } as const;
    for (const [name, value, code] of [
      ['net.ipv4.netlace', 1, 'ENOENT'],
      ['net.ipv4.ip_default_ttl', 'many', 'EINVAL'],
    ] as const) {
      expect(await errorOf(() => spawn('true', [], { namespaces, sysctls: { [name]: value } }))).toMatchObject({
        name: 'SpawnError',
        code,
        step: `sysctls["${name}"]`,
      });
    }
    for (const name of ['../kernel/hostname', 'net..ipv4', '/etc/passwd', ''])
      expect(await errorOf(() => spawn('true', [], { namespaces, sysctls: { [name]: 1 } }))).toMatchObject({
        name: 'ArgumentError',
        argument: 'options.sysctls',
      });
  });
});

describeUnless(noRights ?? noTime, 'time', () => {
  const clocks = 'cut -d . -f 1 /proc/uptime; cat /proc/self/timens_offsets | tr -s " "';

  test('goes differently in a new namespace', async () => {
    const here = Number(readFileSync('/proc/uptime', 'utf8').split('.')[0]);
    const [uptime, monotonic, boottime] = await lines(clocks, {
      namespaces: { time: 'new' },
      timeOffsets: { monotonic: 1000.25, boottime: 86_400 },
    });
    expect(Number(uptime)).toBeGreaterThanOrEqual(here + 86_400);
    expect(Number(uptime)).toBeLessThan(here + 86_400 + 60);
    expect(monotonic!.trim()).toBe('monotonic 1000 250000000');
    expect(boottime!.trim()).toBe('boottime 86400 0');
  });

  test('goes back, too', async () => {
    const [, monotonic, boottime] = await lines(clocks, {
      namespaces: { time: 'new' },
      timeOffsets: { monotonic: -1.75 },
    });
    expect(monotonic!.trim()).toBe('monotonic -2 250000000');
    expect(boottime!.trim()).toBe('boottime 0 0');
  });

  test('before the machine’s start is refused, by name', async () => {
    expect(
      await errorOf(() => spawn('true', [], { namespaces: { time: 'new' }, timeOffsets: { boottime: -1e9 } })),
    ).toMatchObject({ name: 'SpawnError', step: 'timeOffsets', code: 'ERANGE' });
  });
});

describeUnless(noRights, 'ids', () => {
  const own = { uid: process.geteuid!(), gid: process.getegid!() };
  const maps =
    'cat /proc/self/uid_map /proc/self/gid_map | tr -s " " | sed "s/^ //"; cat /proc/self/setgroups; id -u; id -g';

  test('of a new user namespace: this user is root there', async () => {
    const [uids, gids, setgroups, uid, gid] = await lines(maps, { namespaces: { user: 'new' } });
    expect(uids).toBe(`0 ${own.uid} 1`);
    expect(gids).toBe(`0 ${own.gid} 1`);
    const here = readFileSync('/proc/self/setgroups', 'utf8').trim();
    expect(setgroups).toBe(own.uid === 0 ? here : 'deny');
    expect([uid, gid]).toEqual(['0', '0']);
    const status = await shell('cat /proc/self/status', { namespaces: { user: 'new' } });
    expect(BigInt(`0x${field(status, 'CapEff')}`)).toBeGreaterThan(0n);
    expect(linkOf('user')).toBe(ours['user']);
  });

  test('are mapped one by one, and the child is who it is told to be', async () => {
    expect(
      await lines(maps, {
        namespaces: { user: 'new' },
        uidMap: [{ inside: 1234, outside: own.uid }],
        gidMap: [{ inside: 5678, outside: own.gid }],
        setgroups: 'deny',
        uid: 1234,
        gid: 5678,
      }),
    ).toEqual([`1234 ${own.uid} 1`, `5678 ${own.gid} 1`, 'deny', '1234', '5678']);
  });

  test('may be denied setgroups', async () => {
    const user = { namespaces: { user: 'new' } } as const;
    expect(await shell('cat /proc/self/setgroups', { ...user, setgroups: 'deny' })).toBe('deny');
    expect(await errorOf(() => spawn('true', [], { ...user, setgroups: 'deny', groups: [0] }))).toMatchObject({
      name: 'SpawnError',
      step: 'groups',
      code: 'EPERM',
    });
    // Without groups given there are none to be given up.
    expect(await shell('id -u', { ...user, setgroups: 'deny', uid: 0, gid: 0 })).toBe('0');
  });

  testUnless(oneUser, 'are mapped by ranges, by root', async () => {
    const options: SpawnOptions = {
      namespaces: { user: 'new' },
      uidMap: [
        { inside: 0, outside: 10_000, count: 1000 },
        { inside: 2000, outside: 30_000, count: 7 },
      ],
      gidMap: [{ inside: 0, outside: 20_000, count: 500 }],
    };
    expect(await lines(maps, options)).toEqual(['0 10000 1000', '2000 30000 7', '0 20000 500', 'allow', '0', '0']);
    await using child = await idle({ ...options, uid: 2003, gid: 44, groups: [45, 46] });
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    expect(field(status, 'Uid').split('\t')).toEqual(Array(4).fill('30003'));
    expect(field(status, 'Gid').split('\t')).toEqual(Array(4).fill('20044'));
    expect(field(status, 'Groups').trim()).toBe('20045 20046');
    expect(await errorOf(() => spawn('true', [], { ...options, uid: 1500 }))).toMatchObject({
      name: 'SpawnError',
      step: 'uid',
      code: 'EINVAL',
    });
  });

  testUnless(oneUser, 'of a user namespace that is joined are those of there', async () => {
    await using first = await idle({
      namespaces: { user: 'new', uts: 'new' },
      uidMap: [{ inside: 0, outside: 10_000, count: 1000 }],
      gidMap: [{ inside: 0, outside: 20_000, count: 500 }],
    });
    using user = await Namespace.open({ pidfd: first.pidfd, type: 'user' });
    using uts = await Namespace.open({ pidfd: first.pidfd, type: 'uts' });
    await using second = await idle({ namespaces: { user, uts }, uid: 12, gid: 34, hostname: 'by-root-inside' });
    const status = readFileSync(`/proc/${second.pid}/status`, 'utf8');
    expect(field(status, 'Uid').split('\t')).toEqual(Array(4).fill('10012'));
    expect(field(status, 'Gid').split('\t')).toEqual(Array(4).fill('20034'));
    expect(linkOf('user', second.pid)).toBe(linkOf('user', first.pid));
    expect(await shell('uname -n', { namespaces: { uts } })).toBe('by-root-inside');
    // A namespace that is new here belongs to the one that is joined.
    await using third = await idle({ namespaces: { user, net: 'new' }, uid: 0, gid: 0 });
    using net = await Namespace.open({ pidfd: third.pidfd, type: 'net' });
    using owner = net.owner();
    expect(owner.equals(user)).toBe(true);
  });
});

describe('a cgroup', () => {
  testUnless(noCgroups, 'is where a child starts, by a handle or a descriptor', async () => {
    const path = `/netlace-spawn-${process.pid}`;
    const own = readFileSync('/proc/self/cgroup', 'utf8');
    const cgroup = await Cgroup.create(path);
    const pathIn = /^0::(.*)$/m;
    const base = pathIn.exec(own)![1]!.replace(/\/$/, '');
    try {
      for (const each of [cgroup, { fd: cgroup.fd }]) {
        const seen = pathIn.exec(await shell('cat /proc/self/cgroup', { cgroup: each }))![1]!;
        expect(seen.endsWith(path)).toBe(true);
        expect(seen).not.toBe(base);
      }
      await using child = await idle({ cgroup, namespaces: { pid: 'new', cgroup: 'new' } });
      expect(readFileSync(`${Cgroup.hierarchy().mountPoint}${path}/cgroup.procs`, 'utf8')).toBe(`${child.pid}\n`);
      // A new cgroup namespace has its root where the child started.
      const inside = await shell('cat /proc/self/cgroup', { cgroup, namespaces: { cgroup: 'new' } });
      expect(pathIn.exec(inside)![1]).toBe('/');
      // And by an intermediate child, too.
      using pid = await Namespace.open({ pidfd: child.pidfd, type: 'pid' });
      expect(pathIn.exec(await shell('cat /proc/self/cgroup', { cgroup, namespaces: { pid } }))![1]).toMatch(
        new RegExp(`${path}$`),
      );
    } finally {
      await cgroup.delete();
    }
    expect(readFileSync('/proc/self/cgroup', 'utf8')).toBe(own);
  });

  testUnless(noCgroups, 'that is a folder of another kind, or gone, is refused by name', async () => {
    const path = `${Cgroup.hierarchy().mountPoint}/netlace-spawn-${process.pid}-gone`;
    mkdirSync(path);
    const gone = openSync(path, 'r');
    rmdirSync(path);
    const other = openSync('/proc', 'r');
    try {
      for (const fd of [gone, other]) {
        const error = await errorOf(() => spawn('true', [], { cgroup: { fd } }));
        expect(error).toMatchObject({ name: 'SpawnError', step: 'cgroup' });
      }
    } finally {
      closeSync(gone);
      closeSync(other);
    }
  });
});
