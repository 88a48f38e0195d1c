// A container runtime: root file system, namespaces, cgroup, network, logs. As root or not.
//
//   npm run example -- mini-runtime                          a container that looks around, and one command more in it
//   npm run example -- mini-runtime run NAME ROOT COMMAND... ROOT is a folder, or / for this machine's own programs
//   npm run example -- mini-runtime exec NAME COMMAND...     in one that runs
//   npm run example -- mini-runtime logs NAME
import {
  createWriteStream,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createBridge, createSandbox, Namespace, Netns, NetlinkError } from 'netlace';
import { Cgroup } from 'netlace/cgroup';
import { spawn, type SpawnMount, type SpawnOptions } from 'netlace/process';

const rootless = process.getuid!() !== 0;
const SUBNET = '10.88.0';
const KINDS = ['user', 'net', 'pid', 'mnt', 'uts', 'ipc', 'cgroup'] as const;
const DEVICES = ['null', 'zero', 'full', 'random', 'urandom'];
const CAPABILITIES = ['CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE', 'CAP_NET_RAW'] as const;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What is known of a container that runs, for those who come later. */
function folderOf(name: string): string {
  if (!/^[\w-]{1,32}$/.test(name)) throw new Error(`${name}: a name has up to 32 letters, digits and dashes`);
  return join(tmpdir(), `mini-runtime-${process.getuid!()}`, name);
}

/** The rights of a container, with which it is root at most of itself. */
const confined: SpawnOptions = {
  env: { PATH, TERM: 'dumb', HOME: '/' },
  cwd: '/',
  noNewPrivileges: true,
  capabilities: {
    bounding: CAPABILITIES,
    permitted: CAPABILITIES,
    effective: CAPABILITIES,
    inheritable: [],
    ambient: [],
  },
};

/** This machine's own programs, as a root to stand on: nothing of it can be written. */
function machineRoot(folder: string): { lower: string; mounts: SpawnMount[] } {
  const lower = join(folder, 'lower');
  mkdirSync(lower);
  const mounts: SpawnMount[] = [];
  for (const name of ['usr', 'bin', 'sbin', 'lib', 'lib64', 'etc']) {
    const source = `/${name}`;
    const found = lstatSync(source, { throwIfNoEntry: false });
    if (found?.isSymbolicLink() === true) symlinkSync(readlinkSync(source), join(lower, name));
    else if (found !== undefined) mounts.push({ type: 'bind', source, target: source, readOnly: true });
  }
  return { lower, mounts };
}

/** The container's root: the folder below, what it writes above, and file systems of its own. */
function rootFilesystem(given: string, folder: string): Pick<SpawnOptions, 'root' | 'mounts'> {
  const { lower, mounts } = given === '/' ? machineRoot(folder) : { lower: given, mounts: [] };
  const made = ['upper', 'work', 'root'].map((name) => join(folder, name));
  for (const each of made) mkdirSync(each);
  const [upperdir, workdir, root] = made as [string, string, string];
  const parameters = { lowerdir: lower, upperdir, workdir, ...(rootless && { userxattr: true as const }) };
  const safe = { noSuid: true, noDev: true, noExec: true };
  return {
    root,
    mounts: [
      { type: 'overlay', target: '/', parameters },
      ...mounts,
      { type: 'proc', target: '/proc', ...safe },
      { type: 'tmpfs', target: '/dev', parameters: { mode: '755', size: '64k' }, noSuid: true },
      { type: 'devpts', target: '/dev/pts', parameters: { newinstance: true, ptmxmode: '0666' } },
      { type: 'tmpfs', target: '/tmp', parameters: { mode: '1777' }, noSuid: true, noDev: true },
      ...DEVICES.map((name) => ({ type: 'bind', source: `/dev/${name}`, target: `/dev/${name}` }) as const),
    ],
  };
}

/** A bridge with an address in a namespace that stands for the host's network, and the container's network on it. */
async function network(): Promise<{ host: Netns; box: Netns }> {
  const host = await Netns.create({ rootless, loopback: true });
  await createBridge({ name: 'br0', netns: host, addresses: [`${SUBNET}.1/24`], up: true });
  const { netns: box } = await createSandbox({
    rootless,
    near: { name: 'veth-box', netns: host, master: 'br0', up: true },
    far: {
      name: 'eth0',
      addresses: [`${SUBNET}.2/24`],
      routes: [{ to: 'default', via: `${SUBNET}.1` }],
      up: true,
    },
  });
  return { host, box };
}

