import { constants, fstatSync, readdirSync, readFileSync, statSync, promises } from 'node:fs';
import { posix } from 'node:path';
import { EBUSY, EEXIST, ENODEV, ENOENT } from '../errno.js';
import { ArgumentError, ClosedError, SyscallError, TimeoutError, UnsupportedError } from '../errors.js';
import type { Descriptor } from '../native/addon.js';
import { addon } from '../native/load.js';
import { checkCallOptions, type CallOptions } from '../netlink/options.js';
import { failureOf, isFailure, orThrow } from '../netlink/system-call.js';
import { checkKeys, checkSwitch } from '../options.js';
import {
  CgroupEvents,
  checkEventsOptions,
  eventTypes,
  type CgroupEventsOptions,
  type CgroupEventType,
  type CgroupState,
} from './events.js';
import { cgroupError, Directory } from './files.js';
import { numbers, words } from './formats.js';
import { checkName, checkPath, hierarchy, locateHere, pathIn, whyWithout, type CgroupHierarchy } from './hierarchy.js';
import { limitWrites, readLimits, type CgroupLimits, type CgroupLimitsRead, type LimitWrite } from './limits.js';
import { readPressure, type CgroupPressure } from './pressure.js';
import { readStat, type CgroupStat } from './stat.js';

/** How to make a cgroup. */
export interface CgroupCreateOptions {
  /** The cgroup to make it in; the path is then a name. Stays open. */
  readonly parent?: Cgroup | undefined;
  readonly limits?: CgroupLimits | undefined;
  /** Controllers that it shall have beside those that `limits` take: for their statistics, or for its own children. */
  readonly controllers?: readonly string[] | undefined;
}

/** How to remove a cgroup. */
export interface CgroupDeleteOptions extends CallOptions {
  /** Kills the processes in it and below it first. Since Linux 5.14. */
  readonly kill?: boolean | undefined;
  /** Removes the cgroups below it first. */
  readonly recursive?: boolean | undefined;
}

/** A controller that is asked for, and by which option. */
type Wanted = ReadonlyMap<string, string>;

/** What a cgroup has to hand on to its children. */
interface HandOn {
  readonly directory: Directory;
  readonly controllers: readonly string[];
}

/**
 * A cgroup of version 2, held open: while the handle is, no later cgroup of the same path is taken for it. Closing it
 * leaves the cgroup as it is; `delete` removes it. The kernel's own description: Documentation/admin-guide/cgroup-v2.rst.
 *
 * What only reads is done at once. What may wait in the kernel returns a promise.
 *
 * On a hybrid host, where version 1 has the controllers, limits are refused with `UnsupportedError`, and the rest works:
 * making, moving, freezing, killing, events, cpu.stat, pressure. `Cgroup.hierarchy()` tells.
 *
 * @example
 * ```ts
 * import { Cgroup } from 'netlace/cgroup';
 *
 * const { layout, mountPoint, controllers } = Cgroup.hierarchy();
 * console.log(`${layout}, at ${mountPoint ?? 'no place'}, with ${controllers.join(', ')}`);
 * ```
 */
export class Cgroup {
  readonly #descriptor: Descriptor;
  /** How many levels up can be seen from here. */
  readonly #depth: number;
  readonly #events = new Set<CgroupEvents>();
  /** As in /proc/PID/cgroup: `'/a/b'`. */
  readonly path: string;
  /** The kernel's number of it, which is the inode of its directory. */
  readonly id: bigint;

  private constructor(descriptor: Descriptor, path: string, depth: number) {
    this.#descriptor = descriptor;
    this.#depth = depth;
    this.path = path;
    this.id = fstatSync(descriptor.fd, { bigint: true }).ino;
  }

