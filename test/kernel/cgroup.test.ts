/** Cgroups of version 2: made, limited, frozen, killed, watched, removed. Where version 1 has the controllers, what works without. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { Cgroup } from '../../lib/cgroup/cgroup.js';
import type { CgroupEvent, CgroupEvents } from '../../lib/cgroup/events.js';
import { ArgumentError, ClosedError, SyscallError, TimeoutError, UnsupportedError } from '../../lib/errors.js';
import { spawn as spawnWith } from '../../lib/process/spawn.js';
import { leavesNothing, until } from '../support/leftovers.js';
import { olderThan } from '../support/netns.js';
import { errorOf } from '../support/rejection.js';
import { describeUnless, testUnless } from '../support/skip.js';

// libuv keeps the one inotify descriptor of an event loop until that ends.
watch('/proc/self').close();
leavesNothing();
jest.setTimeout(60_000);

const { layout, mountPoint, controllers, legacyControllers } = Cgroup.hierarchy();
const basePath = `/netlace-${process.pid}`;
const fileOf = (path: string, file: string) => `${mountPoint}${path}/${file}`;
const contents = (cgroup: Cgroup, file: string) => readFileSync(fileOf(cgroup.path, file), 'utf8').trim();

const noCgroups = await (async () => {
  try {
    await (await Cgroup.create(basePath)).delete();
    return undefined;
  } catch (error) {
    return `no cgroups can be made: ${(error as Error).message}`;
  }
})();
const without = (controller: string) =>
  noCgroups ?? (controllers.includes(controller) ? undefined : `version 2 has no controller ${controller} here`);

/** The cgroup that all others of this file are in. */
let base: Cgroup;
let children: ChildProcess[] = [];
async function endChildren(): Promise<void> {
  const ended = children.map(async (child) => {
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
  });
  children = [];
  await Promise.all(ended);
}
const handles = () =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(fileOf(basePath, '').slice(0, -1));
    } catch {
      return false;
    }
  });

if (noCgroups === undefined) {
  beforeAll(async () => {
    base = await Cgroup.create(basePath);
  });
  afterAll(async () => {
    expect(handles()).toEqual([`${base.fd}`]);
    await base.delete({ kill: true, recursive: true });
    expect(existsSync(fileOf(basePath, ''))).toBe(false);
  });
}

let count = 0;
/** A new cgroup for as long as `body` runs, and the children that it starts. */
async function inCgroup(
  body: (cgroup: Cgroup) => Promise<void>,
  options: Parameters<typeof Cgroup.create>[1] = {},
): Promise<void> {
  const cgroup = await Cgroup.create(`box${++count}`, { parent: base, ...options });
  try {
    await body(cgroup);
  } finally {
    using again = Cgroup.open(`${basePath}/box${count}`);
    cgroup.close();
    await again.thaw();
    await endChildren();
    await again.delete({ recursive: true });
  }
}

/** A program that says 'ready', and then waits for what stands on its standard input. */
function start(command: string, ...args: string[]): ChildProcess & { readonly pid: number } {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  child.once('close', () => (children = children.filter((each) => each !== child)));
  return child as ChildProcess & { readonly pid: number };
}

/** A process in a cgroup that does nothing but echo. */
async function echoIn(cgroup: Cgroup): Promise<ChildProcess & { readonly pid: number }> {
  const child = start('cat');
  await cgroup.add(child.pid);
  return child;
}

/** A Node.js that runs `body` with each line of its standard input, and prints what that returns. */
async function script(body: string): Promise<ChildProcess & { readonly pid: number }> {
  const source = `
    const { spawnSync } = require('node:child_process');
    const run = () => { ${body} };
    process.stdin.on('data', () => console.log(JSON.stringify(run() ?? null)));
    console.log('ready');`;
  const child = start(process.execPath, '-e', source);
  await once(child.stdout!, 'data');
  return child;
}

async function ask(child: ChildProcess): Promise<unknown> {
  const answer = once(child.stdout!, 'data');
  child.stdin!.write('\n');
  return JSON.parse(String((await answer)[0]));
}

const isEvent =
  <T extends CgroupEvent['type']>(type: T) =>
  (event: CgroupEvent): event is Extract<CgroupEvent, { type: T }> =>
    event.type === type;

/** Takes events until one is of a type and as wanted. */
async function eventually<T extends CgroupEvent['type']>(
  events: CgroupEvents,
  type: T,
  wanted: (event: Extract<CgroupEvent, { type: T }>) => boolean,
): Promise<Extract<CgroupEvent, { type: T }>> {
  for (;;) {
    const { value, done } = await events.next();
    if (done === true) throw new Error('the events have ended');
    if (isEvent(type)(value) && wanted(value)) return value;
  }
}

/** Takes what the files of events say at first. */
async function tellAll(cgroup: Cgroup, events: CgroupEvents): Promise<void> {
  for (const type of ['cgroup', 'memory', 'pids']) {
    if (existsSync(fileOf(cgroup.path, `${type}.events`)))
      expect((await events.next()).value).toMatchObject({ type, before: undefined });
  }
}

describe('the hierarchy', () => {
  test('is what is mounted', () => {
    const mounts = readFileSync('/proc/mounts', 'utf8').split('\n');
    const ofType = (type: string) => mounts.filter((line) => line.split(' ')[2] === type);
    expect({ unified: 2, hybrid: 2, legacy: 1, none: 0 }[layout] >= 2).toBe(ofType('cgroup2').length > 0);
    expect(['hybrid', 'legacy'].includes(layout)).toBe(ofType('cgroup').length > 0);
    expect(Object.keys(legacyControllers).length > 0).toBe(ofType('cgroup').some((line) => !line.includes('name=')));
    if (mountPoint !== undefined) {
      expect(readFileSync(`${mountPoint}/cgroup.controllers`, 'utf8').trim()).toBe(controllers.join(' '));
      expect(controllers.filter((controller) => controller in legacyControllers)).toEqual([]);
    }
  });
});

