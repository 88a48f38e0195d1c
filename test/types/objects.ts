/** Addresses, routes, neighbours and forwarding entries: what goes in, what comes out, and what goes back in again. */
import type {
  Address,
  FdbEntry,
  Neighbour,
  NewAddress,
  NewFdbEntry,
  NewNeighbour,
  NewRoute,
  Route,
  Rtnetlink,
} from 'netlace';

declare const rt: Rtnetlink;

export async function addresses() {
  await rt.address.add({ link: 'eth0', address: '10.1.0.1/24', flags: ['noprefixroute'], validLifetime: 'forever' });
  await rt.address.replace({ link: 2, address: '10.1.0.1', peer: '10.1.0.2/32', broadcast: '+' });
  await rt.address.flush({ link: 'eth0', family: 'inet6' });

  // @ts-expect-error -- without a link
  await rt.address.add({ address: '10.1.0.1/24' });
  // @ts-expect-error -- without an address
  await rt.address.add({ link: 'eth0' });
  // @ts-expect-error -- misspelt
  await rt.address.add({ link: 'eth0', address: '10.1.0.1/24', lable: 'eth0:1' });
  // @ts-expect-error -- no such flag
  await rt.address.add({ link: 'eth0', address: '10.1.0.1/24', flags: ['secundary'] });
  // @ts-expect-error -- no such family
  await rt.address.list({ family: 'ipv4' });
}

export async function routes() {
  await rt.route.add({ to: 'default', via: '10.1.0.1', metric: 100, table: 'main', protocol: 'static' });
  await rt.route.add({ to: '10.2.0.0/16', table: 1000, type: 'blackhole' });
  await rt.route.replace({ to: '10.3.0.0/16', nexthops: [{ via: '10.1.0.1', weight: 2 }, { link: 'eth1' }] });
  await rt.route.add({ to: '::/0', via: 'fe80::1', link: 'eth0', metrics: { mtu: 1400 } });
  const taken: Route = await rt.route.get({ to: '10.9.9.9', iif: 'eth0' });
  await rt.route.flush({ table: 1000 });

  // @ts-expect-error -- without a destination
  await rt.route.add({ via: '10.1.0.1' });
  // @ts-expect-error -- no such type
  await rt.route.add({ to: '10.2.0.0/16', type: 'black-hole' });
  // @ts-expect-error -- misspelt, in a next hop
  await rt.route.add({ to: '10.2.0.0/16', nexthops: [{ vai: '10.1.0.1' }] });
  // @ts-expect-error -- misspelt
  await rt.route.get({ to: '10.9.9.9', oif: 'eth0' });
  // @ts-expect-error -- one of another family is a `via` too
  await rt.route.add({ to: '10.2.0.0/16', viaOtherFamily: 'fe80::1' });
  return taken.via;
}

export async function neighbours() {
  await rt.neighbour.add({ to: '10.1.0.2', link: 'eth0', lladdr: '02:00:00:00:00:01', state: ['permanent'] });
  await rt.neighbour.add({ to: '10.1.0.3', link: 'eth0', flags: ['proxy'] });
  await rt.neighbour.get({ to: '10.1.0.2', link: 'eth0' });

  // @ts-expect-error -- without an address
  await rt.neighbour.add({ link: 'eth0', lladdr: '02:00:00:00:00:01' });
  // @ts-expect-error -- no such state
  await rt.neighbour.list({ state: ['unreachable'] });
}

export async function forwarding() {
  await rt.fdb.add({ mac: '02:00:00:00:00:01', link: 'v0', master: 'br0', vlan: 7 });
  await rt.fdb.append({ mac: '00:00:00:00:00:00', link: 'vx0', dst: '10.0.0.2', vni: 42 });
  await rt.fdb.flush({ link: 'br0', state: { permanent: false } });

  // @ts-expect-error -- without a link
  await rt.fdb.add({ mac: '02:00:00:00:00:01' });
  // @ts-expect-error -- misspelt
  await rt.fdb.add({ mac: '02:00:00:00:00:01', link: 'v0', vlna: 7 });
  // @ts-expect-error -- takes true or false by name
  await rt.fdb.flush({ link: 'br0', state: ['permanent'] });
}

/** What was read can be written. */
export async function back(address: Address, route: Route, neighbour: Neighbour, entry: FdbEntry) {
  await rt.address.add(address);
  await rt.address.delete(address);
  await rt.route.add(route);
  await rt.route.replace({ ...route, metric: 5 });
  await rt.route.delete(route);
  await rt.neighbour.replace(neighbour);
  await rt.neighbour.delete(neighbour);
  await rt.fdb.add(entry);
  await rt.fdb.delete(entry);
  for (const each of rt.sync.route.list()) rt.sync.route.delete(each);
}

export function reading(address: Address, route: Route, neighbour: Neighbour, entry: FdbEntry) {
  const texts: string[] = [address.address, route.to, neighbour.to];
  const numbers: number[] = [address.link];
  const known: boolean = neighbour.state.includes('reachable') && address.flags.includes('permanent');
  // @ts-expect-error -- a direct route has none
  texts.push(route.via);
  // @ts-expect-error -- what was read is not to be changed
  route.to = 'default';
  // @ts-expect-error -- nor are lists
  neighbour.state.push('stale');
  return [texts, numbers, known, entry.mac, route.nexthops?.[0]?.weight];
}

/** What may not be there can be left open, with and without exactOptionalPropertyTypes. */
export function optional(link: string | undefined, via: string | undefined, vlan: number | undefined) {
  const address: NewAddress = { link: 'eth0', address: '10.1.0.1/24', label: undefined, flags: undefined };
  const route: NewRoute = { to: 'default', link, via };
  const neighbour: NewNeighbour = { to: '10.1.0.2', link, state: undefined };
  const entry: NewFdbEntry = { mac: '02:00:00:00:00:01', link: 'v0', vlan, dst: undefined };
  return { address, route, neighbour, entry };
}
