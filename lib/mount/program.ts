import type { Performed, PerformFailure, SystemCall } from '../native/addon.js';
import { flagOf } from '../namespace-types.js';
import { addon } from '../native/load.js';
import { isFailure, orThrow } from '../netlink/system-call.js';
import type { WithDescriptor } from './checks.js';
import { CLONE_FS } from './constants.js';
import { mountError } from './error.js';

export type Argument = SystemCall['args'][number];

/** The result of a call, as an argument of later ones. */
export interface ResultOf {
  readonly result: number;
}

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

/** System calls that are made one after the other in a thread of their own, and what each is about. */
export class Program {
  readonly #calls: SystemCall[] = [];
  readonly #subjects: string[] = [];
  readonly #rescue: SystemCall[] = [];
  #keep = -1;

  /** `subject` is what an error names. */
  add(subject: string, name: string, args: readonly Argument[], tolerated?: number): ResultOf {
    this.#subjects.push(subject);
    return { result: this.#calls.push({ name, args, tolerated }) - 1 };
  }

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
    this.#rescue.push({ name, args });
  }

  /** The descriptor that comes back. */
  keep({ result }: ResultOf): void {
    this.#keep = result;
  }

  get parameters(): [program: SystemCall[], rescue: number, keep: number] {
    return [[...this.#calls, ...this.#rescue], this.#calls.length, this.#keep];
  }

  subject(step = 0): string {
    return this.#subjects[step] ?? '';
  }
}

/** Programs of which the later ones depend on what came of the earlier. Written once, carried out in either way. */
export type Operation<T> = Generator<Program, T, Performed | PerformFailure>;

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
export function* succeed(program: Program): Operation<Performed> {
  const outcome = yield program;
  if (isFailure(outcome)) throw mountError(outcome, program.subject(outcome.step));
  return outcome;
}
