/** What the files of cgroups say, and what is to be written to them; fed with texts of kernels. */
import { describe, expect, test } from '@jest/globals';
import { flatKeyed, nestedKeyed, numberOrMax, numbers, words } from '../../lib/cgroup/formats.js';
import { cgroupMounts, checkName, checkPath, locateIn, pathIn, whyWithout } from '../../lib/cgroup/hierarchy.js';
import { limitWrites, readLimits, type CgroupLimits } from '../../lib/cgroup/limits.js';
import { parsePressure, readPressure } from '../../lib/cgroup/pressure.js';
import { readStat } from '../../lib/cgroup/stat.js';
import { ArgumentError, UnsupportedError } from '../../lib/errors.js';
import { errorOf } from '../support/rejection.js';

/** A reader of files that are these. */
const from = (files: Readonly<Record<string, string>>) => (file: string) => files[file];

describe('the forms of files', () => {
  test('flat keyed: in camel case, integers only', () => {
    expect(
      flatKeyed('usage_usec 17\nworkingset_refault_anon 3\ncore_sched.force_idle_usec 5\nodd 1.5\nempty\n'),
    ).toEqual({
      usageUsec: 17,
      workingsetRefaultAnon: 3,
      coreSchedForceIdleUsec: 5,
    });
  });

  test('nested keyed', () => {
    const [first, second, ...rest] = nestedKeyed('8:16 rbytes=17 cost.usage=4\n8:0 \n');
    expect([first?.[0], [...(first?.[1] ?? [])]]).toEqual([
      '8:16',
      [
        ['rbytes', '17'],
        ['costUsage', '4'],
      ],
    ]);
    expect([second?.[0], second?.[1].size]).toEqual(['8:0', 0]);
    expect(rest).toEqual([]);
  });

  test('lists and single values', () => {
    expect(words('cpuset cpu io\n')).toEqual(['cpuset', 'cpu', 'io']);
    expect(words('\n')).toEqual([]);
    expect(numbers('17\n4\n')).toEqual([17, 4]);
    expect(numbers('')).toEqual([]);
    expect(numberOrMax('max\n')).toBe('max');
    expect(numberOrMax('4096\n')).toBe(4096);
  });
});

describe('mounts', () => {
  const HYBRID = `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
36 31 0:33 /box /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory,clone_children
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,release_agent=/lib/agent,name=systemd
41 31 0:38 / /sys/fs/cgroup/uni\\040fied rw,nosuid shared:10 master:2 - cgroup2 cgroup2 rw,nsdelegate
`;

  test('of both versions are told apart', () => {
    expect(cgroupMounts(HYBRID)).toEqual([
      { version: 1, root: '/', mountPoint: '/sys/fs/cgroup/cpu,cpuacct', controllers: ['cpu', 'cpuacct'] },
      { version: 1, root: '/box', mountPoint: '/sys/fs/cgroup/memory', controllers: ['memory'] },
      { version: 1, root: '/', mountPoint: '/sys/fs/cgroup/systemd', controllers: [] },
      { version: 2, root: '/', mountPoint: '/sys/fs/cgroup/uni fied', controllers: [] },
    ]);
    expect(cgroupMounts('')).toEqual([]);
  });

  const mountedAt = (root: string) => cgroupMounts(`41 31 0:38 ${root} /cg rw - cgroup2 cgroup2 rw\n`);

  test('a path is found below the mount that shows it', () => {
    expect(locateIn('/', mountedAt('/'))).toEqual({ location: '/cg', depth: 0 });
    expect(locateIn('/a/b', mountedAt('/'))).toEqual({ location: '/cg/a/b', depth: 2 });
    expect(locateIn('/a/b', mountedAt('/a'))).toEqual({ location: '/cg/b', depth: 1 });
    expect(locateIn('/a', mountedAt('/a'))).toEqual({ location: '/cg', depth: 0 });
    expect(locateIn('/a', cgroupMounts(HYBRID))?.location).toBe('/sys/fs/cgroup/uni fied/a');
  });

  test('the mount on top is the one that is seen', () => {
    const mounts = cgroupMounts(
      '41 31 0:38 / /cg rw - cgroup2 cgroup2 rw\n42 41 0:38 /a /cg rw - cgroup2 cgroup2 rw\n43 31 0:38 / /other rw - cgroup2 cgroup2 rw\n',
    );
    expect(mounts.map(({ root, mountPoint }) => `${root} ${mountPoint}`)).toEqual(['/a /cg', '/ /other']);
    expect(locateIn('/a/b', mounts)).toEqual({ location: '/cg/b', depth: 1 });
    expect(locateIn('/b', mounts)).toEqual({ location: '/other/b', depth: 1 });
  });

  test('a path that no mount shows is not, and the error says what there is', () => {
    for (const [path, root] of [
      ['/ab', '/a'],
      ['/', '/a'],
      ['/a', '/../..'],
    ] as const) {
      expect(() => locateIn(path, mountedAt(root))).toThrow(UnsupportedError);
      expect(() => locateIn(path, mountedAt(root))).toThrow(`${root} at /cg`);
    }
    const legacy = cgroupMounts(HYBRID.split('\n').slice(0, 4).join('\n'));
    expect(() => locateIn('/box', legacy)).toThrow(UnsupportedError);
    expect(() => locateIn('/box', legacy)).toThrow('version 1 here (/sys/fs/cgroup/cpu,cpuacct, ');
    expect(() => locateIn('/box', [])).toThrow('cgroup2 is not mounted');
  });

  test('why version 2 does not have a controller', () => {
    const hybrid = {
      layout: 'hybrid',
      mountPoint: '/cg',
      controllers: [],
      legacyControllers: { memory: '/v1/memory', blkio: '/v1/blkio' },
    } as const;
    expect(whyWithout('memory', hybrid)).toContain('version 1 has it, at /v1/memory');
    expect(whyWithout('io', hybrid)).toContain('version 1 has it, at /v1/blkio');
    expect(whyWithout('pids', hybrid)).toContain('it is not in /cg/cgroup.controllers');
  });

  test('the line of version 2 in /proc/PID/cgroup', () => {
    expect(pathIn('4:memory:/box\n1:name=systemd:/\n0::/user.slice/a:b\n')).toBe('/user.slice/a:b');
    expect(pathIn('10::/\n4:memory:/box\n')).toBeUndefined();
  });
});

