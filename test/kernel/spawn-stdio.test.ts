/** `spawn`: the child's descriptors, and its terminal. */
import { describe, expect, jest, test } from '@jest/globals';
import { closeSync, createWriteStream, openSync, readFileSync, readlinkSync, statSync, writeSync } from 'node:fs';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ArgumentError } from '../../lib/errors.js';
import { Netns } from '../../lib/namespaces/netns.js';
import { spawn } from '../../lib/process/spawn.js';
import type { SpawnOptions } from '../../lib/process/spawn-options.js';
import type { StdioEntry, Terminal } from '../../lib/process/stdio.js';
import { leavesNothing, openDescriptors, until } from '../support/leftovers.js';
import { noBuild, tell } from '../support/program.js';
import { errorOf } from '../support/rejection.js';
import { testUnless } from '../support/skip.js';
import {
  firstOutput,
  lines,
  noRights,
  notInitialRoot,
  outcome,
  outcomeOf,
  rootless,
  shell,
  temporaryFolder,
} from '../support/spawned.js';

leavesNothing();
jest.setTimeout(60_000);

const folder = temporaryFolder('stdio');
/** `number target` of each descriptor of the shell itself. */
const listing = 'for fd in /proc/$$/fd/*; do echo "${fd##*/} $(readlink $fd)"; done';

/** What comes from a terminal until it has all of `wanted`. */
async function readUntil(terminal: Terminal, wanted: RegExp): Promise<string> {
  let seen = '';
  while (!wanted.test(seen)) {
    const chunk = terminal.read() as Buffer | null;
    if (chunk === null) await once(terminal, 'readable');
    else seen += chunk.toString();
  }
  return seen;
}

