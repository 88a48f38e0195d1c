// npm run test:consumers: the packed tarball, installed with scripts off into an empty project, used from there as an ES
// module, as CommonJS, inside a CommonJS jest, and by the TypeScript compiler. The addon of the local build is packed
// in the place of the prebuilt one.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, run, tryRun } from './lib.mjs';

run('npm', ['run', '--silent', 'build:all']);

const folder = mkdtempSync(join(tmpdir(), 'netlace-consumers-'));
try {
  process.exitCode = consume(pack()) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true });
}

/** Packs a copy of what is published, so that the package's own prebuilds/ stays as it is. */
function pack() {
  const staged = join(folder, 'staged');
  const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const name of ['package.json', 'README.md', 'LICENSE', 'prebuilds/README.md', ...files]) {
    if (name !== 'prebuilds' && existsSync(join(root, name))) {
      cpSync(join(root, name), join(staged, name), { recursive: true });
    }
  }
  const prebuilt = join(staged, 'prebuilds', `linux-${process.arch}`);
  const { glibcVersionRuntime } = process.report.getReport().header;
  mkdirSync(prebuilt, { recursive: true });
  cpSync(
    join(root, 'build/Release/netlace.node'),
    join(prebuilt, `netlace.${glibcVersionRuntime ? 'glibc' : 'musl'}.node`),
  );
  const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    cwd: staged,
  });
  return join(folder, JSON.parse(packed)[0].filename);
}

function consume(tarball) {
  const project = join(folder, 'project');
  cpSync(join(root, 'test/consumers'), project, { recursive: true });
  // "types" and no skipLibCheck: the published declarations are checked too.
  const options = { module: 'NodeNext', target: 'ES2022', lib: ['ES2023', 'ESNext.Disposable'], strict: true };
  const config = {
    compilerOptions: { ...options, noEmit: true, types: ['node'], typeRoots: [join(root, 'node_modules/@types')] },
    include: ['*.mts', '*.cts'],
  };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(config));
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'consumer', private: true }));
  run('npm', ['install', '--ignore-scripts', '--offline', '--no-audit', '--no-fund', tarball], { cwd: project });

  const consumers = {
    'ES module': ['node', ['esm.mjs']],
    CommonJS: ['node', ['commonjs.cjs']],
    'CommonJS jest': ['jest', ['--rootDir', project, '--testMatch', '**/jest.test.cjs', '--silent']],
    TypeScript: ['tsc', ['-p', 'tsconfig.json']],
  };
  let passed = 0;
  for (const [name, [program, args]] of Object.entries(consumers)) {
    const status = tryRun(program, args, { cwd: project });
    console.log(`${status === 0 ? 'ok' : 'FAILED'}  ${name}`);
    if (status === 0) passed++;
  }
  const failed = Object.keys(consumers).length - passed;
  console.log(`\n${passed} passed, ${failed} failed, 0 skipped`);
  return failed === 0;
}
