import type * as crypto from 'node:crypto';
import type * as dgram from 'node:dgram';
import type * as http from 'node:http';
import type * as https from 'node:https';
import type * as net from 'node:net';
import type * as os from 'node:os';
import type * as tls from 'node:tls';
import type * as tty from 'node:tty';
import type * as worker from 'node:worker_threads';
import { loadBuiltin } from './native/native.cjs';

interface Lazy {
  readonly crypto: typeof crypto;
  readonly dgram: typeof dgram;
  readonly http: typeof http;
  readonly https: typeof https;
  readonly net: typeof net;
  readonly os: typeof os;
  readonly tls: typeof tls;
  readonly tty: typeof tty;
  readonly worker_threads: typeof worker;
}

const loaded: { -readonly [Name in keyof Lazy]?: Lazy[Name] } = {};

/** Modules of Node.js that take long to load, each when it is first needed. */
export function lazy<Name extends keyof Lazy>(name: Name): Lazy[Name] {
  return (loaded[name] ??= loadBuiltin(name) as Lazy[Name]);
}
