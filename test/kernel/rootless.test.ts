/** Namespaces of users who are not root: made, used and entered in child processes of such a user. */
import { expect, jest, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { Netns } from '../../lib/namespaces/netns.js';
import { rootless } from '../support/netns.js';
import { build, noBuild, processBuild } from '../support/program.js';
import { errorOf } from '../support/rejection.js';
import { describeUnless } from '../support/skip.js';

jest.setTimeout(60_000);

const USER = rootless ? { uid: process.getuid!(), gid: process.getgid!() } : { uid: 65_533, gid: 65_532 };

function asUser(source: string): { told: Record<string, unknown> } {
  const program = `
    const { Netns, NetnsWorker, Rtnetlink, createVethPair } = require(${JSON.stringify(build)});
    const { spawn } = require(${JSON.stringify(processBuild)});
    const { text } = require('node:stream/consumers');
    const http = require('node:http');
    const told = {};
    (async () => { ${source} })().then(() => console.log(JSON.stringify(told)), (error) => {
      console.log(JSON.stringify({ error: { name: error.name, code: error.code, syscall: error.syscall, message: error.message } }));
    });`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['-e', program], {
    encoding: 'utf8',
    cwd: '/',
    ...USER,
  });
  if (status !== 0) throw new Error(`the child ended with ${status}: ${stderr}`);
  return { told: JSON.parse(stdout) as Record<string, unknown> };
}

const skip = ((): string | undefined => {
  if (noBuild !== undefined) return noBuild;
  if (spawnSync('unshare', ['--user', 'true'], USER).status !== 0) return 'users may not have user namespaces';
  const { status } = spawnSync(process.execPath, ['-e', `require(${JSON.stringify(build)})`], { ...USER, cwd: '/' });
  return status === 0 ? undefined : 'such users may not read this checkout';
})();

