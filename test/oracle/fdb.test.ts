/** Forwarding entries: what we set as `bridge fdb` shows it, and what `bridge fdb` sets as we read it. */
import { expect } from '@jest/globals';
import type { FdbEntry, NewFdbEntry } from '../../lib/rtnetlink/fdb.js';
import { jsonIn, noIproute2, runIn } from '../support/iproute2.js';
import { inSandbox, unavailable, type Sandbox } from '../support/netns.js';
import { describeUnless, testUnless } from '../support/skip.js';

const mac = '02:42:ac:11:00:05';
const nowhere = '00:00:00:00:00:00';

async function withLinks({ client }: Pick<Sandbox, 'client'>): Promise<void> {
  await client.link.add({ name: 'vx', kind: 'vxlan', up: true, data: { id: 42, port: 4789, learning: false } });
  // Without VLANs: otherwise an entry that does not say in which VLAN it is in two, one for none and one for VLAN 1.
  await client.link.add({ name: 'br', kind: 'bridge', up: true, data: { vlanDefaultPvid: 0 } });
  await client.link.add({ name: 'port', kind: 'veth', master: 'br', up: true, data: { peer: { name: 'outside' } } });
  // Without IPv6 addresses it says nothing by itself, so that the bridge has nothing to learn.
  await client.link.set('outside', { afSpec: { inet6: { addrGenMode: 'none' } } });
  await client.link.set('outside', { up: true });
}

const skip = noIproute2 ?? (await unavailable('no VXLAN or bridge', (client) => withLinks({ client })));

/** Our value; what `bridge fdb add` calls the same; how `bridge -j -d fdb` shows it. */
const same: readonly [ours: NewFdbEntry, theirs: string, shown: Record<string, unknown>][] = [
  [
    { link: 'vx', mac, dst: '192.0.2.9' },
    `${mac} dev vx dst 192.0.2.9`,
    { mac, dst: '192.0.2.9', flags: ['self'], state: 'permanent' },
  ],
  [{ link: 'vx', mac, dst: '192.0.2.9', port: 8472 }, `${mac} dev vx dst 192.0.2.9 port 8472`, { port: 8472 }],
  [{ link: 'vx', mac, dst: '192.0.2.9', vni: 1193046 }, `${mac} dev vx dst 192.0.2.9 vni 1193046`, { vni: 1193046 }],
  [
    { link: 'vx', mac, dst: '192.0.2.9', via: 'outside' },
    `${mac} dev vx dst 192.0.2.9 via outside`,
    { viaIf: 'outside' },
  ],
  [
    { link: 'vx', mac, dst: '192.0.2.9', state: ['reachable'] },
    `${mac} dev vx dst 192.0.2.9 dynamic`,
    { dst: '192.0.2.9', state: '' },
  ],
  [
    { link: 'vx', mac, dst: '192.0.2.9', flags: ['self', 'router'] },
    `${mac} dev vx dst 192.0.2.9 self router`,
    { flags: ['self', 'router'] },
  ],
  [
    { link: 'vx', mac, dst: '192.0.2.9', flags: ['extLearned'] },
    `${mac} dev vx dst 192.0.2.9 extern_learn`,
    { flags: ['self', 'extern_learn'] },
  ],
  [{ link: 'port', mac, master: 'br' }, `${mac} dev port master static`, { mac, master: 'br', state: 'static' }],
  [{ link: 'port', mac, flags: ['master'], state: ['permanent'] }, `${mac} dev port master`, { state: 'permanent' }],
  [
    { link: 'port', mac, flags: ['master'], state: ['reachable'] },
    `${mac} dev port master dynamic`,
    { master: 'br', state: '' },
  ],
  [
    { link: 'port', mac, flags: ['master', 'sticky'] },
    `${mac} dev port master sticky static`,
    { flags: ['sticky'], state: 'static' },
  ],
  [{ link: 'outside', mac }, `${mac} dev outside`, { flags: ['self'], state: 'permanent' }],
];

/** What lasts of an entry. Beside `permanent`, `bridge` sets `noarp` too, which then says nothing more. */
function lasting({ cacheinfo: _cacheinfo, state, ...rest }: FdbEntry): object {
  return { ...rest, state: state?.filter((name) => name !== 'noarp' || !state.includes('permanent')) };
}

/** Entries that age have no state there. */
function shownState(state: FdbEntry['state']): string {
  if (state.includes('permanent')) return 'permanent';
  return state.includes('noarp') ? 'static' : '';
}

