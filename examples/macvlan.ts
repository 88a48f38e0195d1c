// Two containers directly on the host's network card: what Docker's macvlan driver does.
import { createMacvlan, createVethPair, Netns, Rtnetlink } from 'netlace';

// Who is not root gets namespaces in which he is.
const rootless = process.getuid!() !== 0;

await using host = await Netns.create({ rootless });
await using router = await Netns.create({ rootless });
await using one = await Netns.create({ rootless });
await using two = await Netns.create({ rootless });

// A veth pair stands for the network card and the cable behind it.
await createVethPair(
  { name: 'card', netns: host, up: true },
  { name: 'cable', netns: router, addresses: ['10.3.0.1/24'], up: true },
);

for (const [netns, address] of [
  [one, '10.3.0.2/24'],
  [two, '10.3.0.3/24'],
] as const) {
  const link = await createMacvlan({
    name: 'eth0',
    netns,
    link: 'card',
    linkNetns: host,
    addresses: [address],
    up: true,
  });
  console.log(`${link.name} ${link.address} has ${address}, on link ${link.link} of the host`);
}

await using inside = await Rtnetlink.open({ netns: one });
const link = await inside.link.get('eth0');
if (link.kind === 'macvlan') console.log(`mode ${link.data?.mode}`);
