/**
 * What a process that uses netlace costs: `node --expose-gc netlace-health.js stream|load-import|load-require|heap|leaks`,
 * for `heap` with `--max-old-space-size=4096`.
 * The package is imported where it is needed: how long that takes is one of the figures.
 */
import { once } from 'node:events';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

function print(line: object): void {
  console.log(JSON.stringify(line));
}

/** A field of /proc/self/status in bytes. */
function status(field: 'VmRSS' | 'VmHWM'): number {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync('/proc/self/status', 'latin1'));
  return Number(found![1]) * 1024;
}

function collectGarbage(): void {
  globalThis.gc!();
}

async function stream(): Promise<void> {
  const { Rtnetlink } = await import('netlace');
  const rt = await Rtnetlink.open();
  await rt.link.list();
  collectGarbage();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  // Makes the peak, VmHWM, start again from here.
  writeFileSync('/proc/self/clear_refs', '5');
  const before = status('VmRSS');
  delay.enable();
  let n = 0;
  for await (const route of rt.route.list({ family: 'inet' })) if (route.table === 'main') n++;
  await sleep(5);
  delay.disable();
  rt.close();
  print({ n, growth: status('VmHWM') - before, pause: delay.max / 1e6 });
}

async function loadImport(): Promise<void> {
  const start = performance.now();
  await import('netlace');
  print({ ms: performance.now() - start });
}

function loadRequire(): void {
  const require = createRequire(import.meta.url);
  const start = performance.now();
  require('netlace');
  print({ ms: performance.now() - start });
}

/** Objects that stay, 8 MiB each. */
function fill(mebibytes: number): unknown[] {
  return Array.from({ length: mebibytes / 8 }, (_, i) => new Array<number>(2 ** 20).fill(i + 0.5));
}

/** How many times as long 200 programs take with 2 GiB on the heap as with little. */
async function heap(): Promise<void> {
  const { runPrograms } = await import('./programs.js');
  const { median } = await import('./run.js');
  const timed = async (): Promise<number> => {
    // Other threads of V8 take the memory or give it back.
    await sleep(500);
    const start = performance.now();
    await runPrograms(200);
    return performance.now() - start;
  };
  await timed();
  const ratios: number[] = [];
  for (let turn = 0; turn < 5; turn++) {
    const small = await timed();
    const live = fill(2048);
    ratios.push((await timed()) / small);
    live.length = 0;
    collectGarbage();
  }
  print({ ratio: median(ratios) });
}

async function count() {
  // Threads end, and descriptors close, a moment later.
  collectGarbage();
  await sleep(500);
  collectGarbage();
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    mounts: readFileSync('/proc/self/mountinfo', 'latin1').split('\n').length,
    resident: status('VmRSS'),
  };
}

async function leaks(cycles: number): Promise<void> {
  const { Netns, Rtnetlink } = await import('netlace');
  const cycle = async (i: number): Promise<void> => {
    // Every tenth has a name, and with it a mount.
    const netns = await Netns.create(i % 10 === 0 ? { name: 'bench-cycle' } : {});
    const rt = await Rtnetlink.open({ netns });
    await rt.link.set('lo', { up: true });
    rt.sync.link.get('lo');
    const udp = await netns.udp();
    udp.close();
    await once(udp, 'close');
    rt.close();
    if (netns.name !== undefined) Netns.delete(netns.name);
    netns.close();
  };
  // As many before that: JavaScript's heap, with the same objects in it throughout, takes that long to find its size.
  for (let i = 0; i < cycles; i++) await cycle(i);
  const before = await count();
  for (let i = 0; i < cycles; i++) await cycle(i);
  print({ before, after: await count() });
}

const [work, cycles] = process.argv.slice(2);
switch (work) {
  case 'stream':
    await stream();
    break;
  case 'load-import':
    await loadImport();
    break;
  case 'load-require':
    loadRequire();
    break;
  case 'heap':
    await heap();
    break;
  case 'leaks':
    await leaks(Number(cycles));
    break;
  default:
    throw new Error(`${work}: no such work`);
}
