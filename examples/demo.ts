// Two hosts with containers on bridges, joined by a VXLAN overlay, and real traffic through all of it; everything in
// namespaces that this program makes. `npm run demo`, as root or not.
import { createServer, get } from 'node:http';
import {
  createBridge,
  createSandbox,
  createVethPair,
  createVxlan,
  NetlinkError,
  Netns,
  Rtnetlink,
  type Link,
  type VxlanRemote,
} from 'netlace';

const OVERLAY = { id: 42, port: 4789, mtu: 1450 };

interface Container {
  readonly name: string;
  readonly address: string;
  readonly mac: string;
}

interface Host {
  readonly name: string;
  /** Its address on the link that joins the hosts. */
  readonly underlay: string;
  /** Its own address on the overlay, that of its bridge. */
  readonly gateway: string;
  readonly containers: readonly Container[];
}

const HOSTS: readonly [Host, Host] = [
  {
    name: 'host1',
    underlay: '192.0.2.1',
    gateway: '10.42.0.1',
    containers: [
      { name: 'web', address: '10.42.0.11', mac: '02:42:0a:2a:00:0b' },
      { name: 'app', address: '10.42.0.12', mac: '02:42:0a:2a:00:0c' },
      { name: 'db', address: '10.42.0.13', mac: '02:42:0a:2a:00:0d' },
    ],
  },
  {
    name: 'host2',
    underlay: '192.0.2.2',
    gateway: '10.42.0.2',
    containers: [{ name: 'far', address: '10.42.0.21', mac: '02:42:0a:2a:00:15' }],
  },
];

/** Who is not root makes namespaces in which he is. */
const rootless = process.getuid!() !== 0;

/** Everything made so far, by name. Closing the handles is all it takes to remove it. */
const namespaces = new Map<string, Netns>();

async function makeNamespace(name: string): Promise<Netns> {
  const netns = await Netns.create({ loopback: true, rootless });
  namespaces.set(name, netns);
  return netns;
}

async function joinHosts(one: Netns, two: Netns): Promise<void> {
  await createVethPair(
    { name: 'eth0', netns: one, addresses: [`${HOSTS[0].underlay}/24`], up: true },
    { name: 'eth0', netns: two, addresses: [`${HOSTS[1].underlay}/24`], up: true },
  );
}

/** The bridge, the containers on it, and the way to the containers of the other host. */
async function wireHost(host: Host, netns: Netns, other: Host): Promise<void> {
  await createBridge({ name: 'br0', netns, addresses: [`${host.gateway}/24`], mtu: OVERLAY.mtu, up: true });
  // Nothing is learned: where each remote container is, and its MAC, is written down, as Docker's overlay driver does.
  const remotes = other.containers.map(({ mac, address: ip }): VxlanRemote => ({ mac, ip, dst: other.underlay }));
  await createVxlan({
    name: 'vx42',
    netns,
    master: 'br0',
    mtu: OVERLAY.mtu,
    data: { id: OVERLAY.id, port: OVERLAY.port, local: host.underlay, learning: false, proxy: true },
    remotes,
    up: true,
  });
  await Promise.all(host.containers.map((container) => attach(container, host, netns)));
}

async function attach({ name, address, mac }: Container, host: Host, hostNetns: Netns): Promise<void> {
  const { netns } = await createSandbox({
    rootless,
    near: { name: `veth-${name}`, netns: hostNetns, master: 'br0', mtu: OVERLAY.mtu, up: true },
    far: {
      name: 'eth0',
      address: mac,
      mtu: OVERLAY.mtu,
      addresses: [`${address}/24`],
      routes: [{ to: 'default', via: host.gateway }],
      up: true,
    },
  });
  namespaces.set(name, netns);
}

async function printTree(name: string, netns: Netns): Promise<void> {
  await using inside = await Rtnetlink.open({ netns });
  const [links, addresses, routes] = await Promise.all([
    inside.link.list(),
    inside.address.list(),
    inside.route.list({ family: 'inet', table: 'main' }),
  ]);
  const nameOf = (index: number | undefined) => links.find((link) => link.index === index)?.name ?? `#${index}`;
  console.log(`${name}  net:[${netns.ino}]`);
  for (const link of links) {
    console.log(`  ├─ ${describe(link, nameOf)}`);
    for (const { address, scope } of addresses.filter((each) => each.link === link.index)) {
      console.log(`  │    ${address}${scope === 'universe' ? '' : ` (${scope})`}`);
    }
  }
  for (const { to, via, link } of routes) {
    console.log(`  └─ route ${to}${via === undefined ? '' : ` via ${via}`} on ${nameOf(link)}`);
  }
}

