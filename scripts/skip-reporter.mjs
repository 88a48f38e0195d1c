// A jest reporter: lists the skipped tests by their reason (see test/support/skip.ts) and adds up the counts for
// scripts/test.mjs, in the file that NETLACE_TOTALS names.
import { appendFileSync } from 'node:fs';

/** A test may say it as well as the `describe` around it. */
const REASON = / ?\[skipped: (.*?)\]/g;

export default class SkipReporter {
  #filtered;
  #unexplained = false;

  constructor({ testNamePattern }) {
    // With -t, most tests are left out on purpose.
    this.#filtered = Boolean(testNamePattern);
  }

  onRunComplete(_contexts, results) {
    const testsByReason = new Map();
    for (const { testResults } of results.testResults) {
      for (const { status, fullName } of testResults) {
        if (status !== 'pending' && status !== 'todo') continue;
        const reason = [...fullName.matchAll(REASON)][0]?.[1];
        if (reason === undefined && this.#filtered) continue;
        testsByReason.set(reason, [...(testsByReason.get(reason) ?? []), fullName.replaceAll(REASON, '')]);
      }
    }

    for (const [reason, tests] of testsByReason) {
      console.log(`\nSkipped, ${reason ?? 'WITHOUT A REASON'} (${tests.length}):`);
      for (const name of tests) console.log(`  ${name}`);
    }
    this.#unexplained = testsByReason.has(undefined);

    const skipped = [...testsByReason.values()].reduce((sum, tests) => sum + tests.length, 0);
    // A file that could not even be loaded has no tests to count: it is one failure.
    const totals = {
      passed: results.numPassedTests,
      failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
      skipped,
    };
    if (process.env.NETLACE_TOTALS) appendFileSync(process.env.NETLACE_TOTALS, `${JSON.stringify(totals)}\n`);
  }

  /** With `test.only`, jest skips the others without a reason: left in by mistake, it fails the run here. */
  getLastError() {
    return this.#unexplained ? new Error('Tests were skipped without a reason.') : undefined;
  }
}
