import type { CallStruct, Pointed, SystemCall } from '../native/addon.js';

type Argument = SystemCall['args'][number];

/** The current folder, for the calls that take one to look from. */
export const AT_FDCWD = -100;
/** A descriptor itself, with an empty path. */
export const AT_EMPTY_PATH = 0x1000;
export const O_CLOEXEC = 0o2000000;
export const F_DUPFD_CLOEXEC = 1030;

/** The system calls that a child makes before it is another program, and which option each one serves. */
export class Program {
  readonly calls: SystemCall[] = [];
  /** The option for which each call is made. */
  readonly #steps: string[] = [];

  /** Returns the call's result, for later ones. */
  add(step: string, name: string, args: readonly Argument[], tolerated?: number): { readonly result: number } {
    this.calls.push({ name, args, tolerated });
    this.#steps.push(step);
    return { result: this.calls.length - 1 };
  }

  step(index: number): string {
    return this.#steps[index] ?? 'clone3';
  }
}

/** An array of pointers with a null at its end, as `argv` is. */
export function pointers(targets: readonly Pointed[]): CallStruct {
  return { bytes: new Uint8Array(8 * (targets.length + 1)), pointers: targets.map((target, i) => [8 * i, target]) };
}

/** Numbers of one width, in the machine's order. */
export function words(numbers: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(numbers).buffer);
}

export function longs(numbers: readonly bigint[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(numbers).buffer);
}

const O_WRONLY = 1;

/** Writes a file that exists, in the child. */
export function writeFile(program: Program, step: string, path: string, text: string): void {
  const bytes = new TextEncoder().encode(text);
  const file = program.add(step, 'openat', [AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0]);
  program.add(step, 'write', [file, bytes, bytes.length]);
  program.add(step, 'close', [file]);
}
