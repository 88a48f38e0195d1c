/** Programs in containers of root's look at every process in there, while the host starts others beside them. */
import { expect, jest } from '@jest/globals';
import { describeUnless, testUnless } from '../support/skip.js';
import { noBuild } from '../support/program.js';
import { notInitialRoot } from '../support/spawned.js';
import { attacked, noCompiler } from './programs.js';

jest.setTimeout(240_000);

const TIMES = 5000;
/** All that there is to find. */
const KINDS = ['cwd', 'environ', 'exe', 'fd', 'launcher', 'mem', 'ptrace', 'root', 'vm'];

describeUnless(noBuild ?? noCompiler, 'a program in a container finds nothing of the host', () => {
  for (const [mode, title] of [
    ['capabilities', 'with Docker’s capabilities'],
    ['user', 'with a user namespace'],
    ['user and uid', 'with a user namespace, as an explicit root'],
  ] as const)
    testUnless(notInitialRoot, title, async () => {
      const { done, looks, hits, control } = await attacked(mode, TIMES, KINDS);
      expect(hits).toEqual([]);
      expect(done).toBe(TIMES);
      expect(looks).toBeGreaterThan(1000);
      expect(control).toEqual(KINDS);
    });
});
