/** Addresses: what we set as `ip` shows it, and what `ip` sets as we read it. */
import { expect } from '@jest/globals';
import type { NewAddress } from '../../lib/rtnetlink/address.js';
import { jsonIn, noIproute2, runIn } from '../support/iproute2.js';
import { inSandbox, noNetns, type Sandbox } from '../support/netns.js';
import { describeUnless, testUnless } from '../support/skip.js';

const skip = noNetns ?? noIproute2;
const about = (seconds: number): unknown => expect.closeTo(seconds, -1);

async function withLink(sandbox: Sandbox): Promise<void> {
  await sandbox.client.link.add({ name: 'left', kind: 'veth', data: { peer: { name: 'right' } } });
  for (const name of ['left', 'right']) {
    await sandbox.client.link.set(name, { afSpec: { inet6: { addrGenMode: 'none' } } });
    await sandbox.client.link.set(name, { up: true });
  }
}

/** Our value; what `ip addr add` calls the same; how `ip -j -d addr` shows it. */
const same: readonly [ours: Omit<NewAddress, 'link'>, theirs: string, shown: Record<string, unknown>][] = [
  [
    { address: '10.1.2.3/20' },
    '10.1.2.3/20',
    { family: 'inet', local: '10.1.2.3', prefixlen: 20, scope: 'global', label: 'left' },
  ],
  [{ address: '10.1.2.3/20', broadcast: '+' }, '10.1.2.3/20 brd +', { broadcast: '10.1.15.255' }],
  [{ address: '10.1.2.3/20', broadcast: '10.1.2.200' }, '10.1.2.3/20 brd 10.1.2.200', { broadcast: '10.1.2.200' }],
  [
    { address: '10.1.2.3', peer: '10.9.8.7/29' },
    '10.1.2.3 peer 10.9.8.7/29',
    { local: '10.1.2.3', address: '10.9.8.7', prefixlen: 29 },
  ],
  [
    { address: '10.1.2.3', peer: '10.9.8.7', broadcast: '+' },
    '10.1.2.3 peer 10.9.8.7 brd +',
    { address: '10.9.8.7', prefixlen: 32 },
  ],
  [{ address: '10.1.2.3/20', label: 'left:web' }, '10.1.2.3/20 label left:web', { label: 'left:web' }],
  [{ address: '10.1.2.3/20', scope: 'link' }, '10.1.2.3/20 scope link', { scope: 'link' }],
  [{ address: '127.3.2.1/20' }, '127.3.2.1/20', { scope: 'host' }],
  [{ address: '10.1.2.3/20', scope: 77 }, '10.1.2.3/20 scope 77', { scope: '77' }],
  [{ address: '10.1.2.3/20', metric: 321 }, '10.1.2.3/20 metric 321', { metric: 321 }],
  [{ address: '10.1.2.3/20', flags: ['noprefixroute'] }, '10.1.2.3/20 noprefixroute', { noprefixroute: true }],
  [
    { address: '10.1.2.3/20', validLifetime: 2000, preferredLifetime: 1000 },
    '10.1.2.3/20 valid_lft 2000 preferred_lft 1000',
    { valid_life_time: about(2000), preferred_life_time: about(1000), dynamic: true },
  ],
  [
    { address: 'fd00::1:2/72', flags: ['nodad'] },
    'fd00::1:2/72 nodad',
    { family: 'inet6', local: 'fd00::1:2', prefixlen: 72, nodad: true },
  ],
  [
    { address: 'fd00::1:2', peer: 'fd00::9:0/112', flags: ['nodad'] },
    'fd00::1:2 peer fd00::9:0/112 nodad',
    { local: 'fd00::1:2', address: 'fd00::9:0', prefixlen: 112 },
  ],
  [{ address: 'fd00::1:2/64', flags: ['nodad', 'homeaddress'] }, 'fd00::1:2/64 nodad home', { home: true }],
  [
    { address: 'fd00::1:2/64', flags: ['nodad', 'managetempaddr'] },
    'fd00::1:2/64 nodad mngtmpaddr',
    { mngtmpaddr: true },
  ],
  [{ address: 'fd00::1:2/64', flags: ['nodad'], metric: 321 }, 'fd00::1:2/64 nodad metric 321', { metric: 321 }],
  [
    { address: 'fd00::1:2/64', flags: ['nodad'], validLifetime: 2000 },
    'fd00::1:2/64 nodad valid_lft 2000 preferred_lft 2000',
    { valid_life_time: about(2000), preferred_life_time: about(2000) },
  ],
];

