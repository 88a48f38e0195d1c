/** Programs in namespaces, mounts and cgroups: entries of their own. */
import type { Duplex, Readable, Writable } from 'node:stream';
import type { Namespace, Netns } from 'netlace';
import { SpawnError } from 'netlace';
import { Cgroup, type CgroupHierarchy } from 'netlace/cgroup';
import { bindMount, DetachedMount, listMountsSync, mount, mountFilesystem, type MountInfo } from 'netlace/mount';
import { spawn, type Capability, type Child, type Exit, type SpawnOptions, type Terminal } from 'netlace/process';

export async function starting(netns: Netns, namespace: Namespace, cgroup: Cgroup) {
  const options: SpawnOptions = {
    namespaces: { net: netns, mnt: 'new', user: 'new', uts: namespace, pid: { pid: 7 }, ipc: 'inherit' },
    uidMap: [{ inside: 0, outside: 1000, count: 1 }],
    cgroup,
    mounts: [
      { type: 'proc', target: '/proc' },
      { type: 'tmpfs', target: '/tmp', parameters: { size: '1m', noswap: true, mode: 1777 }, noSuid: true },
      { type: 'bind', source: '/usr', target: '/usr', readOnly: true, idmap: namespace },
    ],
    capabilities: { bounding: ['CAP_NET_RAW'], ambient: [] },
    rlimits: { nofile: 256, core: { soft: 0, hard: 'unlimited' } },
    timeOffsets: { boottime: -1.5 },
    stdio: ['ignore', 'pipe', process.stderr, 7],
    signal: AbortSignal.timeout(7),
    deathSignal: 'SIGKILL',
  };
  const child: Child = await spawn('ls', ['-l'], options);
  await spawn('sh', [], { stdio: { rows: 24, columns: 80 }, propagation: 'slave' });
  await spawn('sh', [], { stdio: 'tty' });
  await spawn('sh');

  // @ts-expect-error -- there is no such namespace
  await spawn('sh', [], { namespaces: { network: 'new' } });
  // @ts-expect-error -- nor is there this way of being in one
  await spawn('sh', [], { namespaces: { net: 'private' } });
  // @ts-expect-error -- CAP_NET_RAW
  await spawn('sh', [], { capabilities: { bounding: ['NET_RAW'] } });
  // @ts-expect-error -- a bind has no parameters
  await spawn('sh', [], { mounts: [{ type: 'bind', source: '/a', target: '/b', idmap: 7 }] });
  // @ts-expect-error -- no shell is involved
  await spawn('ls | wc', { shell: true });
  return child;
}

export async function ended(child: Child) {
  const { code, signal, usage }: Exit = await child.exited;
  code satisfies number | null;
  signal satisfies NodeJS.Signals | number | null;
  usage.maxResidentSet satisfies number;
  child.stdin satisfies Writable | null;
  child.stdout satisfies Readable | null;
  child.stdio[0] satisfies Writable | null;
  child.stdio[3] satisfies Duplex | null | undefined;
  child.stdio.forEach((stream: Readable | Writable | null) => stream?.destroy());
  child.terminal satisfies Terminal | null;
  child.terminal?.resize(24, 80);
  child.kill('SIGTERM') satisfies boolean;
  child.namespaces().net satisfies bigint | undefined;
  // @ts-expect-error -- a number that the kernel gave
  child.pid = 7;
  // @ts-expect-error -- there is nothing to be told of but the end
  child.on('exit', () => undefined);
}

export function failing(error: unknown) {
  if (error instanceof SpawnError) error.step satisfies string;
  const capability: Capability = 'CAP_BPF';
  return capability;
}

export async function mounting(namespace: Namespace) {
  await mount({ namespace, target: '/', propagation: 'rprivate' });
  await mount({ source: '/a', target: '/b', flags: ['bind', 'recursive', 'readOnly'] });
  await mountFilesystem({ type: 'overlay', target: '/m', parameters: { 'lowerdir+': ['/a', '/b'] } });
  await bindMount({ source: '/a', target: '/b', set: ['readOnly'], clear: ['noExec'], idmap: namespace });
  using detached = await DetachedMount.create({ type: 'tmpfs', attributes: ['noSuid'] });
  await detached.attach('/mnt', { namespace, beneath: true });
  const mounts: readonly MountInfo[] = listMountsSync({ pid: 7 });
  mounts[0]?.shared satisfies number | undefined;

  // @ts-expect-error -- where?
  await mount({ type: 'tmpfs' });
  // @ts-expect-error -- MS_RDONLY is `readOnly`
  await mount({ target: '/', flags: ['ro'] });
  // @ts-expect-error -- made by `clone` and `create`
  new DetachedMount();
}

export async function limiting() {
  const hierarchy: CgroupHierarchy = Cgroup.hierarchy();
  const cgroup = await Cgroup.create('/box', { limits: { memory: { max: 2 ** 20 }, pids: { max: 'max' } } });
  await cgroup.set({ cpu: { weight: 50 } });
  cgroup.stat().memory?.current satisfies number | undefined;
  for await (const event of cgroup.events()) event.type satisfies string;
  // @ts-expect-error -- there is no such limit
  await cgroup.set({ memory: { maximum: 1 } });
  // @ts-expect-error -- made by `create`, `open`, `current` and `ofProcess`
  new Cgroup();
  return hierarchy.layout;
}