describeUnless(noCgroups, 'a cgroup', () => {
  test('is made, found, and removed', async () => {
    const made = await Cgroup.create(`${basePath}/made`);
    expect(made.path).toBe(`${basePath}/made`);
    expect(readlinkSync(`/proc/self/fd/${made.fd}`)).toBe(`${mountPoint}${basePath}/made`);
    expect(contents(made, 'cgroup.procs')).toBe('');
    expect(base.children()).toContain(made.path);
    using opened = Cgroup.open(made.path);
    expect(opened.id).toBe(made.id);
    expect(opened.fd).not.toBe(made.fd);
    expect(opened.id).not.toBe(base.id);
    using inner = await Cgroup.create('inner', { parent: made });
    expect(inner.path).toBe(`${basePath}/made/inner`);
    expect(made.children()).toEqual([inner.path]);
    expect(made.stat().descendants).toBe(1);
    expect(inner.children()).toEqual([]);
    await inner.delete();
    expect(made.children()).toEqual([]);
    await made.delete();
    expect(base.children()).not.toContain(made.path);
    expect(existsSync(fileOf(made.path, ''))).toBe(false);
    expect(() => made.fd).toThrow(ClosedError);
  });

  test('one that is there is not made, and one without a parent neither', () =>
    inCgroup(async (cgroup) => {
      const there = await errorOf(() => Cgroup.create(cgroup.path));
      expect(there).toBeInstanceOf(SyscallError);
      expect(there).toMatchObject({ code: 'EEXIST', syscall: 'mkdir', message: expect.stringContaining(cgroup.path) });
      expect(await errorOf(() => Cgroup.create(`${cgroup.path}/a/b`))).toMatchObject({ code: 'ENOENT' });
      expect(await errorOf(() => Cgroup.open(`${cgroup.path}/a`))).toMatchObject({
        code: 'ENOENT',
        message: expect.stringContaining('there is no such cgroup'),
      });
      expect(cgroup.children()).toEqual([]);
    }));

  test('what is no argument is refused before anything is done', async () => {
    const made = base.children();
    for (const [run, argument] of [
      [() => Cgroup.create(`${basePath}/../x`), 'path'],
      [() => Cgroup.create('x'), 'path'],
      [() => Cgroup.create('/'), 'path'],
      [() => Cgroup.create('/x\0'), 'path'],
      [() => Cgroup.create('/x', { parent: base }), 'path'],
      [() => Cgroup.create('x', { parent: {} as never }), 'options.parent'],
      [() => Cgroup.create('x', { parnet: base } as never), 'options.parnet'],
      [() => Cgroup.create('x', { parent: base, controllers: 'memory' as never }), 'options.controllers'],
      [() => Cgroup.create('x', { parent: base, controllers: ['+memory'] }), 'options.controllers[0]'],
      [() => Cgroup.create('x', { parent: base, limits: { cpu: { weight: 0 } } }), 'options.limits.cpu.weight'],
      [() => Cgroup.open('a'), 'path'],
      [() => Cgroup.ofProcess(0), 'pid'],
      [() => base.add(-1), 'pid'],
      [() => base.add('1' as never), 'pid'],
      [() => base.set({ pids: { max: -5 } }), 'limits.pids.max'],
      [() => base.delete({ kil: true } as never), 'options.kil'],
      [() => base.delete({ kill: 1 as never }), 'options.kill'],
      [() => base.kill({ timeout: 0 }), 'options.timeout'],
      [() => base.freeze({ signal: 1 as never }), 'options.signal'],
      [() => base.events({ persistant: true } as never), 'options.persistant'],
      [() => base.events({ signal: 1 as never }), 'options.signal'],
    ] as [() => unknown, string][]) {
      const error = await errorOf(run);
      expect(error).toBeInstanceOf(ArgumentError);
      expect(error).toMatchObject({ argument });
    }
    expect(base.children()).toEqual(made);
  });

  test('processes move into it, with their threads, and what they start is in it too', () =>
    inCgroup(async (cgroup) => {
      expect(cgroup.processes()).toEqual([]);
      const child = await script(`return spawnSync('cat', ['/proc/self/cgroup'], { encoding: 'utf8' }).stdout`);
      await cgroup.add(child.pid);
      expect(cgroup.processes()).toEqual([child.pid]);
      expect(cgroup.threads()).toContain(child.pid);
      expect(cgroup.threads().length).toBe(readdirSync(`/proc/${child.pid}/task`).length);
      expect(readFileSync(`/proc/${child.pid}/cgroup`, 'utf8')).toContain(`0::${cgroup.path}\n`);
      expect(await ask(child)).toContain(`0::${cgroup.path}\n`);
      using found = Cgroup.ofProcess(child.pid);
      expect([found.path, found.id]).toEqual([cgroup.path, cgroup.id]);
      using inner = await Cgroup.create('inner', { parent: cgroup });
      await inner.add(child.pid);
      expect(cgroup.processes()).toEqual([]);
      expect(inner.processes()).toEqual([child.pid]);
    }));

  test('this process is in the one that /proc/self/cgroup says', () => {
    using current = Cgroup.current();
    expect(readFileSync('/proc/self/cgroup', 'utf8')).toContain(`0::${current.path}\n`);
    expect(current.processes()).toContain(process.pid);
  });

  test('a process that there is not', () =>
    inCgroup(async (cgroup) => {
      const child = start('true');
      await once(child, 'exit');
      expect(await errorOf(() => cgroup.add(child.pid))).toMatchObject({
        code: 'ESRCH',
        syscall: 'write',
        message: expect.stringContaining(`cgroup.procs of cgroup ${cgroup.path}`),
      });
      expect(await errorOf(() => Cgroup.ofProcess(child.pid))).toMatchObject({
        code: 'ENOENT',
        message: expect.stringContaining(`process ${child.pid}`),
      });
    }));

  test('frozen, nothing in it goes on until it is thawed', () =>
    inCgroup(async (cgroup) => {
      using inner = await Cgroup.create('inner', { parent: cgroup });
      const child = await echoIn(inner);
      const echo = once(child.stdout!, 'data');
      await cgroup.freeze();
      expect(contents(cgroup, 'cgroup.events')).toContain('frozen 1');
      expect(contents(inner, 'cgroup.events')).toContain('frozen 1');
      child.stdin!.write('thawed');
      const silence = new Promise((resolve) => setTimeout(resolve, 100, 'nothing'));
      expect(await Promise.race([echo, silence])).toBe('nothing');
      // One inside cannot be thawed alone.
      expect(await errorOf(() => inner.thaw({ timeout: 50 }))).toBeInstanceOf(TimeoutError);
      await cgroup.thaw();
      expect(contents(cgroup, 'cgroup.events')).toContain('frozen 0');
      expect(String((await echo)[0])).toBe('thawed');
      await Promise.all([cgroup.freeze(), cgroup.freeze()]);
      await Promise.all([cgroup.thaw(), cgroup.thaw()]);
    }));

  test('a program that is started in a frozen one begins when it is thawed, and nothing else waits for that', () =>
    inCgroup(async (cgroup) => {
      await cgroup.freeze();
      const starting = spawnWith('true', [], { cgroup, stdio: 'ignore' });
      expect(await until(() => contents(cgroup, 'cgroup.procs') !== '')).toBe(true);
      expect(await Promise.race([starting, setImmediate('not yet')])).toBe('not yet');
      await cgroup.thaw();
      const child = await starting;
      expect((await child.exited).code).toBe(0);
    }));

  test('waiting can be given up', () =>
    inCgroup(async (cgroup) => {
      using inner = await Cgroup.create('inner', { parent: cgroup });
      await echoIn(inner);
      await cgroup.freeze();
      const controller = new AbortController();
      const thawing = errorOf(() => inner.thaw({ signal: controller.signal, timeout: 60_000 }));
      await setImmediate();
      controller.abort(new Error('enough'));
      expect((await thawing).message).toBe('enough');
      expect((await errorOf(() => inner.freeze({ signal: controller.signal }))).message).toBe('enough');
      // Told what it waits for is no more.
      const closed = errorOf(() => inner.thaw());
      await setImmediate();
      inner.close();
      expect(await closed).toBeInstanceOf(ClosedError);
      await cgroup.thaw();
    }));

  test('killed, all processes in it and below it are gone, frozen ones too', () =>
    inCgroup(async (around) => {
      using cgroup = await Cgroup.create('doomed', { parent: around });
      using inner = await Cgroup.create('inner', { parent: cgroup });
      const killed = [await echoIn(cgroup), await echoIn(inner)];
      const spared = await echoIn(around);
      await inner.freeze();
      const exits = killed.map((child) => once(child, 'exit'));
      await cgroup.kill();
      expect(cgroup.processes()).toEqual([]);
      expect(inner.processes()).toEqual([]);
      expect((await Promise.all(exits)).map(([, signal]) => signal as unknown)).toEqual(['SIGKILL', 'SIGKILL']);
      expect(around.processes()).toEqual([spared.pid]);
      const echo = once(spared.stdout!, 'data');
      spared.stdin!.end('alive');
      expect(String((await echo)[0])).toBe('alive');
      await once(spared, 'exit');
      // None is there to kill.
      await cgroup.kill();
    }));

  test('with something in it, it is removed only when told to remove that too', async () => {
    const cgroup = await Cgroup.create('full', { parent: base });
    const inner = await Cgroup.create('inner', { parent: cgroup });
    const innermost = await Cgroup.create('innermost', { parent: inner });
    const child = await echoIn(innermost);
    const exit = once(child, 'exit');
    for (const [run, part] of [
      [() => cgroup.delete(), `{ recursive: true }`],
      [() => cgroup.delete({ recursive: true }), `{ kill: true }`],
      [() => innermost.delete(), `{ kill: true }`],
    ] as const) {
      expect(await errorOf(run)).toMatchObject({
        code: 'EBUSY',
        syscall: 'rmdir',
        hint: expect.stringContaining(part),
      });
    }
    expect(innermost.processes()).toEqual([child.pid]);
    expect(await errorOf(() => inner.delete({ kill: true }))).toMatchObject({ code: 'EBUSY' });
    await exit;
    await endChildren();
    await cgroup.delete({ kill: true, recursive: true });
    expect(existsSync(fileOf(cgroup.path, ''))).toBe(false);
    for (const handle of [inner, innermost]) {
      expect(await errorOf(() => handle.delete())).toMatchObject({ code: 'ENOENT' });
      handle.close();
    }
  });

  test('closed, it does nothing any more', async () => {
    const cgroup = await Cgroup.create('closed', { parent: base });
    const events = cgroup.events();
    cgroup.close();
    cgroup.close();
    for (const run of [
      () => cgroup.fd,
      () => cgroup.processes(),
      () => cgroup.add(process.pid),
      () => cgroup.set({}),
      () => cgroup.limits(),
      () => cgroup.stat(),
      () => cgroup.pressure(),
      () => cgroup.kill(),
      () => cgroup.freeze(),
      () => cgroup.events(),
      () => cgroup.delete(),
      () => Cgroup.create('x', { parent: cgroup }),
    ]) {
      expect(await errorOf(run)).toBeInstanceOf(ClosedError);
    }
    expect(await events.next()).toEqual({ done: true, value: undefined });
    using again = Cgroup.open(cgroup.path);
    await again.delete();
  });

  test('a handle of one that was removed is none of the next of that path', async () => {
    const first = await Cgroup.create('twice', { parent: base });
    rmdirSync(fileOf(first.path, ''));
    const gone = () =>
      Promise.all(
        [
          () => first.processes(),
          () => first.stat(),
          () => first.limits(),
          () => first.add(process.pid),
          () => first.kill(),
          () => first.events(),
          () => first.delete(),
          () => Cgroup.create('x', { parent: first }),
        ].map(async (run) => (await errorOf(run)).code),
      );
    expect(new Set(await gone())).toEqual(new Set(['ENOENT']));
    using second = await Cgroup.create('twice', { parent: base });
    const child = await echoIn(second);
    expect(second.id).not.toBe(first.id);
    expect(new Set(await gone())).toEqual(new Set(['ENOENT']));
    expect(second.processes()).toEqual([child.pid]);
    first.close();
    await second.delete({ kill: true });
    await endChildren();
  });

  test('the highest one can be read, and no more', async () => {
    using root = Cgroup.open('/');
    expect(root.controllers()).toEqual(controllers);
    expect(root.children()).toContain(basePath);
    expect(root.stat().descendants).toBeGreaterThan(0);
    for (const run of [() => root.delete(), () => root.freeze(), () => root.kill(), () => root.events()])
      expect(await errorOf(run)).toBeInstanceOf(UnsupportedError);
    expect(await errorOf(() => root.set({ memory: { max: 4096 } }))).toMatchObject({
      code: 'ERR_NETLACE_UNSUPPORTED',
      message: expect.stringContaining('limits.memory.max'),
    });
  });

  test('statistics there are without any controller', () =>
    inCgroup(async (cgroup) => {
      const child = await script(`
        const start = process.cpuUsage();
        for (let used; used = process.cpuUsage(start), used.user + used.system < 50_000;);`);
      expect(cgroup.stat().cpu).toMatchObject({ usageUsec: 0, userUsec: 0, systemUsec: 0 });
      await cgroup.add(child.pid);
      await ask(child);
      const { cpu, descendants, dyingDescendants } = cgroup.stat();
      expect(cpu!.usageUsec).toBeGreaterThan(20_000);
      expect(cpu!.userUsec + cpu!.systemUsec).toBeGreaterThan(20_000);
      expect([descendants, dyingDescendants]).toEqual([0, expect.any(Number)]);
    }));

  test('somebody else may do what was delegated, and is told what not', () =>
    inCgroup(async (cgroup) => {
      const child = start('cat');
      const delegated = await Cgroup.create('delegated', { parent: cgroup });
      for (const file of ['', 'cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads'])
        chownSync(fileOf(delegated.path, file), 65_534, 65_534);
      process.seteuid!(65_534);
      try {
        const opened = Cgroup.open(delegated.path);
        const inner = await Cgroup.create('inner', { parent: opened });
        expect(inner.processes()).toEqual([]);
        expect(await errorOf(() => inner.add(child.pid))).toMatchObject({
          code: 'EACCES',
          hint: expect.stringContaining('common ancestor'),
        });
        await inner.freeze();
        await inner.thaw();
        await inner.delete();
        for (const run of [
          () => Cgroup.create('other', { parent: cgroup }),
          () => cgroup.freeze(),
          () => cgroup.kill(),
          () => opened.delete(),
        ]) {
          expect(await errorOf(run)).toMatchObject({ code: 'EACCES', hint: expect.stringContaining('delegated') });
        }
        opened.close();
      } finally {
        process.seteuid!(0);
      }
      expect(delegated.children()).toEqual([]);
      delegated.close();
    }));
});

