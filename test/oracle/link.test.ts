/** Links in general: what we set as `ip` shows it, and what `ip` sets as we read it. Kinds have tests of their own. */
import { expect, jest } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import type { LinkChange } from '../../lib/rtnetlink/link.js';
import { jsonIn, noIproute2, runIn } from '../support/iproute2.js';
import { leavesNothing } from '../support/leftovers.js';
import { inSandbox, noNetns, olderThan, unavailable, type Sandbox } from '../support/netns.js';
import { describeUnless, testUnless } from '../support/skip.js';

leavesNothing();
jest.setTimeout(60_000);

const skip = noNetns ?? noIproute2;
const noBridge = await unavailable('bridges', ({ link }) => link.add({ name: 'br', kind: 'bridge' }));

function shown(sandbox: Sandbox, name = 'left'): Record<string, unknown> {
  return jsonIn(sandbox, `ip -d -j -s link show dev ${name}`)[0]!;
}

async function addPair({ client }: Sandbox): Promise<void> {
  await client.link.add({ name: 'left', index: 21, kind: 'veth', data: { peer: { name: 'right', index: 34 } } });
}

/** Our change; what follows `ip link set left` for the same; how `ip -d -j link` shows it; other keys we read it by. */
const same: readonly {
  readonly ours: LinkChange;
  readonly theirs: string;
  readonly shown: Record<string, unknown>;
  readonly unless?: string | undefined;
}[] = [
  { ours: { mtu: 1417 }, theirs: 'mtu 1417', shown: { mtu: 1417 } },
  {
    ours: { address: '02:11:22:33:44:57' },
    theirs: 'address 02:11:22:33:44:57',
    shown: { address: '02:11:22:33:44:57' },
  },
  {
    ours: { broadcast: 'ff:ff:ff:ff:ff:fe' },
    theirs: 'broadcast ff:ff:ff:ff:ff:fe',
    shown: { broadcast: 'ff:ff:ff:ff:ff:fe' },
  },
  { ours: { txQueueLength: 777 }, theirs: 'txqueuelen 777', shown: { txqlen: 777 } },
  { ours: { alias: 'a b Ü' }, theirs: 'alias a\u00a0b', shown: { ifalias: 'a b Ü' } },
  { ours: { group: 4321 }, theirs: 'group 4321', shown: { group: '4321' } },
  { ours: { linkMode: 'dormant' }, theirs: 'mode dormant', shown: { linkmode: 'DORMANT' } },
  { ours: { up: true }, theirs: 'up', shown: { flags: expect.arrayContaining(['UP']) } },
  {
    ours: { flags: { promisc: true } },
    theirs: 'promisc on',
    shown: { promiscuity: 1, flags: expect.arrayContaining(['PROMISC']) },
  },
  {
    ours: { flags: { allmulti: true } },
    theirs: 'allmulticast on',
    shown: { flags: expect.arrayContaining(['ALLMULTI']) },
  },
  {
    ours: { flags: { multicast: false } },
    theirs: 'multicast off',
    shown: { flags: expect.not.arrayContaining(['MULTICAST']) },
  },
  { ours: { flags: ['noarp'] }, theirs: 'arp off', shown: { flags: expect.arrayContaining(['NOARP']) } },
  { ours: { flags: { dynamic: true } }, theirs: 'dynamic on', shown: { flags: expect.arrayContaining(['DYNAMIC']) } },
  { ours: { gsoMaxSize: 30_001 }, theirs: 'gso_max_size 30001', shown: { gso_max_size: 30_001 } },
  { ours: { gsoMaxSegs: 301 }, theirs: 'gso_max_segs 301', shown: { gso_max_segs: 301 } },
  {
    ours: { groMaxSize: 30_003 },
    theirs: 'gro_max_size 30003',
    shown: { gro_max_size: 30_003 },
    unless: olderThan(5, 17),
  },
  {
    ours: { afSpec: { inet6: { addrGenMode: 'none' } } },
    theirs: 'addrgenmode none',
    shown: { inet6_addr_gen_mode: 'none' },
  },
];

