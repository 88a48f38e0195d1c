// Two hosts and a VXLAN between them; each end knows by heart what is behind the other.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createVethPair, createVxlan, Netns } from 'netlace';

// Who is not root gets namespaces in which he is.
const rootless = process.getuid!() !== 0;

await using one = await Netns.create({ rootless });
await using two = await Netns.create({ rootless });
await createVethPair(
  { name: 'eth0', netns: one, addresses: ['192.0.2.1/24'], up: true },
  { name: 'eth0', netns: two, addresses: ['192.0.2.2/24'], up: true },
);

const data = { id: 42, port: 4789, learning: false };
await createVxlan({
  name: 'vx42',
  netns: one,
  address: '02:00:00:00:00:01',
  addresses: ['10.42.0.1/24'],
  data: { ...data, local: '192.0.2.1' },
  remotes: [{ mac: '02:00:00:00:00:02', ip: '10.42.0.2', dst: '192.0.2.2' }],
  up: true,
});
await createVxlan({
  name: 'vx42',
  netns: two,
  address: '02:00:00:00:00:02',
  addresses: ['10.42.0.2/24'],
  data: { ...data, local: '192.0.2.2' },
  remotes: [{ mac: '02:00:00:00:00:01', ip: '10.42.0.1', dst: '192.0.2.1' }],
  up: true,
});

const server = await two.listen(
  createServer((socket) => socket.end('hello from the other host')),
  { host: '10.42.0.2', port: 7000 },
);
const connection = one.connect({ host: '10.42.0.2', port: 7000 });
const [text] = (await once(connection, 'data')) as [Buffer];
console.log(text.toString());

connection.destroy();
server.close();
