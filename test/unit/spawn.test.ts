/** What options of `spawn` come to, as system calls, before any is made. */
import { describe, expect, jest, test } from '@jest/globals';
import { constants } from 'node:os';
import {
  CAPABILITIES,
  checkCapabilities,
  dropBounding,
  setCapabilities,
  type CapabilitySets,
} from '../../lib/process/capabilities.js';
import type { Descriptor } from '../../lib/native/addon.js';
import { flagOf } from '../../lib/namespace-types.js';
import { checkNamespaces, openJoined } from '../../lib/process/namespaces.js';
import { planned } from '../../lib/process/plan.js';
import { Program } from '../../lib/system-calls/program.js';
import { checkResourceLimits, setResourceLimits, type ResourceLimits } from '../../lib/process/rlimits.js';
import { signalName, signalNumber } from '../../lib/process/signals.js';
import { check, type SpawnOptions } from '../../lib/process/spawn-options.js';
import { atOnce, countChild, patience } from '../../lib/process/at-once.js';
import { prepareStdio } from '../../lib/process/stdio.js';
import { errorOf } from '../support/rejection.js';

function programOf(fill: (program: Program) => void): Program {
  const program = new Program();
  fill(program);
  return program;
}

describe('capabilities', () => {
  test('have the kernel’s numbers', () => {
    // A sample of include/uapi/linux/capability.h; the first, the last, and those at the border of 32.
    expect(
      (
        [
          'CAP_CHOWN',
          'CAP_NET_ADMIN',
          'CAP_SYS_ADMIN',
          'CAP_SETFCAP',
          'CAP_MAC_OVERRIDE',
          'CAP_CHECKPOINT_RESTORE',
        ] as const
      ).map((name) => CAPABILITIES.indexOf(name)),
    ).toEqual([0, 12, 21, 31, 32, 40]);
    expect(CAPABILITIES).toHaveLength(41);
  });

  test('are set in two halves of 32', () => {
    const sets: CapabilitySets = {
      effective: ['CAP_CHOWN'],
      permitted: ['CAP_CHOWN', 'CAP_SETFCAP', 'CAP_BPF'],
      inheritable: ['CAP_MAC_OVERRIDE', 'CAP_SETFCAP'],
      ambient: ['CAP_SETFCAP'],
    };
    const { calls } = programOf((program) => setCapabilities(program, checkCapabilities(sets)));
    expect(calls.map(({ name }) => name)).toEqual(['capset', 'prctl', 'prctl']);
    const [header, data] = calls[0]!.args as Uint8Array[];
    expect([...new Uint32Array(header!.buffer)]).toEqual([0x20080522, 0]);
    expect([...new Uint32Array(data!.buffer)]).toEqual([1, 0x80000001, 0x80000000, 0, 2 ** 7, 1]);
    expect(calls[2]!.args).toEqual([47, 2, 31, 0, 0]);
  });

  test('that are not kept in the bounding set are dropped, of which some kernels know not all', () => {
    const dropped = programOf((program) =>
      dropBounding(program, checkCapabilities({ bounding: ['CAP_KILL', 'CAP_BPF'] })),
    ).calls;
    expect(dropped).toHaveLength(39);
    expect(dropped.map(({ args }) => args[1])).not.toContain(5);
    for (const each of dropped) expect(each).toMatchObject({ name: 'prctl', tolerated: [22] });
    expect(dropped.every(({ args }) => args[0] === 24)).toBe(true);
    expect(programOf((program) => dropBounding(program, checkCapabilities({}))).calls).toEqual([]);
  });

  test('that cannot be are refused', async () => {
    for (const [sets, argument] of [
      [{ effective: ['cap_kill'], permitted: [], inheritable: [] }, 'options.capabilities.effective[0]'],
      [{ bounding: ['CAP_KILL', 'KILL'] }, 'options.capabilities.bounding[1]'],
      [{ bounding: 'CAP_KILL' }, 'options.capabilities.bounding'],
      [{ permitted: ['CAP_KILL'] }, 'options.capabilities'],
      [{ effective: ['CAP_KILL'], permitted: [], inheritable: [] }, 'options.capabilities.effective'],
      [
        { effective: [], permitted: ['CAP_KILL'], inheritable: [], ambient: ['CAP_KILL'] },
        'options.capabilities.ambient',
      ],
      [{ effectiv: [] }, 'options.capabilities.effectiv'],
      [null, 'options.capabilities'],
    ] as const)
      expect(await errorOf(() => checkCapabilities(sets as CapabilitySets))).toMatchObject({
        name: 'ArgumentError',
        argument,
      });
  });
});

