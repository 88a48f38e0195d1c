import { nestedKeyed } from './formats.js';

/** How much of the time processes waited: Documentation/accounting/psi.rst. */
export interface PressureShares {
  /** Percent of the last 10 seconds, 0 to 100. */
  readonly avg10: number;
  /** Percent of the last minute. */
  readonly avg60: number;
  /** Percent of the last five minutes. */
  readonly avg300: number;
  /** Microseconds in all. */
  readonly total: number;
}

/** Waiting for one resource. */
export interface Pressure {
  /** At least one process waited. `irq` has none. */
  readonly some?: PressureShares;
  /** All processes waited, so that nothing was done. */
  readonly full?: PressureShares;
}

/** The pressure that a cgroup is under. */
export interface CgroupPressure {
  readonly cpu?: Pressure;
  readonly memory?: Pressure;
  readonly io?: Pressure;
  /** Time that went to interrupts. Since Linux 6.1, with CONFIG_IRQ_TIME_ACCOUNTING. */
  readonly irq?: Pressure;
}

const RESOURCES = ['cpu', 'memory', 'io', 'irq'] as const;

export function parsePressure(text: string): Pressure {
  return Object.fromEntries(
    nestedKeyed(text).map(([kind, values]) => [
      kind,
      Object.fromEntries([...values].map(([key, value]) => [key, Number(value)])),
    ]),
  );
}

/** `read` gives undefined for a file that there is not. */
export function readPressure(read: (file: string) => string | undefined): CgroupPressure {
  return Object.fromEntries(
    RESOURCES.flatMap((resource) => {
      const text = read(`${resource}.pressure`);
      return text === undefined ? [] : [[resource, parsePressure(text)] as const];
    }),
  );
}
