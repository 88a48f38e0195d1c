/** Goldens of links, asserted in both directions: `test/golden/links/NAME.request.hex` and `NAME.reply.hex`. */
import { expect } from '@jest/globals';
import { writeRequest, type Request } from '../../lib/netlink/request.js';
import { changeLink, decodeLink, type Link } from '../../lib/rtnetlink/link.js';
import { Writer } from '../../lib/wire/writer.js';
import { golden, hex } from './hex.js';

const NLMSGHDR = 16;
const RTM_NEWLINK = 16;

function read(message: Uint8Array): Link {
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  return decodeLink(view, NLMSGHDR, message.length, RTM_NEWLINK)!;
}

function write(request: Request<unknown>): Uint8Array {
  const writer = new Writer();
  writeRequest(writer, request, 7101);
  return writer.finish();
}

/** `request` is written as the golden has it. */
export function expectRequest(name: string, request: Request<void>): void {
  expect(hex(write(request))).toBe(hex(golden(`links/${name}.request`)));
}

/** The golden, a request, says what `request` was made of. */
export function expectReadBack(name: string, request: Request<void>): void {
  expect(read(golden(`links/${name}.request`))).toMatchObject(request.value);
}

/** The golden, an answer of the kernel, is read as `link`. */
export function expectReply(name: string, link: object): void {
  expect(read(golden(`links/${name}.reply`))).toEqual({ family: 'unspec', ...link });
}

/** What was read from an answer, written and read again, still says the same, but for what is only reported. */
export function expectWriteBack(name: string): void {
  const { type, ...link } = read(golden(`links/${name}.reply`));
  const { type: _, ...again } = read(write(changeLink({ ...link, type })));
  expect(link).toMatchObject(again);
}
