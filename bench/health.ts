/** Memory, pauses, load time, a large heap and leaks: each measured in a process of its own by `netlace-health.js`. */
import { fileURLToPath } from 'node:url';
import type { Verdict } from './report.js';
import { median, runPopulated } from './run.js';

const child = fileURLToPath(new URL('netlace-health.js', import.meta.url));
const mebibyte = 2 ** 20;

async function run<Line>(setUp: readonly string[], ...work: string[]): Promise<Line> {
  const flags = ['--expose-gc', '--max-old-space-size=4096'];
  const [line] = await runPopulated<Line>(setUp, [process.execPath, ...flags, child, ...work]);
  return line!;
}

async function repeat<Line>(rounds: number, once: () => Promise<Line>): Promise<Line[]> {
  const lines: Line[] = [];
  for (let i = 0; i < rounds; i++) lines.push(await once());
  return lines;
}

async function streaming(rounds: number): Promise<Verdict[]> {
  const lines = await repeat(rounds, () => run<{ growth: number; pause: number }>(['routes', '200000'], 'stream'));
  const growth = median(lines.map((line) => line.growth)) / mebibyte;
  const pause = median(lines.map((line) => line.pause));
  return [
    {
      what: 'resident set, streaming 200,000 routes',
      figure: `+${growth.toFixed(1)} MiB`,
      target: 'at most +16 MiB',
      met: growth <= 16,
    },
    {
      what: 'largest pause of the event loop meanwhile',
      figure: `${pause.toFixed(1)} ms`,
      target: 'under 20 ms',
      met: pause < 20,
    },
  ];
}

async function loading(rounds: number): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const how of ['import', 'require']) {
    const lines = await repeat(rounds * 2, () => run<{ ms: number }>(['empty', '0'], `load-${how}`));
    const ms = median(lines.map((line) => line.ms));
    verdicts.push({
      what: `loading the package, ${how}`,
      figure: `${ms.toFixed(1)} ms`,
      target: 'under 25 ms',
      met: ms < 25,
    });
  }
  return verdicts;
}

async function heap(rounds: number): Promise<Verdict[]> {
  const lines = await repeat(rounds, () => run<{ ratio: number }>(['empty', '0'], 'heap'));
  const ratio = median(lines.map((line) => line.ratio));
  return [
    {
      what: 'run 200 programs with 2 GiB on the heap, beside without',
      figure: `×${ratio.toFixed(2)}`,
      target: 'at most ×1.10',
      met: ratio <= 1.1,
    },
  ];
}

interface Counts {
  readonly descriptors: number;
  readonly threads: number;
  readonly mounts: number;
  readonly resident: number;
}

/** The allocator and the garbage collector never give everything back: less than this over 10,000 cycles is no growth. */
const noise = 4 * mebibyte;

async function leaks(): Promise<Verdict[]> {
  const cycles = 10_000;
  const { before, after } = await run<{ before: Counts; after: Counts }>(['empty', '0'], 'leaks', String(cycles));
  const counted = (['descriptors', 'threads', 'mounts'] as const).map((what) => ({
    what: `${what}, after 10,000 cycles`,
    figure: `+${after[what] - before[what]}`,
    target: 'no growth',
    met: after[what] <= before[what],
  }));
  const growth = after.resident - before.resident;
  return [
    ...counted,
    {
      what: 'resident set, after 10,000 cycles',
      figure: `${growth < 0 ? '' : '+'}${(growth / mebibyte).toFixed(1)} MiB`,
      target: 'no growth',
      met: growth <= noise,
    },
  ];
}

export async function measureHealth(rounds: number): Promise<Verdict[]> {
  process.stderr.write('memory, pauses, load time, heap, leaks\n');
  return [...(await streaming(rounds)), ...(await loading(rounds)), ...(await heap(rounds)), ...(await leaks())];
}
