/** Namespaces that are made together with what is in them: NetnsCreation, and createSandbox on top of it. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, jest, test } from '@jest/globals';
import { createSandbox, type SandboxOptions } from '../../lib/helpers/index.js';
import { NetnsCreation, type NetnsCreationOptions } from '../../lib/namespaces/creation.js';
import { Netns } from '../../lib/namespaces/netns.js';
import { Rtnetlink } from '../../lib/rtnetlink/client.js';
import { FakeKernel } from '../../lib/testing.js';
import { everythingIn, withoutLinkLocals } from '../support/everything.js';
import { jsonIn, noIproute2 } from '../support/iproute2.js';
import { leavesNothing, openDescriptors, threadsAreHome, until } from '../support/leftovers.js';
import { inSandbox, noNames, noNetns, rootless, unavailable, type Sandbox } from '../support/netns.js';
import { build, noBuild, tell } from '../support/program.js';
import { errorOf } from '../support/rejection.js';
import { describeUnless, testUnless } from '../support/skip.js';
import { noRights } from '../support/spawned.js';
import { tcp } from '../support/traffic.js';

leavesNothing();
jest.setTimeout(120_000);

const noVeth = await unavailable('veth pairs', ({ link }) =>
  link.add({ name: 'it', kind: 'veth', data: { peer: { name: 'other' } } }),
);
const noBridge = noVeth ?? (await unavailable('bridges', ({ link }) => link.add({ name: 'it', kind: 'bridge' })));

/** Runs `body` with a creation and its clients, and closes what it has made. */
async function withCreation(
  options: NetnsCreationOptions,
  body: (creation: NetnsCreation, inside: Rtnetlink) => Promise<void>,
): Promise<void> {
  const creation = new NetnsCreation({ ...options, rootless });
  const inside = await Rtnetlink.over(creation.inside);
  try {
    await body(creation, inside);
  } finally {
    inside.close();
    (await creation.netns.catch(() => undefined))?.close();
  }
}

async function linksIn(netns: Netns): Promise<{ name: string; up: boolean }[]> {
  await using client = await Rtnetlink.open({ netns });
  return (await client.link.list()).map(({ name, up }) => ({ name, up }));
}

