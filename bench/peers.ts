/** Who does the work, and the command line that makes them do it. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Work } from './works.js';

export const peersFolder = fileURLToPath(new URL('../../bench/peers/', import.meta.url));
export const populate = join(peersFolder, 'out/populate');

export interface Peer {
  readonly name: string;
  readonly title: string;
  /** The works it can do. */
  readonly works: readonly string[];
  /** Why it cannot run here, or undefined. */
  absent(): string | undefined;
  command(work: Work): readonly string[];
  /** Speaks no protocol: `populate` times the whole process instead, its start included. */
  readonly timedFromOutside?: boolean;
  /** Works that a process does once, not again and again. */
  readonly notRepeated?: readonly string[];
  /** Works that take it many seconds: done once in all. */
  readonly once?: readonly string[];
}

const all = ['links', 'routes', 'add-routes', 'veths', 'attach', 'events'];
const processes = ['spawn', 'container'];
const lists = ['links', 'routes'];

/** How many messages netlace puts into one send, and how many bytes: `floor` sends as much. See `lib/netlink/batch.ts`. */
const netlaceBatch = ['128', '16384'];

/** Of the container that every peer runs: its root, and a file to bind. */
const containerFolder = join(peersFolder, 'out/container');

function built(name: string): () => string | undefined {
  return () => (existsSync(join(peersFolder, 'out', name)) ? undefined : 'not built');
}

function succeeds(command: string, ...args: string[]): () => string | undefined {
  return () => (spawnSync(command, args, { cwd: peersFolder }).status === 0 ? undefined : 'not installed');
}

function program(name: string, ...more: string[]): Peer['command'] {
  return (work) => [join(peersFolder, 'out', name), work.name, String(work.n), String(work.reps), ...more];
}

function script(interpreter: string, path: string): Peer['command'] {
  return (work) => [interpreter, join(peersFolder, path), work.name, String(work.n), String(work.reps)];
}

/** The folders that `peers/build` has made for an OCI runtime: of a container that holds a program and no more, and of one with everything. */
const bundles: Readonly<Record<string, string>> = { spawn: 'bundle', container: 'container' };

/** What has an OCI runtime run a container for the work. */
export function ociArguments(runtime: string, work: string): readonly string[] {
  const made = join(peersFolder, 'out');
  return ['--root', join(made, runtime), 'run', '--bundle', join(made, bundles[work]!), `netlace-bench-${process.pid}`];
}

function runs(runtime: string, work: string): boolean {
  return succeeds(runtime, ...ociArguments(runtime, work))() === undefined;
}

/** It may be installed, and refuse the machine's cgroups. */
function ociRuntime(name: string): Peer {
  return {
    name,
    title: `node:child_process, ${name}`,
    works: processes,
    absent: () => (processes.every((work) => runs(name, work)) ? undefined : 'does not run here'),
    command: childProcess(name),
    once: processes,
  };
}

let batchFolder: string | undefined;

/** A file for `ip -batch`, removed with `removeBatches`. */
function batch(work: Work, line: (index: number) => string): string {
  batchFolder ??= mkdtempSync(join(tmpdir(), 'netlace-bench-'));
  const path = join(batchFolder, work.name);
  if (!existsSync(path))
    writeFileSync(path, Array.from({ length: work.n }, (_, index) => line(index)).join('\n') + '\n');
  return path;
}

export function removeBatches(): void {
  if (batchFolder !== undefined) rmSync(batchFolder, { recursive: true });
}

function iproute2(work: Work): readonly string[] {
  switch (work.name) {
    case 'links':
      return ['ip', '-j', '-d', 'link'];
    case 'routes':
      return ['ip', '-j', 'route'];
    case 'add-routes':
      return [
        'ip',
        '-batch',
        batch(work, (i) => `route add 11.${i >> 16}.${(i >> 8) & 255}.${i & 255} dev lo scope link`),
      ];
    case 'veths':
      return ['ip', '-batch', batch(work, (i) => `link add va${i} type veth peer name vb${i}`)];
    case 'attach':
      return [join(peersFolder, 'iproute2/attach'), String(work.n)];
    default:
      throw new Error(`iproute2 cannot do ${work.name}`);
  }
}

function netlace(...more: string[]): Peer['command'] {
  const path = fileURLToPath(new URL('netlace.js', import.meta.url));
  return (work) => [process.execPath, path, work.name, String(work.n), String(work.reps), ...more];
}

function childProcess(peer: string): Peer['command'] {
  const path = fileURLToPath(new URL('child-process.js', import.meta.url));
  return (work) => [process.execPath, path, peer, work.name, String(work.n), String(work.reps)];
}

export const peers: readonly Peer[] = [
  {
    name: 'netlace',
    title: 'netlace',
    works: [...all, ...processes],
    absent: () => undefined,
    command: netlace(),
  },
  {
    name: 'netlace-sync',
    title: 'netlace, synchronous',
    works: all.filter((name) => name !== 'events'),
    absent: () => undefined,
    command: netlace('sync'),
  },
  {
    name: 'floor',
    title: 'C, receives only',
    works: [...all, ...processes],
    absent: built('floor'),
    command: (work) => program('floor', ...(work.name === 'container' ? [containerFolder] : netlaceBatch))(work),
  },
  {
    name: 'floor-one-ack',
    title: 'C, one ACK a send',
    works: ['add-routes', 'veths'],
    absent: built('floor'),
    command: program('floor', ...netlaceBatch, 'one-ack'),
  },
  {
    name: 'rust-rtnetlink',
    title: 'Rust rtnetlink',
    works: lists,
    absent: built('rust-rtnetlink'),
    command: program('rust-rtnetlink'),
  },
  {
    name: 'libnl',
    title: 'libnl-route-3',
    works: lists,
    absent: built('libnl'),
    command: program('libnl'),
    // Its cache is a hash table of fixed size, so that the time grows with the square.
    once: ['routes'],
  },
  {
    name: 'go-netlink',
    title: 'Go vishvananda/netlink',
    works: all,
    absent: built('go-netlink'),
    command: program('go-netlink'),
  },
  {
    name: 'iproute2',
    title: 'ip -batch, ip -j -d',
    works: all.filter((name) => name !== 'events'),
    absent: succeeds('ip', '-V'),
    command: iproute2,
    timedFromOutside: true,
    notRepeated: ['add-routes', 'veths', 'attach'],
  },
  {
    name: 'child-process',
    title: 'node:child_process (no namespaces)',
    works: ['spawn'],
    absent: () => undefined,
    command: childProcess('child-process'),
  },
  {
    name: 'unshare',
    title: 'node:child_process, sh, unshare',
    works: ['spawn'],
    absent: succeeds('unshare', '--version'),
    command: childProcess('unshare'),
  },
  ociRuntime('crun'),
  ociRuntime('runc'),
  {
    name: 'npm-netlink',
    title: 'npm netlink 0.3.0',
    works: lists,
    absent: succeeds(process.execPath, '-e', 'require("./npm/node_modules/netlink")'),
    command: script(process.execPath, 'npm/peer.js'),
  },
  {
    name: 'pyroute2',
    title: 'pyroute2',
    works: all,
    absent: succeeds('/usr/bin/python3', '-c', 'import pyroute2'),
    command: script('/usr/bin/python3', 'python/peer.py'),
    once: ['links', 'routes', 'add-routes', 'attach', 'events'],
  },
];
