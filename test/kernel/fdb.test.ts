import { expect } from '@jest/globals';
import type { Rtnetlink } from '../../lib/rtnetlink/client.js';
import type { FdbEntry, NewFdbEntry } from '../../lib/rtnetlink/fdb.js';
import { inSandbox, noNetns, olderThan, unavailable } from '../support/netns.js';
import { describeUnless, testUnless } from '../support/skip.js';

const aNumber: unknown = expect.any(Number);
const mac = '02:42:ac:11:00:05';
const nowhere = '00:00:00:00:00:00';

/** A VXLAN link that learns nothing, as Docker's overlays have it. */
async function withVxlan(client: Rtnetlink): Promise<number> {
  await client.link.add({ name: 'vx', kind: 'vxlan', up: true, data: { id: 42, port: 4789, learning: false } });
  return (await client.link.get('vx')).index;
}

/** Otherwise an entry that does not say in which VLAN it is in two, one for none and one for VLAN 1. */
const noVlans = { vlanDefaultPvid: 0 };

/** A bridge with a port; the port's other end stays outside. */
async function withBridge(client: Rtnetlink): Promise<{ readonly bridge: number; readonly port: number }> {
  await client.link.add({ name: 'br', kind: 'bridge', up: true, data: noVlans });
  await client.link.add({ name: 'port', kind: 'veth', master: 'br', up: true, data: { peer: { name: 'outside' } } });
  await client.link.set('outside', { up: true });
  return { bridge: (await client.link.get('br')).index, port: (await client.link.get('port')).index };
}

const noVxlan = await unavailable('no VXLAN', withVxlan);
const noVlanFiltering = await unavailable('no VLAN filtering', (client) =>
  client.link.add({ name: 'br', kind: 'bridge', data: { vlanFiltering: true } }),
);

/** The entries for a MAC. */
async function entries(
  client: Rtnetlink,
  filter: Parameters<Rtnetlink['fdb']['list']>[0],
  wanted = mac,
): Promise<FdbEntry[]> {
  return (await client.fdb.list(filter)).filter((entry) => entry.mac === wanted);
}

/** Adds, lists, deletes, adds what was listed, and lists again. */
async function roundTrip(client: Rtnetlink, entry: NewFdbEntry): Promise<FdbEntry> {
  const list = () => entries(client, { link: entry.link }, entry.mac);
  await client.fdb.add(entry);
  const [first, ...rest] = await list();
  expect(rest).toEqual([]);
  await client.fdb.delete(first!);
  expect(await list()).toEqual([]);
  await client.fdb.add(first!);
  const [second] = await list();
  expect({ ...second, cacheinfo: undefined }).toEqual({ ...first, cacheinfo: undefined });
  return second!;
}

