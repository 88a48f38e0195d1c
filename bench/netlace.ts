/**
 * netlace's part of the comparison: `node netlace.js WORK N REPS`, as every peer. With `sync` behind that, one request
 * after the other by the synchronous client.
 */
import { readSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Netns, Rtnetlink, createSandbox, type Mode, type Nouns } from 'netlace';
import { runContainers, runPrograms } from './programs.js';

const loopback = 1;
/** Descriptors of the producer of events, and how many it makes at once: see `peers/c/populate.c`. */
const go = 3;
const done = 4;
const eventsAtOnce = 2_000;

function printRun(work: string, n: number, ms: number): void {
  console.log(JSON.stringify({ work, n, ms }));
}

async function listed(
  work: string,
  reps: number,
  list: () => PromiseLike<readonly unknown[]> | readonly unknown[],
): Promise<void> {
  for (let rep = 0; rep < reps; rep++) {
    const start = performance.now();
    const { length } = await list();
    printRun(work, length, performance.now() - start);
  }
}

/** Makes the object of this number, in this repetition. */
type Make = (rep: number, index: number) => unknown;

async function created(
  work: string,
  n: number,
  reps: number,
  makeAll: (rep: number, count: number) => unknown,
): Promise<void> {
  for (let rep = 0; rep < reps; rep++) {
    const start = performance.now();
    await makeAll(rep, n);
    printRun(work, n, performance.now() - start);
  }
}

/** All at once: they travel together. */
function together(make: Make): (rep: number, count: number) => Promise<unknown> {
  return (rep, count) => Promise.all(Array.from({ length: count }, (_, i) => make(rep, i)));
}

/** A few at a time, as a container runtime does it. */
function fewAtATime(make: Make): (rep: number, count: number) => Promise<unknown> {
  return async (rep, count) => {
    let next = 0;
    const one = async (): Promise<void> => {
      while (next < count) await make(rep, next++);
    };
    await Promise.all([one(), one(), one(), one()]);
  };
}

function oneByOne(make: Make): (rep: number, count: number) => void {
  return (rep, count) => {
    for (let i = 0; i < count; i++) make(rep, i);
  };
}

function addRoute({ route }: Nouns<Mode>): Make {
  return (rep, i) => {
    return route.add({ to: `${11 + rep}.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`, link: loopback, scope: 'link' });
  };
}

function addVeth({ link }: Nouns<Mode>): Make {
  return (rep, i) => {
    const pair = rep * n + i;
    return link.add({ name: `va${pair}`, kind: 'veth', data: { peer: { name: `vb${pair}` } } });
  };
}

/** Of a container: the name of its link at the host, and its address. */
function container(i: number): { name: string; address: string } {
  const number = i + 2;
  return { name: `v${number}`, address: `10.95.${number >> 8}.${number & 255}/16` };
}

const gateway = { to: 'default', via: '10.95.0.1' };

async function attach(client: Rtnetlink, master: number, i: number): Promise<Netns> {
  const { name, address } = container(i);
  const { netns } = await createSandbox(
    {
      near: { name, master, up: true },
      far: { name: 'eth0', up: true, addresses: [address], routes: [gateway] },
    },
    { client },
  );
  return netns;
}

function attachSync({ sync }: Rtnetlink, master: number, i: number): Netns {
  const { name, address } = container(i);
  const netns = Netns.createSync({ loopback: true });
  const client = Rtnetlink.openSync({ netns });
  const inside = client.sync;
  sync.link.add({ name, kind: 'veth', master, up: true, data: { peer: { name: 'eth0', netns } } });
  const { index } = inside.link.get('eth0');
  inside.address.add({ link: index, address });
  inside.link.set(index, { up: true });
  inside.route.add(gateway);
  client.close();
  return netns;
}

/** Attaches containers, and takes them down again off the clock: with each that is there the kernel gets slower. */
async function attached(rt: Rtnetlink, n: number, reps: number, makeAll: (kept: Netns[]) => unknown): Promise<void> {
  const before = rt.sync.link.list().length;
  for (let rep = 0; rep < reps; rep++) {
    const kept: Netns[] = [];
    const start = performance.now();
    await makeAll(kept);
    printRun('attach', n, performance.now() - start);
    for (const netns of kept) netns.close();
    while (rt.sync.link.list().length > before) await sleep(10);
  }
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

const [work = '', countText, repsText, sync] = process.argv.slice(2);
const n = Number(countText);
const reps = Number(repsText);
const rt = await Rtnetlink.open();
const nouns: Nouns<Mode> = sync === 'sync' ? rt.sync : rt;
const all = sync === 'sync' ? oneByOne : together;
switch (work) {
  case 'links':
    await listed(work, reps, () => nouns.link.list());
    break;
  case 'routes':
    await listed(work, reps, () => nouns.route.list({ family: 'inet' }));
    break;
  case 'add-routes':
    await created(work, n, reps, all(addRoute(nouns)));
    break;
  case 'veths':
    await created(work, n, reps, all(addVeth(nouns)));
    break;
  case 'attach': {
    const { index } = await rt.link.get('br0');
    await attached(rt, n, reps, (kept) =>
      sync === 'sync'
        ? oneByOne((_, i) => kept.push(attachSync(rt, index, i)))(0, n)
        : fewAtATime(async (_, i) => kept.push(await attach(rt, index, i)))(0, n),
    );
    break;
  }
  case 'spawn':
    await created(work, n, reps, (_, count) => runPrograms(count));
    break;
  case 'container':
    await created(work, n, reps, (_, count) => runContainers(count));
    break;
  case 'events':
    await events(rt, n, reps);
    break;
  default:
    throw new Error(`${work}: no such work`);
}
rt.close();
