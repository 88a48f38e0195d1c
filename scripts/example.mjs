// npm run example -- name [argument ...]: compiles the examples and runs one.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './lib.mjs';

const [name, ...args] = process.argv.slice(2);
const names = readdirSync(join(root, 'examples'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length));

if (names.includes(name)) {
  run('npm', ['run', '--silent', 'build:examples']);
  run('node', ['--enable-source-maps', join(root, 'out/examples', `${name}.js`), ...args]);
} else {
  console.error(`usage: npm run example -- ${names.join('|')}`);
  process.exitCode = 2;
}
