import { ArgumentError } from '../errors.js';
import { show } from '../wire/codec.js';
import { MOUNT_ATTR__ATIME, MS_REC } from '../system-calls/constants.js';
import { ATTRIBUTES, PROPAGATION } from '../system-calls/mounts.js';

/**
 * What holds for one mount, and not for the file system: mount_setattr(2). `noAtime`, `relAtime` (the kernel's choice
 * where none is named) and `strictAtime` exclude each other. `noSymFollow` since Linux 5.10, through mount_setattr 5.14.
 */
export type MountAttribute = keyof typeof ATTRIBUTES;

/** MS_*, for mount(2). */
const FLAGS = {
  readOnly: 0x1,
  noSuid: 0x2,
  noDev: 0x4,
  noExec: 0x8,
  noSymFollow: 0x100,
  noAtime: 0x400,
  noDirAtime: 0x800,
  relAtime: 0x200000,
  strictAtime: 0x1000000,
  synchronous: 0x10,
  dirSync: 0x80,
  lazyTime: 0x2000000,
  silent: 0x8000,
  remount: 0x20,
  bind: 0x1000,
  move: 0x2000,
  recursive: 0x4000,
} as const;

/**
 * Flags of mount(2): the attributes of a mount; `synchronous`, `dirSync` and `lazyTime` of the file system; `silent`, which
 * keeps the file system from logging; and what is to be done instead of mounting a file system.
 */
export type MountFlag = keyof typeof FLAGS;

/**
 * Whether mounts and unmounts below a mount also happen below its copies, in other mount namespaces say: in both directions
 * (`shared`), only from its master (`slave`), or not; `unbindable` ones cannot be bound either. mount_namespaces(7)
 */
export type Propagation = keyof typeof PROPAGATION;

/** Likewise, and with an `r` in front for all mounts below, too. */
export type RecursivePropagation = Propagation | `r${Propagation}`;

function names<Name extends string>(argument: string, list: unknown, known: Readonly<Record<Name, number>>): Name[] {
  if (list === undefined) return [];
  if (!Array.isArray(list)) throw new ArgumentError(argument, `takes an array of names, not ${show(list)}`);
  return list.map((name: unknown, index) => {
    if (typeof name === 'string' && Object.hasOwn(known, name)) return name as Name;
    throw new ArgumentError(`${argument}[${index}]`, `there is no ${show(name)}; there are ${namesOf(known)}`);
  });
}

const namesOf = (known: object): string => Object.keys(known).join(', ');

const MODES: readonly string[] = ['noAtime', 'relAtime', 'strictAtime'] satisfies MountAttribute[];

function checkModes(argument: string, list: readonly string[]): void {
  const modes = MODES.filter((mode) => list.includes(mode));
  if (modes.length > 1) throw new ArgumentError(argument, `${modes.join(' and ')} exclude each other`);
}

/** A list of flags that are names of mount(2), checked. */
export function checkFlags(argument: string, list: unknown): MountFlag[] {
  const flags = names(argument, list, FLAGS);
  checkModes(argument, flags);
  return flags;
}

export function flagBits(flags: readonly MountFlag[]): number {
  return flags.reduce((bits, name) => bits | FLAGS[name], 0);
}

/** Those among flags that are also attributes. */
export function attributesAmong(flags: readonly MountFlag[]): MountAttribute[] {
  return flags.filter((name): name is MountFlag & MountAttribute => Object.hasOwn(ATTRIBUTES, name));
}

export function checkAttributes(argument: string, list: unknown): MountAttribute[] {
  const attributes = names(argument, list, ATTRIBUTES);
  checkModes(argument, attributes);
  return attributes;
}

export function attributeBits(attributes: readonly MountAttribute[]): number {
  return attributes.reduce((bits, name) => bits | ATTRIBUTES[name], 0);
}

/** What has to be cleared so that these can be set: the mode of access times is one number of several bits. */
export function clearedBySetting(attributes: readonly MountAttribute[]): number {
  return attributes.some((name) => MODES.includes(name)) ? MOUNT_ATTR__ATIME : 0;
}

/** Attributes to clear. */
export function checkCleared(argument: string, list: unknown): MountAttribute[] {
  const attributes = names(argument, list, ATTRIBUTES);
  const mode = attributes.find((name) => MODES.includes(name));
  if (mode !== undefined)
    throw new ArgumentError(argument, `set one of ${MODES.join(', ')} instead of clearing ${mode}`);
  return attributes;
}

/** The names of the bits that are set, in the order of the table; one of the modes of access times is always among them. */
export function attributesIn(bits: number): MountAttribute[] {
  const mode = bits & MOUNT_ATTR__ATIME;
  return (Object.keys(ATTRIBUTES) as MountAttribute[]).filter((name) =>
    MODES.includes(name) ? ATTRIBUTES[name] === mode : (bits & ATTRIBUTES[name]) !== 0,
  );
}

/** The MS_* constant; undefined: it stays as it is. */
export function propagationBits(argument: string, name: unknown): number | undefined {
  if (name === undefined) return undefined;
  if (typeof name !== 'string' || !Object.hasOwn(PROPAGATION, name))
    throw new ArgumentError(argument, `takes one of ${namesOf(PROPAGATION)}, not ${show(name)}`);
  return PROPAGATION[name as Propagation];
}

/** Likewise with MS_REC. */
export function recursivePropagationBits(argument: string, name: unknown): number | undefined {
  if (typeof name === 'string' && name.startsWith('r') && Object.hasOwn(PROPAGATION, name.slice(1)))
    return PROPAGATION[name.slice(1) as Propagation] | MS_REC;
  return propagationBits(argument, name);
}
