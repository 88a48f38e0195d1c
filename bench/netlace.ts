/** netlace's part of the comparison: `node netlace.js WORK N REPS`, as every peer. */
import { readSync, writeSync } from 'node:fs';
import { Netns, Rtnetlink, createVethPair } from 'netlace';

const loopback = 1;
/** Descriptors of the producer of events, and how many it makes at once: see `peers/c/populate.c`. */
const go = 3;
const done = 4;
const eventsAtOnce = 2_000;

function printRun(work: string, n: number, ms: number): void {
  console.log(JSON.stringify({ work, n, ms }));
}

async function listed(work: string, reps: number, list: () => PromiseLike<readonly unknown[]>): Promise<void> {
  for (let rep = 0; rep < reps; rep++) {
    const start = performance.now();
    const { length } = await list();
    printRun(work, length, performance.now() - start);
  }
}

async function timed(
  work: string,
  n: number,
  make: (prefix: 'w' | 'v', count: number) => Promise<unknown>,
): Promise<void> {
  await make('w', Math.floor(n / 10));
  const start = performance.now();
  await make('v', n);
  printRun(work, n, performance.now() - start);
}

function addRoutes(rt: Rtnetlink, net: number, count: number): Promise<unknown> {
  const adds: Promise<void>[] = [];
  for (let i = 0; i < count; i++) {
    const to = `${net}.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`;
    adds.push(rt.route.add({ to, link: loopback, scope: 'link' }));
  }
  return Promise.all(adds);
}

function addVeths(rt: Rtnetlink, prefix: string, count: number): Promise<unknown> {
  const adds: Promise<void>[] = [];
  for (let i = 0; i < count; i++) {
    adds.push(rt.link.add({ name: `${prefix}a${i}`, kind: 'veth', data: { peer: { name: `${prefix}b${i}` } } }));
  }
  return Promise.all(adds);
}

async function attach(client: Rtnetlink, name: string, address: number): Promise<Netns> {
  const netns = await Netns.create();
  await createVethPair(
    { name, master: 'br0', up: true },
    {
      name: 'eth0',
      netns,
      up: true,
      addresses: [`10.95.${address >> 8}.${address & 255}/16`],
      routes: [{ to: 'default', via: '10.95.0.1' }],
    },
    { client },
  );
  const inside = await Rtnetlink.open({ netns });
  await inside.link.set('lo', { up: true });
  inside.close();
  return netns;
}

async function events(rt: Rtnetlink, count: number, reps: number): Promise<void> {
  const watch = rt.watch(['link']);
  for (let event = await watch.next(); event.value?.type !== 'synced';) event = await watch.next();
  const signal = new Uint8Array(1);
  for (let rep = 0; rep < reps; rep++) {
    let elapsed = 0;
    let received = 0;
    while (received < count) {
      writeSync(go, signal);
      readSync(done, signal);
      const start = performance.now();
      for (let i = 0; i < eventsAtOnce; i++) {
        const { value } = await watch.next();
        if (value?.type !== 'new') throw new Error(`an event of type ${value?.type}`);
      }
      elapsed += performance.now() - start;
      received += eventsAtOnce;
    }
    printRun('events', received, elapsed);
  }
  watch.close();
}

const [work = '', countText, repsText] = process.argv.slice(2);
const n = Number(countText);
const reps = Number(repsText);
const rt = await Rtnetlink.open();
switch (work) {
  case 'links':
    await listed(work, reps, () => rt.link.list());
    break;
  case 'routes':
    await listed(work, reps, () => rt.route.list({ family: 'inet' }));
    break;
  case 'add-routes':
    await timed(work, n, (prefix, count) => addRoutes(rt, prefix === 'w' ? 12 : 11, count));
    break;
  case 'veths':
    await timed(work, n, (prefix, count) => addVeths(rt, prefix, count));
    break;
  case 'attach': {
    // Kept until the end: they are taken down after the measurement.
    const kept: Netns[] = [];
    await timed(work, n, async (prefix, count) => {
      for (let i = 0; i < count; i++) kept.push(await attach(rt, `${prefix}${i}`, (prefix === 'w' ? n : 0) + i + 2));
    });
    for (const netns of kept) netns.close();
    break;
  }
  case 'events':
    await events(rt, n, reps);
    break;
  default:
    throw new Error(`${work}: no such work`);
}
rt.close();
