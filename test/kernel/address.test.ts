import { expect } from '@jest/globals';
import { CodecError, KernelError } from '../../lib/errors.js';
import type { Address, NewAddress } from '../../lib/rtnetlink/address.js';
import type { Rtnetlink } from '../../lib/rtnetlink/client.js';
import { inSandbox, noNetns, olderThan } from '../support/netns.js';
import { describeUnless, testUnless } from '../support/skip.js';

const aNumber: unknown = expect.any(Number);
const about = (seconds: number): unknown => expect.closeTo(seconds, -1);

/** A veth pair, up, whose IPv6 addresses are only those a test gives it. */
async function withLink(client: Rtnetlink): Promise<number> {
  await client.link.add({ name: 'left', kind: 'veth', data: { peer: { name: 'right' } } });
  for (const name of ['left', 'right']) {
    await client.link.set(name, { afSpec: { inet6: { addrGenMode: 'none' } } });
    await client.link.set(name, { up: true });
  }
  return (await client.link.get('left')).index;
}

describeUnless(noNetns, 'addresses', () => {
  /** Adds, lists, deletes, adds what was listed, and lists again. */
  async function roundTrip(client: Rtnetlink, address: NewAddress): Promise<Address> {
    const list = () =>
      client.address.list({ link: address.link, family: address.address.includes(':') ? 'inet6' : 'inet' });
    await client.address.add(address);
    const [first, ...rest] = await list();
    expect(rest).toEqual([]);
    await client.address.delete(first!);
    expect(await list()).toEqual([]);
    await client.address.add(first!);
    const [second] = await list();
    const stamps = { created: aNumber, updated: aNumber };
    expect(second).toEqual({ ...first, ...stamps });
    await client.address.delete(second!);
    return first!;
  }

  testUnless(noNetns, 'an address without anything else', () =>
    inSandbox(async ({ client }) => {
      const link = await withLink(client);
      expect(await roundTrip(client, { link: 'left', address: '10.1.2.3/20' })).toEqual({
        family: 'inet',
        scope: 'universe',
        link,
        address: '10.1.2.3/20',
        label: 'left',
        flags: ['permanent'],
        preferredLifetime: 'forever',
        validLifetime: 'forever',
        created: aNumber,
        updated: aNumber,
      });
      expect(await roundTrip(client, { link, address: 'fd00::1:2/72', flags: ['nodad'] })).toEqual({
        family: 'inet6',
        scope: 'universe',
        link,
        address: 'fd00::1:2/72',
        flags: ['nodad', 'permanent'],
        preferredLifetime: 'forever',
        validLifetime: 'forever',
        created: aNumber,
        updated: aNumber,
      });
    }),
  );

  const every: readonly NewAddress[] = [
    { link: 'left', address: '10.1.2.3/20', broadcast: '10.1.2.200' },
    { link: 'left', address: '10.1.2.3/20', label: 'left:web' },
    { link: 'left', address: '10.1.2.3/20', scope: 'link' },
    { link: 'left', address: '10.1.2.3/20', scope: 77 },
    { link: 'left', address: '10.1.2.3/20', metric: 321 },
    { link: 'left', address: '10.1.2.3/20', flags: ['noprefixroute'] },
    { link: 'left', address: '10.1.2.3', peer: '10.9.8.7/32' },
    { link: 'left', address: '10.1.2.3', peer: '10.9.8.0/29' },
    { link: 'left', address: '10.1.2.3/0' },
    { link: 'left', address: 'fd00::1:2/72', metric: 321 },
    { link: 'left', address: 'fd00::1:2/72', flags: ['nodad', 'homeaddress', 'noprefixroute'] },
    { link: 'left', address: 'fd00::1:2/64', flags: ['managetempaddr'] },
    { link: 'left', address: 'fd00::1:2', peer: 'fd00::9:7/128' },
    { link: 'left', address: 'fd00::1:2', peer: 'fd00::9:0/112' },
    { link: 'left', address: 'fe80::5/64', scope: 'link' },
  ];
  for (const address of every) {
    const { link: _link, ...rest } = address;
    testUnless(noNetns, `an address with ${JSON.stringify(rest)}`, () =>
      inSandbox(async ({ client }) => {
        await withLink(client);
        const { flags = [], ...plain } = rest;
        const read = await roundTrip(client, address);
        expect(read).toMatchObject(plain);
        expect(read.flags).toEqual(expect.arrayContaining([...flags]));
      }),
    );
  }

  testUnless(olderThan(5, 18), 'an address has a protocol', () =>
    inSandbox(async ({ client }) => {
      await withLink(client);
      expect(await roundTrip(client, { link: 'left', address: '10.1.2.3/20', protocol: 201 })).toMatchObject({
        protocol: 201,
      });
      expect(await roundTrip(client, { link: 'left', address: 'fd00::5/64', protocol: 'kernelRa' })).toMatchObject({
        protocol: 'kernelRa',
      });
    }),
  );

  testUnless(noNetns, 'lifetimes count down', () =>
    inSandbox(async ({ client }) => {
      await withLink(client);
      const [near, far] = [about(1000), about(2000)];
      for (const address of ['10.1.2.3/20', 'fd00::5/64']) {
        expect(
          await roundTrip(client, { link: 'left', address, preferredLifetime: 1000, validLifetime: 2000 }),
        ).toMatchObject({
          preferredLifetime: near,
          validLifetime: far,
        });
        expect(await roundTrip(client, { link: 'left', address, validLifetime: 2000 })).toMatchObject({
          preferredLifetime: far,
          validLifetime: far,
        });
      }
    }),
  );

  testUnless(noNetns, 'the broadcast address is computed', () =>
    inSandbox(async ({ client }) => {
      const link = await withLink(client);
      await client.address.add({ link, address: '10.1.2.3/20', broadcast: '+' });
      await client.address.add({ link, address: '10.5.2.4/31', broadcast: '+' });
      const [first, second] = await client.address.list({ link });
      expect(first).toMatchObject({ address: '10.1.2.3/20', broadcast: '10.1.15.255' });
      expect(second).toMatchObject({ address: '10.5.2.4/31' });
      expect(second).not.toHaveProperty('broadcast');
    }),
  );

  testUnless(noNetns, 'the loopback gets the addresses that the kernel gives it', () =>
    inSandbox(async ({ client }) => {
      await client.link.set('lo', { up: true });
      const addresses = await client.address.list({ link: 'lo' });
      expect(addresses).toMatchObject([
        { family: 'inet', address: '127.0.0.1/8', scope: 'host', label: 'lo', link: 1 },
        { family: 'inet6', address: '::1/128', scope: 'host', link: 1 },
      ]);
      await client.address.add({ link: 'lo', address: '127.5.6.7/8' });
      const [own] = (await client.address.list({ scope: 'host' })).filter(({ address }) => address === '127.5.6.7/8');
      expect(own).toMatchObject({ scope: 'host', flags: ['secondary', 'permanent'] });
    }),
  );

  testUnless(noNetns, 'replace makes an address, then changes what can be changed', () =>
    inSandbox(async ({ client }) => {
      const link = await withLink(client);
      for (const address of ['10.1.2.3/20', 'fd00::5/64']) {
        await client.address.replace({ link, address, metric: 7, flags: ['nodad'] });
        await client.address.replace({ link, address, metric: 9, validLifetime: 500, flags: ['nodad'] });
        const list = await client.address.list({ link, family: address.includes(':') ? 'inet6' : 'inet' });
        expect(list).toMatchObject([{ address, metric: 9, validLifetime: about(500) }]);
      }
    }),
  );

  testUnless(noNetns, 'delete takes the address with this prefix and peer, not its neighbour', () =>
    inSandbox(async ({ client }) => {
      const link = await withLink(client);
      await client.address.add({ link, address: '10.1.2.3', peer: '10.9.8.7/32' });
      await client.address.add({ link, address: '10.1.2.3', peer: '10.9.8.6/32' });
      await client.address.add({ link, address: '10.1.2.3/24' });
      await client.address.delete({ link, address: '10.1.2.3', peer: '10.9.8.6/32' });
      await expect(client.address.delete({ link, address: '10.1.2.3/25' })).rejects.toMatchObject({
        code: 'EADDRNOTAVAIL',
      });
      expect((await client.address.list({ link })).map(({ address, peer }) => peer ?? address)).toEqual([
        '10.9.8.7/32',
        '10.1.2.3/24',
      ]);
    }),
  );

  testUnless(noNetns, 'lists are filtered', () =>
    inSandbox(async ({ client }) => {
      await withLink(client);
      await client.address.add({ link: 'left', address: '10.1.2.3/24', label: 'left:a' });
      await client.address.add({ link: 'left', address: 'fd00::5/64', flags: ['nodad'] });
      await client.address.add({ link: 'right', address: '10.4.5.6/28', scope: 'link' });
      const found = async (filter: Parameters<typeof client.address.list>[0]) =>
        (await client.address.list(filter))
          .map(({ address }) => address)
          .filter((address) => !address.startsWith('fe80'))
          .sort();
      expect(await found({})).toEqual(['10.1.2.3/24', '10.4.5.6/28', 'fd00::5/64']);
      expect(await found({ family: 'inet6' })).toEqual(['fd00::5/64']);
      expect(await found({ link: 'right' })).toEqual(['10.4.5.6/28']);
      expect(await found({ link: 'left', family: 'inet' })).toEqual(['10.1.2.3/24']);
      expect(await found({ scope: 'link', family: 'inet' })).toEqual(['10.4.5.6/28']);
      expect(await found({ scope: 253, family: 'inet' })).toEqual(['10.4.5.6/28']);
      expect(await found({ label: 'left:a' })).toEqual(['10.1.2.3/24']);
      expect(client.sync.address.list({ link: 'right', family: 'inet' })).toMatchObject([{ address: '10.4.5.6/28' }]);
      await client.address.flush({ link: 'left' });
      expect(await found({})).toEqual(['10.4.5.6/28']);
    }),
  );

  testUnless(noNetns, 'flush takes secondary addresses too', () =>
    inSandbox(async ({ client }) => {
      await withLink(client);
      for (const host of [3, 4, 5]) await client.address.add({ link: 'left', address: `10.1.2.${host}/24` });
      expect(
        (await client.address.list({ link: 'left' })).filter(({ flags }) => flags.includes('secondary')),
      ).toHaveLength(2);
      await client.address.flush({ link: 'left' });
      expect(await client.address.list({ link: 'left' })).toEqual([]);
    }),
  );

  testUnless(noNetns, 'another namespace’s addresses are listed by its id', () =>
    inSandbox(async ({ client }) =>
      inSandbox(async (other) => {
        await client.link.add({ name: 'left', kind: 'veth', data: { peer: { name: 'far', netns: other.netns } } });
        await other.client.address.add({ link: 'far', address: '10.7.7.9/29' });
        const { linkNetnsId } = await client.link.get('left');
        expect(await client.address.list({ targetNetnsId: linkNetnsId, family: 'inet' })).toMatchObject([
          { address: '10.7.7.9/29', targetNetnsId: linkNetnsId },
        ]);
      }),
    ),
  );

  testUnless(noNetns, 'errors name what is wrong', () =>
    inSandbox(async ({ client }) => {
      const link = await withLink(client);
      await client.address.add({ link, address: '10.1.2.3/24' });
      const { address } = client;
      await expect(address.add({ link, address: '10.1.2.3/24' })).rejects.toMatchObject({
        code: 'EEXIST',
        operation: 'RTM_NEWADDR',
      });
      await expect(address.delete({ link, address: '10.1.2.4/24' })).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
      await expect(address.delete({ link, address: 'fd00::7/64' })).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
      await expect(address.add({ link: 999, address: '10.1.2.3/24' })).rejects.toMatchObject({ code: 'ENODEV' });
      await expect(address.add({ link: 'nowhere', address: '10.1.2.3/24' })).rejects.toMatchObject({
        code: 'ENODEV',
        path: 'address.link',
      });
      await expect(address.list({ link: 999 })).rejects.toBeInstanceOf(KernelError);
      await expect(address.add({ link, address: '10.1.2.3' })).rejects.toBeInstanceOf(CodecError);
      await expect(address.add({ link, address: '10.1.2.3/33' })).rejects.toMatchObject({ path: 'address.address' });
      await expect(address.add({ link, address: '10.1.2.3/24', lable: 'x' } as never)).rejects.toMatchObject({
        path: 'address.lable',
      });
      await expect(address.list({ famly: 'inet' } as never)).rejects.toMatchObject({ path: 'address.famly' });
      const tooShort = { link, address: '10.1.2.9/24', preferredLifetime: 20, validLifetime: 10 };
      await expect(address.add(tooShort)).rejects.toMatchObject({ code: 'EINVAL' });
      expect(() => client.sync.address.add({ link, address: '10.1.2.3/24' })).toThrow(KernelError);
      expect(await address.list({ link, family: 'inet' })).toHaveLength(1);
    }),
  );
});
