/** Requests as hexadecimal text and replies from it, for tests without a kernel. Little-endian, as every machine CI has. */
import { writeRequest, type Decode, type Request } from '../../lib/netlink/request.js';
import { Writer } from '../../lib/wire/writer.js';

/** The family header and the attributes of a request, in groups of four bytes; the netlink header is not shown. */
export function bodyOf(request: Request<unknown>): string {
  const writer = new Writer();
  writeRequest(writer, request, 1);
  const hex = Buffer.from(writer.finish().subarray(16)).toString('hex');
  return hex.match(/.{1,8}/g)!.join(' ');
}

/** What a reply whose body is this hexadecimal text (spaces and line ends do not matter) decodes to. */
export function read<T>(decode: Decode<T>, type: number, hex: string): T | undefined {
  const bytes = Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'));
  return decode(new DataView(bytes.buffer), 0, bytes.length, type);
}

/** A request's own body, read as a reply. */
export function readBack<T>(decode: Decode<T>, type: number, request: Request<unknown>): T | undefined {
  return read(decode, type, bodyOf(request));
}
