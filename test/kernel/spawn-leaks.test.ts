/** `spawn` many times, at once, beside Node.js's own children and in Workers: nothing is left, nothing is disturbed. */
import { describe, expect, jest, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import type { Child } from '../../lib/process/child.js';
import { spawn } from '../../lib/process/spawn.js';
import type { SpawnOptions } from '../../lib/process/spawn-options.js';
import { leavesNothing, threadCount, until } from '../support/leftovers.js';
import { Random } from '../support/random.js';
import { errorOf } from '../support/rejection.js';
import { noNetns } from '../support/netns.js';
import { describeUnless } from '../support/skip.js';
import { childrenOf, outcome, outcomeOf, rootless, shell } from '../support/spawned.js';

leavesNothing();
jest.setTimeout(180_000);

const descriptors = () => readdirSync('/proc/self/fd').length;
const mounts = () => readFileSync('/proc/self/mountinfo', 'utf8');

/** Runs `body` so many times, so many at once. */
async function manyTimes(times: number, atOnce: number, body: (round: number) => Promise<void>): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < times) await body(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

/** Asserts that what `body` does leaves no child, descriptor, thread, mount and memory behind; `warm` goes ahead. */
async function leavesNone(warm: () => Promise<void>, body: () => Promise<void>): Promise<void> {
  await warm();
  await until(() => childrenOf().length === 0);
  const before = {
    children: childrenOf().length,
    descriptors: descriptors(),
    threads: threadCount(),
    mounts: mounts(),
  };
  const memory = process.memoryUsage().rss;
  await body();
  expect(childrenOf()).toHaveLength(before.children);
  expect(await until(() => descriptors() <= before.descriptors)).toBe(true);
  expect(await until(() => threadCount() <= before.threads)).toBe(true);
  expect(mounts()).toBe(before.mounts);
  expect(process.memoryUsage().rss - memory).toBeLessThan(96 * 1024 * 1024);
}

async function run(options: SpawnOptions): Promise<void> {
  const child = await spawn('/bin/true', [], options);
  expect((await child.exited).code).toBe(0);
}

describeUnless(noNetns, 'nothing is left of', () => {
  test('2,000 children in new namespaces, 64 at a time', async () => {
    const options: SpawnOptions = { namespaces: { uts: 'new', ipc: 'new', mnt: 'new', ...rootless }, stdio: 'ignore' };
    await leavesNone(
      () => manyTimes(128, 64, () => run(options)),
      () => manyTimes(2000, 64, () => run(options)),
    );
  });

  test('100 children in seven new namespaces, user and network among them', async () => {
    const options: SpawnOptions = {
      namespaces: { user: 'new', uts: 'new', ipc: 'new', mnt: 'new', net: 'new', pid: 'new', cgroup: 'new' },
      stdio: 'ignore',
    };
    await leavesNone(
      () => manyTimes(16, 16, () => run(options)),
      () => manyTimes(100, 16, () => run(options)),
    );
  });

  test('300 children whose output is read', () =>
    leavesNone(
      () => manyTimes(32, 32, async () => void (await shell('echo out; cat', { stdio: ['ignore'] }))),
      () =>
        manyTimes(300, 32, async (round) => {
          expect(await shell(`echo ${round}`)).toBe(`${round}`);
        }),
    ));

  test('200 children with pipes that nobody has touched and that are empty', () =>
    leavesNone(
      () => manyTimes(32, 32, () => run({})),
      () => manyTimes(200, 32, () => run({})),
    ));

  test('100 children with terminals', async () => {
    const terminal = async (): Promise<void> => {
      const child = await spawn('echo', ['it'], { stdio: 'tty' });
      expect(await text(child.terminal!)).toBe('it\r\n');
      await child.exited;
    };
    await leavesNone(
      () => manyTimes(16, 8, terminal),
      () => manyTimes(100, 8, terminal),
    );
  });

  test('children that are disposed of with pipes full of what nobody reads', async () => {
    const full = async (): Promise<void> => {
      await using child = await spawn('yes');
      await once(child.stdout!, 'readable');
    };
    await leavesNone(
      () => manyTimes(8, 8, full),
      () => manyTimes(64, 8, full),
    );
  });

  test('spawns that fail at each stage', async () => {
    const failures: readonly SpawnOptions[] = [
      { cwd: '/netlace-nowhere' },
      { namespaces: { net: { fd: 999_999 } } },
      { namespaces: { net: { fd: 999_999 }, pid: 'new' } },
      { namespaces: { mnt: 'new', ...rootless }, mounts: [{ type: 'netlacefs', target: '/mnt' }] },
      { cgroup: { fd: 999_999 } },
      { stdio: 'tty', cwd: '/netlace-nowhere' },
      { stdio: ['pipe', 'ignore', 'pipe', 'pipe', 999_999] },
    ];
    const fail = async (round: number): Promise<void> => {
      expect(await errorOf(() => spawn('true', [], failures[round % failures.length]))).toMatchObject({
        name: 'SpawnError',
      });
    };
    await leavesNone(
      () => manyTimes(28, 7, fail),
      () => manyTimes(280, 14, fail),
    );
  });
});

describe('100 children', () => {
  test('are killed at random moments: each ends, in one way or the other', async () => {
    const random = new Random(4711);
    const ends = new Map<string, number>();
    await leavesNone(
      () => manyTimes(8, 8, () => run({ stdio: 'ignore' })),
      () =>
        manyTimes(100, 10, async () => {
          // Half of them only end when killed, however slow the machine is.
          const most = random.int(2) === 0 ? 20_000 : 1e15;
          const child = await spawn('sh', ['-c', `i=0; while [ $i -lt ${most} ]; do i=$((i+1)); done; exit 6`], {
            namespaces: noNetns === undefined ? { pid: 'new', ...rootless } : {},
            stdio: 'ignore',
          });
          await new Promise((resolve) => setTimeout(resolve, random.int(30)));
          const sent = child.kill('SIGKILL');
          const { code, signal } = await child.exited;
          const end = `${code ?? signal}`;
          ends.set(end, (ends.get(end) ?? 0) + 1);
          if (end === 'SIGKILL') expect(sent).toBe(true);
          expect(child.kill('SIGKILL')).toBe(false);
        }),
    );
    expect([...ends.keys()].every((end) => end === '6' || end === 'SIGKILL')).toBe(true);
    expect([...ends.values()].reduce((sum, each) => sum + each)).toBe(100);
    expect(ends.get('SIGKILL')).toBeGreaterThan(0);
  });
});

describe('Node.js’s own children', () => {
  test('are not disturbed, and do not disturb: 50 of each at once', async () => {
    const execute = promisify(execFile);
    const theirs = Array.from({ length: 50 }, (_, i) =>
      execute('sh', ['-c', `echo theirs ${i}; exit ${i % 5}`]).then(
        ({ stdout }) => ({ stdout, code: 0 }),
        ({ stdout, code }: { stdout: string; code: number }) => ({ stdout, code }),
      ),
    );
    const ours = Array.from({ length: 50 }, (_, i) => outcome('sh', ['-c', `echo ours ${i}; exit ${i % 7}`]));
    for (const [i, { stdout, code }] of (await Promise.all(theirs)).entries())
      expect({ stdout, code }).toEqual({ stdout: `theirs ${i}\n`, code: i % 5 });
    for (const [i, { out, exit }] of (await Promise.all(ours)).entries())
      expect({ out, code: exit.code }).toEqual({ out: `ours ${i}\n`, code: i % 7 });
    expect(childrenOf()).toEqual([]);
  });

  test('do not get each other’s descriptors', async () => {
    const list = "ls -l /proc/self/fd | sed -n 's/.* -> //p'";
    const kept = openSync('/proc/self/status', 'r');
    try {
      const found = await Promise.all(Array.from({ length: 40 }, () => shell(list, { stdio: ['ignore'] })));
      for (const each of found) {
        const targets = each.split('\n');
        expect(targets).toHaveLength(4);
        expect(targets[0]).toBe('/dev/null');
        expect(targets.filter((target) => target.startsWith('pipe:'))).toHaveLength(2);
      }
    } finally {
      closeSync(kept);
    }
  });
});

describe('a child', () => {
  test('whose handle nobody keeps is waited for all the same', async () => {
    const started = new Set<number>();
    for (let i = 0; i < 20; i++) started.add((await spawn('/bin/true', [], { stdio: 'ignore' })).pid);
    expect(started.size).toBe(20);
    expect(await until(() => childrenOf().every(({ pid }) => !started.has(pid)))).toBe(true);
  });

  test('that ends before anybody looks has its end kept', async () => {
    const children: Child[] = [];
    for (let i = 0; i < 10; i++) children.push(await spawn('sh', ['-c', `echo ${i}; exit ${10 + i}`]));
    await until(() => children.every(({ exit }) => exit !== undefined));
    for (const [i, child] of children.entries()) {
      const { out, exit } = await outcomeOf(child);
      expect([out, exit.code]).toEqual([`${i}\n`, 10 + i]);
    }
  });
});