describeUnless(skip, 'links beside ip', () => {
  for (const { ours, theirs, shown: expected, unless } of same) {
    testUnless(skip ?? unless, `ip link set ${theirs}`, () =>
      inSandbox(async (sandbox) => {
        const { link } = sandbox.client;
        await addPair(sandbox);
        expect(shown(sandbox)).not.toMatchObject(expected);
        await link.set('left', ours);
        const mine = shown(sandbox);
        expect(mine).toMatchObject(expected);
        const read = await link.get('left');
        await link.delete('left');

        await addPair(sandbox);
        const args = theirs.replace('a\u00a0b', '').trim().split(' ');
        runArgs(sandbox, ['ip', 'link', 'set', 'left', ...args, ...(ours.alias === undefined ? [] : [ours.alias])]);
        const { address, permanentAddress: _p, stats: _s, stats32: _s32, afSpec: _a, ...rest } = read;
        expect(await link.get('left')).toMatchObject({ ...rest, ...(ours.address === undefined ? {} : { address }) });
        const { address: shownAddress, ...restShown } = mine;
        expect(shown(sandbox)).toMatchObject({
          ...restShown,
          ...(ours.address === undefined ? {} : { address: shownAddress }),
        });
      }),
    );
  }

  testUnless(skip, 'all that is given when a link is made, ip shows, at both ends', () =>
    inSandbox(async (sandbox) =>
      inSandbox(async (far) => {
        const near = {
          name: 'near',
          index: 123,
          mtu: 1401,
          address: '02:00:00:00:01:0a',
          txQueueLength: 501,
          group: 11,
          txQueues: 3,
          rxQueues: 5,
          gsoMaxSize: 30_001,
          gsoMaxSegs: 301,
        };
        const peer = {
          name: 'far',
          index: 456,
          mtu: 1302,
          address: '02:00:00:00:02:0b',
          txQueueLength: 602,
          group: 12,
          txQueues: 4,
          rxQueues: 6,
          // Before, a new peer gets the limits of the first end.
          ...(olderThan(5, 19) === undefined
            ? { gsoMaxSize: 30_002, gsoMaxSegs: 302 }
            : { gsoMaxSize: near.gsoMaxSize, gsoMaxSegs: near.gsoMaxSegs }),
        };
        await sandbox.client.link.add({
          ...near,
          kind: 'veth',
          data: { peer: { ...peer, netns: far.netns } },
        });
        // Kernels without receive packet steering have only one receive queue, and do not report it.
        const hasRps = shown(sandbox, 'lo')['num_rx_queues'] !== undefined;
        for (const [place, each, index] of [
          [sandbox, near, 456],
          [far, peer, 123],
        ] as const) {
          expect(shown(place, each.name)).toMatchObject({
            ifindex: each.index,
            ifname: each.name,
            link_index: index,
            mtu: each.mtu,
            address: each.address,
            txqlen: each.txQueueLength,
            group: String(each.group),
            num_tx_queues: each.txQueues,
            ...(hasRps ? { num_rx_queues: each.rxQueues } : {}),
            gso_max_size: each.gsoMaxSize,
            gso_max_segs: each.gsoMaxSegs,
            linkinfo: { info_kind: 'veth' },
            link_netnsid: expect.any(Number),
          });
        }
      }),
    ),
  );

  testUnless(skip, 'what ip makes, we read, field by field', () =>
    inSandbox(async (sandbox) => {
      const { client } = sandbox;
      runIn(
        sandbox,
        'ip link add left mtu 1403 address 02:00:00:00:01:0c txqueuelen 503 index 77 numtxqueues 3 numrxqueues 2 type veth peer name right mtu 1305 index 88',
      );
      runIn(sandbox, 'ip link set left up');
      runIn(sandbox, 'ip link set left group 13');
      for (const name of ['lo', 'left', 'right']) {
        const theirs = shown(sandbox, name);
        const ours = await client.link.get(name);
        expect({
          ifindex: ours.index,
          ifname: ours.name,
          flags: [...ours.flags].map((flag) => String(flag).toUpperCase().replace('LOWERUP', 'LOWER_UP')).sort(),
          mtu: ours.mtu,
          min_mtu: ours.minMtu,
          max_mtu: ours.maxMtu,
          qdisc: ours.qdisc,
          operstate: String(ours.operstate).toUpperCase(),
          group: ours.group === 0 ? 'default' : String(ours.group),
          txqlen: ours.txQueueLength,
          link_type: ours.type,
          address: ours.address,
          broadcast: ours.broadcast,
          promiscuity: ours.promiscuity,
          num_tx_queues: ours.txQueues,
          num_rx_queues: ours.rxQueues,
          gso_max_size: ours.gsoMaxSize,
          gso_max_segs: ours.gsoMaxSegs,
          inet6_addr_gen_mode: ours.afSpec?.inet6?.addrGenMode,
        }).toEqual({
          ifindex: theirs['ifindex'],
          ifname: theirs['ifname'],
          flags: (theirs['flags'] as string[]).filter((flag) => !['NO-CARRIER', 'M-DOWN'].includes(flag)).sort(),
          mtu: theirs['mtu'],
          min_mtu: theirs['min_mtu'],
          max_mtu: theirs['max_mtu'],
          qdisc: theirs['qdisc'],
          operstate: String(theirs['operstate']),
          group: theirs['group'],
          txqlen: theirs['txqlen'],
          link_type: theirs['link_type'],
          address: theirs['address'],
          broadcast: theirs['broadcast'],
          promiscuity: theirs['promiscuity'],
          num_tx_queues: theirs['num_tx_queues'],
          num_rx_queues: theirs['num_rx_queues'],
          gso_max_size: theirs['gso_max_size'],
          gso_max_segs: theirs['gso_max_segs'],
          inet6_addr_gen_mode: theirs['inet6_addr_gen_mode'],
        });
        const { rx, tx } = theirs['stats64'] as Record<string, Record<string, number>>;
        expect(ours.stats).toMatchObject({
          rxPackets: BigInt(rx!['packets']!),
          txBytes: BigInt(tx!['bytes']!),
          txDropped: BigInt(tx!['dropped']!),
        });
      }
    }),
  );

  testUnless(skip, 'alternative names, both ways', () =>
    inSandbox(async (sandbox) => {
      const { link } = sandbox.client;
      await addPair(sandbox);
      await link.addAltNames('left', ['ours-which-is-longer-than-fifteen', 'ours2']);
      runIn(sandbox, 'ip link property add dev left altname theirs');
      expect(shown(sandbox)['altnames']).toEqual(['ours-which-is-longer-than-fifteen', 'ours2', 'theirs']);
      expect((await link.get('theirs')).altNames).toEqual(shown(sandbox)['altnames']);
      await link.deleteAltNames('left', ['theirs', 'ours2']);
      runIn(sandbox, 'ip link property del dev left altname ours-which-is-longer-than-fifteen');
      expect(shown(sandbox)).not.toHaveProperty('altnames');
      expect(await link.get('left')).not.toHaveProperty('altNames');
    }),
  );

  testUnless(skip ?? noBridge, 'masters and what they say of their ports, both ways', () =>
    inSandbox(async (sandbox) => {
      const { link } = sandbox.client;
      await addPair(sandbox);
      await link.add({ name: 'br0', index: 60, kind: 'bridge' });
      runIn(sandbox, 'ip link add name br1 type bridge');
      await link.set('left', { master: 'br1' });
      expect(shown(sandbox)).toMatchObject({ master: 'br1', linkinfo: { info_slave_kind: 'bridge' } });
      runIn(sandbox, 'ip link set left master br0');
      expect(await link.get('left')).toMatchObject({ master: 60, portKind: 'bridge' });
      await link.set('left', { master: null });
      expect(shown(sandbox)).not.toHaveProperty('master');
      runIn(sandbox, 'ip link set right master br0');
      const theirs = (filter: string) => jsonIn(sandbox, `ip -j link show ${filter}`).map(({ ifname }) => ifname);
      const ours = async (filter: object) => (await link.list(filter)).map(({ name }) => name);
      expect(await ours({ kind: 'bridge' })).toEqual(theirs('type bridge'));
      expect(await ours({ master: 'br0' })).toEqual(theirs('master br0'));
      expect(await ours({})).toEqual(theirs(''));
    }),
  );

  testUnless(skip, 'moves and deletions', () =>
    inSandbox(async (sandbox) =>
      inSandbox(async (far) => {
        await addPair(sandbox);
        await sandbox.client.link.set('right', { netns: far.netns, name: 'moved' });
        expect(shown(far, 'moved')).toMatchObject({ ifindex: 34, link_index: 21, link_netnsid: expect.any(Number) });
        runIn(far, 'ip link delete moved');
        expect((await sandbox.client.link.list()).map(({ name }) => name)).toEqual(['lo']);
        runIn(sandbox, 'ip link add name a type veth peer name b');
        await sandbox.client.link.delete('a');
        expect(jsonIn(sandbox, 'ip -j link').map(({ ifname }) => ifname)).toEqual(['lo']);
      }),
    ),
  );
});

/** Like `runIn`, for arguments with spaces in them. */
function runArgs(sandbox: Sandbox, args: readonly string[]): void {
  const { status, stderr } = spawnSync('nsenter', [`--net=/proc/${process.pid}/fd/${sandbox.netns.fd}`, ...args], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
}
