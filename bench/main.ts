/**
 * `npm run bench`: the same work done by netlace and by what a user would pick instead, in one table. As root.
 *
 *   npm run bench -- [--rounds 5] [--works links,routes] [--peers netlace,floor] [--no-health]
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureHealth } from './health.js';
import { peers, peersFolder, removeBatches, type Peer } from './peers.js';
import { resultTable, speedVerdicts, verdictTable } from './report.js';
import { measure } from './run.js';
import { works, type Work } from './works.js';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    works: { type: 'string' },
    peers: { type: 'string' },
    'no-health': { type: 'boolean', default: false },
  },
});

function chosen<Named extends { readonly name: string }>(all: readonly Named[], names: string | undefined): Named[] {
  const wanted = names?.split(',');
  for (const name of wanted ?? []) {
    if (!all.some((one) => one.name === name)) throw new Error(`${name}: none of ${all.map((one) => one.name).join()}`);
  }
  return all.filter(({ name }) => wanted?.includes(name) ?? true);
}

const rounds = Number(options.rounds);
const chosenWorks = chosen(works, options.works);
const chosenPeers = chosen(peers, options.peers);
const results = new Map<string, Map<string, number[] | string>>();
const failures: string[] = [];

async function round(peer: Peer, work: Work): Promise<void> {
  const ofPeer = results.get(peer.name)!;
  const runs = ofPeer.get(work.name) ?? [];
  if (typeof runs === 'string') return;
  ofPeer.set(work.name, runs);
  try {
    runs.push(await measure(peer, work));
  } catch (error) {
    failures.push(error instanceof Error ? error.message : String(error));
    ofPeer.set(work.name, 'failed');
  }
}

if (process.getuid?.() !== 0) {
  console.error('The benchmark makes network namespaces: it has to run as root (CAP_SYS_ADMIN and CAP_NET_ADMIN).');
  process.exit(1);
}
if (spawnSync(join(peersFolder, 'build'), { stdio: 'inherit' }).status !== 0) {
  console.error('The C programs that the benchmark needs could not be built.');
  process.exit(1);
}

for (const peer of chosenPeers) {
  const absent = peer.absent();
  results.set(
    peer.name,
    new Map(works.map((work) => [work.name, absent ? 'absent' : peer.works.includes(work.name) ? [] : '-'])),
  );
}

try {
  // Round-robin: a machine that gets slower or faster meanwhile does so for everyone.
  for (const work of chosenWorks) {
    for (let i = 1; i <= rounds; i++) {
      process.stderr.write(`${work.title}: round ${i} of ${rounds}\n`);
      for (const peer of chosenPeers) {
        if (i === 1 || !peer.once?.includes(work.name)) await round(peer, work);
      }
    }
  }
} finally {
  removeBatches();
}

const verdicts = speedVerdicts(results, chosenPeers, chosenWorks);
if (!options['no-health']) verdicts.push(...(await measureHealth(rounds)));

console.log(`\n${resultTable(results, chosenPeers, chosenWorks)}\n`);
console.log(`Medians of ${rounds} interleaved runs; *: run once.\n`);
if (verdicts.length > 0) console.log(verdictTable(verdicts));
for (const failure of failures) console.error(`\n${failure}`);
process.exitCode = failures.length > 0 ? 1 : 0;
