import { expect, test } from '@jest/globals';
import { Netns, Rtnetlink } from '../../lib/index.js';

test('a table without a route is empty, not an error', async () => {
  await using netns = await Netns.create();
  await using client = await Rtnetlink.open({ netns });
  expect(await client.route.list({ family: 'inet', table: 'main' })).toEqual([]);
  expect(client.sync.route.list({ family: 'inet', table: 1234 })).toEqual([]);
  await client.link.set('lo', { up: true });
  await client.route.add({ to: '10.7.0.0/17', link: 'lo', table: 1234 });
  expect(client.sync.route.list({ family: 'inet', table: 1234 })).toMatchObject([{ to: '10.7.0.0/17', table: 1234 }]);
}, 60_000);

test('other errors of a dump stay errors', async () => {
  await using netns = await Netns.create();
  await using client = await Rtnetlink.open({ netns });
  await expect(client.route.list({ family: 'inet', link: 4242 })).rejects.toMatchObject({ code: 'ENODEV' });
}, 60_000);
