// node host.mjs JSON: a host with a secret. While programs in a container look for it, it starts programs in there, or uses
// namespaces of theirs. Prints what they found, and what they find of a process that hides nothing.
import { openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Namespace, Netns } from 'netlace';
import { mount, umount } from 'netlace/mount';
import { spawn } from 'netlace/process';

const { mode, folder, programs, times, wanted } = JSON.parse(process.argv[2]);
process.chdir(folder);
/** Here and in the environment. */
const secret = Buffer.from(['NETLACE-HOST', 'SECRET'].join('-'));
const descriptor = openSync(folder, 'r');
/** Milliseconds after which the attackers have had their chance. */
const PATIENCE = 60_000;

/** Of Docker's containers. */
const docker = [
  ...['CHOWN', 'DAC_OVERRIDE', 'FSETID', 'FOWNER', 'MKNOD', 'NET_RAW', 'SETGID', 'SETUID', 'SETFCAP', 'SETPCAP'],
  ...['NET_BIND_SERVICE', 'SYS_CHROOT', 'KILL', 'AUDIT_WRITE'],
].map((name) => `CAP_${name}`);
const rights = {
  capabilities: { effective: docker, permitted: docker, inheritable: [], bounding: docker },
  noNewPrivileges: true,
};
const map = [{ inside: 0, outside: 100_000, count: 65_536 }];
const maps = { uidMap: map, gidMap: map };

/** Something that others join, without a view of the host's folder. */
async function container(kinds, options) {
  const box = await start(programs.idle, [], {
    namespaces: Object.fromEntries(['mnt', ...kinds].map((kind) => [kind, 'new'])),
    mounts: [...(kinds.includes('pid') ? [{ type: 'proc', target: '/proc' }] : []), { type: 'tmpfs', target: folder }],
    init: kinds.includes('pid'),
    ...options,
  });
  const joined = ['mnt', 'pid', 'user'].filter((kind) => kind === 'mnt' || kinds.includes(kind));
  return { box, namespaces: Object.fromEntries(joined.map((kind) => [kind, { pid: box.child.pid }])) };
}

const kinds = ['pid', 'net', 'uts', 'ipc'];

/** Each: how to get in there, what the host does there once, and how often at a time. */
const modes = {
  capabilities: async () => spawning(await container(kinds, rights), rights),
  user: async () => spawning(await container(['user', ...kinds], maps), {}),
  'user and uid': async () => spawning(await container(['user', ...kinds], maps), { uid: 0, gid: 0 }),
  rootless: async () => spawning(await container(['user', ...kinds], {}), {}),
  'network namespaces': async () => {
    const netns = await Netns.create({ rootless: true, loopback: true });
    return {
      into: { namespaces: { user: netns.owner(), net: netns } },
      atOnce: 4,
      async once(round) {
        if (round % 4 === 0) return (await netns.udp({ address: '127.0.0.1' })).close();
        if (round % 4 === 1) return netns.sysctl.set('net.ipv4.ip_forward', round % 8 === 1);
        (await Netns.create({ rootless: true, loopback: round % 4 === 2 })).close();
      },
    };
  },
  mounts: async () => {
    const { box, namespaces } = await container(['user'], {});
    const namespace = await Namespace.open({ pid: box.child.pid, type: 'mnt' });
    return {
      into: { namespaces },
      // A mount point may go while another mount is put there.
      atOnce: 1,
      async once() {
        await mount({ namespace, type: 'tmpfs', target: folder });
        await umount(folder, { namespace, detach: true });
      },
    };
  },
};

function spawning({ namespaces }, options) {
  const into = { namespaces, ...options };
  return {
    into,
    atOnce: 4,
    async once() {
      const child = await spawn('/bin/true', [], { ...into, cwd: '/', env: {}, stdio: 'ignore' });
      const { code } = await child.exited;
      if (code !== 0) throw new Error(`a program ended with ${code}`);
    },
  };
}

/** A program, once it has said something. */
async function start(program, args, options) {
  const child = await spawn(program, args, {
    cwd: '/',
    env: {},
    stdio: ['pipe', 'pipe', 'inherit'],
    // Nothing of it outlives this process.
    deathSignal: 'SIGKILL',
    ...options,
  });
  const lines = [];
  const reader = createInterface({ input: child.stdout });
  let said;
  const begun = new Promise((resolve) => (said = resolve));
  reader.on('line', (line) => {
    lines.push(line);
    said();
  });
  const closed = new Promise((resolve) => reader.once('close', resolve));
  void closed.then(() => said());
  await begun;
  const end = async () => {
    child.kill();
    await Promise.all([closed, child.exited]);
  };
  return { child, reader, lines, end };
}

/** What an attacker finds while `body` runs. */
async function attacked(into, body) {
  // It takes what the host leaves: there is more than enough of that.
  const attacker = await start(programs.look, [folder], { ...into, nice: 10 });
  const hits = () => attacker.lines.filter((line) => line.startsWith('hit '));
  await body(attacker, hits);
  await attacker.end();
  const looks = Number(/^looks (\d+)$/.exec(attacker.lines.at(-1))?.[1] ?? 'NaN');
  return { looks, hits: hits() };
}

const kindOf = (hit) => /^hit (.*?):/.exec(hit)[1];

const { into, atOnce, once } = await modes[mode]();
let done = 0;
const attack = await attacked(into, async () => {
  const work = async () => {
    for (let round = 0; round < times / atOnce; round++, done++) await once(round);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
});
const control = await attacked(into, async ({ reader }, hits) => {
  const victim = await start(programs.victim, ['3'], {
    ...into,
    env: { SECRET: String(secret) },
    stdio: ['pipe', 'pipe', 'inherit', descriptor],
  });
  await new Promise((resolve) => {
    const look = () => wanted.every((kind) => hits().map(kindOf).includes(kind)) && resolve();
    reader.on('line', look);
    setTimeout(resolve, PATIENCE).unref();
    look();
  });
  victim.child.stdin.end();
  await victim.child.exited;
});
console.log(
  JSON.stringify({
    done,
    looks: attack.looks,
    hits: attack.hits,
    control: [...new Set(control.hits.map(kindOf))].sort(),
  }),
);
process.exit();
