/** IPv4 routes that the kernel takes away without a word are told all the same, so that a state kept from events stays right. */
import { expect, jest, test } from '@jest/globals';
import { isDeepStrictEqual } from 'node:util';
import { NLM_F_CREATE } from '../../lib/netlink/constants.js';
import type { Request } from '../../lib/netlink/request.js';
import type { Rtnetlink } from '../../lib/rtnetlink/client.js';
import type { Route } from '../../lib/rtnetlink/route.js';
import { attr, attrSet, type AttrSet, type Rows } from '../../lib/wire/attrs.js';
import { flag, u32, u8 } from '../../lib/wire/numbers.js';
import { header, member } from '../../lib/wire/struct.js';
import { bytes } from '../../lib/wire/text.js';
import { inSandbox, noNetns, unavailable } from '../support/netns.js';
import { describeUnless } from '../support/skip.js';

jest.setTimeout(60_000);

const noVeth = noNetns ?? (await unavailable('veth links', ({ link }) => link.add({ name: 'v', kind: 'veth' })));

const nexthops: AttrSet<Rows> = attrSet(
  'NHA',
  () => ({ id: attr(1, u32), blackhole: attr(4, flag), link: attr(5, u32), gateway: attr(6, bytes()) }),
  header('nhmsg', 8, { family: member(0, u8) }),
);

function nexthop(verb: 'new' | 'delete', value: object): Request<void> {
  const type = verb === 'new' ? 104 : 105;
  return {
    operation: 'RTM_NEWNEXTHOP',
    subject: 'nexthop',
    type,
    flags: verb === 'new' ? NLM_F_CREATE : 0,
    set: nexthops,
    value,
  };
}

const keyOf = ({ family, table, to, tos, metric, via, link, type }: Route) =>
  [family, type, to, table, tos, metric, via, link].join(' ');
const flagged = (route: Route) =>
  `${keyOf(route)} ${[route.flags, route.nexthops?.map(({ flags }) => flags)].join(' ')}`;

/**
 * Believes the events until they amount to what the kernel lists, and gives the routes that were told to be gone. The kernel
 * goes on for a while after the call, when it notices that a carrier is lost, say: so what it lists is asked for anew each time.
 */
async function follow(client: Rtnetlink, happen: () => Promise<void>): Promise<Route[]> {
  const known = new Map<string, Route>();
  const gone: Route[] = [];
  await using watch = client.watch(['route']);
  const next = async (): Promise<boolean> => {
    const { done, value: event } = await watch.next();
    if (done === true) throw new Error('the watch has ended');
    if (event.type === 'synced') return true;
    if (event.type === 'overrun') throw new Error('this was to be few events');
    if (event.value.family !== 'inet') return false;
    if (event.type !== 'deleted') known.set(keyOf(event.value), event.value);
    else {
      known.delete(keyOf(event.value));
      gone.push(event.value);
    }
    return false;
  };
  while (!(await next()));
  await happen();
  const isRight = async () => {
    const listed = await client.route.list({ family: 'inet' });
    return isDeepStrictEqual(listed.map(flagged).sort(), [...known.values()].map(flagged).sort());
  };
  while (!(await isRight())) await next();
  return gone;
}

async function setUp(client: Rtnetlink): Promise<{ v: number; w: number }> {
  await client.link.add({ name: 'v', kind: 'veth', up: true, data: { peer: { name: 'w' } } });
  const [v, w] = [(await client.link.get('v')).index, (await client.link.get('w')).index];
  await client.link.set(w, { up: true });
  await client.address.add({ link: v, address: '10.1.0.1/24' });
  await client.address.add({ link: v, address: '10.3.0.1/24' });
  await client.address.add({ link: w, address: '10.2.0.1/24' });
  for (let i = 0; i < 20; i++) await client.route.add({ to: `20.0.${i}.0/24`, via: '10.1.0.9', metric: 5 + i });
  await client.route.add({ to: '30.0.0.0/8', via: '10.2.0.9', flags: ['onlink'], link: w });
  await client.route.add({ to: '40.0.0.0/8', link: w, source: '10.3.0.1' });
  await client.route.add({ to: '50.0.0.0/8', nexthops: [{ via: '10.1.0.7' }, { via: '10.2.0.7' }] });
  await client.route.append({ to: '20.0.1.0/24', via: '10.2.0.8', metric: 6 });
  return { v, w };
}

