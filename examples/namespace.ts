// A namespace with a name, as `ip netns add` makes it: its sysctls, its links, its sockets.
import { Netns, Rtnetlink } from 'netlace';

const name = `netlace-example-${process.pid}`;
const made = await Netns.create({ name });
try {
  console.log(`ip netns list shows ${Netns.list().includes(name) ? name : 'nothing'}`);

  // Opened by its name, it is the same namespace.
  using netns = Netns.openSync(name);
  console.log(`the same: ${netns.equals(made)}`);

  await netns.sysctl.set('net.ipv4.ip_forward', true);
  console.log(`net.ipv4.ip_forward = ${await netns.sysctl.get('net.ipv4.ip_forward')}`);

  using inside = Rtnetlink.openSync({ netns });
  inside.sync.link.set('lo', { up: true });
  console.log(
    `lo has ${inside.sync.address
      .list({ link: 'lo' })
      .map(({ address }) => address)
      .join(' and ')}`,
  );

  const socket = await netns.udp({ address: '127.0.0.1' });
  console.log(`a socket inside is bound to ${socket.address().address}`);
  socket.close();
} finally {
  made.close();
  Netns.delete(name);
}