describeUnless(noNetns, 'NetnsCreation', () => {
  test('carries the first requests inside out, in order, and answers each', () =>
    withCreation({}, async (creation, inside) => {
      const [netns, lo, missing, refused] = await Promise.all([
        creation.netns,
        inside.link.set('lo', { up: true, mtu: 60_001 }).then(() => inside.link.get('lo')),
        errorOf(() => inside.link.get('nothing')),
        errorOf(() => inside.route.add({ to: '10.1.0.0/16', via: '10.9.9.9' })),
        inside.address.add({ link: 1, address: '10.4.0.1/32' }),
      ]);
      expect(lo).toMatchObject({ index: 1, up: true, mtu: 60_001 });
      expect(missing).toMatchObject({ code: 'ENODEV', path: 'link.name' });
      expect(refused).toMatchObject({ code: 'ENETUNREACH', path: 'route.via' });
      using own = Netns.current();
      expect(netns.equals(own)).toBe(false);
      await using client = await Rtnetlink.open({ netns });
      expect((await client.address.list({ family: 'inet' })).map(({ address }) => address).sort()).toEqual([
        '10.4.0.1/32',
        '127.0.0.1/8',
      ]);
    }));

  test('no thread stays inside', () =>
    withCreation({}, async (_, inside) => {
      await inside.link.set('lo', { up: true });
      expect(await threadsAreHome()).toBe(true);
    }));

  test('makes nothing before there is a request, nor when the client is closed without one', async () => {
    const creation = new NetnsCreation({ rootless });
    const inside = await Rtnetlink.over(creation.inside);
    const before = openDescriptors();
    inside.close();
    expect(await errorOf(() => creation.netns)).toMatchObject({ code: 'ERR_NETLACE_CLOSED' });
    expect(openDescriptors()).toEqual(before);
    expect(await errorOf(() => inside.link.get('lo'))).toMatchObject({ code: 'ERR_NETLACE_CLOSED' });
  });

  test('what is too much for one send follows, and so does what is asked for later', () =>
    withCreation({}, async (creation, inside) => {
      const addresses = Array.from({ length: 700 }, (_, i) => `10.${6 + (i >> 8)}.${i & 255}.3/32`);
      await Promise.all(addresses.map((address) => inside.address.add({ link: 1, address })));
      await inside.link.set('lo', { up: true });
      expect(await inside.link.get('lo')).toMatchObject({ up: true });
      await using client = await Rtnetlink.open({ netns: await creation.netns });
      const found = (await client.address.list({ family: 'inet' })).map(({ address }) => address);
      expect(found).toEqual(expect.arrayContaining(addresses));
      expect(found).toHaveLength(701);
    }));

  test('what takes a look-up first', () =>
    withCreation({}, async (creation, inside) => {
      await inside.address.add({ link: 'lo', address: '10.4.0.7/32' });
      await using client = await Rtnetlink.open({ netns: await creation.netns });
      expect((await client.address.list({ family: 'inet' })).map(({ address }) => address)).toEqual(['10.4.0.7/32']);
    }));

  test('many at once, each its own', async () => {
    const made = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        const creation = new NetnsCreation({ rootless, loopback: i % 3 === 0 });
        const inside = await Rtnetlink.over(creation.inside);
        await inside.link.set('lo', { mtu: 1000 + i });
        const { mtu, up } = await inside.link.get('lo');
        inside.close();
        return { netns: await creation.netns, mtu, up };
      }),
    );
    expect(made.map(({ mtu }) => mtu)).toEqual(made.map((_, i) => 1000 + i));
    expect(made.map(({ up }) => up)).toEqual(made.map((_, i) => i % 3 === 0));
    expect(new Set(made.map(({ netns }) => netns.ino)).size).toBe(40);
    for (const { netns } of made) netns.close();
  });

  test('a client that is closed meanwhile: its requests are rejected, the namespace is there', async () => {
    const creation = new NetnsCreation({ rootless });
    const inside = await Rtnetlink.over(creation.inside);
    const request = errorOf(() => inside.link.get('lo'));
    await new Promise(setImmediate);
    inside.close();
    expect(await request).toMatchObject({ code: 'ERR_NETLACE_CLOSED' });
    const netns = await creation.netns;
    expect(await linksIn(netns)).toEqual([{ name: 'lo', up: false }]);
    netns.close();
  });

  test('a namespace that is closed before later requests: they are rejected', () =>
    withCreation({}, async (creation, inside) => {
      await inside.link.get('lo');
      (await creation.netns).close();
      expect(await errorOf(() => inside.link.get('lo'))).toMatchObject({ code: 'ERR_NETLACE_CLOSED' });
    }));

  test('lists, watches and synchronous requests are for other clients', () =>
    withCreation({}, async (_, inside) => {
      for (const run of [
        () => inside.link.list(),
        () => inside.watch(['link']).next(),
        () => inside.sync.link.get('lo'),
        () => inside.sync.link.list(),
      ])
        expect(await errorOf(run)).toMatchObject({ code: 'ERR_NETLACE_UNSUPPORTED' });
    }));

  test('options are checked at once', () => {
    const creating = (options: object) => () => new NetnsCreation(options);
    expect(creating({ loopbak: true })).toThrow(expect.objectContaining({ argument: 'options.loopbak' }));
    expect(creating({ loopback: 1 })).toThrow(expect.objectContaining({ argument: 'options.loopback' }));
    expect(creating({ name: 'a/b' })).toThrow(expect.objectContaining({ argument: 'options.name' }));
    expect(creating({ outside: {} })).toThrow(expect.objectContaining({ argument: 'options.outside' }));
    expect(creating({ outside: null })).toThrow(expect.objectContaining({ argument: 'options.outside' }));
  });

  testUnless(noNames, 'a name that is taken: nothing is made, and the requests are rejected', async () => {
    const name = `netlace-creation-${process.pid}`;
    await using taken = await Netns.create({ name });
    try {
      const creation = new NetnsCreation({ name });
      const inside = await Rtnetlink.over(creation.inside);
      const request = errorOf(() => inside.link.get('lo'));
      const error = await errorOf(() => Promise.all([creation.netns, inside.link.get('lo')]));
      expect(error).toMatchObject({ code: 'EEXIST', message: expect.stringContaining(`/run/netns/${name}`) });
      expect(await request).toMatchObject({ code: 'ERR_NETLACE_CLOSED' });
      inside.close();
      using named = Netns.openSync(name);
      expect(named.equals(taken)).toBe(true);
    } finally {
      Netns.delete(name);
    }
  });

  describeUnless(noVeth, 'with a client outside', () => {
    async function pair(
      { netns, client }: Sandbox,
      name: string,
      run: (...clients: Rtnetlink[]) => Promise<unknown>[],
    ) {
      const creation = new NetnsCreation({ rootless, outside: client });
      const inside = await Rtnetlink.over(creation.inside);
      const outside = await Rtnetlink.over(creation.outside);
      const added = inside.link.add({
        name: 'far',
        index: 41,
        kind: 'veth',
        data: { peer: { name, netns } },
      });
      const results = await Promise.allSettled([creation.netns, added, ...run(inside, outside)]);
      inside.close();
      outside.close();
      (await creation.netns).close();
      return results.map((result) =>
        result.status === 'fulfilled' ? 'done' : (result.reason as { code: string }).code,
      );
    }

    test('its first requests follow those inside', () =>
      inSandbox(async (here) => {
        let mtu: Promise<unknown> | undefined;
        const results = await pair(here, 'near', (_, outside) => [
          outside.link.set('near', { mtu: 1234 }),
          (mtu = outside.link.get('near').then((link) => link.mtu)),
        ]);
        expect(results).toEqual(['done', 'done', 'done', 'done']);
        expect(await mtu).toBe(1234);
      }));

    test('but not when one of those was refused', () =>
      inSandbox(async (here) => {
        await here.client.link.add({ name: 'near', kind: 'veth', data: { peer: { name: 'other' } } });
        const { mtu } = await here.client.link.get('near');
        const results = await pair(here, 'near', (_, outside) => [outside.link.set('near', { mtu: 1234 })]);
        expect(results).toEqual(['done', 'EEXIST', 'ERR_NETLACE_CLOSED']);
        expect(await here.client.link.get('near')).toMatchObject({ mtu });
      }));

    test('nor is a later one, in the same send, passed over', () =>
      inSandbox(async (here) => {
        const results = await pair(here, 'near', (inside, outside) => [
          inside.link.get('nothing'),
          inside.link.set('far', { mtu: 1300 }),
          outside.link.set('near', { mtu: 1234 }),
        ]);
        expect(results).toEqual(['done', 'done', 'ENODEV', 'done', 'ERR_NETLACE_CLOSED']);
      }));

    test('its socket is lent by the client, and comes back', () =>
      inSandbox(async (here) => {
        await here.client.link.list();
        const before = openDescriptors().length;
        for (let round = 0; round < 5; round++) {
          const results = await pair(here, `near${round}`, (_, outside) => [
            outside.link.set(`near${round}`, { mtu: 1234 }),
          ]);
          expect(results).toEqual(['done', 'done', 'done']);
        }
        expect(await until(() => openDescriptors().length <= before)).toBe(true);
        expect((await here.client.link.list()).map(({ name }) => name)).toContain('lo');
      }));

    test('there has to be one before the requests inside, and of the kernel', () =>
      inSandbox(async ({ client }) => {
        await withCreation({ outside: client }, async (creation, inside) => {
          await inside.link.get('lo');
          expect(await errorOf(() => Rtnetlink.over(creation.outside))).toMatchObject({
            code: 'ERR_NETLACE_UNSUPPORTED',
          });
        });
        await withCreation({}, async (creation) => {
          expect(await errorOf(() => Rtnetlink.over(creation.outside))).toMatchObject({ argument: 'options.outside' });
        });
        await using fake = await Rtnetlink.over(new FakeKernel());
        await withCreation({ outside: fake }, async (creation, inside) => {
          const outside = await Rtnetlink.over(creation.outside);
          const requests = [inside.link.get('lo'), outside.link.get('lo')].map((request) => errorOf(() => request));
          expect(await errorOf(() => creation.netns)).toMatchObject({ argument: 'options.outside' });
          for (const error of await Promise.all(requests)) expect(error).toMatchObject({ code: 'ERR_NETLACE_CLOSED' });
          outside.close();
        });
      }));
  });
});

