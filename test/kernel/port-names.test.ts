import { expect, test } from '@jest/globals';
import { Rtnetlink } from '../../lib/index.js';
import { newNetns } from '../support/netns.js';

test("a port's settings need no portKind, and name the backup port", async () => {
  await using netns = await newNetns();
  await using client = await Rtnetlink.open({ netns });
  await client.link.add({ name: 'br0', kind: 'bridge' });
  await client.link.add({ name: 'main', kind: 'veth', master: 'br0', data: { peer: { name: 'main-peer' } } });
  await client.link.add({ name: 'spare', kind: 'veth', master: 'br0', data: { peer: { name: 'spare-peer' } } });
  await client.link.set('main', { port: { backupPort: 'spare', cost: 37 } });
  const [main, spare] = await Promise.all([client.link.get('main'), client.link.get('spare')]);
  if (main.portKind !== 'bridge') throw new Error(`the port is of a ${main.portKind}`);
  expect(main.port).toMatchObject({ backupPort: spare.index, cost: 37 });

  await client.link.set('main', { port: { backupPort: null } });
  const after = await client.link.get('main');
  expect(after.port).toMatchObject({ cost: 37 });
  expect(after.port).not.toHaveProperty('backupPort');
}, 60_000);

test('settings of a port for a link that is none are refused by name', async () => {
  await using netns = await newNetns();
  await using client = await Rtnetlink.open({ netns });
  await client.link.add({ name: 'left', kind: 'veth', data: { peer: { name: 'right' } } });
  await expect(client.link.set('left', { port: { cost: 37 } })).rejects.toMatchObject({
    code: 'ERR_NETLACE_CODEC',
    path: 'link.port',
  });
}, 60_000);
