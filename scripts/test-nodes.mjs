// npm run test:nodes [--node=VERSION] [suite ...] [-- jest's own arguments]: the tests on the oldest Node.js supported and on later ones, with one and the same
// addon. The Node.js binaries come from npm, into out/nodes/.
import { existsSync, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { root, run, tryRun } from './lib.mjs';

const [only, ...rest] = process.argv.slice(2);
const chosen = only?.startsWith('--node=') ? only.slice('--node='.length) : undefined;
const versions = chosen === undefined ? ['20.9.0', '22', '24'] : [chosen];
const suites = chosen === undefined ? process.argv.slice(2) : rest;

run('npm', ['run', '--silent', 'build:examples']);

let failed = false;
for (const version of versions) {
  const folder = join(root, 'out/nodes', version);
  const name = `node-linux-${process.arch}`;
  if (!existsSync(join(folder, 'node_modules', name))) {
    mkdirSync(folder, { recursive: true });
    run('npm', ['install', '--no-save', '--ignore-scripts', '--prefix', folder, `${name}@${version}`]);
  }
  const bin = join(folder, 'node_modules', name, 'bin');
  const env = { ...process.env, PATH: [bin, process.env.PATH].join(delimiter), NETLACE_PREBUILT: '1' };
  console.log(`\nNode.js ${version}`);
  failed = tryRun(join(bin, 'node'), [join(root, 'scripts/test.mjs'), ...suites], { env }) !== 0 || failed;
}
process.exitCode = failed ? 1 : 0;
