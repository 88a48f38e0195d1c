/** Promises and what the synchronous calls give instead; lists; call options; requests as values. */
import { Rtnetlink, type Link, type Request, type Route } from 'netlace';

declare const rt: Rtnetlink;

export async function promises() {
  const link: Promise<Link> = rt.link.get('eth0');
  const done: Promise<void> = rt.link.add({ name: 'd0', kind: 'dummy' });
  const route: Promise<Route> = rt.route.get({ to: '10.0.0.1' });
  // @ts-expect-error -- a promise is no link
  const early: Link = rt.link.get('eth0');
  return [await link, await done, await route, early];
}

export function atOnce() {
  const link: Link = rt.sync.link.get('eth0');
  const echo: Link | undefined = rt.sync.link.addWithEcho({ name: 'd1', kind: 'dummy' });
  // @ts-expect-error -- not all kernels send it
  echo.index satisfies number;
  const links: Link[] = rt.sync.link.list({ kind: 'veth' });
  rt.sync.address.add({ link: 'eth0', address: '10.1.0.1/24' }) satisfies void;
  // @ts-expect-error -- nothing to wait for
  void rt.sync.link.get('eth0').then();
  // @ts-expect-error -- the same checks
  rt.sync.link.add({ name: 'd0', kind: 'dummy', mut: 5 });
  return [link, echo, links];
}

export async function lists() {
  const all: Link[] = await rt.link.list();
  for await (const link of rt.link.list({ master: 'br0' })) link.name satisfies string;
  const names: string[] = (await rt.link.list()).map(({ name }) => name);
  // @ts-expect-error -- neither an array yet nor synchronous
  for (const link of rt.link.list()) void link;
  return [all, names];
}

export async function options(signal: AbortSignal | undefined) {
  await rt.link.get('eth0', { signal, timeout: undefined });
  await rt.route.list({ table: 'main' }, { timeout: 1000 });
  // @ts-expect-error -- misspelt
  await rt.link.get('eth0', { timeuot: 1000 });
}

export async function clients() {
  using client = await Rtnetlink.open();
  await using other = Rtnetlink.openSync({ netns: { fd: 3 } });
  // @ts-expect-error -- an open namespace
  await Rtnetlink.open({ netns: 'box' });
  // @ts-expect-error -- made by `open`
  new Rtnetlink();
  return [client, other];
}

export async function values(get: Request<Link>, add: Request<void>) {
  const link: Link = await rt.request(get);
  await (rt.request(add) satisfies Promise<void>);
  return link;
}
