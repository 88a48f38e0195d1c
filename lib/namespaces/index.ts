export { NetnsCreation, type Lender, type NetnsCreationOptions } from './creation.js';
export { listNamespaces, type ListNamespacesOptions, type NamespaceInfo } from './list.js';
export { Namespace, type CreatableType, type NamespaceHandle, type NamespaceRef } from './namespace.js';
export { Netns, type NetnsCreateOptions, type NetnsRef, type Sysctls } from './netns.js';
export type { Connector, ConnectorOptions, ConnectorSettings } from './agent.js';
export type {
  BpfInstruction,
  PacketDestination,
  PacketSocket,
  PacketSocketOptions,
  PacketSource,
  RawSocket,
  RawSocketOptions,
  ReceivedPacket,
} from './packet-socket.js';
export type { Tun, TunOptions } from './tun.js';
export { NetnsWorker, type NetnsWorkerOptions } from './worker.js';
export type { Lookup, LookupOptions } from './resolver.js';
export type {
  ConnectAbstractOptions,
  ConnectOptions,
  ListenAbstractOptions,
  ListenOptions,
  UdpOptions,
} from './sockets.js';
export { setns, unshare, type Unshareable } from './raw.js';
export { namespaceTree, type NamespaceNode } from './tree.js';
export type { NamespaceType } from '../namespace-types.js';
