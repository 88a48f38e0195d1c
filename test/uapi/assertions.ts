/** What the tables of lib/ say, as expressions in C and the values that they have to have. */
import * as netlink from '../../lib/netlink/constants.js';
import { flagBits, type MountFlag } from '../../lib/mount/flags.js';
import { nsidAttrs, RTM_GETNSID, RTM_NEWNSID } from '../../lib/namespaces/nsid.js';
import { flagOf, NAMESPACE_TYPES } from '../../lib/namespace-types.js';
import { linkTypeName } from '../../lib/rtnetlink/arphrd.js';
import { errnoName } from '../../lib/errno.js';
import { familyNumber } from '../../lib/rtnetlink/family.js';
import { altNameAttrs } from '../../lib/rtnetlink/link-attrs.js';
import { linkFlags } from '../../lib/rtnetlink/link-flags.js';
import * as rtnetlink from '../../lib/rtnetlink/constants.js';
import { CAPABILITIES } from '../../lib/process/capabilities.js';
import { RESOURCES } from '../../lib/process/rlimits.js';
import * as systemCalls from '../../lib/system-calls/constants.js';
import { ATTRIBUTES, PROPAGATION } from '../../lib/system-calls/mounts.js';
import { Writer } from '../../lib/wire/writer.js';
import type { AttrSet, Header, Rows } from '../../lib/wire/attrs.js';
import type { AnyCodec } from '../../lib/wire/codec.js';
import type { Members, Struct } from '../../lib/wire/struct.js';
import { allTables } from '../support/tables.js';
import { attributes, enumerations, memberPrefixes, members, unnamed } from './kernel-names.js';

export interface Assertion {
  /** Where it comes from: `IFLA.mtu`. */
  readonly where: string;
  /** In C, with the kernel's names. */
  readonly expression: string;
  readonly value: number;
}

/** The keys of kernel-names.ts that were of use: the others are left over from something. */
export const used = new Set<string>();

function lookUp(names: Readonly<Record<string, string>>, key: string): string | undefined {
  if (names[key] !== undefined) used.add(key);
  return names[key];
}