describeUnless(noCgroups, 'events', () => {
  test('tell what is, and what becomes of it', () =>
    inCgroup(async (cgroup) => {
      await using events = cgroup.events();
      const state = (populated: boolean, frozen: boolean) => ({ populated, frozen });
      expect(await eventually(events, 'cgroup', () => true)).toEqual({
        type: 'cgroup',
        value: state(false, false),
        before: undefined,
      });
      const child = await echoIn(cgroup);
      expect(await eventually(events, 'cgroup', () => true)).toEqual({
        type: 'cgroup',
        value: state(true, false),
        before: state(false, false),
      });
      await cgroup.freeze();
      expect((await eventually(events, 'cgroup', () => true)).value).toEqual(state(true, true));
      await cgroup.thaw();
      expect((await eventually(events, 'cgroup', () => true)).value).toEqual(state(true, false));
      child.stdin!.end();
      expect((await eventually(events, 'cgroup', () => true)).value).toEqual(state(false, false));
    }));

  test('several calls of next are answered in order, and the end ends all', () =>
    inCgroup(async (cgroup) => {
      const events = cgroup.events();
      await tellAll(cgroup, events);
      const waiting = [events.next(), events.next(), events.next()];
      const child = await echoIn(cgroup);
      const told = await waiting[0];
      expect(told).toMatchObject({ done: false, value: { type: 'cgroup', value: { populated: true } } });
      child.stdin!.end();
      await events.return();
      for (const each of waiting.slice(1)) await each;
      expect(await waiting[2]).toEqual({ done: true, value: undefined });
      expect(await events.next()).toEqual({ done: true, value: undefined });
    }));

  test('end when the cgroup is removed, by whomever', () =>
    inCgroup(async (cgroup) => {
      using inner = await Cgroup.create('inner', { parent: cgroup });
      const seen: CgroupEvent[] = [];
      const iteration = (async () => {
        for await (const event of inner.events()) seen.push(event);
      })();
      expect(await until(() => seen.length > 0)).toBe(true);
      // Neighbours are none of its business.
      mkdirSync(fileOf(cgroup.path, 'neighbour'));
      rmdirSync(fileOf(cgroup.path, 'neighbour'));
      await setImmediate();
      rmdirSync(fileOf(inner.path, ''));
      await iteration;
      expect(seen.filter(isEvent('cgroup'))).toHaveLength(1);
    }));

  test('are ended by leaving the loop, a signal, and the handle', () =>
    inCgroup(async (cgroup) => {
      for await (const event of cgroup.events()) {
        expect(event.before).toBeUndefined();
        break;
      }
      const controller = new AbortController();
      const events = cgroup.events({ signal: controller.signal });
      await tellAll(cgroup, events);
      const ended = errorOf(() => events.next());
      controller.abort(new Error('enough'));
      expect((await ended).message).toBe('enough');
      expect((await events.next()).done).toBe(true);
      const never = cgroup.events({ signal: controller.signal });
      expect((await errorOf(() => never.next())).message).toBe('enough');
      using other = Cgroup.open(cgroup.path);
      const last = other.events();
      await last.next();
      const waiting = eventually(last, 'pids', ({ value }) => value.max === -1);
      other.close();
      expect((await errorOf(() => waiting)).message).toBe('the events have ended');
    }));

  test('keep a process alive only if they are to', async () => {
    const watchers = () => process.getActiveResourcesInfo().filter((name) => name === 'FSEventWrap').length;
    await inCgroup(async (cgroup) => {
      const before = watchers();
      const idle = cgroup.events({ persistent: false });
      await idle.next();
      expect(watchers()).toBe(before);
      const busy = cgroup.events();
      await busy.next();
      expect(watchers()).toBeGreaterThan(before);
      busy.close();
      idle.close();
      expect(await until(() => watchers() === before)).toBe(true);
    });
  });
});

