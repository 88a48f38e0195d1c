import { ClosedError, KernelError } from '../errors.js';
import type { Connection, Sent } from './connection.js';
import { limit } from './limit.js';
import { checkCallOptions, type CallOptions } from './options.js';
import type { Request } from './request.js';
import type { Calls } from './runner.js';
import { inWindows, windowsOf } from './windows.js';

/** What a call of several requests does next. */
export type Step =
  | {
      readonly one: Request<unknown>;
      /** Finds a name: made before its turn where no call ahead may change names. */
      readonly looksUp?: boolean;
      /** Nothing behind it changes anything: once it is sent, the next call has its turn. */
      readonly isLast?: boolean;
    }
  | {
      readonly all: Request<unknown>;
      /** Not as an array: to iterate over once. */
      readonly isKept?: boolean;
    }
  | { readonly many: Iterable<Request<unknown>>; readonly gone: string }
  /** By other means than requests of this client. */
  | { readonly call: Calls<unknown> };

/** Nothing but to have its turn. */
const TURN = Symbol('turn');

/** A call whose later requests depend on answers to earlier ones. */
export type Steps<T> = Generator<Step, T, unknown>;

type Resolve = (value: unknown) => void;

interface Call {
  readonly place: number;
  /** Whether what look-ups find may be another thing after it. */
  readonly renames: boolean;
  /** What it waits to do, until it does it. */
  next: Step | typeof TURN | undefined;
  /** The message of `next`, for a call of one request. */
  readonly message: Uint8Array | undefined;
  readonly steps: Steps<unknown> | undefined;
  readonly resolve: Resolve;
  readonly reject: (error: unknown) => void;
  /** What the last step was about, for errors. */
  operation: string;
  sent: Sent | undefined;
  isOver: boolean;
  release: (() => void) | undefined;
  /** Ends a list that was given up. */
  stop: AbortController | undefined;
}

/**
 * The calls of one client are carried out in the order in which they were made. A call of one request is sent at once, unless a
 * call ahead of it still has to look something up: then it waits until the requests ahead are sent, and no longer.
 *
 * A call that has its turn passes it on when its last request is sent, when it ends, or when it is given up. It waits for
 * nothing but the kernel meanwhile, so that calls cannot wait for each other. Lists have sockets of their own: they wait for the
 * requests ahead to be answered, and hold nothing back.
 */
