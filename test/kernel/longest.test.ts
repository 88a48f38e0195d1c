/** Objects whose messages are longer than what the kernel usually lists with (32 KiB). */
import { describe, expect, test } from '@jest/globals';
import { KernelError } from '../../lib/errors.js';
import type { Rtnetlink } from '../../lib/rtnetlink/client.js';
import type { Watch } from '../../lib/rtnetlink/watch.js';
import { inSandbox, noNetns, unavailable } from '../support/netns.js';
import { describeUnless } from '../support/skip.js';
import { rejection } from '../support/things.js';

const NAMES = Array.from({ length: 400 }, (_, i) => `n${i}-`.padEnd(123, 'x'));

const noBridge = noNetns ?? (await unavailable('bridges', ({ link }) => link.add({ name: 'br', kind: 'bridge' })));

async function addLinks({ link }: Rtnetlink): Promise<void> {
  for (const name of ['a', 'b', 'c']) await link.add({ name, kind: 'bridge' });
  for (let i = 0; i < NAMES.length; i += 100) await link.addAltNames('b', NAMES.slice(i, i + 100));
}

async function existing(watch: Watch<'link'>): Promise<string[]> {
  const names: string[] = [];
  for await (const event of watch) {
    if (event.type === 'synced') break;
    if (event.type === 'existing') names.push(event.value.name);
  }
  return names;
}

async function gathered<T>(list: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const each of list) all.push(each);
  return all;
}

describeUnless(noBridge, 'what is long', () => {
  describe('a link with many names', () => {
    test('is listed, and so are those behind it', () =>
      inSandbox(async ({ client }) => {
        await addLinks(client);
        const { link } = client;
        for (const filter of [{}, { kind: 'bridge' }, { extMask: [] }, { extMask: ['skipStats' as const] }]) {
          for (const links of [await link.list(filter), client.sync.link.list(filter)]) {
            expect(links.map(({ name }) => name).filter((name) => name !== 'lo')).toEqual(['a', 'b', 'c']);
            expect(links.find(({ name }) => name === 'b')!.altNames).toEqual(NAMES);
          }
        }
        const streamed: string[] = [];
        for await (const { name } of link.list({ kind: 'bridge' })) streamed.push(name);
        expect(streamed).toEqual(['a', 'b', 'c']);
      }));

    test('is told by a watch', () =>
      inSandbox(async ({ client }) => {
        await addLinks(client);
        expect(await existing(client.watch(['link']))).toEqual(expect.arrayContaining(['a', 'b', 'c']));
      }));
  });

  describe.each([
    ['inet' as const, '10.0.0.1/8', (i: number) => `10.2.${i >> 8}.${i & 255}`, '20.0.0.0/8', '30.0.0.0/8', 2200],
    [
      'inet6' as const,
      'fd00::1/16',
      (i: number) => `fd00::${(i + 2).toString(16)}`,
      '2001:db8::/32',
      '2002::/32',
      1200,
    ],
  ])('an %s route that no list can have', (family, address, hop, before, to, hops) => {
    test('is an error, whatever is asked for', () =>
      inSandbox(async ({ client }) => {
        await client.link.add({ name: 'a', kind: 'bridge', up: true });
        const { index: link } = await client.link.get('a');
        await client.address.add({ link, address });
        await client.route.add({ to: before, link });
        await client.route.add({ to, nexthops: Array.from({ length: hops }, (_, i) => ({ via: hop(i) })) });
        for (const filter of [{}, { family }, { table: 'main' as const }, { link }]) {
          const error = await rejection(client.route.list(filter));
          expect(error).toBeInstanceOf(KernelError);
          expect(error).toMatchObject({ code: 'EMSGSIZE', operation: 'RTM_GETROUTE' });
          expect(() => client.sync.route.list(filter)).toThrow('EMSGSIZE');
          await expect(gathered(client.route.list(filter))).rejects.toThrow('EMSGSIZE');
        }
        await expect(client.route.flush({ family })).rejects.toThrow('EMSGSIZE');
        const watch = client.watch(['route']);
        await expect(
          (async () => {
            for await (const event of watch) if (event.type === 'synced') return;
          })(),
        ).rejects.toThrow('EMSGSIZE');
        await client.route.delete({ to });
        expect((await client.route.list({ family, table: 'main' })).map((route) => route.to)).toContain(before);
      }));
  });
});