const noPressure =
  noCgroups ??
  (existsSync('/proc/pressure/cpu') ? undefined : 'this kernel measures no pressure') ??
  (existsSync('/proc/pressure/memory') ? undefined : 'this kernel measures no pressure of memory');

describeUnless(noPressure, 'pressure', () => {
  test('is what the files say', () =>
    inCgroup(async (cgroup) => {
      const shares = { avg10: 0, avg60: 0, avg300: 0, total: 0 };
      const { cpu, memory, io } = cgroup.pressure();
      for (const pressure of [memory, io]) expect(pressure).toEqual({ some: shares, full: shares });
      expect(cpu!.some).toEqual(shares);
      using root = Cgroup.open('/');
      const total = Number(/^some .*total=(\d+)/.exec(readFileSync('/proc/pressure/cpu', 'utf8'))![1]);
      expect(root.pressure().cpu!.some!.total).toBeGreaterThanOrEqual(total);
    }));

  testUnless(olderThan(6, 1), 'switched off, there is none', () =>
    inCgroup(async (cgroup) => {
      using handle = Cgroup.open(cgroup.path);
      expect(handle.pressure().cpu).toBeDefined();
      spawnSync('sh', ['-c', `echo 0 > ${fileOf(cgroup.path, 'cgroup.pressure')}`]);
      expect(await errorOf(() => handle.pressure())).toBeInstanceOf(UnsupportedError);
    }),
  );
});

