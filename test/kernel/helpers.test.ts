/** The helpers: what they make, that traffic passes through it, and that nothing is left of it when a step fails. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect, jest, test } from '@jest/globals';
import { ArgumentError, ClosedError, CodecError, KernelError, NetlinkError, TimeoutError } from '../../lib/errors.js';
import {
  attachToBridge,
  createBridge,
  createMacvlan,
  createVethPair,
  createVxlan,
  detachFromBridge,
  type VethEnd,
  type VxlanOptions,
} from '../../lib/helpers/index.js';
import { Netns } from '../../lib/namespaces/netns.js';
import type { Rtnetlink } from '../../lib/rtnetlink/client.js';
import type { Link } from '../../lib/rtnetlink/link.js';
import { everythingIn, withoutLinkLocals } from '../support/everything.js';
import { noIproute2 } from '../support/iproute2.js';
import { kept } from '../support/kept.js';
import { leavesNothing, openDescriptors } from '../support/leftovers.js';
import { inSandbox, newNetns, unavailable, type Sandbox } from '../support/netns.js';
import { errorOf } from '../support/rejection.js';
import { describeUnless, testUnless } from '../support/skip.js';
import { tcp, udp } from '../support/traffic.js';

leavesNothing();
jest.setTimeout(60_000);

const noVeth = await unavailable('veth pairs', ({ link }) =>
  link.add({ name: 'it', kind: 'veth', data: { peer: { name: 'other' } } }),
);
const noBridge = noVeth ?? (await unavailable('bridges', ({ link }) => link.add({ name: 'it', kind: 'bridge' })));
const noVxlan =
  noVeth ??
  (await unavailable('VXLAN', ({ link }) => link.add({ name: 'it', kind: 'vxlan', data: { id: 1, port: 4789 } })));
const noMacvlan =
  noVeth ??
  (await unavailable('macvlan', async ({ link }) => {
    await link.add({ name: 'under', kind: 'veth', data: { peer: { name: 'other' } } });
    await link.add({ name: 'it', kind: 'macvlan', link: 'under' });
  }));

type Bodies<N extends number, S extends Sandbox[] = []> = S['length'] extends N ? S : Bodies<N, [...S, Sandbox]>;

/** Runs `body` with `count` fresh namespaces. */
async function inSandboxes<N extends number>(
  count: N,
  body: (...sandboxes: Bodies<N>) => Promise<void>,
  ...open: Sandbox[]
): Promise<void> {
  if (open.length === count) return body(...(open as unknown as Bodies<N>));
  return inSandbox(async (sandbox) => inSandboxes(count, body, ...open, sandbox));
}

async function namesIn({ client }: Sandbox): Promise<string[]> {
  return (await client.link.list()).map(({ name }) => name).sort();
}

async function addressesOf({ client }: Sandbox, link: string): Promise<string[]> {
  return (await client.address.list({ link, family: 'inet' })).map(({ address }) => address);
}

async function addPair({ client }: Sandbox, name: string): Promise<void> {
  await client.link.add({ name, kind: 'veth', data: { peer: { name: `${name}-peer` } } });
}

