/** One AbortSignal for any number of calls: Node.js warns of no leak, and each of them ends when it is aborted. */
import { expect, test } from '@jest/globals';
import { Netns } from '../../lib/namespaces/netns.js';
import { spawn } from '../../lib/process/spawn.js';
import { Rtnetlink } from '../../lib/rtnetlink/index.js';
import { leavesNothing } from '../support/leftovers.js';
import { noNetns, rootless } from '../support/netns.js';
import { testUnless } from '../support/skip.js';

leavesNothing();

const MANY = 30;
const many = <T>(make: (i: number) => T): T[] => Array.from({ length: MANY }, (_, i) => make(i));

/** The warnings of Node.js while `run` runs. */
async function warnings(run: (signal: AbortSignal, abort: () => void) => Promise<void>): Promise<string[]> {
  const seen: string[] = [];
  const onWarning = ({ name }: Error) => seen.push(name);
  process.on('warning', onWarning);
  const controller = new AbortController();
  try {
    await run(controller.signal, () => controller.abort(new Error('enough')));
    // Node.js tells of them in a later turn.
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off('warning', onWarning);
  }
  return seen;
}

test('children end', async () => {
  expect(
    await warnings(async (signal, abort) => {
      const children = await Promise.all(
        many((i) => spawn('cat', [], { signal, ...(i % 2 === 0 ? {} : { nice: 1 }) })),
      );
      abort();
      const exits = await Promise.all(children.map(({ exited }) => exited));
      expect(exits.map((exit) => exit.signal)).toEqual(many(() => 'SIGTERM'));
    }),
  ).toEqual([]);
});

testUnless(noNetns, 'requests, lists and watches end', async () => {
  using netns = await Netns.create({ loopback: true, rootless });
  using client = await Rtnetlink.open({ netns });
  expect(
    await warnings(async (signal, abort) => {
      await Promise.all(many(() => client.link.get('lo', { signal })));
      await Promise.all(many(() => client.link.list({}, { signal })));
      const watches = many(() => client.watch(['link'], { signal }));
      const first = await Promise.all(watches.map((watch) => watch.next()));
      expect(first.map(({ value }) => value?.type)).toEqual(many(() => first[0]!.value?.type));
      abort();
      await Promise.allSettled(watches.map((watch) => watch.return?.()));
      const refused = await Promise.allSettled(many(() => client.link.get('lo', { signal })));
      expect(refused.map(({ status }) => status)).toEqual(many(() => 'rejected'));
    }),
  ).toEqual([]);
});
