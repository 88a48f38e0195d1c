/**
 * Whatever a socket gives, a connection settles every promise: with a value, or with one of this library's errors.
 * The bytes of whole answers are mutated, the headers of the messages included.
 */
import { expect, test } from '@jest/globals';
import { NetlinkError } from '../../lib/errors.js';
import { Connection } from '../../lib/netlink/connection.js';
import { NLM_F_ACK_TLVS, NLMSG_DONE, NLMSG_ERROR } from '../../lib/netlink/constants.js';
import { getLink } from '../../lib/rtnetlink/link.js';
import { addThing, getThing, GET_THING, listThings, NEW_THING, settled } from '../support/things.js';
import {
  ack,
  datagram,
  done,
  encodeBody,
  encodeMessage,
  FakeKernel,
  overrun,
  raw,
  refuse,
  silence,
  type Answer,
  type FakeRequest,
} from '../../lib/testing.js';
import { linkAttrs } from '../../lib/rtnetlink/link-attrs.js';
import { RTM_NEWLINK } from '../../lib/rtnetlink/constants.js';
import { Rtnetlink } from '../../lib/rtnetlink/client.js';
import { mutated, Random, scale, seed } from '../support/random.js';
import { plausible } from '../support/plausible.js';
import { things } from '../support/things.js';

const RUNS = 3000 * scale;
const details = { message: 'Bad', offset: 20, policy: { type: 'u32', minimum: 1n, maximum: 5n } } as const;

function message(random: Random, request: FakeRequest): Uint8Array {
  const { sequence } = request;
  const status = (errno: number) =>
    Uint8Array.of(-errno & 0xff, errno === 0 ? 0 : 0xff, errno === 0 ? 0 : 0xff, errno === 0 ? 0 : 0xff);
  switch (random.int(6)) {
    case 0:
      return encodeMessage({
        type: NLMSG_ERROR,
        sequence,
        flags: random.pick([0, 0x100]),
        body: Uint8Array.from([...status(random.pick([0, 22])), ...request.header]),
      });
    case 1:
      return encodeMessage({
        type: NLMSG_ERROR,
        sequence,
        flags: random.pick([NLM_F_ACK_TLVS, NLM_F_ACK_TLVS | 0x100]),
        body: Uint8Array.from([...status(22), ...request.header, ...random.bytes(random.int(40))]),
      });
    case 2:
      return encodeMessage({
        type: NLMSG_DONE,
        sequence,
        flags: random.pick([2, 0x12, 0x202]),
        body: status(random.pick([0, 5])),
      });
    case 3:
      return encodeMessage({ type: NEW_THING, sequence, flags: 2, body: plausible(things, random) });
    default:
      return encodeMessage({
        type: NEW_THING,
        sequence,
        body: encodeBody(things, { name: 'it', size: 3, blob: random.bytes(random.int(50)) }),
      });
  }
}

function answer(random: Random, request: FakeRequest): Answer[] {
  const one = (): Answer => {
    switch (random.int(14)) {
      case 0:
        return overrun;
      case 1:
        return refuse('EINVAL', details);
      case 2:
        return random.chance(2) ? ack() : done();
      case 3:
        return datagram(raw(message(random, request)), raw(message(random, request)));
      case 4:
        return raw(random.bytes(random.int(60)));
      case 5:
        return raw(message(random, request));
      default:
        return raw(mutated(message(random, request), random));
    }
  };
  const all = Array.from({ length: random.int(6) }, one);
  return random.chance(4) ? [...all, silence] : all;
}

/** Its rejection is looked at later. */
function handled(promise: Promise<unknown>): Promise<unknown> {
  promise.catch(() => undefined);
  return promise;
}

/** Nothing but values and errors of the library, or an abort. */
function expectSettled(outcome: PromiseSettledResult<unknown>): void {
  if (outcome.status === 'rejected' && !(outcome.reason instanceof NetlinkError)) throw outcome.reason as Error;
}

