/** `spawn` with an init: process 1 of a new pid namespace that is not the program. */
import { expect, jest, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Namespace } from '../../lib/namespaces/namespace.js';
import { spawn } from '../../lib/process/spawn.js';
import type { SpawnOptions } from '../../lib/process/spawn-options.js';
import { leavesNothing, until } from '../support/leftovers.js';
import { noNetns } from '../support/netns.js';
import { errorOf } from '../support/rejection.js';
import { describeUnless, testUnless } from '../support/skip.js';
import {
  childrenOf,
  field,
  firstOutput,
  lines,
  noRights,
  outcome,
  outcomeOf,
  programs,
  rootless,
  shell,
  temporaryFolder,
} from '../support/spawned.js';

leavesNothing();
jest.setTimeout(60_000);

const options: SpawnOptions = {
  init: true,
  namespaces: { pid: 'new', mnt: 'new', ...rootless },
  mounts: [{ type: 'proc', target: '/proc' }],
};
const folder = temporaryFolder('init');

describeUnless(noNetns, 'an init', () => {
  test('is process 1, and the program another one', async () => {
    const [pid, parent, name, ...fds] = await lines(
      "echo $$; echo $PPID; tr '\\0' '\\n' < /proc/1/cmdline | head -n 1; ls /proc/1/fd | sort -n",
      options,
    );
    expect(Number(pid)).toBeGreaterThan(1);
    expect(parent).toBe('1');
    expect(name).toBe('init');
    // It has the program's standard streams, and nothing else of this process's.
    expect(fds.filter((fd) => Number(fd) > 2)).toEqual([]);
    expect(await lines('echo $$', { ...options, init: false })).toEqual(['1']);
  });

  test('gives the program what it is given, and ends as that does', async () => {
    const { out, exit } = await outcome('sh', ['-c', 'echo "$0 $1 $A"; pwd; exit 43', 'zero', 'one two'], {
      ...options,
      argv0: '-named',
      env: { ...process.env, A: 'b' },
      cwd: '/usr',
    });
    expect(out).toBe('zero one two b\n/usr\n');
    expect(exit).toMatchObject({ code: 43, signal: null });
    expect(await shell("tr '\\0' ' ' < /proc/$$/cmdline", { ...options, argv0: '-named' })).toMatch(/^-named -c tr/);
    expect((await outcome('sh', ['-c', 'kill -KILL $$'], options)).exit).toMatchObject({ code: 128 + 9 });
  });

  test('passes signals on', async () => {
    const child = await spawn('sh', ['-c', 'trap "exit 21" USR1; echo up; while ! read -r _; do :; done'], {
      ...options,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    expect(await firstOutput(child)).toBe('up\n');
    expect(child.kill('SIGUSR1')).toBe(true);
    expect((await outcomeOf(child)).exit).toMatchObject({ code: 21 });
    const sleeper = await spawn('sh', ['-c', 'echo up; exec sleep 1000'], {
      ...options,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    expect(await firstOutput(sleeper)).toBe('up\n');
    sleeper.kill();
    expect((await outcomeOf(sleeper)).exit).toMatchObject({ code: 128 + 15 });
  });

  test('leaves the program with no signal blocked or ignored', async () => {
    const status = await shell('cat /proc/self/status', options);
    expect(field(status, 'SigBlk')).toBe('0000000000000000');
    expect(field(status, 'SigIgn')).toBe('0000000000000000');
  });

  test('waits for orphans', async () => {
    const script = `
      : > ${folder}/orphans
      for i in 1 2 3 4 5; do (sh -c 'echo $$ >> ${folder}/orphans' &) ; done
      until [ "$(wc -l < ${folder}/orphans)" = 5 ]; do :; done
      for pid in $(cat ${folder}/orphans); do while [ -e /proc/$pid ]; do :; done; done
      grep -l 'State:.Z' /proc/[0-9]*/status || echo none`;
    expect(await shell(script, options)).toBe('none');
    expect(readFileSync(join(folder, 'orphans'), 'utf8').trim().split('\n')).toHaveLength(5);
  });

  test('ends with the program, and all others of the namespace with it', async () => {
    const child = await spawn('sh', ['-c', 'sleep 1000 & echo up'], {
      ...options,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    // The sleeper has the pipe, too: it ends only with that.
    expect(await outcomeOf(child)).toMatchObject({ out: 'up\n', exit: { code: 0 } });
    expect(childrenOf()).toEqual([]);
  });

  test('is there in another root, and in new namespaces of all types', async () => {
    const root = mkdtempSync(join(folder, 'root-'));
    const inside = await lines('echo $PPID; ls /; tr "\\0" "\\n" < /proc/1/cmdline | head -n 1', {
      init: true,
      namespaces: { user: 'new', pid: 'new', mnt: 'new', uts: 'new', ipc: 'new', net: 'new', cgroup: 'new' },
      root,
      mounts: [...programs, { type: 'proc', target: '/proc' }],
    });
    expect(inside[0]).toBe('1');
    expect(inside.at(-1)).toBe('init');
    expect(inside).toContain('usr');
  });

  testUnless(noRights, 'has a namespace that others join', async () => {
    const child = await spawn('cat', [], { ...options, stdio: ['pipe', 'ignore', 'inherit'] });
    using pid = await Namespace.open({ pidfd: child.pidfd, type: 'pid' });
    using mnt = await Namespace.open({ pidfd: child.pidfd, type: 'mnt' });
    const [name] = await lines("tr '\\0' '\\n' < /proc/1/cmdline", { namespaces: { pid, mnt } });
    expect(name).toBe('init');
    child.stdin!.end();
    expect(await child.exited).toMatchObject({ code: 0 });
  });

  test('says what is wrong with the command, which it looks for as without one', async () => {
    const at = (name: string) => join(folder, 'path', name);
    for (const [name, mode] of [
      ['refused', 0o644],
      ['text', 0o755],
    ] as const) {
      mkdirSync(at(name), { recursive: true });
      writeFileSync(join(at(name), 'netlace-kind'), 'no program', { mode });
    }
    for (const [command, path, code] of [
      ['netlace-there-is-no-such-command', ['none', 'text'], 'ENOENT'],
      ['/proc/self/status', [], 'EACCES'],
      ['netlace-kind', ['refused', 'none'], 'EACCES'],
      ['netlace-kind', ['refused', 'text', 'none'], 'ENOEXEC'],
    ] as const) {
      const env = { PATH: path.map(at).join(':') };
      expect(await errorOf(() => spawn(command, [], { ...options, env }))).toMatchObject({
        name: 'SpawnError',
        step: 'command',
        code,
      });
    }
    expect(await until(() => childrenOf().length === 0)).toBe(true);
  });

  test('takes a new pid namespace', async () => {
    for (const namespaces of [{}, { mnt: 'new' }] as const)
      expect(await errorOf(() => spawn('true', [], { init: true, namespaces }))).toMatchObject({
        name: 'ArgumentError',
        argument: 'options.init',
      });
  });

  test('does not keep others from starting meanwhile', async () => {
    const children = await Promise.all(
      Array.from({ length: 24 }, (_, i) =>
        spawn('sh', ['-c', `read -r _; exit ${i}`], {
          ...(i % 2 ? options : {}),
          stdio: ['pipe', 'ignore', 'inherit'],
        }),
      ),
    );
    for (const child of children) child.stdin!.end('\n');
    for (const [i, child] of children.entries()) expect((await child.exited).code).toBe(i);
  });
});
