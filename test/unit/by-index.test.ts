/** What was looked up is acted on by its index; errors blame only what must be at fault. Over a kernel that answers as told. */
import { describe, expect, test } from '@jest/globals';
import type { KernelError } from '../../lib/errors.js';
import { Rtnetlink } from '../../lib/rtnetlink/client.js';
import {
  RTM_DELLINK,
  RTM_DELROUTE,
  RTM_GETLINK,
  RTM_GETROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWROUTE,
} from '../../lib/rtnetlink/constants.js';
import { linkAttrs, type LinkAttrsIn } from '../../lib/rtnetlink/link-attrs.js';
import { ack, FakeKernel, refuse, reply, type Handler } from '../../lib/testing.js';
import { rejection } from '../support/things.js';

/** A kernel in which the only link is a bridge with the index 7, called as it is asked for; what it was asked to change. */
function bridgeOf(index: number): { kernel: FakeKernel; changes: LinkAttrsIn[] } {
  const changes: LinkAttrsIn[] = [];
  const handler: Handler = (request) => {
    if (request.type === RTM_GETLINK) {
      const found: LinkAttrsIn = Object.assign(request.decode(linkAttrs), {
        index,
        kind: 'bridge',
        portKind: 'bridge',
      });
      return [reply(RTM_NEWLINK, linkAttrs, found), ack()];
    }
    changes.push(request.decode(linkAttrs));
    return ack();
  };
  return { kernel: new FakeKernel(handler), changes };
}

describe('what was looked up is acted on by its index', () => {
  const changes: readonly (readonly [string, object])[] = [
    ['data without a kind', { data: { ageingTime: 100 } }],
    ['port settings without a kind', { port: { cost: 3 } }],
    ['both, and more', { data: { ageingTime: 100 }, port: { cost: 3 }, mtu: 1400 }],
    ['a new name', { name: 'br1' }],
    ['a group, with which old kernels change all of it', { group: 5 }],
  ];
  test.each(changes)('%s', async (_what, change) => {
    const { kernel, changes: asked } = bridgeOf(7);
    await using client = await Rtnetlink.over(kernel);
    await client.link.set('br0', change);
    client.sync.link.set('br0', change);
    expect(asked.map(({ index }) => index)).toEqual([7, 7]);
    expect(asked.map(({ name }) => name)).toEqual([(change as LinkAttrsIn).name, (change as LinkAttrsIn).name]);
  });

  test('alternative names', async () => {
    const { kernel, changes: asked } = bridgeOf(9);
    await using client = await Rtnetlink.over(kernel);
    await client.link.addAltNames('br0', ['one', 'two']);
    expect(asked.map(({ index, name, altNames }) => [index, name, altNames])).toEqual([
      [9, undefined, ['one']],
      [9, undefined, ['two']],
    ]);
  });

  test('a new link that does not take the rest is the one that goes', async () => {
    const types: [number, number | undefined, string | undefined][] = [];
    const kernel = new FakeKernel((request) => {
      const { index, name, alias } = request.decode(linkAttrs) as LinkAttrsIn;
      types.push([request.type, index, name]);
      if (request.type === RTM_GETLINK)
        return [reply(RTM_NEWLINK, linkAttrs, Object.assign({ name: 'it' }, { index: 41 })), ack()];
      return alias === undefined ? ack() : refuse('ENOMEM');
    });
    await using client = await Rtnetlink.over(kernel);
    const error = await rejection(client.link.add({ name: 'it', kind: 'bridge', alias: 'x' }));
    expect(error).toMatchObject({ code: 'ENOMEM', path: 'link.alias' });
    expect(types).toEqual([
      [RTM_NEWLINK, 0, 'it'],
      [RTM_GETLINK, 0, 'it'],
      [RTM_NEWLINK, 41, undefined],
      [RTM_DELLINK, 41, undefined],
    ]);
  });
});

