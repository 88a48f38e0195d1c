import { describe, expect, test } from '@jest/globals';
import * as errors from '../../lib/errors.js';

const {
  ArgumentError,
  ClosedError,
  CodecError,
  DumpInterruptedError,
  KernelError,
  NetlinkError,
  SyscallError,
  TimeoutError,
  UnsupportedError,
} = errors;

test.each([
  [new KernelError({ errno: 17, operation: 'RTM_NEWLINK' }), 'KernelError', 'EEXIST'],
  [new SyscallError(1, 'setns'), 'SyscallError', 'EPERM'],
  [new CodecError('link.mtu', 'too small'), 'CodecError', 'ERR_NETLACE_CODEC'],
  [new DumpInterruptedError('RTM_GETLINK', 8, []), 'DumpInterruptedError', 'ERR_NETLACE_DUMP_INTERRUPTED'],
  [new TimeoutError('RTM_GETLINK', 100), 'TimeoutError', 'ERR_NETLACE_TIMEOUT'],
  [new ClosedError('the client'), 'ClosedError', 'ERR_NETLACE_CLOSED'],
  [new UnsupportedError('not here'), 'UnsupportedError', 'ERR_NETLACE_UNSUPPORTED'],
  [new ArgumentError('netns', 'no such name'), 'ArgumentError', 'ERR_NETLACE_ARGUMENT'],
])('%s', (error, name, code) => {
  expect(error).toBeInstanceOf(Error);
  expect(error).toBeInstanceOf(NetlinkError);
  expect(error.name).toBe(name);
  expect(error.code).toBe(code);
  expect(error.stack).toContain(name);
});

describe('KernelError', () => {
  test('says what, where and why', () => {
    const error = new KernelError({
      errno: 34,
      operation: 'RTM_NEWLINK',
      kernelMessage: 'VXLAN ID must be lower than 16777216',
      path: 'link.data(vxlan).id',
    });
    expect(error.message).toBe('RTM_NEWLINK link.data(vxlan).id: VXLAN ID must be lower than 16777216 (ERANGE)');
    expect(error).toMatchObject({ code: 'ERANGE', errno: 34, operation: 'RTM_NEWLINK', path: 'link.data(vxlan).id' });
  });

  test('what is missing', () => {
    const error = new KernelError({ errno: 22, operation: 'RTM_NEWLINK', missing: 'link.data(vxlan).id' });
    expect(error.message).toBe('RTM_NEWLINK link.data(vxlan).id: required, but missing: Invalid argument (EINVAL)');
    expect(error.missing).toBe('link.data(vxlan).id');
  });

  test('without words of its own, those of the errno; what right is missing only where that was found out', () => {
    expect(new KernelError({ errno: 17, operation: 'RTM_NEWLINK' }).message).toBe('RTM_NEWLINK: File exists (EEXIST)');
    expect(new KernelError({ errno: 1, operation: 'RTM_NEWLINK' }).message).toBe(
      'RTM_NEWLINK: Operation not permitted (EPERM)',
    );
    const hinted = new KernelError({ errno: 1, operation: 'RTM_NEWLINK', hint: 'it takes more' }).at('near');
    expect(hinted.message).toBe('RTM_NEWLINK near: Operation not permitted (EPERM); it takes more');
    expect(new KernelError({ errno: 1, operation: 'RTM_NEWLINK', kernelMessage: 'No.' }).message).toBe(
      'RTM_NEWLINK: No. (EPERM)',
    );
  });

  test('an errno that is not in the table', () => {
    expect(new KernelError({ errno: 4095, operation: 'RTM_NEWLINK' })).toMatchObject({
      code: 'E4095',
      message: 'RTM_NEWLINK: Unknown error 4095 (E4095)',
    });
  });
});

test('SyscallError says what it was about and what helps', () => {
  const error = new SyscallError(1, 'setns', 'netns "box"', 'it takes CAP_SYS_ADMIN');
  expect(error.message).toBe('setns netns "box": Operation not permitted (EPERM); it takes CAP_SYS_ADMIN');
  expect(error).toMatchObject({ errno: 1, syscall: 'setns', hint: 'it takes CAP_SYS_ADMIN' });
  expect(new SyscallError(2, 'open').message).toBe('open: No such file or directory (ENOENT)');
});

test('CodecError gets its path from the inside out', () => {
  const cause = new Error('deep');
  const error = new CodecError('', 'is bad', { cause })
    .within('id')
    .within('(vxlan)')
    .within('data')
    .within('[2]')
    .within('links');
  expect(error.path).toBe('links[2].data(vxlan).id');
  expect(error.message).toBe('links[2].data(vxlan).id: is bad');
  expect(error.reason).toBe('is bad');
  expect(error.cause).toBe(cause);
  expect(new CodecError('', 'is bad').message).toBe('is bad');
});

test('DumpInterruptedError carries what there was', () => {
  const error = new DumpInterruptedError('RTM_GETLINK', 8, [1, 2]);
  expect(error).toMatchObject({ attempts: 8, partial: [1, 2] });
  expect(error.message).toBe('RTM_GETLINK: the objects changed during each of 8 dumps');
});