describeUnless(noVeth, 'createVethPair', () => {
  test('both ends in one namespace', () =>
    inSandboxes(1, async (here) => {
      const { netns, client } = here;
      const [near, far] = await createVethPair({ name: 'near', netns }, { name: 'far', netns });
      expect(near).toMatchObject({ name: 'near', kind: 'veth', link: far.index, up: false });
      expect(far).toMatchObject({ name: 'far', kind: 'veth', link: near.index, up: false });
      expect(near).not.toHaveProperty('linkNetnsId');
      expect(await namesIn(here)).toEqual(['far', 'lo', 'near']);
      expect(await client.link.get('near')).toMatchObject({ index: near.index, address: near.address });
    }));

  test('across two namespaces, each end with what was said of it', () =>
    inSandboxes(2, async (here, there) => {
      const nearEnd: VethEnd = {
        name: 'near',
        netns: here.netns,
        index: 77,
        address: '02:00:00:00:00:01',
        mtu: 1400,
        group: 5,
        txQueueLength: 99,
        txQueues: 2,
        addresses: ['10.1.0.1/24', { address: '10.9.0.2/24', label: 'near:x', scope: 'link' }, 'fd00::1/64'],
        routes: [{ to: '10.2.0.0/16', via: '10.1.0.9' }],
        up: true,
      };
      const farEnd: VethEnd = {
        name: 'far',
        netns: there.netns,
        index: 88,
        address: '02:00:00:00:00:02',
        mtu: 1300,
        group: 6,
        txQueueLength: 98,
        addresses: [{ address: '10.1.0.9/24', broadcast: '10.1.0.255' }],
        routes: [{ to: 'default', via: '10.1.0.1', metric: 20 }, { to: '10.3.0.0/16' }],
        up: true,
      };
      const [near, far] = await createVethPair(nearEnd, farEnd);
      expect(near).toMatchObject({
        name: 'near',
        index: 77,
        address: '02:00:00:00:00:01',
        mtu: 1400,
        group: 5,
        txQueueLength: 99,
        txQueues: 2,
        up: true,
        link: 88,
      });
      expect(far).toMatchObject({
        name: 'far',
        index: 88,
        address: '02:00:00:00:00:02',
        mtu: 1300,
        group: 6,
        txQueueLength: 98,
        up: true,
        link: 77,
      });
      expect(await namesIn(here)).toEqual(['lo', 'near']);
      expect(await namesIn(there)).toEqual(['far', 'lo']);
      expect((await addressesOf(here, 'near')).sort()).toEqual(['10.1.0.1/24', '10.9.0.2/24']);
      expect(await here.client.address.list({ link: 'near', family: 'inet' })).toContainEqual(
        expect.objectContaining({ address: '10.9.0.2/24', label: 'near:x', scope: 'link' }),
      );
      expect(
        (await here.client.address.list({ link: 'near', family: 'inet6' })).map(({ address }) => address),
      ).toContain('fd00::1/64');
      const routesHere = await here.client.route.list({ family: 'inet', table: 'main' });
      expect(routesHere).toContainEqual(expect.objectContaining({ to: '10.2.0.0/16', via: '10.1.0.9', link: 77 }));
      const routesThere = await there.client.route.list({ family: 'inet', table: 'main' });
      expect(routesThere).toContainEqual(
        expect.objectContaining({ to: 'default', via: '10.1.0.1', link: 88, metric: 20 }),
      );
      expect(routesThere).toContainEqual(expect.objectContaining({ to: '10.3.0.0/16', link: 88 }));
      expect(await tcp(here.netns, there.netns, '10.1.0.9')).toBe('10.1.0.1');
      expect(await udp(there.netns, here.netns, '10.1.0.1')).toBe('10.1.0.9');
    }));

  testUnless(noBridge, 'ends with masters in their own namespaces', () =>
    inSandboxes(2, async (here, there) => {
      const bridge = await createBridge({ name: 'br', netns: here.netns });
      const other = await createBridge({ name: 'other', netns: there.netns });
      const [near, far] = await createVethPair(
        { name: 'near', netns: here.netns, master: 'br' },
        { name: 'far', netns: there.netns, master: other.index },
      );
      expect(near.master).toBe(bridge.index);
      expect(far.master).toBe(other.index);
    }),
  );

  test('routes that are not by the link: none of it, another one, several', () =>
    inSandboxes(1, async ({ netns, client }) => {
      await client.link.set('lo', { up: true });
      await createVethPair(
        {
          name: 'near',
          netns,
          addresses: ['10.1.0.1/24'],
          routes: [
            { to: '10.2.0.0/16', type: 'blackhole' },
            { to: '10.3.0.0/16', link: 'lo' },
            { to: '10.4.0.0/16', nexthops: [{ link: 'near', via: '10.1.0.2' }, { link: 'lo' }] },
          ],
          up: true,
        },
        { name: 'far', netns, up: true },
      );
      const routes = await client.route.list({ family: 'inet', table: 'main' });
      expect(routes).toContainEqual(expect.objectContaining({ to: '10.2.0.0/16', type: 'blackhole' }));
      expect(routes).toContainEqual(expect.objectContaining({ to: '10.3.0.0/16', link: 1 }));
      expect(routes.find(({ to }) => to === '10.4.0.0/16')?.nexthops).toHaveLength(2);
    }));

  test('with a client that is open already, which stays open', () =>
    inSandboxes(2, async (here, there) => {
      await createVethPair(
        { name: 'near', netns: here.netns },
        { name: 'far', netns: there.netns },
        { client: here.client },
      );
      expect(await namesIn(here)).toEqual(['lo', 'near']);
      // Another handle of the same namespace is as good.
      using again = Netns.openSync({ path: `/proc/self/fd/${here.netns.fd}` });
      await createVethPair({ name: 'a', netns: again }, { name: 'b', netns: here.netns }, { client: here.client });
      expect(await namesIn(here)).toEqual(['a', 'b', 'lo', 'near']);
    }));

  test('opens nothing that it does not close', () =>
    inSandboxes(2, async (here, there) => {
      const before = openDescriptors();
      await createVethPair({ name: 'near', netns: here.netns }, { name: 'far', netns: there.netns });
      await errorOf(() => createVethPair({ name: 'near', netns: here.netns }, { name: 'far', netns: there.netns }));
      expect(openDescriptors()).toEqual(before);
    }));
});

