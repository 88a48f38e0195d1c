/** Calls of one client are carried out in the order in which they were made. */
import { describe, expect, test } from '@jest/globals';
import { ClosedError, KernelError, TimeoutError } from '../../lib/errors.js';
import { Rtnetlink } from '../../lib/rtnetlink/client.js';
import {
  RTM_DELROUTE,
  RTM_GETLINK,
  RTM_GETROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWLINKPROP,
  RTM_NEWROUTE,
} from '../../lib/rtnetlink/constants.js';
import { linkAttrs } from '../../lib/rtnetlink/link-attrs.js';
import { routeAttrs } from '../../lib/rtnetlink/route-attrs.js';
import { addressAttrs } from '../../lib/rtnetlink/address-attrs.js';
import type { Address } from '../../lib/rtnetlink/address.js';
import { getLink, type Link } from '../../lib/rtnetlink/link.js';
import type { Route } from '../../lib/rtnetlink/route.js';
import { FakeKernel, refuse, reply, type FakeRequest, type Handler } from '../../lib/testing.js';
import { rejection, settled } from '../support/things.js';

const INDEXES: Readonly<Record<string, number>> = { a: 3, b: 5, br0: 7, up: 11 };

/** Finds links by name; all else succeeds. */
const named: Handler = (request) => {
  if (request.type !== RTM_GETLINK || request.isDump) return undefined;
  const { name, index } = request.decode(linkAttrs) as { name?: string; index?: number };
  const found = name === undefined ? index : INDEXES[name];
  return found === undefined || found === 0
    ? refuse('ENODEV')
    : reply(RTM_NEWLINK, linkAttrs, { index: found, name: name ?? 'x' } as object);
};

/** A request, in brief. */
function brief(request: FakeRequest): string {
  const words = (...all: (string | number | undefined)[]) =>
    all.filter((each) => each !== undefined && each !== 0).join(' ');
  if (request.type === RTM_GETLINK || request.type === RTM_NEWLINK) {
    const { index, name, mtu, master } = request.decode(linkAttrs) as Partial<Link>;
    return request.type === RTM_GETLINK ? words('get', name, index) : words('link', name, index, mtu, master);
  }
  if (request.type === RTM_NEWLINKPROP) {
    const { index, altNames } = request.decode(linkAttrs) as Partial<Link>;
    return words('names', index, ...(altNames ?? []));
  }
  if (request.type === RTM_NEWADDR) {
    const { link, address } = request.decode(addressAttrs) as Partial<Address>;
    return words('address', link, address);
  }
  const { to, link } = request.decode(routeAttrs) as Partial<Route>;
  const verb = { [RTM_NEWROUTE]: 'route', [RTM_DELROUTE]: 'unroute', [RTM_GETROUTE]: 'routes' }[request.type];
  return words(verb, to, link);
}

async function setUp(
  handler: Handler = named,
): Promise<{ kernel: FakeKernel; client: Rtnetlink; seen: () => string[] }> {
  const kernel = new FakeKernel(handler);
  const client = await Rtnetlink.over(kernel);
  return { kernel, client, seen: () => kernel.requests.map(brief) };
}

