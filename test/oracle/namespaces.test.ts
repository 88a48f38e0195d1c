/** Namespaces of all types beside lsns, nsenter, unshare and ip: what they make we read, what we make they read. */
import { afterAll, expect, jest, test } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listNamespaces, type NamespaceInfo } from '../../lib/namespaces/list.js';
import { Namespace } from '../../lib/namespaces/namespace.js';
import type { NamespaceNode } from '../../lib/namespaces/tree.js';
import { NAMESPACE_TYPES } from '../../lib/namespace-types.js';
import { noIproute2 } from '../support/iproute2.js';
import { leavesNothing } from '../support/leftovers.js';
import { noNetns } from '../support/netns.js';
import { noBuild, tell } from '../support/program.js';
import { describeUnless, testUnless } from '../support/skip.js';

leavesNothing();
jest.setTimeout(60_000);

const missing = ['lsns', 'unshare', 'nsenter'].filter((tool) => spawnSync(tool, ['--version']).error !== undefined);
const skip =
  noNetns ?? noIproute2 ?? (missing.length === 0 ? undefined : `needs ${missing.join(' and ')} (util-linux)`);

const types = NAMESPACE_TYPES.filter((type) => readdirSync('/proc/self/ns').includes(type));
const folder = mkdtempSync(join(tmpdir(), 'netlace-namespaces-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(command: string): string {
  const [tool = '', ...args] = command.split(' ');
  const { status, stdout, stderr } = spawnSync(tool, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
  return stdout.trim();
}

/** What `lsns -J` says of a namespace. */
interface Theirs {
  readonly ns: number;
  readonly type: string;
  readonly nprocs: number;
  readonly pid: number;
  readonly command: string;
  readonly uid: number;
  readonly user: string;
  readonly netnsid: string | null;
  readonly nsfs: string | null;
  readonly pns: number;
  readonly ons: number;
  readonly children?: readonly Theirs[];
}

/** The same in our words. Numbers of namespaces come as text out of the program. */
function translated(theirs: Theirs): Record<string, unknown> {
  const { ns, type, nprocs, pid, command, uid, user, netnsid, nsfs, pns, ons } = theirs;
  const ino = (number: number) => (number === 0 ? undefined : String(number));
  return {
    ino: ino(ns),
    type,
    // lsns counts itself, too, where it was started from: by process 1.
    processes: pid === 1 ? nprocs - 1 : nprocs,
    pid,
    command,
    uid,
    user,
    nsid: netnsid === null || netnsid === 'unassigned' ? undefined : Number(netnsid),
    paths: nsfs === null ? [] : [nsfs],
    parentIno: ino(pns),
    ownerIno: ino(ons),
  };
}

interface Branch {
  readonly ino: string;
  readonly below: readonly Branch[];
}

const theirBranch = ({ ns, children = [] }: Theirs): Branch => ({
  ino: String(ns),
  below: children.map(theirBranch).sort((a, b) => a.ino.localeCompare(b.ino)),
});
/** Without what they do not list: namespaces without a process, unless there is one further below. */
const ourBranches = (nodes: readonly NamespaceNode[]): Branch[] =>
  nodes
    .map(({ ino, processes, children }) => ({ ino: String(ino), processes, below: ourBranches(children) }))
    .filter(({ processes, below }) => processes > 0 || below.length > 0)
    .map(({ ino, below }) => ({ ino, below }))
    .sort((a, b) => a.ino.localeCompare(b.ino));

describeUnless(skip, 'namespaces beside lsns', () => {
  testUnless(noBuild, 'the list, the numbers of network namespaces and the trees are theirs', () => {
    // Alone with its children, so that nothing comes or goes in between.
    const told = tell(
      `
      const { spawn, execFileSync } = require('node:child_process');
      const { once } = require('node:events');
      execFileSync('mount', ['-t', 'tmpfs', 'none', '/run']);
      execFileSync('ip', ['netns', 'add', 'box']);
      execFileSync('ip', ['netns', 'set', 'box', '42']);
      const children = [];
      for (const command of [
        'unshare --user --uts cat',
        'ip netns exec box cat',
        'unshare --user --map-root-user --net --ipc --cgroup cat',
        'unshare --pid --fork --mount-proc cat',
        'unshare --user --map-root-user --mount unshare --user --map-root-user --uts ${types.includes('time') ? '--time' : '--ipc'} --fork cat',
      ]) {
        const [tool, ...args] = command.split(' ');
        const child = spawn(tool, args);
        child.stdin.write('ready');
        await once(child.stdout, 'data');
        children.push(child);
      }
      const columns = 'NS,TYPE,NPROCS,PID,COMMAND,UID,USER,NETNSID,NSFS,PNS,ONS';
      const theirs = (...options) => JSON.parse(execFileSync('lsns', ['-J', '-o', columns, ...options])).namespaces;
      told.theirs = theirs('--list');
      told.ours = await netlace.listNamespaces();
      for (const by of ['owner', 'parent']) {
        told[by] = { theirs: theirs('--tree=' + by), ours: netlace.namespaceTree(told.ours, by) };
      }
      told.ids = execFileSync('ip', ['netns', 'list-id'], { encoding: 'utf8' });
      for (const child of children) {
        child.stdin.end();
        await once(child, 'exit');
      }`,
      { under: 'unshare --pid --fork --mount-proc --net --kill-child' },
    );
    const theirs = (told['theirs'] as Theirs[]).map(translated);
    const ours = told['ours'] as NamespaceInfo[];
    expect(theirs.length).toBeGreaterThan(types.length + 10);
    const populated = ours.filter(({ processes }) => processes > 0);
    expect(populated.map(({ ino }) => String(ino)).sort()).toEqual(theirs.map(({ ino }) => ino).sort());
    for (const their of theirs) {
      const our = populated.find(({ ino }) => String(ino) === their['ino'])!;
      const { type, processes, pid, command, uid, user, nsid, paths, parentIno, ownerIno, ino } = our;
      const same = { type, processes, pid, uid, user, nsid, parentIno, ownerIno, ino, command, paths };
      // The program is a command of many lines, and its namespaces may be pinned in the mounts that came along.
      if (pid === 1) Object.assign(same, { command: their['command'], paths: their['paths'] });
      expect(same).toEqual(their);
    }
    expect(populated).toContainEqual(
      expect.objectContaining({ type: 'net', nsid: 42, names: ['box'], paths: ['/run/netns/box'] }),
    );
    expect(told['ids']).toMatch(/nsid 42 .*name: box/);
    for (const by of ['owner', 'parent']) {
      const tree = told[by] as { theirs: Theirs[]; ours: NamespaceNode[] };
      const branches = tree.theirs.map(theirBranch).sort((a, b) => a.ino.localeCompare(b.ino));
      expect(ourBranches(tree.ours)).toEqual(branches);
      expect(branches.length).toBeLessThan(theirs.length);
    }
  });

  test('what we make and hold, nsenter enters', async () => {
    for (const type of ['uts', 'ipc', 'net', 'cgroup', 'mnt'] as const) {
      using made = await Namespace.create(type);
      const option = { uts: 'uts', ipc: 'ipc', net: 'net', cgroup: 'cgroup', mnt: 'mount' }[type];
      const path = `/proc/${process.pid}/fd/${made.fd}`;
      expect(run(`nsenter --${option}=${path} readlink /proc/self/ns/${type}`)).toBe(`${type}:[${made.ino}]`);
      if (type === 'mnt') continue;
      const pin = join(folder, `ours-${type}`);
      made.pin(pin);
      expect(run(`nsenter --${option}=${pin} readlink /proc/self/ns/${type}`)).toBe(`${type}:[${made.ino}]`);
      Namespace.unpin(pin);
      expect(existsSync(pin)).toBe(false);
    }
  });

  test('what unshare pins, we open, list and unpin', async () => {
    const pin = join(folder, 'theirs');
    writeFileSync(pin, '');
    const name = `netlace${process.pid}`;
    const script = `echo\t${name}>/proc/sys/kernel/hostname;readlink\t/proc/self/ns/uts`;
    const link = run(`unshare --uts=${pin} sh -c ${script}`);
    using opened = await Namespace.open({ path: pin, type: 'uts' });
    expect(`uts:[${opened.ino}]`).toBe(link);
    expect(run(`nsenter --uts=/proc/${process.pid}/fd/${opened.fd} uname -n`)).toBe(name);
    expect((await listNamespaces({ types: ['uts'] })).find(({ ino }) => ino === opened.ino)).toMatchObject({
      processes: 0,
      paths: [pin],
      holders: [process.pid],
    });
    Namespace.unpin(pin);
    expect(existsSync(pin)).toBe(false);
  });

  test('what a process of unshare is in, we open by its pid', async () => {
    const child = spawn('unshare', ['--user', '--map-root-user', '--uts', '--ipc', '--net', '--mount', 'cat']);
    child.stdin.write('ready');
    await once(child.stdout, 'data');
    for (const type of types) {
      using opened = await Namespace.open({ pid: child.pid!, type });
      expect(`${type}:[${opened.ino}]`).toBe(readlinkSync(`/proc/${child.pid}/ns/${type}`));
      // Whether it is the same as ours, by the same measure.
      using own = Namespace.current(type);
      expect(opened.equals(own)).toBe(!['user', 'uts', 'ipc', 'net', 'mnt'].includes(type));
    }
    child.stdin.end();
    await once(child, 'close');
  });
});
