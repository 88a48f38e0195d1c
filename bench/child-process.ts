/** Node.js' own way to run programs, and a shell's, as peers: `node child-process.js PEER WORK N REPS`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { ociArguments } from './peers.js';

const [peer = '', work = '', countText, repsText] = process.argv.slice(2);

/** `child_process` makes no namespaces: util-linux' `unshare` makes the same ones that netlace does, the runtimes one more. */
const commands: Readonly<Record<string, readonly [string, ...string[]]>> = {
  'child-process': ['/bin/true'],
  unshare: ['/bin/sh', '-c', 'exec unshare --uts --ipc --pid --fork /bin/true'],
  crun: ['crun', ...ociArguments('crun', work)],
  runc: ['runc', ...ociArguments('runc', work)],
};
const [command, ...args] = commands[peer]!;
const n = Number(countText);
for (let rep = 0; rep < Number(repsText); rep++) {
  const start = performance.now();
  for (let i = 0; i < n; i++) {
    const [code] = (await once(spawn(command, args, { stdio: 'ignore' }), 'exit')) as [number | null];
    if (code !== 0) throw new Error(`${command} ended with ${code}`);
  }
  console.log(JSON.stringify({ work, n, ms: performance.now() - start }));
}
