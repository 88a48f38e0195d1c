/** Attributes of every kind of link: what we write as `ip -d` shows it, and what `ip` writes as we read it. */
import { expect } from '@jest/globals';
import type { Kind } from '../../lib/rtnetlink/kinds/index.js';
import { jsonIn, noIproute2, runIn } from '../support/iproute2.js';
import {
  addPorts,
  addUnder,
  kindCases,
  linkOf,
  noKind,
  OTHER_PORT,
  plain,
  portCases,
  reasonAgainst,
} from '../support/kind-cases.js';
import { inSandbox, type Sandbox } from '../support/netns.js';
import { describeUnless, testUnless } from '../support/skip.js';

interface Shown {
  readonly linkinfo: {
    readonly info_kind: string;
    readonly info_data?: Record<string, unknown>;
    readonly info_slave_kind?: string;
    readonly info_slave_data?: Record<string, unknown>;
  };
}

function shown(sandbox: Sandbox, name: string): Shown['linkinfo'] {
  const [link] = jsonIn(sandbox, `ip -d -j link show dev ${name}`) as unknown as Shown[];
  return link!.linkinfo;
}

for (const kind of Object.keys(plain) as Kind[]) {
  describeUnless(noIproute2 ?? noKind(kind), kind, () => {
    testUnless(noIproute2 ?? noKind(kind), 'is called that by ip', () =>
      inSandbox(async (sandbox) => {
        await addUnder(sandbox.client);
        await sandbox.client.link.add(linkOf(kind, 'it'));
        expect(shown(sandbox, 'it').info_kind).toBe(kind);
      }),
    );

    for (const each of kindCases.filter((one) => one.kind === kind)) {
      const reason = noIproute2 ?? reasonAgainst(each, kind);

      if (each.shown !== undefined) {
        testUnless(reason, `${each.title}: ours read by ip`, () =>
          inSandbox(async (sandbox) => {
            await addUnder(sandbox.client);
            await sandbox.client.link.add(linkOf(kind, 'it', each.data));
            expect(shown(sandbox, 'it').info_data).toMatchObject(each.shown!);
          }),
        );
      }

      if (each.args !== undefined) {
        testUnless(reason, `${each.title}: ip's read by us`, () =>
          inSandbox(async (sandbox) => {
            await addUnder(sandbox.client);
            const link = plain[kind].link === undefined ? '' : 'link under ';
            runIn(sandbox, `ip link add ${link}name it type ${kind} ${each.args!}`);
            const { data } = await sandbox.client.link.get('it');
            expect(data).toMatchObject(inCommon(each.reported ?? each.data, data as object));
          }),
        );
      }
    }
  });
}

/** Without what is not reported at all: ip cannot write all that we can. */
function inCommon(wanted: object, reported: object): object {
  return Object.fromEntries(Object.entries(wanted).filter(([key]) => key in reported));
}

describeUnless(noIproute2 ?? noKind('bridge'), 'bridge port', () => {
  for (const each of portCases) {
    if (each.shown === undefined) continue;
    testUnless(noIproute2 ?? reasonAgainst(each), `${each.title}: ours read by ip`, () =>
      inSandbox(async (sandbox) => {
        await addPorts(sandbox.client);
        await sandbox.client.link.set('port', { portKind: 'bridge', port: each.data });
        const { info_slave_kind: kind, info_slave_data: data } = shown(sandbox, 'port');
        expect(kind).toBe('bridge');
        expect(data).toMatchObject(each.shown!);
      }),
    );
  }

  testUnless(noIproute2 ?? noKind('bridge'), 'what is on or off: ours read by bridge', () =>
    inSandbox(async (sandbox) => {
      await addPorts(sandbox.client);
      await sandbox.client.link.set('port', {
        portKind: 'bridge',
        port: { hairpin: true, guard: true, learning: false },
      });
      const [port] = jsonIn(sandbox, 'bridge -d -j link show dev port');
      expect(port).toMatchObject({ master: 'br', hairpin: true, guard: true, learning: false, flood: true });
    }),
  );

  testUnless(noIproute2 ?? noKind('bridge'), "what is on or off: ip's read by us", () =>
    inSandbox(async (sandbox) => {
      await addPorts(sandbox.client);
      const args =
        'cost 1998 priority 22 hairpin on root_block on fastleave on learning off mcast_flood off isolated on';
      runIn(sandbox, `ip link set dev port type bridge_slave ${args} backup_port other`);
      expect((await sandbox.client.link.get('port')).port).toMatchObject({
        cost: 1998,
        priority: 22,
        hairpin: true,
        rootBlock: true,
        fastLeave: true,
        learning: false,
        mcastFlood: false,
        isolated: true,
        backupPort: OTHER_PORT,
      });
    }),
  );
});
