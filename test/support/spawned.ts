/** Programs that `spawn` runs for tests: what they print, and how they end. */
import { afterAll } from '@jest/globals';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { CAPABILITIES, type Capability } from '../../lib/process/capabilities.js';
import type { Child, Exit } from '../../lib/process/child.js';
import type { BindMount } from '../../lib/process/mounts.js';
import type { NamespaceType } from '../../lib/namespace-types.js';
import { spawn } from '../../lib/process/spawn.js';
import type { SpawnOptions } from '../../lib/process/spawn-options.js';
import { noNetns, notRoot } from './netns.js';

/** Of a Node.js that loads the addon. */
export const nodeEnvironment = { ...process.env, LD_PRELOAD: process.env['NETLACE_PRELOAD'] };

export interface Outcome {
  readonly out: string;
  readonly err: string;
  readonly exit: Exit;
}

/** Until the child has ended; its output is taken in meanwhile. */
export async function outcomeOf(child: Child): Promise<Outcome> {
  const [out, err, exit] = await Promise.all([
    child.stdout === null ? '' : text(child.stdout),
    child.stderr === null || child.stderr === child.stdout ? '' : text(child.stderr),
    child.exited,
  ]);
  return { out, err, exit };
}

/** Runs a program to its end. */
export async function outcome(command: string, args?: readonly string[], options?: SpawnOptions): Promise<Outcome> {
  return outcomeOf(await spawn(command, args, options));
}

/** What a shell script prints, without the last line's end. It has to succeed and may print no error. */
export async function shell(script: string, options?: SpawnOptions): Promise<string> {
  const { out, err, exit } = await outcome('sh', ['-c', script], options);
  if (exit.code !== 0 || err !== '')
    throw new Error(`sh -c '${script}' ended with ${exit.code ?? exit.signal}: ${err}`);
  return out.replace(/\n$/, '');
}

/** The lines of what a shell script prints. */
export async function lines(script: string, options?: SpawnOptions): Promise<string[]> {
  return (await shell(script, options)).split('\n');
}

/** A program that does nothing until its standard input ends, or it is disposed of. */
export function idle(options: SpawnOptions = {}): Promise<Child> {
  return spawn('cat', [], { stdio: ['pipe', 'ignore', 'inherit'], ...options });
}

/** The first bytes that come from a child. */
export async function firstOutput(child: Child): Promise<string> {
  for await (const chunk of child.stdout!.iterator({ destroyOnReturn: false })) return String(chunk);
  throw new Error('the child has closed its standard output');
}

/** `'net:[4026531840]'` of this process, or of another one. */
export function linkOf(kind: NamespaceType, who: string | number = 'self'): string {
  return readlinkSync(`/proc/${who}/ns/${kind}`);
}

/** A folder that is gone when the file's tests are over. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `netlace-${name}-`));
  afterAll(() => {
    if (notRoot !== undefined) unlock(folder);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Overlay file systems leave folders that only root may look into, whoever they belong to. */
function unlock(folder: string): void {
  chmodSync(folder, 0o700);
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) unlock(join(folder, entry.name));
}

/** This machine's programs and libraries, for a root of another kind. */
export const programs: readonly BindMount[] = ['/usr', '/bin', '/lib', '/lib64']
  .filter((path) => existsSync(path))
  .map((path) => ({ type: 'bind', source: path, target: path, readOnly: true }));

/** Children of a process, with their states: `Z` are those that have ended and nobody has waited for. */
export function childrenOf(who = process.pid): { readonly pid: number; readonly state: string }[] {
  const found: { pid: number; state: string }[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      const [state = '', parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(parent) === who) found.push({ pid: Number(pid), state });
    } catch {
      // It has ended since.
    }
  }
  return found;
}

/** Whether a process runs: it has neither ended nor become a zombie. */
export function isRunning(pid: number): boolean {
  try {
    return stateOf(pid) !== 'Z';
  } catch {
    return false;
  }
}

/** Whether a signal has stopped the process. */
export function isStopped(pid: number): boolean {
  return stateOf(pid) === 'T';
}

/** By its letter in `/proc/PID/stat`: proc_pid_stat(5). */
function stateOf(pid: number): string {
  return /^\d+ \(.*\) (.)/s.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))![1]!;
}

/** The line of /proc/self/status, say, that begins with `key`. */
export function field(status: string, key: string): string {
  return new RegExp(`^${key}:[ \\t]*(.*)$`, 'm').exec(status)?.[1] ?? 'none';
}

/** Why there are no users and groups but one, if so: without root, or in a user namespace with a single id. */
export const oneUser: string | undefined =
  notRoot ??
  (Number(/^\s*0\s+\d+\s+(\d+)/.exec(readFileSync('/proc/self/uid_map', 'utf8'))?.[1] ?? 0) > 65_534
    ? undefined
    : 'there is only one user in this user namespace');

function without(capability: Capability): string | undefined {
  const bits = BigInt(`0x${field(readFileSync('/proc/self/status', 'utf8'), 'CapEff')}`);
  return (bits >> BigInt(CAPABILITIES.indexOf(capability))) & 1n ? undefined : `takes ${capability}`;
}

/** Why limits cannot be raised, if so: containers and virtual machines often lack this capability. */
export const noResourceRights = without('CAP_SYS_RESOURCE');

/** Why there are no new namespaces without a new user namespace, if so. */
export const noRights = noNetns ?? without('CAP_SYS_ADMIN');

/** What has to be new, too, where there are no rights. */
export const rootless: { readonly user?: 'new' } = noRights === undefined ? {} : { user: 'new' };

/** Why this process may not do what only root may outside all user namespaces, if so. */
export const notInitialRoot: string | undefined =
  oneUser ?? (linkOf('user') === 'user:[4026531837]' ? undefined : 'takes rights in the initial user namespace');
