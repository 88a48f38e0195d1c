/** What a system call points to. */
export type Pointed = string | Uint8Array | CallStruct | PointerArray;
/** Pairs say at which offset in the bytes a pointer to what is put. */
export interface CallStruct {
  readonly bytes: Uint8Array;
  readonly pointers: readonly (readonly [offset: number, target: Pointed])[];
}
/** Pointers, and a null behind them, as `argv` is. */
export interface PointerArray {
  readonly targets: readonly Pointed[];
}

/** What the number of an argument is; `Kind` of `native/launcher/launch.h`. */
export const VALUE = 0;
export const ADDRESS = 1;
const RESULT = 2;
const BUFFER = 3;

/** A number that is known when the call is made. */
export interface Reference {
  readonly kind: typeof RESULT | typeof BUFFER;
  readonly value: number;
}

/** The result of a call, as an argument of later ones. `value` is the call's index. */
export interface ResultOf extends Reference {
  readonly kind: typeof RESULT;
}

/** The address of so many bytes to be written to. */
export function bufferOf(size: number): Reference {
  return { kind: BUFFER, value: size };
}

/** A number is passed as it is, text and bytes by their address. */
export type Argument = number | null | Pointed | Reference;

/** A system call to be made later: one of those that `native/program.cc` knows, or a pseudo call of `native/launcher/launch.h`. It has at most six arguments. */
export interface SystemCall {
  /** What it is about: what an error names. */
  readonly subject: string;
  readonly name: string;
  readonly args: readonly Argument[];
  /** With one of these errnos the call has not failed, and its result is -errno; -1 stands for all. */
  readonly tolerated: readonly number[] | undefined;
  readonly condition: Condition | undefined;
}

/** An earlier call decides whether this one is made. If it is not, it has that call's result. */
export type Condition = { readonly unless: ResultOf } | { readonly onlyIf: ResultOf };

/** System calls that are made one after the other elsewhere: in a thread, in a child, or by the launcher. */
export class Program {
  readonly calls: SystemCall[] = [];
  /** Descriptors of this process that the calls name: a launcher has these and no others. */
  readonly keeps: number[] = [];

  /** A call that fails with one of the errnos `tolerated` does not end the program; -1: with any. */
  add(
    subject: string,
    name: string,
    args: readonly Argument[],
    tolerated?: readonly number[],
    condition?: Condition,
  ): ResultOf {
    return { kind: RESULT, value: this.calls.push({ subject, name, args, tolerated, condition }) - 1 };
  }

  /** Names a descriptor of this process, as an argument. */
  holds(fd: number): number {
    this.keeps.push(fd);
    return fd;
  }

  /** What the call at `index` is about. */
  subject(index: number): string | undefined {
    return this.calls[index]?.subject;
  }
}

/** Numbers of one width, in the machine's order. */
export function words(numbers: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(numbers).buffer);
}

export function longs(numbers: readonly bigint[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(numbers).buffer);
}
