// Packs the package as it would be published and has publint and attw look at the exports and types of the result.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, run, tryRun } from './lib.mjs';

run('npm', ['run', '--silent', 'build:ts']);

const folder = mkdtempSync(join(tmpdir(), 'netlace-package-'));
const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], { cwd: root });
const [{ filename, files }] = JSON.parse(packed);

const stray = files
  .map(({ path }) => path)
  .filter((path) => /^(native|lib|test|bench|examples)\/|binding\.gyp/.test(path));
for (const path of stray) console.error(`must not be published: ${path}`);

const tarball = join(folder, filename);
const failures = [
  stray.length,
  tryRun('publint', ['run', tarball, '--strict']),
  // node16: the resolution of Node.js before 12.7, without "exports", is none of ours.
  tryRun('attw', [tarball, '--profile', 'node16', '--format', 'ascii']),
].filter((status) => status !== 0);
rmSync(folder, { recursive: true });
process.exitCode = failures.length;
