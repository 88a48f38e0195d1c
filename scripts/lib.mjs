// What the scripts here share: the package's folder, and running a program.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** Runs a program from PATH or node_modules/.bin, shows its output, and ends this process if it fails. */
export function run(program, args, { env = process.env, cwd = root } = {}) {
  const status = tryRun(program, args, { env, cwd });
  if (status !== 0) process.exit(status);
}

/** The same, but returns the exit status. */
export function tryRun(program, args, { env = process.env, cwd = root } = {}) {
  const path = [join(root, 'node_modules/.bin'), env.PATH].join(delimiter);
  const { status, signal, error } = spawnSync(program, args, { cwd, env: { ...env, PATH: path }, stdio: 'inherit' });
  if (error) console.error(`${program}: ${error.message}`);
  if (signal) console.error(`${program}: ended by ${signal}`);
  return status ?? 1;
}

/** An environment in which node-gyp uses the headers that came with this Node.js, if any, instead of a download. */
export function withNodeHeaders() {
  const prefix = resolve(dirname(process.execPath), '..');
  return existsSync(join(prefix, 'include/node/node_api.h'))
    ? { npm_config_nodedir: prefix, ...process.env }
    : process.env;
}