  static #at(location: string, path: string, depth: number): Cgroup {
    const opened = addon.sync.open(location, constants.O_RDONLY | constants.O_DIRECTORY);
    if (isFailure(opened)) throw cgroupError(opened, 'open', `cgroup ${path}`);
    return new Cgroup(opened, path, depth);
  }

  /** What there is of control groups on this machine. */
  static hierarchy(): CgroupHierarchy {
    return hierarchy();
  }

  /**
   * Makes a cgroup; the one around it must exist (ENOENT), and it must not (EEXIST). Where its limits take controllers that
   * the cgroups around it do not hand on to their children, they are made to, from the top down
   * (cgroup.subtree_control); EBUSY when there are processes in one of them. That stays so, whatever becomes of the new
   * cgroup, which is removed again when it cannot be as asked for.
   */
  static async create(path: string, options: CgroupCreateOptions = {}): Promise<Cgroup> {
    options = checkKeys('options', options, ['parent', 'limits', 'controllers']);
    const { parent, limits = {}, controllers = [] } = options;
    const writes = limitWrites(limits, 'options.limits');
    const wanted = wantedControllers(controllers, writes);
    if (parent !== undefined) {
      if (!(parent instanceof Cgroup)) throw new ArgumentError('options.parent', 'takes a Cgroup');
      return parent.#create(checkName('path', path), wanted, writes);
    }
    if (checkPath('path', path) === '/') throw new ArgumentError('path', 'the root is there already');
    const around = Cgroup.open(posix.dirname(path));
    try {
      return await around.#create(posix.basename(path), wanted, writes);
    } finally {
      around.close();
    }
  }

  /** Opens one that exists, by its path as in /proc/PID/cgroup. */
  static open(path: string): Cgroup {
    const { location, depth } = locateHere(checkPath('path', path));
    return Cgroup.#at(location, path, depth);
  }

  /** The one that this process is in. */
  static current(): Cgroup {
    return Cgroup.ofProcess(process.pid);
  }

  /** The one that a process is in. */
  static ofProcess(pid: number): Cgroup {
    checkPid(pid);
    let text: string;
    try {
      text = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
    } catch (error) {
      throw cgroupError(failureOf(error), 'process', `process ${pid}`);
    }
    // Without a line of version 2 there is none of its cgroups either, which the search for the root says.
    const path = pathIn(text) ?? '/';
    if (/^\/\.\.(\/|$)/.test(path))
      throw new UnsupportedError(`process ${pid} is outside of this cgroup namespace, at ${path}`);
    const { location, depth } = locateHere(path);
    return Cgroup.#at(location, path, depth);
  }

  /** The descriptor of its directory, which CLONE_INTO_CGROUP takes. It stays this handle's: do not close it. */
  get fd(): number {
    if (this.#descriptor.fd < 0) throw new ClosedError(`cgroup ${this.path}`);
    return this.#descriptor.fd;
  }

  /** The controllers that it has: cgroup.controllers. */
  controllers(): string[] {
    return words(this.#directory.read('cgroup.controllers'));
  }

  /** The paths of the cgroups in it. */
  children(): string[] {
    return childrenOf(this.#directory).map(({ path }) => path);
  }

  /** The processes in it, but not those below it. 0 stands for one that this pid namespace does not have. */
  processes(): number[] {
    return numbers(this.#directory.read('cgroup.procs'));
  }

  /** The threads in it. */
  threads(): number[] {
    return numbers(this.#directory.read('cgroup.threads'));
  }

  /**
   * Moves a process into it, with all its threads; the processes that it starts from then on are in it too. EBUSY where it
   * hands controllers on to its children.
   */
  async add(pid: number): Promise<void> {
    checkPid(pid);
    await this.#holding((directory) => directory.write('cgroup.procs', [`${pid}`]));
  }

  /**
   * Sets limits; those that are not given stay. When the kernel refuses one, those set before it are put back. Takes the
   * controllers, which `create` gives.
   */
  async set(limits: CgroupLimits): Promise<void> {
    await this.#set(limitWrites(limits, 'limits'));
  }

  /** The limits as they are now, of the controllers that it has. */
  limits(): CgroupLimitsRead {
    return readLimits(this.#reader());
  }

  /** What it uses and has used. */
  stat(): CgroupStat {
    return readStat(this.#directory.read('cgroup.stat'), this.#reader());
  }

  /** How much its processes wait for processors, memory and disks. Needs a kernel with CONFIG_PSI (and not `psi=0`). */
  pressure(): CgroupPressure {
    const pressure = readPressure(this.#reader());
    if (Object.keys(pressure).length === 0) {
      throw new UnsupportedError(
        `cgroup ${this.path} has no pressure: this kernel does not measure it (CONFIG_PSI, psi=1), or cgroup.pressure is 0`,
      );
    }
    return pressure;
  }

  /**
   * Stops all processes in it and below it, this one too if it is among them; resolves when cgroup.events says that they
   * stand still. `signal` and `timeout` end the waiting, not the freezing. Since Linux 5.2.
   */
  async freeze(options: CallOptions = {}): Promise<void> {
    await this.#command('cgroup.freeze', '1', 'Linux 5.2', options, ({ frozen }) => frozen);
  }

  /** Lets them go on; resolves when they do, which they do not while a cgroup around it is frozen. */
  async thaw(options: CallOptions = {}): Promise<void> {
    await this.#command('cgroup.freeze', '0', 'Linux 5.2', options, ({ frozen }) => !frozen);
  }

  /** Kills all processes in it and below it, frozen ones too; resolves when there are none left. Since Linux 5.14. */
  async kill(options: CallOptions = {}): Promise<void> {
    await this.#command('cgroup.kill', '1', 'Linux 5.14', options, ({ populated }) => !populated);
  }

  /**
   * What cgroup.events, memory.events and pids.events say, as far as it has them, and then each change. Costs inotify
   * watches (`fs.inotify.max_user_watches`). The root of the hierarchy has no events.
   */
  events(options: CgroupEventsOptions = {}): CgroupEvents {
    options = checkEventsOptions(options);
    const directory = this.#directory;
    const types = eventTypes(directory);
    if (types.length === 0) {
      directory.read('cgroup.controllers');
      throw new UnsupportedError(`cgroup ${this.path} has no events: the root has none`);
    }
    return this.#watch(types, options);
  }

  /**
   * Removes it, and closes the handle. EBUSY while processes or other cgroups are in it, unless told to `kill` those, and
   * to remove these (`recursive`).
   */
  async delete(options: CgroupDeleteOptions = {}): Promise<void> {
    const checked = checkKeys('options', options, ['kill', 'recursive', 'signal', 'timeout']);
    const { kill = false, recursive = false, ...waiting } = checked;
    checkCallOptions(waiting);
    checkSwitch('options.kill', kill);
    checkSwitch('options.recursive', recursive);
    if (this.#depth === 0) throw new UnsupportedError(`cgroup ${this.path} is the highest here and cannot be removed`);
    if (kill) await this.kill(waiting);
    await this.#holding((directory) => remove(directory, recursive, this.id));
    this.close();
  }

  /** Lets go of the handle, and ends its events. A second call does nothing. */
  close(): void {
    this.#descriptor.close();
    for (const events of this.#events) events.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /**
   * By the descriptor, and not by the path, where another cgroup may be by now. For what is done at once, or until
   * `close`: the number is another file's after that.
   */
  get #directory(): Directory {
    return new Directory(`/proc/self/fd/${this.fd}`, this.path);
  }

  /** The directory by a descriptor of its own, for what takes longer. */
  async #holding<T>(use: (directory: Directory) => Promise<T>): Promise<T> {
    const own = orThrow(addon.duplicate(this.fd), `cgroup ${this.path}`);
    try {
      return await use(new Directory(`/proc/self/fd/${own.fd}`, this.path));
    } finally {
      own.close();
    }
  }

  /** Reads files that may be missing, of a cgroup that is not. */
  #reader(): (file: string) => string | undefined {
    const directory = this.#directory;
    directory.read('cgroup.controllers');
    return (file) => directory.readIfThere(file);
  }

  #create(name: string, wanted: Wanted, writes: readonly LimitWrite[]): Promise<Cgroup> {
    return this.#holding(async (directory) => {
      const made = directory.child(name);
      const handOns = toHandOn(directory, this.#depth, wanted);
      try {
        await promises.mkdir(made.location);
      } catch (error) {
        const failure = failureOf(error);
        const hint = failure.errno === EEXIST ? 'Cgroup.open opens it' : undefined;
        throw cgroupError(failure, 'mkdir', `cgroup ${made.path}`, hint);
      }
      let cgroup: Cgroup | undefined;
      try {
        for (const { directory: around, controllers } of handOns)
          await around.write('cgroup.subtree_control', [controllers.map((each) => `+${each}`).join(' ')]);
        cgroup = Cgroup.#at(made.location, made.path, this.#depth + 1);
        await cgroup.#set(writes);
        return cgroup;
      } catch (error) {
        cgroup?.close();
        await promises.rmdir(made.location).catch(() => undefined);
        throw error;
      }
    });
  }

  #set(writes: readonly LimitWrite[]): Promise<void> {
    return this.#holding(async (directory) => {
      const available = words(directory.read('cgroup.controllers'));
      const before = new Map<string, string>();
      for (const write of writes) {
        for (const file of filesOf(write)) {
          const text = directory.readIfThere(file);
          if (text === undefined) throw this.#cannotLimit(write, available);
          before.set(file, text);
        }
      }
      for (const [index, { file, lines, option }] of writes.entries()) {
        try {
          await directory.write(file, lines, option);
        } catch (error) {
          await putBack(directory, writes.slice(0, index + 1), before);
          throw error;
        }
      }
    });
  }

  /** Why there is no file for a limit. */
  #cannotLimit({ controller, file, option }: LimitWrite, available: readonly string[]): UnsupportedError {
    const reason = available.includes(controller)
      ? this.#depth === 0
        ? `cgroup ${this.path} is the highest here and has no limits`
        : `this kernel has no ${file}`
      : hierarchy().controllers.includes(controller)
        ? `cgroup ${this.path} does not have the controller ${controller}, since the one around it does not hand it on; ` +
          '`controllers` of Cgroup.create has it do so'
        : `cgroup ${this.path} does not have the controller ${controller}: ${whyWithout(controller)}`;
    return new UnsupportedError(`${option}: ${reason}`);
  }

  #watch<T extends CgroupEventType>(types: readonly T[], options: CgroupEventsOptions): CgroupEvents<T> {
    const events = new CgroupEvents(this.#directory, types, options, (closed) => this.#events.delete(closed));
    this.#events.add(events);
    return events;
  }

  /** Writes a command, and waits until cgroup.events says that it is carried out. */
  async #command(
    file: string,
    command: string,
    since: string,
    options: CallOptions,
    carriedOut: (state: CgroupState) => boolean,
  ): Promise<void> {
    const { signal, timeout } = checkCallOptions(options) ?? options;
    signal?.throwIfAborted();
    if (!this.#directory.has(file)) {
      this.#directory.read('cgroup.controllers');
      throw new UnsupportedError(
        `cgroup ${this.path} has no ${file}: the root of the hierarchy has none, and others since ${since}`,
      );
    }
    await this.#holding((directory) => directory.write(file, [command]));
    const patience = new AbortController();
    const timer =
      timeout === undefined
        ? undefined
        : setTimeout(
            () => patience.abort(new TimeoutError(`${file} ${command} of cgroup ${this.path}`, timeout)),
            timeout,
          );
    try {
      const given = signal === undefined ? patience.signal : AbortSignal.any([signal, patience.signal]);
      for await (const { value } of this.#watch(['cgroup'], { signal: given })) if (carriedOut(value)) return;
    } finally {
      clearTimeout(timer);
    }
    if (this.#descriptor.fd < 0) throw new ClosedError(`cgroup ${this.path}`);
    // It was removed, and what can be removed has no processes.
    if (carriedOut({ populated: false, frozen: false })) return;
    throw new SyscallError(ENODEV, 'read', `cgroup.events of cgroup ${this.path}`, 'it was removed meanwhile');
  }
}

function checkPid(pid: unknown): void {
  if (!Number.isInteger(pid) || (pid as number) <= 0 || (pid as number) > 0x7fffffff)
    throw new ArgumentError('pid', 'takes the pid of a process');
}

function wantedControllers(controllers: unknown, writes: readonly LimitWrite[]): Wanted {
  if (!Array.isArray(controllers)) throw new ArgumentError('options.controllers', `takes a list such as ['memory']`);
  const wanted = new Map(writes.map(({ controller, option }) => [controller, option]));
  for (const [index, controller] of (controllers as unknown[]).entries()) {
    const option = `options.controllers[${index}]`;
    if (typeof controller !== 'string' || !/^[a-z_]+$/.test(controller))
      throw new ArgumentError(option, `takes a controller such as 'memory', not ${JSON.stringify(controller)}`);
    wanted.set(controller, option);
  }
  return wanted;
}

/** Which cgroups, from the top down, have to hand on what so that the children of `directory` have the controllers. */
function toHandOn(directory: Directory, depth: number, wanted: Wanted): HandOn[] {
  const handedOn = words(directory.read('cgroup.subtree_control'));
  const lacking = [...wanted.keys()].filter((controller) => !handedOn.includes(controller));
  if (lacking.length === 0) return [];
  const available = words(directory.read('cgroup.controllers'));
  const higher = lacking.filter((controller) => !available.includes(controller));
  const [first] = higher;
  if (first !== undefined && depth === 0)
    throw new UnsupportedError(`${wanted.get(first)}: there is no controller ${first} here: ${whyWithout(first)}`);
  const above =
    first === undefined
      ? []
      : toHandOn(directory.parent, depth - 1, new Map(higher.map((each) => [each, wanted.get(each)!])));
  return [...above, { directory, controllers: lacking }];
}

function filesOf({ file, changes }: LimitWrite): string[] {
  return changes === undefined ? [file] : [file, changes];
}

/** Has files say again what they said before, as far as the kernel lets them. */
async function putBack(
  directory: Directory,
  writes: readonly LimitWrite[],
  before: ReadonlyMap<string, string>,
): Promise<void> {
  for (const { file, changes, undo } of writes) {
    await directory.write(file, undo(before.get(file)!)).catch(() => undefined);
    if (changes !== undefined) await directory.write(changes, [before.get(changes)!]).catch(() => undefined);
  }
}

function childrenOf(directory: Directory): Directory[] {
  try {
    return readdirSync(directory.location, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => directory.child(name));
  } catch (error) {
    throw cgroupError(failureOf(error), 'children', `cgroup ${directory.path}`);
  }
}

/** `id`: the one meant, where another may have its name by now. */
async function remove(directory: Directory, recursive: boolean, id?: bigint): Promise<void> {
  if (recursive) for (const child of childrenOf(directory)) await remove(child, true);
  // The last part of a path to remove may not be a link of /proc.
  const location = `${directory.location}/../${posix.basename(directory.path)}`;
  try {
    if (id !== undefined && statSync(location, { bigint: true }).ino !== id) {
      throw new SyscallError(
        ENOENT,
        'rmdir',
        `cgroup ${directory.path}`,
        'it was removed, and another one has its path',
      );
    }
    await promises.rmdir(location);
  } catch (error) {
    if (error instanceof SyscallError) throw error;
    const failure = failureOf(error);
    throw cgroupError(
      failure,
      'rmdir',
      `cgroup ${directory.path}`,
      failure.errno === EBUSY ? whyBusy(directory) : undefined,
    );
  }
}

function whyBusy(directory: Directory): string {
  const children = childrenOf(directory);
  return children.length > 0
    ? `cgroups are in it, ${children.map(({ path }) => path).join(', ')}: { recursive: true } removes them`
    : `processes are in it: { kill: true } ends them`;
}
