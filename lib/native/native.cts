/**
 * Finds the addon and loads it, and modules of Node.js when asked. CommonJS even in the ES module build: `require` is what
 * loads an addon in every Node.js supported, and what loads anything during a call; `__dirname` is what compiles for both
 * builds.
 */
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Where the addon is; throws an error that says what to run where there is none. */
export function findAddon(): string {
  if (process.platform !== 'linux') throw failure(`netlace works on Linux only, and this is ${process.platform}.`);

  // For development: another build, with a sanitizer say.
  const chosen = process.env['NETLACE_ADDON'];
  if (chosen) return resolve(chosen);

  const root = packageRoot();
  const local = join(root, 'build', 'Release', 'netlace.node');
  if (existsSync(local)) return local;

  const libc = processLibc();
  const prebuilt = join(root, 'prebuilds', `linux-${process.arch}`, `netlace.${libc}.node`);
  if (existsSync(prebuilt)) return prebuilt;

  if (existsSync(join(root, 'binding.gyp'))) {
    throw failure('The addon is not built yet. Run: npm run build:native');
  }
  throw failure(
    `netlace has no prebuilt addon for linux-${process.arch} with ${libc} (looked for ${prebuilt}). ` +
      'Clone the repository there, then run: npm ci && npm run prebuild',
  );
}

/** Loads it, or throws an error with its path. */
export function loadAddon(path: string): unknown {
  try {
    return require(path) as unknown;
  } catch (cause) {
    throw failure(`The addon ${path} does not load: ${(cause as Error).message}`, cause);
  }
}

/** A module of Node.js, `'net'` say. */
export function loadBuiltin(name: string): unknown {
  return require(`node:${name}`);
}

/** The folder that holds `prebuilds/`. Looked for, because lib/native/ is less deep than dist/esm/native/. */
function packageRoot(): string {
  for (let folder = __dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'prebuilds'))) return folder;
    if (folder === dirname(folder)) throw failure(`netlace is incomplete: no folder "prebuilds" above ${__dirname}`);
  }
}

/**
 * The C library this very process runs on, from the name of the dynamic loader in the head of its executable. Not from
 * the files in /lib, where both may be installed, nor from `process.report`, which takes tens of milliseconds.
 */
function processLibc(): 'glibc' | 'musl' {
  const head = Buffer.alloc(4096);
  const fd = openSync(process.execPath, 'r');
  try {
    readSync(fd, head, 0, head.length, 0);
  } finally {
    closeSync(fd);
  }
  return head.includes('/ld-musl-') ? 'musl' : 'glibc';
}

function failure(message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code: 'ERR_NETLACE_ADDON' });
}
