export { attachToBridge, createBridge, detachFromBridge, type AttachOptions, type BridgeOptions } from './bridge.js';
export type { InterfaceOptions, LinkOptions } from './interface.js';
export { createMacvlan, type MacvlanOptions } from './macvlan.js';
export type { HelperOptions } from './operation.js';
export { createSandbox, type Sandbox, type SandboxOptions } from './sandbox.js';
export { createVethPair, type VethEnd } from './veth.js';
export { createVxlan, type VxlanOptions, type VxlanRemote } from './vxlan.js';
