/** Servers, clients and name lookups of Node.js inside network namespaces. */
import { expect, jest, test } from '@jest/globals';
import { once } from 'node:events';
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { connect as connectHere, createServer, type Server, type Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import type { TLSSocket } from 'node:tls';
import { LookupError } from '../../lib/errors.js';
import { Netns } from '../../lib/namespaces/netns.js';
import { addon } from '../../lib/native/load.js';
import { orThrow } from '../../lib/netlink/system-call.js';
import { Rtnetlink } from '../../lib/rtnetlink/client.js';
import { dnsServer, type DnsServer, type Zone } from '../support/dns-server.js';
import { leavesNothing, openDescriptors, until } from '../support/leftovers.js';
import { newNetns, noNames, noNetns } from '../support/netns.js';
import { errorOf } from '../support/rejection.js';
import { describeUnless, testUnless } from '../support/skip.js';

leavesNothing();
jest.setTimeout(60_000);

/** What TLS is to expect: Node.js 22.23 finds no IPv6 address in a certificate. */
const servername = 'server.test';
const key = readFileSync('test/support/tls/key.pem');
const cert = readFileSync('test/support/tls/cert.pem');

/** Two namespaces with a cable between them: 10.7.0.1 and fd07::1 on the near end, .2 and ::2 on the far one. */
async function inPair(body: (near: Netns, far: Netns) => Promise<void>, name?: string): Promise<void> {
  await using near = await newNetns({ loopback: true });
  await using far = await (name === undefined ? newNetns({ loopback: true }) : Netns.create({ loopback: true, name }));
  await using nearby = await Rtnetlink.open({ netns: near });
  await using remote = await Rtnetlink.open({ netns: far });
  await nearby.link.add({ name: 'cable', kind: 'veth', up: true, data: { peer: { name: 'cable', netns: far } } });
  for (const [place, client] of [nearby, remote].entries()) {
    await client.link.set('cable', { up: true, afSpec: { inet6: { addrGenMode: 'none' } } });
    await client.address.add({ link: 'cable', address: `10.7.0.${place + 1}/24` });
    await client.address.add({ link: 'cable', address: `fd07::${place + 1}/64`, flags: ['nodad'] });
  }
  await body(near, far);
}

const closed = (server: { close(done: () => void): unknown }) => new Promise<void>((done) => server.close(done));

/** The response to a request by `agent`, and the text of its body. */
async function fetched(
  client: typeof http | typeof https,
  options: http.RequestOptions & https.RequestOptions,
): Promise<string> {
  const [response] = (await once(client.get(options), 'response')) as [http.IncomingMessage];
  return `${response.statusCode} ${await text(response)}`;
}

describeUnless(noNetns, 'an agent', () => {
  test('for HTTP asks inside, over IPv4 and IPv6', () =>
    inPair(async (near, far) => {
      const server = await near.listen(
        http.createServer((request, response) => response.end(`${request.url} from ${request.socket.remoteAddress}`)),
        { port: 8080 },
      );
      const agent = far.agent();
      expect(await fetched(http, { agent, host: '10.7.0.1', port: 8080, path: '/four' })).toBe(
        '200 /four from ::ffff:10.7.0.2',
      );
      expect(await fetched(http, { agent, host: 'fd07::1', port: 8080, path: '/six' })).toBe('200 /six from fd07::2');
      expect(
        await fetched(http, { agent, host: '127.0.0.1', port: 8080 }).catch((error: unknown) => error),
      ).toMatchObject({ code: 'ECONNREFUSED' });
      agent.destroy();
      await closed(server);
    }));

  test('keeps connections alive, and makes as many as allowed', () =>
    inPair(async (near, far) => {
      const sockets = new Set<Socket>();
      const server = await near.listen(
        http.createServer((request, response) => {
          sockets.add(request.socket);
          setImmediate(() => response.end('x'.repeat(1000)));
        }),
        { host: '10.7.0.1', port: 80 },
      );
      const agent = far.agent({ keepAlive: true, maxSockets: 4 });
      const answers = await Promise.all(Array.from({ length: 64 }, () => fetched(http, { agent, host: '10.7.0.1' })));
      expect(new Set(answers)).toEqual(new Set([`200 ${'x'.repeat(1000)}`]));
      expect(sockets.size).toBe(4);
      await fetched(http, { agent, host: '10.7.0.1' });
      expect(sockets.size).toBe(4);
      agent.destroy();
      await closed(server);
    }));

  test('64 connections at once, with TLS too', () =>
    inPair(async (near, far) => {
      let open = 0;
      let most = 0;
      const waiting: (() => void)[] = [];
      const server = await near.listen(
        https.createServer({ key, cert }, (_request, response) => {
          most = Math.max(most, ++open);
          waiting.push(() => response.end('done'));
          if (waiting.length === 64) for (const each of waiting) each();
        }),
        { host: 'fd07::1', port: 443 },
      );
      const agent = far.httpsAgent({ ca: cert });
      const answers = await Promise.all(
        Array.from({ length: 64 }, () => fetched(https, { agent, host: 'fd07::1', servername })),
      );
      expect(new Set(answers)).toEqual(new Set(['200 done']));
      expect(most).toBe(64);
      agent.destroy();
      await closed(server);
    }));

  test('for HTTPS checks the certificate, and uses sessions again', () =>
    inPair(async (near, far) => {
      const server = await near.listen(
        https.createServer({ key, cert }, (request, response) => {
          const socket = request.socket as TLSSocket;
          response.end(`${request.url} ${socket.isSessionReused()}`);
        }),
        { host: '10.7.0.1', port: 8443 },
      );
      const to = { host: '10.7.0.1', port: 8443, servername: 'www.server.test' };
      const agent = far.httpsAgent({ ca: cert, maxVersion: 'TLSv1.2' });
      expect(await fetched(https, { ...to, agent })).toBe('200 / false');
      expect(await fetched(https, { ...to, agent })).toBe('200 / true');
      const distrusting = far.httpsAgent();
      expect(await errorOf(() => fetched(https, { ...to, agent: distrusting }))).toMatchObject({
        code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      });
      expect(await errorOf(() => fetched(https, { ...to, agent, servername: 'other.test' }))).toMatchObject({
        code: 'ERR_TLS_CERT_ALTNAME_INVALID',
      });
      expect(await errorOf(() => fetched(https, { ...to, agent, port: 9 }))).toMatchObject({ code: 'ECONNREFUSED' });
      for (const each of [agent, distrusting]) each.destroy();
      await closed(server);
    }));

  test('keeps to the timeout of a request', () =>
    inPair(async (near, far) => {
      const never: http.RequestListener = (request) => request.resume();
      for (const [client, server, agent] of [
        [http, http.createServer(never), far.agent()],
        [https, https.createServer({ key, cert }, never), far.httpsAgent({ ca: cert })],
      ] as const) {
        await near.listen(server, { host: '10.7.0.1', port: 4433 });
        const request = client.get({ agent, host: '10.7.0.1', port: 4433, timeout: 50 });
        const failed = once(request, 'error').catch((error: unknown) => [error]) as Promise<[Error]>;
        await once(request, 'timeout');
        request.destroy(new Error('given up'));
        expect((await failed)[0].message).toBe('given up');
        agent.destroy();
        await closed(server);
      }
    }));

  test('of a closed namespace, and options that cannot be, are errors of the request', () =>
    inPair(async (_near, far) => {
      using copy = Netns.openSync({ fd: far.fd });
      const [plain, secured] = [copy.agent(), copy.httpsAgent()];
      copy.close();
      expect(await errorOf(() => fetched(http, { agent: plain, host: '10.7.0.1' }))).toMatchObject({
        code: 'ERR_NETLACE_CLOSED',
      });
      expect(await errorOf(() => fetched(https, { agent: secured, host: '10.7.0.1' }))).toMatchObject({
        code: 'ERR_NETLACE_CLOSED',
      });
      expect(await errorOf(() => fetched(http, { agent: far.agent(), host: 'not a name' }))).toMatchObject({
        code: 'ERR_NETLACE_ARGUMENT',
        argument: 'options.host',
      });
      expect(await errorOf(() => fetched(http, { agent: far.agent(), socketPath: '/run/some.sock' }))).toMatchObject({
        argument: 'options.path',
      });
    }));
});

describeUnless(noNetns, 'HTTP/2', () => {
  test('server and client, with and without TLS', () =>
    inPair(async (near, far) => {
      for (const [protocol, server] of [
        ['http:', http2.createServer()],
        ['https:', http2.createSecureServer({ key, cert })],
      ] as const) {
        server.on('stream', (stream, headers) => stream.end(`${String(headers[':path'])} as ${protocol}`));
        await near.listen(server, { host: '10.7.0.1', port: 8000 });
        const session = http2.connect(`${protocol}//10.7.0.1:8000`, {
          ca: cert,
          servername,
          ...(protocol === 'http:'
            ? { createConnection: () => far.connect({ host: '10.7.0.1', port: 8000 }) }
            : { socket: far.connect({ host: '10.7.0.1', port: 8000 }) }),
        } as http2.SecureClientSessionOptions);
        const requests = Array.from({ length: 10 }, (_, number) => text(session.request({ ':path': `/${number}` })));
        expect(await Promise.all(requests)).toEqual(
          Array.from({ length: 10 }, (_, number) => `/${number} as ${protocol}`),
        );
        await new Promise<void>((done) => session.close(done));
        await closed(server);
      }
    }));
});

/** undici's Agent, of the copy that is inside Node.js: it shows once `fetch` has been used. */
const undiciAgent = await (async () => {
  await fetch('data:,');
  // Where fetch comes from: jest's tests have a global object of their own.
  const global = (await fetch.constructor('return globalThis')()) as Record<symbol, unknown>;
  const dispatcher = global[Symbol.for('undici.globalDispatcher.1')];
  return dispatcher?.constructor as
    (new (options: { connect: unknown }) => { destroy(): Promise<void>; close(): Promise<void> }) | undefined;
})();
const noUndici =
  noNetns ?? (undiciAgent === undefined ? 'this Node.js does not show the agent behind its fetch' : undefined);

describeUnless(noNetns, 'a connector for undici', () => {
  testUnless(noUndici, 'takes fetch inside, with and without TLS', () =>
    inPair(async (near, far) => {
      const answer: http.RequestListener = (request, response) =>
        response.end(`${request.url} from ${request.socket.remoteAddress}`);
      const plain = await near.listen(http.createServer(answer), { port: 8080 });
      const secured = await near.listen(https.createServer({ key, cert }, answer), { port: 8443 });
      const dispatcher = new undiciAgent!({ connect: far.connector({ ca: cert, servername }) });
      const got = async (url: string) => (await fetch(url, { dispatcher } as RequestInit)).text();
      expect(await got('http://10.7.0.1:8080/a')).toBe('/a from ::ffff:10.7.0.2');
      expect(await got('http://[fd07::1]:8080/b')).toBe('/b from fd07::2');
      expect(await got('https://[fd07::1]:8443/c')).toBe('/c from fd07::2');
      expect(await got('https://10.7.0.1:8443/d')).toBe('/d from ::ffff:10.7.0.2');
      const many = await Promise.all(Array.from({ length: 64 }, (_, i) => got(`https://10.7.0.1:8443/${i}`)));
      expect(many).toEqual(many.map((_, i) => `/${i} from ::ffff:10.7.0.2`));
      expect(((await errorOf(() => got('http://10.7.0.1:8081/'))).cause as Error & { code: string }).code).toBe(
        'ECONNREFUSED',
      );
      await dispatcher.close();
      for (const server of [plain, secured]) {
        server.closeAllConnections();
        await closed(server);
      }
    }),
  );

  test('calls back once, with a connected socket or an error', () =>
    inPair(async (near, far) => {
      const server = await near.listen(
        createServer((socket) => socket.on('error', () => undefined).resume()),
        { host: '10.7.0.1', port: 4711 },
      );
      const tried = (settings: object, options: object) =>
        new Promise<[Error | null, Socket | null][]>((done) => {
          const calls: [Error | null, Socket | null][] = [];
          far.connector(settings)(
            { hostname: '10.7.0.1', protocol: 'http:', port: '4711', ...options },
            (...result) => {
              calls.push(result);
              setTimeout(() => done(calls), 20);
            },
          );
        });
      const [[error, socket], ...more] = (await tried({}, {})) as [[null, Socket]];
      expect([error, socket.readyState, socket.remotePort, more]).toEqual([null, 'open', 4711, []]);
      socket.destroy();
      // Nobody speaks TLS there.
      expect(await tried({ timeout: 50 }, { protocol: 'https:' })).toEqual([
        [expect.objectContaining({ code: 'UND_ERR_CONNECT_TIMEOUT' }), null],
      ]);
      expect(await tried({}, { port: 9 })).toEqual([[expect.objectContaining({ code: 'ECONNREFUSED' }), null]]);
      expect(await tried({}, { hostname: 'no name' })).toEqual([
        [expect.objectContaining({ code: 'ERR_NETLACE_ARGUMENT' }), null],
      ]);
      expect(await errorOf(() => far.connector({ timeout: -1 }))).toMatchObject({ argument: 'settings.timeout' });
      await closed(server);
    }));
});

/** The TCP ports that somebody listens at inside, and the abstract names. */
function listenedAt(netns: Netns): (number | string)[] {
  const rows = (file: string) =>
    Buffer.from(orThrow(addon.sync.readFile(netns.fd, `/proc/thread-self/net/${file}`)))
      .toString()
      .split('\n')
      .slice(1, -1)
      .map((line) => line.trim().split(/\s+/));
  const ports = ['tcp', 'tcp6'].flatMap(rows).filter(([, , , state]) => state === '0A');
  return [
    ...ports.map(([, local]) => parseInt(local!.split(':')[1]!, 16)),
    ...rows('unix').flatMap(([, , , , , , , name]) => (name === undefined ? [] : [name])),
  ];
}

describeUnless(noNetns, 'a server that cannot listen', () => {
  const listeners = (server: Server) => ['listening', 'error', 'close'].map((event) => server.listenerCount(event));

  test('as it does already, is refused and goes on', () =>
    inPair(async (near, far) => {
      const server = http.createServer((_request, response) => response.end('still here'));
      const [first, second] = await Promise.allSettled([
        near.listen(server, { port: 8080 }),
        near.listen(server, { port: 8081 }),
      ]);
      expect([first.status, second.status]).toEqual(['fulfilled', 'rejected']);
      const before = listeners(server);
      for (const options of [{ port: 8081 }, { path: '\0name' }, {}])
        expect(await errorOf(() => near.listen(server, options))).toMatchObject({
          code: 'ERR_NETLACE_ARGUMENT',
          argument: 'server',
        });
      expect(listenedAt(near)).toEqual([8080]);
      expect(listeners(server)).toEqual(before);
      expect(() => server.emit('error', new Error('of its own'))).toThrow('of its own');
      const agent = far.agent();
      expect(await fetched(http, { agent, host: '10.7.0.1', port: 8080 })).toBe('200 still here');
      agent.destroy();
      await closed(server);
      await near.listen(server, { port: 8081 });
      // What is closed says so later than it listens again.
      server.close();
      await near.listen(server, { port: 8082 });
      expect(listenedAt(near)).toEqual([8082]);
      await closed(server);
    }));

  test('is refused with the reason, before anything is opened', () =>
    inPair(async (near) => {
      const before = openDescriptors();
      const server = createServer();
      const none = listeners(server);
      for (const other of [null, undefined, {}, 7, 'server', { listen() {}, once() {} }])
        expect(await errorOf(() => near.listen(other as never, { port: 8080 }))).toMatchObject({
          code: 'ERR_NETLACE_ARGUMENT',
          argument: 'server',
        });
      for (const options of [null, 8080, 'port'])
        expect(await errorOf(() => near.listen(server, options as never))).toMatchObject({
          code: 'ERR_NETLACE_ARGUMENT',
          argument: 'options',
        });
      for (const backlog of [-1, 0, NaN, 1.5, 2 ** 31, '5', null])
        for (const place of [{ port: 8080 }, { path: '\0name' }])
          expect(await errorOf(() => near.listen(server, { ...place, backlog } as never))).toMatchObject({
            code: 'ERR_NETLACE_ARGUMENT',
            argument: 'options.backlog',
          });
      expect(listenedAt(near)).toEqual([]);
      expect(listeners(server)).toEqual(none);
      expect(openDescriptors()).toEqual(before);
    }));

  type Listen = (...parameters: unknown[]) => unknown;
  /** Ways to fail; `listen` is Node.js's. */
  const failures: readonly (readonly [string, (server: Server, listen: Listen) => Listen])[] = [
    [
      'when it throws before it has the socket',
      () => () => {
        throw new Error('refused');
      },
    ],
    [
      'when it throws with the socket',
      (_server, listen) =>
        (...all) => {
          listen(...all);
          throw new Error('refused');
        },
    ],
    ['when it says so later', (server) => () => process.nextTick(() => server.emit('error', new Error('refused')))],
    [
      'when it says so with the socket',
      (server, listen) =>
        (...all) => {
          listen(...all);
          server.emit('error', new Error('refused'));
        },
    ],
    [
      'when it has closed the socket',
      (server, listen) =>
        (...all) => {
          listen(...all);
          server.close();
          throw new Error('refused');
        },
    ],
  ];
  test.each(failures)('%s, leaves nothing behind', (_title, failing) =>
    inPair(async (near) => {
      for (const place of [{ port: 8080 }, { path: '\0name' }]) {
        const server = createServer();
        const none = listeners(server);
        const before = openDescriptors();
        const listen = server.listen.bind(server) as Listen;
        server.listen = failing(server, listen) as never;
        expect(await errorOf(() => near.listen(server, place))).toMatchObject({ message: 'refused' });
        expect(listeners(server)).toEqual(none);
        expect(await until(() => openDescriptors().length === before.length)).toBe(true);
        expect(listenedAt(near)).toEqual([]);
        server.listen = listen as never;
        await near.listen(server, place);
        await closed(server);
      }
    }),
  );

  test('does not have the file closed that has got the number of its socket', () =>
    inPair(async (near) => {
      const server = createServer();
      const listen = server.listen.bind(server) as Listen;
      let taken = -1;
      const files: number[] = [];
      server.listen = ((handle: { readonly fd: number }) => {
        taken = handle.fd;
        listen(handle);
        server.close();
        // Smaller ones may be free, too.
        do files.push(openSync('/dev/null', 'r'));
        while (files.at(-1)! < taken);
        throw new Error('refused');
      }) as never;
      expect(await errorOf(() => near.listen(server, { port: 8080 }))).toMatchObject({ message: 'refused' });
      expect(files).toContain(taken);
      for (const file of files) expect(fstatSync(file).isCharacterDevice()).toBe(true);
      for (const file of files) closeSync(file);
    }));

  test('as it is closed before it does, says so', () =>
    inPair(async (near) => {
      const server = createServer();
      const none = listeners(server);
      const listening = near.listen(server, { port: 8080 });
      server.close();
      expect(await errorOf(() => listening)).toMatchObject({ code: 'ERR_NETLACE_CLOSED' });
      expect(listeners(server)).toEqual(none);
      expect(listenedAt(near)).toEqual([]);
    }));
});

describeUnless(noNetns, 'connections that cannot be made', () => {
  test('are closed with the error', () =>
    inPair(async (near, far) => {
      const server = await near.listen(
        createServer((socket) => socket.on('error', () => undefined).resume()),
        { host: '10.7.0.1', port: 4711 },
      );
      const before = openDescriptors();
      const to = { host: '10.7.0.1', port: 4711 };
      for (const host of [to.host, 'server.test'])
        expect(await errorOf(() => far.connect({ ...to, host, keepAliveInitialDelay: '5' as never }))).toMatchObject({
          code: 'ERR_NETLACE_ARGUMENT',
          argument: 'options.keepAliveInitialDelay',
        });
      expect(openDescriptors()).toEqual(before);
      // A version of TLS that there is not; Node.js's error is the request's.
      const wrong = { minVersion: 'TLSv9' as never };
      const agent = far.httpsAgent(wrong);
      expect(await errorOf(() => fetched(https, { ...to, agent }))).toMatchObject({
        code: 'ERR_TLS_INVALID_PROTOCOL_VERSION',
      });
      const connector = far.connector(wrong);
      const called = await new Promise((done) =>
        connector({ hostname: to.host, port: to.port, protocol: 'https:' }, (...result) => done(result[0])),
      );
      expect(called).toMatchObject({ code: 'ERR_TLS_INVALID_PROTOCOL_VERSION' });
      expect(await errorOf(() => far.connector(null as never))).toMatchObject({ argument: 'settings' });
      expect(await until(() => openDescriptors().length <= before.length)).toBe(true);
      await closed(server);
    }));
});

describeUnless(noNetns, 'abstract Unix sockets', () => {
  test('are each namespace’s own', () =>
    inPair(async (near, far) => {
      const path = `\0netlace ${process.pid}`;
      const servers = [
        await near.listen(
          createServer((socket) => socket.end('near')),
          { path },
        ),
        await far.listen(
          createServer((socket) => socket.end('far')),
          { path },
        ),
      ];
      expect(await text(near.connect({ path }))).toBe('near');
      expect(await text(far.connect({ path }))).toBe('far');
      const socket = near.connect({ path });
      await once(socket, 'connect');
      expect(await text(socket)).toBe('near');
      expect(await errorOf(() => near.listen(createServer(), { path }))).toMatchObject({ code: 'EADDRINUSE' });
      for (const refused of [() => connectHere(path), () => near.connect({ path: `${path}.` })]) {
        expect(((await once(refused(), 'error').catch((error: unknown) => [error])) as [Error])[0]).toMatchObject({
          code: 'ECONNREFUSED',
        });
      }
      await Promise.all(servers.map(closed));
    }));

  test('carry much data, and HTTP', () =>
    inPair(async (near) => {
      const bytes = Buffer.alloc(4 * 1024 * 1024, 'the quick brown fox ');
      const server = await near.listen(
        http.createServer((_request, response) => response.end(bytes)),
        { path: '\0web' },
      );
      const agent = near.agent();
      const [response] = (await once(http.get({ agent, socketPath: '\0web' }), 'response')) as [http.IncomingMessage];
      expect((await buffer(response)).equals(bytes)).toBe(true);
      agent.destroy();
      await closed(server);
    }));

  test('wait in no greater number than the backlog', () =>
    inPair(async (near) => {
      const path = '\0waiting';
      const server = await near.listen(
        createServer((socket) => socket.end('served')),
        { path, backlog: 2 },
      );
      // Connected by the kernel at once; the server accepts them when this has run. There is always room for one.
      const sockets = [1, 2, 3, 4].map(() => near.connect({ path }));
      expect(sockets.map(({ errored }) => errored !== null)).toEqual([false, false, false, true]);
      expect(await errorOf(() => once(sockets.pop()!, 'connect'))).toMatchObject({ code: 'EAGAIN' });
      expect(await Promise.all(sockets.map((socket) => text(socket)))).toEqual(['served', 'served', 'served']);
      await closed(server);
    }));

  test('names of another kind are refused', () =>
    inPair(async (near) => {
      for (const path of ['/tmp/socket', '', '\0', `\0${'x'.repeat(108)}`, 7 as never]) {
        const expected = { code: 'ERR_NETLACE_ARGUMENT', argument: 'options.path' };
        expect(await errorOf(() => near.connect({ path }))).toMatchObject(expected);
        expect(await errorOf(() => near.listen(createServer(), { path }))).toMatchObject(expected);
      }
      const most = await near.listen(createServer(), { path: `\0${'x'.repeat(107)}` });
      await closed(most);
    }));
});

const noConfig =
  noNetns ??
  noNames ??
  (() => {
    const folder = `/etc/netns/netlace-${process.pid}-probe`;
    try {
      mkdirSync(folder, { recursive: true });
      rmdirSync(folder);
      return undefined;
    } catch (error) {
      return `no files below /etc/netns: ${(error as Error).message}`;
    } finally {
      removeFolderOfNamespaces();
    }
  })();

function removeFolderOfNamespaces(): void {
  try {
    rmdirSync('/etc/netns');
  } catch {
    // It was there before, or has others' in it.
  }
}

const zone: Zone = {
  'server.test': { 1: [[10, 7, 0, 1]], 28: [[0xfd, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]] },
  'four.test': { 1: [[10, 7, 0, 1], [10, 7, 0, 9]] }, // prettier-ignore
  'alias.test': { 5: 'middle.test' },
  'middle.test': { 5: 'server.test' },
  'short.corp.test': { 1: [[10, 7, 0, 77]] },
  // 2001:db8::1, where there is no route to.
  'unreachable6.test': { 1: [[10, 7, 0, 1]], 28: [[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]] },
};

/** A pair of which the far end has a name and these files, and a name server at the near end. */
let number = 0;
async function withResolver(
  files: { resolv?: string; hosts?: string },
  body: (far: Netns, server: DnsServer, near: Netns) => Promise<void>,
): Promise<void> {
  const name = `netlace-${process.pid}-dns${number++}`;
  mkdirSync(`/etc/netns/${name}`, { recursive: true });
  try {
    writeFileSync(`/etc/netns/${name}/resolv.conf`, files.resolv ?? 'nameserver 10.7.0.1\n');
    writeFileSync(`/etc/netns/${name}/hosts`, files.hosts ?? '');
    await inPair(async (near, far) => {
      const server = await dnsServer(near, '::', zone);
      try {
        await body(far, server, near);
      } finally {
        await server.close();
      }
    }, name);
  } finally {
    if (Netns.list().includes(name)) Netns.delete(name);
    rmSync(`/etc/netns/${name}`, { recursive: true });
    removeFolderOfNamespaces();
  }
}

describeUnless(noConfig, 'names', () => {
  test('are asked for inside: both families, one, aliases', () =>
    withResolver({}, async (far, server) => {
      expect(await far.lookup('server.test', { all: true })).toEqual([
        { address: 'fd07::1', family: 6 },
        { address: '10.7.0.1', family: 4 },
      ]);
      expect([...server.asked].sort()).toEqual(['udp A server.test', 'udp AAAA server.test']);
      expect(await far.lookup('Server.TEST')).toEqual({ address: 'fd07::1', family: 6 });
      expect(await far.lookup('server.test.', 4)).toEqual({ address: '10.7.0.1', family: 4 });
      expect(await far.lookup('alias.test', { family: 6 })).toEqual({ address: 'fd07::1', family: 6 });
      expect(await far.lookup('four.test', { all: true })).toEqual([
        { address: '10.7.0.1', family: 4 },
        { address: '10.7.0.9', family: 4 },
      ]);
      expect(await far.lookup('server.test', { verbatim: false })).toEqual({ address: '10.7.0.1', family: 4 });
      expect(await far.lookup('unreachable6.test')).toEqual({ address: '10.7.0.1', family: 4 });
      // Each question from a port of its own.
      expect(new Set(server.ports).size).toBe(server.ports.length);
    }));

  test('with a callback as dns.lookup has it', () =>
    withResolver({}, async (far) => {
      const called = (...options: unknown[]) =>
        new Promise((done) =>
          (far.lookup as (...all: unknown[]) => void)('server.test', ...options, (...result: unknown[]) =>
            done(result),
          ),
        );
      expect(await called()).toEqual([null, 'fd07::1', 6]);
      expect(await called(4)).toEqual([null, '10.7.0.1', 4]);
      expect(await called({ family: 'IPv4' })).toEqual([null, '10.7.0.1', 4]);
      expect(await called({ family: 4, all: true })).toEqual([null, [{ address: '10.7.0.1', family: 4 }]]);
      const { lookup } = far;
      const result = await new Promise((done) => lookup('nowhere.test', (...all) => done(all)));
      expect(result).toEqual([expect.any(LookupError)]);
      expect((result as Error[])[0]).toMatchObject({ code: 'ENOTFOUND', hostname: 'nowhere.test' });
      expect(await far.lookup('192.0.2.7')).toEqual({ address: '192.0.2.7', family: 4 });
      for (const [run, argument] of [
        [() => lookup(7 as never), 'hostname'],
        [() => lookup('x', { family: 5 }), 'options.family'],
        [() => lookup('x', 'y' as never), 'options'],
      ] as const) {
        expect(await errorOf(run)).toMatchObject({ code: 'ERR_NETLACE_ARGUMENT', argument });
      }
    }));

  test('that there are not give ENOTFOUND, and so do addresses that there are not', () =>
    withResolver({}, async (far) => {
      for (const [name, family] of [
        ['nowhere.test', 0],
        ['four.test', 6],
        ['a..b', 0],
        ['x'.repeat(64), 0],
      ] as const) {
        expect(await errorOf(() => far.lookup(name, { family }))).toMatchObject({ code: 'ENOTFOUND', hostname: name });
      }
    }));

  test('hosts come first, and short names are searched for', () =>
    withResolver(
      {
        hosts: '# none\n10.9.9.9 server.test Other # comment\nfd09::9\tother\nnonsense other\n',
        resolv: 'search nothing.test corp.test\nnameserver 10.7.0.1\noptions ndots:2 rotate\n',
      },
      async (far, server) => {
        expect(await far.lookup('server.test')).toEqual({ address: '10.9.9.9', family: 4 });
        expect(await far.lookup('OTHER', { all: true, order: 'verbatim' })).toHaveLength(2);
        expect(server.asked).toEqual([]);
        expect(await far.lookup('short', 4)).toEqual({ address: '10.7.0.77', family: 4 });
        expect(server.asked).toEqual(['udp A short.nothing.test', 'udp A short.corp.test']);
        server.asked.length = 0;
        expect(await far.lookup('four.test', 4)).toEqual({ address: '10.7.0.1', family: 4 });
        expect(server.asked.at(-1)).toBe('udp A four.test');
        // A family that the hosts file does not have is asked for.
        expect(await far.lookup('server.test', 6)).toEqual({ address: 'fd07::1', family: 6 });
      },
    ));

  test('are asked for again by TCP when the answer is cut off', () =>
    withResolver({ resolv: 'nameserver fd07::1\n' }, async (far, server) => {
      server.change = (answer, transport) => {
        if (transport === 'udp') answer.writeUInt16BE(answer.readUInt16BE(2) | 0x0200, 2);
        return answer;
      };
      expect(await far.lookup('four.test', 4)).toEqual({ address: '10.7.0.1', family: 4 });
      expect(server.asked).toEqual(['udp A four.test', 'tcp A four.test']);
    }));

  test('are asked of the next server when one does not answer, is not there or has trouble', () =>
    withResolver(
      // At the first two nobody listens; the second is told so by ICMP, the first waits for a neighbour.
      { resolv: 'nameserver 10.7.0.99\nnameserver 10.7.0.2\nnameserver fd07::1\noptions timeout:5 attempts:1\n' },
      async (far, server) => {
        expect(await far.lookup('server.test', 4)).toEqual({ address: '10.7.0.1', family: 4 });
        expect(server.asked).toEqual(['udp A server.test']);
      },
    ));

  test('nobody answers: EAI_AGAIN after the time in resolv.conf; trouble and refusals', () =>
    withResolver({ resolv: 'nameserver 10.7.0.1\noptions timeout:3 attempts:2\n' }, async (far, server) => {
      server.change = () => undefined;
      const before = Date.now();
      expect(await errorOf(() => far.lookup('server.test', 4))).toMatchObject({ code: 'EAI_AGAIN' });
      expect(Date.now() - before).toBeGreaterThanOrEqual(5990);
      expect(server.asked).toHaveLength(2);
      for (const [rcode, code] of [
        [2, 'EAI_AGAIN'],
        [5, 'EAI_FAIL'],
      ] as const) {
        server.change = (answer) => {
          answer.writeUInt16BE(0x8180 | rcode, 2);
          return answer;
        };
        expect(await errorOf(() => far.lookup('server.test', 4))).toMatchObject({ code });
      }
    }));

  test('answers that do not belong to the question are not believed', () =>
    withResolver({ resolv: 'nameserver 10.7.0.1\noptions timeout:1 attempts:1\n' }, async (far, server) => {
      for (const spoil of [
        (answer: Buffer) => answer.writeUInt16BE((answer.readUInt16BE(0) + 1) & 0xffff, 0),
        (answer: Buffer) => answer.writeUInt8(answer[13]! + 1, 13),
        (answer: Buffer) => answer.writeUInt16BE(answer.readUInt16BE(2) & 0x7fff, 2),
      ]) {
        server.change = (answer) => {
          spoil(answer);
          return answer;
        };
        expect(await errorOf(() => far.lookup('server.test', 4))).toMatchObject({ code: 'EAI_AGAIN' });
      }
    }));

  test('connect, agents, HTTPS and UDP take them', () =>
    withResolver({}, async (far, _server, near) => {
      const echo = await near.listen(
        createServer((socket) => socket.end(`${socket.remoteAddress}`)),
        { port: 4711 },
      );
      const reached = (socket: Socket) => text(socket);
      expect(await reached(far.connect({ host: 'server.test', port: 4711 }))).toBe('fd07::2');
      expect(await reached(far.connect({ host: 'server.test', port: 4711, family: 4 }))).toBe('::ffff:10.7.0.2');
      expect(await reached(far.connect({ host: 'alias.test', port: 4711, localAddress: '10.7.0.2' }))).toBe(
        '::ffff:10.7.0.2',
      );
      expect(
        await reached(
          far.connect({
            host: 'anything',
            port: 4711,
            lookup: (_name, _options, callback) => callback(null, '10.7.0.1', 4),
          }),
        ),
      ).toBe('::ffff:10.7.0.2');
      const missing = far.connect({ host: 'nowhere.test', port: 4711 });
      expect(((await once(missing, 'error').catch((error: unknown) => [error])) as [Error])[0]).toMatchObject({
        code: 'ENOTFOUND',
        hostname: 'nowhere.test',
      });
      const many = await Promise.all(
        Array.from({ length: 64 }, () => reached(far.connect({ host: 'server.test', port: 4711, noDelay: true }))),
      );
      expect(new Set(many)).toEqual(new Set(['fd07::2']));

      const secured = await near.listen(
        https.createServer({ key, cert }, (request, response) => response.end(request.headers.host)),
        { port: 443 },
      );
      const agent = far.httpsAgent({ ca: cert });
      expect(await fetched(https, { agent, host: 'server.test' })).toBe('200 server.test');
      expect(await errorOf(() => fetched(https, { agent, host: 'nowhere.test' }))).toMatchObject({ code: 'ENOTFOUND' });
      agent.destroy();

      const listening = await near.udp({ address: '10.7.0.1', port: 5000 });
      const sending = await far.udp();
      const message = once(listening, 'message');
      sending.send('by name', 5000, 'server.test');
      expect(String(((await message) as [Buffer])[0])).toBe('by name');
      listening.close();
      sending.close();
      await Promise.all([echo, secured].map(closed));
    }));

  test('a connection given up while its name is looked up harms no other', () =>
    withResolver({}, async (far, server, near) => {
      const accepted: number[] = [];
      const echo = await near.listen(
        createServer((socket) => {
          accepted.push(socket.remotePort!);
          socket.end('hello');
        }),
        { port: 4711 },
      );
      const given = Array.from({ length: 32 }, () => far.connect({ host: 'server.test', port: 4711 }));
      for (const socket of given) socket.destroy();
      // These take the numbers of those that were given up.
      const kept = Array.from({ length: 32 }, () => far.connect({ host: '10.7.0.1', port: 4711 }));
      expect(await Promise.all(kept.map((socket) => text(socket)))).toEqual(kept.map(() => 'hello'));
      expect(await until(() => server.asked.length >= 64)).toBe(true);
      expect(accepted).toHaveLength(32);
      await closed(echo);
    }));

  test('of a namespace that is closed', () =>
    withResolver({}, async (far) => {
      using copy = Netns.openSync({ fd: far.fd });
      const { lookup } = copy;
      const socket = copy.connect({ host: 'server.test', port: 4711 });
      copy.close();
      expect(((await once(socket, 'error').catch((error: unknown) => [error])) as [Error])[0]).toMatchObject({
        code: 'ERR_NETLACE_CLOSED',
      });
      expect(await errorOf(() => lookup('server.test'))).toMatchObject({ code: 'ERR_NETLACE_CLOSED' });
    }));
});
