import type { EncodedProgram, Performed, PerformFailure } from '../native/addon.js';
import { flagOf } from '../namespace-types.js';
import { addon } from '../native/load.js';
import { isFailure, orThrow } from '../netlink/system-call.js';
import { CLONE_FS } from '../system-calls/constants.js';
import { encode } from '../system-calls/encode.js';
import { Program, type Argument, type ResultOf, type SystemCall } from '../system-calls/program.js';
import type { WithDescriptor } from './checks.js';
import { mountError } from './error.js';

/** A descriptor of this library's own for the same file: the owner may close his, and the number be another file's. */
export interface Borrowed extends Disposable {
  readonly fd: number;
}

/** To be closed when the operation has ended. */
export function borrow<Holder extends WithDescriptor | undefined>(
  subject: string,
  holder: Holder,
): Borrowed | (undefined extends Holder ? undefined : never);
export function borrow(subject: string, holder: WithDescriptor | undefined): Borrowed | undefined {
  if (holder === undefined) return undefined;
  const descriptor = orThrow(addon.duplicate(holder.fd), subject);
  return { fd: descriptor.fd, [Symbol.dispose]: () => descriptor.close() };
}

/** System calls in a thread of their own. */
export class ThreadProgram extends Program {
  readonly #rescue: SystemCall[] = [];
  #keep = -1;

  /** Enters a mount namespace, if there is one: its root folder is that of the calls that follow. */
  enter(subject: string, namespace: Borrowed | undefined): this {
    if (namespace !== undefined) {
      this.add(subject, 'unshare', [CLONE_FS]);
      this.add(subject, 'setns', [namespace.fd, flagOf('mnt')]);
    }
    return this;
  }

  /** A call to be made if another one has failed. */
  rescue(name: string, args: readonly Argument[]): void {
    this.#rescue.push({ subject: '', name, args, tolerated: undefined });
  }

  /** The descriptor that comes back. */
  keep({ value }: ResultOf): void {
    this.#keep = value;
  }

  get parameters(): [program: EncodedProgram, rescue: number, keep: number] {
    return [encode([...this.calls, ...this.#rescue]), this.calls.length, this.#keep];
  }

  /** The error of the call that failed; `said` is what the kernel had to say about it. */
  error(failure: PerformFailure, said?: string): Error {
    return mountError(failure, this.subject(failure.step ?? 0) ?? '', said);
  }
}

/** Programs of which the later ones depend on what came of the earlier. Written once, carried out in either way. */
export type Operation<T> = Generator<ThreadProgram, T, Performed | PerformFailure>;

export async function run<T>(operation: Operation<T>): Promise<T> {
  let step = operation.next();
  while (step.done !== true) step = operation.next(await addon.async.perform(...step.value.parameters));
  return step.value;
}

export function runSync<T>(operation: Operation<T>): T {
  let step = operation.next();
  while (step.done !== true) step = operation.next(addon.sync.perform(...step.value.parameters));
  return step.value;
}

/** The outcome of a program that has to succeed. */
export function* succeed(program: ThreadProgram): Operation<Performed> {
  const outcome = yield program;
  if (isFailure(outcome)) throw program.error(outcome);
  return outcome;
}