describeUnless(skip, 'forwarding entries beside bridge', () => {
  for (const [ours, theirs, shown] of same) {
    testUnless(skip, theirs, () =>
      inSandbox(async (sandbox) => {
        await withLinks(sandbox);
        const { fdb } = sandbox.client;
        const list = async () => (await fdb.list({ link: ours.link })).filter((entry) => entry.mac === mac);
        const show = () =>
          jsonIn(sandbox, `bridge -j -d fdb show dev ${String(ours.link)}`).filter((entry) => entry['mac'] === mac);

        await fdb.add(ours);
        const mine = await list();
        expect(show()).toMatchObject([shown]);
        await fdb.delete(ours);
        expect(show()).toEqual([]);

        runIn(sandbox, `bridge fdb add ${theirs}`);
        expect(show()).toMatchObject([shown]);
        expect((await list()).map(lasting)).toEqual(mine.map(lasting));
        await fdb.delete(mine[0]!);
        expect(show()).toEqual([]);
      }),
    );
  }

  testUnless(skip, 'several remotes for one MAC', () =>
    inSandbox(async (sandbox) => {
      await withLinks(sandbox);
      const { fdb } = sandbox.client;
      await fdb.append({ link: 'vx', mac: nowhere, dst: '192.0.2.7' });
      runIn(sandbox, `bridge fdb append ${nowhere} dev vx dst 192.0.2.8 port 8472`);
      await fdb.append({ link: 'vx', mac: nowhere, dst: '192.0.2.9' });
      const theirs = jsonIn(sandbox, 'bridge -j fdb show dev vx').map((entry) => String(entry['dst']));
      expect(theirs.sort()).toEqual(['192.0.2.7', '192.0.2.8', '192.0.2.9']);
      expect((await fdb.list({ link: 'vx' })).map(({ dst }) => dst).sort()).toEqual(theirs);
      await fdb.delete({ link: 'vx', mac: nowhere, dst: '192.0.2.8', port: 8472 });
      runIn(sandbox, `bridge fdb del ${nowhere} dev vx dst 192.0.2.7`);
      expect(await fdb.list({ link: 'vx' })).toMatchObject([{ dst: '192.0.2.9' }]);
    }),
  );

  testUnless(skip, 'a nexthop group instead of a remote', () =>
    inSandbox(async (sandbox) => {
      await withLinks(sandbox);
      runIn(sandbox, 'ip nexthop add id 12 via 192.0.2.7 fdb');
      runIn(sandbox, 'ip nexthop add id 34 group 12 fdb');
      const { fdb } = sandbox.client;
      await fdb.add({ link: 'vx', mac, nexthopId: 34 });
      expect(jsonIn(sandbox, 'bridge -j -d fdb show dev vx')).toMatchObject([{ mac, nhid: 34 }]);
      const [mine] = await fdb.list({ link: 'vx' });
      await fdb.delete(mine!);
      runIn(sandbox, `bridge fdb add ${mac} dev vx nhid 34`);
      expect((await fdb.list({ link: 'vx' })).map(lasting)).toEqual([lasting(mine!)]);
    }),
  );

  testUnless(skip, 'a link that carries several networks', () =>
    inSandbox(async (sandbox) => {
      const { client } = sandbox;
      await client.link.add({ name: 'many', kind: 'vxlan', data: { port: 4789, collectMetadata: true } });
      await client.fdb.add({ link: 'many', mac, dst: '192.0.2.7', vni: 11, srcVni: 22 });
      runIn(sandbox, `bridge fdb add ${mac} dev many dst 192.0.2.8 vni 33 src_vni 44`);
      const bySource = (a: Record<string, unknown>, b: Record<string, unknown>) =>
        Number(a['src_vni']) - Number(b['src_vni']);
      expect(jsonIn(sandbox, 'bridge -j fdb show dev many').sort(bySource)).toMatchObject([
        { dst: '192.0.2.7', vni: 11, src_vni: 22 },
        { dst: '192.0.2.8', vni: 33, src_vni: 44 },
      ]);
      const read = (await client.fdb.list({ link: 'many' })).sort((a, b) => a.srcVni! - b.srcVni!);
      expect(read).toMatchObject([
        { dst: '192.0.2.7', vni: 11, srcVni: 22 },
        { dst: '192.0.2.8', vni: 33, srcVni: 44 },
      ]);
    }),
  );

  testUnless(skip, 'all of a list, as bridge has it', () =>
    inSandbox(async (sandbox) => {
      // Links that get IPv6 addresses by themselves receive for more and more groups, also between two lists.
      await sandbox.netns.sysctl.set('net.ipv6.conf.default.disable_ipv6', 1);
      await withLinks(sandbox);
      const theirs = (filter: string) =>
        jsonIn(sandbox, `bridge -j -d fdb show ${filter}`)
          .map((entry) => `${String(entry['mac'])} ${String(entry['master'])} ${String(entry['state'])}`)
          .sort();
      const names = new Map((await sandbox.client.link.list()).map(({ index, name }) => [index, name]));
      const ours = async (filter: Parameters<typeof sandbox.client.fdb.list>[0]) =>
        (await sandbox.client.fdb.list(filter))
          .map(
            ({ mac, master, state }) =>
              `${mac} ${master === undefined ? 'undefined' : names.get(master)} ${shownState(state)}`,
          )
          .sort();
      expect(await ours({})).toEqual(theirs(''));
      expect(await ours({ link: 'port' })).toEqual(theirs('brport port'));
      expect(await ours({ master: 'br' })).toEqual(theirs('br br'));
    }),
  );
});