describe('names', () => {
  test('paths', () => {
    for (const path of ['/', '/a', '/a/b.slice', '/...', `/${'x'.repeat(255)}`])
      expect(checkPath('path', path)).toBe(path);
    for (const path of [
      '',
      'a',
      '//',
      '/a/',
      '/a//b',
      '/.',
      '/..',
      '/a/../b',
      '/a\0',
      '/a\nb',
      `/${'x'.repeat(256)}`,
      7,
    ]) {
      expect(() => checkPath('path', path)).toThrow(ArgumentError);
    }
  });

  test('names below a parent', () => {
    expect(checkName('path', 'box')).toBe('box');
    for (const name of ['', '/box', 'a/b', '.', '..', 'a\0', undefined]) {
      expect(() => checkName('path', name)).toThrow(ArgumentError);
    }
  });
});

describe('limits', () => {
  const written = (limits: CgroupLimits) =>
    limitWrites(limits, 'limits').map(({ file, lines }) => [file, ...lines] as const);

  test('what is written for each', () => {
    expect(
      written({
        cpu: { max: { quota: 25_000, period: 50_000 }, weight: 7, idle: false },
        memory: { max: 2n ** 40n, high: 4096, low: 0, min: 8192, swapMax: 'max', oomGroup: true },
        pids: { max: 17 },
        io: {
          max: [
            { device: '8:16', rbps: 1_048_576n, wiops: 120 },
            { device: '8:0', wbps: 'max', riops: 3 },
          ],
          weight: 250,
        },
        cpuset: { cpus: '0-3,6', mems: '' },
      }),
    ).toEqual([
      ['cpu.idle', '0'],
      ['cpu.weight', '7'],
      ['cpu.max', '25000 50000'],
      ['memory.oom.group', '1'],
      ['memory.min', '8192'],
      ['memory.low', '0'],
      ['memory.swap.max', 'max'],
      ['memory.high', '4096'],
      ['memory.max', '1099511627776'],
      ['pids.max', '17'],
      ['io.max', '8:16 rbps=1048576 wiops=120', '8:0 wbps=max riops=3'],
      ['io.weight', 'default 250'],
      ['cpuset.cpus', '0-3,6\n'],
      ['cpuset.mems', '\n'],
    ]);
    expect(written({})).toEqual([]);
    expect(written({ cpu: {}, memory: { max: undefined }, pids: undefined })).toEqual([]);
    expect(written({ cpu: { max: 'max' } })).toEqual([['cpu.max', 'max']]);
    expect(written({ cpu: { max: { quota: 'max' } } })).toEqual([['cpu.max', 'max 100000']]);
    expect(written({ pids: { max: 'max' } })).toEqual([['pids.max', 'max']]);
  });

  test('the ends of the ranges', () => {
    for (const limits of [
      { cpu: { weight: 1 } },
      { cpu: { weight: 10_000 } },
      { cpu: { max: { quota: 1000, period: 1000 } } },
      { cpu: { max: { quota: 2 ** 44 - 1, period: 1_000_000 } } },
      { memory: { max: 2n ** 63n - 1n } },
      { pids: { max: 0 } },
      { pids: { max: 4_194_304 } },
      { io: { weight: 10_000 } },
      { io: { max: [{ device: '8:0', riops: 0xffffffff }] } },
    ] as const) {
      expect(written(limits)).toHaveLength(1);
    }
  });

  for (const [limits, argument] of [
    [{ cpi: {} }, 'limits.cpi'],
    [null, 'limits'],
    [{ cpu: 5 }, 'limits.cpu'],
    [{ cpu: { wieght: 5 } }, 'limits.cpu.wieght'],
    [{ cpu: { weight: 0 } }, 'limits.cpu.weight'],
    [{ cpu: { weight: 10_001 } }, 'limits.cpu.weight'],
    [{ cpu: { weight: 1.5 } }, 'limits.cpu.weight'],
    [{ cpu: { weight: 100n } }, 'limits.cpu.weight'],
    [{ cpu: { weight: '100' } }, 'limits.cpu.weight'],
    [{ cpu: { idle: 1 } }, 'limits.cpu.idle'],
    [{ cpu: { max: 50_000 } }, 'limits.cpu.max'],
    [{ cpu: { max: {} } }, 'limits.cpu.max.quota'],
    [{ cpu: { max: { quota: 999 } } }, 'limits.cpu.max.quota'],
    [{ cpu: { max: { quota: 'min' } } }, 'limits.cpu.max.quota'],
    [{ cpu: { max: { quota: 5000, period: 999 } } }, 'limits.cpu.max.period'],
    [{ cpu: { max: { quota: 5000, period: 1_000_001 } } }, 'limits.cpu.max.period'],
    [{ cpu: { max: { quota: 5000, burst: 1 } } }, 'limits.cpu.max.burst'],
    [{ memory: { max: -1 } }, 'limits.memory.max'],
    [{ memory: { max: '64M' } }, 'limits.memory.max'],
    [{ memory: { max: NaN } }, 'limits.memory.max'],
    [{ memory: { high: 2 ** 53 } }, 'limits.memory.high'],
    [{ memory: { low: 2n ** 63n } }, 'limits.memory.low'],
    [{ memory: { oomGroup: 'yes' } }, 'limits.memory.oomGroup'],
    [{ pids: { max: 4_194_305 } }, 'limits.pids.max'],
    [{ io: { max: { device: '8:0', rbps: 1 } } }, 'limits.io.max'],
    [{ io: { max: [{ device: 'sda', rbps: 1 }] } }, 'limits.io.max[0].device'],
    [{ io: { max: [{ device: '8:0', rbps: 1 }, { device: '8:16' }] } }, 'limits.io.max[1]'],
    [{ io: { max: [{ device: '8:0', rbps: 0 }] } }, 'limits.io.max[0].rbps'],
    [{ io: { max: [{ device: '8:0', wiops: 2 ** 32 }] } }, 'limits.io.max[0].wiops'],
    [{ io: { max: [{ device: '8:0', wiops: 5n }] } }, 'limits.io.max[0].wiops'],
    [{ io: { max: [{ device: '8:0', bps: 5 }] } }, 'limits.io.max[0].bps'],
    [{ cpuset: { cpus: '0-' } }, 'limits.cpuset.cpus'],
    [{ cpuset: { mems: '0\n1' } }, 'limits.cpuset.mems'],
    [{ cpuset: { cpus: 0 } }, 'limits.cpuset.cpus'],
  ] as const) {
    test(`refused: ${argument}`, async () => {
      const error = await errorOf(() => limitWrites(limits as never, 'limits'));
      expect(error).toBeInstanceOf(ArgumentError);
      expect(error).toMatchObject({ argument });
    });
  }

  test('what puts back what was before', () => {
    const undone = (limits: CgroupLimits, before: string) =>
      limitWrites(limits, 'limits').map(({ undo }) => undo(before));
    expect(undone({ memory: { max: 4096 } }, 'max\n')).toEqual([['max\n']]);
    expect(undone({ cpuset: { cpus: '0' } }, '\n')).toEqual([['\n']]);
    expect(undone({ io: { weight: 5 } }, 'default 100\n8:0 70\n')).toEqual([['default 100']]);
    expect(
      undone(
        {
          io: {
            max: [
              { device: '8:16', rbps: 5 },
              { device: '8:1', rbps: 5 },
            ],
          },
        },
        '8:16 rbps=max wbps=7 riops=max wiops=max\n',
      ),
    ).toEqual([['8:16 rbps=max wbps=7 riops=max wiops=max', '8:1 rbps=max wbps=max riops=max wiops=max']]);
  });

  test('reading them back', () => {
    expect(
      readLimits(
        from({
          'cpu.max': 'max 100000\n',
          'cpu.weight': '42\n',
          'cpu.idle': '1\n',
          'memory.max': '67108864\n',
          'memory.high': 'max\n',
          'memory.oom.group': '0\n',
          'pids.max': '17\n',
          'io.max': '8:16 rbps=2097152 wbps=max riops=max wiops=120\n',
          'io.weight': 'default 70\n8:0 90\n',
          'cpuset.cpus': '0-1\n',
          'cpuset.mems': '\n',
        }),
      ),
    ).toEqual({
      cpu: { max: { quota: 'max', period: 100_000 }, weight: 42, idle: true },
      memory: { max: 67_108_864, high: 'max', oomGroup: false },
      pids: { max: 17 },
      io: { max: [{ device: '8:16', rbps: 2_097_152, wbps: 'max', riops: 'max', wiops: 120 }], weight: 70 },
      cpuset: { cpus: '0-1', mems: '' },
    });
    expect(readLimits(from({ 'cpu.max': '25000 50000\n' }))).toEqual({
      cpu: { max: { quota: 25_000, period: 50_000 } },
    });
    expect(readLimits(from({}))).toEqual({});
  });

  test('what is read can be written', () => {
    const read = readLimits(from({ 'cpu.max': '25000 50000\n', 'memory.max': 'max\n', 'pids.max': '3\n' }));
    expect(written(read)).toEqual([
      ['cpu.max', '25000 50000'],
      ['memory.max', 'max'],
      ['pids.max', '3'],
    ]);
  });
});

