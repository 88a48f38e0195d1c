/** Network namespaces and what is opened inside them. */
import { createServer, type Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';
import type { Socket as UdpSocket } from 'node:dgram';
import { Netns, Rtnetlink, type NetnsDescriptor, type NetnsRef } from 'netlace';

export async function opening(pid: number) {
  const refs: NetnsRef[] = ['box', { name: 'box' }, { path: '/proc/1/ns/net' }, { pid }, { pidfd: 5 }];
  for (const ref of refs) (await Netns.open(ref)).close();
  await Netns.create();
  Netns.createSync({ name: undefined }).ino satisfies bigint;
  Netns.list() satisfies string[];

  // @ts-expect-error -- a number could be a pid or a descriptor
  await Netns.open(pid);
  // @ts-expect-error -- where is it?
  await Netns.open({});
  // @ts-expect-error -- misspelt
  await Netns.create({ nmae: 'box' });
  // @ts-expect-error -- made by `create` and `open`
  new Netns();
}

export async function inside(netns: Netns) {
  const server: HttpServer = await netns.listen(createServer(), { port: 80, host: '10.1.0.1' });
  const socket: Socket = netns.connect({ host: '10.1.0.1', port: 80 });
  const udp: UdpSocket = await netns.udp({ address: '10.1.0.1', port: 53 });
  await netns.sysctl.set('net.ipv4.ip_forward', true);
  const forward: string = netns.sysctl.getSync('net.ipv4.ip_forward');
  // @ts-expect-error -- what to connect to
  netns.connect();
  // @ts-expect-error -- a handle keeps its descriptor
  netns.fd = 3;
  return [server, socket, udp, forward];
}

/** Other libraries' handles go too. */
export async function foreign(other: { readonly fd: number; readonly kind: 'other' }) {
  const descriptor: NetnsDescriptor = other;
  await using rt = await Rtnetlink.open({ netns: descriptor });
  await rt.link.set('eth0', { netns: other });
}
