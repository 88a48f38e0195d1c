/** What an extended ACK says, in the names of this library. */
import { describe, expect, test } from '@jest/globals';
import { NLM_F_ACK_TLVS, NLMSG_ERROR } from '../../lib/netlink/constants.js';
import { encodeMessage, raw, refuse, silence, type AckDetails, type FakeRequest } from '../../lib/testing.js';
import type { AttrSet, Rows } from '../../lib/wire/attrs.js';
import { addThing, rejection, setUp, things } from '../support/things.js';

const set: AttrSet<Rows> = things;
const value = { name: 'abc', kind: 'red', data: { inherit: true, id: 1 }, hops: [{ via: 1 }, { via: 2 }] };

/** The error that a refused request becomes. */
async function refused(details: AckDetails | ((request: FakeRequest) => AckDetails), sent: object = value) {
  const { connection } = setUp((request) =>
    refuse('EINVAL', typeof details === 'function' ? details(request) : details),
  );
  const padding = connection.request(addThing({ name: 'first' }));
  const error = await rejection(connection.request(addThing(sent)));
  await padding.catch(() => undefined);
  return error;
}

test('the message', async () => {
  const error = await refused({ message: 'Invalid thing' });
  expect(error.message).toBe('NEW_THING: Invalid thing (EINVAL)');
  expect(error).toMatchObject({
    kernelMessage: 'Invalid thing',
    path: undefined,
    missing: undefined,
    policy: undefined,
  });
});

describe('the attribute at fault', () => {
  const INFO = 3;
  const DATA = 2;

  test.each<[string, number[]]>([
    ['thing.name', [1]],
    ['thing.data(red)', [INFO, DATA]],
    ['thing.data(red).id', [INFO, DATA, 1]],
    ['thing.data(red).inherit', [INFO, DATA, 2]],
    ['thing.kind', [INFO, 1]],
    ['thing.hops', [4]],
    ['thing.hops[0]', [4, 1]],
    ['thing.hops[0].via', [4, 1, 1]],
  ])('%s', async (path, types) => {
    const found = await refused((request) =>
      isSecond(request) ? { message: 'Bad', offset: request.offsetOf(set, ...types) } : {},
    );
    expect(found).toMatchObject({ path, message: `NEW_THING ${path}: Bad (EINVAL)` });
  });

  test('nested behind others', async () => {
    const error = await refused((request) =>
      isSecond(request) ? { offset: request.offsetOf(set, 4, 1, 1) + 16 - 4 } : {},
    );
    expect(error['path']).toMatch(/^thing\.hops\[1\]/);
  });

  test('a place in the family header, or behind the end', async () => {
    expect(await refused({ offset: 16 })).toMatchObject({ path: undefined });
    expect(await refused({ offset: 100_000 })).toMatchObject({ path: undefined });
  });

  test('an attribute without a name', async () => {
    const error = await refused((request) => (isSecond(request) ? { offset: request.offsetOf(set, 77) } : {}), {
      unknown: [{ type: 77, bytes: new Uint8Array(4) }],
    });
    expect(error['path']).toBe('thing.attribute 77');
  });
});

/** In `refused`, the request under test is the second one of its batch. */
function isSecond(request: FakeRequest): boolean {
  return request.sequence === 2;
}

describe('what is missing', () => {
  test('at the top', async () => {
    const error = await refused({ missingType: 2 });
    expect(error).toMatchObject({ missing: 'thing.size', path: undefined });
    expect(error.message).toBe('NEW_THING thing.size: required, but missing: Invalid argument (EINVAL)');
  });

  test('inside', async () => {
    const error = await refused((request) =>
      isSecond(request) ? { missingType: 3, missingNest: request.offsetOf(set, 3, 2) } : {},
    );
    expect(error['missing']).toBe('thing.data(red).port');
  });

  test('inside what the user does not see', async () => {
    const error = await refused((request) =>
      isSecond(request) ? { missingType: 2, missingNest: request.offsetOf(set, 3) } : {},
    );
    expect(error['missing']).toBe('thing.data');
  });

  test('by its number, when it has no name', async () => {
    expect((await refused({ missingType: 55 }))['missing']).toBe('thing.attribute 55');
  });
});

describe('the policy', () => {
  test('a range', async () => {
    const error = await refused({ policy: { type: 'u32', minimum: 1n, maximum: 16777215n } });
    expect(error['policy']).toEqual({ type: 'u32', minimum: 1n, maximum: 16777215n });
  });

  test('signed, lengths, masks', async () => {
    expect((await refused({ policy: { type: 's32', minimumSigned: -1n, maximumSigned: 5n } }))['policy']).toEqual({
      type: 's32',
      minimum: -1n,
      maximum: 5n,
    });
    expect((await refused({ policy: { type: 'binary', minimumLength: 6, maximumLength: 6 } }))['policy']).toEqual({
      type: 'binary',
      minimumLength: 6,
      maximumLength: 6,
    });
    expect((await refused({ policy: { type: 'bitfield32', bitfield32Mask: 3 } }))['policy']).toEqual({
      type: 'bitfield32',
      mask: 3n,
    });
    expect((await refused({ policy: { type: 99, mask: 7n } }))['policy']).toEqual({ type: 99, mask: 7n });
    expect((await refused({ policy: {} }))['policy']).toEqual({});
  });
});

describe('an ACK in another form', () => {
  const answered = async (flags: number, body: (request: FakeRequest) => Uint8Array) => {
    const { connection } = setUp((request) => [
      raw(encodeMessage({ type: NLMSG_ERROR, flags, sequence: request.sequence, body: body(request) })),
      silence,
    ]);
    return rejection(connection.request(addThing({ name: 'abcdef' })));
  };
  const text = (message: string) => {
    const bytes = new Uint8Array(4 + message.length + 1);
    new DataView(bytes.buffer).setUint16(0, bytes.length, true);
    bytes[2] = 1;
    bytes.set(new TextEncoder().encode(message), 4);
    return bytes;
  };
  const minus22 = Uint8Array.of(0xea, 0xff, 0xff, 0xff);
  const concat = (...parts: Uint8Array[]) => Uint8Array.from(Buffer.concat(parts));

  test('with the whole request echoed, as without NETLINK_CAP_ACK', async () => {
    const error = await answered(NLM_F_ACK_TLVS, ({ header, body }) => concat(minus22, header, body, text('Echoed')));
    expect(error).toMatchObject({ code: 'EINVAL', kernelMessage: 'Echoed' });
  });

  test('without details', async () => {
    expect(await answered(0, ({ header }) => concat(minus22, header))).toMatchObject({
      code: 'EINVAL',
      kernelMessage: undefined,
    });
    expect(await answered(NLM_F_ACK_TLVS, () => minus22)).toMatchObject({ code: 'EINVAL' });
  });

  test.each([0, 15, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff])(
    'with an echoed request that claims %i bytes',
    async (size) => {
      const header = new Uint8Array(16);
      new DataView(header.buffer).setUint32(0, size, true);
      const error = await answered(NLM_F_ACK_TLVS, () => concat(minus22, header, text('x')));
      expect(['EINVAL', 'ERR_NETLACE_CODEC']).toContain(error['code']);
    },
  );
});