describe('standard streams', () => {
  test('are pipes', async () => {
    const child = await spawn('sh', ['-c', 'readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2; tr a-z b-za >&2']);
    expect(child.stdio).toEqual([child.stdin, child.stdout, child.stderr]);
    child.stdin!.end('netlace');
    const { out, err, exit } = await outcomeOf(child);
    expect(err).toBe('ofumbdf');
    const ends = out.trim().split('\n');
    expect(ends).toHaveLength(3);
    for (const end of ends) expect(end).toMatch(/^pipe:\[\d+\]$/);
    expect(new Set(ends).size).toBe(3);
    expect(exit.code).toBe(0);
  });

  test('carry much, with backpressure, both ways at once', async () => {
    const child = await spawn('cat', [], { stdio: ['pipe', 'pipe', 'inherit'] });
    const block = Buffer.alloc(64 * 1024, 'netlace ');
    const back = text(child.stdout!);
    for (let i = 0; i < 256; i++) if (!child.stdin!.write(block)) await once(child.stdin!, 'drain');
    child.stdin!.end();
    expect(await back).toHaveLength(256 * block.length);
    expect((await child.exited).code).toBe(0);
  });

  test('tell the writer when nobody reads any more', async () => {
    const child = await spawn('true', [], { stdio: ['pipe', 'ignore', 'ignore'] });
    await child.exited;
    const error = await new Promise<NodeJS.ErrnoException | null | undefined>((resolve) =>
      child.stdin!.write('into the void', resolve),
    );
    expect(error).toMatchObject({ code: 'ERR_STREAM_DESTROYED' });
  });

  test('are nothing', async () => {
    const child = await spawn('sh', ['-c', `${listing} > ${folder}/nothing; cat; echo unheard; echo unseen >&2`], {
      stdio: 'ignore',
    });
    expect([child.stdin, child.stdout, child.stderr]).toEqual([null, null, null]);
    expect((await child.exited).code).toBe(0);
    const seen = readFileSync(join(folder, 'nothing'), 'utf8').split('\n');
    expect(seen).toContain('0 /dev/null');
    expect(seen).toContain('2 /dev/null');
  });

  testUnless(noBuild, 'are this process’s', () => {
    // `tell` reads standard output as JSON: what the child writes there goes before it.
    const told = tell(`
      const child = await netlace.spawn('sh', ['-c', 'links=$(readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2); echo "$links" >&3'], { stdio: ['inherit', 'inherit', 'inherit', 'pipe'] });
      told.streams = child.stdio.map((each) => each !== null);
      told.theirs = (await require('node:stream/consumers').text(child.stdio[3])).trim().split('\\n');
      told.ours = [0, 1, 2].map((fd) => fs.readlinkSync('/proc/self/fd/' + fd));`);
    expect(told['streams']).toEqual([false, false, false, true]);
    expect(told['theirs']).toEqual(told['ours']);
  });

  test('are numbers and streams, in any order', async () => {
    const one = openSync(join(folder, 'one'), 'w+');
    const two = createWriteStream(join(folder, 'two'));
    const [fd] = (await once(two, 'open')) as [number];
    writeSync(one, 'here already\n');
    const child = await spawn('sh', ['-c', 'echo to two; echo to one >&2; echo to one again >&4'], {
      stdio: ['ignore', fd, one, 'ignore', one],
    });
    expect(child.stdio).toEqual([null, null, null, null, null]);
    expect((await child.exited).code).toBe(0);
    // They stay this process's.
    writeSync(one, 'still open\n');
    closeSync(one);
    two.end();
    await once(two, 'close');
    expect(readFileSync(join(folder, 'one'), 'utf8')).toBe('here already\nto one\nto one again\nstill open\n');
    expect(readFileSync(join(folder, 'two'), 'utf8')).toBe('to two\n');
  });

  test('are exchanged, where one’s number is another one’s place', async () => {
    const low = openSync(join(folder, 'low'), 'w');
    const high = openSync(join(folder, 'high'), 'w');
    const stdio: number[] = Array.from({ length: Math.max(low, high) + 1 }, () => low);
    stdio[low] = high;
    stdio[high] = low;
    stdio[0] = openSync('/dev/null', 'r');
    const child = await spawn(
      'sh',
      ['-c', `links=$(readlink /proc/$$/fd/${low} /proc/$$/fd/${high}); echo "$links" >&2`],
      {
        stdio: stdio.map((each, i) => (i === 2 ? 'pipe' : each)),
      },
    );
    const { err } = await outcomeOf(child);
    expect(err).toBe(`${folder}/high\n${folder}/low\n`);
    for (const fd of [low, high, stdio[0]]) closeSync(fd);
  });

  test('are as many as are given, and the others are pipes', async () => {
    const child = await spawn('sh', ['-c', 'echo three >&3; echo five >&5; echo out; echo err >&2; cat'], {
      stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'ignore', 'pipe'],
    });
    const [input, output, errors, three, four, five] = child.stdio;
    input!.end('in\n');
    expect(four).toBeNull();
    expect(await Promise.all([output, errors, three, five].map((each) => text(each!)))).toEqual([
      'out\nin\n',
      'err\n',
      'three\n',
      'five\n',
    ]);
    await child.exited;
    const short = await spawn('sh', ['-c', 'echo out; echo err >&2'], { stdio: ['ignore'] });
    expect(await outcomeOf(short)).toMatchObject({ out: 'out\n', err: 'err\n' });
  });

  testUnless(noRights, 'may have the number of a namespace that the child enters', async () => {
    const netns = await Netns.create();
    const many = Array.from({ length: netns.fd + 3 }, (_, i): StdioEntry => (i === 1 ? 'pipe' : 'ignore'));
    const { out } = await outcome('readlink', ['/proc/self/ns/net'], { stdio: many, namespaces: { net: netns } });
    expect(out).toBe(`${readlinkSync(`/proc/self/fd/${netns.fd}`)}\n`);
    netns.close();
  });

  test('may have the number of what the child reports with, or its init', async () => {
    const many = Array.from({ length: 200 }, (_, i): StdioEntry => (i === 1 ? 'pipe' : 'ignore'));
    for (const options of [{}, { init: true, namespaces: { ...rootless, pid: 'new' } }] as const) {
      const settings: SpawnOptions = { stdio: many, deathSignal: 'SIGKILL', ...options };
      expect((await outcome('echo', ['ran'], settings)).out).toBe('ran\n');
      const error = await errorOf(() => spawn('/no/such/program', [], settings));
      expect(error).toMatchObject({ code: 'ENOENT', step: 'command' });
    }
  });

  testUnless(noBuild, 'are no more than the process may have open', () => {
    const told = tell(
      `await attempt('few', async () => (await (await netlace.spawn('true', [], { stdio: Array(10).fill('ignore') })).exited).code);
       await attempt('many', () => netlace.spawn('true', [], { stdio: Array(80).fill('ignore') }));`,
      { under: 'prlimit --nofile=64' },
    );
    expect(told).toMatchObject({ few: 0, many: { name: 'SpawnError', code: 'EINVAL', syscall: 'fcntl' } });
  });

  test('are no numbers that are closed: such a number may be a file of the library by then', async () => {
    const closed = openSync('/dev/null', 'r');
    closeSync(closed);
    for (const nice of [undefined, 1])
      expect(
        await errorOf(() => spawn('true', [], { stdio: ['ignore', 'ignore', 'ignore', closed], nice })),
      ).toMatchObject({
        name: 'SpawnError',
        code: 'EBADF',
        step: 'stdio[3]',
      });
  });

  testUnless(
    notInitialRoot,
    'are, where they are nothing, no device of the machine that a child could change',
    async () => {
      const before = statSync('/dev/null');
      const script = 'stat -L -c "%t %T" /proc/self/fd/0; chmod 0600 /proc/self/fd/0; stat -L -c %a /proc/self/fd/0';
      const { out } = await outcome('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'pipe'] });
      expect(out).toBe('1 3\n600\n');
      expect(statSync('/dev/null').mode).toBe(before.mode);
      expect((await outcome('sh', ['-c', 'cat; echo read'], { stdio: ['ignore', 'pipe', 'pipe'] })).out).toBe('read\n');
    },
  );

  test('are all that a child has', async () => {
    const kept = openSync(join(folder, 'kept'), 'w');
    try {
      expect((await lines(listing)).map((line) => line.split(' ')[0])).toEqual(
        // A shell may keep its script, or a copy, at 10 and above.
        expect.arrayContaining(['0', '1', '2']),
      );
      const child = await spawn('ls', ['-l', '/proc/self/fd'], {
        stdio: ['ignore', 'pipe', 'inherit', 'ignore', kept],
      });
      const { out } = await outcomeOf(child);
      const numbers = [...out.matchAll(/ (\d+) -> (.*)$/gm)].map(([, fd, target]) => `${fd} ${target}`);
      expect(numbers).toHaveLength(6);
      expect(numbers[0]).toBe('0 /dev/null');
      expect(numbers[1]).toMatch(/^1 pipe:/);
      expect(numbers[2]).toBe(`2 ${readlinkSync('/proc/self/fd/2')}`);
      expect(numbers[3]).toBe('3 /dev/null');
      expect(numbers[4]).toBe(`4 ${folder}/kept`);
      // That of `ls` itself.
      expect(numbers[5]).toMatch(/^5 \/proc\/\d+\/fd$/);
    } finally {
      closeSync(kept);
    }
  });

  test('of a wrong kind are refused before anything starts', async () => {
    for (const [stdio, argument] of [
      [['pipe', 'pipes'], 'options.stdio[1]'],
      [['pipe', -1], 'options.stdio[1]'],
      [['pipe', 'pipe', null], 'options.stdio[2]'],
      [[1.5], 'options.stdio[0]'],
      [{ row: 3 }, 'options.stdio.row'],
      [{ rows: 0 }, 'options.stdio.rows'],
      [{ columns: 65_536 }, 'options.stdio.columns'],
      ['pipes', 'options.stdio[0]'],
    ] as const) {
      const error = await errorOf(() => spawn('true', [], { stdio: stdio as never }));
      expect(error).toBeInstanceOf(ArgumentError);
      expect(error).toMatchObject({ argument });
    }
  });

  test('of a number that is not open name their place', async () => {
    expect(await errorOf(() => spawn('true', [], { stdio: ['ignore', 'pipe', 'pipe', 999_999] }))).toMatchObject({
      name: 'SpawnError',
      step: 'stdio[3]',
      code: 'EBADF',
    });
  });
});

