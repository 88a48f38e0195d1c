import { ENOBUFS } from '../errno.js';
import { NLMSG_DONE, NLMSG_ERROR, NLMSG_HDRLEN } from '../netlink/constants.js';
import { messageSize } from '../netlink/message.js';
import { LITTLE_ENDIAN } from '../wire/writer.js';
import { encodeMessage, type Answer } from './answers.js';
import type { FakeRequest } from './fake-request.js';

/** What lies in a socket's receive queue: a datagram, or the error that a read reports in its place. */
export type Received = { readonly bytes: Uint8Array } | { readonly errno: number };

/** The datagrams of an answer. Each message is one, as from the kernel; a dump's share datagrams of up to `most` bytes. */
export function datagramsOf(request: FakeRequest, answers: readonly Answer[], most: number): Received[] {
  const out: Received[] = [];
  let gathered: Uint8Array[] = [];
  const flush = () => {
    if (gathered.length > 0) out.push({ bytes: joined(gathered) });
    gathered = [];
  };
  for (const answer of answers) {
    if (answer.step === 'message') {
      if (!isSent(request, answer)) continue;
      const bytes = encodeMessage(answer.encode(request));
      if (!request.isDump || joined([...gathered, bytes]).length > most) flush();
      gathered.push(bytes);
      continue;
    }
    flush();
    if (answer.step === 'overrun') out.push({ errno: ENOBUFS });
    else if (answer.step === 'raw') out.push({ bytes: answer.bytes });
    else if (answer.step === 'datagram') out.push({ bytes: joined(messagesOf(request, answer.answers)) });
  }
  flush();
  return out;
}

function isSent(request: FakeRequest, answer: Answer & { readonly step: 'message' }): boolean {
  return answer.acknowledges !== true || request.wantsAck || request.isDump;
}

function messagesOf(request: FakeRequest, answers: readonly Answer[]): Uint8Array[] {
  return answers.flatMap((answer) => {
    if (answer.step === 'message') return isSent(request, answer) ? [encodeMessage(answer.encode(request))] : [];
    if (answer.step === 'raw') return [answer.bytes];
    if (answer.step === 'silence') return [];
    throw new TypeError(`a datagram cannot contain '${answer.step}'`);
  });
}

/** One after the other, each at a multiple of 4. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  const places = parts.map((part) => {
    const at = (length + 3) & ~3;
    length = at + part.length;
    return at;
  });
  const bytes = new Uint8Array(length);
  parts.forEach((part, index) => bytes.set(part, places[index]));
  return bytes;
}

/** Whether the answer to `last` ends here. Bytes that are no message end every answer: nothing behind them can be found. */
export function endsAnswer(bytes: Uint8Array, last: number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length;) {
    const size = messageSize(view, at);
    if (size < NLMSG_HDRLEN || size > bytes.length - at) return true;
    const type = view.getUint16(at + 4, LITTLE_ENDIAN);
    if ((type === NLMSG_ERROR || type === NLMSG_DONE) && view.getUint32(at + 8, LITTLE_ENDIAN) === last) return true;
    at += (size + 3) & ~3;
  }
  return false;
}