describeUnless(noVxlan, 'forwarding entries of VXLAN links', () => {
  testUnless(noVxlan, 'a remote', () =>
    inSandbox(async ({ client }) => {
      const link = await withVxlan(client);
      expect(await roundTrip(client, { link: 'vx', mac, dst: '192.0.2.9' })).toEqual({
        family: 'bridge',
        link,
        state: ['permanent'],
        flags: ['self'],
        type: 'unicast',
        mac,
        dst: '192.0.2.9',
        cacheinfo: { confirmed: 0, used: aNumber, updated: aNumber, refcnt: 0 },
      });
    }),
  );

  const every: readonly Omit<NewFdbEntry, 'mac' | 'link'>[] = [
    { dst: '192.0.2.9', port: 8472 },
    { dst: '192.0.2.9', vni: 0x123456 },
    { dst: '192.0.2.9', via: 1 },
    { dst: '192.0.2.9', state: ['reachable'] },
    { dst: '192.0.2.9', state: ['reachable', 'noarp'] },
    { dst: '192.0.2.9', flags: ['self', 'router'] },
    { dst: '192.0.2.9', flags: ['extLearned'] },
  ];
  for (const entry of every) {
    testUnless(noVxlan, `a remote with ${JSON.stringify(entry)}`, () =>
      inSandbox(async ({ client }) => {
        await withVxlan(client);
        const { flags = [], ...plain } = entry;
        const read = await roundTrip(client, { link: 'vx', mac, ...entry });
        expect(read).toMatchObject(plain);
        expect(read.flags).toEqual(expect.arrayContaining([...flags, 'self']));
      }),
    );
  }

  testUnless(noVxlan, 'an IPv6 remote, by the name of a link', () =>
    inSandbox(async ({ client }) => {
      await client.link.add({ name: 'vx', kind: 'vxlan', data: { id: 42, port: 4789, local: 'fd00::1' } });
      expect(await roundTrip(client, { link: 'vx', mac, dst: 'fd00::9', via: 'lo' })).toMatchObject({
        dst: 'fd00::9',
        via: 1,
      });
    }),
  );

  testUnless(noVxlan, 'a link that carries several networks tells them apart', () =>
    inSandbox(async ({ client }) => {
      await client.link.add({ name: 'vx', kind: 'vxlan', data: { port: 4789, collectMetadata: true } });
      await client.fdb.add({ link: 'vx', mac, dst: '192.0.2.9', vni: 7, srcVni: 0x123456 });
      await client.fdb.add({ link: 'vx', mac, dst: '192.0.2.8', vni: 8, srcVni: 0x123457 });
      const read = await entries(client, { link: 'vx' });
      expect(read.sort((a, b) => a.srcVni! - b.srcVni!)).toMatchObject([
        { dst: '192.0.2.9', vni: 7, srcVni: 0x123456 },
        { dst: '192.0.2.8', vni: 8, srcVni: 0x123457 },
      ]);
      expect(await client.fdb.get({ link: 'vx', mac, vni: 0x123457 })).toMatchObject({ dst: '192.0.2.8' });
      await client.fdb.delete(read[0]!);
      expect(await entries(client, { link: 'vx' })).toMatchObject([{ srcVni: 0x123457 }]);
    }),
  );

  testUnless(noVxlan, 'one MAC, several remotes', () =>
    inSandbox(async ({ client }) => {
      const link = await withVxlan(client);
      const remotes = ['192.0.2.7', '192.0.2.8', '192.0.2.9'];
      for (const dst of remotes) await client.fdb.append({ link, mac: nowhere, dst });
      const found = async () => (await entries(client, { link }, nowhere)).map(({ dst }) => dst).sort();
      expect(await found()).toEqual(remotes);
      await client.fdb.append({ link, mac: nowhere, dst: '192.0.2.7', port: 8472 });
      expect(await found()).toEqual(['192.0.2.7', ...remotes]);
      await client.fdb.delete({ link, mac: nowhere, dst: '192.0.2.8' });
      expect(await found()).toEqual(['192.0.2.7', '192.0.2.7', '192.0.2.9']);
      await client.fdb.delete({ link, mac: nowhere });
      expect(await found()).toEqual([]);
    }),
  );

  testUnless(noVxlan, 'replace makes or changes, change only changes', () =>
    inSandbox(async ({ client }) => {
      const link = await withVxlan(client);
      await expect(client.fdb.change({ link, mac, dst: '192.0.2.7' })).rejects.toMatchObject({ code: 'ENOENT' });
      await client.fdb.replace({ link, mac, dst: '192.0.2.7' });
      await client.fdb.replace({ link, mac, dst: '192.0.2.8' });
      expect(await client.fdb.get({ link, mac })).toMatchObject({ dst: '192.0.2.8' });
      await client.fdb.change({ link, mac, dst: '192.0.2.9', port: 8472 });
      expect(await client.fdb.get({ link, mac })).toMatchObject({ dst: '192.0.2.9', port: 8472 });
    }),
  );

  testUnless(noVxlan ?? olderThan(6, 7), 'flush deletes what matches', () =>
    inSandbox(async ({ client }) => {
      const link = await withVxlan(client);
      const macs = [1, 2, 3, 4, 5].map((n) => `02:00:00:00:00:0${n}`);
      await client.fdb.add({ link, mac: macs[0]!, dst: '192.0.2.7' });
      await client.fdb.add({ link, mac: macs[1]!, dst: '192.0.2.8' });
      await client.fdb.add({ link, mac: macs[2]!, dst: '192.0.2.9', port: 8472 });
      await client.fdb.add({ link, mac: macs[3]!, dst: '192.0.2.9', vni: 9 });
      await client.fdb.add({ link, mac: macs[4]!, dst: '192.0.2.9', state: ['reachable'] });
      const left = async () => (await client.fdb.list({ link })).map((entry) => macs.indexOf(entry.mac) + 1).sort();
      await client.fdb.flush({ link: 'vx', dst: '192.0.2.7' });
      expect(await left()).toEqual([2, 3, 4, 5]);
      await client.fdb.flush({ link, port: 8472 });
      expect(await left()).toEqual([2, 4, 5]);
      await client.fdb.flush({ link, vni: 9 });
      expect(await left()).toEqual([2, 5]);
      await client.fdb.flush({ link, state: { permanent: false } });
      expect(await left()).toEqual([2]);
      await client.fdb.flush({ link });
      expect(await left()).toEqual([]);
    }),
  );

  testUnless(noVxlan, 'errors name what is wrong', () =>
    inSandbox(async ({ client }) => {
      const link = await withVxlan(client);
      const { fdb } = client;
      await fdb.add({ link, mac, dst: '192.0.2.7' });
      await expect(fdb.add({ link, mac, dst: '192.0.2.7' })).rejects.toMatchObject({
        code: 'EEXIST',
        operation: 'RTM_NEWNEIGH',
      });
      await expect(fdb.delete({ link, mac: '02:00:00:00:00:01' })).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(fdb.get({ link, mac: '02:00:00:00:00:01' })).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(fdb.add({ link, mac: '02:00:00:00:00:01' })).rejects.toMatchObject({ code: 'EINVAL' });
      await expect(fdb.add({ link, mac: '02:00:00:00:00:01', dst: 'fd00::1' })).rejects.toMatchObject({
        code: 'EAFNOSUPPORT',
      });
      await expect(fdb.add({ link: 999, mac, dst: '192.0.2.7' })).rejects.toMatchObject({ code: 'ENODEV' });
      await expect(fdb.add({ link, mac, via: 'nowhere', dst: '192.0.2.7' })).rejects.toMatchObject({
        path: 'fdb.via',
      });
      await expect(fdb.add({ link, mac, vni: 2 ** 24, dst: '192.0.2.7' })).rejects.toMatchObject({ path: 'fdb.vni' });
      await expect(fdb.add({ link, mac: '02:42:ac:11:00', dst: '192.0.2.7' })).rejects.toMatchObject({
        path: 'fdb.mac',
      });
      await expect(fdb.add({ link, mac, remote: '192.0.2.7' } as never)).rejects.toMatchObject({ path: 'fdb.remote' });
      expect(await fdb.list({ link })).toHaveLength(1);
    }),
  );
});