describeUnless(
  noPressure === undefined || noCgroups !== undefined ? 'this kernel measures pressure' : undefined,
  'without pressure',
  () => {
    test('the error says so', () =>
      inCgroup(async (cgroup) => {
        expect(await errorOf(() => cgroup.pressure())).toMatchObject({
          code: 'ERR_NETLACE_UNSUPPORTED',
          message: expect.stringContaining('CONFIG_PSI'),
        });
      }));
  },
);

describeUnless(
  noCgroups ??
    (legacyControllers['memory'] === undefined ? 'version 1 does not have the controller memory' : undefined),
  'on a hybrid host',
  () => {
    test('limits are refused, and nothing is made', async () => {
      const before = base.children();
      const memory = { memory: { max: 64 * 1024 * 1024 } };
      const creating = await errorOf(() => Cgroup.create('limited', { parent: base, limits: memory }));
      expect(creating).toBeInstanceOf(UnsupportedError);
      expect(creating.message).toContain('options.limits.memory.max');
      expect(creating.message).toContain(`version 1 has it, at ${legacyControllers['memory']}`);
      const asking = await errorOf(() => Cgroup.create('limited', { parent: base, controllers: ['cpu', 'memory'] }));
      expect(asking).toBeInstanceOf(UnsupportedError);
      expect(base.children()).toEqual(before);
      const setting = await errorOf(() => base.set(memory));
      expect(setting).toBeInstanceOf(UnsupportedError);
      expect(setting.message).toContain(`version 1 has it, at ${legacyControllers['memory']}`);
      expect(base.limits()).toEqual({});
      expect(base.stat()).not.toHaveProperty('memory');
    });
  },
);

