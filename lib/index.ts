export {
  ArgumentError,
  BulkError,
  ClosedError,
  CodecError,
  DumpInterruptedError,
  KernelError,
  LookupError,
  NetlinkError,
  SpawnError,
  SyscallError,
  TimeoutError,
  UnsupportedError,
  type AttributePolicy,
  type KernelErrorDetails,
} from './errors.js';
export type { BulkCallOptions, BulkOptions } from './netlink/bulk.js';
export type { KernelWarning } from './netlink/diagnostics.js';
export type { Dump } from './netlink/dump.js';
export type { NetnsDescriptor } from './netlink/kernel.js';
export type { CallOptions } from './netlink/options.js';
export type { Request } from './netlink/request.js';
export type { List, Mode, Result } from './netlink/runner.js';
export type { Source } from './netlink/source.js';
export type { UnknownAttr } from './wire/attrs.js';
export * from './rtnetlink/public.js';
export * from './namespaces/index.js';
export * from './helpers/index.js';