describeUnless(noVeth ?? noIproute2, 'createSandbox', () => {
  const sandbox = (near: SandboxOptions['near'], far: Partial<SandboxOptions['far']> = {}): SandboxOptions => ({
    rootless,
    near,
    far: { name: 'eth0', ...far },
  });

  testUnless(noBridge, 'a namespace at a bridge, as iproute2 sees both ends', () =>
    inSandbox(async (host) => {
      await host.client.link.add({ name: 'br0', kind: 'bridge', up: true, address: '02:00:00:00:00:99' });
      await host.client.address.add({ link: 'br0', address: '10.3.0.1/24' });
      const { netns, link } = await createSandbox({
        ...sandbox(
          { name: 'v7', netns: host.netns, master: 'br0', up: true, mtu: 1410, group: 12 },
          {
            address: '02:00:00:00:00:07',
            mtu: 1420,
            addresses: ['10.3.0.7/24', { address: 'fd00:3::7/64', flags: ['nodad'] }],
            routes: [
              { to: 'default', via: '10.3.0.1' },
              { to: '10.77.0.0/16', via: '10.3.0.9', metric: 5 },
              { to: '10.88.0.0/16', type: 'blackhole' },
            ],
            up: true,
          },
        ),
      });
      const inside = { netns, client: await Rtnetlink.open({ netns }) };
      inside.client.close();
      const [near] = jsonIn(host, 'ip -d -j link show dev v7');
      expect(near).toMatchObject({
        ifname: 'v7',
        master: 'br0',
        mtu: 1410,
        group: '12',
        linkinfo: { info_kind: 'veth' },
      });
      expect(near!['flags']).toEqual(expect.arrayContaining(['UP', 'LOWER_UP']));
      const [far] = jsonIn(inside, 'ip -d -j address show dev eth0');
      expect(far).toMatchObject({
        ifindex: link.index,
        mtu: 1420,
        address: '02:00:00:00:00:07',
        link_index: near!['ifindex'],
      });
      expect(
        (far!['addr_info'] as { local: string; prefixlen: number }[]).map((a) => `${a.local}/${a.prefixlen}`),
      ).toEqual(expect.arrayContaining(['10.3.0.7/24', 'fd00:3::7/64']));
      expect(jsonIn(inside, 'ip -j route show')).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ dst: 'default', gateway: '10.3.0.1', dev: 'eth0' }),
          expect.objectContaining({ dst: '10.77.0.0/16', gateway: '10.3.0.9', metric: 5 }),
          expect.objectContaining({ type: 'blackhole', dst: '10.88.0.0/16' }),
        ]),
      );
      expect(link).toMatchObject({ name: 'eth0', kind: 'veth', link: near!['ifindex'], mtu: 1420, up: true });
      expect(await linksIn(netns)).toContainEqual({ name: 'lo', up: true });
      expect(await tcp(netns, host.netns, '10.3.0.1')).toBe('10.3.0.7');
      netns.close();
    }),
  );

  test('point to point, with addresses and routes at the near end, and an index', () =>
    inSandbox(async ({ netns: host, client }) => {
      const { netns, link } = await createSandbox({
        ...sandbox(
          {
            name: 'v8',
            netns: host,
            up: true,
            addresses: ['10.5.0.1/24'],
            routes: [{ to: '10.6.0.0/16', via: '10.5.0.2' }],
          },
          { index: 77, up: true, addresses: ['10.5.0.2/24'] },
        ),
        loopback: false,
      });
      expect(link).toMatchObject({ index: 77, link: (await client.link.get('v8')).index });
      expect(await client.route.list({ family: 'inet', table: 'main' })).toContainEqual(
        expect.objectContaining({ to: '10.6.0.0/16', via: '10.5.0.2' }),
      );
      expect(await linksIn(netns)).toContainEqual({ name: 'lo', up: false });
      expect(await tcp(host, netns, '10.5.0.2')).toBe('10.5.0.1');
      netns.close();
    }));

  test('neither end up, and nothing at either', () =>
    inSandbox(async ({ netns: host, client }) => {
      const { netns, link } = await createSandbox(sandbox({ name: 'v9', netns: host }));
      expect(link).toMatchObject({ up: false, link: (await client.link.get('v9')).index });
      expect(await client.link.get('v9')).toMatchObject({ up: false });
      expect(await client.link.get('v9')).not.toHaveProperty('master');
      netns.close();
    }));

  testUnless(noBridge, 'many at once, with an open client', () =>
    inSandbox(async ({ netns: host, client }) => {
      await client.link.add({ name: 'br0', kind: 'bridge', up: true });
      const master = (await client.link.get('br0')).index;
      const made = await Promise.all(
        Array.from({ length: 30 }, (_, i) =>
          createSandbox(
            sandbox({ name: `v${i}`, netns: host, master, up: true }, { addresses: [`10.3.1.${i + 1}/16`], up: true }),
            { client },
          ),
        ),
      );
      const ports = (await client.link.list({ master: 'br0' })).map(({ name, index }) => ({ name, index }));
      expect(ports).toHaveLength(30);
      for (const [i, { netns, link }] of made.entries()) {
        expect(ports).toContainEqual({ name: `v${i}`, index: link.link });
        await using inside = await Rtnetlink.open({ netns });
        expect((await inside.address.list({ link: 'eth0', family: 'inet' })).map(({ address }) => address)).toEqual([
          `10.3.1.${i + 1}/16`,
        ]);
        netns.close();
      }
    }),
  );

  testUnless(noNames, 'with a name', () =>
    inSandbox(async ({ netns: host }) => {
      const name = `netlace-sandbox-${process.pid}`;
      const { netns } = await createSandbox({ ...sandbox({ name: 'v1', netns: host }), name });
      try {
        using named = Netns.openSync(name);
        expect(named.equals(netns)).toBe(true);
        const before = await linksIn(host);
        const again = createSandbox({ ...sandbox({ name: 'v2', netns: host }), name });
        expect(await errorOf(() => again)).toMatchObject({
          code: 'EEXIST',
          message: expect.stringContaining(`/run/netns/${name}`),
        });
        expect(await linksIn(host)).toEqual(before);
      } finally {
        Netns.delete(name);
        netns.close();
      }
    }),
  );

  describeUnless(noBridge, 'when a step fails, nothing is left', () => {
    const failures: [what: string, options: (host: Netns) => SandboxOptions, error: object][] = [
      [
        'a near name that is taken',
        (netns) => sandbox({ name: 'taken', netns }),
        { code: 'EEXIST', path: 'sandbox.near.name' },
      ],
      [
        'a far name that is taken',
        (netns) => sandbox({ name: 'v1', netns }, { name: 'lo' }),
        { code: 'EEXIST', path: 'sandbox.far.name' },
      ],
      [
        'a far index that is taken',
        (netns) => sandbox({ name: 'v1', netns }, { index: 1 }),
        { code: 'EEXIST', path: 'sandbox.far.index' },
      ],
      [
        'a near index that is taken',
        (netns) => sandbox({ name: 'v1', netns, index: 1 }),
        { code: expect.stringMatching(/^(EBUSY|EEXIST)$/), path: undefined },
      ],
      [
        'no such master',
        (netns) => sandbox({ name: 'v1', netns, master: 'nothing' }),
        { code: 'ENODEV', path: 'sandbox.near.master' },
      ],
      [
        'a master that is none',
        (netns) => sandbox({ name: 'v1', netns, master: 'taken' }),
        { code: 'EOPNOTSUPP', path: 'sandbox.near.master' },
      ],
      [
        'a name that is too long',
        (netns) => sandbox({ name: 'a-name-too-long-', netns }),
        { code: 'ERR_NETLACE_CODEC', path: 'sandbox.near.name' },
      ],
      [
        'an address twice',
        (netns) => sandbox({ name: 'v1', netns, up: true }, { addresses: ['10.1.0.2/24', '10.1.0.2/24'] }),
        { code: 'EEXIST', path: 'sandbox.far.addresses[1]' },
      ],
      [
        'an address without sense',
        (netns) => sandbox({ name: 'v1', netns, up: true }, { addresses: ['10.1.0.2/33'] }),
        { code: 'ERR_NETLACE_CODEC', path: 'sandbox.far.addresses[0]' },
      ],
      [
        'a route that leads nowhere',
        (netns) => sandbox({ name: 'v1', netns, up: true }, { up: true, routes: [{ to: 'default', via: '10.9.0.1' }] }),
        { code: 'ENETUNREACH', path: 'sandbox.far.routes[0].via' },
      ],
      [
        'a route at the near end that leads nowhere',
        (netns) => sandbox({ name: 'v1', netns, up: true, routes: [{ to: '10.7.0.0/16', via: '10.9.0.1' }] }),
        { code: 'ENETUNREACH', path: 'sandbox.near.routes[0].via' },
      ],
    ];
    test.each(failures)('%s', async (_, options, error) =>
      inSandbox(async (host) => {
        await withoutLinkLocals(host);
        await host.client.link.add({ name: 'br0', kind: 'bridge' });
        await host.client.link.add({ name: 'taken', kind: 'veth', master: 'br0', data: { peer: { name: 'other' } } });
        const before = everythingIn(host);
        const descriptors = openDescriptors().length;
        expect(await errorOf(() => createSandbox(options(host.netns)))).toMatchObject(error);
        expect(everythingIn(host)).toEqual(before);
        expect(await until(() => openDescriptors().length <= descriptors)).toBe(true);
      }),
    );
  });

  test('given up before and meanwhile', () =>
    inSandbox(async (host) => {
      const reason = new Error('enough');
      const options = sandbox({ name: 'v1', netns: host.netns, up: true }, { addresses: ['10.1.0.2/24'], up: true });
      expect(await errorOf(() => createSandbox(options, { signal: AbortSignal.abort(reason) }))).toBe(reason);
      const controller = new AbortController();
      const abort = () => controller.abort(reason);
      subscribe('netlace:request', abort);
      try {
        expect(await errorOf(() => createSandbox(options, { signal: controller.signal }))).toBe(reason);
      } finally {
        unsubscribe('netlace:request', abort);
      }
      expect(await linksIn(host.netns)).toEqual([expect.objectContaining({ name: 'lo' })]);
      const { netns } = await createSandbox(options, { timeout: 60_000 });
      netns.close();
    }));

  test('options are checked', async () => {
    using own = Netns.current();
    const near = { name: 'v1' };
    const far = { name: 'eth0' };
    const cases: [object, string][] = [
      [{ near, far, nera: 1 }, 'sandbox.nera'],
      [{ near, far, loopback: 1 }, 'sandbox.loopback'],
      [{ near, far, rootless: 'no' }, 'sandbox.rootless'],
      [{ far }, 'sandbox.near'],
      [{ near }, 'sandbox.far'],
      [{ near: { name: 'v%d' }, far }, 'sandbox.near.name'],
      [{ near, far: { name: 'eth%d' } }, 'sandbox.far.name'],
      [{ near: { ...near, netns: {} }, far }, 'sandbox.near.netns'],
      [{ near: { ...near, addresses: '10.0.0.1/8' }, far }, 'sandbox.near.addresses'],
      [{ near, far: { ...far, routes: {} } }, 'sandbox.far.routes'],
      [{ near, far: { ...far, netns: own } }, 'sandbox.far.netns'],
      [{ near, far: { ...far, master: 3 } }, 'sandbox.far.master'],
      [{ near, far, name: '..' }, 'sandbox.name'],
      [{ near, far, name: 'box', rootless: true }, 'sandbox.name'],
    ];
    for (const [options, argument] of cases)
      expect(await errorOf(() => createSandbox(options as SandboxOptions))).toMatchObject({ argument });
  });
});

