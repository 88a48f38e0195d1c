// What a container's first program is given: by netlace's spawn and, where it is installed and runs, by runc; as a
// table for docs/child-environment.md. Needs root, a C compiler and `npm run build:all`.
//
//   node scripts/child-environment.mjs            prints the table
//   node scripts/child-environment.mjs --write    puts it into the document
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const DOCUMENT = join(here, '../docs/child-environment.md');

// The host is one where what is passed on can be told from a default.
if (process.env.NETLACE_ODD_HOST !== '1') {
  const odd = `umask 027; ulimit -S -s 4096; exec nice -n 3 "$@" 9< /etc/passwd`;
  const { status } = spawnSync('sh', ['-c', odd, 'sh', process.execPath, ...process.argv.slice(1)], {
    stdio: 'inherit',
    env: { PATH: process.env.PATH, HOME: '/root', NETLACE_ODD_HOST: '1', SECRET: 'of the host' },
  });
  process.exit(status ?? 1);
}
writeFileSync('/proc/self/oom_score_adj', '100');

const folder = mkdtempSync(join(tmpdir(), 'netlace-environment-'));
const root = join(folder, 'rootfs');
const probe = join(root, 'probe');
for (const name of ['proc', 'dev', 'sys']) mkdirSync(join(root, name), { recursive: true });
execFileSync('cc', ['-static', '-O1', '-o', probe, join(here, 'child-environment.c')]);

/** What the probe says. */
const parse = (text) =>
  new Map(
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split('\t').map((part) => part.trim())),
  );

function onHost() {
  return parse(execFileSync(probe, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }));
}

async function byNetlace() {
  const { spawn } = await import('../dist/esm/process/index.js');
  const kinds = ['mnt', 'pid', 'net', 'uts', 'ipc', 'cgroup'];
  const child = await spawn('/probe', [], {
    root,
    namespaces: Object.fromEntries(kinds.map((kind) => [kind, 'new'])),
    mounts: [{ type: 'proc', target: '/proc' }],
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for await (const chunk of child.stdout) text += chunk;
  await child.exited;
  return parse(text);
}

/** With the configuration of `runc spec`, but for the terminal and the program. */
function byRunc() {
  if (spawnSync('runc', ['--version']).status !== 0) return undefined;
  execFileSync('runc', ['spec'], { cwd: folder });
  const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
  config.process.terminal = false;
  config.process.args = ['/probe'];
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  const ignoring = `trap '' USR2 HUP; exec runc run netlace-${process.pid} 9< /etc/passwd`;
  const { status, stdout } = spawnSync('sh', ['-c', ignoring], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return status === 0 ? parse(stdout) : undefined;
}

const SIGNALS = Object.entries((await import('node:os')).constants.signals);
function signals(mask) {
  const bits = BigInt(`0x${mask}`);
  const names = SIGNALS.filter(([, number]) => (bits >> BigInt(number - 1)) & 1n).map(([name]) => name);
  return names.length === 0 ? 'none' : names.join(', ');
}
function capabilities(of) {
  const count = (name) => [...BigInt(`0x${of.get(name)}`).toString(2)].filter((bit) => bit === '1').length;
  return ['CapPrm', 'CapEff', 'CapBnd', 'CapInh', 'CapAmb'].map(count).join(', ');
}
const isSame = (of, host, name) => (of.get(name) === host.get(name) ? "the host's" : undefined);
/** Numbers that are others each time. */
const stable = (text) => text.replaceAll(/\d{2,}/g, 'N');

/** Each row from what the probe said, there and on the host. */
const ROWS = [
  ['descriptors', (of) => of.get('descriptors').replace(/,$/, '').replaceAll(':', ''), true],
  ['`argv[0]`', (of) => of.get('argv[0]'), true],
  [
    'session, process group',
    (of, host) => isSame(of, host, 'session') ?? (of.get('session') === of.get('pid') ? 'its own' : "the host's"),
    true,
  ],
  ['controlling terminal', (of) => of.get('terminal')],
  [
    'session keyring',
    (of, host) =>
      isSame(of, host, 'session keyring') ?? `its own, \`${stable(of.get('session keyring').split(' ')[1])}\``,
  ],
  [
    'limits',
    (of, host) => {
      const others = [...of].filter(([key, value]) => key.startsWith('limit ') && host.get(key) !== value);
      return others.length === 0
        ? "the host's"
        : `the host's but ${others.map(([key, value]) => `${key.slice(6)} ${value}`).join(', ')}`;
    },
    true,
  ],
  ['signals blocked', (of) => signals(of.get('SigBlk'))],
  ['signals ignored', (of) => signals(of.get('SigIgn'))],
  ['signals caught', (of) => signals(of.get('SigCgt'))],
  ['death signal', (of) => (of.get('death signal') === '0' ? 'none' : of.get('death signal'))],
  ['umask', (of) => of.get('umask')],
  ['environment', (of, host) => isSame(of, host, 'env') ?? of.get('env')],
  ['no_new_privs', (of) => of.get('NoNewPrivs')],
  ['seccomp', (of) => ['none', 'strict', 'a filter'][of.get('Seccomp')]],
  ['dumpable', (of) => of.get('dumpable')],
  ['`oom_score_adj`', (of) => of.get('oom_score_adj')],
  ['niceness', (of) => of.get('nice')],
  ['working directory', (of) => of.get('cwd'), true],
  ['user, group', (of) => `${of.get('Uid').split('\t')[0].split(/\s/)[0]}, ${of.get('Gid').split(/\s/)[0]}`],
  ['supplementary groups', (of) => of.get('Groups') || 'none'],
  ['capabilities: permitted, effective, bounding, inheritable, ambient', capabilities],
  ['securebits', (of) => of.get('securebits')],
  ['cgroup, as it sees it', (of) => stable(of.get('cgroup') ?? 'none of version 2')],
];

try {
  const host = onHost();
  const columns = [
    ['the host', host],
    ['netlace', await byNetlace()],
  ];
  const runc = byRunc();
  if (runc !== undefined)
    columns.push([
      `runc ${/runc version (\S+)/.exec(execFileSync('runc', ['--version'], { encoding: 'utf8' }))[1]}`,
      runc,
    ]);
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const table = [
    line(['', ...columns.map(([name]) => name)]),
    line(['---', ...columns.map(() => '---')]),
    ...ROWS.map(([name, value, onlyThere = false]) =>
      line([name, ...columns.map(([, of]) => (of !== host ? value(of, host) : onlyThere ? '' : value(of, new Map())))]),
    ),
  ].join('\n');
  console.log(table);
  if (process.argv.includes('--write')) {
    const text = readFileSync(DOCUMENT, 'utf8');
    writeFileSync(
      DOCUMENT,
      text.replace(/<!-- table -->[^]*<!-- end -->/, () => `<!-- table -->\n\n${table}\n\n<!-- end -->`),
    );
    execFileSync('npx', ['prettier', '--write', DOCUMENT], { stdio: 'ignore' });
  }
} finally {
  rmSync(folder, { recursive: true });
}
