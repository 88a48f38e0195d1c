/** Names of namespaces are files in /run/netns: what that folder cannot do is told as it is, and nothing is half-done. */
import { expect, jest, test } from '@jest/globals';
import { noNames, noNetns, rootless } from '../support/netns.js';
import { noBuild, tell } from '../support/program.js';
import { describeUnless } from '../support/skip.js';

jest.setTimeout(60_000);

/** What comes of `body` in a mount namespace of its own, after the commands of `prepare`. */
const withRun = (prepare: string, body: string) =>
  tell(
    `const { Netns, Namespace } = netlace;
     const sh = (text) => require('node:child_process').execFileSync('sh', ['-e', '-c', text]);
     sh('mount --make-rprivate /');
     sh(${JSON.stringify(prepare)});
     ${body}`,
    { under: 'unshare -m' },
  );

const create = `
  await attempt('create', () => Netns.create({ name: 'netlace-x' }));
  await attempt('createSync', () => Netns.createSync({ name: 'netlace-x' }));`;

describeUnless(rootless ? 'takes root' : (noNetns ?? noNames ?? noBuild), 'of /run', () => {
  for (const [title, prepare, code, syscall] of [
    ['read-only', 'mount -t tmpfs -o ro none /run', 'EROFS', 'mkdir'],
    ['full', 'mount -t tmpfs -o nr_inodes=1 none /run', 'ENOSPC', 'mkdir'],
    ['full behind the folder', 'mount -t tmpfs -o nr_inodes=2 none /run; mkdir /run/netns', 'ENOSPC', 'open'],
    ['a file in its place', 'mount -t tmpfs none /run; touch /run/netns', 'ENOTDIR', 'mkdir'],
    ['a loop of links', 'mount -t tmpfs none /run; ln -s netns /run/netns', 'ELOOP', 'stat'],
    ['a link to nothing', 'mount -t tmpfs none /run; ln -s nonesuch /run/netns', 'ENOENT', 'stat'],
    [
      'read-only behind the folder',
      'mount -t tmpfs none /run; mkdir /run/netns; mount -o remount,ro /run',
      'EROFS',
      'open',
    ],
  ] as const) {
    test(`${title}: ${code}`, () => {
      const told = withRun(prepare, create);
      for (const key of ['create', 'createSync']) {
        expect(told[key]).toMatchObject({ name: 'SyscallError', code, syscall });
        expect((told[key] as { message: string }).message).toContain('/run/netns');
        expect(told[key]).not.toHaveProperty('hint', expect.anything());
      }
    });
  }

  test('read-only after a name was made: it is listed and opened, and stays', () => {
    const told = withRun(
      'mount -t tmpfs none /run',
      `
      const netns = Netns.createSync({ name: 'netlace-x' });
      netns.pin('/run/netlace-pin');
      netns.close();
      sh('mount -o remount,ro,bind /run/netns; mount -o remount,ro /run');
      await attempt('delete', async () => Netns.delete('netlace-x'));
      await attempt('unpin', async () => Netns.unpin('/run/netlace-pin'));
      await attempt('pin', async () => Netns.openSync('netlace-x').pin('/run/netlace-other'));
      await attempt('list', async () => Netns.list());
      await attempt('open', async () => Netns.openSync('netlace-x').type);
      await attempt('openPin', async () => Netns.openSync({ path: '/run/netlace-pin' }).type);`,
    );
    for (const key of ['delete', 'unpin', 'pin'])
      expect(told[key]).toMatchObject({ name: 'SyscallError', code: 'EROFS' });
    expect(told).toMatchObject({ list: ['netlace-x'], open: 'net', openPin: 'net' });
  });

  test('the limit of network namespaces is called one', () => {
    const told = tell(
      `fs.writeFileSync('/proc/sys/user/max_net_namespaces', '0');
       await attempt('create', () => netlace.Netns.create());
       await attempt('createSync', () => netlace.Netns.createSync());`,
      { under: 'unshare --user --map-root-user' },
    );
    for (const key of ['create', 'createSync'])
      expect(told[key]).toMatchObject({ code: 'ENOSPC', hint: expect.stringContaining('max_net_namespaces') });
  });
});