describeUnless(noVeth ?? noBuild, 'the namespace that an end is in unless said', () => {
  // As root in a user namespace elsewhere: there a thread cannot enter what the process has not made.
  testUnless(noRights, 'is that of the process, in a NetnsWorker the one it lives in', () => {
    const told = tell(
      `const { Netns, NetnsWorker, Rtnetlink, createSandbox, createVethPair } = netlace;
       const { once } = require('node:events');
       const namesIn = async (netns) => {
         const client = await Rtnetlink.open(netns === undefined ? {} : { netns });
         const links = await client.link.list({ kind: 'veth' });
         client.close();
         return links.map(({ name }) => name).sort();
       };
       const other = await Netns.create();
       const { netns } = await createSandbox({ near: { name: 'v1' }, far: { name: 'eth0' } });
       await createVethPair({ name: 'v2', netns: other }, { name: 'v3' });
       const source = \`
         import { createRequire } from 'node:module';
         import { parentPort } from 'node:worker_threads';
         const { createSandbox, createVethPair } = createRequire('/')(${JSON.stringify(build)});
         const { netns } = await createSandbox({ near: { name: 'w1' }, far: { name: 'eth1' } });
         await createVethPair({ name: 'w2', netns }, { name: 'w3' });
         parentPort.once('message', () => netns.close());
         parentPort.postMessage('made');\`;
       const worker = new NetnsWorker(new URL('data:text/javascript,' + encodeURIComponent(source)), { netns: other });
       await once(worker, 'message');
       told.process = await namesIn(undefined);
       told.other = await namesIn(other);
       worker.postMessage('seen');
       await once(worker, 'exit');
       told.sandbox = await namesIn(netns);
       netns.close();
       other.close();`,
      { under: 'unshare --net' },
    );
    expect(told).toEqual({ process: ['v1', 'v3'], other: ['v2', 'w1', 'w3'], sandbox: ['eth0'] });
  });
});