describe('statistics', () => {
  test('of all controllers', () => {
    expect(
      readStat(
        'nr_descendants 3\nnr_subsys_cpu 1\nnr_dying_descendants 2\n',
        from({
          'cpu.stat': 'usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_throttled 4\n',
          'memory.current': '4096\n',
          'memory.peak': '8192\n',
          'memory.swap.current': '12288\n',
          'memory.stat': 'anon 100\nkernel_stack 16\npgfault 7\n',
          'pids.current': '2\n',
          'pids.peak': '5\n',
          'io.stat': '8:16 rbytes=18446744073709551615 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n8:0 \n',
        }),
      ),
    ).toEqual({
      descendants: 3,
      dyingDescendants: 2,
      cpu: { usageUsec: 30, userUsec: 20, systemUsec: 10, nrThrottled: 4 },
      memory: { current: 4096, peak: 8192, swapCurrent: 12_288, stat: { anon: 100, kernelStack: 16, pgfault: 7 } },
      pids: { current: 2, peak: 5 },
      io: [{ device: '8:16', rbytes: 2n ** 64n - 1n, wbytes: 2n, rios: 3n, wios: 4n, dbytes: 5n, dios: 6n }],
    });
  });

  test('what there is not is left out', () => {
    expect(readStat('', from({ 'cpu.stat': 'usage_usec 30\n', 'io.stat': '', 'pids.current': '0\n' }))).toEqual({
      descendants: 0,
      dyingDescendants: 0,
      cpu: { usageUsec: 30 },
      pids: { current: 0 },
      io: [],
    });
  });

  test('pressure', () => {
    const some = { avg10: 2.97, avg60: 6.4, avg300: 0, total: 3_532_087_425 };
    const line = 'some avg10=2.97 avg60=6.40 avg300=0.00 total=3532087425\n';
    expect(parsePressure(line)).toEqual({ some });
    expect(parsePressure(`${line}full avg10=100.00 avg60=0.50 avg300=0.25 total=9\n`)).toEqual({
      some,
      full: { avg10: 100, avg60: 0.5, avg300: 0.25, total: 9 },
    });
    expect(readPressure(from({ 'io.pressure': line }))).toEqual({ io: { some } });
  });
});
