// Two containers on a bridge: what `docker run` on a bridge network does.
import { createServer } from 'node:http';
import { once } from 'node:events';
import { createBridge, createSandbox, Netns } from 'netlace';

// Who is not root gets namespaces in which he is.
const rootless = process.getuid!() !== 0;

await using host = await Netns.create({ rootless });
await createBridge({ name: 'br0', netns: host, addresses: ['10.1.0.1/24'], up: true });

// Each container is a namespace with an end of a veth pair; the other end is a port of the bridge.
const routes = [{ to: 'default', via: '10.1.0.1' }];
const [{ netns: web }, { netns: app }] = await Promise.all([
  createSandbox({
    rootless,
    near: { name: 'veth-web', netns: host, master: 'br0', up: true },
    far: { name: 'eth0', addresses: ['10.1.0.2/24'], routes, up: true },
  }),
  createSandbox({
    rootless,
    near: { name: 'veth-app', netns: host, master: 'br0', up: true },
    far: { name: 'eth0', addresses: ['10.1.0.3/24'], routes, up: true },
  }),
]);

const server = await web.listen(createServer(), { host: '10.1.0.2', port: 8080 });
const connection = app.connect({ host: '10.1.0.2', port: 8080 });
await once(connection, 'connect');
console.log(`${connection.localAddress} reached ${connection.remoteAddress}:${connection.remotePort}`);

connection.destroy();
server.close();
web.close();
app.close();
