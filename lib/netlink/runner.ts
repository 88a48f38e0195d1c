import { KernelError } from '../errors.js';
import type { Connection } from './connection.js';
import type { Dump } from './dump.js';
import type { CallOptions } from './options.js';
import type { Request } from './request.js';
import { snapshot } from '../own.js';
import type { Step, Steps, Turns } from './turns.js';

export type { Steps } from './turns.js';

/** How a client answers: with promises, or at once. */
export type Mode = 'async' | 'sync';
/** A value: promised, or at once. */
export type Result<M extends Mode, T> = M extends 'async' ? Promise<T> : T;
/** Objects: streamed or promised, or an array at once. */
export type List<M extends Mode, T> = M extends 'async' ? Dump<T> : T[];

/** Something to be done by other means than a request of this client, either way. */
export interface Calls<T> {
  readonly async: () => Promise<T>;
  readonly sync: () => T;
}

/** The answer to one request. */
export function* one<T>(request: Request<T>): Steps<T> {
  return (yield { one: request }) as T;
}

/** The answer to the last request that changes something: with it the call passes its turn on to the next. */
export function* last<T>(request: Request<T>): Steps<T> {
  return (yield { one: request, isLast: true }) as T;
}

/** The answer to a request that finds out what a name stands for. It may be made before the call has its turn. */
export function* lookUp<T>(request: Request<T>): Steps<T> {
  return (yield { one: request, looksUp: true }) as T;
}

/** What comes of other means than this client's requests. */
export function* call<T>(calls: Calls<T>): Steps<T> {
  return (yield { call: calls }) as T;
}

/** All objects of a dump. */
export function* all<T>(request: Request<T>): Steps<T[]> {
  return (yield { all: request }) as T[];
}

/** The same, to iterate over once: fit for more objects than are good to have at the same time. */
export function* kept<T>(request: Request<T>): Steps<Iterable<T>> {
  return (yield { all: request, isKept: true }) as Iterable<T>;
}

/**
 * Deletions that do not depend on each other; the first error counts, after all have been carried out. What has gone by
 * itself in the meantime, for which the kernel answers `gone`, is no error. Each request is made when it is due.
 */
export function* many(requests: Iterable<Request<unknown>>, gone: string): Steps<void> {
  yield { many: requests, gone };
}

type Operation<T> = Request<T> | Steps<T>;

/**
 * Carries out operations. They are given as functions, so that an error in making a request comes as any other does, and get the
 * argument of the call, `given`, as it was when the call was made.
 */
export interface Runner<M extends Mode> {
  one<T, G>(operation: (given: G) => Operation<T>, options?: CallOptions, given?: G): Result<M, T>;
  list<T, G>(operation: (given: G) => Request<T> | Steps<Request<T>>, options?: CallOptions, given?: G): List<M, T>;
}

/** `renames`: what look-ups find may be another thing after the operations of this runner. */
export function asyncRunner(turns: Turns, connection: Connection, renames: boolean): Runner<'async'> {
  const carryOut = <T>(made: Operation<T>, options: CallOptions | undefined) =>
    'next' in made ? turns.run(made, renames, options) : turns.request(made, renames, options);
  return {
    one: <T, G>(operation: (given: G) => Operation<T>, options?: CallOptions, given?: G): Promise<T> => {
      try {
        return carryOut(operation(snapshot(given) as G), options);
      } catch (error) {
        return Promise.reject(error);
      }
    },
    list: <T, G>(operation: (given: G) => Request<T> | Steps<Request<T>>, options?: CallOptions, given?: G) => {
      // The arguments are read now, whenever it is awaited; an error in that comes when it is.
      let limits = options;
      let read: () => G;
      try {
        const argument = snapshot(given) as G;
        limits = snapshot(options);
        read = () => argument;
      } catch (error) {
        read = () => {
          throw error;
        };
      }
      return connection.dump<T>(async () => {
        const made = operation(read());
        const found = 'next' in made ? turns.run(made, false, limits) : undefined;
        const ahead = turns.ahead();
        const request = found === undefined ? (made as Request<T>) : await found;
        await ahead;
        return request;
      }, limits);
    },
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
  let first: { readonly error: unknown } | undefined;
  for (const request of step.many) {
    try {
      connection.requestSync(request, options);
    } catch (error) {
      if (!(error instanceof KernelError && error.code === step.gone)) first ??= { error };
    }
  }
  if (first !== undefined) throw first.error;
  return undefined;
}

export function syncRunner(connection: Connection): Runner<'sync'> {
  return {
    one: <T, G>(operation: (given: G) => Operation<T>, options?: CallOptions, given?: G) => {
      const made = operation(snapshot(given) as G);
      return 'next' in made ? walkSync(connection, made, options) : connection.requestSync(made, options);
    },
    list: <T, G>(operation: (given: G) => Request<T> | Steps<Request<T>>, options?: CallOptions, given?: G) => {
      const made = operation(snapshot(given) as G);
      return connection.dumpSync('next' in made ? walkSync(connection, made, options) : made, options);
    },
  };
}