describe('a look-up', () => {
  test('holds back what comes behind it', async () => {
    const { client, seen } = await setUp();
    await Promise.all([client.link.set('a', { master: 'br0', mtu: 1300 }), client.link.set('a', { mtu: 1400 })]);
    expect(seen()).toEqual(['get br0', 'link a 1300 7', 'link a 1400']);
  });

  test('is not overtaken by another that takes fewer', async () => {
    const { client, seen } = await setUp();
    await Promise.all([
      client.route.add({ to: '10.1.0.0/16', nexthops: [{ link: 'a' }, { link: 'b' }] }),
      client.route.add({ to: '10.2.0.0/16', link: 'a' }),
      client.address.add({ link: 3, address: '10.0.0.1/8' }),
    ]);
    expect(seen().filter((each) => !each.startsWith('get'))).toEqual([
      'route 10.1.0.0/16',
      'route 10.2.0.0/16 3',
      'address 3 10.0.0.1/8',
    ]);
  });

  test('overtakes nothing, and is made beside others that change no link', async () => {
    const { client, kernel, seen } = await setUp();
    await Promise.all([
      client.address.add({ link: 'a', address: '10.0.0.1/8' }),
      client.address.add({ link: 'b', address: '10.0.0.2/8' }),
      client.route.add({ to: '10.3.0.0/16', link: 5 }),
    ]);
    expect(seen()).toEqual(['get a', 'get b', 'address 3 10.0.0.1/8', 'address 5 10.0.0.2/8', 'route 10.3.0.0/16 5']);
    expect(kernel.sends).toHaveLength(2);
  });

  test('waits for a change of links that is ahead', async () => {
    const indexes: Record<string, number> = { a: 3, br0: 7 };
    const { client, seen } = await setUp((request) => {
      if (request.type === RTM_NEWLINK) indexes['a'] = 13;
      if (request.type !== RTM_GETLINK) return undefined;
      const { name } = request.decode(linkAttrs) as { name: string };
      return reply(RTM_NEWLINK, linkAttrs, { index: indexes[name], name } as object);
    });
    await Promise.all([
      client.link.set('b', { master: 'br0', name: 'c' }),
      client.address.add({ link: 'a', address: '10.0.0.1/8' }),
    ]);
    expect(seen().at(-1)).toBe('address 13 10.0.0.1/8');
  });

  test('that finds nothing blocks nobody', async () => {
    const { client, seen } = await setUp();
    const [first, second] = await Promise.allSettled([
      client.link.set('a', { master: 'nope', mtu: 1300 }),
      client.link.set('a', { mtu: 1400 }),
    ]);
    expect((first as PromiseRejectedResult).reason).toMatchObject({ code: 'ENODEV', path: 'link.master' });
    expect(second.status).toBe('fulfilled');
    expect(seen()).toEqual(['get nope', 'link a 1400']);
  });

  test('holds back requests made elsewhere, and reads', async () => {
    const { client, seen } = await setUp();
    await Promise.all([
      client.link.set('a', { master: 'br0', mtu: 1300 }),
      client.request(getLink('up')),
      client.link.get('b'),
    ]);
    expect(seen()).toEqual(['get br0', 'link a 1300 7', 'get up', 'get b']);
  });

  test('that is given up is not followed by its change', async () => {
    const { client, seen } = await setUp();
    const controller = new AbortController();
    const first = client.link.set('a', { master: 'br0', mtu: 1300 }, { signal: controller.signal });
    const second = client.link.set('a', { mtu: 1400 });
    controller.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    await second;
    await settled();
    expect(seen().filter((each) => !each.startsWith('get'))).toEqual(['link a 1400']);
  });

  test('is held for no longer than its time', async () => {
    const { client } = await setUp((request) => (request.type === RTM_GETLINK ? new Promise(() => {}) : undefined));
    const first = client.link.set('a', { master: 'br0' }, { timeout: 20 });
    const second = client.link.set('a', { mtu: 1400 }, { timeout: 10 });
    const [one, other] = await Promise.all([rejection(first), rejection(second)]);
    expect(one).toBeInstanceOf(TimeoutError);
    expect(other).toMatchObject({ code: 'ERR_NETLACE_TIMEOUT', message: expect.stringContaining('RTM_NEWLINK') });
    client.close();
  });

  test('ends with the client, and what it holds back too', async () => {
    const { client, kernel } = await setUp((request) =>
      request.type === RTM_GETLINK ? new Promise(() => {}) : undefined,
    );
    const calls = [
      client.link.set('a', { master: 'br0' }),
      client.link.set('a', { mtu: 1400 }),
      client.route.add({ to: '10.0.0.0/8', link: 'a' }),
      client.route.flush({ table: 'main' }),
      client.route.list({ link: 'a' }),
      client.route.list(),
    ].map((call) => rejection(call));
    await kernel.received(1);
    client.close();
    for (const error of await Promise.all(calls)) expect(error).toBeInstanceOf(ClosedError);
  });
});