describe('resource limits', () => {
  test('are 64 bits each, soft before hard', () => {
    const { calls } = programOf((program) =>
      setResourceLimits(
        program,
        checkResourceLimits({ nofile: { soft: 10, hard: 'unlimited' }, as: 2 ** 40, cpu: undefined }),
      ),
    );
    expect(
      calls.map(({ name, args }) => [name, args[1], [...new BigUint64Array((args[2] as Uint8Array).buffer)]]),
    ).toEqual([
      ['prlimit64', 7, [10n, 0xffffffffffffffffn]],
      ['prlimit64', 9, [2n ** 40n, 2n ** 40n]],
    ]);
  });

  test('that cannot be are refused', async () => {
    for (const [limits, argument] of [
      [{ nofiles: 1 }, 'options.rlimits.nofiles'],
      [{ nofile: -1 }, 'options.rlimits.nofile.soft'],
      [{ nofile: 2 ** 53 }, 'options.rlimits.nofile.soft'],
      [{ nofile: 'infinite' }, 'options.rlimits.nofile.soft'],
      [{ nofile: { soft: 1 } }, 'options.rlimits.nofile.hard'],
      [{ nofile: { soft: 'unlimited', hard: 5 } }, 'options.rlimits.nofile.soft'],
      [{ nofile: { soft: 1, hard: 2, max: 3 } }, 'options.rlimits.nofile.max'],
      [{ nofile: null }, 'options.rlimits.nofile'],
    ] as const)
      expect(await errorOf(() => checkResourceLimits(limits as unknown as ResourceLimits))).toMatchObject({
        name: 'ArgumentError',
        argument,
      });
  });
});

describe('namespaces', () => {
  test('are flags of clone3, and those that are joined stay in order', () => {
    const checked = checkNamespaces({
      net: { fd: 7 },
      time: 'new',
      uts: 'new',
      user: { fd: 9 },
      pid: 'inherit',
      ipc: 'new',
    });
    expect(checked.created).toBe(flagOf('uts') + flagOf('ipc') + flagOf('time'));
    expect(checked.isNew('time')).toBe(true);
    expect(checked.isNew('pid')).toBe(false);
    expect(checked.joined).toEqual([
      { kind: 'net', place: { fd: 7 } },
      { kind: 'user', place: { fd: 9 } },
    ]);
    expect(checkNamespaces()).toMatchObject({ created: 0, joined: [] });
  });
});

describe('the child itself executes the program', () => {
  /** As `spawn` does; `parent` is the descriptor that stands for it. */
  const direct = (options: SpawnOptions, parent?: number) => {
    const checked = check('true', [], { env: {}, stdio: 'ignore', ...options });
    const opened: Descriptor[] = [];
    const joined = openJoined(checked.namespaces, opened);
    for (const descriptor of opened) descriptor.close();
    return planned(checked, joined, prepareStdio(checked.options.stdio), parent).isDirect;
  };

  test('if nothing changes who may look at its memory', () => {
    for (const options of [
      {},
      { env: { PATH: '/bin:/usr/bin' }, stdio: 'inherit', argv0: 'other', cwd: '/usr' },
      { namespaces: { uts: 'new', ipc: 'new', pid: 'new', cgroup: 'new' }, hostname: 'box', domainname: 'test' },
      { umask: 0o27, detached: true, stdio: 'tty' },
      { uid: undefined, killSignal: 'SIGINT', timeout: 5000 },
    ] satisfies SpawnOptions[])
      expect([options, direct(options)]).toEqual([options, true]);
  });

  test('else a launcher does', () => {
    for (const options of [
      { uid: 1 },
      { gid: 2 },
      { groups: [3] },
      { rlimits: { core: 10 } },
      { seccomp: new Uint8Array(8) },
      { namespaces: { net: 'new' } },
      { namespaces: { uts: 'new', mnt: 'new' } },
      { namespaces: { user: 'new' } },
      { namespaces: { time: 'new' } },
      { namespaces: { uts: { pid: process.pid } } },
      { namespaces: { pid: 'new' }, init: true },
      { namespaces: { mnt: 'new' }, mounts: [{ type: 'tmpfs', target: '/tmp' }] },
      { root: '/usr' },
      { sysctls: { 'net.ipv4.ip_forward': 1 } },
      { oomScoreAdjust: 17 },
      { nice: 1 },
      { cgroup: { fd: 0 } },
      { capabilities: { bounding: [] } },
      { noNewPrivileges: true },
    ] satisfies SpawnOptions[])
      expect([options, direct(options)]).toEqual([options, false]);
    expect(direct({ deathSignal: 'SIGTERM' }, 0)).toBe(false);
  });

  test('is waited for while it is the only one, and else for a tenth of the time', () => {
    let now = 1000;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => now);
    const spend = (milliseconds: number) => {
      now += milliseconds;
      return milliseconds;
    };
    countChild(1);
    try {
      expect(atOnce(() => spend(2))).toBe(2);
      expect(patience()).toBe(2);
      countChild(1);
      expect(patience()).toBe(0);
      spend(17);
      expect(patience()).toBe(0);
      spend(1);
      expect(patience()).toBe(2);
      expect(() =>
        atOnce(() => {
          spend(20);
          throw new Error('not made');
        }),
      ).toThrow('not made');
      expect(patience()).toBe(0);
      countChild(-1);
      expect(patience()).toBe(2);
    } finally {
      countChild(-1);
      clock.mockRestore();
    }
  });
});

describe('signals', () => {
  test('have names and numbers', async () => {
    expect(signalNumber('signal', 'SIGTERM')).toBe(15);
    expect(signalNumber('signal', 0)).toBe(0);
    expect(signalNumber('signal', 64)).toBe(64);
    expect(signalName(9)).toBe('SIGKILL');
    expect(signalName(42)).toBe(42);
    // Of two names the one that Node.js uses.
    expect(signalName(constants.signals.SIGABRT)).toBe('SIGABRT');
    for (const signal of ['SIGNOT', 'sigterm', 65, -1, 1.5, NaN] as const)
      expect(await errorOf(() => signalNumber('signal', signal as never))).toMatchObject({
        name: 'ArgumentError',
        argument: 'signal',
      });
  });
});
