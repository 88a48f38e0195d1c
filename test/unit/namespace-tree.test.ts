/** The pure parts of listing namespaces: what mountinfo says, and trees. */
import { expect, test } from '@jest/globals';
import { ArgumentError } from '../../lib/errors.js';
import type { NamespaceInfo } from '../../lib/namespaces/list.js';
import { pinsIn } from '../../lib/namespaces/pins.js';
import { namespaceTree, type NamespaceNode } from '../../lib/namespaces/tree.js';

test('pins are read out of mountinfo, with and without propagation, and nothing else', () => {
  const mountinfo = [
    '22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw',
    '301 22 0:4 net:[4026532281] /run/netns/box rw shared:5 master:2 - nsfs nsfs rw',
    '302 22 0:4 uts:[4026532282] /tmp/with\\040space\\011tab\\134slash\\012line rw - nsfs nsfs rw',
    '303 22 0:4 mnt:[4026532283] /tmp/m rw unbindable - nsfs nsfs rw',
    '304 22 0:9 / /tmp/nsfs rw - tmpfs nsfs rw',
    '305 22 0:9 /net:[4026532284] /tmp/named-so rw - tmpfs none rw',
    '',
  ].join('\n');
  expect(pinsIn(mountinfo)).toEqual([
    { type: 'net', ino: 4026532281n, path: '/run/netns/box' },
    { type: 'uts', ino: 4026532282n, path: '/tmp/with space\ttab\\slash\nline' },
    { type: 'mnt', ino: 4026532283n, path: '/tmp/m' },
  ]);
  expect(pinsIn('')).toEqual([]);
});

const info = (type: NamespaceInfo['type'], ino: bigint, ownerIno?: bigint, parentIno?: bigint): NamespaceInfo => ({
  type,
  ino,
  dev: 4n,
  processes: 0,
  pid: undefined,
  command: undefined,
  uid: undefined,
  user: undefined,
  holders: [],
  paths: [],
  names: [],
  nsid: undefined,
  ownerIno,
  parentIno,
  ownerUid: undefined,
});

/** `1(2(4) 3)`. */
const shape = (nodes: readonly NamespaceNode[]): string =>
  nodes.map(({ ino, children }) => `${ino}${children.length > 0 ? `(${shape(children)})` : ''}`).join(' ');

test('a tree is by owner or by parent, whatever the order, and loses nothing', () => {
  const list = [
    info('uts', 9n, 5n),
    info('user', 5n, 1n, 1n),
    info('user', 1n),
    info('pid', 7n, 5n, 2n),
    info('pid', 2n, 1n),
    info('user', 6n, 5n, 5n),
    info('net', 8n, 77n),
  ];
  expect(shape(namespaceTree(list))).toBe('1(5(9 7 6) 2) 8');
  expect(shape(namespaceTree(list, 'owner'))).toBe('1(5(9 7 6) 2) 8');
  expect(shape(namespaceTree(list, 'parent'))).toBe('9 1(5(6)) 2(7) 8');
  expect(namespaceTree([])).toEqual([]);
  expect(list.every((each) => !('children' in each))).toBe(true);
  expect(namespaceTree(list)[0]).toMatchObject({ type: 'user', dev: 4n });
});

test('a tree is made of the nodes of another one, which stays as it is', () => {
  const list = [info('user', 1n), info('user', 5n, 1n, 1n), info('net', 8n, 5n)];
  const flat = (nodes: readonly NamespaceNode[]): NamespaceNode[] =>
    nodes.flatMap((node) => [node, ...flat(node.children)]);
  const first = namespaceTree(list);
  expect(shape(first)).toBe('1(5(8))');
  expect(shape(namespaceTree(flat(first), 'parent'))).toBe('1(5) 8');
  expect(shape(namespaceTree(flat(first)))).toBe('1(5(8))');
  expect(shape(first)).toBe('1(5(8))');
});

test('a tree is by nothing else', () => {
  for (const by of ['child', '', null, 'constructor'])
    expect(() => namespaceTree([], by as 'owner')).toThrow(ArgumentError);
});
