/**
 * Skips that have to be earned: a test is only skipped for a reason that was probed, the reason is part of the test's
 * name, and the summary of `npm test` lists it. A test skipped without a reason fails the run.
 *
 *     const noDummy = (await hasKind('dummy')) ? undefined : 'no dummy links here';
 *     testUnless(noDummy, 'a dummy link can be renamed', async () => { ... });
 *     describeUnless(noDummy, 'dummy', () => { ... });
 *
 * On a kernel that is known to have everything, NETLACE_NO_SKIP=1 runs these tests all the same, and they fail.
 */
import { describe, test } from '@jest/globals';

const mustRun = process.env['NETLACE_NO_SKIP'] === '1';

/** `test`, skipped when there is a reason to. */
export function testUnless(
  reason: string | undefined,
  name: string,
  body: () => void | Promise<void>,
  timeout?: number,
): void {
  if (reason === undefined || mustRun) test(name, body, timeout);
  else test.skip(`${name} [skipped: ${reason}]`, body, timeout);
}

/** `describe`, with all its tests skipped when there is a reason to. */
export function describeUnless(reason: string | undefined, name: string, body: () => void): void {
  if (reason === undefined || mustRun) describe(name, body);
  else describe.skip(`${name} [skipped: ${reason}]`, body);
}