const to = (routes: readonly Route[]) => new Set(routes.map((route) => route.to));

describeUnless(noVeth, 'a watch of routes tells those that go', () => {
  test('with a link that is deleted', () =>
    inSandbox(async ({ client }) => {
      await setUp(client);
      const gone = await follow(client, () => client.link.delete('v'));
      for (const each of ['20.0.0.0/24', '30.0.0.0/8', '40.0.0.0/8', '50.0.0.0/8']) expect(to(gone)).toContain(each);
      expect(gone.find((route) => route.to === '30.0.0.0/8')!.flags).toContain('onlink');
    }));

  test('with a link that goes down, and the next hops that die with it', () =>
    inSandbox(async ({ client }) => {
      const { v, w } = await setUp(client);
      const gone = await follow(client, () => client.link.set(v, { up: false }));
      expect(to(gone)).toContain('20.0.19.0/24');
      expect(to(gone)).not.toContain('30.0.0.0/8');
      // It still has the next hop by the other link.
      expect(to(gone)).not.toContain('50.0.0.0/8');
      expect(to(await follow(client, () => client.link.set(w, { up: false })))).toContain('50.0.0.0/8');
      expect(await follow(client, () => client.link.set(v, { up: true }))).toEqual([]);
    }));

  test('with an address that was their source, on whatever link', () =>
    inSandbox(async ({ client }) => {
      const { v } = await setUp(client);
      const gone = await follow(client, () => client.address.delete({ link: v, address: '10.3.0.1/24' }));
      expect(to(gone)).toContain('40.0.0.0/8');
      expect(to(gone)).not.toContain('20.0.0.0/24');
    }));

  test('with the last address of a link', () =>
    inSandbox(async ({ client }) => {
      const { w } = await setUp(client);
      const gone = await follow(client, () => client.address.delete({ link: w, address: '10.2.0.1/24' }));
      expect(to(gone)).toContain('30.0.0.0/8');
    }));

  test('with a nexthop object', () =>
    inSandbox(async ({ client }) => {
      const { v } = await setUp(client);
      const gateway = Uint8Array.of(10, 1, 0, 5);
      // Blackholes lead there.
      await client.link.set('lo', { up: true });
      await client.request(nexthop('new', { family: 2, id: 7, link: v, gateway }));
      await client.request(nexthop('new', { family: 2, id: 8, blackhole: true }));
      await client.route.add({ to: '60.0.0.0/8', nexthopId: 7 });
      await client.route.add({ to: '70.0.0.0/8', nexthopId: 8 });
      const gone = await follow(client, async () => {
        await client.request(nexthop('delete', { id: 7 }));
        await client.request(nexthop('delete', { id: 8 }));
      });
      expect([...to(gone)].sort()).toEqual(['60.0.0.0/8', '70.0.0.0/8']);
    }));

  test('while much happens at once', () =>
    inSandbox(async ({ client }) => {
      const { v, w } = await setUp(client);
      await follow(client, async () => {
        for (let i = 0; i < 10; i++) {
          await Promise.all([
            client.link.set(i & 1 ? v : w, { up: false }),
            client.link.set(i & 1 ? v : w, { up: true }),
            client.route.replace({ to: `80.0.${i}.0/24`, link: w }),
            client.route.replace({ to: '90.0.0.0/8', link: w, realm: 1 + i }),
          ]);
        }
      });
    }));
});