describeUnless(noBridge, 'bridges', () => {
  test('a bridge with settings, addresses, routes and ports that had other masters or none', () =>
    inSandboxes(1, async (here) => {
      const { netns, client } = here;
      const old = await createBridge({ name: 'old', netns, data: { forwardDelay: 300 } });
      await addPair(here, 'a');
      await addPair(here, 'b');
      await client.link.set('a', { master: 'old' });
      const bridge = await createBridge({
        name: 'br0',
        netns,
        address: '02:00:00:00:00:0b',
        mtu: 1400,
        data: { forwardDelay: 400, ageingTime: 6000 },
        addresses: ['10.1.0.1/24'],
        routes: [{ to: '10.2.0.0/16', via: '10.1.0.2' }],
        ports: ['a', (await client.link.get('b')).index],
        up: true,
      });
      expect(bridge).toMatchObject({
        name: 'br0',
        kind: 'bridge',
        address: '02:00:00:00:00:0b',
        mtu: 1400,
        up: true,
        data: { forwardDelay: 400, ageingTime: 6000 },
      });
      expect((await client.link.list({ master: 'br0' })).map(({ name }) => name).sort()).toEqual(['a', 'b']);
      expect(await client.link.list({ master: old.index })).toEqual([]);
      expect(await addressesOf(here, 'br0')).toEqual(['10.1.0.1/24']);
      expect(await client.route.list({ family: 'inet', table: 'main' })).toContainEqual(
        expect.objectContaining({ to: '10.2.0.0/16', via: '10.1.0.2', link: bridge.index }),
      );
    }));

  test('the MTU that was asked for outlasts ports with another', () =>
    inSandboxes(1, async (here) => {
      await addPair(here, 'a');
      await addPair(here, 'b');
      expect(await createBridge({ name: 'br0', netns: here.netns, mtu: 1400, ports: ['a'] })).toMatchObject({
        mtu: 1400,
      });
      expect(await createBridge({ name: 'br1', netns: here.netns, mtu: 1400 })).toMatchObject({ mtu: 1400 });
      expect(await attachToBridge({ link: 'b', bridge: 'br1', netns: here.netns })).toMatchObject({ mtu: 1500 });
      expect(await here.client.link.get('br1')).toMatchObject({ mtu: 1400 });
    }));

  test('what is returned is the bridge with its ports', () =>
    inSandboxes(1, async (here) => {
      await addPair(here, 'a');
      const bridge = await createBridge({ name: 'br0', netns: here.netns, ports: ['a'] });
      expect(bridge.address).toBe((await here.client.link.get('a')).address);
    }));

  test('attach with settings, detach', () =>
    inSandboxes(1, async (here) => {
      const { netns, client } = here;
      const bridge = await createBridge({ name: 'br0', netns });
      await addPair(here, 'a');
      const port = await attachToBridge({
        link: 'a',
        bridge: 'br0',
        netns,
        port: { cost: 55, learning: false, isolated: true },
      });
      expect(port).toMatchObject({
        name: 'a',
        master: bridge.index,
        portKind: 'bridge',
        port: { cost: 55, learning: false, isolated: true },
      });
      await attachToBridge({ link: port.index, bridge: bridge.index, netns, port: { cost: 56 } }, { client });
      expect(await client.link.get('a')).toMatchObject({ port: { cost: 56, isolated: true } });
      await detachFromBridge({ link: 'a', netns });
      expect(await client.link.get('a')).not.toHaveProperty('master');
      await attachToBridge({ link: 'a', bridge: 'br0', netns });
      await detachFromBridge({ link: 'a', netns }, { client });
      expect(await client.link.list({ master: 'br0' })).toEqual([]);
    }));

  test('attach with settings that cannot be leaves the port where it is', () =>
    inSandboxes(1, async (here) => {
      const { netns, client } = here;
      await addPair(here, 'a');
      await createBridge({ name: 'br0', netns, ports: ['a'] });
      const { index } = await createBridge({ name: 'br1', netns });
      const entry = { link: 'a', mac: '02:00:00:00:00:77', flags: ['master'] } as const;
      await client.fdb.add(entry);
      for (const port of [{ cst: 4 }, { cost: 0 }, { backupPort: 'nobody' }] as object[])
        await expect(attachToBridge({ link: 'a', bridge: 'br1', netns, port })).rejects.toBeInstanceOf(NetlinkError);
      // It would have been lost with the first change of masters.
      expect(await client.fdb.get(entry)).toMatchObject({ state: ['noarp'] });
      await attachToBridge({ link: 'a', bridge: 'br1', netns, port: { cost: 4 } });
      expect(await client.link.get('a')).toMatchObject({ master: index, port: { cost: 4 } });
      await expect(client.fdb.get(entry)).rejects.toMatchObject({ code: 'ENOENT' });
    }));

  test('traffic passes from port to port, and to the host', () =>
    inSandboxes(3, async (host, one, two) => {
      await createBridge({ name: 'br0', netns: host.netns, addresses: ['10.1.0.1/24', 'fd00::1/64'], up: true });
      for (const [{ netns }, number] of [
        [one, 2],
        [two, 3],
      ] as const) {
        await createVethPair(
          { name: `veth${number}`, netns: host.netns, master: 'br0', up: true },
          {
            name: 'eth0',
            netns,
            addresses: [`10.1.0.${number}/24`, { address: `fd00::${number}/64`, flags: ['nodad'] }],
            routes: [{ to: 'default', via: '10.1.0.1' }],
            up: true,
          },
        );
      }
      expect(await tcp(one.netns, two.netns, '10.1.0.3')).toBe('10.1.0.2');
      expect(await udp(one.netns, two.netns, '10.1.0.3')).toBe('10.1.0.2');
      expect(await tcp(host.netns, two.netns, '10.1.0.3')).toBe('10.1.0.1');
      expect(await tcp(two.netns, one.netns, 'fd00::2')).toBe('fd00::3');
      expect(await udp(two.netns, one.netns, 'fd00::2')).toBe('fd00::3');
    }));
});

