// What there is, then what changes: without a gap, and right again even if too much changed at once.
import { Netns, Rtnetlink } from 'netlace';

// Who is not root gets namespaces in which he is.
const rootless = process.getuid!() !== 0;

await using netns = await Netns.create({ rootless });
await using client = await Rtnetlink.open({ netns });

const links = new Map<number, string>();
for await (const event of client.watch(['link'])) {
  switch (event.type) {
    case 'overrun':
      links.clear();
      break;
    case 'synced':
      console.log(`at first: ${[...links.values()].join(', ')}`);
      await client.link.add({ name: 'left', kind: 'veth', data: { peer: { name: 'right' } } });
      break;
    case 'existing':
    case 'new':
      links.set(event.value.index, event.value.name);
      break;
    case 'deleted':
      links.delete(event.value.index);
      break;
  }
  if (links.size === 3) break;
}
console.log(`in the end: ${[...links.values()].join(', ')}`);
