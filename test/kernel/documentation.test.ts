/** The examples in the documentation run: each as a program of its own, over the build, with a network of its own. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import ts from 'typescript';
import { examples } from '../support/documentation.js';
import { noNetns, rootless } from '../support/netns.js';
import { describeUnless, testUnless } from '../support/skip.js';

/** Runs what follows with network interfaces and names of namespaces of its own, in which whoever runs it is root. */
const ALONE = [
  ...(rootless ? ['--user', '--map-root-user'] : []),
  '--net',
  '--mount',
  'sh',
  '-c',
  'mount -t tmpfs none /run && exec "$@"',
  'sh',
];

const alone = spawnSync('unshare', [...ALONE, 'true'], { encoding: 'utf8' });
const reason =
  noNetns ?? (alone.status === 0 ? undefined : `no programs alone: ${alone.error?.message ?? alone.stderr.trim()}`);

describeUnless(reason, 'examples', () => {
  let folder = '';
  // "netlace" is found there as it is by those who have installed it.
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'netlace-documentation-'));
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(resolve('.'), join(folder, 'node_modules/netlace'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  for (const [index, { where, code }] of examples.filter(({ runs }) => runs).entries()) {
    testUnless(
      reason,
      where,
      () => {
        const file = join(folder, `${index}.js`);
        const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
        writeFileSync(file, ts.transpileModule(code, { compilerOptions }).outputText);
        const { status, signal, stderr } = spawnSync('unshare', [...ALONE, process.execPath, file], {
          encoding: 'utf8',
          timeout: 100_000,
        });
        if (status !== 0) throw new Error(`${signal ?? `exit status ${status}`}: ${stderr}`);
      },
      120_000,
    );
  }
});