describeUnless(without('pids') ?? without('memory') ?? without('cpu'), 'controllers', () => {
  test('are handed on from the top down where a limit takes them', () =>
    inCgroup(async (cgroup) => {
      using inner = await Cgroup.create('inner', { parent: cgroup });
      expect(inner.controllers()).toEqual([]);
      using limited = await Cgroup.create(`${inner.path}/limited`, { limits: { pids: { max: 23 } } });
      expect(limited.controllers()).toEqual(['pids']);
      expect(contents(cgroup, 'cgroup.subtree_control')).toBe('pids');
      expect(contents(limited, 'pids.max')).toBe('23');
      using measured = await Cgroup.create('measured', { parent: inner, controllers: ['memory', 'pids'] });
      expect(measured.controllers()).toEqual(['memory', 'pids']);
      expect(measured.limits().pids).toEqual({ max: 'max' });
      expect(limited.limits().pids).toEqual({ max: 23 });
      expect(Object.keys(measured.stat())).toEqual(expect.arrayContaining(['memory', 'pids', 'cpu']));
    }));

  test('are not where processes are', () =>
    inCgroup(async (cgroup) => {
      await echoIn(cgroup);
      const error = await errorOf(() => Cgroup.create('inner', { parent: cgroup, limits: { memory: { max: 'max' } } }));
      expect(error).toMatchObject({ code: 'EBUSY', hint: expect.stringContaining('no internal processes') });
      expect(error.message).toContain(`cgroup.subtree_control of cgroup ${cgroup.path}`);
      expect(cgroup.children()).toEqual([]);
    }));

  test('and processes not where those are handed on', () =>
    inCgroup(async (cgroup) => {
      using inner = await Cgroup.create('inner', { parent: cgroup, controllers: ['memory'] });
      const child = start('cat');
      const error = await errorOf(() => cgroup.add(child.pid));
      expect(error).toMatchObject({ code: 'EBUSY', hint: expect.stringContaining('no internal processes') });
      await inner.add(child.pid);
      expect(inner.processes()).toEqual([child.pid]);
    }));

  for (const [controller, limits] of [
    ['pids', { pids: { max: 20 } }],
    ['cpu', { cpu: { weight: 50 } }],
  ] as const) {
    test(`${controller}, which threads can be told apart by, leaves a cgroup with processes as it was`, () =>
      inCgroup(async (cgroup) => {
        const middle = await Cgroup.create('middle', { parent: cgroup });
        await echoIn(cgroup);
        for (const parent of [cgroup, middle]) {
          const error = await errorOf(() => Cgroup.create('inner', { parent, limits }));
          expect(error).toMatchObject({ code: 'EBUSY', hint: expect.stringContaining('no internal processes') });
          expect(error.message).toContain(`cgroup.subtree_control of cgroup ${cgroup.path}`);
          expect(await errorOf(() => Cgroup.create('inner', { parent, controllers: [controller] }))).toMatchObject({
            code: 'EBUSY',
          });
          for (const each of [cgroup, middle]) {
            expect([contents(each, 'cgroup.type'), contents(each, 'cgroup.subtree_control')]).toEqual(['domain', '']);
          }
        }
        expect(cgroup.children()).toEqual([middle.path]);
        expect(middle.children()).toEqual([]);
        await echoIn(middle);
        middle.close();
      }));
  }

  test('of threads only: processes are not where those are handed on either', () =>
    inCgroup(async (cgroup) => {
      using home = await Cgroup.create('home', { parent: cgroup });
      using around = await Cgroup.create('around', { parent: cgroup });
      using inner = await Cgroup.create('inner', { parent: around, controllers: ['pids'] });
      const child = await echoIn(home);
      const error = await errorOf(() => around.add(child.pid));
      expect(error).toMatchObject({ code: 'EBUSY', hint: expect.stringContaining('no internal processes') });
      expect(error.message).toContain(`cgroup.procs of cgroup ${around.path}`);
      expect([contents(around, 'cgroup.type'), around.processes()]).toEqual(['domain', []]);
      expect(home.processes()).toEqual([child.pid]);
      await inner.add(child.pid);
      expect(inner.processes()).toEqual([child.pid]);
    }));

  test('and processes at the same time: one of both is refused', () =>
    inCgroup(async (cgroup) => {
      using home = await Cgroup.create('home', { parent: cgroup, controllers: ['pids'] });
      for (let round = 0; round < 20; round++) {
        const around = await Cgroup.create(`around${round}`, { parent: cgroup });
        const child = await echoIn(home);
        const done = await Promise.allSettled([
          Cgroup.create('inner', { parent: around, limits: { pids: { max: 20 } } }),
          around.add(child.pid),
        ]);
        const refused = done.filter((each) => each.status === 'rejected').map(({ reason }) => reason as unknown);
        expect(refused).not.toEqual([]);
        for (const reason of refused) expect(reason).toMatchObject({ code: 'EBUSY' });
        expect(contents(around, 'cgroup.type')).toBe('domain');
        expect(around.processes().length > 0 && contents(around, 'cgroup.subtree_control') !== '').toBe(false);
        expect([...home.processes(), ...around.processes()]).toEqual([child.pid]);
        await endChildren();
        if (done[0].status === 'fulfilled') done[0].value.close();
        await around.delete({ recursive: true });
      }
    }));

  test('where somebody has threads in cgroups of their own, the kernel decides', () =>
    inCgroup(async (cgroup) => {
      using inner = await Cgroup.create('inner', { parent: cgroup });
      writeFileSync(fileOf(inner.path, 'cgroup.type'), 'threaded');
      const child = await echoIn(cgroup);
      expect(contents(cgroup, 'cgroup.type')).toBe('domain threaded');
      using other = await Cgroup.create('other', { parent: cgroup, controllers: ['pids'] });
      expect(other.controllers()).toEqual(['pids']);
      const another = await echoIn(cgroup);
      expect(cgroup.processes()).toEqual([child.pid, another.pid]);
    }));

  test('that there are not make an error, and no cgroup', () =>
    inCgroup(async (cgroup) => {
      const error = await errorOf(() => Cgroup.create('x', { parent: cgroup, controllers: ['pids', 'nonesuch'] }));
      expect(error).toBeInstanceOf(UnsupportedError);
      expect(error.message).toContain('options.controllers[1]: there is no controller nonesuch');
      expect(cgroup.children()).toEqual([]);
      expect(contents(cgroup, 'cgroup.subtree_control')).toBe('');
      using inner = await Cgroup.create('inner', { parent: cgroup });
      expect(await errorOf(() => inner.set({ pids: { max: 5 } }))).toMatchObject({
        code: 'ERR_NETLACE_UNSUPPORTED',
        message: expect.stringMatching(/limits\.pids\.max: .* does not hand it on/),
      });
    }));
});

