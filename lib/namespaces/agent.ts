/** HTTP clients whose connections are made inside a network namespace. */
import type * as http from 'node:http';
import type * as https from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import { ArgumentError } from '../errors.js';
import { lazy } from '../lazy.js';
import { checkInteger } from '../options.js';
import { show } from '../wire/codec.js';
import type { ConnectOptions } from './sockets.js';

/** What Node.js calls an agent with; in part from the request, in part from the agent's own options. */
interface AgentConnection extends Partial<Omit<ConnectOptions, 'port'>> {
  readonly port?: number | string | undefined;
  readonly socketPath?: string | null | undefined;
  readonly timeout?: number | undefined;
}

/** Connects inside: `netns.connect`. */
type Connect = (options: ConnectOptions | { readonly path: string }) => Socket;

/** As Node.js calls it: what is not returned comes, as an error in particular, through the callback. */
type CreateConnection = (
  options: AgentConnection,
  callback: (error: Error | null, stream?: Duplex) => void,
) => Duplex | undefined;

/** As `net.createConnection` would; `defaultPort` is the protocol's. */
function connectAsAsked(connect: Connect, options: AgentConnection, defaultPort: number): Socket {
  const { socketPath } = options;
  return connect(socketPath ? { path: socketPath } : addressed(options, defaultPort));
}

/** Of the socket that the request goes through: that of the connection below sees nothing of it. */
function withTimeout<T extends Duplex>(socket: T, { timeout }: AgentConnection): T {
  if (timeout && socket instanceof lazy('net').Socket) socket.setTimeout(timeout);
  return socket;
}

function addressed(options: AgentConnection, defaultPort: number): ConnectOptions {
  const { host = 'localhost', port, localAddress, localPort, family, lookup } = options;
  const { noDelay, keepAlive, keepAliveInitialDelay } = options;
  const socket = { localAddress, localPort, family, lookup, noDelay, keepAlive, keepAliveInitialDelay };
  return { host, port: Number(port ?? defaultPort), ...socket };
}

/** What is made of a connection; that is given up where it cannot be made. */
function madeOf<T>(socket: Socket, make: () => T): T {
  try {
    return make();
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** The agent behind `netns.agent()`. */
export function httpAgent(connect: Connect, options: http.AgentOptions): http.Agent {
  checkAgentOptions(options);
  const agent = new (lazy('http').Agent)(options);
  return withConnections(agent, (connection) => {
    const socket = connectAsAsked(connect, connection, 80);
    return madeOf(socket, () => withTimeout(socket, connection));
  });
}

/** The agent behind `netns.httpsAgent()`; TLS sessions are used again as by any other. */
export function httpsAgent(connect: Connect, options: https.AgentOptions): https.Agent {
  checkAgentOptions(options);
  const agent = new (lazy('https').Agent)(options);
  const { createConnection: secured } = agent as unknown as { createConnection: CreateConnection };
  return withConnections(agent, (connection, callback) => {
    const socket = connectAsAsked(connect, connection, 443);
    return madeOf(socket, () => {
      const outer = secured.call(agent, Object.assign({}, connection, { socket }), callback);
      return outer === undefined ? undefined : withTimeout(passingErrors(socket, outer), connection);
    });
  });
}

function checkAgentOptions(options: unknown): void {
  if (typeof options !== 'object' || options === null)
    throw new ArgumentError('options', `takes options of an agent, not ${show(options)}`);
}

/** What cannot be connected to is an `'error'` of the request, which may have waited for another to end. */
function withConnections<T extends http.Agent>(agent: T, make: CreateConnection): T {
  const createConnection: CreateConnection = (options, callback) => {
    try {
      return make(options, callback);
    } catch (error) {
      callback(error as Error);
      return undefined;
    }
  };
  return Object.assign(agent, { createConnection });
}

/** What undici calls its `connect` with. */
export interface ConnectorOptions {
  readonly hostname: string;
  readonly host?: string | undefined;
  readonly protocol: string;
  /** `''`: that of the protocol. */
  readonly port: string | number;
  readonly servername?: string | null | undefined;
  readonly localAddress?: string | null | undefined;
  /** A connection, through a proxy say, to speak TLS over. */
  readonly httpSocket?: Socket | null | undefined;
}

/** As undici has it: an error, or a socket that is connected, with TLS where the protocol is `'https:'`. */
export type Connector = (
  options: ConnectorOptions,
  callback: (...result: [error: null, socket: Socket] | [error: Error, socket: null]) => void,
) => void;

/** How connections of a connector are made: options of `tls.connect`, and how long to wait. */
export interface ConnectorSettings extends ConnectionOptions {
  /** Milliseconds until a connection, with TLS, has to stand; 10,000 unless said. 0: no limit. */
  readonly timeout?: number | undefined;
  /** Of a name, only addresses of this family: 4 or 6. */
  readonly family?: number | undefined;
}

/** The function behind `netns.connector()`. */
export function connector(connect: Connect, settings: ConnectorSettings): Connector {
  if (typeof settings !== 'object' || settings === null)
    throw new ArgumentError('settings', `takes options of tls.connect, not ${show(settings)}`);
  const { timeout = 10_000, family, ...tls } = settings;
  // No timer takes more.
  checkInteger('settings.timeout', timeout, 0, 0x7fffffff);
  if (![undefined, 0, 4, 6].includes(family))
    throw new ArgumentError('settings.family', `takes 4 or 6, not ${show(family)}`);
  return (options, callback) => {
    const { protocol, localAddress, httpSocket } = options;
    const host = unbracketed(options.hostname);
    const secure = protocol === 'https:';
    let socket: Socket;
    try {
      const inner =
        httpSocket ??
        connect({
          host,
          port: Number(options.port === '' ? (secure ? 443 : 80) : options.port),
          localAddress: localAddress ?? undefined,
          family,
          noDelay: true,
        });
      // Addresses are no server names (RFC 6066, section 3).
      const named = options.servername ? unbracketed(options.servername) : host;
      const servername = lazy('net').isIP(named) === 0 ? named : '';
      const secured = () =>
        passingErrors(
          inner,
          lazy('tls').connect({ ALPNProtocols: ['http/1.1'], servername, ...tls, host, socket: inner }),
        );
      socket = secure ? madeOf(inner, secured) : inner;
    } catch (error) {
      process.nextTick(callback, error, null);
      return;
    }
    const timer =
      timeout === 0
        ? undefined
        : setTimeout(() => {
            const error = new Error(`no connection to ${host} within ${timeout} ms`);
            socket.destroy(Object.assign(error, { code: 'UND_ERR_CONNECT_TIMEOUT' }));
          }, timeout);
    const settle = (error: Error | null) => {
      clearTimeout(timer);
      socket
        .off('error', settle)
        .off('close', closed)
        .off(secure ? 'secureConnect' : 'connect', connected);
      if (error === null) callback(null, socket);
      else callback(error, null);
    };
    const connected = () => settle(null);
    const closed = () => settle(new Error(`the connection to ${host} was closed`));
    socket
      .once('error', settle)
      .once('close', closed)
      .once(secure ? 'secureConnect' : 'connect', connected);
  };
}

/** undici leaves the brackets that an IPv6 address has in an URL. */
function unbracketed(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

/** An error of the connection is one of the TLS that goes over it: Node.js itself only closes that. */
function passingErrors<T extends Duplex>(inner: Socket, outer: T): T {
  inner.once('error', (error) => outer.destroy(error));
  return outer;
}
