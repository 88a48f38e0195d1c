import { expect } from '@jest/globals';
import { Rtnetlink, watchAll } from '../../lib/index.js';
import { newNetns, noNetns } from '../support/netns.js';
import { testUnless } from '../support/skip.js';

testUnless(
  noNetns,
  'events of several namespaces come in one stream, each with its client',
  async () => {
    await using a = await newNetns();
    await using b = await newNetns();
    await using inA = await Rtnetlink.open({ netns: a });
    await using inB = await Rtnetlink.open({ netns: b });
    const names = new Map<Rtnetlink, string[]>([
      [inA, []],
      [inB, []],
    ]);
    let synced = 0;
    for await (const [client, event] of watchAll([inA, inB], ['link'])) {
      if (event.type === 'synced') {
        synced++;
        if (synced === 2) {
          await inA.link.add({ name: 'only-a', kind: 'ifb' });
          await inB.link.add({ name: 'b-left', kind: 'veth', data: { peer: { name: 'b-right' } } });
        }
      } else if (event.type !== 'overrun') {
        if (event.type === 'new' && !names.get(client)!.includes(event.value.name))
          names.get(client)!.push(event.value.name);
      }
      if ([...names.values()].flat().length === 3) break;
    }
    expect(synced).toBe(2);
    expect(names.get(inA)).toEqual(['only-a']);
    expect(new Set(names.get(inB))).toEqual(new Set(['b-left', 'b-right']));
  },
  60_000,
);

testUnless(
  noNetns,
  'closing one client ends its events, closing all ends the stream',
  async () => {
    await using a = await newNetns();
    const inA = await Rtnetlink.open({ netns: a });
    const inB = await Rtnetlink.open({ netns: a });
    const seen: string[] = [];
    for await (const [client, event] of watchAll([inA, inB], ['link'])) {
      seen.push(`${client === inA ? 'a' : 'b'} ${event.type}`);
      if (seen.filter((line) => line.endsWith('synced')).length === 2) {
        inA.close();
        inB.close();
      }
    }
    expect(seen.sort()).toEqual(['a existing', 'a synced', 'b existing', 'b synced']);
  },
  60_000,
);
