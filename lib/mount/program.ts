import { EPERM } from '../errno.js';
import type { Calls, Performed, PerformFailure } from '../native/addon.js';
import { flagOf } from '../namespace-types.js';
import { addon } from '../native/load.js';
import { isFailure, orThrow } from '../netlink/system-call.js';
import { CLONE_FS, PR_SET_DUMPABLE } from '../system-calls/constants.js';
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

/** System calls in a thread of their own; or, where only another user namespace gives the right to enter, by a launcher. */
export class ThreadProgram extends Program {
  readonly #rescue: SystemCall[] = [];
  #kept: ResultOf | undefined;
  #entered: { readonly namespace: Borrowed; readonly at: number } | undefined;

  /** Enters a mount namespace, if there is one: its root folder is that of the calls that follow. */
  enter(subject: string, namespace: Borrowed | undefined): this {
    if (namespace !== undefined) {
      // A thread shares its root folder with others. The second call is for a launcher; here it does nothing.
      const { value: at } = this.add(subject, 'unshare', [CLONE_FS]);
      this.add(subject, 'unshare', [0]);
      this.add(subject, 'setns', [this.holds(namespace.fd), flagOf('mnt')]);
      this.#entered = { namespace, at };
    }
    return this;
  }

  /** A call to be made if another one has failed. */
  rescue(name: string, args: readonly Argument[]): void {
    this.#rescue.push({ subject: '', name, args, tolerated: undefined, condition: undefined });
  }

  /** The descriptor that comes back. */
  keep(opened: ResultOf): void {
    this.#kept = opened;
  }

  get parameters(): Parameters<Calls['perform']> {
    if (this.#kept !== undefined) this.add('', 'send', [this.#kept]);
    this.#kept = undefined;
    return [encode([...this.calls, ...this.#rescue]), this.calls.length, null];
  }

  /**
   * For after that failure: the same by a launcher that enters the user namespace first, which owns the mount namespace. Undefined where that
   * was not what failed, or where it is not to be had.
   */
  launched(failure: PerformFailure): Launched | undefined {
    const entered = this.#entered;
    if (entered === undefined || failure.errno !== EPERM || failure.step !== entered.at + 2) return undefined;
    const owner = addon.owningUserNamespace(entered.namespace.fd);
    if (isFailure(owner)) return undefined;
    const { calls } = this;
    calls[entered.at] = { ...calls[entered.at]!, name: 'prctl', args: [PR_SET_DUMPABLE, 0, 0, 0, 0] };
    calls[entered.at + 1] = { ...calls[entered.at + 1]!, name: 'setns', args: [owner.fd, flagOf('user')] };
    const parameters: Parameters<Calls['perform']> = [
      encode([...calls, ...this.#rescue]),
      calls.length,
      [...this.keeps, owner.fd],
    ];
    // Not there either: then the first refusal says more.
    const isRefused = ({ step = 0 }: PerformFailure) => step <= entered.at + 2;
    return { parameters, isRefused, [Symbol.dispose]: () => owner.close() };
  }

  /** The error of the call that failed; `said` is what the kernel had to say about it. */
  error(failure: PerformFailure, said?: string): Error {
    return mountError(failure, this.subject(failure.step ?? 0) ?? '', said);
  }
}

interface Launched extends Disposable {
  readonly parameters: Parameters<Calls['perform']>;
  readonly isRefused: (failure: PerformFailure) => boolean;
}

type Outcome = Performed | PerformFailure;

/** Programs of which the later ones depend on what came of the earlier. Written once, carried out in either way. */
export type Operation<T> = Generator<ThreadProgram, T, Outcome>;

export async function run<T>(operation: Operation<T>): Promise<T> {
  let step = operation.next();
  while (step.done !== true) {
    const first = await addon.async.perform(...step.value.parameters);
    using launched = isFailure(first) ? step.value.launched(first) : undefined;
    const second = launched && (await addon.async.perform(...launched.parameters));
    step = operation.next(better(first, second, launched));
  }
  return step.value;
}

export function runSync<T>(operation: Operation<T>): T {
  let step = operation.next();
  while (step.done !== true) {
    const first = addon.sync.perform(...step.value.parameters);
    using launched = isFailure(first) ? step.value.launched(first) : undefined;
    const second = launched && addon.sync.perform(...launched.parameters);
    step = operation.next(better(first, second, launched));
  }
  return step.value;
}

function better(first: Outcome, second: Outcome | undefined, launched: Launched | undefined): Outcome {
  if (second === undefined || launched === undefined) return first;
  return isFailure(second) && launched.isRefused(second) ? first : second;
}

/** The outcome of a program that has to succeed. */
export function* succeed(program: ThreadProgram): Operation<Performed> {
  const outcome = yield program;
  if (isFailure(outcome)) throw program.error(outcome);
  return outcome;
}
