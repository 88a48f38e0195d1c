/** The numbers in lib/'s tables are those of the kernel's headers on this machine: the C compiler compares them. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { testUnless } from '../support/skip.js';
import { allAssertions, used, type Assertion } from './assertions.js';
import { attributes, enumerations, memberPrefixes, members, since, unnamed } from './kernel-names.js';

const HEADERS = [
  'errno.h',
  'stddef.h',
  'sys/resource.h',
  'sys/socket.h',
  'linux/version.h',
  'linux/capability.h',
  'linux/fcntl.h',
  'linux/icmpv6.h',
  'linux/if.h',
  'linux/if_addr.h',
  'linux/if_arp.h',
  'linux/if_bridge.h',
  'linux/if_ether.h',
  'linux/if_link.h',
  'linux/if_vlan.h',
  'linux/keyctl.h',
  'linux/lwtunnel.h',
  'linux/mount.h',
  'linux/neighbour.h',
  'linux/net_namespace.h',
  'linux/netlink.h',
  'linux/openat2.h',
  'linux/prctl.h',
  'linux/rtnetlink.h',
  'linux/sched.h',
  'linux/seccomp.h',
  'linux/veth.h',
];

const assertions = allAssertions();

/** The kernel's names in an expression. */
function namesIn({ expression }: Assertion): string[] {
  return expression.match(/\b[A-Z][A-Z0-9_]+\b/g) ?? [];
}

/** A program that compiles if all of it is true. */
function program(all: readonly Assertion[]): string {
  const lines = all.flatMap((assertion) => {
    const { where, expression, value } = assertion;
    const text = `${where}: ${expression} is ${value} in lib/`;
    const line = `_Static_assert((unsigned long long)(${expression}) == ${value}ull, ${JSON.stringify(text)});`;
    const version = namesIn(assertion).flatMap((name) => since[name] ?? [])[0];
    if (version === undefined) return line;
    return [`#if LINUX_VERSION_CODE >= KERNEL_VERSION(${version.replace('.', ', ')}, 0)`, line, '#endif'];
  });
  return [...HEADERS.map((header) => `#include <${header}>`), ...lines, ''].join('\n');
}

/** What the compiler has against the program. */
function compile(source: string): string {
  const { stderr, error } = spawnSync('cc', ['-std=gnu11', '-fsyntax-only', '-x', 'c', '-'], {
    input: source,
    encoding: 'utf8',
  });
  if (error !== undefined) throw error;
  return stderr;
}

const cannot =
  spawnSync('cc', ['--version']).error !== undefined
    ? 'no C compiler'
    : existsSync('/usr/include/linux/rtnetlink.h')
      ? undefined
      : "no headers of the kernel's";

testUnless(cannot, 'attributes, structs, values and constants are those of the kernel', () => {
  expect(compile(program(assertions))).toBe('');
});

testUnless(cannot, 'a wrong number does not go unnoticed, nor does a wrong name', () => {
  const wrong: Assertion[] = [
    { where: 'IFLA.mtu', expression: 'IFLA_MTU', value: 5 },
    { where: 'IFLA.mut', expression: 'IFLA_MUT', value: 4 },
  ];
  const output = compile(program(wrong));
  expect(output).toContain('IFLA.mtu: IFLA_MTU is 5 in lib/');
  expect(output).toContain('IFLA_MUT');
});

test('nothing in kernel-names.ts is left over', () => {
  const keys = [attributes, members, enumerations, unnamed].flatMap((names) => Object.keys(names));
  expect(keys.filter((key) => !used.has(key))).toEqual([]);
  const structs = new Set(assertions.flatMap(({ expression }) => /struct (\w+)/.exec(expression)?.[1] ?? []));
  expect(Object.keys(memberPrefixes).filter((name) => !structs.has(name))).toEqual([]);
  const names = new Set(assertions.flatMap(namesIn));
  expect(Object.keys(since).filter((name) => !names.has(name))).toEqual([]);
});

test('each table is among them', () => {
  expect(assertions.length).toBeGreaterThan(700);
  const wheres = new Set(assertions.map(({ where }) => where));
  for (const where of [
    'IFLA.mtu',
    'IFLA_INFO.kind',
    'IFLA_VXLAN.id',
    'IFLA_BRPORT.cost',
    'RTAX.mtu',
    'IFA.label',
    'NFEA.dontRefresh',
    'mounts.ts.noSuid',
    'capabilities.ts',
  ]) {
    expect(wheres).toContain(where);
  }
});
