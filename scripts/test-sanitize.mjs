// npm run test:sanitize [suite ...]: the tests over an addon built with AddressSanitizer and UndefinedBehaviorSanitizer.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { root, run } from './lib.mjs';

const suites = process.argv.slice(2);

run('npm', ['run', '--silent', 'build:examples']);
run('cmake-js', ['compile', '--out', 'build/sanitize', '--CDNETLACE_SANITIZE=address,undefined']);

// Node.js itself is not instrumented, so the run-time libraries have to be loaded before it.
const preload = ['libasan.so', 'libubsan.so']
  .map((name) => execFileSync('g++', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim())
  .join(' ');
run('node', [join(root, 'scripts/test.mjs'), ...(suites.length > 0 ? suites : ['unit', 'kernel'])], {
  env: {
    ...process.env,
    NETLACE_PREBUILT: '1',
    NETLACE_ADDON: join(root, 'build/sanitize/Release/netlace.node'),
    LD_PRELOAD: preload,
    // For programs that tests start: see test/support/preload.ts.
    NETLACE_PRELOAD: preload,
    // Node.js frees little of what it has when it ends. The tests measure memory, which what is freed would hold on to.
    ASAN_OPTIONS: 'detect_leaks=0:quarantine_size_mb=16',
    UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
  },
});
