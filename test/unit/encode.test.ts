/** Programs of system calls as the block of bytes that the addon reads, and what it refuses. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Performed, PerformFailure } from '../../lib/native/addon.js';
import { addon } from '../../lib/native/load.js';
import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from '../../lib/system-calls/constants.js';
import { encode } from '../../lib/system-calls/encode.js';
import { bufferOf, Program, type Argument, type Pointed, type ResultOf } from '../../lib/system-calls/program.js';

/** Where a call's fields are, see `struct Call` of native/launcher/launch.h. */
const callAt = (index: number) => 64 + 64 * index;
const argumentAt = (index: number, argument: number) => callAt(index) + 16 + 8 * argument;

const resultOf = (value: number): ResultOf => ({ kind: 2, value });
const pointers = (targets: readonly Pointed[]) => ({ targets });

function programOf(...calls: readonly (readonly [name: string, args: readonly Argument[], errnos?: number[]])[]) {
  const program = new Program();
  for (const [name, args, errnos] of calls) program.add(name, name, args, errnos);
  // The next one is made in the same place.
  return encode(program.calls).slice();
}

function viewOf(block: Uint8Array) {
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  return {
    kind: (call: number, argument: number) => view.getUint8(callAt(call) + 8 + argument),
    argument: (call: number, argument: number) => view.getFloat64(argumentAt(call, argument), true),
    pointer: (at: number) => Number(view.getBigUint64(at, true)),
    text: (at: number) => Buffer.from(block.subarray(at, block.indexOf(0, at))).toString(),
  };
}

const perform = (block: Uint8Array) => addon.sync.perform(block, 0x7fff, null) as Performed & PerformFailure;

/** A call that does nothing. */
const nothing = ['unshare', [0]] as const;

describe('what the kernel is told', () => {
  const folder = mkdtempSync(join(tmpdir(), 'netlace-encode-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('is text in UTF-8, results of calls before, and buffers, each in its place', () => {
    const file = join(folder, 'größe 尺 𝄞');
    writeFileSync(file, 'abcdefgh');
    const { results, buffers } = perform(
      programOf(
        nothing,
        ['openat', [AT_FDCWD, file, O_RDONLY | O_CLOEXEC, 0]],
        ['read', [resultOf(1), bufferOf(5), 5]],
        ['read', [resultOf(1), bufferOf(64), 64]],
        ['close', [resultOf(1)]],
      ),
    );
    expect(buffers.map((bytes) => Buffer.from(bytes).toString('latin1'))).toEqual(['abcde', `fgh${'\0'.repeat(61)}`]);
    expect(results.slice(2)).toEqual([5, 3, 0]);
  });

  test('is how many errnos are no failure, and which', () => {
    const missing = ['openat', [AT_FDCWD, join(folder, 'nothing'), O_RDONLY, 0]] as const;
    expect(perform(programOf([...missing, [13, 2]], nothing)).results[0]).toBe(-2);
    expect(perform(programOf([...missing, [-1]], nothing)).results[0]).toBe(-2);
    expect(perform(programOf(nothing, [...missing, [13, 20]], nothing))).toMatchObject({
      errno: 2,
      step: 1,
      syscall: 'openat',
    });
    expect(perform(programOf(missing))).toMatchObject({ errno: 2, step: 0 });
  });

  test('is the same for a text that comes before one that is longer than the block was', () => {
    const long = 'x'.repeat(5000);
    const view = viewOf(programOf(['chdir', ['/a']], ['chdir', [long]], ['chdir', ['/b']]));
    expect([0, 1, 2].map((call) => view.text(view.argument(call, 0)))).toEqual(['/a', long, '/b']);
  });
});

describe('pointers', () => {
  test('lead to each text, and the last one nowhere', () => {
    const block = programOf(['execve', ['/bin/é', pointers(['one', '', 'zwei ü']), pointers([])]]);
    const view = viewOf(block);
    const argv = view.argument(0, 1);
    expect(view.text(view.argument(0, 0))).toBe('/bin/é');
    expect([0, 1, 2].map((i) => view.text(view.pointer(argv + 8 * i)))).toEqual(['one', '', 'zwei ü']);
    expect(view.pointer(argv + 24)).toBe(0);
    expect(view.pointer(view.argument(0, 2))).toBe(0);
  });

  test('to the same struct are written once', () => {
    const environment = pointers(['A=1', 'B=2']);
    const view = viewOf(programOf(['execve', ['/a', environment]], ['execve', ['/b', environment]]));
    expect(view.argument(1, 1)).toBe(view.argument(0, 1));
    expect(view.argument(1, 0)).not.toBe(view.argument(0, 0));
  });
});

describe('what is no program is refused', () => {
  test.each<[string, () => unknown, RegExp?]>([
    ['a call that is not known', () => programOf(['reboot', []]), /^reboot with 0 arguments/],
    ['more than six arguments', () => programOf(['prctl', [1, 2, 3, 4, 5, 6, 7]]), /^prctl with 7 arguments/],
    ['a text with a null character', () => programOf(['chdir', ['/a\0b']]), /null characters/],
    ['a result of the call itself', () => perform(programOf(nothing, ['close', [resultOf(1)]]))],
    ['a result that cannot be', () => perform(programOf(nothing, ['close', [resultOf(-1)]]))],
    ['a number that is none', () => programOf(['unshare', [Number.NaN]]), /^NaN is no argument/],
    ['half a number', () => programOf(['unshare', [0.5]]), /^0.5 is no argument/],
    ['a buffer that is too large', () => perform(programOf(['read', [0, bufferOf(2 ** 30), 1]]))],
  ])('%s', (_, make, message = /^program must be a program/) => {
    expect(make).toThrow(message);
  });

  const block = programOf(['mount', ['/a', '/b', pointers(['c']), 0, null], [2]]);
  /** With other bytes at one place; two, four or eight of them. */
  const changed = (at: number, number: number, size: 1 | 2 | 4 | 8) => {
    const copy = block.slice();
    copy.set(new Uint8Array(BigUint64Array.of(BigInt(number)).buffer).subarray(0, size), at);
    return copy;
  };
  const structAt = viewOf(block).argument(0, 2);
  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['less than a header', block.slice(0, 7)],
    ['less than its calls', block.slice(0, 71)],
    ['more calls than there are bytes', changed(0, 1000, 4)],
    ['more pointers than there are bytes', changed(4, 1000, 4)],
    ['a number of no system call', changed(callAt(0), addon.systemCalls.length, 2)],
    ['errnos behind the end', changed(callAt(0) + 2, 1000, 2)],
    ['errnos between the places of numbers', changed(callAt(0) + 4, 73, 4)],
    ['a kind that there is not', changed(callAt(0) + 8, 5, 1)],
    ['a pointer to behind the end', changed(structAt, block.length + 1, 8)],
    ['a pointer that would be behind the end', changed(block.length - 4, block.length - 4, 4)],
  ])('%s', (_, other) => {
    expect(() => perform(other)).toThrow(/program must be a program/);
  });

  test('an address behind the end', () => {
    const copy = block.slice();
    new DataView(copy.buffer).setFloat64(argumentAt(0, 0), block.length + 1, true);
    expect(() => perform(copy)).toThrow(/program must be a program/);
  });
});
