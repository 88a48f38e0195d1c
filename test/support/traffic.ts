/** Packets that really travel from one namespace to another. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Netns } from '../../lib/namespaces/netns.js';

/** Milliseconds until what should have been answered is called lost. */
const LIMIT = 20_000;

/** Asks a TCP server at `address` of `to`; resolves with the address that it sees the caller come from. */
export async function tcp(from: Netns, to: Netns, address: string): Promise<string> {
  const server = await to.listen(
    createServer((socket) => socket.end(String(socket.remoteAddress))),
    { host: address },
  );
  try {
    const { port } = server.address() as { port: number };
    const socket = from.connect({ host: address, port });
    socket.setTimeout(LIMIT, () => socket.destroy(new Error(`no answer from ${address}`)));
    return await text(socket);
  } finally {
    server.close();
    await once(server, 'close');
  }
}

/** The same by UDP. */
export async function udp(from: Netns, to: Netns, address: string): Promise<string> {
  const any = address.includes(':') ? '::' : '0.0.0.0';
  const server = await to.udp({ address });
  const client = await from.udp({ address: any });
  try {
    server.on('message', (_message, asker) => server.send(asker.address, asker.port, asker.address));
    const answer = once(client, 'message', { signal: AbortSignal.timeout(LIMIT) }) as Promise<[Buffer]>;
    client.send('who am I?', server.address().port, address);
    return (await answer)[0].toString();
  } finally {
    server.close();
    client.close();
  }
}
