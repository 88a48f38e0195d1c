import { ArgumentError, TimeoutError } from '../errors.js';
import type { Netns } from '../namespaces/index.js';
import { Rtnetlink } from '../rtnetlink/index.js';
import { checkKeys, checkLimits } from '../options.js';
import { Clients } from './clients.js';
import { asWhole, type Undo } from './undo.js';

/** The last argument of every helper. */
export interface HelperOptions {
  /** Gives up; what was done by then is undone. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for all steps together, undoing them not counted. Rejects with `TimeoutError`. */
  readonly timeout?: number | undefined;
  /** An open client where the link is created, to save opening one: of the first end's, the underlay's or the parent's namespace. */
  readonly client?: Rtnetlink | undefined;
}

/** What the steps of a helper work with. */
export interface Operation {
  readonly clients: Clients;
  readonly undo: Undo;
  /** For each request: until when it is waited for. */
  readonly call: { readonly signal: AbortSignal | undefined };
}

const OPTIONS = ['signal', 'timeout', 'client'];

/** The options, each read once. */
function checkOptions(given: HelperOptions): HelperOptions {
  const options = checkKeys('options', given, OPTIONS);
  checkLimits('options', options);
  const { client } = options;
  if (client !== undefined && !(client instanceof Rtnetlink))
    throw new ArgumentError('options.client', 'takes an open Rtnetlink client');
  return options;
}

/** Runs the steps of the helper `name` as a whole and within its limits; `from` is where `options.client` is. */
export async function operate<T>(
  name: string,
  from: Netns | undefined,
  given: HelperOptions,
  run: (operation: Operation) => Promise<T>,
): Promise<T> {
  const options = checkOptions(given);
  const { timeout, client } = options;
  const expiry = new AbortController();
  const timer =
    timeout === undefined ? undefined : setTimeout(() => expiry.abort(new TimeoutError(name, timeout)), timeout);
  const signal = timer === undefined ? options.signal : either(options.signal, expiry.signal);
  const clients = new Clients(from, client);
  try {
    return await asWhole((undo) => run({ clients, undo, call: { signal } }));
  } finally {
    clearTimeout(timer);
    await clients.close();
  }
}

function either(given: AbortSignal | undefined, other: AbortSignal): AbortSignal {
  return given === undefined ? other : AbortSignal.any([given, other]);
}

/**
 * Makes something, and takes note of how to unmake it. Unlike other requests this one is waited for even when the helper
 * gives up meanwhile: only its answer tells whether there is something to undo.
 */
export async function make(
  { call, undo }: Operation,
  request: () => Promise<void>,
  unmake: () => Promise<void>,
): Promise<void> {
  call.signal?.throwIfAborted();
  await request();
  undo(unmake);
  call.signal?.throwIfAborted();
}