/** Two namespaces joined by a link, with these addresses. */
async function join(one: Sandbox, two: Sandbox): Promise<void> {
  await createVethPair(
    { name: 'under', netns: one.netns, addresses: ['192.0.2.1/24'], up: true },
    { name: 'under', netns: two.netns, addresses: ['192.0.2.2/24'], up: true },
  );
}

const MACS = ['02:00:00:00:00:01', '02:00:00:00:00:02'] as const;

/** One end of an overlay between what `join` joined. */
function overlayEnd(here: 1 | 2, { netns }: Sandbox, more: Partial<VxlanOptions> = {}): VxlanOptions {
  const there = here === 1 ? 2 : 1;
  return {
    name: 'vx',
    netns,
    address: MACS[here - 1]!,
    addresses: [`10.42.0.${here}/24`],
    data: { id: 42, port: 4789, local: `192.0.2.${here}`, learning: false },
    remotes: [{ mac: MACS[there - 1]!, ip: `10.42.0.${there}`, dst: `192.0.2.${there}` }],
    up: true,
    ...more,
  };
}

describeUnless(noVxlan, 'createVxlan', () => {
  test('a link with forwarding and neighbour entries for what is remote', () =>
    inSandboxes(1, async ({ netns, client }) => {
      const link = await createVxlan({
        name: 'vx',
        netns,
        mtu: 1450,
        data: { id: 42, port: 4789, local: '192.0.2.1', learning: false, proxy: true },
        remotes: [
          { mac: MACS[0], ip: '10.42.0.1', dst: '192.0.2.8' },
          { mac: MACS[1], dst: '192.0.2.9' },
          // Everything else goes to both.
          { mac: '00:00:00:00:00:00', dst: '192.0.2.8' },
          { mac: '00:00:00:00:00:00', dst: '192.0.2.9' },
        ],
        up: true,
      });
      expect(link).toMatchObject({
        kind: 'vxlan',
        up: true,
        mtu: 1450,
        data: { id: 42, port: 4789, local: '192.0.2.1', learning: false, proxy: true },
      });
      const entries = await client.fdb.list({ link: 'vx' });
      expect(entries.map(({ mac, dst }) => `${mac} ${dst}`).sort()).toEqual([
        '00:00:00:00:00:00 192.0.2.8',
        '00:00:00:00:00:00 192.0.2.9',
        `${MACS[0]} 192.0.2.8`,
        `${MACS[1]} 192.0.2.9`,
      ]);
      expect(await client.neighbour.list({ link: 'vx', state: ['permanent'] })).toMatchObject([
        { to: '10.42.0.1', lladdr: MACS[0] },
      ]);
    }));

  test('traffic passes', () =>
    inSandboxes(2, async (one, two) => {
      await join(one, two);
      await createVxlan(overlayEnd(1, one));
      await createVxlan(overlayEnd(2, two));
      expect(await tcp(one.netns, two.netns, '10.42.0.2')).toBe('10.42.0.1');
      expect(await udp(two.netns, one.netns, '10.42.0.1')).toBe('10.42.0.2');
    }));

  test('its packets travel in the namespace of the underlay, where its device is looked up too', () =>
    inSandboxes(4, async (one, two, inOne, inTwo) => {
      await join(one, two);
      const end = overlayEnd(1, inOne, { underlay: one.netns });
      const made = await createVxlan({ ...end, data: { ...end.data, link: 'under' } });
      await createVxlan(overlayEnd(2, inTwo, { underlay: two.netns }), { client: two.client });
      expect(made).toMatchObject({ data: { link: (await one.client.link.get('under')).index } });
      expect(await namesIn(inOne)).toEqual(['lo', 'vx']);
      expect(await namesIn(one)).toEqual(['lo', 'under']);

      const before = (await one.client.link.get('under')).stats!;
      expect(await tcp(inOne.netns, inTwo.netns, '10.42.0.2')).toBe('10.42.0.1');
      expect(await udp(inTwo.netns, inOne.netns, '10.42.0.1')).toBe('10.42.0.2');
      const after = (await one.client.link.get('under')).stats!;
      expect(after.txPackets).toBeGreaterThan(before.txPackets);
      expect(after.rxPackets).toBeGreaterThan(before.rxPackets);
    }));

  testUnless(noBridge, 'as a port of a bridge, with containers on it', () =>
    inSandboxes(4, async (one, two, box, container) => {
      await join(one, two);
      await createBridge({ name: 'br0', netns: one.netns, mtu: 1450, up: true });
      await createVxlan(
        overlayEnd(1, one, { master: 'br0', address: undefined, addresses: [], remotes: [], mtu: 1450 }),
      );
      await one.client.fdb.append({ link: 'vx', mac: MACS[1], dst: '192.0.2.2' });
      await one.client.fdb.append({ link: 'vx', mac: '00:00:00:00:00:00', dst: '192.0.2.2' });
      await createVethPair(
        { name: 'box', netns: one.netns, master: 'br0', mtu: 1450, up: true },
        { name: 'eth0', netns: box.netns, address: MACS[0], mtu: 1450, addresses: ['10.42.0.1/24'], up: true },
      );
      await createVxlan(overlayEnd(2, container, { underlay: two.netns, mtu: 1450 }));
      expect(await tcp(box.netns, container.netns, '10.42.0.2')).toBe('10.42.0.1');
      expect(await udp(box.netns, container.netns, '10.42.0.2')).toBe('10.42.0.1');
    }),
  );
});