/** The error of a call, to which the kernel says no more than an errno. */
async function blamed(
  errno: string,
  run: (client: Rtnetlink) => Promise<unknown>,
  said?: string,
): Promise<string | undefined> {
  const kernel = new FakeKernel(({ type }) =>
    [RTM_NEWLINK, RTM_DELLINK, RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE, RTM_NEWADDR, RTM_GETLINK].includes(type)
      ? refuse(errno, said === undefined ? undefined : { message: said })
      : ack(),
  );
  await using client = await Rtnetlink.over(kernel);
  return ((await rejection(run(client))) as unknown as KernelError).path;
}

describe('where the kernel says no more than an errno, only what must be at fault is blamed', () => {
  const to = '10.9.0.1';
  const cases: readonly (readonly [string, (client: Rtnetlink) => Promise<unknown>, string | undefined, string?])[] = [
    ['ENODEV', ({ route }) => route.get({ to, link: 7 }), 'route.link'],
    ['ENODEV', ({ route }) => route.get({ to, iif: 7 }), 'route.iif'],
    ['ENODEV', ({ route }) => route.get({ to, link: 7, iif: 4242 }), undefined],
    ['ENETUNREACH', ({ route }) => route.get({ to }), 'route.to'],
    ['ENETUNREACH', ({ route }) => route.get({ to, link: 7 }), undefined],
    ['ESRCH', ({ route }) => route.delete({ to }), 'route.to'],
    ['ESRCH', ({ route }) => route.delete({ to, via: '10.1.0.1' }), undefined],
    ['ESRCH', ({ route }) => route.delete({ to, table: 77 }), 'route.table', 'ipv4: FIB table does not exist'],
    ['ENODEV', ({ route }) => route.add({ to, link: 7 }), 'route.link'],
    ['ENODEV', ({ route }) => route.add({ to, via: '10.1.0.1' }), undefined],
    ['EEXIST', ({ link }) => link.add({ name: 'it', kind: 'bridge' }), 'link.name'],
    // A tunnel with the same ends, say.
    ['EEXIST', ({ link }) => link.add({ name: 'it', kind: 'gre', data: new Uint8Array(4) }), undefined],
    ['EEXIST', ({ link }) => link.add({ name: 'it', kind: 'bridge' }), undefined, 'another reason'],
    ['ENODEV', ({ link }) => link.add({ name: 'it', kind: 'macvlan', link: 7 }), 'link.link'],
    ['ENODEV', ({ link }) => link.add({ name: 'it', kind: 'vxlan', link: 7, data: { id: 3, link: 8 } }), undefined],
    ['ENODEV', ({ link }) => link.set(7, { up: true }), 'link.index'],
    ['ENODEV', ({ link }) => link.set('it', { up: true }), 'link.name'],
    ['ENODEV', ({ link }) => link.set(7, { kind: 'vxlan', data: { link: 8 } }), undefined],
    ['ENODEV', ({ link }) => link.set(7, { carrier: true }), undefined],
    ['EEXIST', ({ link }) => link.set(7, { name: 'it' }), 'link.name'],
    ['EEXIST', ({ link }) => link.set(7, { name: 'it', netns: { fd: 0 } }), undefined],
    ['EOPNOTSUPP', ({ link }) => link.set(7, { master: 8 }), 'link.master'],
    ['EOPNOTSUPP', ({ link }) => link.set(7, { master: 8, up: true }), 'link.master'],
    ['EOPNOTSUPP', ({ link }) => link.set(7, { master: 8, carrier: true }), undefined],
    ['EOPNOTSUPP', ({ link }) => link.set(7, { carrier: true }), 'link.carrier'],
    ['EINVAL', ({ link }) => link.set(7, { mtu: 3, up: true }), undefined],
  ];
  for (const [errno, run, path, said] of cases) {
    test(`${errno} of ${String(run).replace(/\s+/g, ' ')}${said === undefined ? '' : `, ${said}`}`, async () => {
      expect(await blamed(errno, run, said)).toBe(path);
    });
  }

  test('no right is said to be missing without a look', async () => {
    const kernel = new FakeKernel(() => refuse('EPERM'));
    await using client = await Rtnetlink.over(kernel);
    const error = (await rejection(client.link.delete({ group: 0 }))) as unknown as KernelError;
    expect(error.message).toBe('RTM_DELLINK: Operation not permitted (EPERM)');
    expect(error.hint).toBeUndefined();
  });
});
