/** A name server for tests: it knows what it was told, and records what it was asked. */
import { createServer, type Server } from 'node:net';
import type { Netns } from '../../lib/namespaces/netns.js';

/** By name in lower case and type: 1 (A), 28 (AAAA); 5 (CNAME) is followed. Addresses as bytes, names as text. */
export interface Zone {
  readonly [name: string]: { readonly 1?: readonly number[][]; readonly 28?: readonly number[][]; readonly 5?: string };
}

export interface DnsServer {
  /** `'udp A www.example'`, in the order of arrival. */
  readonly asked: string[];
  /** The port that each UDP question came from. */
  readonly ports: number[];
  /** What is done to an answer before it is sent; undefined: it is not. */
  change: (answer: Buffer, transport: 'udp' | 'tcp') => Buffer | undefined;
  close(): Promise<void>;
}

const TYPES: Record<number, string> = { 1: 'A', 28: 'AAAA' };

export function wireName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  return Buffer.concat([
    ...labels.map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
    Buffer.from([0]),
  ]);
}

/** One record, with TTL 60. */
export function record(owner: Buffer, type: number, data: Buffer): Buffer {
  const fixed = Buffer.from([0, type, 0, 1, 0, 0, 0, 60, data.length >> 8, data.length & 0xff]);
  return Buffer.concat([owner, fixed, data]);
}

/** The answer to `query`, with the question in it. */
export function answerTo(query: Buffer, rcode: number, records: readonly Buffer[]): Buffer {
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(0x8180 | rcode, 2);
  header.writeUInt16BE(records.length, 6);
  header.writeUInt32BE(0, 8);
  return Buffer.concat([header, query.subarray(12), ...records]);
}

function question(query: Buffer): { name: string; type: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at]!; length !== 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1) };
}

function answer(zone: Zone, query: Buffer): Buffer {
  const { name, type } = question(query);
  if (zone[name] === undefined) return answerTo(query, 3, []);
  const records: Buffer[] = [];
  // The name of the question, compressed.
  let owner: Buffer = Buffer.from([0xc0, 12]);
  let entry: Zone[string] | undefined = zone[name];
  for (; entry?.[5] !== undefined; entry = zone[entry[5]]) {
    records.push(record(owner, 5, wireName(entry[5])));
    owner = wireName(entry[5]);
  }
  for (const address of entry?.[type as 1 | 28] ?? []) records.push(record(owner, type, Buffer.from(address)));
  return answerTo(query, 0, records);
}

/** Answers at port 53 of `address` inside `netns`, by UDP and TCP. */
export async function dnsServer(netns: Netns, address: string, zone: Zone): Promise<DnsServer> {
  const udp = await netns.udp({ address, port: 53 });
  const note = (transport: string, query: Buffer) => {
    const { name, type } = question(query);
    made.asked.push(`${transport} ${TYPES[type] ?? type} ${name}`);
  };
  udp.on('message', (query, from) => {
    note('udp', query);
    made.ports.push(from.port);
    const reply = made.change(answer(zone, query), 'udp');
    if (reply !== undefined) udp.send(reply, from.port, from.address);
  });
  const tcp: Server = await netns.listen(
    createServer((socket) => {
      socket.on('data', (chunk) => {
        const query = Buffer.from(chunk as Uint8Array).subarray(2);
        note('tcp', query);
        const reply = made.change(answer(zone, query), 'tcp');
        if (reply === undefined) return;
        // In pieces, as TCP may.
        socket.write(Buffer.from([reply.length >> 8]));
        setImmediate(() => socket.end(Buffer.concat([Buffer.from([reply.length & 0xff]), reply])));
      });
    }),
    { host: address, port: 53 },
  );
  const made: DnsServer = {
    asked: [],
    ports: [],
    change: (reply) => reply,
    close: async () => {
      udp.close();
      await new Promise((done) => tcp.close(done));
    },
  };
  return made;
}