/** `bcQueueLen` gives `bc_queue_len`. */
function snakeCase(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function* ofTable(set: AttrSet<Rows>): Generator<Assertion> {
  const { prefix, rows, header, pad } = set;
  for (const [key, { id, codec, second }] of Object.entries(rows)) {
    const where = `${prefix}.${key}`;
    const expression = lookUp(attributes, where) ?? `${prefix}_${snakeCase(key).toUpperCase()}`;
    yield { where, expression, value: id };
    // The other attribute of the same option is that for IPv6.
    if (second !== undefined) yield { where, expression: `${expression}6`, value: second.id };
    yield* ofCodec(where, codec);
  }
  if (pad !== undefined) yield { where: prefix, expression: `${prefix}_PAD`, value: pad };
  if (header !== undefined) yield* ofHeader(header);
}

function* ofHeader(header: Header & { readonly members?: Members }): Generator<Assertion> {
  yield* ofStruct(header.name, header.size, header.members ?? {});
}

function* ofStruct(name: string, size: number, all: Members): Generator<Assertion> {
  yield { where: name, expression: `sizeof(struct ${name})`, value: size };
  for (const [key, { offset, codec }] of Object.entries(all)) {
    const where = `${name}.${key}`;
    const member = lookUp(members, where) ?? `${memberPrefixes[name] ?? ''}${snakeCase(key)}`;
    yield { where, expression: `offsetof(struct ${name}, ${member})`, value: offset };
    yield { where, expression: `sizeof(((struct ${name} *)0)->${member})`, value: codec.size! };
    yield* ofCodec(where, codec as AnyCodec);
  }
}

function* ofCodec(where: string, codec: AnyCodec): Generator<Assertion> {
  if (codec.names !== undefined) yield* ofNames(where, codec.names);
  if ('struct' in codec) {
    const { name, size, members: all } = (codec as Struct<Members>).struct;
    yield* ofStruct(name, size, all);
  }
  for (const part of codec.parts ?? []) yield* ofCodec(where, part);
}

function* ofNames(where: string, names: Readonly<Record<string, number>>): Generator<Assertion> {
  if (lookUp(unnamed, where) !== undefined) return;
  const kernel = enumerations[where];
  if (kernel === undefined)
    throw new Error(`test/uapi/kernel-names.ts does not say what the values of ${where} are called`);
  used.add(where);
  for (const [key, value] of Object.entries(names)) {
    const name = kernel.names?.[key] ?? `${kernel.prefix}_${snakeCase(key).toUpperCase()}`;
    yield { where: `${where}.${key}`, expression: kernel.bits === true ? `1 << ${name}` : name, value };
  }
  for (const key of Object.keys(kernel.names ?? {})) {
    if (names[key] === undefined) throw new Error(`${where} has no value ${key}`);
  }
}

/** Where a table puts values that have no row of their own: the first byte that differs when they are there. */
function placeOf(set: AttrSet<Rows>, without: object, value: object): number {
  const bytes = [without, value].map((object) => {
    const writer = new Writer();
    set.write(writer, object);
    return writer.finish();
  });
  return bytes[0]!.findIndex((byte, at) => byte !== bytes[1]![at]);
}

function* ofHeaderBytes(): Generator<Assertion> {
  const table = (name: string) => allTables.find((set) => set.header?.name === name)!;
  const places: readonly [struct: string, member: string, without: object, value: object][] = [
    ['ifinfomsg', 'ifi_family', {}, { family: 'bridge' }],
    ['ifinfomsg', 'ifi_index', {}, { index: 0x01010101 }],
    ['ifinfomsg', 'ifi_flags', { flags: { debug: false } }, { flags: { debug: true } }],
    ['ifinfomsg', 'ifi_change', {}, { flags: { debug: false } }],
    ['ifaddrmsg', 'ifa_prefixlen', { family: 'inet', address: '0.0.0.0/0' }, { family: 'inet', address: '0.0.0.0/9' }],
    ['rtmsg', 'rtm_dst_len', { family: 'inet', to: '0.0.0.0/0' }, { family: 'inet', to: '0.0.0.0/9' }],
    ['rtmsg', 'rtm_src_len', { family: 'inet', from: '0.0.0.0/0' }, { family: 'inet', from: '0.0.0.0/9' }],
    ['rtmsg', 'rtm_table', { table: 0 }, { table: 255 }],
  ];
  for (const [struct, member, without, value] of places) {
    const expression = `offsetof(struct ${struct}, ${member})`;
    yield { where: member, expression, value: placeOf(table(struct), without, value) };
  }
}

const mountFlags: readonly MountFlag[] = [
  ...['readOnly', 'noSuid', 'noDev', 'noExec', 'noSymFollow', 'noAtime', 'noDirAtime', 'relAtime'],
  ...['strictAtime', 'synchronous', 'dirSync', 'lazyTime', 'silent', 'remount', 'bind', 'move', 'recursive'],
] as MountFlag[];

/** Numbers that are in no table. */
function* ofConstants(): Generator<Assertion> {
  for (const [name, value] of Object.entries({ ...netlink, ...rtnetlink, RTM_GETNSID, RTM_NEWNSID })) {
    yield { where: 'constants.ts', expression: name, value };
  }
  for (const [name, value] of Object.entries(systemCalls)) {
    // Those of umount2(2) are in no header of include/uapi.
    if (/^(MNT|UMOUNT)_/.test(name)) continue;
    yield { where: 'system-calls/constants.ts', expression: name, value: Number(value) };
  }
  for (const [number, name] of CAPABILITIES.entries())
    yield { where: 'capabilities.ts', expression: name, value: number };
  for (const [number, name] of RESOURCES.entries())
    yield { where: 'rlimits.ts', expression: `RLIMIT_${name.toUpperCase()}`, value: number };
  const ofMounts = { ...PROPAGATION, ...Object.fromEntries(mountFlags.map((name) => [name, flagBits([name])])) };
  for (const [prefix, names] of [
    ['MOUNT_ATTR', ATTRIBUTES],
    ['MS', ofMounts],
  ] as const) {
    for (const [name, value] of Object.entries(names)) {
      const word = name === 'readOnly' ? 'RDONLY' : name === 'recursive' ? 'REC' : name.toUpperCase();
      yield { where: `mounts.ts.${name}`, expression: `${prefix}_${word}`, value };
    }
  }
  for (const family of ['unspec', 'inet', 'inet6', 'bridge']) {
    yield { where: 'family.ts', expression: `AF_${family.toUpperCase()}`, value: familyNumber(family) };
  }
  for (const type of NAMESPACE_TYPES) {
    const expression = `CLONE_NEW${type === 'mnt' ? 'NS' : type.toUpperCase()}`;
    yield { where: 'types.ts', expression, value: flagOf(type) };
  }
  for (let errno = 1; errno < 512; errno++) {
    const name = errnoName(errno);
    if (name !== `E${errno}`) yield { where: 'errno.ts', expression: name, value: errno };
  }
  yield* ofNames('ifinfomsg.flags', linkFlags.names);
  const linkTypes: Record<string, number> = {};
  for (let type = 0; type <= 0xffff; type++) {
    const name = linkTypeName(type);
    if (typeof name === 'string') linkTypes[name] = type;
  }
  yield* ofNames('ifinfomsg.type', linkTypes);
}

/** The structs that codecs of lib/ write by hand. */
const byHand: readonly Assertion[] = [
  { where: 'maskedFlags', expression: 'sizeof(struct ifla_vlan_flags)', value: 8 },
  { where: 'maskedFlags', expression: 'offsetof(struct ifla_vlan_flags, mask)', value: 4 },
  { where: 'maskedFlags', expression: 'sizeof(struct br_boolopt_multi)', value: 8 },
  { where: 'maskedFlags', expression: 'offsetof(struct br_boolopt_multi, optmask)', value: 4 },
  { where: 'bridgeId', expression: 'sizeof(struct ifla_bridge_id)', value: 8 },
  { where: 'bridgeId', expression: 'offsetof(struct ifla_bridge_id, addr)', value: 2 },
  { where: 'RTA.viaOtherFamily', expression: 'offsetof(struct rtvia, rtvia_addr)', value: 2 },
  { where: 'RTA.nexthops', expression: 'offsetof(struct rtnexthop, rtnh_len)', value: 0 },
];

export function allAssertions(): Assertion[] {
  const assertions = [...[...allTables, altNameAttrs, nsidAttrs].flatMap((set) => [...ofTable(set)])];
  assertions.push(...ofHeaderBytes(), ...ofConstants(), ...byHand);
  return [...new Map(assertions.map((each) => [`${each.where} ${each.expression} ${each.value}`, each])).values()];
}
