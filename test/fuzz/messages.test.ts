/**
 * Every table reads whatever bytes there are: it gives a value or throws a CodecError, and looks at no byte outside.
 * More than a million messages a run.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CodecError } from '../../lib/errors.js';
import { NLMSG_HDRLEN } from '../../lib/netlink/constants.js';
import type { AttrSet, Rows } from '../../lib/wire/attrs.js';
import { addressAttrs } from '../../lib/rtnetlink/address-attrs.js';
import { linkAttrs } from '../../lib/rtnetlink/link-attrs.js';
import { fdbAttrs, neighbourAttrs } from '../../lib/rtnetlink/neighbour-attrs.js';
import { routeAttrs } from '../../lib/rtnetlink/route-attrs.js';
import { hex, viewOf } from '../support/codec.js';
import { parseHex } from '../support/hex.js';
import { plausible, withFamily } from '../support/plausible.js';
import { mutated, Random, scale, seed } from '../support/random.js';
import { allTables } from '../support/tables.js';

const MESSAGES = 1_050_000 * scale;

/** What the kernel, or `ip`, once sent, by the table that it is read with. */
function goldens(): Map<AttrSet<Rows>, Uint8Array[]> {
  const byTable = new Map<AttrSet<Rows>, Uint8Array[]>();
  const folder = resolve('test/golden');
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((each) =>
    each.endsWith('.hex'),
  )) {
    const message = parseHex(readFileSync(join(folder, name), 'utf8'));
    for (const set of tablesOf(viewOf(message).getUint16(4, true))) {
      byTable.set(set, [...(byTable.get(set) ?? []), message.subarray(NLMSG_HDRLEN)]);
    }
  }
  return byTable;
}

/** By RTM_NEWLINK, RTM_NEWADDR and so on; each has four numbers. */
function tablesOf(type: number): AttrSet<Rows>[] {
  const groups: AttrSet<Rows>[][] = [[linkAttrs], [addressAttrs], [routeAttrs], [neighbourAttrs, fdbAttrs]];
  return groups[(type - 16) >> 2] ?? [];
}

const seeds = goldens();

/** Reads, and says what came of it; anything but a CodecError goes through. */
function outcome(set: AttrSet<Rows>, view: DataView, at: number, end: number): unknown {
  try {
    return set.read(view, at, end);
  } catch (error) {
    if (error instanceof CodecError) return error.message;
    throw error;
  }
}

/** The message between other bytes, which must make no difference. */
function among(bytes: Uint8Array, filler: number): [DataView, number, number] {
  const around = new Uint8Array(bytes.length + 24).fill(filler);
  around.set(bytes, 8);
  return [viewOf(around), 8, 8 + bytes.length];
}

/** Messages with an unknown attribute are read another way than those without; the rest must come out the same. */
function expectSameBesideUnknown(set: AttrSet<Rows>, bytes: Uint8Array, value: unknown): void {
  if (typeof value !== 'object' || value === null || 'unknown' in value || bytes.length % 4 !== 0) return;
  const { unknown, ...known } = outcome(set, ...among(Uint8Array.from([...bytes, 4, 0, 0xfe, 0x3f]), 0xff)) as Record<
    string,
    unknown
  >;
  expect(unknown).toEqual([{ type: 0x3ffe, bytes: new Uint8Array() }]);
  expect(known).toEqual(value);
}

function check(set: AttrSet<Rows>, bytes: Uint8Array, thorough: boolean): void {
  try {
    const value = outcome(set, viewOf(bytes), 0, bytes.length);
    if (!thorough) return;
    expect(outcome(set, ...among(bytes, 0x00))).toEqual(value);
    expect(outcome(set, ...among(bytes, 0xff))).toEqual(value);
    expectSameBesideUnknown(set, bytes, value);
  } catch (error) {
    throw new Error(`FUZZ_SEED=${seed}: ${set.prefix} of ${hex(bytes)}`, { cause: error });
  }
}

// Most of the time would go into the stack traces of errors that are expected.
const { stackTraceLimit } = Error;
beforeAll(() => void (Error.stackTraceLimit = 1));
afterAll(() => void (Error.stackTraceLimit = stackTraceLimit));

describe(`with FUZZ_SEED=${seed}`, () => {
  test('there are goldens to start from', () => {
    expect(seeds.get(linkAttrs)!.length).toBeGreaterThan(5);
  });

  // First a few of all: how attributes follow one another is remembered, and there is an end to that.
  test.each(allTables.map((set, index) => [`${set.prefix} (${index})`, set, index] as const))(
    '%s at first',
    (_name, set, index) => {
      const random = new Random(seed + 100 + index);
      const pool = [...(seeds.get(set) ?? []), plausible(set, random)];
      for (let i = 0; i < 30; i++) {
        check(set, withFamily(plausible(set, random), random), true);
        check(set, mutated(random.pick(pool), random), true);
      }
    },
  );

  const share = Math.ceil(MESSAGES / allTables.length);
  test.each(allTables.map((set, index) => [`${set.prefix} (${index})`, set, index] as const))(
    '%s',
    (_name, set, index) => {
      const random = new Random(seed + index);
      const pool = [...(seeds.get(set) ?? [])];
      while (pool.length < 50) pool.push(withFamily(plausible(set, random), random));
      for (let i = 0; i < share; i++) {
        const thorough = i % 256 === 0;
        if (i % 16 === 0) check(set, random.bytes(random.int(120)), thorough);
        else if (i % 16 === 1) check(set, withFamily(plausible(set, random), random), thorough);
        else check(set, mutated(random.pick(pool), random), thorough || i % 256 === 2);
      }
    },
    120_000,
  );
});
