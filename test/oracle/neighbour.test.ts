/** Neighbours: what we set as `ip neigh` shows it, and what `ip neigh` sets as we read it. */
import { expect } from '@jest/globals';
import type { NewNeighbour } from '../../lib/rtnetlink/neighbour.js';
import { jsonIn, noIproute2, runIn } from '../support/iproute2.js';
import { inSandbox, noNetns, type Sandbox } from '../support/netns.js';
import { describeUnless, testUnless } from '../support/skip.js';

const skip = noNetns ?? noIproute2;
const lladdr = '02:42:ac:11:00:05';

async function withLink({ client }: Sandbox): Promise<void> {
  await client.link.add({ name: 'left', kind: 'veth', data: { peer: { name: 'right' } } });
  await Promise.all([client.link.set('left', { up: true }), client.link.set('right', { up: true })]);
  await client.address.add({ link: 'left', address: '10.1.2.1/24' });
}

/** Our value; what `ip neigh add` calls the same; how `ip -j -d neigh` shows it. */
const same: readonly [ours: Omit<NewNeighbour, 'link'>, theirs: string, shown: Record<string, unknown>][] = [
  [{ to: '10.1.2.3', lladdr }, `10.1.2.3 lladdr ${lladdr}`, { dst: '10.1.2.3', lladdr, state: ['PERMANENT'] }],
  [{ to: 'fd00::5', lladdr }, `fd00::5 lladdr ${lladdr}`, { dst: 'fd00::5', lladdr, state: ['PERMANENT'] }],
  [{ to: '10.1.2.3', lladdr, state: ['noarp'] }, `10.1.2.3 lladdr ${lladdr} nud noarp`, { state: ['NOARP'] }],
  [{ to: '10.1.2.3', lladdr, state: ['stale'] }, `10.1.2.3 lladdr ${lladdr} nud stale`, { state: ['STALE'] }],
  [
    { to: '10.1.2.3', lladdr, state: ['reachable'] },
    `10.1.2.3 lladdr ${lladdr} nud reachable`,
    { state: ['REACHABLE'] },
  ],
  [{ to: 'fd00::5', lladdr, flags: ['router'] }, `fd00::5 lladdr ${lladdr} router`, { router: null }],
  [{ to: '10.1.2.3', lladdr, flags: ['extLearned'] }, `10.1.2.3 lladdr ${lladdr} extern_learn`, { extern_learn: null }],
  [{ to: '10.1.2.3', lladdr, protocol: 'zebra' }, `10.1.2.3 lladdr ${lladdr} protocol zebra`, { protocol: 'zebra' }],
  [{ to: '10.1.2.3', lladdr, protocol: 201 }, `10.1.2.3 lladdr ${lladdr} protocol 201`, { protocol: '201' }],
  [{ to: '10.1.2.3', flags: ['use'] }, '10.1.2.3 use', { state: ['INCOMPLETE'] }],
];

describeUnless(skip, 'neighbours beside ip', () => {
  for (const [ours, theirs, shown] of same) {
    testUnless(skip, theirs, () =>
      inSandbox(async (sandbox) => {
        await withLink(sandbox);
        const { neighbour } = sandbox.client;
        const get = async () => {
          const {
            cacheinfo: _cacheinfo,
            probes: _probes,
            ...lasting
          } = await neighbour.get({ link: 'left', to: ours.to });
          return lasting;
        };
        const show = () => jsonIn(sandbox, 'ip -j -d neigh show dev left nud all').filter(({ dst }) => dst === ours.to);

        await neighbour.add({ link: 'left', ...ours });
        const mine = await get();
        expect(show()).toMatchObject([shown]);
        await neighbour.delete({ link: 'left', ...ours });
        expect(show()).toEqual([]);

        runIn(sandbox, `ip neigh add ${theirs} dev left`);
        expect(show()).toMatchObject([shown]);
        expect(await get()).toEqual(mine);
        await neighbour.delete(mine);
        expect(show()).toEqual([]);
      }),
    );
  }

  testUnless(skip, 'proxy entries', () =>
    inSandbox(async (sandbox) => {
      await withLink(sandbox);
      const { neighbour } = sandbox.client;
      await neighbour.add({ link: 'left', to: '10.1.2.3', flags: ['proxy'] });
      runIn(sandbox, 'ip neigh add proxy fd00::7 dev left');
      expect(jsonIn(sandbox, 'ip -4 -j neigh show proxy')).toMatchObject([{ dst: '10.1.2.3' }]);
      expect(jsonIn(sandbox, 'ip -6 -j neigh show proxy')).toMatchObject([{ dst: 'fd00::7' }]);
      expect(await neighbour.list({ proxy: true, family: 'inet6' })).toMatchObject([
        { to: 'fd00::7', flags: ['proxy'] },
      ]);
    }),
  );

  testUnless(skip, 'all of a list, as ip has it', () =>
    inSandbox(async (sandbox) => {
      await withLink(sandbox);
      for (let host = 10; host < 20; host++) {
        runIn(
          sandbox,
          `ip neigh add 10.1.2.${host} lladdr 02:42:ac:11:00:${host} dev ${host % 3 === 0 ? 'right' : 'left'}`,
        );
      }
      const theirs = (filter: string) =>
        jsonIn(sandbox, `ip -j neigh show nud permanent ${filter}`)
          .map(({ dst }) => String(dst))
          .sort();
      const ours = async (filter: Parameters<typeof sandbox.client.neighbour.list>[0]) =>
        (await sandbox.client.neighbour.list({ state: ['permanent'], ...filter })).map(({ to }) => to).sort();
      expect(await ours({})).toHaveLength(10);
      expect(await ours({})).toEqual(theirs(''));
      expect(await ours({ link: 'right' })).toEqual(theirs('dev right'));
    }),
  );
});
