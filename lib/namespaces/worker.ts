import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { types } from 'node:util';
import type { Worker, WorkerOptions } from 'node:worker_threads';
import { ArgumentError, UnsupportedError } from '../errors.js';
import { flagOf } from '../namespace-types.js';
import { lazy } from '../lazy.js';
import { addon, addonPath } from '../native/load.js';
import type { NetnsDescriptor } from '../netlink/kernel.js';
import { isFailure, orThrow } from '../netlink/system-call.js';
import { isDescriptor } from '../options.js';
import { openCurrent } from './open.js';

const CLONE_NEWNET = flagOf('net');

/** `Worker`, whose module is loaded when the first one is made. */
const LazyWorker = function (...parameters: ConstructorParameters<typeof Worker>): object {
  const { Worker } = lazy('worker_threads');
  Object.setPrototypeOf(LazyWorker.prototype, Worker.prototype);
  return Reflect.construct(Worker, parameters, new.target) as object;
} as unknown as typeof Worker;

/** Options of `Worker`, but for `eval`: a script as text goes as a `data:` URL. */
export interface NetnsWorkerOptions extends Omit<WorkerOptions, 'eval'> {
  /** Where it lives: a `Netns`, which may be closed once the worker has been made. */
  readonly netns: NetnsDescriptor;
}

/**
 * A `Worker` of `node:worker_threads` whose thread lives inside a network namespace: it enters before any of its code runs,
 * and no other thread does. So what is not made for namespaces works there: other libraries' sockets and servers, and
 * `child_process`, whose children are inside, too.
 *
 * What runs in libuv's pool of threads, which all of the process share, is not inside. Above all that is `dns.lookup`, which
 * `net.connect({ host: 'name' })` uses: give `{ lookup: Netns.current().lookup }`. `dns.resolve` is inside. Asynchronous
 * functions of `node:fs` see the /proc/sys/net of the process. So do asynchronous calls of this library without a
 * namespace: give them `{ netns: Netns.current() }`. Workers that it starts are inside.
 *
 * Takes CAP_SYS_ADMIN in the own user namespace and in the one that owns the network: otherwise `'error'` is emitted, with
 * the code `EPERM`, and nothing has run. So there is none for a namespace of a user namespace of its own, without root.
 *
 * @example
 * ```ts
 * import { Netns, NetnsWorker } from 'netlace';
 *
 * const netns = await Netns.create({ loopback: true });
 * const worker = new NetnsWorker(new URL('data:text/javascript,console.log("inside")'), { netns });
 * worker.once('exit', () => netns.close());
 * ```
 */
export class NetnsWorker extends LazyWorker {
  /** `file`: a path, absolute or from `./` or `../` on, or a URL with `file:` or `data:`. */
  constructor(file: string | URL, options: NetnsWorkerOptions) {
    if (typeof options !== 'object' || options === null || !isDescriptor(options.netns?.fd))
      throw new ArgumentError('options.netns', 'takes an open network namespace');
    const { netns, ...rest } = options;
    if ('eval' in rest && rest.eval) throw new ArgumentError('options.eval', 'there is none: use a data: URL');
    const script = scriptOf(file);
    const identity = orThrow(addon.identify(netns.fd), 'the network namespace');
    if (identity.type !== CLONE_NEWNET) throw new ArgumentError('options.netns', 'is no network namespace');
    startPool();
    const own = orThrow(addon.duplicate(netns.fd), 'the network namespace');
    try {
      super(entering(own.fd, script), rest);
    } catch (error) {
      own.close();
      throw error;
    }
    // Until then it may not have entered yet.
    this.once('exit', () => own.close());
  }
}

/**
 * Threads of the pool are started by whoever first uses it, all at once, and are where that thread is: so it has to be used
 * before any thread is elsewhere.
 */
function startPool(): void {
  void addon.async.readFile(-1, '/dev/null');
}

interface Script {
  readonly url: string;
  /** As it is in `process.argv`. */
  readonly name: string;
}

function scriptOf(file: unknown): Script {
  if (typeof file === 'string' && (isAbsolute(file) || /^\.\.?\//.test(file))) {
    const name = resolve(file);
    return { url: pathToFileURL(name).href, name };
  }
  if (file instanceof URL && (file.protocol === 'file:' || file.protocol === 'data:'))
    return { url: file.href, name: file.protocol === 'file:' ? decodeURIComponent(file.pathname) : file.href };
  throw new ArgumentError(
    'file',
    `takes a path that is absolute or begins with './' or '../', or a file: or data: URL`,
  );
}

/** A module that enters and goes on with the script. It imports nothing but what is in Node.js. */
function entering(fd: number, { url, name }: Script): URL {
  const source = `
    import { createRequire } from 'node:module';
    const failed = createRequire('/')(${JSON.stringify(addonPath)}).setns(${fd}, ${CLONE_NEWNET});
    if (failed !== 0) {
      const { getSystemErrorName } = await import('node:util');
      const code = getSystemErrorName(-failed.errno);
      throw Object.assign(new Error('setns: the worker cannot enter the network namespace (' + code + ')'), { code, ...failed });
    }
    process.argv.splice(1, 0, ${JSON.stringify(name)});
    await import(${JSON.stringify(url)});`;
  return new URL(`data:text/javascript,${encodeURIComponent(source)}`);
}

/** What `fn` returns, with the calling thread inside `netns` meanwhile. */
export function runIn<T>(netns: number, fn: () => T): T {
  if (typeof fn !== 'function') throw new ArgumentError('fn', 'takes a function');
  if (types.isAsyncFunction(fn)) throw new ArgumentError('fn', 'takes a synchronous function');
  if (lazy('worker_threads').isMainThread)
    throw new UnsupportedError(
      'netns.run: the main thread starts threads for Node.js at any time, and they would stay in the namespace; run it in a Worker, or live there: see NetnsWorker',
    );
  startPool();
  const { descriptor: home } = openCurrent('net');
  let result: T;
  try {
    orThrow(addon.setns(netns, CLONE_NEWNET), 'the network namespace');
    try {
      result = fn();
    } finally {
      // A thread that cannot go back must not go on: it would take the one namespace for the other.
      if (isFailure(addon.setns(home.fd, CLONE_NEWNET))) process.exit(1);
    }
  } finally {
    home.close();
  }
  if (types.isPromise(result))
    throw new ArgumentError('fn', 'takes a synchronous function, and this returned a promise');
  return result;
}
