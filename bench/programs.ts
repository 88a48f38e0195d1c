import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawn, type Capability, type SpawnMount, type SpawnOptions } from 'netlace/process';

const made = fileURLToPath(new URL('../../bench/peers/out/', import.meta.url));

/** Docker's. So are those of `peers/oci/container.json` and `peers/c/container.c`, and the mounts. */
const CAPABILITIES: readonly Capability[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_RAW',
  'CAP_SYS_CHROOT',
  'CAP_MKNOD',
  'CAP_AUDIT_WRITE',
  'CAP_SETFCAP',
];
const closed = { noSuid: true, noDev: true, noExec: true };
const MOUNTS: readonly SpawnMount[] = [
  { type: 'proc', target: '/proc', ...closed },
  { type: 'tmpfs', target: '/dev', parameters: { mode: '755', size: '64k' }, noSuid: true },
  { type: 'devpts', target: '/dev/pts', parameters: { mode: '0620', ptmxmode: '0666' }, noSuid: true, noExec: true },
  { type: 'tmpfs', target: '/dev/shm', parameters: { mode: '1777', size: '64m' }, ...closed },
  { type: 'mqueue', target: '/dev/mqueue', ...closed },
  { type: 'sysfs', target: '/sys', readOnly: true, ...closed },
  { type: 'tmpfs', target: '/sys/fs/cgroup', parameters: { mode: '755' }, ...closed },
  { type: 'bind', target: '/etc/hosts', source: join(made, 'container/hosts'), readOnly: true },
];

/** One after the other, each until its end. */
async function run(count: number, command: string, options: SpawnOptions): Promise<void> {
  for (let i = 0; i < count; i++) {
    const child = await spawn(command, [], { ...options, env: {}, stdio: 'ignore' });
    const { code } = await child.exited;
    if (code !== 0) throw new Error(`${command} ended with ${code}`);
  }
}

/** Programs in new UTS, IPC and pid namespaces. */
export function runPrograms(count: number): Promise<void> {
  return run(count, '/bin/true', { namespaces: { uts: 'new', ipc: 'new', pid: 'new' } });
}

/** Containers, without a user namespace. */
export function runContainers(count: number): Promise<void> {
  return run(count, '/bin/true', {
    namespaces: { mnt: 'new', pid: 'new', net: 'new', uts: 'new', ipc: 'new', cgroup: 'new' },
    root: join(made, 'container/rootfs'),
    readOnlyRoot: true,
    mounts: MOUNTS,
    hostname: 'netlace-bench',
    cwd: '/',
    capabilities: {
      bounding: CAPABILITIES,
      permitted: CAPABILITIES,
      effective: CAPABILITIES,
      inheritable: [],
      ambient: [],
    },
    seccomp: readFileSync(join(made, 'container/filter')),
  });
}
