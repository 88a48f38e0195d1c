/** The programs that attack, and the hosts that they attack. */
import { afterAll } from '@jest/globals';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { temporaryFolder } from '../support/spawned.js';

const compiler = ['cc', 'gcc'].find((name) => {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
});

/** Why there are none, if so. */
export const noCompiler = compiler === undefined ? 'needs a C compiler: cc or gcc' : undefined;

const folder = temporaryFolder('attacks');
// Everybody runs them.
chmodSync(folder, 0o755);

/** The path of a program of this folder, compiled. */
export function compiled(name: string): string {
  const program = join(folder, name);
  execFileSync(compiler!, ['-O2', '-o', program, resolve(`test/attacks/${name}.c`)]);
  return program;
}

/** Those of tests that take too long are ended, too. */
const hosts = new Set<ChildProcess>();
afterAll(() => {
  for (const host of hosts) host.kill('SIGKILL');
});

/** What came of attacks on a host. */
export interface Attacked {
  /** How often the host did what is attacked. */
  readonly done: number;
  /** How often the attacker looked at a process. */
  readonly looks: number;
  readonly hits: readonly string[];
  /** The kinds of hits on a process that hides nothing. */
  readonly control: readonly string[];
}

/** Runs host.mjs as this user or as another one. */
export async function attacked(
  mode: string,
  times: number,
  wanted: readonly string[],
  user: { readonly uid?: number; readonly gid?: number } = {},
): Promise<Attacked> {
  const programs = Object.fromEntries(['look', 'idle', 'victim'].map((name) => [name, compiled(name)]));
  // It passes for Node.js.
  mkdirSync(join(folder, 'bin'), { recursive: true });
  copyFileSync(programs['victim']!, join(folder, 'bin/node'));
  const secrets = join(folder, 'host');
  mkdirSync(secrets, { recursive: true });
  writeFileSync(join(secrets, 'secret'), '');
  const setup = { mode, folder: secrets, programs: { ...programs, victim: join(folder, 'bin/node') }, times, wanted };
  const host = spawn(process.execPath, [resolve('test/attacks/host.mjs'), JSON.stringify(setup)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '', SECRET: ['NETLACE-HOST', 'SECRET'].join('-') },
    ...user,
  });
  hosts.add(host);
  const [out, [code]] = await Promise.all([text(host.stdout), once(host, 'exit')]);
  if (code !== 0) throw new Error(`the host ended with ${code}: ${out}`);
  return JSON.parse(out) as Attacked;
}
