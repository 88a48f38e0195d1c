// npm test [suite ...] [-- jest's own arguments]: builds what is out of date, runs the suites, ends with the totals.
// `npm run test:unit -- writer -t grows` runs what matches in one suite.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, tryRun } from './lib.mjs';

/** Suites that use the kernel run one file at a time: they count descriptors and threads, and measure time. */
const runs = [
  { suites: ['unit', 'golden', 'types', 'uapi', 'fuzz'], workers: '100%' },
  { suites: ['kernel', 'oracle'], workers: '1' },
  { suites: ['attacks'], workers: '2' },
];

const known = runs.flatMap(({ suites }) => suites);
const args = process.argv.slice(2);
const firstOther = args.findIndex((arg) => !known.includes(arg));
const wanted = firstOther === -1 ? args : args.slice(0, firstOther);
const jestArgs = firstOther === -1 ? [] : args.slice(firstOther).filter((arg) => arg !== '--');

// NETLACE_PREBUILT=1: under another kernel, where building is slow and was done before.
if (process.env.NETLACE_PREBUILT !== '1') run('npm', ['run', '--silent', 'build:all']);

const folder = mkdtempSync(join(tmpdir(), 'netlace-test-'));
const totalsFile = join(folder, 'totals');
const env = {
  ...process.env,
  NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --experimental-vm-modules`.trim(),
  NETLACE_TOTALS: totalsFile,
};

let failed = false;
for (const { suites, workers } of runs) {
  const chosen = suites.filter((suite) => wanted.length === 0 || wanted.includes(suite));
  if (chosen.length === 0) continue;
  const status = tryRun(
    'jest',
    ['--selectProjects', ...chosen, '--maxWorkers', workers, '--passWithNoTests', ...jestArgs],
    { env },
  );
  failed ||= status !== 0;
}

const totals = { passed: 0, failed: 0, skipped: 0 };
for (const line of readFileSync(totalsFile, 'utf8').trim().split('\n')) {
  for (const [key, count] of Object.entries(JSON.parse(line))) totals[key] += count;
}
rmSync(folder, { recursive: true });

// A run that failed without a failed test still counts as one.
if (failed && totals.failed === 0) totals.failed = 1;
console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = failed ? 1 : 0;
