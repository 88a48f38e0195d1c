import { KernelError } from '../errors.js';
import type { Connection } from './connection.js';
import type { Dump } from './dump.js';
import type { CallOptions } from './options.js';
import type { Request } from './request.js';

/** How a client answers: with promises, or at once. */
export type Mode = 'async' | 'sync';
/** A value: promised, or at once. */
export type Result<M extends Mode, T> = M extends 'async' ? Promise<T> : T;
/** Objects: streamed or promised, or an array at once. */
export type List<M extends Mode, T> = M extends 'async' ? Dump<T> : T[];

type Step =
  | { readonly one: Request<unknown> }
  | { readonly all: Request<unknown> }
  | { readonly many: readonly Request<unknown>[]; readonly gone: string }
  | { readonly call: Calls<unknown> };

/** Something to be done by other means than a request of this client, either way. */
export interface Calls<T> {
  readonly async: () => Promise<T>;
  readonly sync: () => T;
}

/**
 * Requests of which the later ones depend on answers to the earlier ones: names looked up first, say. Written once as a
 * generator, carried out by either kind of runner.
 */
export type Steps<T> = Generator<Step, T, unknown>;

/** The answer to one request. */
export function* one<T>(request: Request<T>): Steps<T> {
  return (yield { one: request }) as T;
}

/** The answer to the last request of an operation. */
export function* last<T>(request: Request<T>): Steps<T> {
  return (yield { one: request }) as T;
}

/** What a call gives. */
export function* call<T>(calls: Calls<T>): Steps<T> {
  return (yield { call: calls }) as T;
}

/** All objects of a dump. */
export function* all<T>(request: Request<T>): Steps<T[]> {
  return (yield { all: request }) as T[];
}

/**
 * Deletions that do not depend on each other; the first error counts, after all have been carried out. What has gone by
 * itself in the meantime, for which the kernel answers `gone`, is no error.
 */
export function* many(requests: readonly Request<unknown>[], gone: string): Steps<void> {
  yield { many: requests, gone };
}

type Operation<T> = Request<T> | Steps<T>;

/** Carries out operations. They are given as functions, so that an error in making a request comes as any other does. */
export interface Runner<M extends Mode> {
  one<T>(operation: () => Operation<T>, options?: CallOptions): Result<M, T>;
  list<T>(operation: () => Request<T> | Steps<Request<T>>, options?: CallOptions): List<M, T>;
}

async function walk<T>(connection: Connection, steps: Steps<T>, options: CallOptions | undefined): Promise<T> {
  let step = steps.next();
  while (step.done !== true) {
    let answer: unknown;
    try {
      answer = await carryOut(connection, step.value, options);
    } catch (error) {
      step = steps.throw(error);
      continue;
    }
    step = steps.next(answer);
  }
  return step.value;
}

async function carryOut(connection: Connection, step: Step, options: CallOptions | undefined): Promise<unknown> {
  if ('one' in step) return connection.request(step.one, options);
  if ('all' in step) return connection.dump(step.all, options);
  if ('call' in step) return step.call.async();
  const results = await Promise.allSettled(step.many.map((request) => connection.request(request, options)));
  throwFirst(
    results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : [])),
    step.gone,
  );
  return undefined;
}

/** Throws the first of the errors that says something else than that the object is gone. */
function throwFirst(errors: readonly unknown[], gone: string): void {
  const counts = errors.filter((error) => !(error instanceof KernelError && error.code === gone));
  if (counts.length > 0) throw counts[0];
}

export function asyncRunner(connection: Connection): Runner<'async'> {
  const one = <T>(operation: () => Operation<T>, options?: CallOptions): Promise<T> => {
    try {
      const made = operation();
      return 'next' in made ? walk(connection, made, options) : connection.request(made, options);
    } catch (error) {
      return Promise.reject(error);
    }
  };
  return {
    one,
    list: <T>(operation: () => Request<T> | Steps<Request<T>>, options?: CallOptions) =>
      connection.dump<T>(async () => {
        const made = operation();
        return 'next' in made ? walk(connection, made, options) : made;
      }, options),
  };
}

function walkSync<T>(connection: Connection, steps: Steps<T>, options: CallOptions | undefined): T {
  let step = steps.next();
  while (step.done !== true) {
    let answer: unknown;
    try {
      answer = carryOutSync(connection, step.value, options);
    } catch (error) {
      step = steps.throw(error);
      continue;
    }
    step = steps.next(answer);
  }
  return step.value;
}

function carryOutSync(connection: Connection, step: Step, options: CallOptions | undefined): unknown {
  if ('one' in step) return connection.requestSync(step.one, options);
  if ('all' in step) return connection.dumpSync(step.all, options);
  if ('call' in step) return step.call.sync();
  const errors: unknown[] = [];
  for (const request of step.many) {
    try {
      connection.requestSync(request, options);
    } catch (error) {
      errors.push(error);
    }
  }
  throwFirst(errors, step.gone);
  return undefined;
}

export function syncRunner(connection: Connection): Runner<'sync'> {
  return {
    one: (operation, options) => {
      const made = operation();
      return 'next' in made ? walkSync(connection, made, options) : connection.requestSync(made, options);
    },
    list: <T>(operation: () => Request<T> | Steps<Request<T>>, options?: CallOptions) => {
      const made = operation();
      return connection.dumpSync('next' in made ? walkSync(connection, made, options) : made, options);
    },
  };
}
