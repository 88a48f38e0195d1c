/** `spawn`: what the child is as a process, and how it ends. Each option is looked at from inside the child. */
import { describe, expect, jest, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { ClosedError } from '../../lib/errors.js';
import { spawn } from '../../lib/process/spawn.js';
import { leavesNothing, until } from '../support/leftovers.js';
import { noBuild, processBuild, tell } from '../support/program.js';
import { errorOf } from '../support/rejection.js';
import { testUnless } from '../support/skip.js';
import {
  childrenOf,
  field,
  firstOutput,
  idle,
  isRunning,
  isStopped,
  lines,
  linkOf,
  nodeEnvironment,
  noResourceRights,
  notInitialRoot,
  oneUser,
  outcome,
  outcomeOf,
  rootless,
  shell,
  temporaryFolder,
} from '../support/spawned.js';

leavesNothing();
jest.setTimeout(60_000);

const folder = temporaryFolder('spawn');
/** This process's own, read from /proc. */
const ownStatus = (key: string) => field(readFileSync('/proc/self/status', 'utf8'), key);
/** The numbers of a `SigIgn:` or `SigBlk:` line. */
const signalsOf = (mask: string) =>
  Array.from({ length: 64 }, (_, i) => i + 1).filter((signal) => (BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n);

describe('the program', () => {
  test('gets its arguments as they are', async () => {
    const args = ['%s|', 'two words', '', '$HOME "quoted"', 'ünï✓', '-n', 'line\nbreak'];
    const { out, err, exit } = await outcome('printf', args);
    expect(out).toBe('two words||$HOME "quoted"|ünï✓|-n|line\nbreak|');
    expect(err).toBe('');
    expect(exit.code).toBe(0);
  });

  test('gets more arguments, and longer ones, than one page holds', async () => {
    const long = 'x'.repeat(100_003);
    const many = Array.from({ length: 3000 }, (_, i) => `argument-${i}`);
    expect(await shell('echo $# ${#1}', {})).toBe('0 0');
    const { out } = await outcome('sh', ['-c', 'echo $# ${#1} ${3000}', 'sh', long, ...many]);
    expect(out).toBe('3001 100003 argument-2998\n');
  });

  test('is called by its command, or by argv0', async () => {
    const script = "tr '\\0' '|' < /proc/$$/cmdline";
    expect(await shell(script)).toBe(`sh|-c|${script}|`);
    expect(await shell(script, { argv0: '-other' })).toBe(`-other|-c|${script}|`);
  });

  test('has the environment that is given, or this process’s', async () => {
    process.env['NETLACE_TEST_HERE'] = 'out of here';
    try {
      expect(await shell('echo "$NETLACE_TEST_HERE"')).toBe('out of here');
      const { out } = await outcome('env', [], { env: { B: '2=2', A: 'ünï', GONE: undefined } });
      expect(out.trim().split('\n')).toEqual(['B=2=2', 'A=ünï']);
      expect((await outcome('/usr/bin/env', [], { env: {} })).out).toBe('');
    } finally {
      delete process.env['NETLACE_TEST_HERE'];
    }
  });

  test('is looked for in PATH of its environment, past what cannot be run', async () => {
    const path = ['none', 'empty', 'plain', 'first', 'second'].map((name) => join(folder, 'path', name));
    for (const each of path.slice(1)) mkdirSync(each, { recursive: true });
    const program = (at: string, says: string, mode: number) => {
      writeFileSync(join(at, 'netlace-which'), `#!/bin/sh\necho ${says} "$@"\n`);
      chmodSync(join(at, 'netlace-which'), mode);
    };
    program(path[2]!, 'plain', 0o644);
    program(path[3]!, 'first', 0o755);
    program(path[4]!, 'second', 0o755);
    const run = (folders: readonly string[]) => outcome('netlace-which', ['it'], { env: { PATH: folders.join(':') } });
    expect((await run(path)).out).toBe('first it\n');
    expect((await run([...path].reverse())).out).toBe('second it\n');
    expect(await errorOf(() => run(path.slice(0, 2)))).toMatchObject({
      name: 'SpawnError',
      step: 'command',
      code: 'ENOENT',
    });
    // With a slash it is a path, absolute or from where the child starts.
    expect((await outcome(join(path[4]!, 'netlace-which'), [], { env: { PATH: path[3] } })).out).toBe('second\n');
    expect((await outcome('second/netlace-which', [], { cwd: join(folder, 'path') })).out).toBe('second\n');
    // An empty entry is the current folder.
    expect((await outcome('netlace-which', [], { env: { PATH: '/none:' }, cwd: path[3] })).out).toBe('first\n');
  });

  test('that is there but may not be run is told apart from one that is missing', async () => {
    const errorIn = (...folders: string[]) => {
      const env = { PATH: folders.map((name) => join(folder, 'path', name)).join(':') };
      return errorOf(() => spawn('netlace-which', [], { env }));
    };
    const refused = { name: 'SpawnError', step: 'command', code: 'EACCES' };
    expect(await errorIn('none', 'plain')).toMatchObject(refused);
    expect(await errorIn('plain', 'none')).toMatchObject(refused);
    expect(await errorIn('none', 'plain', 'empty')).toMatchObject(refused);
    expect(await errorIn('none', 'empty')).toMatchObject({ ...refused, code: 'ENOENT' });
  });

  test('that is there but no program is not looked for elsewhere', async () => {
    for (const at of ['text', 'program']) mkdirSync(join(folder, 'kinds', at), { recursive: true });
    writeFileSync(join(folder, 'kinds', 'text', 'netlace-kind'), 'no program', { mode: 0o755 });
    writeFileSync(join(folder, 'kinds', 'program', 'netlace-kind'), '#!/bin/sh\necho ran\n', { mode: 0o755 });
    const path = (...names: string[]) => ({
      env: { PATH: names.map((name) => join(folder, 'kinds', name)).join(':') },
    });
    expect((await outcome('netlace-kind', [], path('program', 'text'))).out).toBe('ran\n');
    expect(await errorOf(() => spawn('netlace-kind', [], path('text', 'program')))).toMatchObject({
      name: 'SpawnError',
      step: 'command',
      code: 'ENOEXEC',
    });
  });

  testUnless(
    existsSync(`/proc/self/task/${process.pid}/children`)
      ? undefined
      : 'the kernel was built without CONFIG_PROC_CHILDREN',
    'is a process when the call returns, however many there are, made by the JavaScript thread itself',
    async () => {
      const own = () => readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1').trim().split(' ').map(Number);
      const before = own();
      const pending = Array.from({ length: 16 }, (_, i) => spawn('cat', [], i % 2 === 0 ? {} : { nice: 1 }));
      const made = own().filter((pid) => !before.includes(pid));
      expect(made).toHaveLength(16);
      const children = await Promise.all(pending);
      expect(children.map(({ pid }) => pid).sort()).toEqual(made.sort());
      expect(children.map(({ pid }) => isRunning(pid))).toEqual(children.map(() => true));
      for (const child of children) await child[Symbol.asyncDispose]();
      // Of one that cannot be started, then, the reason comes as ever.
      expect(await errorOf(() => spawn('/nowhere'))).toMatchObject({ step: 'command', code: 'ENOENT' });
    },
  );

  test('starts in this process’s folder, or in cwd', async () => {
    expect(await shell('/bin/pwd')).toBe(process.cwd());
    const real = join(folder, 'real');
    mkdirSync(real);
    symlinkSync(real, join(folder, 'link'));
    expect(await shell('/bin/pwd -P', { cwd: join(folder, 'link') })).toBe(real);
  });

  testUnless(oneUser, 'runs as another user and groups', async () => {
    const ids = 'for key in Uid Gid Groups; do grep $key: /proc/self/status; done';
    const read = async (options: Parameters<typeof shell>[1]) => {
      const status = await shell(ids, options);
      return ['Uid', 'Gid', 'Groups'].map((key) => field(status, key).trim().split(/\s+/).filter(Boolean).join(' '));
    };
    expect(await read({ uid: 4321, gid: 8765, groups: [77, 99] })).toEqual([
      '4321 4321 4321 4321',
      '8765 8765 8765 8765',
      '77 99',
    ]);
    expect(await read({ gid: 8765 })).toEqual(['0 0 0 0', '8765 8765 8765 8765', '']);
    expect((await read({ uid: 4321 }))[0]).toBe('4321 4321 4321 4321');
    expect((await read({ groups: [12] }))[2]).toBe('12');
    expect(await read({})).toEqual([
      ownStatus('Uid').replaceAll('\t', ' '),
      ownStatus('Gid').replaceAll('\t', ' '),
      ownStatus('Groups').trim(),
    ]);
  });

  testUnless(
    oneUser,
    'of another user has no capabilities, and this process keeps being readable by its own',
    async () => {
      const { ino } = statSync('/proc/self/fd');
      const status = await shell('cat /proc/self/status', { uid: 4321, gid: 8765 });
      expect(field(status, 'CapEff')).toBe('0000000000000000');
      expect(field(status, 'CapPrm')).toBe('0000000000000000');
      expect(statSync(`/proc/${process.pid}`).uid).toBe(process.getuid!());
      expect(ino).toBeGreaterThan(0);
    },
  );

  test('has no umask but that which is given', async () => {
    const own = ownStatus('Umask');
    expect(await shell('umask')).toBe(own);
    expect(await shell('umask', { umask: 0o137 })).toBe('0137');
    expect(await shell('umask', { umask: 0 })).toBe('0000');
    await shell(`: > ${folder}/masked`, { umask: 0o137 });
    expect(statSync(join(folder, 'masked')).mode & 0o777).toBe(0o640);
  });

  test('is nice', async () => {
    const own = Number(await shell('nice'));
    expect(await shell('nice', { nice: 13 })).toBe('13');
    expect(Number(spawnSync('nice', { encoding: 'utf8' }).stdout)).toBe(own);
  });

  testUnless(notInitialRoot, 'is less nice than this process, by root', async () => {
    expect(await shell('nice', { nice: -7 })).toBe('-7');
  });

  testUnless(notInitialRoot ?? noResourceRights, 'is spared when memory is short, by root', async () => {
    expect(await shell('cat /proc/self/oom_score_adj', { oomScoreAdjust: -123 })).toBe('-123');
  });

  test('is the first to go when memory is short', async () => {
    const own = readFileSync('/proc/self/oom_score_adj', 'utf8').trim();
    expect(await shell('cat /proc/self/oom_score_adj')).toBe(own);
    expect(await shell('cat /proc/self/oom_score_adj', { oomScoreAdjust: 789 })).toBe('789');
    expect(readFileSync('/proc/self/oom_score_adj', 'utf8').trim()).toBe(own);
  });

  test('starts with no signal ignored or blocked, whatever Node.js does with them', async () => {
    const status = await shell('cat /proc/self/status');
    // Node.js ignores SIGPIPE.
    expect(signalsOf(ownStatus('SigIgn'))).toContain(constants.signals.SIGPIPE);
    expect(signalsOf(field(status, 'SigIgn'))).toEqual([]);
    expect(signalsOf(field(status, 'SigBlk'))).toEqual([]);
  });

  test('is in this process’s session, or detached in one of its own', async () => {
    // The fields behind the name: state, parent, process group, session.
    const ids = async (options: Parameters<typeof shell>[1]) => {
      const [pid, , parent, group, session] = (
        await shell(`echo $$ $(cut -d ' ' -f 3-6 /proc/$$/stat)`, options)
      ).split(' ');
      return { pid, parent, group, session };
    };
    const stat = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]!.split(' ');
    const here = await ids({});
    expect(here).toEqual({ pid: here.pid, parent: `${process.pid}`, group: stat[2], session: stat[3] });
    const away = await ids({ detached: true });
    expect(away).toEqual({ pid: away.pid, parent: `${process.pid}`, group: away.pid, session: away.pid });
    expect(away.session).not.toBe(stat[3]);
  });
});

describe('resource limits', () => {
  const limitsOf = async (options: Parameters<typeof shell>[1]) => {
    const table = await shell('cat /proc/self/limits', options);
    return (name: string) => new RegExp(`^${name} {2,}(\\S+) +(\\S+)`, 'm').exec(table)?.slice(1, 3);
  };

  test('are those that are given, each of them', async () => {
    const limit = await limitsOf({
      rlimits: {
        cpu: { soft: 101, hard: 102 },
        fsize: { soft: 1_000_003, hard: 1_000_004 },
        data: { soft: 500_000_003, hard: 500_000_004 },
        stack: { soft: 4_000_003, hard: 4_000_004 },
        core: { soft: 0, hard: 5 },
        rss: { soft: 6_000_001, hard: 6_000_002 },
        nproc: { soft: 3001, hard: 3002 },
        nofile: { soft: 71, hard: 72 },
        memlock: { soft: 8193, hard: 8194 },
        as: { soft: 900_000_001, hard: 900_000_002 },
        locks: { soft: 11, hard: 12 },
        sigpending: { soft: 13, hard: 14 },
        msgqueue: { soft: 8001, hard: 8002 },
        nice: { soft: 0, hard: 0 },
        rtprio: { soft: 0, hard: 0 },
        rttime: { soft: 17, hard: 18 },
      },
    });
    expect(limit('Max cpu time')).toEqual(['101', '102']);
    expect(limit('Max file size')).toEqual(['1000003', '1000004']);
    expect(limit('Max data size')).toEqual(['500000003', '500000004']);
    expect(limit('Max stack size')).toEqual(['4000003', '4000004']);
    expect(limit('Max core file size')).toEqual(['0', '5']);
    expect(limit('Max resident set')).toEqual(['6000001', '6000002']);
    expect(limit('Max processes')).toEqual(['3001', '3002']);
    expect(limit('Max open files')).toEqual(['71', '72']);
    expect(limit('Max locked memory')).toEqual(['8193', '8194']);
    expect(limit('Max address space')).toEqual(['900000001', '900000002']);
    expect(limit('Max file locks')).toEqual(['11', '12']);
    expect(limit('Max pending signals')).toEqual(['13', '14']);
    expect(limit('Max msgqueue size')).toEqual(['8001', '8002']);
    expect(limit('Max nice priority')).toEqual(['0', '0']);
    expect(limit('Max realtime priority')).toEqual(['0', '0']);
    expect(limit('Max realtime timeout')).toEqual(['17', '18']);
  });

  test('of one number are both, and those left out stay as they are', async () => {
    const before = readFileSync('/proc/self/limits', 'utf8');
    const limit = await limitsOf({ rlimits: { nofile: 55, core: 'unlimited' } });
    expect(limit('Max open files')).toEqual(['55', '55']);
    expect(limit('Max core file size')).toEqual(['unlimited', 'unlimited']);
    expect(limit('Max pending signals')).toEqual(/^Max pending signals +(\S+) +(\S+)/m.exec(before)!.slice(1, 3));
    expect(readFileSync('/proc/self/limits', 'utf8')).toBe(before);
  });

  test('hold', async () => {
    const { exit, err } = await outcome('sh', ['-c', `head -c 100000 /dev/zero > ${folder}/large`], {
      rlimits: { fsize: 4096 },
    });
    expect(statSync(join(folder, 'large')).size).toBe(4096);
    expect(exit.code).not.toBe(0);
    expect(err).toMatch(/size/i);
    const busy = await outcome('sh', ['-c', 'while :; do :; done'], { rlimits: { cpu: { soft: 1, hard: 3 } } });
    expect(busy.exit.signal).toBe('SIGXCPU');
    expect(busy.exit.usage.userTime + busy.exit.usage.systemTime).toBeGreaterThan(0);
  });
});

describe('the end', () => {
  test('has the exit code', async () => {
    for (const code of [0, 1, 97, 255]) {
      const child = await spawn('sh', ['-c', `exit ${code}`], { stdio: 'ignore' });
      expect(await child.exited).toMatchObject({ code, signal: null, dumpedCore: false });
      expect(child.exit).toBe(await child.exited);
    }
  });

  test('has the signal', async () => {
    for (const signal of ['SIGTERM', 'SIGKILL', 'SIGUSR2', 'SIGPIPE'] as const) {
      const { exit } = await outcome('sh', ['-c', `kill -${signal.slice(3)} $$`], { rlimits: { core: 0 } });
      expect(exit).toMatchObject({ code: null, signal, dumpedCore: false });
    }
    const { exit } = await outcome('sh', ['-c', 'kill -40 $$']);
    expect(exit).toMatchObject({ code: null, signal: 40 });
  });

  test('says what was used', async () => {
    const busy = await outcome('sh', ['-c', 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done']);
    const lazy = await outcome('true');
    expect(busy.exit.usage.userTime).toBeGreaterThan(lazy.exit.usage.userTime);
    expect(busy.exit.usage.userTime).toBeLessThan(30_000);
    expect(Object.keys(busy.exit.usage).sort()).toEqual([
      'blocksIn',
      'blocksOut',
      'involuntarySwitches',
      'majorFaults',
      'maxResidentSet',
      'minorFaults',
      'systemTime',
      'userTime',
      'voluntarySwitches',
    ]);
    expect(busy.exit.usage.minorFaults).toBeGreaterThan(10);
    // More than this process ever had, which no child has less of.
    const size = process.resourceUsage().maxRSS * 1024 + 3e7;
    const large = await outcome(process.execPath, ['-e', `Buffer.alloc(${size}, 1)`]);
    expect(large.exit.usage.maxResidentSet).toBeGreaterThan(size);
    expect(lazy.exit.usage.maxResidentSet).toBeLessThan(size);
  });

  test('comes when it is killed, and then there is nothing more to kill', async () => {
    const child = await idle();
    expect(child.exit).toBeUndefined();
    expect(child.kill(0)).toBe(true);
    expect(isRunning(child.pid)).toBe(true);
    expect(child.kill('SIGUSR1')).toBe(true);
    expect(await child.exited).toMatchObject({ code: null, signal: 'SIGUSR1' });
    expect(child.kill()).toBe(false);
    expect(child.kill(0)).toBe(false);
    expect(child.kill('SIGKILL')).toBe(false);
    expect(isRunning(child.pid)).toBe(false);
    expect(await errorOf(() => child.pidfd)).toBeInstanceOf(ClosedError);
    expect(await errorOf(() => child.namespaces())).toBeTruthy();
  });

  test('does not come from a signal that the child takes', async () => {
    const child = await spawn(
      'sh',
      ['-c', 'trap "echo caught" USR1; trap "exit 44" TERM; echo up; while ! read -r _; do :; done'],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    expect(await firstOutput(child)).toBe('up\n');
    child.kill('SIGUSR1');
    expect(await firstOutput(child)).toBe('caught\n');
    child.kill();
    expect((await outcomeOf(child)).exit).toMatchObject({ code: 44, signal: null });
  });

  test('comes when it is disposed of', async () => {
    let pid;
    let exited;
    {
      await using child = await idle();
      ({ pid, exited } = child);
      expect(isRunning(pid)).toBe(true);
    }
    expect(isRunning(pid)).toBe(false);
    expect(await exited).toMatchObject({ signal: 'SIGKILL' });
  });

  test('of one that has ended by itself is not changed by disposal', async () => {
    const child = await spawn('sh', ['-c', 'exit 12'], { stdio: 'ignore' });
    await child.exited;
    await child[Symbol.asyncDispose]();
    expect(child.exit).toMatchObject({ code: 12, signal: null });
  });

  test('comes when the signal is aborted, by SIGTERM or killSignal', async () => {
    for (const [killSignal, ended] of [
      [undefined, 'SIGTERM'],
      ['SIGHUP', 'SIGHUP'],
      [12, 'SIGUSR2'],
    ] as const) {
      const abort = new AbortController();
      const child = await idle({ signal: abort.signal, killSignal });
      expect(child.kill(0)).toBe(true);
      abort.abort();
      expect(await child.exited).toMatchObject({ code: null, signal: ended });
    }
  });

  test('of a signal that is aborted before: nothing is started', async () => {
    const reason = new Error('not wanted');
    const before = childrenOf().length;
    const marker = join(folder, 'never');
    expect(await errorOf(() => spawn('touch', [marker], { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(statSync(marker, { throwIfNoEntry: false })).toBeUndefined();
    expect(childrenOf()).toHaveLength(before);
  });

  test('an abort after the end does nothing', async () => {
    const abort = new AbortController();
    const child = await spawn('true', [], { stdio: 'ignore', signal: abort.signal });
    expect((await child.exited).code).toBe(0);
    abort.abort();
    expect(child.exit).toMatchObject({ code: 0, signal: null });
  });
});

describe('a process that', () => {
  testUnless(noBuild, 'is stopped by its terminal while it makes children stops, and goes on', async () => {
    const source = `
      const { spawn } = require('${processBuild}');
      let made = 0;
      process.on('SIGTERM', () => {
        require('node:fs').writeSync(1, 'goes on');
        process.exit(0);
      });
      (async () => {
        for (;;) {
          await (await spawn('true', [], { stdio: 'ignore', env: { PATH: '/none:/nor/here:/bin:/usr/bin' } })).exited;
          if (made++ === 0) console.log('making');
        }
      })();`;
    // Only a process group with a parent outside, in the same session, is stopped by such signals.
    const script = 'set -m; "$@" & echo $!; wait -f $!';
    const job = await spawn('bash', ['-c', script, 'bash', process.execPath, '-e', source], {
      env: nodeEnvironment,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let printed = '';
    job.stdout!.on('data', (bytes) => (printed += String(bytes)));
    expect(await until(() => printed.includes('making'))).toBe(true);
    const group = Number.parseInt(printed, 10);
    try {
      for (let stops = 0; stops < 40; stops++) {
        process.kill(-group, 'SIGTSTP');
        expect([stops, await until(() => isStopped(group))]).toEqual([stops, true]);
        process.kill(-group, 'SIGCONT');
        expect([stops, await until(() => !isStopped(group))]).toEqual([stops, true]);
      }
    } finally {
      process.kill(-group, 'SIGCONT');
      process.kill(group, 'SIGTERM');
    }
    // Not the shell's exit code: that may be about a stop.
    expect(await until(() => printed.includes('goes on'))).toBe(true);
    await job.exited;
  });

  testUnless(noBuild, 'is killed takes with it what has a death signal', async () => {
    const source = `
      const { spawn } = require('${process.cwd()}/dist/cjs/process/index.js');
      (async () => {
        const [mortal, other] = await Promise.all([
          spawn('sleep', ['1000'], { stdio: 'ignore', deathSignal: 'SIGKILL' }),
          spawn('sleep', ['1000'], { stdio: 'ignore' }),
        ]);
        console.log(mortal.pid + ' ' + other.pid);
      })();`;
    const parent = await spawn(process.execPath, ['-e', source], {
      env: nodeEnvironment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [mortal, other] = (await firstOutput(parent)).trim().split(' ').map(Number);
    expect(isRunning(mortal!)).toBe(true);
    // Longer than a thread of the pool that has nothing to do might live.
    parent.kill('SIGKILL');
    expect((await outcomeOf(parent)).exit.signal).toBe('SIGKILL');
    expect(await until(() => !isRunning(mortal!))).toBe(true);
    expect(isRunning(other!)).toBe(true);
    process.kill(other!, 'SIGKILL');
    expect(await until(() => !isRunning(other!))).toBe(true);
  });

  testUnless(noBuild, 'is killed while it makes such a child takes it along', async () => {
    // The mounts take long enough for the parent to be found with a child, and to be killed before that has its signal.
    const source = `
      const { spawn } = require('${processBuild}');
      const mounts = Array.from({ length: 3000 }, () => ({ type: 'tmpfs', target: '${folder}' }));
      const namespaces = { ...${JSON.stringify(rootless)}, mnt: 'new' };
      spawn('sleep', ['1003'], { stdio: 'ignore', namespaces, mounts, deathSignal: 'SIGKILL' });
      console.log('making');`;
    const parent = await spawn(process.execPath, ['-e', source], {
      env: nodeEnvironment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await firstOutput(parent);
    let child;
    while ((child = childrenOf(parent.pid)[0]) === undefined) await setImmediate();
    const { pid } = child;
    parent.kill('SIGKILL');
    await parent.exited;
    expect(await until(() => !isRunning(pid))).toBe(true);
  });

  testUnless(noBuild, 'has unreferenced its child ends before it, and one that has not waits', () => {
    const told = tell(`
      const child = await netlace.spawn('sleep', ['1000'], { stdio: 'ignore' });
      child.unref();
      told.pid = child.pid;`);
    expect(isRunning(told['pid'] as number)).toBe(true);
    process.kill(told['pid'] as number, 'SIGKILL');
    const waited = tell(`
      const child = await netlace.spawn('sh', ['-c', 'sleep 0.2; exit 5'], { stdio: 'ignore' });
      child.exited.then(({ code }) => console.error = () => (told.code = code));
      process.on('exit', () => (told.ended = child.exit?.code));
      await child.exited;
      told.code = child.exit.code;`);
    expect(waited).toMatchObject({ code: 5 });
  });

  test('spawns has the namespaces of its child', async () => {
    await using child = await idle();
    const found = child.namespaces();
    // Not every kernel has those of time.
    const all = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'];
    expect(Object.keys(found).sort()).toEqual(all.filter((kind) => existsSync(`/proc/self/ns/${kind}`)));
    expect(Object.keys(found).length).toBeGreaterThanOrEqual(7);
    for (const [kind, number] of Object.entries(found))
      expect(`${kind}:[${number}]`).toBe(linkOf(kind as keyof typeof found));
    expect(await lines('readlink /proc/self/ns/net /proc/self/ns/mnt')).toEqual([linkOf('net'), linkOf('mnt')]);
  });
});