describeUnless(skip, 'addresses beside ip', () => {
  for (const [ours, theirs, shown] of same) {
    testUnless(skip, theirs, () =>
      inSandbox(async (sandbox) => {
        const { address } = sandbox.client;
        await withLink(sandbox);
        const list = () => address.list({ link: 'left' });
        const show = () => jsonIn(sandbox, 'ip -j -d addr show dev left')[0]!['addr_info'] as Record<string, unknown>[];

        await address.add({ link: 'left', ...ours });
        const [mine] = await list();
        const mineShown = show();
        expect(mineShown).toMatchObject([shown]);
        await address.delete({ link: 'left', ...ours });
        expect(show()).toEqual([]);

        runIn(sandbox, `ip addr add ${theirs} dev left`);
        expect(show()).toEqual(mineShown.map((entry) => ({ ...entry, ...times(entry) })));
        const [read] = await list();
        const { created: _created, updated: _updated, ...lasting } = mine!;
        expect(read).toMatchObject({ ...lasting, ...lifetimes(mine!) });
        await address.delete(read!);
        expect(show()).toEqual([]);
      }),
    );
  }

  /** Finite lifetimes may be a second shorter the second time. */
  function times(entry: Record<string, unknown>): Record<string, unknown> {
    return Object.fromEntries(
      ['valid_life_time', 'preferred_life_time']
        .filter((key) => (entry[key] as number) < 100_000)
        .map((key) => [key, about(entry[key] as number)]),
    );
  }
  function lifetimes(entry: {
    validLifetime?: number | 'forever';
    preferredLifetime?: number | 'forever';
  }): Record<string, unknown> {
    const { validLifetime, preferredLifetime } = entry;
    return Object.fromEntries(
      Object.entries({ validLifetime, preferredLifetime })
        .filter(([, value]) => typeof value === 'number')
        .map(([key, value]) => [key, about(value as number)]),
    );
  }

  testUnless(skip, 'our filters choose what theirs do', () =>
    inSandbox(async (sandbox) => {
      await withLink(sandbox);
      for (const add of [
        '10.1.2.3/24 dev left',
        'fd00::5/64 dev left nodad',
        '10.4.5.6/28 dev right scope link',
        'fd01::7/48 dev right nodad',
      ]) {
        runIn(sandbox, `ip addr add ${add}`);
      }
      const theirs = (filter: string) =>
        jsonIn(sandbox, `ip -j ${filter}`)
          .flatMap((link) => link['addr_info'] as Record<string, unknown>[])
          .filter((entry) => entry['local'] !== undefined)
          .map((entry) => `${String(entry['local'])}/${String(entry['prefixlen'])}`)
          .sort();
      const ours = async (filter: Parameters<typeof sandbox.client.address.list>[0]) =>
        (await sandbox.client.address.list(filter)).map(({ address }) => address).sort();
      expect(await ours({})).toEqual(theirs('addr'));
      expect(await ours({ family: 'inet6' })).toEqual(theirs('-6 addr'));
      expect(await ours({ link: 'right' })).toEqual(theirs('addr show dev right'));
      expect(await ours({ link: 'left', family: 'inet' })).toEqual(theirs('-4 addr show dev left'));
      expect(await ours({ scope: 'link' })).toEqual(theirs('addr show scope link'));
    }),
  );
});