async function run(random: Random): Promise<void> {
  const kernel = new FakeKernel((request) => answer(random, request), {
    dumpDatagramBytes: random.pick([1, 100, 32768]),
  });
  const connection = new Connection(kernel, kernel.openSync());
  const wanted: Promise<unknown>[] = [];
  const want = (promise: Promise<unknown>) => wanted.push(handled(promise));
  for (let tick = random.int(3); tick >= 0; tick--) {
    for (let count = random.int(5); count > 0; count--) {
      switch (random.int(6)) {
        case 0:
          want(connection.dump(listThings()).then());
          break;
        case 1: {
          const stream = async () => {
            for await (const _ of connection.dump(listThings())) if (random.chance(5)) break;
          };
          want(stream());
          break;
        }
        case 2:
          want(connection.request(getThing(1)));
          break;
        case 3:
          want(Promise.resolve().then(() => connection.requestSync(getThing(1), { timeout: 5 })));
          break;
        case 4:
          want(Promise.resolve().then(() => connection.dumpSync(listThings(), { timeout: 5 })));
          break;
        default:
          want(connection.request(addThing({ name: 'x', kind: 'red', data: { id: 1 } })));
      }
    }
    await Promise.resolve();
  }
  await settled();
  // An answer without an end is waited for; closing ends that.
  connection.close();
  const outcomes = await Promise.race([Promise.allSettled(wanted), settled().then(() => settled())]);
  if (outcomes === undefined) throw new Error('a promise is still pending after close()');
  outcomes.forEach(expectSettled);
  if (kernel.openSockets !== 0) throw new Error(`${kernel.openSockets} sockets are still open after close()`);
}

test(`requests and dumps, with FUZZ_SEED=${seed}`, async () => {
  for (let i = 0; i < RUNS; i++) {
    try {
      await run(new Random(seed + i));
    } catch (error) {
      throw new Error(`FUZZ_SEED=${seed + i}, the first run`, { cause: error });
    }
  }
}, 120_000);

test(`after any answer that has an end nothing is left waiting, with FUZZ_SEED=${seed}`, async () => {
  for (let i = 0; i < RUNS; i++) {
    const random = new Random(seed + i);
    // The mutated bytes come before a proper end: the request settles without being closed.
    const kernel = new FakeKernel((request) =>
      request.type === GET_THING
        ? [raw(mutated(message(random, request), random)), request.isDump ? done() : ack()]
        : undefined,
    );
    const connection = new Connection(kernel, kernel.openSync());
    const all = [
      connection.request(getThing(1)),
      connection.request(addThing({})),
      connection.dump(listThings()).then(),
    ].map(handled);
    const outcomes = await Promise.race([Promise.allSettled(all), settled().then(() => settled())]);
    if (outcomes === undefined) throw new Error(`FUZZ_SEED=${seed + i}, the first run: a request hangs`);
    outcomes.forEach(expectSettled);
    connection.close();
  }
}, 120_000);

test(`the client and its events, with FUZZ_SEED=${seed}`, async () => {
  const RTNLGRP_LINK = 1;
  for (let i = 0; i < RUNS / 10; i++) {
    const random = new Random(seed + i);
    const link = () => encodeMessage({ type: RTM_NEWLINK, body: plausible(linkAttrs, random) });
    const kernel = new FakeKernel(({ sequence }) => [
      raw(mutated(encodeMessage({ type: RTM_NEWLINK, sequence, body: plausible(linkAttrs, random) }), random)),
    ]);
    const client = await Rtnetlink.over(kernel);
    const watching = async () => {
      for await (const event of client.watch(['link'])) if (event.type === 'deleted') break;
    };
    const all = [watching(), client.request(getLink(1)), client.link.list().then()].map(handled);
    await settled();
    for (let count = random.int(4); count > 0; count--)
      kernel.emit(RTNLGRP_LINK, random.chance(3) ? link() : mutated(link(), random));
    if (random.chance(4)) kernel.overrun();
    await settled();
    client.close();
    const outcomes = await Promise.race([Promise.allSettled(all), settled().then(() => settled())]);
    if (outcomes === undefined)
      throw new Error(`FUZZ_SEED=${seed + i}, the first run: a promise is still pending after close()`);
    outcomes.forEach(expectSettled);
    expect(kernel.openSockets).toBe(0);
  }
}, 120_000);
