/**
 * What was read can be written, and reads the same again. Values that only the kernel reports are not written, and
 * values that no one may write are refused: the rest has to come back.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CodecError } from '../../lib/errors.js';
import { placeAt } from '../../lib/wire/path.js';
import { Writer } from '../../lib/wire/writer.js';
import type { AttrSet, Rows } from '../../lib/wire/attrs.js';
import { linkAttrs } from '../../lib/rtnetlink/link-attrs.js';
import { routeAttrs } from '../../lib/rtnetlink/route-attrs.js';
import { newRoute } from '../../lib/rtnetlink/route.js';
import { hex, viewOf } from '../support/codec.js';
import { plausible, withFamily } from '../support/plausible.js';
import { Random, scale, seed } from '../support/random.js';
import { allTables } from '../support/tables.js';

/** The bytes, or undefined where the value may not be written. From the smallest buffer on: growing must not matter. */
function written(set: AttrSet<Rows>, value: object, capacity = 1): Uint8Array | undefined {
  const writer = new Writer(capacity);
  try {
    set.write(writer, value);
  } catch (error) {
    if (error instanceof CodecError) return undefined;
    throw error;
  }
  return writer.finish();
}

function readBack(set: AttrSet<Rows>, bytes: Uint8Array): object | undefined {
  try {
    return set.read(viewOf(bytes), 0, bytes.length);
  } catch (error) {
    if (error instanceof CodecError) return undefined;
    throw error;
  }
}

/** Whether something was bytes at first and has become more than that. */
function isUnderstoodAnew(first: unknown, again: unknown): boolean {
  if (first instanceof Uint8Array) return again !== undefined && !(again instanceof Uint8Array);
  if (typeof first !== 'object' || first === null || typeof again !== 'object' || again === null) return false;
  return Object.entries(first).some(([key, value]) => isUnderstoodAnew(value, (again as Record<string, unknown>)[key]));
}

describe(`whatever the kernel may send, with FUZZ_SEED=${seed}`, () => {
  test.each(allTables.map((set, index) => [`${set.prefix} (${index})`, set, index] as const))(
    '%s',
    (_name, set, index) => {
      const random = new Random(seed + 1000 + index);
      let compared = 0;
      for (let i = 0; i < 3000 * scale; i++) {
        const bytes = withFamily(plausible(set, random), random);
        try {
          const value = readBack(set, bytes);
          const first = value === undefined ? undefined : written(set, value);
          if (first === undefined) continue;
          expect(hex(written(set, value!, 4096)!)).toBe(hex(first));
          // Written once, order and repetitions are settled. Some is written otherwise than the kernel reports it.
          let again = readBack(set, first);
          // A kind behind its data says only now what that was, reported values included: so this counts as the first.
          if (again !== undefined && isUnderstoodAnew(value, again)) {
            const settled = written(set, again);
            again = settled === undefined ? undefined : readBack(set, settled);
          }
          const second = again === undefined ? undefined : written(set, again);
          if (second === undefined) continue;
          expect(readBack(set, second)).toEqual(again);
          compared++;
          const offset = random.int(second.length + 8);
          placeAt(set, viewOf(second), 0, second.length, offset);
        } catch (error) {
          throw new Error(`FUZZ_SEED=${seed}: ${set.prefix} of ${hex(bytes)}`, { cause: error });
        }
      }
      expect(compared).toBeGreaterThan(20);
    },
  );
});

const u8 = fc.integer({ min: 0, max: 0xff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,14}$/);
const ipv4 = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => bytes.join('.'));
const ipv4Prefix = fc.tuple(ipv4, fc.integer({ min: 0, max: 32 })).map(([address, length]) => `${address}/${length}`);
const mac = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':'));
const some = { requiredKeys: [] };

function comesBack(set: AttrSet<Rows>, value: object): void {
  const bytes = written(set, value);
  expect(bytes).toBeDefined();
  expect(readBack(set, bytes!)).toMatchObject(value);
}

describe('whatever a user may write', () => {
  const options = { seed, numRuns: 2000 * scale };

  test('links', () => {
    const link = fc.record(
      {
        name,
        mtu: u32,
        address: mac,
        broadcast: mac,
        index: fc.integer({ min: 0, max: 0x7fffffff }),
        up: fc.boolean(),
        txQueueLength: u32,
        group: u32,
        alias: fc.string({ unit: 'grapheme-composite', maxLength: 20 }).filter((text) => !text.includes('\0')),
        operstate: fc.constantFrom('up', 'down', 'dormant', 77),
        protoDown: fc.boolean(),
        master: u32,
        unknown: fc.array(
          fc.record({ type: fc.integer({ min: 200, max: 0x3fff }), bytes: fc.uint8Array({ maxLength: 9 }) }),
          { minLength: 1, maxLength: 3 },
        ),
      },
      some,
    );
    fc.assert(
      fc.property(link, (value) => comesBack(linkAttrs, value)),
      options,
    );
  });

  test('VXLAN and veth links', () => {
    const vxlan = fc.record({ id: fc.integer({ min: 0, max: 0xffffff }), learning: fc.boolean(), ageing: u32 }, some);
    fc.assert(
      fc.property(vxlan, (data) => comesBack(linkAttrs, { kind: 'vxlan', data })),
      options,
    );
    const peer = fc.record({ name, mtu: u32, address: mac }, some);
    fc.assert(
      fc.property(name, peer, (end, value) => comesBack(linkAttrs, { name: end, kind: 'veth', data: { peer: value } })),
      options,
    );
  });

  test('routes', () => {
    const route = fc.record(
      {
        to: ipv4Prefix,
        link: fc.integer({ min: 1, max: 0x7fffffff }),
        metric: u32,
        source: ipv4,
        table: u32.filter((table) => table < 253 || table > 255),
        tos: u8,
        mark: u32,
        metrics: fc.record(
          { mtu: u32, advmss: u32, quickack: fc.boolean(), congctl: fc.constantFrom('cubic', 'bbr') },
          some,
        ),
        nexthops: fc.array(
          fc.record({ via: ipv4, link: fc.integer({ min: 1, max: 99 }), weight: fc.integer({ min: 1, max: 256 }) }),
          { minLength: 1, maxLength: 4 },
        ),
      },
      { requiredKeys: ['to'] },
    );
    fc.assert(
      fc.property(route, (value) => comesBack(routeAttrs, { ...newRoute('add', value).value, family: 'inet' })),
      options,
    );
  });

  test('a gateway of the other family', () => {
    fc.assert(
      fc.property(ipv4Prefix, fc.integer({ min: 1, max: 0xffff }), (to, last) => {
        const via = `fe80::${last.toString(16)}`;
        const bytes = written(routeAttrs, newRoute('add', { to, via, link: 1 }).value)!;
        expect(readBack(routeAttrs, bytes)).toMatchObject({ to, via, link: 1 });
      }),
      options,
    );
  });
});