describeUnless(without('memory') ?? without('pids') ?? without('cpu'), 'limits', () => {
  const MiB = 1024 * 1024;

  test('are set at the creation and later, and read back', () =>
    inCgroup(
      async (cgroup) => {
        const page = 4096;
        expect(contents(cgroup, 'cpu.max')).toBe('25000 50000');
        expect(contents(cgroup, 'cpu.weight')).toBe('70');
        expect(contents(cgroup, 'memory.max')).toBe(`${96 * MiB}`);
        expect(contents(cgroup, 'memory.high')).toBe(`${80 * MiB}`);
        expect(contents(cgroup, 'memory.low')).toBe(`${8 * MiB}`);
        expect(contents(cgroup, 'memory.min')).toBe(`${4 * MiB}`);
        expect(contents(cgroup, 'memory.oom.group')).toBe('1');
        expect(contents(cgroup, 'pids.max')).toBe('29');
        const limits = cgroup.limits();
        expect(limits).toMatchObject({
          cpu: { max: { quota: 25_000, period: 50_000 }, weight: 70 },
          memory: { max: 96 * MiB, high: 80 * MiB, low: 8 * MiB, min: 4 * MiB, oomGroup: true },
          pids: { max: 29 },
        });
        await cgroup.set({ cpu: { max: { quota: 5000 } }, memory: { max: 64n * 1048576n + 5n, oomGroup: false } });
        expect(contents(cgroup, 'cpu.max')).toBe('5000 100000');
        expect(contents(cgroup, 'memory.max')).toBe(`${64 * MiB}`);
        expect(Number(contents(cgroup, 'memory.max')) % page).toBe(0);
        expect(contents(cgroup, 'memory.oom.group')).toBe('0');
        expect(contents(cgroup, 'cpu.weight')).toBe('70');
        await cgroup.set({ cpu: { max: 'max' }, memory: { max: 'max' }, pids: { max: 'max' } });
        expect(cgroup.limits()).toMatchObject({
          cpu: { max: { quota: 'max' }, weight: 70 },
          memory: { max: 'max', high: 80 * MiB },
          pids: { max: 'max' },
        });
        await cgroup.set(limits);
        expect(cgroup.limits()).toEqual(limits);
      },
      {
        limits: {
          cpu: { max: { quota: 25_000, period: 50_000 }, weight: 70 },
          memory: { max: 96 * MiB, high: 80 * MiB, low: 8 * MiB, min: 4 * MiB, oomGroup: true },
          pids: { max: 29 },
        },
      },
    ));

  testUnless(existsSync('/proc/swaps') ? olderThan(4, 15) : 'this kernel cannot swap', 'of swap are read back', () =>
    inCgroup(
      async (cgroup) => {
        expect(contents(cgroup, 'memory.swap.max')).toBe(`${2 * MiB}`);
        expect(cgroup.limits().memory?.swapMax).toBe(2 * MiB);
        expect(cgroup.stat().memory?.swapCurrent).toBe(0);
      },
      { limits: { memory: { swapMax: 2 * MiB } } },
    ),
  );

  testUnless(olderThan(5, 15), 'idle has no weight', () =>
    inCgroup(
      async (cgroup) => {
        expect(contents(cgroup, 'cpu.idle')).toBe('1');
        expect(cgroup.limits().cpu?.idle).toBe(true);
        expect(await errorOf(() => cgroup.set({ cpu: { weight: 50 } }))).toMatchObject({
          code: 'EINVAL',
          hint: expect.stringContaining('idle'),
          message: expect.stringContaining('limits.cpu.weight'),
        });
        await cgroup.set({ cpu: { weight: 50, idle: false } });
        expect(cgroup.limits().cpu).toMatchObject({ idle: false, weight: 50 });
      },
      { limits: { cpu: { idle: true } } },
    ),
  );

  testUnless(olderThan(5, 15) ?? without('io'), 'when one is refused, all are as before', () =>
    inCgroup(
      async (cgroup) => {
        const before = cgroup.limits();
        // The kernel has idle before the weight: the first write succeeds, the second does not.
        const error = await errorOf(() => cgroup.set({ cpu: { idle: true, weight: 50, max: { quota: 5000 } } }));
        expect(error).toMatchObject({ code: 'EINVAL', syscall: 'write' });
        expect(cgroup.limits()).toEqual(before);
        // What changes along with what was asked for too.
        const max = [{ device: '4095:7', wbps: 4096 }];
        expect(await errorOf(() => cgroup.set({ cpu: { idle: true }, io: { max } }))).toMatchObject({ code: 'ENODEV' });
        expect(cgroup.limits()).toEqual(before);
        const children = base.children();
        const creating = await errorOf(() =>
          Cgroup.create('refused', { parent: base, limits: { pids: { max: 5 }, cpu: { idle: true, weight: 50 } } }),
        );
        expect(creating.message).toContain(`cpu.weight of cgroup ${basePath}/refused (options.limits.cpu.weight)`);
        expect(base.children()).toEqual(children);
      },
      { limits: { cpu: { weight: 70, idle: false }, pids: { max: 29 } }, controllers: ['io'] },
    ),
  );

  test('of processes: fork fails with EAGAIN, and the events tell', () =>
    inCgroup(
      async (cgroup) => {
        const child = await script(`return spawnSync('true').error?.code ?? 'none'`);
        await cgroup.add(child.pid);
        expect(await ask(child)).toBe('none');
        const { current } = cgroup.stat().pids!;
        expect(current).toBe(cgroup.threads().length);
        await using events = cgroup.events();
        expect((await eventually(events, 'pids', () => true)).value.max).toBe(0);
        await cgroup.set({ pids: { max: current } });
        expect(await ask(child)).toBe('EAGAIN');
        const { value, before } = await eventually(events, 'pids', () => true);
        expect([value.max > 0, before?.max]).toEqual([true, 0]);
        await cgroup.set({ pids: { max: current + 1 } });
        expect(await ask(child)).toBe('none');
        if (olderThan(6, 1) === undefined) expect(cgroup.stat().pids!.peak).toBeGreaterThan(current);
      },
      { controllers: ['pids'] },
    ));

  test('of memory: what needs more is killed, and the events tell', () =>
    inCgroup(
      async (cgroup) => {
        const child = await script(`Buffer.alloc(${160 * MiB}, 1); return 'there'`);
        const exit = once(child, 'exit');
        await cgroup.add(child.pid);
        await using events = cgroup.events();
        expect((await eventually(events, 'memory', () => true)).value).toMatchObject({ oom: 0, oomKill: 0 });
        child.stdin!.write('\n');
        const { value } = await eventually(events, 'memory', (event) => event.value.oomKill > 0);
        expect(value.oomKill).toBe(1);
        expect(value.max).toBeGreaterThan(0);
        expect((await exit)[1]).toBe('SIGKILL');
        const { current, peak, stat } = cgroup.stat().memory!;
        if (olderThan(5, 19) === undefined) {
          expect(peak).toBeGreaterThan(24 * MiB);
          expect(peak).toBeLessThanOrEqual(32 * MiB);
        }
        expect(current).toBeLessThan(24 * MiB);
        expect(stat.pgfault).toBeGreaterThan(100);
        expect(stat.anon).toBeGreaterThanOrEqual(0);
      },
      { limits: { memory: { max: 32 * MiB, swapMax: 0 } } },
    ));

  test('of memory: what needs less is not', () =>
    inCgroup(
      async (cgroup) => {
        const child = await script(`globalThis.kept = Buffer.alloc(${40 * MiB}, 1); return 'there'`);
        await cgroup.add(child.pid);
        expect(await ask(child)).toBe('there');
        const { current, stat } = cgroup.stat().memory!;
        expect(current).toBeGreaterThan(40 * MiB);
        // Counted by each processor for itself, and added up now and then.
        expect(stat.anon).toBeGreaterThan(39 * MiB);
        // Lowered, it ends who holds on to too much.
        const exit = once(child, 'exit');
        await cgroup.set({ memory: { max: 16 * MiB } });
        expect((await exit)[1]).toBe('SIGKILL');
      },
      { limits: { memory: { max: 128 * MiB, swapMax: 0 } } },
    ));

  test('of processor time: who has had his share waits', () =>
    inCgroup(
      async (cgroup) => {
        // It never rests: even on a busy machine it gets 10 ms within 50 ms time and again.
        const child = await script('for (;;);');
        await cgroup.add(child.pid);
        child.stdin!.write('\n');
        expect(await until(() => cgroup.stat().cpu!.nrThrottled! > 3)).toBe(true);
        const { nrThrottled, throttledUsec, nrPeriods } = cgroup.stat().cpu!;
        expect(nrPeriods).toBeGreaterThanOrEqual(nrThrottled!);
        expect(throttledUsec).toBeGreaterThan(0);
      },
      { limits: { cpu: { max: { quota: 10_000, period: 50_000 } } } },
    ));
});

