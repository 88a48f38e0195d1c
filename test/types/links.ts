/** Links: what depends on their kind. */
import type { Link, Netns, NewLink, Rtnetlink } from 'netlace';

declare const rt: Rtnetlink;
declare const netns: Netns;

export async function creating() {
  await rt.link.add({ name: 'd0', kind: 'dummy', up: true, mtu: 9000, flags: { multicast: false } });
  await rt.link.add({ name: 'vx0', kind: 'vxlan', data: { id: 42, port: 4789, link: 'eth0', group: '239.1.1.1' } });
  await rt.link.add({ name: 'v0', kind: 'veth', master: 'br0', data: { peer: { name: 'eth0', netns, up: true } } });
  await rt.link.add({ name: 'mv0', kind: 'macvlan', link: 'eth0', data: { mode: 'bridge' } });
  await rt.link.add({ name: 'v1', kind: 'vlan', link: 2, data: { id: 7, protocol: '802.1ad', flags: { gvrp: true } } });
  await rt.link.add({ name: 'p0', kind: 'dummy', master: 'br0', portKind: 'bridge', port: { cost: 5 } });
  // Numbers go where the kernel has more values than this version has names for.
  await rt.link.add({ name: 'mv1', kind: 'macvlan', link: 'eth0', data: { mode: 32 } });
  // Kinds that this version does not know.
  await rt.link.add({ name: 't0', kind: 'sometunnel', data: new Uint8Array(4) });

  // @ts-expect-error -- a number
  await rt.link.add({ name: 'vx0', kind: 'vxlan', data: { id: '42' } });
  // @ts-expect-error -- of another kind
  await rt.link.add({ name: 'v0', kind: 'veth', data: { forwardDelay: 400 } });
  // @ts-expect-error -- no kind says what this means
  await rt.link.add({ name: 'vx0', data: { id: 42 } });
  // @ts-expect-error -- a kind without a table takes bytes
  await rt.link.add({ name: 't0', kind: 'sometunnel', data: { id: 42 } });
  // @ts-expect-error -- misspelt
  await rt.link.add({ name: 'd0', kind: 'dummy', mut: 9000 });
  // @ts-expect-error -- misspelt
  await rt.link.add({ name: 'vx0', kind: 'vxlan', data: { id: 42, prot: 4789 } });
  // @ts-expect-error -- no mode of macvlan
  await rt.link.add({ name: 'mv0', kind: 'macvlan', link: 'eth0', data: { mode: 'l2' } });
  // @ts-expect-error -- no such flag
  await rt.link.add({ name: 'd0', kind: 'dummy', flags: { mutlicast: false } });
  // @ts-expect-error -- a namespace, not its name
  await rt.link.add({ name: 'v0', kind: 'veth', data: { peer: { name: 'eth0', netns: 'box' } } });
  // @ts-expect-error -- misspelt, in the link at the other end
  await rt.link.add({ name: 'v0', kind: 'veth', data: { peer: { nmae: 'eth0' } } });
  // @ts-expect-error -- not of a bridge's port
  await rt.link.add({ name: 'p0', kind: 'dummy', portKind: 'bridge', port: { id: 'x', csot: 5 } });
}

export async function changing() {
  await rt.link.set('eth0', { up: true, master: null });
  await rt.link.set(7, { name: 'wan', netns });
  await rt.link.set('br0', { kind: 'bridge', data: { forwardDelay: 400 } });
  // The kind is looked up.
  await rt.link.set('br0', { data: { forwardDelay: 400 } });
  await rt.link.delete({ group: 7 });

  // @ts-expect-error -- of another kind
  await rt.link.set('br0', { kind: 'veth', data: { forwardDelay: 400 } });
  // @ts-expect-error -- of no kind
  await rt.link.set('br0', { data: { fowardDelay: 400 } });
  // @ts-expect-error -- a link
  await rt.link.set({ name: 'br0' }, { up: true });
  // @ts-expect-error -- takes what to change
  await rt.link.set('br0');
  // @ts-expect-error -- no such option
  await rt.link.list({ knid: 'veth' });
}

export function reading(link: Link) {
  const name: string = link.name;
  const index: number = link.index;
  const up: boolean = link.up;
  const mtu: number | undefined = link.mtu;
  const rx: bigint | undefined = link.stats?.rxBytes;
  if (link.kind === 'vxlan') {
    const id: number | undefined = link.data?.id;
    // @ts-expect-error -- of another kind
    link.data?.forwardDelay;
    return id;
  }
  if (link.kind === 'veth') {
    // @ts-expect-error -- of another kind
    link.data?.id;
  }
  if (link.portKind === 'bridge') {
    const cost: number | undefined = link.port?.cost;
    return cost;
  }
  switch (link.kind) {
    case 'bridge':
      return link.data?.forwardDelay;
    case 'macvlan':
      return link.data?.mode;
    case 'bond':
      return link.data?.byteLength;
  }
  // @ts-expect-error -- what it consists of depends on the kind
  link.data?.id;
  // @ts-expect-error -- the kernel may not send it
  const certain: number = link.mtu;
  // @ts-expect-error -- what was read is not to be changed
  link.mtu = 1500;
  return [name, index, up, mtu, rx, certain];
}

/** A part of what was read makes another link like it. */
export async function copying(link: Link) {
  if (link.kind === 'vxlan' && link.data !== undefined) {
    await rt.link.add({ name: 'copy', kind: link.kind, data: link.data });
  }
  if (link.kind === 'bridge' && link.data !== undefined) {
    await rt.link.set('br1', { kind: link.kind, data: link.data });
  }
}

/** Options that are put together from what may not be there. */
export function optional(mtu: number | undefined, id: number | undefined): NewLink {
  return { name: 'vx0', kind: 'vxlan', mtu, data: { id }, up: undefined };
}