describeUnless(noMacvlan, 'createMacvlan', () => {
  test('with its parent in another namespace; traffic passes', () =>
    inSandboxes(4, async (host, router, one, two) => {
      const [card] = await createVethPair(
        { name: 'card', netns: host.netns, up: true },
        { name: 'cable', netns: router.netns, addresses: ['10.3.0.1/24'], up: true },
      );
      const make = ({ netns }: Sandbox, address: string, mac: string, client?: Rtnetlink): Promise<Link> =>
        createMacvlan(
          {
            name: 'eth0',
            netns,
            address: mac,
            link: 'card',
            linkNetns: host.netns,
            addresses: [address],
            routes: [{ to: 'default', via: '10.3.0.1' }],
            up: true,
          },
          { client },
        );
      const link = await make(one, '10.3.0.2/24', MACS[0]);
      await make(two, '10.3.0.3/24', MACS[1], host.client);
      expect(link).toMatchObject({
        name: 'eth0',
        kind: 'macvlan',
        address: MACS[0],
        link: card.index,
        linkNetnsId: expect.any(Number),
        up: true,
        data: { mode: 'bridge' },
      });
      expect(await namesIn(host)).toEqual(['card', 'lo']);
      expect(await tcp(one.netns, two.netns, '10.3.0.3')).toBe('10.3.0.2');
      expect(await udp(one.netns, two.netns, '10.3.0.3')).toBe('10.3.0.2');
      expect(await tcp(router.netns, one.netns, '10.3.0.2')).toBe('10.3.0.1');
      expect(await udp(two.netns, router.netns, '10.3.0.1')).toBe('10.3.0.3');
    }));

  test('in the namespace of its parent, with another mode', () =>
    inSandboxes(1, async (here) => {
      const { netns } = here;
      await addPair(here, 'card');
      const link = await createMacvlan({
        name: 'mv',
        netns,
        link: 'card',
        linkNetns: netns,
        data: { mode: 'private' },
      });
      expect(link).toMatchObject({ name: 'mv', data: { mode: 'private' } });
      expect(link).not.toHaveProperty('linkNetnsId');
    }));
});

/** What a step that fails must leave alone. */
interface Scene {
  /** Has a loopback that is up, the pair `taken` and `taken-peer`, routes, and `member`, a port with settings of the bridge `old`. */
  readonly here: Sandbox;
  /** Has a loopback that is up and the pair `busy` and `busy-peer`. */
  readonly there: Sandbox;
}

async function inScene(body: (scene: Scene) => Promise<void>): Promise<void> {
  await inSandboxes(2, async (here, there) => {
    await withoutLinkLocals(here);
    await withoutLinkLocals(there);
    await here.client.link.set('lo', { up: true });
    await there.client.link.set('lo', { up: true });
    await addPair(here, 'taken');
    await addPair(there, 'busy');
    await createBridge({ name: 'old', netns: here.netns, address: '02:00:00:00:00:0d' });
    await addPair(here, 'member');
    await attachToBridge({
      link: 'member',
      bridge: 'old',
      netns: here.netns,
      port: { cost: 77, priority: 9, hairpin: true, learning: false },
    });
    await here.client.address.add({ link: 'lo', address: '10.9.0.1/24' });
    await here.client.route.add({ to: '10.66.0.0/16', type: 'blackhole' });
    await here.client.route.add({ to: 'fd66::/64', type: 'blackhole', metric: 3 });
    await body({ here, there });
  });
}

function everythingInBoth({ here, there }: Scene): readonly unknown[] {
  return [everythingIn(here), everythingIn(there)];
}

type Failing = (scene: Scene) => Promise<unknown>;
interface Expected {
  /** The class, by its name. */
  readonly name: string;
  readonly code: string;
  readonly argument?: string;
  readonly path?: string | RegExp;
}

const failed = (code: string, path: string | RegExp): Expected => ({ name: KernelError.name, code, path });
const unwritable = (path: string): Expected => ({ name: CodecError.name, code: 'ERR_NETLACE_CODEC', path });
const refused = (argument: string): Expected => ({ name: ArgumentError.name, code: 'ERR_NETLACE_ARGUMENT', argument });
const closed: Expected = { name: ClosedError.name, code: 'ERR_NETLACE_CLOSED' };

async function closedNetns(): Promise<Netns> {
  const netns = await newNetns();
  netns.close();
  return netns;
}

const veth =
  (near: object, far: object = {}, options: object = {}): Failing =>
  ({ here, there }) =>
    createVethPair({ name: 'near', netns: here.netns, ...near }, { name: 'far', netns: there.netns, ...far }, options);
const bridge =
  (more: object, options: object = {}): Failing =>
  ({ here }) =>
    createBridge({ name: 'br0', netns: here.netns, ...more }, options);
