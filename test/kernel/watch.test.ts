/** Watches: what there is, then what changes, with nothing missing in between. */
import { expect, jest, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { ArgumentError, ClosedError } from '../../lib/errors.js';
import { addon } from '../../lib/native/load.js';
import { Rtnetlink } from '../../lib/rtnetlink/client.js';
import type { Watch, Watched, WatchEvent, WatchedObject } from '../../lib/rtnetlink/watch.js';
import { leavesNothing, openDescriptors, until } from '../support/leftovers.js';
import { inSandbox, noNetns, rootless, unavailable, type Sandbox } from '../support/netns.js';
import { build } from '../support/program.js';
import { errorOf } from '../support/rejection.js';
import { describeUnless, testUnless } from '../support/skip.js';

leavesNothing();
jest.setTimeout(60_000);

const noBridge = await unavailable('bridges', ({ link }) => link.add({ name: 'br', kind: 'bridge' }));

/** The next event; a watch that has ended is an error here. */
async function next<O extends WatchedObject>(watch: Watch<O>): Promise<WatchEvent<O>> {
  const { done, value } = await watch.next();
  if (done === true) throw new Error('the watch has ended');
  return value;
}

/** Events up to and with the first that `isLast` holds for. */
async function eventsUntil<O extends WatchedObject>(
  watch: Watch<O>,
  isLast: (event: WatchEvent<O>) => boolean,
): Promise<WatchEvent<O>[]> {
  const events: WatchEvent<O>[] = [];
  for (;;) {
    const event = await next(watch);
    events.push(event);
    if (isLast(event)) return events;
  }
}

function synced<O extends WatchedObject>(watch: Watch<O>): Promise<WatchEvent<O>[]> {
  return eventsUntil(watch, ({ type }) => type === 'synced');
}

/** What makes an object the same one as before. */
function keyOf(object: WatchedObject, value: Watched[WatchedObject]): string {
  const it = value as unknown as Record<string, unknown>;
  const key = {
    link: ['index'],
    address: ['link', 'address'],
    route: ['family', 'table', 'to', 'metric', 'tos', 'type', 'link'],
    neighbour: ['link', 'to'],
    fdb: ['link', 'mac', 'vlan', 'dst'],
  }[object];
  return `${object} ${key.map((name) => String(it[name])).join(' ')}`;
}

/** What a consumer knows after these events. */
function apply(known: Map<string, Watched[WatchedObject]>, events: readonly WatchEvent[]): void {
  for (const event of events) {
    if (event.type === 'overrun') known.clear();
    else if (event.type === 'deleted') known.delete(keyOf(event.object, event.value));
    else if (event.type !== 'synced') known.set(keyOf(event.object, event.value), event.value);
  }
}

/** Names and MTUs, which are what the tests change. */
function summary(links: Iterable<unknown>): string[] {
  return [...(links as Iterable<Watched['link']>)]
    .map(({ index, name, mtu, up }) => `${index} ${name} ${mtu} ${up}`)
    .sort();
}

const isNamed =
  (type: string, name: string) =>
  (event: WatchEvent): boolean =>
    event.type === type && 'object' in event && event.object === 'link' && event.value.name === name;

async function addPair({ link }: Rtnetlink, name = 'left', index = 21): Promise<void> {
  await link.add({ name, index, kind: 'veth', data: { peer: { name: `${name}-far`, index: index + 1 } } });
}

describeUnless(noNetns, 'a watch', () => {
  test('tells what there is, that this was all, then what changes', () =>
    inSandbox(async ({ client }) => {
      await addPair(client);
      await using watch = client.watch(['link']);
      const existing = await synced(watch);
      expect(
        existing
          .map((event) => ('value' in event ? `${event.type} ${event.object} ${event.value.name}` : event.type))
          .sort(),
      ).toEqual(['existing link left', 'existing link left-far', 'existing link lo', 'synced']);
      const waiting = next(watch);
      await client.link.set('left', { mtu: 1412 });
      expect(await waiting).toMatchObject({
        type: 'new',
        object: 'link',
        value: { index: 21, name: 'left', mtu: 1412 },
      });
      await client.link.set('left', { name: 'other' });
      const [renamed] = (await eventsUntil(watch, isNamed('new', 'other'))).slice(-1);
      expect(renamed).toMatchObject({ type: 'new', value: { index: 21 } });
      await addPair(client, 'made', 60);
      await eventsUntil(watch, isNamed('new', 'made'));
      await client.link.delete('other');
      const gone = await eventsUntil(watch, isNamed('deleted', 'other'));
      expect(gone.at(-1)).toMatchObject({ type: 'deleted', object: 'link', value: { index: 21, name: 'other' } });
    }));

  test('of several objects tells them all, in order of the changes', () =>
    inSandbox(async ({ client }) => {
      await addPair(client);
      for (const name of ['left', 'left-far'])
        await client.link.set(name, { up: true, afSpec: { inet6: { addrGenMode: 'none' } } });
      await using watch = client.watch(['link', 'address', 'route', 'neighbour']);
      await synced(watch);
      await client.address.add({ link: 'left', address: '10.7.0.1/24' });
      await client.route.add({ to: '10.8.0.0/24', via: '10.7.0.9' });
      await client.neighbour.add({ link: 'left', to: '10.7.0.9', lladdr: '02:00:00:00:00:77' });
      await client.neighbour.delete({ link: 'left', to: '10.7.0.9' });
      await client.route.delete({ to: '10.8.0.0/24' });
      await client.address.delete({ link: 'left', address: '10.7.0.1/24' });
      const events = await eventsUntil(watch, (event) => event.type === 'deleted' && event.object === 'address');
      const told = events.flatMap((event) => {
        if (!('object' in event)) return [];
        const { type, object, value } = event;
        return object === 'address'
          ? [`${type} ${value.address}`]
          : object === 'route' && value.to === '10.8.0.0/24'
            ? [`${type} ${value.to}`]
            : [];
      });
      expect(told).toEqual(['new 10.7.0.1/24', 'new 10.8.0.0/24', 'deleted 10.8.0.0/24', 'deleted 10.7.0.1/24']);
      const neighbours = events.flatMap((event) => ('object' in event && event.object === 'neighbour' ? [event] : []));
      expect(neighbours[0]).toMatchObject({
        type: 'new',
        value: { to: '10.7.0.9', lladdr: '02:00:00:00:00:77', link: 21 },
      });
    }));

  testUnless(noBridge, 'tells forwarding entries, and not what bridges say of their ports', () =>
    inSandbox(async ({ client }) => {
      await client.link.add({ name: 'br', kind: 'bridge', up: true });
      await addPair(client);
      await using watch = client.watch(['link', 'fdb']);
      await synced(watch);
      await client.link.set('left', { master: 'br' });
      await client.fdb.add({ link: 'left', mac: '02:00:00:00:00:99', flags: ['master'] });
      await client.link.set('left', { master: null });
      await client.link.delete('left');
      const events = await eventsUntil(watch, isNamed('deleted', 'left'));
      expect(events).toContainEqual(
        expect.objectContaining({
          type: 'new',
          object: 'fdb',
          value: expect.objectContaining({ mac: '02:00:00:00:00:99', link: 21 }) as never,
        }),
      );
      expect(events.filter(isNamed('deleted', 'left'))).toHaveLength(1);
    }),
  );

  test('leaves no gap while things go on changing', () =>
    inSandbox(async ({ client }) => {
      await Promise.all(Array.from({ length: 40 }, (_, number) => addPair(client, `v${number}`, 100 + 2 * number)));
      const known = new Map<string, Watched[WatchedObject]>();
      let changing = true;
      const changes = (async () => {
        for (let round = 0; changing || round < 12; round++) {
          const number = round % 40;
          await Promise.all([
            client.link.set(100 + 2 * number, { mtu: 1000 + (round % 400), up: round % 3 === 0 }),
            client.link.add({ name: `t${round}`, kind: 'veth', data: { peer: { name: `u${round}` } } }),
            round > 3 ? client.link.delete(`t${round - 4}`) : undefined,
          ]);
        }
        await client.link.add({ name: 'last', kind: 'veth' });
      })();
      await using watch = client.watch(['link']);
      apply(known, await synced(watch));
      changing = false;
      const [, events] = await Promise.all([changes, eventsUntil(watch, isNamed('new', 'last'))]);
      apply(known, events);
      // The other end of the last pair is told of afterwards.
      const expected = summary(await client.link.list());
      while (summary(known.values()).join() !== expected.join()) apply(known, [await next(watch)]);
      expect(summary(known.values())).toEqual(expected);
    }));

  test('that cannot keep up is told so, is told everything again, and is right in the end', () =>
    inSandbox(async (sandbox) => {
      const { client } = sandbox;
      await addPair(client);
      const known = new Map<string, Watched[WatchedObject]>();
      await using watch = client.watch(['link']);
      apply(known, await synced(watch));

      // Nobody asks for an event meanwhile, until the kernel has had to drop some.
      let mtu = 1000;
      while ((await drops(sandbox)) === 0) {
        await Promise.all(
          Array.from({ length: 1000 }, () => client.link.set('left', { mtu: 1000 + (mtu = (mtu + 1) % 400) })),
        );
      }
      await addPair(client, 'later', 90);
      await client.link.set('left', { mtu: 1499 });
      await client.link.delete('left-far');

      const before = await eventsUntil(watch, ({ type }) => type === 'overrun');
      expect(before.filter((event) => 'object' in event && event.type !== 'new')).toEqual([]);
      apply(known, before);
      expect(known.size).toBe(0);
      const again = await synced(watch);
      expect(again.slice(0, -1).every(({ type }) => type === 'existing')).toBe(true);
      apply(known, again);
      expect(summary(known.values())).toEqual(summary(await client.link.list()));

      // And goes on.
      await client.link.set('later', { mtu: 1477 });
      apply(known, await eventsUntil(watch, isNamed('new', 'later')));
      expect(summary(known.values())).toEqual(summary(await client.link.list()));
    }));

  test('of each of several namespaces tells of that one', () =>
    inSandbox(async (first) =>
      inSandbox(async (second) =>
        inSandbox(async (third) => {
          const all = [first, second, third];
          const watches = all.map(({ client }) => client.watch(['link']));
          await Promise.all(watches.map(synced));
          await Promise.all(
            all.map(({ client }, place) =>
              client.link.add({ name: `n${place}`, index: 50 + place, kind: 'veth', data: { peer: { name: 'far' } } }),
            ),
          );
          for (const [place, watch] of watches.entries()) {
            const events = await eventsUntil(watch, isNamed('new', `n${place}`));
            const names = events.flatMap((event) => ('object' in event ? [event.value.name] : []));
            expect(new Set(names)).toEqual(new Set(['far', `n${place}`]));
          }
          for (const watch of watches) watch.close();
        }),
      ),
    ));

  test('several watches of one client each tell everything', () =>
    inSandbox(async ({ client }) => {
      await using first = client.watch(['link']);
      await using second = client.watch(['link', 'address']);
      await Promise.all([synced(first), synced(second)]);
      await addPair(client);
      await Promise.all([eventsUntil(first, isNamed('new', 'left')), eventsUntil(second, isNamed('new', 'left'))]);
      await first.return();
      await client.link.set('left', { mtu: 1444 });
      await eventsUntil(second, (event) => 'object' in event && event.object === 'link' && event.value.mtu === 1444);
    }));

  test('ends when the loop is left', () =>
    inSandbox(async ({ client }) => {
      // The socket for dumps stays.
      await client.link.list();
      const before = openDescriptors().length;
      for await (const { type } of client.watch(['link', 'route'])) if (type === 'synced') break;
      expect(await until(() => openDescriptors().length <= before)).toBe(true);
      await client.link.get('lo');
    }));

  test('ends when it is closed, whether it waits, stands at an event or has not begun', () =>
    inSandbox(async ({ client }) => {
      const waits = client.watch(['link']);
      await synced(waits);
      const waiting = waits.next();
      waits.close();
      expect(await waiting).toEqual({ done: true, value: undefined });
      expect(await waits.next()).toEqual({ done: true, value: undefined });
      waits.close();

      const before = openDescriptors().length;
      const stands = client.watch(['link']);
      expect(await next(stands)).toMatchObject({ type: 'existing' });
      stands.close();
      expect(await until(() => openDescriptors().length <= before)).toBe(true);
      expect(await stands.next()).toEqual({ done: true, value: undefined });

      const fresh = client.watch(['link']);
      fresh.close();
      expect(await fresh.next()).toEqual({ done: true, value: undefined });
    }));

  test('ends by return while it waits', () =>
    inSandbox(async ({ client }) => {
      const watch = client.watch(['link']);
      await synced(watch);
      const waiting = watch.next();
      expect(await watch.return()).toEqual({ done: true, value: undefined });
      expect(await waiting).toEqual({ done: true, value: undefined });
    }));

  test('ends when its client is closed', () =>
    inSandbox(async ({ netns }) => {
      const client = await Rtnetlink.open({ netns });
      const waits = client.watch(['link']);
      const stands = client.watch(['link']);
      await synced(waits);
      await next(stands);
      const waiting = waits.next();
      client.close();
      expect(await waiting).toEqual({ done: true, value: undefined });
      expect(await stands.next()).toEqual({ done: true, value: undefined });
      expect(await errorOf(() => client.watch(['link']).next())).toBeInstanceOf(ClosedError);
    }));

  test('ends by a signal, with its reason', () =>
    inSandbox(async ({ client }) => {
      const controller = new AbortController();
      const reason = new Error('enough');
      const watch = client.watch(['link'], { signal: controller.signal });
      await synced(watch);
      const waiting = errorOf(() => watch.next());
      controller.abort(reason);
      expect(await waiting).toBe(reason);
      expect(await watch.next()).toEqual({ done: true, value: undefined });
      expect(await errorOf(() => client.watch(['link'], { signal: controller.signal }).next())).toBe(reason);
    }));

  test('refuses what it does not know', () =>
    inSandbox(async ({ client }) => {
      for (const run of [
        () => client.watch([]),
        () => client.watch(['lnik' as never]),
        () => client.watch('link' as never),
        () => client.watch(['link'], { persistant: true } as never),
      ]) {
        expect(await errorOf(run)).toBeInstanceOf(ArgumentError);
      }
    }));

  const script = (options: string) => `
    const { Netns, Rtnetlink } = require(${JSON.stringify(build)});
    (async () => {
      const netns = await Netns.create({ rootless: ${rootless} });
      const client = await Rtnetlink.open({ netns });
      for await (const { type } of client.watch(['link'], ${options})) if (type === 'synced') console.log('synced');
    })();`;

  test('keeps the process alive', async () => {
    const child = spawn(process.execPath, ['-e', script('{}')], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    // It would have ended by the time that another one, started now, has.
    const other = spawn(process.execPath, ['-e', '0'], { stdio: 'inherit' });
    await once(other, 'exit');
    expect(child.exitCode).toBeNull();
    const exit = once(child, 'exit');
    child.kill();
    expect(await exit).toEqual([null, 'SIGTERM']);
  });

  test('does not, unless it shall', async () => {
    const child = spawn(process.execPath, ['-e', script('{ persistent: false }')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(output).toBe('synced\n');
  });
});

/** How many events the kernel has dropped in this namespace, summed over its netlink sockets. */
async function drops({ netns }: Sandbox): Promise<number> {
  const bytes = await addon.async.readFile(netns.fd, '/proc/thread-self/net/netlink');
  if (!(bytes instanceof Uint8Array)) throw new Error(`reading /proc/thread-self/net/netlink: errno ${bytes.errno}`);
  const [head = '', ...lines] = new TextDecoder().decode(bytes).trim().split('\n');
  const column = head.trim().split(/\s+/).indexOf('Drops');
  return lines.reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[column]), 0);
}