describe('pipes from the fourth on', () => {
  const quiet = ['ignore', 'ignore', 'inherit'] as const;
  const script = (text: string, stdio: readonly StdioEntry[]) => spawn('sh', ['-c', text], { stdio });
  /** Sockets of this process that were not there before. */
  const since = (before: readonly string[]) =>
    openDescriptors().filter((each) => each.includes('socket:') && !before.includes(each));

  test('go both ways, and what ends here ends for the child', async () => {
    await using child = await script('while read -r line <&3; do echo "<$line>" >&3; done; echo over >&3', [
      ...quiet,
      'pipe',
    ]);
    const three = child.stdio[3]!;
    expect(three).toBeInstanceOf(Socket);
    three.write('one\n');
    expect(String((await once(three, 'data'))[0])).toBe('<one>\n');
    three.end('two\n');
    expect(await text(three)).toBe('<two>\nover\n');
    expect((await child.exited).code).toBe(0);
  });

  test('are one for each descriptor, of Unix sockets', async () => {
    await using child = await script(
      'read -r b <&4; read -r a <&3; echo "third $a" >&3; echo "fourth $b" >&4; readlink /proc/$$/fd/3 /proc/$$/fd/4',
      ['ignore', 'pipe', 'inherit', 'pipe', 'pipe'],
    );
    const [, out, , three, four] = child.stdio;
    three!.write('apple\n');
    four!.write('pear\n');
    const [ends, ...answers] = await Promise.all([out, three, four].map((each) => text(each!)));
    expect(answers).toEqual(['third apple\n', 'fourth pear\n']);
    expect(ends).toMatch(/^socket:\[(\d+)\]\nsocket:\[(?!\1\])\d+\]\n$/);
    expect((await child.exited).code).toBe(0);
  });

  test('carry much, with backpressure, both ways at once', async () => {
    await using child = await script('cat <&3 >&3', [...quiet, 'pipe']);
    const three = child.stdio[3]!;
    const block = Buffer.alloc(64 * 1024, 'netlace ');
    const back = text(three);
    for (let i = 0; i < 64; i++) if (!three.write(block)) await once(three, 'drain');
    three.end();
    expect(await back).toHaveLength(64 * block.length);
    expect((await child.exited).code).toBe(0);
  });

  test('end when the child closes its end, and leave no descriptor', async () => {
    const before = openDescriptors();
    await using child = await script('exec 3<&-; read -r line; echo unread >&4', [
      'pipe',
      'ignore',
      'inherit',
      'pipe',
      'pipe',
    ]);
    const [stdin, , , three, four] = child.stdio;
    expect(since(before)).toHaveLength(2);
    await once(three!, 'close');
    expect(child.exit).toBeUndefined();
    stdin!.end('\n');
    expect((await child.exited).code).toBe(0);
    // What was printed is kept until it is read, here also.
    expect(since(before)).toHaveLength(1);
    expect(await text(four!)).toBe('unread\n');
    expect(await until(() => since(before).length === 0)).toBe(true);
  });

  test('are destroyed with the child, whatever has not been read', async () => {
    const before = openDescriptors();
    const errors: unknown[] = [];
    {
      await using child = await script('echo unread >&3; echo ready; exec sleep 1000', [
        'ignore',
        'pipe',
        'inherit',
        'pipe',
      ]);
      const three = child.stdio[3]!.on('error', (error) => errors.push(error));
      await firstOutput(child);
      await new Promise((resolve) => three.write('unread, too', resolve));
    }
    expect(since(before)).toEqual([]);
    expect(errors).toEqual([]);
  });

  testUnless(noBuild, 'keep this process no longer than the child has them', () => {
    // It ends by itself, although nobody has read.
    const told = tell(`
      const child = await netlace.spawn('sh', ['-c', 'echo unread >&3'], { stdio: ['ignore', 'ignore', 'inherit', 'pipe', 'pipe'] });
      told.code = (await child.exited).code;`);
    expect(told).toEqual({ code: 0 });
  });
});

