export { Cgroup, type CgroupCreateOptions, type CgroupDeleteOptions } from './cgroup.js';
export type {
  CgroupEvent,
  CgroupEvents,
  CgroupEventsOptions,
  CgroupEventType,
  CgroupState,
  MemoryEvents,
  PidsEvents,
} from './events.js';
export type { CgroupHierarchy } from './hierarchy.js';
export type {
  ByteLimit,
  CgroupLimits,
  CgroupLimitsRead,
  CpuLimits,
  CpuMax,
  CpusetLimits,
  IoLimits,
  IoMax,
  MemoryLimits,
  PidsLimits,
} from './limits.js';
export type { CgroupPressure, Pressure, PressureShares } from './pressure.js';
export type { CgroupStat, CpuStat, IoStat, MemoryStat, MemoryUse, PidsUse } from './stat.js';
