/** As memory.test.ts, on a host that is an ordinary user’s; also from beside it, in namespaces that it opens things in. */
import { expect, jest } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { rootless } from '../support/netns.js';
import { noBuild, noOthers } from '../support/program.js';
import { describeUnless, testUnless } from '../support/skip.js';
import { attacked, noCompiler } from './programs.js';

jest.setTimeout(240_000);

/** Nobody else’s, where there is a choice. */
const USER = rootless ? {} : { uid: 60_000 + (process.pid % 5000), gid: 65_532 };
const KINDS = ['environ', 'exe', 'fd', 'launcher', 'mem', 'ptrace', 'vm'];
/** Of who has no view of the host’s folders. */
const ALL_KINDS = [...KINDS, 'cwd', 'root'].sort();

const noUsers =
  spawnSync('unshare', ['--user', 'true'], USER).status === 0 ? undefined : 'users may not have user namespaces';

describeUnless((rootless ? noBuild : noOthers) ?? noCompiler, 'a program finds nothing of a host without root', () => {
  for (const [mode, title, times, kinds] of [
    ['rootless', 'in a container that programs are started in', 5000, ALL_KINDS],
    ['mounts', 'in a mount namespace that is mounted in', 1000, ALL_KINDS],
    // Half of them are namespaces, the others sockets and sysctls.
    ['network namespaces', 'in the user namespace of the network namespaces that it makes', 6000, KINDS],
  ] as const)
    testUnless(noUsers, title, async () => {
      const { done, looks, hits, control } = await attacked(mode, times, kinds, USER);
      expect(hits).toEqual([]);
      expect(done).toBe(times);
      expect(looks).toBeGreaterThan(1000);
      expect(control).toEqual(kinds);
    });
});
