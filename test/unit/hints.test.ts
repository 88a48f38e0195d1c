/** A hint about a missing right is for those who lack it. */
import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { EACCES, ENOSPC, EPERM } from '../../lib/errno.js';
import { mountError } from '../../lib/mount/error.js';
import { lacks } from '../../lib/netlink/capabilities.js';
import { systemCallError } from '../../lib/netlink/system-call.js';

const has = (bit: number) =>
  ((BigInt(`0x${/^CapEff:\t(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]!}`) >> BigInt(bit)) & 1n) === 1n;

test('which rights this process has', () => {
  expect(lacks('CAP_DAC_OVERRIDE')).toBe(!has(1));
  expect(lacks('CAP_NET_ADMIN')).toBe(!has(12));
  expect(lacks('CAP_SYS_ADMIN')).toBe(!has(21));
  expect(lacks('CAP_SYS_ADMIN', 'CAP_NET_ADMIN')).toBe(!has(21) || !has(12));
});

test.each(['setns', 'unshare', 'mount', 'umount2'])('%s refused, to whom', (syscall) => {
  const { hint } = systemCallError({ errno: EPERM, syscall });
  if (has(21)) expect(hint).toBeUndefined();
  else expect(hint).toContain('CAP_SYS_ADMIN');
});

test.each(['setns', 'fsopen', 'fsmount', 'open_tree', 'move_mount', 'umount2', 'pivot_root'])(
  '%s of mounts refused, to whom',
  (syscall) => {
    const { hint } = mountError({ errno: EPERM, syscall }, 'it') as { hint?: string };
    if (has(21)) expect(hint).toBeUndefined();
    else expect(hint).toContain('CAP_SYS_ADMIN');
  },
);

test('a port refused, to whom', () => {
  const { hint } = systemCallError({ errno: EACCES, syscall: 'bind' });
  if (has(10)) expect(hint).toBeUndefined();
  else expect(hint).toContain('CAP_NET_BIND_SERVICE');
});

test.each([
  ['ioctl', EPERM],
  ['bind', EPERM],
  ['mkdir', EPERM],
  ['mkdir', ENOSPC],
  ['mount', EACCES],
  ['unshare', ENOSPC],
  ['constructor', EPERM],
])('%s with %i has no hint: it has many causes', (syscall, errno) => {
  expect(systemCallError({ errno, syscall }).hint).toBeUndefined();
});
