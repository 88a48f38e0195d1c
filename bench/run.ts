/** Runs one process of a peer in a namespace made for it, and reads the figures that it prints as lines of JSON. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { populate, type Peer } from './peers.js';
import type { Work } from './works.js';

const patience = 180_000;

export async function runPopulated<Line>(
  setUp: readonly string[],
  command: readonly string[],
): Promise<readonly Line[]> {
  const child = spawn(populate, [...setUp, '--', ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  // A process group of its own, so that nothing that a peer has started outlives the run.
  const endGroup = (): void => {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch {
      // Nothing was left.
    }
  };
  const timer = setTimeout(endGroup, patience);
  const exited = new Promise<string>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (status, signal) => {
      clearTimeout(timer);
      endGroup();
      resolve(signal ?? String(status));
    });
  });
  const [output, messages, status] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  if (status !== '0') throw new Error(`${command.join(' ')}: ended with ${status}\n${messages}`);
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** One run: the median of what one process measured, in milliseconds. */
export async function measure(peer: Peer, work: Work): Promise<number> {
  const once = peer.once?.includes(work.name) === true || peer.notRepeated?.includes(work.name) === true;
  const task = once ? { ...work, reps: 1 } : work;
  const timing = peer.timedFromOutside ? ['-t', String(task.reps)] : [];
  const lines = await runPopulated<{ n: number; ms: number }>(
    [...timing, task.objects, String(task.n)],
    peer.command(task),
  );
  const wrong = lines.find((line) => line.n < task.n);
  if (lines.length !== task.reps) throw new Error(`${peer.name} ${task.name}: ${lines.length} runs of ${task.reps}`);
  if (wrong !== undefined) throw new Error(`${peer.name} ${task.name}: ${wrong.n} objects of ${task.n}`);
  return median(lines.map((line) => line.ms));
}