/** Limits, where this user may set them. */
async function limited(name: string): Promise<Cgroup | undefined> {
  try {
    return await Cgroup.create(`/mini-runtime-${name}`, {
      limits: { pids: { max: 64 }, memory: { max: 256 * 2 ** 20 } },
    });
  } catch (error) {
    if (!(error instanceof NetlinkError) && (error as NodeJS.ErrnoException).code === undefined) throw error;
    console.error(`no limits: ${(error as Error).message}`);
    return undefined;
  }
}

/** Runs until the container's first process ends; `then` is called while it runs. */
async function run(
  name: string,
  root: string,
  [command, ...args]: string[],
  then?: () => Promise<void>,
): Promise<number> {
  const folder = folderOf(name);
  mkdirSync(folder, { recursive: true });
  const { host, box } = await network();
  const cgroup = await limited(name);
  const user = rootless ? box.owner() : undefined;
  try {
    await using child = await spawn(command!, args, {
      ...confined,
      ...rootFilesystem(resolve(root), folder),
      namespaces: { ...(user && { user }), net: box, pid: 'new', mnt: 'new', uts: 'new', ipc: 'new', cgroup: 'new' },
      hostname: name,
      init: true,
      deathSignal: 'SIGKILL',
      rlimits: { nofile: 1024, core: 0 },
      oomScoreAdjust: 500,
      ...(cgroup && { cgroup }),
    });
    writeFileSync(join(folder, 'pid'), `${child.pid}`);
    const log = createWriteStream(join(folder, 'log'));
    child.stdin!.end();
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.pipe(process.stdout, { end: false });
      stream.pipe(log, { end: false });
    }
    await then?.();
    const { code } = await child.exited;
    log.end();
    return code ?? 128;
  } finally {
    for (const each of [user, box, host]) each?.close();
    await cgroup?.delete({ kill: true });
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One more process in a container that runs. */
async function execute(name: string, [command, ...args]: string[]): Promise<number> {
  const pid = Number(readFileSync(join(folderOf(name), 'pid'), 'utf8'));
  const kinds = rootless ? KINDS : KINDS.filter((kind) => kind !== 'user');
  const namespaces = kinds.map((type) => [type, Namespace.openSync({ pid, type })] as const);
  try {
    const child = await spawn(command!, args, {
      ...confined,
      namespaces: Object.fromEntries(namespaces),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await pipeline(child.stdout!, process.stdout, { end: false });
    const { code } = await child.exited;
    return code ?? 128;
  } finally {
    for (const [, namespace] of namespaces) namespace.close();
  }
}

async function lookAround(): Promise<number> {
  const name = `box-${process.pid}`;
  const look = 'echo "$(hostname): process $$, user $(id -u)"; echo written > /new; cat /new; read line < /wait';
  const script = `mkfifo /wait; ${look}; ls / | tr '\\n' ' '; echo; echo bye`;
  return run(name, '/', ['sh', '-c', script], async () => {
    const code = await execute(name, [
      'sh',
      '-c',
      'while [ ! -p /wait ]; do :; done; cat /proc/net/fib_trie | grep -c 10.88.0.2; echo go > /wait',
    ]);
    if (code !== 0) throw new Error(`exec ended with ${code}`);
  });
}

const [verb, name = '', ...rest] = process.argv.slice(2);
try {
  if (verb === undefined) process.exitCode = await lookAround();
  else if (verb === 'run') process.exitCode = await run(name, rest[0]!, rest.slice(1));
  else if (verb === 'exec') process.exitCode = await execute(name, rest);
  else if (verb === 'logs') process.stdout.write(readFileSync(join(folderOf(name), 'log')));
  else throw new Error('usage: mini-runtime [run NAME ROOT COMMAND... | exec NAME COMMAND... | logs NAME]');
} catch (error) {
  console.error(`mini-runtime: ${(error as Error).message}`);
  process.exitCode = 1;
}