const vxlan =
  (more: object, options: object = {}): Failing =>
  ({ here, there }) =>
    createVxlan(
      { name: 'vx', netns: there.netns, underlay: here.netns, data: { id: 42, port: 4789 }, ...more },
      options,
    );
const macvlan =
  (more: object, options: object = {}): Failing =>
  ({ here, there }) =>
    createMacvlan({ name: 'mv', netns: there.netns, linkNetns: here.netns, link: 'taken', ...more }, options);
const attach =
  (more: object, options: object = {}): Failing =>
  ({ here }) =>
    attachToBridge({ link: 'member', bridge: 'old', netns: here.netns, ...more }, options);

const ok = { addresses: ['10.1.0.1/24'], up: true };
const twice = { to: '10.5.0.0/16', via: '10.1.0.7' };
const remote = { mac: MACS[0], dst: '192.0.2.8', ip: '10.42.0.1' };

const failures: readonly [title: string, run: Failing, expected: Expected][] = [
  ['veth: the near name is taken', veth({ name: 'taken' }), failed('EEXIST', 'near.name')],
  ['veth: the far name is taken', veth({}, { name: 'busy' }), failed('EEXIST', 'far.name')],
  ['veth: the near index is taken', veth({ index: 1 }), failed('EEXIST', 'near.index')],
  ['veth: the near name is too long', veth({ name: 'sixteen-letters-' }), unwritable('near.name')],
  ['veth: the far name is too long', veth({}, { name: 'sixteen-letters-' }), unwritable('far.name')],
  ['veth: a near name without a number', veth({ name: 'veth%d' }), refused('near.name')],
  ['veth: a far name without a number', veth({}, { name: 'eth%d' }), refused('far.name')],
  ['veth: no far name', veth({}, { name: undefined }), refused('far.name')],
  ['veth: a bad near address', veth({ addresses: ['10.1.0.1/33'] }, ok), unwritable('near.addresses[0]')],
  ['veth: a bad far address', veth(ok, { addresses: ['10.1.0.1'] }), unwritable('far.addresses[0]')],
  [
    'veth: a far address twice',
    veth(ok, { addresses: ['10.1.0.2/24', '10.1.0.2/24'] }),
    failed('EEXIST', 'far.addresses[1]'),
  ],
  ['veth: a near route twice', veth({ ...ok, routes: [twice, twice] }, ok), failed('EEXIST', 'near.routes[1].to')],
  [
    'veth: a far route by nothing',
    veth(ok, { ...ok, routes: [{ to: 'default', via: '10.8.0.1' }] }),
    failed('ENETUNREACH', 'far.routes[0].via'),
  ],
  ['veth: a near master that is not there', veth({ ...ok, master: 'nobody' }), failed('ENODEV', 'near.master')],
  ['veth: a far master that is not there', veth(ok, { ...ok, master: 'nobody' }), failed('ENODEV', 'far.master')],
  ['veth: a far master that takes no ports', veth(ok, { ...ok, master: 'busy' }), failed('EOPNOTSUPP', 'far.master')],
  ['veth: the near namespace is closed', async (scene) => veth({ netns: await closedNetns() })(scene), closed],
  ['veth: the far namespace is closed', async (scene) => veth({}, { netns: await closedNetns() })(scene), closed],
  ['veth: a near MAC of 5 bytes', veth({ address: '02:00:00:00:01' }), unwritable('near.address')],
  ['veth: a far MAC of 5 bytes', veth({}, { address: '02:00:00:00:01' }), unwritable('far.address')],
  ['veth: a misspelt near option', veth({ mut: 1400 }), unwritable('near.mut')],
  ['veth: a misspelt far option', veth({}, { mut: 1400 }), unwritable('far.mut')],
  [
    'veth: a misspelt option of a far address',
    veth(ok, { addresses: [{ address: '10.1.0.2/24', lable: 'x' }] }),
    unwritable('far.addresses[0].lable'),
  ],
  [
    'veth: a misspelt option of a near route',
    veth({ ...ok, routes: [{ to: 'default', vai: '10.1.0.2' }] }),
    unwritable('near.routes[0].vai'),
  ],
  ['veth: addresses that are no list', veth({ addresses: '10.1.0.1/24' }), refused('near.addresses')],
  ['veth: routes that are no list', veth({}, { routes: {} }), refused('far.routes')],
  ['veth: something else than a namespace', veth({}, { netns: { fd: 0 } }), refused('far.netns')],
  ['veth: a misspelt helper option', veth({}, {}, { timeuot: 5 }), refused('options.timeuot')],
  ['veth: a timeout that is none', veth({}, {}, { timeout: 0 }), refused('options.timeout')],
  ['veth: a signal that is none', veth({}, {}, { signal: {} }), refused('options.signal')],
  ['veth: a client that is none', veth({}, {}, { client: {} }), refused('options.client')],
  [
    'veth: a near route that goes by another link, then one that fails',
    veth({
      ...ok,
      routes: [
        { to: '10.7.0.0/16', link: 'lo' },
        { to: '10.6.0.0/16', type: 'blackhole' },
        { to: 'fd66::/64', type: 'blackhole' },
        twice,
        twice,
      ],
    }),
    failed('EEXIST', 'near.routes[4].to'),
  ],
  ['bridge: the name is taken', bridge({ name: 'taken' }), failed('EEXIST', 'bridge.name')],
  ['bridge: a port that is not there', bridge({ ports: ['member', 'nobody'] }), failed('ENODEV', 'bridge.ports[1]')],
  [
    'bridge: a port that cannot be one',
    bridge({ ports: ['member', 'taken', 'lo'] }),
    failed('EINVAL', 'bridge.ports[2]'),
  ],
  ['bridge: a bad address', bridge({ ports: ['member'], addresses: ['10.1.0.1'] }), unwritable('bridge.addresses[0]')],
  [
    'bridge: a master that is not there',
    bridge({ ports: ['member'], master: 'nobody' }),
    failed('ENODEV', 'bridge.master'),
  ],
  ['bridge: a setting out of range', bridge({ data: { priority: 65536 } }), unwritable('bridge.data.priority')],
  ['bridge: a misspelt setting', bridge({ data: { forwardDelai: 4 } }), unwritable('bridge.data.forwardDelai')],
  ['bridge: a misspelt option', bridge({ port: ['member'] }), unwritable('bridge.port')],
  ['bridge: ports that are no list', bridge({ ports: 'member' }), refused('bridge.ports')],
  ['bridge: a misspelt helper option', bridge({}, { clinet: 1 }), refused('options.clinet')],
  ['bridge: the namespace is closed', async (scene) => bridge({ netns: await closedNetns() })(scene), closed],
  ['vxlan: the name is taken', vxlan({ name: 'busy' }), failed('EEXIST', 'vxlan.name')],
  [
    'vxlan: the second remote is bad',
    vxlan({ remotes: [remote, { ...remote, mac: MACS[1], dst: '192.0.2' }], up: true }),
    unwritable('vxlan.remotes[1].dst'),
  ],
  [
    'vxlan: the second remote is there',
    vxlan({ remotes: [remote, { ...remote, dst: '192.0.2.9' }] }),
    refused('vxlan.remotes[1].mac'),
  ],
  [
    'vxlan: the third remote has a bad IP',
    vxlan({
      remotes: [remote, { ...remote, mac: '01:00:5e:00:00:01' }, { ...remote, mac: MACS[1], ip: '10.42.0' }],
    }),
    unwritable('vxlan.remotes[2].ip'),
  ],
  ['vxlan: a remote without a host', vxlan({ remotes: [{ mac: MACS[0] }] }), refused('vxlan.remotes[0].dst')],
  ['vxlan: no id', vxlan({ data: { port: 4789 } }), refused('vxlan.data.id')],
  ['vxlan: no data', vxlan({ data: undefined }), refused('vxlan.data')],
  [
    'vxlan: a misspelt option of a remote',
    vxlan({ remotes: [remote, { ...remote, pi: '10.42.0.9' }] }),
    refused('vxlan.remotes[1].pi'),
  ],
  ['vxlan: remotes that are no list', vxlan({ remotes: remote }), refused('vxlan.remotes')],
  ['vxlan: an id of 25 bits', vxlan({ data: { id: 2 ** 24, port: 4789 } }), unwritable('vxlan.data.id')],
  [
    'vxlan: a device that is not there',
    vxlan({ data: { id: 42, link: 'nobody' } }),
    failed('ENODEV', 'vxlan.data.link'),
  ],
  [
    'vxlan: a route by nothing',
    vxlan({ up: true, routes: [{ to: '10.5.0.0/16', via: '10.7.0.1' }] }),
    failed('ENETUNREACH', 'vxlan.routes[0].via'),
  ],
  ['vxlan: the underlay is closed', async (scene) => vxlan({ underlay: await closedNetns() })(scene), closed],
  ['vxlan: the namespace is closed', async (scene) => vxlan({ netns: await closedNetns() })(scene), closed],
  ['vxlan: something else than a namespace', vxlan({ underlay: 'host' }), refused('vxlan.underlay')],
  ['macvlan: the name is taken', macvlan({ name: 'busy' }), failed('EEXIST', 'macvlan.name')],
  ['macvlan: no parent', macvlan({ link: undefined }), refused('macvlan.link')],
  ['macvlan: a parent that is not there', macvlan({ link: 'nobody' }), failed('ENODEV', 'macvlan.link')],
  ['macvlan: a bad address', macvlan({ addresses: ['10.1.0.0.1/8'] }), unwritable('macvlan.addresses[0]')],
  ['macvlan: an unknown mode', macvlan({ data: { mode: 'bridges' } }), unwritable('macvlan.data.mode')],
  [
    'macvlan: the parent namespace is closed',
    async (scene) => macvlan({ linkNetns: await closedNetns() })(scene),
    closed,
  ],
  ['attach: a link that is not there', attach({ link: 'nobody' }), failed('ENODEV', 'attachment.link')],
  ['attach: a bridge that is not there', attach({ bridge: 'nobody' }), failed('ENODEV', 'attachment.bridge')],
  ['attach: a bridge that is none', attach({ bridge: 'taken' }), failed('EOPNOTSUPP', 'attachment.bridge')],
  ['attach: a setting out of range', attach({ link: 'taken', port: { cost: 0 } }), unwritable('attachment.port.cost')],
  // Half of the settings are made by then.
  [
    'attach: a setting that the kernel refuses',
    attach({ port: { hairpin: false, state: 'forwarding' } }),
    { name: KernelError.name, code: 'ENETDOWN' },
  ],
  ['attach: a misspelt option', attach({ prot: { cost: 1 } }), refused('attachment.prot')],
  ['attach: a misspelt setting', attach({ port: { coast: 1 } }), unwritable('attachment.port.coast')],
  [
    'attach: a backup port that is not there',
    attach({ port: { backupPort: 'nobody' } }),
    failed('ENODEV', 'attachment.port.backupPort'),
  ],
  [
    'detach: a link that is not there',
    ({ here }) => detachFromBridge({ link: 'nobody', netns: here.netns }),
    failed('ENODEV', 'attachment.link'),
  ],
  ['detach: no link', ({ here }) => detachFromBridge({ netns: here.netns } as never), refused('attachment.link')],
];

