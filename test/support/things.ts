/** A family of messages that only exists in tests: requests as values, over a table with each sort of nesting. */
import { Connection, type ConnectionOptions } from '../../lib/netlink/connection.js';
import { NLM_F_CREATE, NLM_F_DUMP } from '../../lib/netlink/constants.js';
import type { Request } from '../../lib/netlink/request.js';
import { FakeKernel, reply, type FakeKernelOptions, type FakeRequest, type Handler } from '../../lib/testing.js';
import { attr, attrSet, list, nest, selected, spread, type AttrSet, type Rows } from '../../lib/wire/attrs.js';
import { split } from '../../lib/wire/codec.js';
import { bool8, flag, u32 } from '../../lib/wire/numbers.js';
import { header, member } from '../../lib/wire/struct.js';
import { bytes, nulString } from '../../lib/wire/text.js';

export const NEW_THING = 16;
export const GET_THING = 18;

const red = attrSet('RED', () => ({ id: attr(1, u32), inherit: attr(2, split(flag, bool8)), port: attr(3, u32) }));
const info = attrSet('INFO', () => ({
  kind: attr(1, nulString()),
  data: attr(
    2,
    selected<object, object>(() => ({ red }), 'kind'),
  ),
}));
const hop = attrSet('HOP', () => ({ via: attr(1, u32) }));

export const things = attrSet(
  'THING',
  () => ({
    name: attr(1, nulString(15)),
    size: attr(2, u32),
    info: attr(3, spread(info)),
    hops: attr(4, list(nest(hop))),
    blob: attr(5, bytes()),
  }),
  header('thingmsg', 4, { index: member(0, u32) }),
);

export interface Thing {
  readonly index?: number;
  readonly name?: string;
  readonly size?: number;
  readonly kind?: string;
  readonly data?: object;
  readonly blob?: Uint8Array;
}

const set: AttrSet<Rows> = things;
const decode = (view: DataView, at: number, end: number, type: number) =>
  type === NEW_THING ? (things.read(view, at, end) as Thing) : undefined;

export function addThing(value: object): Request<void> {
  return { operation: 'NEW_THING', subject: 'thing', type: NEW_THING, flags: NLM_F_CREATE, set, value };
}

export function getThing(index: number): Request<Thing> {
  return { operation: 'GET_THING', subject: 'thing', type: GET_THING, flags: 0, set, value: { index }, decode };
}

export function listThings(value: object = {}): Request<Thing> {
  return { operation: 'GET_THING', subject: 'thing', type: GET_THING, flags: NLM_F_DUMP, set, value, decode };
}

/** Which thing a request is about. */
export function indexOf(request: FakeRequest): number {
  return request.decode(things)['index'] as number;
}

/** What the kernel says of a thing. */
export function thing(value: Thing) {
  return reply(NEW_THING, set, value);
}

export function setUp(handler?: Handler, options?: ConnectionOptions, kernelOptions?: FakeKernelOptions) {
  const kernel = new FakeKernel(handler, kernelOptions);
  const connection = new Connection(kernel, kernel.openSync(), options);
  return { kernel, connection };
}

/** What a promise is rejected with. */
export async function rejection(promise: PromiseLike<unknown>): Promise<Error & Record<string, unknown>> {
  try {
    await promise;
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new Error('it was fulfilled');
}

/** Until everything has happened that can happen without a timer. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

/** `'pending'`, `'fulfilled'` or `'rejected'`. */
export async function stateOf(promise: PromiseLike<unknown>): Promise<string> {
  let state = 'pending';
  promise.then(
    () => (state = 'fulfilled'),
    () => (state = 'rejected'),
  );
  await settled();
  return state;
}
