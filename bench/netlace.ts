/**
 * netlace's part of the comparison: `node netlace.js WORK N REPS`, as every peer. With `sync` behind that, one request
 * after the other by the synchronous client.
 */
import { readSync, writeSync } from 'node:fs';
import { Netns, Rtnetlink, createVethPair, type Mode, type Nouns } from 'netlace';

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

/** What creates objects is done to a tenth, as a warm-up, and then measured; short requests in full, to have them compiled. */
type Round = 'warmUp' | 'measured';
type Make = (round: Round, index: number) => unknown;

async function timed(
  work: string,
  n: number,
  makeAll: (round: Round, count: number) => unknown,
  warmUp = Math.floor(n / 10),
): Promise<void> {
  await makeAll('warmUp', warmUp);
  const start = performance.now();
  await makeAll('measured', n);
  printRun(work, n, performance.now() - start);
}

/** All at once: they travel together. */
function together(make: Make): (round: Round, count: number) => Promise<unknown> {
  return (round, count) => Promise.all(Array.from({ length: count }, (_, i) => make(round, i)));
}

/** A few at a time, as a container runtime does it. */
function fewAtATime(make: Make): (round: Round, count: number) => Promise<unknown> {
  return async (round, count) => {
    let next = 0;
    const one = async (): Promise<void> => {
      while (next < count) await make(round, next++);
    };
    await Promise.all([one(), one(), one(), one()]);
  };
}

function oneByOne(make: Make): (round: Round, count: number) => void {
  return (round, count) => {
    for (let i = 0; i < count; i++) make(round, i);
  };
}

function addRoute({ route }: Nouns<Mode>): Make {
  return (round, i) => {
    const net = round === 'warmUp' ? 12 : 11;
    return route.add({ to: `${net}.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`, link: loopback, scope: 'link' });
  };
}

function addVeth({ link }: Nouns<Mode>): Make {
  return (round, i) => {
    const prefix = round === 'warmUp' ? 'w' : 'v';
    return link.add({ name: `${prefix}a${i}`, kind: 'veth', data: { peer: { name: `${prefix}b${i}` } } });
  };
}

/** Of a container: the name of its link at the host, and its address. */
function container(round: Round, i: number): { name: string; address: string } {
  const number = (round === 'warmUp' ? n : 0) + i + 2;
  return { name: `v${number}`, address: `10.95.${number >> 8}.${number & 255}/16` };
}

const gateway = { to: 'default', via: '10.95.0.1' };

async function bringLoopbackUp(netns: Netns): Promise<void> {
  const inside = await Rtnetlink.open({ netns });
  await inside.link.set(loopback, { up: true });
  inside.close();
}

async function attach(client: Rtnetlink, master: number, round: Round, i: number): Promise<Netns> {
  const { name, address } = container(round, i);
  const netns = await Netns.create();
  await Promise.all([
    bringLoopbackUp(netns),
    createVethPair(
      { name, master, up: true },
      { name: 'eth0', netns, up: true, addresses: [address], routes: [gateway] },
      { client },
    ),
  ]);
  return netns;
}

function attachSync({ sync }: Rtnetlink, master: number, round: Round, i: number): Netns {
  const { name, address } = container(round, i);
  const netns = Netns.createSync();
  const client = Rtnetlink.openSync({ netns });
  const inside = client.sync;
  sync.link.add({ name, kind: 'veth', master, up: true, data: { peer: { name: 'eth0', netns } } });
  const { index } = inside.link.get('eth0');
  inside.link.set(loopback, { up: true });
  inside.address.add({ link: index, address });
  inside.link.set(index, { up: true });
  inside.route.add(gateway);
  client.close();
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

const [work = '', countText, repsText, sync] = process.argv.slice(2);
const n = Number(countText);
const reps = Number(repsText);
const rt = await Rtnetlink.open();
const nouns: Nouns<Mode> = sync === 'sync' ? rt.sync : rt;
const all = sync === 'sync' ? oneByOne : together;
// Kept until the end: namespaces are taken down after the measurement.
const kept: Netns[] = [];
switch (work) {
  case 'links':
    await listed(work, reps, () => nouns.link.list());
    break;
  case 'routes':
    await listed(work, reps, () => nouns.route.list({ family: 'inet' }));
    break;
  case 'add-routes':
    await timed(work, n, all(addRoute(nouns)), n);
    break;
  case 'veths':
    await timed(work, n, all(addVeth(nouns)));
    break;
  case 'attach': {
    const { index } = await rt.link.get('br0');
    if (sync === 'sync') {
      await timed(
        work,
        n,
        oneByOne((round, i) => kept.push(attachSync(rt, index, round, i))),
      );
    } else {
      await timed(
        work,
        n,
        fewAtATime(async (round, i) => kept.push(await attach(rt, index, round, i))),
      );
    }
    break;
  }
  case 'events':
    await events(rt, n, reps);
    break;
  default:
    throw new Error(`${work}: no such work`);
}
for (const netns of kept) netns.close();
rt.close();
