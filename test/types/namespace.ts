/** Namespaces of all types, the list of them, and the raw calls. */
import {
  listNamespaces,
  Namespace,
  namespaceTree,
  setns,
  unshare,
  type NamespaceHandle,
  type NamespaceInfo,
  type NamespaceNode,
  type NamespaceRef,
  type NamespaceType,
  type Netns,
} from 'netlace';

export async function opening(pid: number, fd: number) {
  const refs: NamespaceRef[] = [
    { path: '/run/x' },
    { path: '/run/x', type: 'uts' },
    { name: 'box' },
    { fd },
    { pid, type: 'mnt' },
    { pidfd: fd, type: 'cgroup' },
    { pid, type: 'pid', forChildren: true },
  ];
  for (const ref of refs) (await Namespace.open(ref)).type satisfies NamespaceType;
  Namespace.current('time', { forChildren: true }).ino satisfies bigint;
  await Namespace.create('mnt');

  // @ts-expect-error -- of which type?
  await Namespace.open({ pid });
  // @ts-expect-error -- children are in the same UTS namespace
  await Namespace.open({ pid, type: 'uts', forChildren: true });
  // @ts-expect-error -- the names of `ip netns` are of network namespaces
  await Namespace.open({ name: 'box', type: 'uts' });
  // @ts-expect-error -- that is what the kernel's documentation calls it, not its files
  Namespace.current('network');
  // @ts-expect-error -- takes a child process
  await Namespace.create('user');
  // @ts-expect-error -- made by `open`, `create` and `current`
  new Namespace();
}

export function handles(namespace: Namespace, netns: Netns) {
  const all: NamespaceHandle[] = [namespace, netns];
  netns.type satisfies 'net';
  namespace.parent() satisfies Namespace | undefined;
  namespace.ownerUid satisfies number | undefined;
  netns.owner().ownerUid satisfies number | undefined;
  // @ts-expect-error -- a handle keeps its descriptor
  namespace.fd = 3;
  // @ts-expect-error -- network namespaces do not nest
  netns.parent();
  return all.every((handle) => handle.equals(netns));
}

export async function listing() {
  const listed: NamespaceInfo[] = await listNamespaces({ types: ['net', 'user'] });
  const roots: NamespaceNode[] = namespaceTree(listed, 'parent');
  roots[0]?.children[0]?.pid satisfies number | undefined;
  // @ts-expect-error -- misspelt
  await listNamespaces({ type: ['net'] });
  // @ts-expect-error -- by owner or parent
  namespaceTree(listed, 'user');
}

export function raw(namespace: Namespace, netns: Netns, pidfd: number) {
  setns(namespace);
  setns(netns, ['net']);
  setns(pidfd, ['uts', 'ipc']);
  unshare(['fs', 'mnt']);
  // @ts-expect-error -- no namespace
  setns(namespace, ['fs']);
  // @ts-expect-error -- flags are names here
  unshare(0x20000);
}
