/** Every attribute of every kind of link, written by us and read back by us. */
import { describe, expect, test } from '@jest/globals';
import { CodecError } from '../../lib/errors.js';
import type { Rtnetlink } from '../../lib/rtnetlink/client.js';
import * as kinds from '../../lib/rtnetlink/kinds/all.js';
import type { Kind } from '../../lib/rtnetlink/kinds/index.js';
import { vxlan } from '../../lib/rtnetlink/kinds/vxlan.js';
import * as ports from '../../lib/rtnetlink/ports/all.js';
import type { AttrSet, Rows } from '../../lib/wire/attrs.js';
import type { LinkChange } from '../../lib/rtnetlink/link.js';
import {
  addPorts,
  addUnder,
  kindCases,
  linkOf,
  noKind,
  plain,
  portCases,
  reasonAgainst,
} from '../support/kind-cases.js';
import { inSandbox } from '../support/netns.js';
import { describeUnless, testUnless } from '../support/skip.js';

type Data = Readonly<Record<string, unknown>>;

async function dataOf({ link }: Rtnetlink, name: string): Promise<Data> {
  return (await link.get(name)).data as Data;
}

/** A value that is also the default would prove nothing. */
function expectOther(data: Data, usual: Data): void {
  for (const [key, value] of Object.entries(data))
    if (usual[key] !== undefined) expect({ [key]: usual[key] }).not.toEqual({ [key]: value });
}

/** The attributes that can be written: those only reported are left out whatever is written. */
function writable({ rows }: AttrSet<Rows>): string[] {
  return Object.keys(rows).filter((name) => !isReadOnly(rows[name]!.codec.omit));
}

function isReadOnly(omit: ((value: unknown) => boolean) | undefined): boolean {
  try {
    return omit?.(Symbol()) === true;
  } catch {
    return false;
  }
}

/** What of the data is not only reported. */
function settingsOf(kind: Kind, data: Data | undefined): Data {
  const names = writable(kinds[kind]);
  return Object.fromEntries(Object.entries(data ?? {}).filter(([name]) => names.includes(name)));
}

for (const kind of Object.keys(plain) as Kind[]) {
  const cases = kindCases.filter((each) => each.kind === kind);
  const change = (data: object): LinkChange => ({ data });

  describeUnless(noKind(kind), kind, () => {
    testUnless(noKind(kind), 'is what it says', () =>
      inSandbox(async ({ client }) => {
        await addUnder(client);
        await client.link.add(linkOf(kind, 'it'));
        const link = await client.link.get('it');
        expect(link).toMatchObject({ name: 'it', kind });
        expect(link).not.toHaveProperty('data.unknown');
        expect(link.unknown).toBeUndefined();
      }),
    );

    // Bridges tell that they do not filter VLANs where they cannot, and take that from nobody.
    const unable = kind === 'bridge' ? reasonAgainst({ needs: 'vlanFiltering' }) : undefined;
    testUnless(noKind(kind) ?? unable, 'is made again of what was read', () =>
      inSandbox(async ({ client }) => {
        await addUnder(client);
        await client.link.add(linkOf(kind, 'it'));
        const data = await dataOf(client, 'it');
        await client.link.delete('it');
        await client.link.add(linkOf(kind, 'it', data));
        expect(settingsOf(kind, await dataOf(client, 'it'))).toEqual(settingsOf(kind, data));
      }),
    );

    for (const each of cases) {
      const reported = each.reported ?? each.data;

      testUnless(reasonAgainst(each, kind), `${each.title}, at creation`, () =>
        inSandbox(async ({ client }) => {
          await addUnder(client);
          await client.link.add(linkOf(kind, 'usual'));
          expectOther(reported, await dataOf(client, 'usual'));
          await client.link.delete('usual');
          await client.link.add(linkOf(kind, 'it', each.data));
          expect(await dataOf(client, 'it')).toMatchObject(reported);
        }),
      );

      if (each.inPlace === undefined) continue;
      testUnless(reasonAgainst(each, kind), `${each.title}, changed in place`, () =>
        inSandbox(async ({ client }) => {
          await addUnder(client);
          await client.link.add(linkOf(kind, 'it'));
          await client.link.set('it', change(each.data));
          expect(await dataOf(client, 'it')).toMatchObject(reported);
        }),
      );
    }
  });
}