describe('a terminal', () => {
  test('is the child’s for all three, controls its session, and has a size', async () => {
    const child = await spawn(
      'sh',
      ['-c', `tty; stty size; ${listing}; ps -o tty= -p $$; echo $$ $(cut -d ' ' -f 6 /proc/$$/stat)`],
      {
        stdio: { rows: 33, columns: 99 },
      },
    );
    const { terminal } = child;
    expect(child.stdin).toBe(terminal);
    expect(child.stdout).toBe(terminal);
    expect(child.stderr).toBeNull();
    const seen = (await text(terminal!)).replaceAll('\r', '').trim().split('\n');
    expect((await child.exited).code).toBe(0);
    const [tty = '', size, ...rest] = seen;
    expect(tty).toMatch(/^\/dev\/pts\/\d+$/);
    expect(size).toBe('33 99');
    for (const fd of [0, 1, 2]) expect(rest).toContain(`${fd} ${tty}`);
    expect(rest).toContain(tty.replace('/dev/', ''));
    const [pid, session] = rest.at(-1)!.split(' ');
    expect(session).toBe(pid);
    expect(pid).toBe(`${child.pid}`);
  });

  test('has 24 lines of 80 unless said', async () => {
    const child = await spawn('stty', ['size'], { stdio: 'tty' });
    expect((await text(child.terminal!)).trim()).toBe('24 80');
    await child.exited;
  });

  test('takes what is written to it, and tells of another size', async () => {
    await using child = await spawn(
      'sh',
      [
        '-c',
        'trap "stty size" WINCH; echo ready; while :; do read -r line || continue; echo "got:$line"; [ "$line" = end ] && exit 9; done',
      ],
      {
        stdio: { rows: 10, columns: 20 },
      },
    );
    const terminal = child.terminal!;
    await readUntil(terminal, /ready/);
    terminal.write('first\n');
    expect(await readUntil(terminal, /got:first/)).toMatch(/first[\r\n]+got:first/);
    terminal.resize(41, 117);
    // Some shells run the trap only when there is a line.
    terminal.write('\n');
    await readUntil(terminal, /41 117/);
    expect(await errorOf(() => terminal.resize(0, 5))).toMatchObject({ name: 'ArgumentError', argument: 'rows' });
    expect(await errorOf(() => terminal.resize(5, 70_000))).toMatchObject({
      name: 'ArgumentError',
      argument: 'columns',
    });
    terminal.write('end\n');
    terminal.resume();
    expect(await child.exited).toMatchObject({ code: 9, signal: null });
  });

  test('sends the signal of Ctrl-C', async () => {
    const child = await spawn('sh', ['-c', 'echo ready; exec cat'], { stdio: 'tty' });
    await readUntil(child.terminal!, /ready/);
    child.terminal!.write('\x03');
    child.terminal!.resume();
    expect(await child.exited).toMatchObject({ code: null, signal: 'SIGINT' });
  });

  test('ends when the last process has closed it, without an error, and leaves no descriptor', async () => {
    const child = await spawn('true', [], { stdio: 'tty' });
    const { terminal } = child;
    const closed = once(terminal!, 'close');
    terminal!.resume();
    await child.exited;
    await closed;
    expect(terminal!.destroyed).toBe(true);
    expect(await until(() => terminal!.closed)).toBe(true);
    terminal!.resize(41, 117);
    expect(await errorOf(() => terminal!.resize(0, 5))).toMatchObject({ argument: 'rows' });
  });

  test('destroyed, it has no size: what has its descriptor’s number by now keeps its own', async () => {
    const child = await spawn('cat', [], { stdio: 'tty' });
    const [script, options] = ['read -r _; stty size', { stdio: { rows: 12, columns: 34 } }] as const;
    child.terminal!.destroy();
    const starting = spawn('sh', ['-c', script], options);
    child.terminal!.resize(41, 117);
    const other = await starting;
    child.terminal!.resize(41, 117);
    other.terminal!.write('\n');
    await readUntil(other.terminal!, /12 34/);
    other.terminal!.resume();
    await Promise.all([child.exited, other.exited]);
  });

  test('is gone with its session’s end: the child gets SIGHUP', async () => {
    const child = await spawn('sh', ['-c', 'echo ready; exec sleep 1000'], { stdio: 'tty' });
    await readUntil(child.terminal!, /ready/);
    child.terminal!.destroy();
    expect(await child.exited).toMatchObject({ code: null, signal: 'SIGHUP' });
  });

  test('is not there otherwise', async () => {
    const child = await spawn('sh', ['-c', 'tty; true']);
    expect(child.terminal).toBeNull();
    child.stdin!.end();
    expect((await outcomeOf(child)).out).toBe('not a tty\n');
    expect(await shell('cat', { stdio: ['ignore'] })).toBe('');
  });
});
