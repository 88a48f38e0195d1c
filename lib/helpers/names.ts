/** Errors of clients in the names of what a helper was given. */
import { CodecError, KernelError } from '../errors.js';

/**
 * Maps what clients call something to the helper's argument; the first that fits counts. `own`: the options that it has
 * beside the client's, one of which may be meant by a misspelt one.
 */
export type Names = readonly (readonly [theirs: string, given: string, own?: readonly string[]])[];

/** What clients say of the link that they are given by name or index. */
export function ofLinkRef(given: string): Names {
  return ['link.name', 'link.index', 'link.altName', 'link'].map((theirs) => [theirs, given]);
}

/**
 * The same promise, with its errors in these names. An error that does not say what it is about is about `whole`: what the last
 * name stands for, unless said.
 */
export function inNames<T>(names: Names, promise: Promise<T>, whole = names.at(-1)?.[1] ?? NOTHING): Promise<T> {
  return promise.catch((error: unknown) => {
    throw renamed(error, names, whole);
  });
}

/** For steps of which nobody can tell which of the helper's arguments they are about. */
export const NOTHING = '';

function renamed(error: unknown, names: Names, whole: string): unknown {
  if (!(error instanceof CodecError) && !(error instanceof KernelError)) return error;
  const path = error.path ?? (error as KernelError).missing;
  if (path === undefined) return whole === NOTHING ? error : error.at(whole, undefined);
  for (const [theirs, given, own] of names) {
    if (path !== theirs && !(path.startsWith(theirs) && '.[('.includes(path[theirs.length]!))) continue;
    const rest = path.slice(theirs.length);
    const key = /^\.([^.[(]+)$/.exec(rest)?.[1];
    if (own !== undefined && key !== undefined && error instanceof CodecError && error.known !== undefined)
      return CodecError.noSuchOption(key, [...own, ...error.known]).at(given + rest);
    return error.at(given + rest);
  }
  return error;
}
