/** The demo as a user runs it: compiled, as a process of its own, against the package that was built. */
import { spawn, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { beforeAll, expect, jest, test } from '@jest/globals';
import { until } from '../support/leftovers.js';
import { noNetns, notRoot, unavailable } from '../support/netns.js';
import { describeUnless, testUnless } from '../support/skip.js';

jest.setTimeout(120_000);

const DEMO = 'out/examples/demo.js';
const NOBODY = { uid: 65534, gid: 65534 };

const noOverlay =
  noNetns ??
  (await unavailable('bridges', ({ link }) => link.add({ name: 'it', kind: 'bridge' }))) ??
  (await unavailable('VXLAN', ({ link }) => link.add({ name: 'it', kind: 'vxlan', data: { id: 1, port: 4789 } })));

/** Why another user cannot start Node.js on the files here, if so. */
const notForNobody = ((): string | undefined => {
  if (notRoot !== undefined) return notRoot;
  const { status } = spawnSync(process.execPath, ['-e', 'fs.readdirSync(".")'], NOBODY);
  return status === 0 ? undefined : 'another user may not read these files';
})();

/** Why users may not have user namespaces here, if so. */
const noUserNamespaces = ((): string | undefined => {
  const { status } = spawnSync('unshare', ['--user', 'true'], NOBODY);
  return status === 0 ? undefined : 'users may not have user namespaces';
})();

/** A demo under way, in a process group of its own. */
interface Run {
  readonly child: ChildProcess;
  /** Resolves when this text has been printed. */
  printed(text: string): Promise<void>;
  /** When it has ended and everything it printed has come. */
  readonly ended: Promise<{
    readonly code: number | null;
    readonly signal: string | null;
    readonly stdout: string;
    readonly stderr: string;
  }>;
}

function start(options: SpawnOptions = {}): Run {
  const child = spawn(process.execPath, [DEMO], { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  let onText: (() => void) | undefined;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    onText?.();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Awaited<Run['ended']>>((resolve, reject) => {
    child.once('error', reject).once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  const printed = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      onText = () => {
        if (stdout.includes(text)) resolve();
      };
      onText();
      void ended.then(() => reject(new Error(`ended without printing ${text}: ${stderr}`)));
    });
  return { child, printed, ended };
}

/** The network namespaces that a process holds open. */
function heldBy(pid: number | string): string[] {
  const found: string[] = [];
  try {
    for (const fd of readdirSync(`/proc/${pid}/fd`)) {
      const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
      if (target.startsWith('net:')) found.push(target);
    }
  } catch {
    // A process that has ended, or that is another's.
  }
  return found;
}

/** What still keeps these namespaces of a demo that has ended: mounts, or processes that it has started. */
function keptBy(pid: number, namespaces: readonly string[]): string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const kept = mounts.filter((line) => namespaces.some((each) => line.includes(each)));
  try {
    process.kill(-pid, 0);
    kept.push(`process group ${pid}`);
  } catch (error) {
    expect(error).toMatchObject({ code: 'ESRCH' });
  }
  return kept;
}

/** The namespaces that the demo has shown. */
function shown(stdout: string): string[] {
  return [...stdout.matchAll(/^\w+ {2}(net:\[\d+\])$/gm)].map(([, each]) => each!);
}

beforeAll(() => {
  // Under another kernel everything was built before.
  if (process.env['NETLACE_PREBUILT'] === '1') return;
  const { status, stdout } = spawnSync(
    process.execPath,
    ['node_modules/typescript/bin/tsc', '-b', 'tsconfig.examples.json'],
    {
      encoding: 'utf8',
    },
  );
  if (status !== 0) throw new Error(stdout);
});

describeUnless(noOverlay, 'the demo', () => {
  test('builds everything, shows it, and every check passes', async () => {
    const { child, ended } = start();
    const { code, stdout, stderr } = await ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });

    for (const name of ['host1', 'host2', 'web', 'app', 'db', 'far']) {
      expect(stdout).toMatch(new RegExp(`^${name}  net:\\[\\d+\\]$`, 'm'));
    }
    expect(stdout).toMatch(/\d+: br0 {2}bridge {2}up {2}[0-9a-f:]{17}$/m);
    expect(stdout).toMatch(/\d+: vx42 {2}vxlan {2}up {2}[0-9a-f:]{17} {2}master br0 {2}id 42 port 4789$/m);
    expect(stdout).toMatch(/\d+: veth-web {2}veth {2}up {2}[0-9a-f:]{17} {2}master br0 {2}peer .+$/m);
    expect(stdout).toMatch(/\d+: eth0 {2}veth {2}up {2}02:42:0a:2a:00:15 {2}peer .+$/m);
    expect(stdout).toContain('10.42.0.21/24');
    expect(stdout).toContain('route default via 10.42.0.1 on eth0');

    const checks = stdout.split('\n').filter((line) => /^(ok|FAILED) /.test(line));
    expect(checks.map((line) => line.replace(/ +[0-9.]+ ms +/, ' '))).toEqual([
      'ok HTTP from another container on the bridge',
      'ok UDP from another container on the bridge',
      'ok HTTP from its host',
      'ok UDP from its host',
      'ok HTTP from the container on the other host',
      'ok UDP from the container on the other host',
    ]);
    expect(stdout).toMatch(/6 namespaces wired in [0-9.]+ ms; every check passed\n$/);
    expect(shown(stdout)).toHaveLength(6);
    expect(keptBy(child.pid!, shown(stdout))).toEqual([]);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('stopped by %s while it wires, it ends with %i and leaves nothing', async (signal, expected) => {
    const { child, ended } = start();
    expect(await until(() => heldBy(child.pid!).length >= 2, 30_000)).toBe(true);
    const made = heldBy(child.pid!);
    child.kill(signal);
    const { stdout, stderr, ...how } = await ended;
    expect(how).toEqual({ code: expected, signal: null });
    expect(stderr).toBe(`demo: stopped by ${signal}\n`);
    expect(stdout).not.toContain('ok ');
    expect(keptBy(child.pid!, made)).toEqual([]);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('stopped by %s after a line of output, it ends with %i and leaves nothing', async (signal, expected) => {
    const { child, printed, ended } = start();
    await printed('host1  net:[');
    const made = heldBy(child.pid!);
    child.kill(signal);
    const { stdout, stderr, ...how } = await ended;
    expect(how).toEqual({ code: expected, signal: null });
    expect(stderr).toBe(`demo: stopped by ${signal}\n`);
    expect(stdout).not.toContain('every check passed');
    expect(keptBy(child.pid!, [...made, ...shown(stdout)])).toEqual([]);
  });
});

testUnless(notForNobody ?? noUserNamespaces, 'the demo runs for users who are not root', async () => {
  const { code, stdout, stderr } = await start(NOBODY).ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('every check passed');
});

testUnless(notForNobody, 'without the right, the demo says in one line which one', async () => {
  const { status, stdout, stderr } = spawnSync(
    'setpriv',
    ['--bounding-set=-all', '--inh-caps=-all', process.execPath, DEMO],
    { encoding: 'utf8' },
  );
  expect({ status, stdout, stderr }).toEqual({
    status: 1,
    stdout: '',
    stderr: expect.stringMatching(/^demo: unshare: [^\n]* \(EPERM\); it takes CAP_SYS_ADMIN\n$/),
  });
});