function describe(link: Link, nameOf: (index: number | undefined) => string): string {
  const words = [`${link.index}: ${link.name}`, link.kind ?? link.type, link.up ? 'up' : 'down'];
  if (link.address !== undefined) words.push(link.address);
  if (link.master !== undefined) words.push(`master ${nameOf(link.master)}`);
  if (link.kind === 'veth' && link.link !== undefined) {
    words.push(`peer #${link.link}${link.linkNetnsId === undefined ? '' : ` in netns ${link.linkNetnsId}`}`);
  }
  if (link.kind === 'vxlan') words.push(`id ${link.data?.id} port ${link.data?.port}`);
  return words.join('  ');
}

/** Asks for a page; resolves with who the server says has asked. */
function askHttp(from: Netns, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host, port: 80, createConnection: () => from.connect({ host, port: 80 }) }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => resolve(body)).on('error', reject);
    }).on('error', reject);
  });
}

async function askUdp(from: Netns, host: string): Promise<string> {
  const socket = await from.udp();
  try {
    return await new Promise((resolve, reject) => {
      socket.once('message', (message) => resolve(message.toString())).once('error', reject);
      socket.send('who am I?', 7, host);
    });
  } finally {
    socket.close();
  }
}

async function check(
  what: string,
  expected: string,
  ask: () => Promise<string>,
  signal: AbortSignal,
): Promise<boolean> {
  signal.throwIfAborted();
  const limit = AbortSignal.any([signal, AbortSignal.timeout(5000)]);
  const started = performance.now();
  const answer = await Promise.race([
    ask().catch((error: unknown) => String(error)),
    new Promise<string>((resolve) =>
      limit.addEventListener('abort', () => resolve(String(limit.reason)), { once: true }),
    ),
  ]);
  signal.throwIfAborted();
  const passed = answer === expected;
  const time = (performance.now() - started).toFixed(2).padStart(8);
  console.log(`${passed ? 'ok    ' : 'FAILED'} ${time} ms  ${what}${passed ? '' : `: ${answer}`}`);
  return passed;
}

/** A web server and a UDP service in the container `web`, asked from everywhere. */
async function passTraffic(signal: AbortSignal): Promise<boolean> {
  const web = namespaces.get('web')!;
  const server = await web.listen(
    createServer((request, response) => response.end(request.socket.remoteAddress)),
    { host: '0.0.0.0', port: 80 },
  );
  const echo = await web.udp({ port: 7 });
  echo.on('message', (_message, { address, port }) => echo.send(address, port, address));
  try {
    let passed = true;
    const askers = [
      { where: 'another container on the bridge', netns: namespaces.get('app')!, address: '10.42.0.12' },
      { where: 'its host', netns: namespaces.get('host1')!, address: '10.42.0.1' },
      { where: 'the container on the other host', netns: namespaces.get('far')!, address: '10.42.0.21' },
    ];
    for (const { where, netns, address } of askers) {
      passed = (await check(`HTTP from ${where}`, address, () => askHttp(netns, '10.42.0.11'), signal)) && passed;
      passed = (await check(`UDP from ${where}`, address, () => askUdp(netns, '10.42.0.11'), signal)) && passed;
    }
    return passed;
  } finally {
    server.closeAllConnections();
    server.close();
    echo.close();
  }
}

async function main(signal: AbortSignal): Promise<boolean> {
  const started = performance.now();
  const [one, two] = [await makeNamespace('host1'), await makeNamespace('host2')];
  await joinHosts(one, two);
  signal.throwIfAborted();
  await wireHost(HOSTS[0], one, HOSTS[1]);
  signal.throwIfAborted();
  await wireHost(HOSTS[1], two, HOSTS[0]);
  const wired = performance.now() - started;
  for (const [name, netns] of namespaces) {
    signal.throwIfAborted();
    await printTree(name, netns);
  }
  console.log();
  const passed = await passTraffic(signal);
  console.log(
    `\n${namespaces.size} namespaces wired in ${wired.toFixed(1)} ms; ${passed ? 'every check passed' : 'not every check passed'}`,
  );
  return passed;
}

const stop = new AbortController();
const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;
for (const [name, number] of Object.entries(SIGNALS)) {
  process.once(name, () => {
    process.exitCode = 128 + number;
    stop.abort(new Error(`stopped by ${name}`));
  });
}

try {
  const passed = await main(stop.signal);
  process.exitCode ??= passed ? 0 : 1;
} catch (error) {
  process.exitCode ??= 1;
  console.error(
    error instanceof NetlinkError || error === stop.signal.reason ? `demo: ${(error as Error).message}` : error,
  );
} finally {
  for (const netns of namespaces.values()) netns.close();
}