const noScene = noBridge ?? noVxlan ?? noMacvlan ?? noIproute2;

describeUnless(noScene, 'a step fails: everything is as before', () => {
  const common = kept<{ scene: Scene; before: unknown }>((body) =>
    inScene((scene) => body({ scene, before: everythingInBoth(scene) })),
  );

  test.each(failures)('%s', async (_title, run, { path, ...expected }) => {
    const { scene, before } = common();
    const descriptors = openDescriptors();
    const error = await errorOf(() => run(scene));
    expect({
      name: error.name,
      code: error['code'],
      argument: error['argument'],
      message: error.message,
    }).toMatchObject(expected);
    if (path instanceof RegExp) expect(error['path']).toMatch(path);
    else if (path !== undefined) expect(error['path']).toBe(path);
    expect(everythingInBoth(scene)).toEqual(before);
    expect(openDescriptors()).toEqual(descriptors);
  });

  test('a port of another bridge goes back there with its settings', () =>
    inScene(async (scene) => {
      const { here } = scene;
      const before = everythingIn(here);
      await createBridge({ name: 'new', netns: here.netns, address: '02:00:00:00:00:0e' });
      const error = await errorOf(() => attach({ bridge: 'new', port: { state: 'forwarding' } })(scene));
      expect(error).toMatchObject({ code: 'ENETDOWN' });
      expect(await here.client.link.list({ master: 'new' })).toEqual([]);
      // A bridge keeps some limits of a port that has left.
      await here.client.link.delete('new');
      expect(everythingIn(here)).toEqual(before);
    }));
});