test('many held calls are sent together', async () => {
  const { client, kernel } = await setUp();
  const calls = Array.from({ length: 20_000 }, (_, i) =>
    client.route.add({ to: `10.${i >> 8}.${i & 255}.0/24`, link: 3 }),
  );
  const held = [
    client.link.set('a', { master: 'br0' }),
    ...Array.from({ length: 100 }, (_, i) => client.link.set(i + 1, { mtu: 1400 })),
  ];
  await Promise.all([...calls, ...held]);
  expect(kernel.sends.at(-1)).toHaveLength(101);
});

test('a call that cannot be written is no obstacle, held or not', async () => {
  const { client, seen } = await setUp();
  const results = await Promise.allSettled([
    client.link.set('a', { master: 'br0', mtu: 1300 }),
    client.link.set('a', { mtu: -1 }),
    client.link.set('b', { master: 'br0', mtu: -1 }),
    client.link.set('a', { mtu: 1400 }),
  ]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
  expect(seen().filter((each) => each.startsWith('link'))).toEqual(['link a 1300 7', 'link a 1400']);
});

test('a held call is carried out as it was said, whatever becomes of its arguments', async () => {
  const { client, seen } = await setUp();
  const change = { master: 'br0', mtu: 1300 };
  const hops = [{ link: 'a' }, { link: 'b' }];
  const calls = [client.link.set('a', change), client.route.add({ to: '10.0.0.0/8', nexthops: hops })];
  change.mtu = 1234;
  hops[1]!.link = 'nope';
  const plain = { mtu: 1400 };
  calls.push(client.link.set('a', plain));
  plain.mtu = 4321;
  await Promise.all(calls);
  expect(seen().filter((each) => each.startsWith('link'))).toEqual(['link a 1300 7', 'link a 1400']);
});

test('what looks up why it failed holds nobody back', async () => {
  const { client } = await setUp((request) =>
    request.type === RTM_NEWLINK && (request.decode(linkAttrs) as { index?: number }).index === 3
      ? refuse('EEXIST')
      : named(request),
  );
  const added = rejection(client.link.add({ name: 'z', index: 3, kind: 'bridge' }));
  await client.link.set('a', { mtu: 1400 });
  expect(await added).toBeInstanceOf(KernelError);
});

describe('flushing', () => {
  const routes = [{ to: '10.1.0.0/16' }, { to: '10.2.0.0/16' }];
  const flushed: Handler = (request) =>
    request.type === RTM_GETROUTE
      ? routes.map((route) =>
          reply(RTM_NEWROUTE, routeAttrs, { family: 'inet', protocol: 'boot', table: 'main', ...route } as object),
        )
      : named(request);

  test('deletes nothing that is added behind it, and what is added ahead', async () => {
    const { client, seen } = await setUp(flushed);
    await Promise.all([
      client.route.add({ to: '10.1.0.0/16', link: 'a' }),
      client.route.flush({ table: 'main' }),
      client.route.add({ to: '10.9.0.0/16', link: 3 }),
    ]);
    expect(seen()).toEqual([
      'get a',
      'route 10.1.0.0/16 3',
      'routes',
      'unroute 10.1.0.0/16',
      'unroute 10.2.0.0/16',
      'route 10.9.0.0/16 3',
    ]);
  });

  test('that is given up lets those behind it go on', async () => {
    const { client, seen, kernel } = await setUp((request) =>
      request.type === RTM_GETROUTE ? new Promise(() => {}) : undefined,
    );
    const controller = new AbortController();
    const flush = rejection(client.route.flush({ table: 'main' }, { signal: controller.signal }));
    const added = client.route.add({ to: '10.9.0.0/16', link: 3 });
    await kernel.received(1);
    controller.abort();
    expect(await flush).toMatchObject({ name: 'AbortError' });
    await added;
    expect(seen()).toEqual(['routes', 'route 10.9.0.0/16 3']);
  });
});

describe('a list', () => {
  test('has what was asked for before it', async () => {
    const there: string[] = [];
    const { client } = await setUp((request) => {
      if (request.type === RTM_NEWROUTE) there.push((request.decode(routeAttrs) as { to: string }).to);
      if (request.type !== RTM_GETROUTE) return named(request);
      return there.map((to) => reply(RTM_NEWROUTE, routeAttrs, { family: 'inet', to } as object));
    });
    const [, , , routes] = await Promise.all([
      client.route.add({ to: '10.1.0.0/16', link: 3 }),
      client.route.add({ to: '10.2.0.0/16', link: 'a' }),
      client.route.add({ to: '10.3.0.0/16', link: 3 }),
      client.route.list({ link: 'b' }),
    ]);
    expect(routes.map(({ to }) => to)).toEqual(['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16']);
  });

  test('holds nothing back: calls can be made while it is iterated over', async () => {
    const { client, seen } = await setUp((request) =>
      request.type === RTM_GETROUTE
        ? Array.from({ length: 3 }, (_, i) =>
            reply(RTM_NEWROUTE, routeAttrs, { family: 'inet', to: `10.${i}.0.0/16` } as object),
          )
        : named(request),
    );
    for await (const { to } of client.route.list({ link: 'a' })) await client.route.delete({ to, link: 'b' });
    expect(seen()).toEqual(['get a', 'routes 3', ...[0, 1, 2].flatMap((i) => ['get b', `unroute 10.${i}.0.0/16 5`])]);
  });
});

describe('an argument whose reading', () => {
  test('makes another request is written all the same, and read once', async () => {
    const { client, seen } = await setUp();
    let reads = 0;
    const inner: Promise<unknown>[] = [];
    const change = {
      get mtu() {
        reads++;
        inner.push(client.link.set('b', { mtu: 1500 }));
        return 1300;
      },
    };
    await client.link.set('a', change);
    await Promise.all(inner);
    expect(reads).toBe(1);
    expect(seen().sort()).toEqual(['link a 1300', 'link b 1500']);
  });

  test('makes the same request ends with the stack, and nothing else does', async () => {
    const { client, seen, kernel } = await setUp();
    const change = {
      get mtu(): number {
        client.link.set('a', change).catch(() => {});
        return 1300;
      },
    };
    const inside = Object.defineProperty({}, 'id', {
      enumerable: true,
      get: () => void client.link.set('b', { mtu: 1500 }),
    });
    await Promise.allSettled([client.link.set('a', change)]);
    expect(kernel.requests.length).toBeLessThan(100_000);
    const before = kernel.requests.length;
    await client.link.add({ name: 'v', kind: 'vxlan', data: inside as { id?: number } });
    expect(seen().slice(before).sort()).toEqual(['link b 1500', 'link v']);
  });

  test('closes the client is refused', async () => {
    for (const kind of ['plain', 'named'] as const) {
      const { client } = await setUp();
      const change = {
        get mtu(): number {
          client.close();
          return 1300;
        },
      };
      const ahead = rejection(client.link.set('b', { mtu: 1500 }));
      const call = client.link.set(
        'a',
        kind === 'plain'
          ? change
          : {
              master: 'br0',
              ...Object.defineProperties({}, {}),
              get mtu() {
                return change.mtu;
              },
            },
      );
      expect(await rejection(call)).toBeInstanceOf(ClosedError);
      expect(await ahead).toBeInstanceOf(ClosedError);
    }
  });

  test('throws is refused with that', async () => {
    const { client, seen } = await setUp();
    const failing = {
      get to(): string {
        throw new RangeError('no');
      },
    };
    await expect(client.route.add(failing)).rejects.toThrow('no');
    await expect(client.route.list(failing as object)).rejects.toThrow('no');
    expect(() => client.sync.route.add(failing)).toThrow('no');
    await client.link.set('b', { mtu: 1500 });
    expect(seen()).toEqual(['link b 1500']);
  });

  test('asks a proxy, toString, valueOf or an iterator asks it once or not at all', async () => {
    const { client, seen } = await setUp();
    let asked = 0;
    const evil = () => {
      asked++;
      void client.link.set('b', { mtu: 1500 });
      return 1300;
    };
    const primitive = { toString: evil, valueOf: evil, [Symbol.toPrimitive]: evil };
    const proxy = new Proxy({ mtu: 1300 }, { get: (_, key) => (key === 'mtu' ? evil() : undefined) });
    await client.link.set('a', proxy);
    expect(asked).toBe(1);
    for (const value of [{ mtu: primitive }, { name: primitive }, { address: primitive }])
      await rejection(client.link.set('a', value as object));
    await rejection(client.link.set(primitive as unknown as string, { mtu: 1300 }));
    await client.link.set('b', { mtu: 1600 });
    expect(asked).toBe(1);
    const changes = seen().filter((each) => each.startsWith('link'));
    expect(changes.sort()).toEqual(['link a 1300', 'link b 1500', 'link b 1600']);
  });
});

describe('a call of several changes', () => {
  test('has made all of them before the next is sent', async () => {
    const { client, seen } = await setUp();
    await Promise.all([
      client.link.add({ name: 'a', kind: 'bridge', alias: 'A', altNames: ['one', 'two'] }),
      client.link.addAltNames('b', ['three', 'four']),
      client.route.add({ to: '10.0.0.0/8', link: 5 }),
    ]);
    expect(seen()).toEqual([
      'link a',
      'get a',
      'link 3',
      'names 3 one two',
      'get b',
      'names 5 three',
      'names 5 four',
      'route 10.0.0.0/8 5',
    ]);
  });

  test('holds back nothing when the last is sent', async () => {
    const { client, kernel, seen } = await setUp();
    await Promise.all([
      client.link.add({ name: 'a', kind: 'veth', data: { peer: { name: 'b' } } }),
      client.route.add({ to: '10.0.0.0/8', link: 5 }),
    ]);
    expect(seen()).toEqual(['link a', 'route 10.0.0.0/8 5']);
    expect(kernel.sends).toHaveLength(1);
  });
});

describe('what an argument inherits', () => {
  const inherited = { mtu: 1234, master: 'br0', name: 'inherited' };

  test('is no part of it', async () => {
    const { client, seen } = await setUp();
    await client.link.set('a', Object.assign(Object.create(inherited), { txQueueLength: 5 }));
    await client.route.add(Object.assign(Object.create({ link: 'a', table: 7 }), { to: '10.0.0.0/8' }));
    expect(seen()).toEqual(['link a', 'route 10.0.0.0/8']);
  });

  test('also from Object.prototype', async () => {
    const { client, kernel } = await setUp();
    const polluted = {
      mtu: 1234,
      master: 'br0',
      timeout: 1,
      signal: 'x',
      link: 'a',
      extra: true,
      kind: 'vxlan',
      via: '10.0.0.9',
      family: 'bridge',
    };
    Object.assign(Object.prototype, polluted);
    try {
      await client.link.set('a', { txQueueLength: 5 }, {});
      await client.route.add({ to: '10.0.0.0/8' });
      await client.link.add({ name: 'x', kind: 'vlan', data: { id: 5 } });
    } finally {
      for (const key in polluted) Reflect.deleteProperty(Object.prototype, key);
    }
    const [set, route, add] = kernel.requests;
    expect(set!.decode(linkAttrs)).toEqual(expect.not.objectContaining({ mtu: 1234 }));
    expect(kernel.requests.map(brief)).toEqual(['link a', 'route 10.0.0.0/8', 'link x']);
    expect(route!.decode(routeAttrs)).not.toHaveProperty('via');
    expect(add!.decode(linkAttrs)).toMatchObject({ kind: 'vlan', data: { id: 5 } });
  });
});