describeUnless(noKind('bridge'), 'bridge port', () => {
  for (const each of portCases) {
    testUnless(reasonAgainst(each), each.title, () =>
      inSandbox(async ({ client }) => {
        await addPorts(client);
        const reported = each.reported ?? each.data;
        expectOther(reported, (await client.link.get('port')).port as Data);
        await client.link.set('port', { portKind: 'bridge', port: each.data });
        const link = await client.link.get('port');
        expect(link.portKind).toBe('bridge');
        expect(link.port).toMatchObject(reported);
        expect(link.port).not.toHaveProperty('unknown');
      }),
    );
  }
});

describe('the cases', () => {
  const written = (cases: readonly { readonly data: Data }[]): Set<string> =>
    new Set(cases.flatMap(({ data }) => Object.keys(data)));

  test.each((Object.keys(plain) as Kind[]).filter((kind) => kind !== 'veth' && kind !== 'macvtap'))(
    'have every attribute of %s',
    (kind) => {
      const cases = written(kindCases.filter((each) => each.kind === kind));
      expect(writable(kinds[kind]).filter((name) => !cases.has(name))).toEqual([]);
    },
  );

  test('have every attribute of bridge ports', () => {
    expect(writable(ports.bridge).filter((name) => !written(portCases).has(name))).toEqual([]);
  });
});

describeUnless(noKind('macvlan'), 'the sources of a macvlan', () => {
  testUnless(noKind('macvlan'), 'are added, removed and flushed', () =>
    inSandbox(async ({ client }) => {
      await addUnder(client);
      const [first, second] = ['02:aa:bb:cc:dd:0a', '02:aa:bb:cc:dd:0b'];
      const sources = async () => (await dataOf(client, 'it'))['macaddrData'];
      await client.link.add(linkOf('macvlan', 'it', { mode: 'source' }));
      await client.link.set('it', { data: { macaddrMode: 'add', macaddr: first } });
      await client.link.set('it', { data: { macaddrMode: 'add', macaddr: second } });
      expect(await sources()).toHaveLength(2);
      await client.link.set('it', { data: { macaddrMode: 'del', macaddr: first } });
      expect(await sources()).toEqual([second]);
      await client.link.set('it', { data: { macaddrMode: 'flush' } });
      expect(await sources()).toBeUndefined();
    }),
  );
});

describeUnless(noKind('vxlan'), 'what a VXLAN link is refused for', () => {
  testUnless(noKind('vxlan'), 'a VNI of 2^24, before it is sent', () =>
    inSandbox(async ({ client }) => {
      const attempt = async () => client.link.add({ name: 'it', kind: 'vxlan', data: { id: 0x1000000 } });
      await expect(attempt()).rejects.toThrow(CodecError);
      await expect(attempt()).rejects.toMatchObject({ path: 'link.data(vxlan).id' });
    }),
  );

  // Not reported by every kernel that has it, so this is the proof of its number: a value that only its policy refuses.
  const noMcRoute = reasonAgainst({ since: [6, 17] }, 'vxlan');
  testUnless(noMcRoute, 'routed multicast that is neither on nor off', () =>
    inSandbox(async ({ client }) => {
      const unknown = [{ type: vxlan.rows.mcRoute.id, bytes: Uint8Array.of(2) }];
      await expect(client.link.add(linkOf('vxlan', 'it', { unknown }))).rejects.toMatchObject({ code: 'ERANGE' });
    }),
  );

  testUnless(noKind('vxlan'), 'an impossible change, with the path to it', () =>
    inSandbox(async ({ client }) => {
      await client.link.add(linkOf('vxlan', 'it'));
      await expect(client.link.set('it', { data: { port: 4790 } })).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
      await expect(client.link.set('it', { data: { group: 'fd00::1' } })).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
    }),
  );
});