describeUnless(skip, 'without root', () => {
  test('namespaces share a user namespace, and everything works in them', () => {
    const { told } = asUser(`
      const [a, b] = await Promise.all([
        Netns.create({ rootless: true, loopback: true }),
        Netns.create({ rootless: true, loopback: true }),
      ]);
      const c = Netns.createSync({ rootless: true });
      told.shared = a.owner().equals(b.owner()) && a.owner().equals(c.owner());
      told.outside = a.owner().equals(Netns.current().owner());
      const [near, far] = await createVethPair(
        { name: 'near', netns: a, addresses: ['10.7.0.1/24'], up: true },
        { name: 'far', netns: b, addresses: ['10.7.0.2/24'], routes: [{ to: 'default', via: '10.7.0.1' }], up: true },
      );
      told.names = [near.name, far.name];
      await a.sysctl.set('net.ipv4.ip_forward', true);
      told.sysctls = [await a.sysctl.get('net.ipv4.ip_forward'), b.sysctl.getSync('net.ipv4.ip_forward')];
      const server = await a.listen(http.createServer((_, response) => response.end('hello')), { port: 80 });
      const response = await new Promise((resolve) =>
        http.get({ host: 'a', createConnection: () => b.connect({ host: '10.7.0.1', port: 80 }) }, resolve));
      told.answer = await text(response);
      server.close();
      const inside = Rtnetlink.openSync({ netns: b });
      const watch = inside.watch(['link']);
      const seen = [];
      for await (const event of watch) {
        if (event.type === 'synced') break;
        seen.push(event.value?.name ?? event.link?.name ?? event.type);
      }
      told.seen = seen.length;
      told.routes = inside.sync.route.list({ family: 'inet', table: 'main' }).map(({ to }) => to);
      inside.close();
      const child = await spawn('sh', ['-c', 'id -u; readlink /proc/self/ns/net'], {
        namespaces: { user: b.owner(), net: b },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      told.child = await text(child.stdout);
      told.expected = '0\\nnet:[' + b.ino + ']\\n';
      await child.exited;
      for (const netns of [a, b, c]) netns.close();`);
    expect(told).toEqual({
      shared: true,
      outside: false,
      names: ['near', 'far'],
      sysctls: ['1', '0'],
      answer: 'hello',
      seen: 2,
      routes: ['default', '10.7.0.0/24'],
      child: told['expected'],
      expected: expect.stringContaining('net:['),
    });
  });

  test('the threads and files of the process stay what they were', () => {
    const { told } = asUser(`
      const { readdirSync, readlinkSync, statSync } = require('node:fs');
      const kinds = ['user', 'net'];
      const all = () => JSON.stringify(readdirSync('/proc/self/task').flatMap((task) => { try { return kinds.map((kind) => readlinkSync('/proc/self/task/' + task + '/ns/' + kind)); } catch { return []; } }).filter((x, i, l) => l.indexOf(x) === i).sort());
      const before = all();
      const files = () => readdirSync('/proc/self/fd').length;
      const kept = await Netns.create({ rootless: true });
      const count = files();
      for (let i = 0; i < 50; i++) {
        const netns = await Netns.create({ rootless: true });
        const client = await Rtnetlink.open({ netns });
        await client.link.list();
        const second = await Rtnetlink.open({ netns });
        client.close();
        second.close();
        netns.close();
      }
      // A thread that has just ended counts for a moment.
      for (const end = Date.now() + 30_000; all() !== before && Date.now() < end; ) await new Promise((resolve) => setTimeout(resolve, 1));
      told.namespaces = all() === before;
      told.files = files() - count;
      told.owner = statSync('/proc/self/status').uid;
      told.children = require('node:fs').readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8');
      kept.close();`);
    expect(told).toEqual({ namespaces: true, files: 0, owner: USER.uid, children: '' });
  });

  test('without descriptors that are left a namespace is not made, and that is an error', () => {
    const { told } = asUser(`
      const fs = require('node:fs');
      (await Netns.create({ rootless: true })).close();
      const taken = [];
      try { for (;;) taken.push(fs.openSync('/dev/null')); } catch {}
      told.codes = [];
      for (let free = 0; free < 24; free++) {
        const [made] = await Promise.allSettled([Netns.create({ rootless: true })]);
        told.codes.push(made.status === 'fulfilled' ? 'made' : made.reason.code);
        made.value?.close();
        fs.closeSync(taken.pop());
      }`);
    const codes = told['codes'] as string[];
    expect(codes[0]).toBe('EMFILE');
    expect(codes.at(-1)).toBe('made');
    expect(codes.filter((code) => code !== 'EMFILE' && code !== 'made')).toEqual([]);
  });

  test('a NetnsWorker may not enter, says so, and nothing of it runs', () => {
    const { told } = asUser(`
      const netns = await Netns.create({ rootless: true });
      const worker = new NetnsWorker(new URL('data:text/javascript,process.exit(7)'), { netns });
      const exit = new Promise((resolve) => worker.once('exit', resolve));
      const error = await new Promise((resolve) => worker.once('error', resolve));
      told.error = { code: error.code, syscall: error.syscall };
      told.exit = await exit;
      netns.close();`);
    expect(told).toEqual({ error: { code: 'EPERM', syscall: 'setns' }, exit: 1 });
  });

  test('where user namespaces are forbidden, the error names the switches', () => {
    // In a user namespace of its own the sysctl is its own, too.
    const inner = 'echo 0 > /proc/sys/user/max_user_namespaces';
    const program = `
      const { Netns } = require(${JSON.stringify(build)});
      Netns.create({ rootless: true }).catch(({ name, code, syscall, message }) => console.log(JSON.stringify({ name, code, syscall, message })));`;
    const { stdout } = spawnSync(
      'unshare',
      ['--user', '--map-root-user', 'sh', '-c', `${inner}; exec "$0" -e "$1"`, process.execPath, program],
      { encoding: 'utf8', cwd: '/' },
    );
    expect(JSON.parse(stdout)).toEqual({
      name: 'SyscallError',
      code: 'ENOSPC',
      syscall: 'unshare',
      message: expect.stringContaining('user.max_user_namespaces'),
    });
  });

  test('a name is for root, and other options are checked', async () => {
    expect(await errorOf(() => Netns.create({ rootless: true, name: 'netlace-never' }))).toMatchObject({
      name: 'ArgumentError',
      argument: 'options.name',
    });
    expect(await errorOf(() => Netns.createSync({ rootless: 1 as never }))).toMatchObject({
      argument: 'options.rootless',
    });
  });
});