describeUnless(noVeth ?? noBuild, 'a worker thread', () => {
  test('that is ended while namespaces are being made leaves nothing', async () => {
    const source = `
      const { Netns, Rtnetlink, createSandbox } = require(${JSON.stringify(build)});
      const { parentPort } = require('node:worker_threads');
      (async () => {
        const host = await Netns.create({ rootless: ${rootless} });
        const client = await Rtnetlink.open({ netns: host });
        let made = 0;
        const one = async () => {
          for (let i = made++; ; i = made++) {
            const { netns } = await createSandbox({
              rootless: ${rootless},
              near: { name: 'v' + i, netns: host, up: true },
              far: { name: 'eth0', addresses: ['10.1.0.2/24'], up: true },
            }, { client });
            netns.close();
            if (i === 12) parentPort.postMessage('busy');
          }
        };
        await Promise.all([one(), one(), one(), one(), one(), one()]);
      })();`;
    const before = openDescriptors().length;
    for (let round = 0; round < 4; round++) {
      const worker = new Worker(source, { eval: true, execArgv: [] });
      expect(await once(worker, 'message')).toEqual(['busy']);
      await worker.terminate();
    }
    expect(await until(() => openDescriptors().length <= before)).toBe(true);
    expect(await threadsAreHome()).toBe(true);
  });
});