export class Turns {
  readonly #connection: Connection;
  /** The calls that hold back those behind them, in order. The first one has the turn. */
  readonly #calls = new Set<Call>();
  /** Those of them that rename. */
  readonly #renaming = new Set<Call>();
  #places = 0;
  /** Whether a look-up waits for a call ahead that renames. */
  #lookUpsWait = false;
  #isServing = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** A call of one request; `renames`: what look-ups find may be another thing after it. */
  request<T>(request: Request<T>, renames: boolean, options: CallOptions | undefined): Promise<T> {
    if (this.#calls.size === 0) return this.#connection.request(request, options);
    return new Promise<T>((resolve, reject) => {
      const limits = checkCallOptions(options);
      limits?.signal?.throwIfAborted();
      const message = this.#connection.prepare(request);
      this.#begin({ one: request, isLast: true }, message, undefined, renames, limits, resolve as Resolve, reject);
    });
  }

  /** A call of several. The first step is taken now: this is when its arguments are read. */
  run<T>(steps: Steps<T>, renames: boolean, options: CallOptions | undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const limits = checkCallOptions(options);
      limits?.signal?.throwIfAborted();
      const first = steps.next();
      if (first.done === true) resolve(first.value);
      else this.#begin(first.value, undefined, steps, renames, limits, resolve as Resolve, reject);
    });
  }

  /** Resolves when what was asked for so far is answered; undefined where it is. Holds nothing back. */
  ahead(): Promise<unknown> | undefined {
    if (this.#calls.size === 0) return this.#connection.answered();
    return new Promise<unknown>((resolve, reject) => {
      this.#begin(TURN, undefined, undefined, false, undefined, resolve, reject);
    }).then(() => this.#connection.answered());
  }

  #begin(
    next: Step | typeof TURN,
    message: Uint8Array | undefined,
    steps: Steps<unknown> | undefined,
    renames: boolean,
    limits: CallOptions | undefined,
    resolve: Resolve,
    reject: (error: unknown) => void,
  ): void {
    const call: Call = {
      place: this.#places++,
      renames,
      next,
      message,
      steps,
      resolve,
      reject,
      operation: operationOf(next),
      sent: undefined,
      isOver: false,
      release: undefined,
      stop: undefined,
    };
    this.#calls.add(call);
    if (renames) this.#renaming.add(call);
    if (limits !== undefined) {
      call.release = limit(
        limits,
        () => call.operation,
        (error) => this.#giveUp(call, error),
      );
    }
    this.#serve();
    if (call.next !== undefined && !call.isOver) this.#lookUp(call);
  }

  /** Whoever has the turn does what it waits to do. */
  #serve(): void {
    if (this.#isServing) return;
    this.#isServing = true;
    for (const call of this.#calls) {
      while (call.next !== undefined) this.#do(call, call.next);
      if (this.#calls.has(call)) break;
    }
    this.#isServing = false;
  }

  /** A look-up need not wait for its turn, unless a call ahead may change what it finds. */
  #lookUp(call: Call): void {
    while (isLookUp(call.next)) {
      const first = this.#renaming.values().next();
      if (first.done !== true && first.value.place < call.place) {
        this.#lookUpsWait = true;
        return;
      }
      this.#do(call, call.next);
    }
  }

  #lookUpAll(): void {
    this.#lookUpsWait = false;
    for (const call of this.#calls) {
      this.#lookUp(call);
      if (call.renames) {
        this.#lookUpsWait = true;
        return;
      }
    }
  }

  /** The call has done the last that others wait for. */
  #leave(call: Call): void {
    if (!this.#calls.delete(call)) return;
    if (this.#renaming.delete(call) && this.#lookUpsWait) this.#lookUpAll();
    this.#serve();
  }

  #do(call: Call, step: Step | typeof TURN): void {
    call.next = undefined;
    if (step === TURN) return this.#end(call, () => call.resolve(undefined));
    call.operation = operationOf(step);
    if (!('one' in step)) {
      this.#several(call, step).then(
        (value) => this.#goOn(call, value),
        (error: unknown) => this.#fail(call, error),
      );
      return;
    }
    try {
      call.sent = this.#connection.send(
        step.one,
        (value) => this.#goOn(call, value),
        (error) => this.#fail(call, error),
        call.message,
      );
    } catch (error) {
      this.#fail(call, error);
      return;
    }
    if (step.isLast === true) this.#leave(call);
  }

  async #several(call: Call, step: Exclude<Step, { one: unknown }>): Promise<unknown> {
    if ('call' in step) return step.call.async();
    if ('all' in step) {
      await this.#connection.answered();
      if (call.isOver) return undefined;
      if (call.release !== undefined) call.stop = new AbortController();
      const list = this.#connection.dump(step.all, call.stop && { signal: call.stop.signal });
      return step.isKept === true ? list.kept() : list;
    }
    let first: { readonly error: unknown } | undefined;
    const isGone = (error: unknown) => error instanceof KernelError && error.code === step.gone;
    await inWindows(
      windowsOf(step.many),
      (request) =>
        new Promise((resolve, reject) => {
          this.#connection.send(request, resolve, reject);
        }),
      (error) => {
        if (!isGone(error)) first ??= { error };
        return !call.isOver && !(error instanceof ClosedError);
      },
    );
    if (first !== undefined) throw first.error;
    return undefined;
  }

  #goOn(call: Call, answer: unknown): void {
    if (call.isOver) return;
    this.#advance(call, call.steps === undefined ? undefined : () => call.steps!.next(answer), answer);
  }

  #fail(call: Call, error: unknown): void {
    if (call.isOver) return;
    if (call.steps === undefined) return this.#end(call, () => call.reject(error));
    this.#advance(call, () => call.steps!.throw(error), undefined);
  }

  #advance(call: Call, advance: (() => IteratorResult<Step, unknown>) | undefined, answer: unknown): void {
    if (advance === undefined) return this.#end(call, () => call.resolve(answer));
    let step: IteratorResult<Step, unknown>;
    try {
      step = advance();
    } catch (error) {
      return this.#end(call, () => call.reject(error));
    }
    const { value } = step;
    if (step.done === true) return this.#end(call, () => call.resolve(value));
    call.next = step.value;
    // What comes after the last one that changes something waits for nobody.
    if (!this.#calls.has(call)) return this.#do(call, step.value);
    this.#serve();
    this.#lookUp(call);
  }

  #end(call: Call, settle: () => void): void {
    call.isOver = true;
    call.next = undefined;
    call.release?.();
    settle();
    this.#leave(call);
  }

  #giveUp(call: Call, error: unknown): void {
    if (call.isOver) return;
    call.isOver = true;
    call.next = undefined;
    if (call.sent !== undefined) this.#connection.withdraw(call.sent);
    call.stop?.abort(error);
    call.reject(error);
    this.#leave(call);
  }
}

function operationOf(step: Step | typeof TURN): string {
  if (step === TURN) return '';
  if ('one' in step) return step.one.operation;
  if ('all' in step) return step.all.operation;
  return 'many' in step ? 'what was listed' : 'another namespace';
}

function isLookUp(step: Call['next']): step is Step {
  return typeof step === 'object' && 'one' in step && step.looksUp === true;
}