describeUnless(noNetns, 'forwarding entries of bridges', () => {
  testUnless(noNetns, 'a static entry about a port', () =>
    inSandbox(async ({ client }) => {
      const { bridge, port } = await withBridge(client);
      expect(await roundTrip(client, { link: 'port', mac, master: 'br' })).toEqual({
        family: 'bridge',
        link: port,
        state: ['noarp'],
        flags: [],
        type: 'unspec',
        mac,
        master: bridge,
        cacheinfo: { confirmed: 0, used: aNumber, updated: aNumber, refcnt: 0 },
      });
    }),
  );

  const every: readonly Omit<NewFdbEntry, 'mac' | 'link'>[] = [
    { flags: ['master'], state: ['permanent'] },
    { flags: ['master'], state: ['reachable'] },
    { flags: ['master', 'sticky'] },
    { flags: ['master', 'extLearned'], state: ['reachable'] },
  ];
  for (const entry of every) {
    testUnless(noNetns, `an entry with ${JSON.stringify(entry)}`, () =>
      inSandbox(async ({ client }) => {
        const { bridge } = await withBridge(client);
        const flags = entry.flags!.filter((flag) => flag !== 'master');
        const { state = ['noarp'] } = entry;
        expect(await roundTrip(client, { link: 'port', mac, ...entry })).toMatchObject({
          flags,
          state,
          master: bridge,
        });
      }),
    );
  }

  testUnless(noNetns, 'activity is to be reported', () =>
    inSandbox(async ({ client }) => {
      await withBridge(client);
      const read = await roundTrip(client, { link: 'port', mac, master: 'br', activityNotify: ['notify'] });
      expect(read).toMatchObject({ activityNotify: ['notify'] });
      await client.fdb.replace({
        link: 'port',
        mac,
        master: 'br',
        activityNotify: ['notify', 'inactive'],
        dontRefresh: true,
      });
      expect(await entries(client, { link: 'port' })).toMatchObject([{ activityNotify: ['notify', 'inactive'] }]);
    }),
  );

  testUnless(noNetns, 'the bridge’s own addresses', () =>
    inSandbox(async ({ client }) => {
      const { bridge } = await withBridge(client);
      await client.fdb.add({ link: 'br', mac });
      const own = (await entries(client, { link: 'br' })).find((entry) => entry.master !== undefined);
      expect(own).toMatchObject({ link: bridge, master: bridge, state: ['permanent'] });
      await client.fdb.delete(own!);
      expect(await entries(client, {})).toEqual([]);
      await client.fdb.add(own!);
      expect(await client.fdb.get({ master: 'br', mac })).toMatchObject({ link: bridge });
    }),
  );

  testUnless(noNetns, 'addresses that a link of another kind takes in', () =>
    inSandbox(async ({ client }) => {
      await withBridge(client);
      const { index } = await client.link.get('outside');
      expect(await roundTrip(client, { link: 'outside', mac })).toEqual({
        family: 'bridge',
        link: index,
        state: ['permanent'],
        flags: ['self'],
        type: 'unspec',
        mac,
      });
    }),
  );

  testUnless(noNetns, 'get finds the entry by port and by bridge', () =>
    inSandbox(async ({ client }) => {
      const { port } = await withBridge(client);
      await client.fdb.add({ link: 'port', mac, flags: ['master'] });
      const found = { link: port, mac, state: ['noarp'] };
      expect(await client.fdb.get({ mac, master: 'br' })).toMatchObject(found);
      expect(await client.fdb.get({ mac, link: 'port', flags: ['master'] })).toMatchObject(found);
      expect(client.sync.fdb.get({ mac, master: 'br', link: 'port' })).toMatchObject(found);
      await expect(client.fdb.get({ mac: '02:00:00:00:00:01', master: 'br' })).rejects.toMatchObject({
        code: 'ENOENT',
      });
    }),
  );

  testUnless(noVlanFiltering, 'an entry in one VLAN', () =>
    inSandbox(async ({ client }) => {
      await withBridge(client);
      await client.link.set('br', { kind: 'bridge', data: { vlanDefaultPvid: 1 } });
      await client.link.set('br', { kind: 'bridge', data: { vlanFiltering: true } });
      expect(await roundTrip(client, { link: 'port', mac, master: 'br', vlan: 1 })).toMatchObject({ vlan: 1 });
      expect(await client.fdb.get({ mac, master: 'br', vlan: 1 })).toMatchObject({ vlan: 1 });
      await expect(client.fdb.add({ link: 'port', mac, master: 'br', vlan: 77 })).rejects.toMatchObject({
        code: 'EINVAL',
      });
    }),
  );

  testUnless(noNetns, 'lists are filtered', () =>
    inSandbox(async ({ client }) => {
      const { port } = await withBridge(client);
      await client.link.add({ name: 'br2', kind: 'bridge', data: noVlans });
      await client.link.add({ name: 'port2', kind: 'veth', master: 'br2', data: { peer: { name: 'outside2' } } });
      await client.fdb.add({ link: 'port', mac, flags: ['master'] });
      await client.fdb.add({ link: 'port2', mac, flags: ['master'] });
      const links = async (filter: Parameters<typeof client.fdb.list>[0]) =>
        (await entries(client, filter)).map(({ link }) => (link === port ? 'port' : 'port2')).sort();
      expect(await links({})).toEqual(['port', 'port2']);
      expect(await links({ link: 'port' })).toEqual(['port']);
      expect(await links({ master: 'br2' })).toEqual(['port2']);
      await expect(client.fdb.list({ master: 999 })).rejects.toMatchObject({ code: 'ENODEV' });
    }),
  );

  testUnless(noVlanFiltering ?? olderThan(6, 0), 'flush deletes those of one VLAN', () =>
    inSandbox(async ({ client }) => {
      await withBridge(client);
      await client.link.set('br', { kind: 'bridge', data: { vlanDefaultPvid: 1 } });
      await client.link.set('br', { kind: 'bridge', data: { vlanFiltering: true } });
      const vlans = async () => (await entries(client, { link: 'port' })).map(({ vlan }) => vlan).sort();
      // Without a VLAN, each of the port's gets an entry, too.
      await client.fdb.add({ link: 'port', mac, master: 'br' });
      expect(await vlans()).toEqual([1, undefined]);
      await client.fdb.flush({ link: 'br', vlan: 1 });
      expect(await vlans()).toEqual([undefined]);
    }),
  );

  testUnless(olderThan(6, 0), 'flush deletes what matches', () =>
    inSandbox(async ({ client }) => {
      await withBridge(client);
      await client.link.add({ name: 'port2', kind: 'veth', master: 'br', data: { peer: { name: 'outside2' } } });
      const macs = [1, 2, 3, 4].map((n) => `02:00:00:00:00:0${n}`);
      await client.fdb.add({ link: 'port', mac: macs[0]!, flags: ['master'] });
      await client.fdb.add({ link: 'port', mac: macs[1]!, flags: ['master'], state: ['reachable'] });
      await client.fdb.add({ link: 'port', mac: macs[2]!, flags: ['master', 'sticky'] });
      await client.fdb.add({ link: 'port2', mac: macs[3]!, flags: ['master'] });
      const left = async () =>
        (await client.fdb.list())
          .map((entry) => macs.indexOf(entry.mac) + 1)
          .filter((n) => n > 0)
          .sort();
      await client.fdb.flush({ link: 'br', flags: { sticky: true } });
      expect(await left()).toEqual([1, 2, 4]);
      await client.fdb.flush({ link: 'br', state: { noarp: false } });
      expect(await left()).toEqual([1, 4]);
      await client.fdb.flush({ link: 'port', master: 'br', state: { permanent: false } });
      expect(await left()).toEqual([4]);
      await client.fdb.flush({ link: 'br', state: { permanent: false } });
      expect(await left()).toEqual([]);
    }),
  );

  testUnless(noNetns, 'errors name what is wrong', () =>
    inSandbox(async ({ client }) => {
      await withBridge(client);
      const { fdb } = client;
      await fdb.add({ link: 'port', mac, flags: ['master'] });
      await expect(fdb.add({ link: 'port', mac, flags: ['master'] })).rejects.toMatchObject({ code: 'EEXIST' });
      await expect(fdb.delete({ link: 'port', mac: '02:00:00:00:00:01', flags: ['master'] })).rejects.toMatchObject({
        code: 'ENOENT',
      });
      await expect(fdb.add({ link: 'outside', mac, flags: ['master'] })).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
      await expect(fdb.add({ link: 'port', mac: nowhere, flags: ['master'] })).rejects.toMatchObject({
        code: 'EINVAL',
      });
      await expect(fdb.add({ link: 'port', mac, vlan: 4095 })).rejects.toMatchObject({ path: 'fdb.vlan' });
    }),
  );
});
