export { Netns, type NetnsCreateOptions, type NetnsRef, type Sysctls } from './netns.js';
export type { ConnectOptions, ListenOptions, UdpOptions } from './sockets.js';
