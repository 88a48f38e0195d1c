import { expect } from '@jest/globals';
import { CodecError } from '../../lib/errors.js';
import type { Rtnetlink } from '../../lib/rtnetlink/client.js';
import type { NewNeighbour } from '../../lib/rtnetlink/neighbour.js';
import { inSandbox, noNetns, olderThan } from '../support/netns.js';
import { describeUnless, testUnless } from '../support/skip.js';

const aNumber: unknown = expect.any(Number);
const lladdr = '02:42:ac:11:00:05';

/** A veth pair, up, so that neighbours can be asked for (and do not answer). */
async function withLink(client: Rtnetlink): Promise<number> {
  await client.link.add({ name: 'left', kind: 'veth', data: { peer: { name: 'right' } } });
  await Promise.all([client.link.set('left', { up: true }), client.link.set('right', { up: true })]);
  await client.address.add({ link: 'left', address: '10.1.2.1/24' });
  return (await client.link.get('left')).index;
}

describeUnless(noNetns, 'neighbours', () => {
  testUnless(noNetns, 'a neighbour with an address', () =>
    inSandbox(async ({ client }) => {
      const link = await withLink(client);
      await client.neighbour.add({ link: 'left', to: '10.1.2.3', lladdr });
      expect(await client.neighbour.get({ link: 'left', to: '10.1.2.3' })).toEqual({
        family: 'inet',
        link,
        state: ['permanent'],
        flags: [],
        type: 'unicast',
        to: '10.1.2.3',
        lladdr,
        probes: 0,
        cacheinfo: { confirmed: aNumber, used: aNumber, updated: aNumber, refcnt: aNumber },
      });
    }),
  );

  const every: readonly Omit<NewNeighbour, 'link'>[] = [
    { to: '10.1.2.3', lladdr },
    { to: 'fd00::5', lladdr },
    { to: '10.1.2.3', lladdr, state: ['noarp'] },
    { to: '10.1.2.3', lladdr, state: ['stale'] },
    { to: '10.1.2.3', lladdr, state: ['reachable'] },
    { to: 'fd00::5', lladdr, flags: ['router'] },
    { to: '10.1.2.3', lladdr, flags: ['extLearned'] },
    { to: '10.1.2.3', lladdr, protocol: 'zebra' },
    { to: '10.1.2.3', lladdr, protocol: 201 },
  ];
  for (const neighbour of every) {
    testUnless(noNetns, `what was read of ${JSON.stringify(neighbour)} can be written back`, () =>
      inSandbox(async ({ client }) => {
        await withLink(client);
        await client.neighbour.add({ link: 'left', ...neighbour });
        const read = await client.neighbour.get({ link: 'left', to: neighbour.to });
        expect(read).toMatchObject(neighbour);
        await client.neighbour.delete(read);
        await client.neighbour.add(read);
        const again = await client.neighbour.get({ link: 'left', to: neighbour.to });
        expect({ ...again, cacheinfo: undefined, probes: undefined }).toEqual({
          ...read,
          cacheinfo: undefined,
          probes: undefined,
        });
      }),
    );
  }

  testUnless(olderThan(5, 16), 'a managed neighbour is looked for', () =>
    inSandbox(async ({ client }) => {
      const link = await withLink(client);
      await client.neighbour.add({ link, to: '10.1.2.3', flags: ['managed'] });
      expect(await client.neighbour.get({ link, to: '10.1.2.3' })).toMatchObject({
        flags: ['managed'],
        state: ['incomplete'],
      });
      // Written back in the state in which it was read, it is the same as before.
      await client.neighbour.replace({ link, to: '10.1.2.3', lladdr, state: ['stale'], flags: ['managed', 'router'] });
      expect((await client.neighbour.get({ link, to: '10.1.2.3' })).flags).toContain('managed');
    }),
  );

  testUnless(olderThan(6, 17), 'a neighbour validated by others', () =>
    inSandbox(async ({ client }) => {
      const link = await withLink(client);
      await client.neighbour.add({ link, to: 'fd00::5', lladdr, state: ['stale'], flags: ['extValidated'] });
      expect(await client.neighbour.get({ link, to: 'fd00::5' })).toMatchObject({
        flags: ['extValidated'],
        state: ['stale'],
      });
    }),
  );

  testUnless(noNetns, 'use starts the search for a neighbour', () =>
    inSandbox(async ({ client }) => {
      const link = await withLink(client);
      await client.neighbour.add({ link, to: '10.1.2.3', flags: ['use'] });
      expect(await client.neighbour.list({ link, family: 'inet' })).toMatchObject([
        { to: '10.1.2.3', state: ['incomplete'] },
      ]);
    }),
  );

  testUnless(noNetns, 'proxy entries are a list of their own', () =>
    inSandbox(async ({ client }) => {
      const link = await withLink(client);
      await client.neighbour.add({ link, to: '10.1.2.3', flags: ['proxy'], protocol: 'static' });
      await client.neighbour.add({ to: '10.1.2.4', flags: ['proxy'] });
      expect(await client.neighbour.list({ link, family: 'inet' })).toEqual([]);
      const proxies = await client.neighbour.list({ proxy: true });
      expect(proxies.sort((a, b) => a.to.localeCompare(b.to))).toMatchObject([
        { to: '10.1.2.3', link, flags: ['proxy'], protocol: 'static' },
        { to: '10.1.2.4', link: 0, flags: ['proxy'] },
      ]);
      expect(await client.neighbour.get({ link, to: '10.1.2.3', proxy: true })).toMatchObject({
        flags: ['proxy'],
        state: [],
      });
      await client.neighbour.delete(proxies[0]!);
      await client.neighbour.delete({ to: '10.1.2.4', flags: ['proxy'] });
      expect(await client.neighbour.list({ proxy: true })).toEqual([]);
    }),
  );

  testUnless(noNetns, 'replace makes or changes, change only changes', () =>
    inSandbox(async ({ client }) => {
      const link = await withLink(client);
      const { neighbour } = client;
      await expect(neighbour.change({ link, to: '10.1.2.3', lladdr })).rejects.toMatchObject({ code: 'ENOENT' });
      await neighbour.replace({ link, to: '10.1.2.3', lladdr });
      await neighbour.replace({ link, to: '10.1.2.3', lladdr: '02:42:ac:11:00:06', state: ['noarp'] });
      expect(await neighbour.get({ link, to: '10.1.2.3' })).toMatchObject({
        lladdr: '02:42:ac:11:00:06',
        state: ['noarp'],
      });
      await neighbour.change({ link, to: '10.1.2.3', lladdr });
      expect(await neighbour.get({ link, to: '10.1.2.3' })).toMatchObject({ lladdr, state: ['permanent'] });
    }),
  );

  testUnless(noNetns, 'lists are filtered', () =>
    inSandbox(async ({ client }) => {
      const { link, neighbour } = client;
      await withLink(client);
      await link.add({ name: 'br', kind: 'bridge', up: true });
      await link.set('right', { master: 'br' });
      await neighbour.add({ link: 'left', to: '10.1.2.3', lladdr });
      await neighbour.add({ link: 'left', to: 'fd00::5', lladdr, state: ['stale'] });
      await neighbour.add({ link: 'right', to: '10.1.2.4', lladdr });
      const found = async (filter: Parameters<typeof neighbour.list>[0]) =>
        (await neighbour.list(filter))
          .map(({ to }) => to)
          .filter((to) => !to.startsWith('ff02') && !to.startsWith('224.'))
          .sort();
      expect(await found({})).toEqual(['10.1.2.3', '10.1.2.4', 'fd00::5']);
      expect(await found({ link: 'left' })).toEqual(['10.1.2.3', 'fd00::5']);
      expect(await found({ master: 'br' })).toEqual(['10.1.2.4']);
      expect(await found({ family: 'inet6' })).toEqual(['fd00::5']);
      expect(await found({ state: ['stale', 'failed'] })).toEqual(['fd00::5']);
      expect(await found({ state: [4 as never] })).toEqual(['fd00::5']);
      expect(client.sync.neighbour.list({ link: 'right', family: 'inet' })).toMatchObject([{ to: '10.1.2.4' }]);
      await neighbour.flush({ link: 'left' });
      expect(await found({})).toEqual(['10.1.2.3', '10.1.2.4']);
      await neighbour.flush({ state: ['permanent'] });
      expect(await found({})).toEqual([]);
    }),
  );

  testUnless(noNetns, 'errors name what is wrong', () =>
    inSandbox(async ({ client }) => {
      const link = await withLink(client);
      const { neighbour } = client;
      await neighbour.add({ link, to: '10.1.2.3', lladdr });
      await expect(neighbour.add({ link, to: '10.1.2.3', lladdr })).rejects.toMatchObject({ code: 'EEXIST' });
      await expect(neighbour.delete({ link, to: '10.1.2.9' })).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(neighbour.get({ link, to: '10.1.2.9' })).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(neighbour.add({ link: 999, to: '10.1.2.3', lladdr })).rejects.toMatchObject({ code: 'ENODEV' });
      await expect(neighbour.add({ link: 'nowhere', to: '10.1.2.3', lladdr })).rejects.toMatchObject({
        path: 'neighbour.link',
      });
      await expect(neighbour.add({ link, to: '10.1.2.4', lladdr: '02:42:ac:11:00' })).rejects.toMatchObject({
        path: 'neighbour.lladdr',
      });
      await expect(neighbour.add({ link, to: '10.1.2.4' })).rejects.toMatchObject({ code: 'EINVAL' });
      await expect(neighbour.add({ link, to: '10.1.2', lladdr })).rejects.toBeInstanceOf(CodecError);
      await expect(neighbour.add({ link, to: '10.1.2.4', lladr: lladdr } as never)).rejects.toMatchObject({
        path: 'neighbour.lladr',
      });
      expect(await neighbour.list({ link, family: 'inet', state: ['permanent'] })).toHaveLength(1);
    }),
  );
});
