/** Without rights: reading works, everything else says which capability it takes. In child processes of a user who has none. */
import { expect, jest, test } from '@jest/globals';
import { leavesNothing } from '../support/leftovers.js';
import { noNetns, notRoot, rootless } from '../support/netns.js';
import { noBuild, noOthers, tell } from '../support/program.js';
import { describeUnless, testUnless } from '../support/skip.js';

leavesNothing();
jest.setTimeout(60_000);

const NOBODY = 65_534;
/** Whoever is not root is such a user himself. */
const user = rootless ? {} : { uid: NOBODY, gid: NOBODY };
const skip = noNetns ?? (rootless ? noBuild : noOthers);

/** What comes of `body` in a program that has these. */
const attempts = (body: string, who = {}) => tell(`const { Netns, Rtnetlink } = netlace; ${body}`, who);

const names = (capability: string): unknown => expect.stringContaining(capability);

describeUnless(skip, 'without rights', () => {
  test('the own namespace takes no right to enter, by a handle either', () => {
    const told = attempts(
      `
      const netns = Netns.current();
      await attempt('sysctl', () => netns.sysctl.get('net.ipv4.ip_forward'));
      await attempt('sysctlSync', async () => netns.sysctl.getSync('net.ipv4.ip_forward'));
      await attempt('udp', async () => { const socket = await netns.udp({ address: '127.0.0.1' }); socket.close(); return 'bound'; });
      await attempt('client', async () => { const client = await Rtnetlink.open({ netns }); return client.sync.link.get(1).name; });`,
      user,
    );
    const forwards: unknown = expect.stringMatching(/^[01]$/);
    expect(told).toEqual({ sysctl: forwards, sysctlSync: forwards, udp: 'bound', client: 'lo' });
  });

  test('a process reads its own namespace', () => {
    const told = attempts(
      `
      const client = await Rtnetlink.open();
      await attempt('links', async () => (await client.link.list()).some(({ name }) => name === 'lo'));
      await attempt('get', async () => (await client.link.get('lo')).index);
      await attempt('sync', async () => client.sync.link.get(1).name);
      await attempt('routes', async () => Array.isArray(await client.route.list()));
      await attempt('addresses', async () => Array.isArray(await client.address.list()));
      await attempt('watch', async () => { for await (const { type } of client.watch(['link'])) if (type === 'synced') return type; });
      await attempt('current', async () => Netns.current().equals(await Netns.open({ pid: process.pid })));
      await attempt('names', async () => Array.isArray(Netns.list()));`,
      user,
    );
    expect(told).toEqual({
      links: true,
      get: 1,
      sync: 'lo',
      routes: true,
      addresses: true,
      watch: 'synced',
      current: true,
      names: true,
    });
  });

  test('making a namespace says that it takes CAP_SYS_ADMIN', () => {
    const told = attempts(
      `
      await attempt('create', () => Netns.create());
      await attempt('createSync', () => Netns.createSync());
      await attempt('named', () => Netns.create({ name: 'netlace-never' }));
      await attempt('delete', () => Netns.delete('netlace-never'));`,
      user,
    );
    for (const key of ['create', 'createSync']) {
      expect(told[key]).toMatchObject({
        name: 'SyscallError',
        code: 'EPERM',
        syscall: 'unshare',
        message: names('CAP_SYS_ADMIN'),
      });
    }
    expect(told['named']).toMatchObject({
      name: 'SyscallError',
      code: expect.stringMatching(/^(EPERM|EACCES)$/),
      message: names('CAP_SYS_ADMIN'),
    });
    expect(told['delete']).toMatchObject({ name: 'SyscallError' });
  });

  testUnless(notRoot, 'changes say that they take CAP_NET_ADMIN, and entering says CAP_SYS_ADMIN', () => {
    const told = attempts(`
      const netns = await Netns.create();
      const client = await Rtnetlink.open({ netns });
      await client.link.add({ name: 'left', kind: 'veth', data: { peer: { name: 'right' } } });
      process.setgroups([]);
      process.setgid(${NOBODY});
      process.setuid(${NOBODY});
      await attempt('list', async () => (await client.link.list()).length);
      await attempt('add', () => client.link.add({ name: 'it', kind: 'veth' }));
      await attempt('set', () => client.link.set('left', { mtu: 1400 }));
      await attempt('sync', () => client.sync.link.delete('left'));
      await attempt('address', () => client.address.add({ link: 'left', address: '10.1.2.3/24' }));
      await attempt('route', () => client.route.add({ to: '10.9.0.0/16', link: 'left' }));
      await attempt('open', () => Rtnetlink.open({ netns }));
      await attempt('openSync', () => Rtnetlink.openSync({ netns }));
      await attempt('sysctl', () => netns.sysctl.set('net.ipv4.ip_forward', 1));
      await attempt('connect', () => netns.connect({ host: '127.0.0.1', port: 9 }));
      await attempt('listen', () => netns.listen(require('node:net').createServer(), { port: 80 }));
      await attempt('pin', () => netns.pin('/etc/netlace-never'));`);
    // The list was being read on a socket from before, if one was idle; a new one takes entering the namespace.
    for (const key of ['add', 'set', 'sync', 'address', 'route']) {
      expect(told[key]).toMatchObject({
        name: 'KernelError',
        code: 'EPERM',
        operation: expect.stringMatching(/^RTM_/),
        message: names('CAP_NET_ADMIN'),
      });
    }
    for (const key of ['open', 'openSync', 'sysctl', 'connect', 'listen', 'list']) {
      expect(told[key]).toMatchObject({
        name: 'SyscallError',
        code: 'EPERM',
        syscall: 'setns',
        message: names('CAP_SYS_ADMIN'),
      });
    }
    expect(told['pin']).toMatchObject({ name: 'SyscallError', code: 'EACCES', syscall: 'open' });
  });
});