describeUnless(without('cpuset'), 'a cpuset', () => {
  test('keeps processes on its processors', () =>
    inCgroup(
      async (cgroup) => {
        const child = await echoIn(cgroup);
        expect(contents(cgroup, 'cpuset.cpus')).toBe('0');
        expect(cgroup.limits().cpuset).toEqual({ cpus: '0', mems: '0' });
        expect(readFileSync(`/proc/${child.pid}/status`, 'utf8')).toMatch(/^Cpus_allowed_list:\t0$/m);
        // Without any it may have no processes.
        expect(await errorOf(() => cgroup.set({ cpuset: { cpus: '' } }))).toMatchObject({ code: 'ENOSPC' });
        await endChildren();
        await cgroup.set({ cpuset: { cpus: '' } });
        expect(cgroup.limits().cpuset).toEqual({ cpus: '', mems: '0' });
      },
      { limits: { cpuset: { cpus: '0', mems: '0' } } },
    ));
});

/** A disk in memory, of this file's own. */
const noDisk =
  without('io') ??
  (existsSync('/sys/block/ram0') ? 'there are disks in memory already' : undefined) ??
  (spawnSync('modprobe', ['brd', 'rd_nr=1', 'rd_size=1024']).status === 0 ? undefined : 'no disk in memory (brd)');

describeUnless(noDisk, 'disks', () => {
  const device = noDisk === undefined ? readFileSync('/sys/block/ram0/dev', 'utf8').trim() : '';
  afterAll(() => {
    if (noDisk === undefined) spawnSync('rmmod', ['brd']);
  });

  test('limits are set for each, and read back', () =>
    inCgroup(
      async (cgroup) => {
        const none = { device, rbps: 'max', wbps: 'max', riops: 'max', wiops: 'max' };
        expect(contents(cgroup, 'io.max')).toBe(`${device} rbps=1048576 wbps=max riops=max wiops=70`);
        expect(cgroup.limits().io?.max).toEqual([{ ...none, rbps: 1_048_576, wiops: 70 }]);
        await cgroup.set({ io: { max: [{ device, rbps: 'max', wbps: 2_097_152n }] } });
        expect(cgroup.limits().io?.max).toEqual([{ ...none, wbps: 2_097_152, wiops: 70 }]);
        // The first is put back when the second is refused.
        const max = [
          { device, wbps: 4096 },
          { device: '4095:7', wbps: 4096 },
        ];
        const error = await errorOf(() => cgroup.set({ io: { max } }));
        expect(error).toMatchObject({ code: 'ENODEV', hint: expect.stringContaining('no such disk') });
        expect(cgroup.limits().io?.max).toEqual([{ ...none, wbps: 2_097_152, wiops: 70 }]);
        await cgroup.set({ io: { max: [{ device, wbps: 'max', wiops: 'max' }] } });
        expect(cgroup.limits().io?.max).toEqual([]);
      },
      { limits: { io: { max: [{ device, rbps: 1_048_576, wiops: 70 }] } } },
    ));

  test('who writes more often than he may waits, and the statistics count', () =>
    inCgroup(
      async (cgroup) => {
        const child = await script(
          `return spawnSync('dd', ['if=/dev/zero', 'of=/dev/ram0', 'oflag=direct', 'bs=4096', 'count=20']).status`,
        );
        await cgroup.add(child.pid);
        const before = process.hrtime.bigint();
        expect(await ask(child)).toBe(0);
        expect(Number(process.hrtime.bigint() - before) / 1e6).toBeGreaterThan(800);
        expect(cgroup.stat().io).toEqual([expect.objectContaining({ device, wbytes: 81_920n, wios: 20n, rbytes: 0n })]);
      },
      { limits: { io: { max: [{ device, wiops: 20 }] } } },
    ));

  test('weights there are in some kernels', () =>
    inCgroup(
      async (cgroup) => {
        if (existsSync(fileOf(cgroup.path, 'io.weight'))) {
          await cgroup.set({ io: { weight: 250 } });
          expect(contents(cgroup, 'io.weight')).toBe('default 250');
          expect(cgroup.limits().io?.weight).toBe(250);
        } else {
          expect(await errorOf(() => cgroup.set({ io: { weight: 250 } }))).toMatchObject({
            code: 'ERR_NETLACE_UNSUPPORTED',
            message: 'limits.io.weight: this kernel has no io.weight',
          });
        }
      },
      { controllers: ['io'] },
    ));
});
