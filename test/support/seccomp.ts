/** seccomp filters: struct sock_filter of include/uapi/linux/filter.h, in the machine's order. */
export function filterOf(
  instructions: readonly (readonly [code: number, jt: number, jf: number, k: number])[],
): Uint8Array {
  const bytes = Buffer.alloc(8 * instructions.length);
  for (const [i, [code, jt, jf, k]] of instructions.entries()) {
    bytes.writeUInt16LE(code, 8 * i);
    bytes.writeUInt8(jt, 8 * i + 2);
    bytes.writeUInt8(jf, 8 * i + 3);
    bytes.writeUInt32LE(k, 8 * i + 4);
  }
  return bytes;
}

export const LOAD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;
const SECCOMP_RET_ALLOW = 0x7fff0000;
const SECCOMP_RET_ERRNO = 0x00050000;

/** Refuses these system calls, by number, with an errno; all others go. */
export function refusing(numbers: readonly number[], errno: number): Uint8Array {
  return filterOf([
    [LOAD, 0, 0, 0],
    ...numbers.map(
      (number, i) => [JUMP_IF_EQUAL, numbers.length - 1 - i, i === numbers.length - 1 ? 1 : 0, number] as const,
    ),
    [RETURN, 0, 0, SECCOMP_RET_ERRNO | errno],
    [RETURN, 0, 0, SECCOMP_RET_ALLOW],
  ]);
}
