/** What the helpers make, as iproute2 shows it. */
import { expect, jest, test } from '@jest/globals';
import { attachToBridge, createBridge, createMacvlan, createVethPair, createVxlan } from '../../lib/helpers/index.js';
import { jsonIn, noIproute2 } from '../support/iproute2.js';
import { leavesNothing } from '../support/leftovers.js';
import { inSandbox, unavailable } from '../support/netns.js';
import { describeUnless } from '../support/skip.js';

leavesNothing();
jest.setTimeout(60_000);

const noKinds = await unavailable('bridges, VXLAN and macvlan', async ({ link }) => {
  await link.add({ name: 'br', kind: 'bridge' });
  await link.add({ name: 'vx', kind: 'vxlan', data: { id: 1, port: 4789 } });
  await link.add({ name: 'under', kind: 'veth', data: { peer: { name: 'other' } } });
  await link.add({ name: 'mv', kind: 'macvlan', link: 'under' });
});

describeUnless(noIproute2 ?? noKinds, 'helpers', () => {
  test('a host with a bridge, an overlay on it, a container and a macvlan', () =>
    inSandbox(async (host) =>
      inSandbox(async (box) => {
        const { netns } = host;
        await createBridge({ name: 'br0', netns, addresses: ['10.42.0.1/24'], up: true });
        await createVxlan({
          name: 'vx',
          netns,
          master: 'br0',
          data: { id: 42, port: 4789, local: '192.0.2.1', learning: false },
          remotes: [{ mac: '02:00:00:00:00:02', ip: '10.42.0.2', dst: '192.0.2.2' }],
          up: true,
        });
        await createVethPair(
          { name: 'veth', netns, up: true },
          {
            name: 'eth0',
            netns: box.netns,
            address: '02:00:00:00:00:03',
            addresses: ['10.42.0.3/24'],
            routes: [{ to: 'default', via: '10.42.0.1', metric: 7 }],
            up: true,
          },
        );
        await attachToBridge({ link: 'veth', bridge: 'br0', netns, port: { isolated: true } });
        await createMacvlan({ name: 'mv', netns, link: 'eth0', linkNetns: box.netns, data: { mode: 'private' } });

        expect(jsonIn(host, 'ip -j -d link show master br0')).toMatchObject([
          { ifname: 'vx', linkinfo: { info_kind: 'vxlan', info_data: { id: 42, port: 4789, local: '192.0.2.1' } } },
          { ifname: 'veth', linkinfo: { info_kind: 'veth', info_slave_data: { isolated: true } } },
        ]);
        expect(jsonIn(host, 'ip -j -4 addr show br0')).toMatchObject([
          { flags: expect.arrayContaining(['UP']) as unknown, addr_info: [{ local: '10.42.0.1', prefixlen: 24 }] },
        ]);
        expect(jsonIn(host, 'bridge -j fdb show dev vx')).toContainEqual(
          expect.objectContaining({ mac: '02:00:00:00:00:02', dst: '192.0.2.2', state: 'permanent' }),
        );
        expect(jsonIn(host, 'ip -j neigh show dev vx')).toMatchObject([
          { dst: '10.42.0.2', lladdr: '02:00:00:00:00:02', state: ['PERMANENT'] },
        ]);
        expect(jsonIn(box, 'ip -j addr show eth0')).toMatchObject([
          { ifname: 'eth0', address: '02:00:00:00:00:03', link_netnsid: expect.any(Number) as unknown },
        ]);
        expect(jsonIn(box, 'ip -j route show default')).toMatchObject([
          { dst: 'default', gateway: '10.42.0.1', dev: 'eth0', metric: 7 },
        ]);
        expect(jsonIn(host, 'ip -j -d link show mv')).toMatchObject([
          { linkinfo: { info_kind: 'macvlan', info_data: { mode: 'private' } } },
        ]);
      }),
    ));
});
