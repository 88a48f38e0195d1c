// Builds build/Release/netlace.node with node-gyp, unless it is newer than everything it is made from.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root, run, withNodeHeaders } from './lib.mjs';

const addon = join(root, 'build/Release/netlace.node');
const sources = [
  join(root, 'binding.gyp'),
  join(root, 'node_modules/node-addon-api/package.json'),
  ...readdirSync(join(root, 'native'), { recursive: true }).map((name) => join(root, 'native', name)),
];

const builtAt = existsSync(addon) ? statSync(addon).mtimeMs : 0;
if (sources.some((path) => statSync(path).mtimeMs > builtAt)) {
  // configure and build rather than rebuild: make compiles again only what has changed.
  run('node-gyp', ['configure', 'build', '--jobs', 'max', '--loglevel', 'warn'], { env: withNodeHeaders() });
}
