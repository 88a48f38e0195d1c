/** What a system call points to. In a struct, pairs say at which offset a pointer to what is put. */
export type Pointed = string | Uint8Array | CallStruct;
export interface CallStruct {
  readonly bytes: Uint8Array;
  readonly pointers: readonly (readonly [offset: number, target: Pointed])[];
}

/** The result of a call, as an argument of later ones. */
export interface ResultOf {
  readonly result: number;
}

/**
 * A number is passed as it is, text and bytes by their address. A buffer is so many bytes to be written to. `report` and `nullDevice`
 * are descriptors that a child has, to say what failed with, and of /dev/null.
 */
export type Argument =
  | number
  | null
  | Pointed
  | ResultOf
  | { readonly buffer: number }
  | { readonly report: true }
  | { readonly nullDevice: true };

/** A system call to be made later: one of those that `native/program.cc` knows, with at most six arguments. */
export interface SystemCall {
  readonly name: string;
  readonly args: readonly Argument[];
  /** With one of these errnos the call has not failed, and its result is -errno; -1 stands for all. */
  readonly tolerated: readonly number[] | undefined;
}

/** System calls that are made one after the other elsewhere, in a child or in a thread of their own, and what each is about. */
export class Program {
  readonly calls: SystemCall[] = [];
  readonly #subjects: string[] = [];

  /** `subject` is what an error names. A call that fails with one of the errnos `tolerated` does not end the program; -1: with any. */
  add(subject: string, name: string, args: readonly Argument[], tolerated?: readonly number[]): ResultOf {
    this.#subjects.push(subject);
    return { result: this.calls.push({ name, args, tolerated }) - 1 };
  }

  /** What the call at `index` is about. */
  subject(index: number): string | undefined {
    return this.#subjects[index];
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
