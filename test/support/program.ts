/** Programs over the build in processes of their own: other users, other namespaces, or threads that are spoilt for others. */
import { spawnSync, type StdioOptions } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { notRoot } from './netns.js';

/** The built package, and its entry `netlace/process`. */
export const build = resolve('dist/cjs/index.js');
export const processBuild = resolve('dist/cjs/process/index.js');
const everything = `{ ...require(${JSON.stringify(build)}), ...require(${JSON.stringify(processBuild)}) }`;

/** Why there can be no such programs, if so. */
export const noBuild: string | undefined = existsSync(build) ? undefined : 'needs the build: npm run build:all';

/** Why there can be none of other users, if so. */
export const noOthers: string | undefined =
  noBuild ??
  notRoot ??
  (readableByAll(build) && readableByAll(process.execPath) ? undefined : 'other users may not read this checkout');

/** Whether everybody may read a file: all folders above it have to be open to them. */
function readableByAll(path: string): boolean {
  for (let folder = dirname(path); folder !== '/'; folder = dirname(folder)) {
    if ((statSync(folder).mode & constants.S_IXOTH) === 0) return false;
  }
  accessSync(path);
  return (statSync(path).mode & constants.S_IROTH) !== 0;
}

export interface ProgramOptions {
  /** A command that runs the program: `unshare --user`. */
  readonly under?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** What the program has as descriptors from 3 on. */
  readonly descriptors?: readonly number[];
}

/**
 * What a program has: the package and its `process` as `netlace`; `attempt(key, run)`, which puts down what comes of it; and
 * `namespaces('self')` or `namespaces('thread-self')`, the links there by their names.
 */
const BEGIN = `
  const netlace = ${everything};
  const fs = require('node:fs');
  const os = require('node:os');
  const told = {};
  const namespaces = (who) => {
    const links = {};
    for (const name of fs.readdirSync('/proc/' + who + '/ns')) {
      try {
        links[name] = fs.readlinkSync('/proc/' + who + '/ns/' + name);
      } catch {
        links[name] = 'none';
      }
    }
    return links;
  };
  const attempt = async (key, run) => {
    try {
      told[key] = await run();
    } catch ({ name, code, syscall, operation, argument, hint, message }) {
      told[key] = { name, code, syscall, operation, argument, hint, message };
    }
  };`;
const REPLACER = `(_, value) => (typeof value === 'bigint' ? String(value) : value)`;

/** Runs the program and returns what it has put down in `told`. */
export function tell(body: string, options: ProgramOptions = {}): Record<string, unknown> {
  const { under, descriptors = [], ...user } = options;
  const source = `${BEGIN} (async () => { ${body} })().then(() => console.log(JSON.stringify(told, ${REPLACER})));`;
  const [command = '', ...args] = [...(under?.split(' ') ?? []), process.execPath, '-e', source];
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', ...descriptors];
  const { stdout, stderr, status, error } = spawnSync(command, args, {
    encoding: 'utf8',
    cwd: '/',
    stdio,
    timeout: 50_000,
    ...user,
  });
  if (status !== 0) throw error ?? new Error(`the program ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** The same in a Worker of such a program, whose main thread has used the pool before. */
export function tellFromWorker(body: string, options: ProgramOptions = {}): Record<string, unknown> {
  const inside = `${BEGIN} (async () => { ${body} })().then(() => require('node:worker_threads').parentPort.postMessage(told));`;
  return tell(
    `await fs.promises.stat('/');
     const { Worker } = require('node:worker_threads');
     const worker = new Worker(${JSON.stringify(inside)}, { eval: true });
     const [inside] = await require('node:events').once(worker, 'message');
     Object.assign(told, inside);
     told.main = namespaces('self');`,
    options,
  );
}