describeUnless(noScene, 'a helper is given up', () => {
  const all: readonly [title: string, (options: object) => Failing][] = [
    ['createVethPair', (options) => veth({ ...ok, routes: [twice] }, ok, options)],
    ['createBridge', (options) => bridge({ ...ok, ports: ['member', 'taken'] }, options)],
    ['createVxlan', (options) => vxlan({ ...ok, remotes: [remote] }, options)],
    ['createMacvlan', (options) => macvlan(ok, options)],
    ['attachToBridge', (options) => attach({ link: 'taken', port: { cost: 5 } }, options)],
  ];

  test.each(all)('%s: by a signal that was given before', (_title, run) =>
    inScene(async (scene) => {
      const before = everythingInBoth(scene);
      const reason = new Error('no longer');
      expect(await errorOf(() => run({ signal: AbortSignal.abort(reason) })(scene))).toBe(reason);
      expect(everythingInBoth(scene)).toEqual(before);
    }),
  );

  test.each(all)('%s: by a signal, after each of its requests', (_title, run) =>
    inScene(async (scene) => {
      const before = everythingInBoth(scene);
      const reason = new Error('no longer');
      let given = 0;
      // Each time one request more is let through, until all are.
      for (let requests = 1; ; requests++) {
        const controller = new AbortController();
        let sent = 0;
        const count = (): void => {
          if (++sent === requests) controller.abort(reason);
        };
        subscribe('netlace:request', count);
        try {
          await run({ signal: controller.signal })(scene);
          break;
        } catch (error) {
          expect(error).toBe(reason);
          given++;
        } finally {
          unsubscribe('netlace:request', count);
        }
        expect(everythingInBoth(scene)).toEqual(before);
      }
      expect(given).toBeGreaterThan(1);
    }),
  );

  test.each(all)('%s: by its timeout', (_title, run) =>
    inScene(async (scene) => {
      const before = everythingInBoth(scene);
      const busy = (): void => {
        // The event loop stands still for longer than the helper has.
        const end = performance.now() + 5;
        while (performance.now() < end);
      };
      subscribe('netlace:request', busy);
      const error = await errorOf(() => run({ timeout: 1 })(scene));
      unsubscribe('netlace:request', busy);
      expect(error).toBeInstanceOf(TimeoutError);
      expect(error['code']).toBe('ERR_NETLACE_TIMEOUT');
      expect(everythingInBoth(scene)).toEqual(before);
    }),
  );
});
