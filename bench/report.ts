/** The table of all peers and works, and how netlace stands to its targets. */
import type { Peer } from './peers.js';
import { median } from './run.js';
import { floor, type Work } from './works.js';

/** Milliseconds of every run by peer and work; a string says why there are none. */
export type Results = ReadonlyMap<string, ReadonlyMap<string, number[] | string>>;

function medianOf(results: Results, peer: string, work: string): number | undefined {
  const runs = results.get(peer)?.get(work);
  return Array.isArray(runs) && runs.length > 0 ? median(runs) : undefined;
}

function milliseconds(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}

function cell(results: Results, peer: Peer, work: Work): string {
  const runs = results.get(peer.name)?.get(work.name);
  if (typeof runs === 'string') return runs;
  const value = medianOf(results, peer.name, work.name);
  if (value === undefined) return '';
  const once = peer.once?.includes(work.name) ? '*' : '';
  const lowest = medianOf(results, floor, work.name);
  const ratio = lowest === undefined ? '' : `×${(value / lowest).toFixed(2)}`.padStart(8);
  return `${milliseconds(value)}${once}${ratio}`;
}

export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) => row.map((text, column) => (column === 0 ? text.padEnd(widths[0]!) : text.padStart(widths[column]!))))
    .map((row) => row.join('   ').trimEnd())
    .join('\n');
}

export function resultTable(results: Results, peers: readonly Peer[], works: readonly Work[]): string {
  return table([
    ['ms, × floor', ...works.map((work) => work.title)],
    ...peers.map((peer) => [peer.title, ...works.map((work) => cell(results, peer, work))]),
  ]);
}

/** A figure of netlace's and its limit. */
export interface Verdict {
  readonly what: string;
  readonly figure: string;
  readonly target: string;
  readonly met: boolean;
}

export function speedVerdicts(results: Results, peers: readonly Peer[], works: readonly Work[]): Verdict[] {
  const verdicts: Verdict[] = [];
  for (const work of works) {
    for (const { against, atMost } of work.targets) {
      const own = medianOf(results, 'netlace', work.name);
      const other = medianOf(results, against, work.name);
      if (own === undefined || other === undefined) continue;
      verdicts.push({
        what: `${work.title}, beside ${peers.find((peer) => peer.name === against)!.title}`,
        figure: `×${(own / other).toFixed(2)}`,
        target: `at most ×${atMost.toFixed(2)}`,
        met: own / other <= atMost,
      });
    }
  }
  return verdicts;
}

export function verdictTable(verdicts: readonly Verdict[]): string {
  return table([
    ['netlace', 'figure', 'target', ''],
    ...verdicts.map(({ what, figure, target, met }) => [what, figure, target, met ? 'ok' : 'MISSED']),
  ]);
}
