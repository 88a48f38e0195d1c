export { CAPABILITIES, type Capability, type CapabilitySets } from './capabilities.js';
export { Child, type Exit, type ResourceUsage } from './child.js';
export type { IdMapping } from './id-map.js';
export type { BindMount, FilesystemMount, SpawnPropagation, SpawnMount } from './mounts.js';
export type { NamespaceChoice } from './namespaces.js';
export type { Resource, ResourceLimit, ResourceLimits } from './rlimits.js';
export { spawn } from './spawn.js';
export type { SpawnOptions } from './spawn-options.js';
export type { Stdio, StdioEntry, StdioStreams, Terminal, TerminalOptions } from './stdio.js';
