/** The launcher where a system forbids what it is made with, and births that do not get to their end. */
import { describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { spawn } from '../../lib/process/spawn.js';
import type { SpawnOptions } from '../../lib/process/spawn-options.js';
import { leavesNothing, until } from '../support/leftovers.js';
import { errorOf } from '../support/rejection.js';
import { refusing } from '../support/seccomp.js';
import { describeUnless } from '../support/skip.js';
import { childrenOf, lines, nodeEnvironment, noRights, outcome, rootless, shell } from '../support/spawned.js';

leavesNothing();

const ENOSYS = 38;
/** The same on all processors. */
const CLONE3 = 435;

/** What a script prints in which `spawn` is there, and `told` what to say. */
async function told(script: string, options: SpawnOptions): Promise<unknown> {
  const source = `
    const { spawn } = require('${process.cwd()}/dist/cjs/process/index.js');
    const { text } = require('node:stream/consumers');
    const run = async (command, options) => {
      try {
        const child = await spawn('sh', ['-c', command], options);
        const [out, { code }] = await Promise.all([text(child.stdout), child.exited]);
        return out.trim() + ':' + code;
      } catch ({ name, step, code, message }) {
        return [name, step, code, message];
      }
    };
    (async () => console.log(JSON.stringify(await (${script})())))();`;
  const { out, err } = await outcome(process.execPath, ['-e', source], { env: nodeEnvironment, cwd: '/', ...options });
  if (err !== '') throw new Error(err);
  return JSON.parse(out) as unknown;
}

describe('without clone3, as in a container of Docker', () => {
  const noClone3: SpawnOptions = { seccomp: refusing([CLONE3], ENOSYS), noNewPrivileges: true };

  test('children are made with clone', async () => {
    expect(
      await told(
        `async () => [
          await run('echo plain; exit 3', {}),
          await run('umask; exit 4', { umask: 0o27, nice: 1 }),
          await run('exit 5', { timeout: 60000, cwd: '/' }),
        ]`,
        noClone3,
      ),
    ).toEqual(['plain:3', '0027:4', ':5']);
  });

  describeUnless(noRights, 'with rights', () => {
    test('in new and in joined namespaces, too', async () => {
      expect(
        await told(
          `async () => {
            const init = await spawn('cat', [], { stdio: ['pipe', 'ignore', 'ignore'], namespaces: { pid: 'new', uts: 'new' }, hostname: 'box', init: true });
            const said = [
              await run('echo $$; hostname; exit 6', { namespaces: { pid: { pid: init.pid }, uts: { pid: init.pid } } }),
              await run('id -u; echo $$; exit 7', { namespaces: { user: 'new', pid: 'new', mnt: 'new' }, mounts: [{ type: 'proc', target: '/proc' }] }),
            ];
            init.kill('SIGKILL');
            await init.exited;
            return said;
          }`,
          noClone3,
        ),
      ).toEqual(['3\nbox:6', '0\n1:7']);
    });

    test('a cgroup says what forbids it', async () => {
      expect(
        await told(
          `async () => [await run('true', { cgroup: { fd: require('node:fs').openSync('/', 'r') } })]`,
          noClone3,
        ),
      ).toEqual([['SpawnError', 'clone3', 'ENOSYS', expect.stringContaining('filter')]]);
    });
  });
});

const NOEXEC = '/proc/sys/vm/memfd_noexec';

describeUnless(
  noRights ?? (existsSync(NOEXEC) ? undefined : 'this kernel has no sysctl vm.memfd_noexec'),
  'where files in memory may not be executed',
  () => {
    // The sysctl is one for each pid namespace, and can only be raised.
    for (const value of [0, 1, 2])
      test(`vm.memfd_noexec=${value}`, async () => {
        const options: SpawnOptions = {
          namespaces: { pid: 'new', mnt: 'new' },
          mounts: [{ type: 'proc', target: '/proc' }],
        };
        const script = `async () => {
          require('node:fs').writeFileSync('${NOEXEC}', '${value}');
          return [
            require('node:fs').readFileSync('${NOEXEC}', 'utf8').trim(),
            await run('id -u; exit 3', { uid: 77 }),
            await run('readlink /proc/1/exe; exit 4', { namespaces: { pid: 'new', mnt: 'new' }, mounts: [{ type: 'proc', target: '/proc' }], init: true }),
          ];
        }`;
        const [set, user, init] = (await told(script, options)) as [string, string, string];
        expect(set).toBe(`${value}`);
        expect(user).toBe('77:3');
        // A file in memory, or one without a name.
        expect(init).toMatch(
          value === 2
            ? /^\/dev\/shm\/.*\(deleted\):4$|^\/(var\/)?tmp\/.*\(deleted\):4$/
            : /^\/memfd:netlace \(deleted\):4$/,
        );
      });
  },
);

describeUnless(noRights === undefined || rootless.user === 'new' ? undefined : noRights, 'a birth', () => {
  test('that something else kills is an error that names the step', async () => {
    // The launcher waits for its id maps as long as this thread of JavaScript and the reader are kept from nothing: so look for it at once.
    const stopped = spawn('true', [], { nice: 1, timeout: 60_000 });
    const [launcher] = childrenOf().filter(({ pid }) =>
      readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith('netlace\0'),
    );
    if (launcher !== undefined) process.kill(launcher.pid, 'SIGKILL');
    const error = await stopped.then(
      async (child) => (await child.exited).signal,
      (error: Error) => error,
    );
    // It may have been the program already.
    if (error instanceof Error) expect(error).toMatchObject({ name: 'SpawnError', code: 'ECANCELED' });
    expect(await until(() => childrenOf().length === 0)).toBe(true);
  });

  test('has a name, and init another', async () => {
    const options: SpawnOptions = {
      namespaces: { pid: 'new', mnt: 'new', ...rootless },
      mounts: [{ type: 'proc', target: '/proc' }],
      init: true,
    };
    expect(await lines("tr '\\0' '\\n' < /proc/1/cmdline", options)).toContain('init');
    expect(await shell('cat /proc/1/comm', options)).toBe('init');
  });

  test('of a program that is not there leaves nothing, however often', async () => {
    for (let i = 0; i < 20; i++)
      expect(await errorOf(() => spawn('/nowhere', [], { nice: 1 }))).toMatchObject({
        step: 'command',
        code: 'ENOENT',
      });
    expect(await until(() => childrenOf().length === 0)).toBe(true);
  });
});
