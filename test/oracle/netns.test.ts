/** Network namespaces with names, as `ip netns` sees them; sysctls as `cat` sees them inside. */
import { expect, jest, test } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { Netns } from '../../lib/namespaces/netns.js';
import { Rtnetlink } from '../../lib/rtnetlink/client.js';
import { noIproute2 } from '../support/iproute2.js';
import { leavesNothing } from '../support/leftovers.js';
import { noNetns } from '../support/netns.js';
import { errorOf } from '../support/rejection.js';
import { describeUnless } from '../support/skip.js';

leavesNothing();
jest.setTimeout(60_000);

const skip = noNetns ?? noIproute2;

/** A command that must succeed. */
function run(command: string): string {
  const [tool = '', ...args] = command.split(' ');
  const { status, stdout, stderr } = spawnSync(tool, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
  return stdout;
}

function theirNames(): string[] {
  return run('ip netns list')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(' ')[0]!)
    .sort();
}

/** Runs `body` with a name, which is deleted afterwards if it is still there. */
async function withName(label: string, body: (name: string) => Promise<void>): Promise<void> {
  const name = `netlace-${process.pid}-${label}`;
  try {
    await body(name);
  } finally {
    if (Netns.list().includes(name)) Netns.delete(name);
  }
}

describeUnless(skip, 'names of namespaces', () => {
  test('what we make, ip lists, enters and deletes', () =>
    withName('ours', async (name) => {
      await using made = await Netns.create({ name });
      expect(theirNames()).toContain(name);
      expect(theirNames()).toEqual(Netns.list());
      expect(run(`ip netns exec ${name} readlink /proc/self/ns/net`).trim()).toBe(`net:[${made.ino}]`);
      expect(JSON.parse(run(`ip -j -n ${name} link show`))).toMatchObject([{ ifname: 'lo', operstate: 'DOWN' }]);
      run(`ip -n ${name} link add theirs type veth`);
      await using client = await Rtnetlink.open({ netns: made });
      expect((await client.link.get('theirs')).kind).toBe('veth');
      run(`ip netns delete ${name}`);
      expect(Netns.list()).not.toContain(name);
      expect(existsSync(`/run/netns/${name}`)).toBe(false);
      expect(await errorOf(() => Netns.open(name))).toMatchObject({ code: 'ENOENT' });
    }));

  test('what ip makes, we list, open and delete', () =>
    withName('theirs', async (name) => {
      run(`ip netns add ${name}`);
      expect(Netns.list()).toContain(name);
      await using opened = await Netns.open(name);
      expect(`net:[${opened.ino}]`).toBe(run(`ip netns exec ${name} readlink /proc/self/ns/net`).trim());
      expect(await errorOf(() => Netns.create({ name }))).toMatchObject({ code: 'EEXIST' });
      Netns.delete(name);
      expect(theirNames()).not.toContain(name);
      expect(spawnSync('ip', ['netns', 'exec', name, 'true']).status).not.toBe(0);
    }));

  test('ip and we make names in turn, in a folder that either may have prepared', () =>
    withName('a', (a) =>
      withName('b', (b) =>
        withName('c', async (c) => {
          (await Netns.create({ name: a })).close();
          run(`ip netns add ${b}`);
          Netns.createSync({ name: c }).close();
          expect(theirNames()).toEqual(expect.arrayContaining([a, b, c]));
          expect(theirNames()).toEqual(Netns.list());
          // A shared mount of its own, so that deletions reach every mount namespace.
          const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
          const folder = lines.filter((line) => / \/(var\/)?run\/netns /.test(line));
          expect(folder).toEqual([expect.stringMatching(/ shared:\d+ /)]);
        }),
      ),
    ));

  test('a process that ip started in a namespace is found by its pid', () =>
    withName('pid', async (name) => {
      await using made = await Netns.create({ name });
      // `ip netns exec` becomes the command: the pid is cat's.
      const child = spawn('ip', ['netns', 'exec', name, 'cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
      child.stdin.write('ready');
      await once(child.stdout, 'data');
      await using found = await Netns.open({ pid: child.pid! });
      expect(found.equals(made)).toBe(true);
      expect(run(`ip netns pids ${name}`).trim()).toBe(String(child.pid));
      child.stdin.end();
      await once(child, 'exit');
    }));

  test('ip deletes a name from another mount namespace, and it is gone here too', () =>
    withName('mounts', async (name) => {
      (await Netns.create({ name })).close();
      // `ip netns exec` gives the command a copy of the mounts; what is deleted here must go from there.
      const child = spawn('ip', ['netns', 'exec', name, 'cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
      child.stdin.write('ready');
      await once(child.stdout, 'data');
      Netns.delete(name);
      expect(readFileSync(`/proc/${child.pid}/mountinfo`, 'utf8')).not.toContain(`/run/netns/${name}`);
      child.stdin.end();
      await once(child, 'exit');
    }));
});

describeUnless(skip, 'sysctls beside cat', () => {
  test('what we write is read inside, and what is written inside we read', () =>
    withName('sysctl', async (name) => {
      await using netns = await Netns.create({ name });
      await using client = await Rtnetlink.open({ netns });
      await client.link.add({ name: 'eth0.7', kind: 'veth', data: { peer: { name: 'far' } } });
      const { sysctl } = netns;
      for (const [ours, theirs, value] of [
        ['net.ipv4.ip_forward', '/proc/sys/net/ipv4/ip_forward', '1'],
        ['net.ipv4.ip_local_port_range', '/proc/sys/net/ipv4/ip_local_port_range', '12345\t23456'],
        ['net/ipv4/conf/eth0.7/arp_ignore', '/proc/sys/net/ipv4/conf/eth0.7/arp_ignore', '2'],
        ['net.ipv6.conf.eth0/7.hop_limit', '/proc/sys/net/ipv6/conf/eth0.7/hop_limit', '77'],
      ] as const) {
        const inside = () => run(`ip netns exec ${name} cat ${theirs}`).trimEnd();
        const before = await sysctl.get(ours);
        expect(inside()).toBe(before);
        expect(before).not.toBe(value);
        await sysctl.set(ours, value);
        expect(inside()).toBe(value);
        spawnSync('ip', ['netns', 'exec', name, 'sh', '-c', `echo "${before}" > ${theirs}`]);
        expect(sysctl.getSync(ours)).toBe(before);
        sysctl.setSync(ours, value);
        expect(inside()).toBe(value);
      }
    }));
});
