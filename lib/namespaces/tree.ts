import { ArgumentError } from '../errors.js';
import { show } from '../wire/codec.js';
import type { NamespaceInfo } from './list.js';

/** A namespace with those below it. */
export interface NamespaceNode extends NamespaceInfo {
  readonly children: readonly NamespaceNode[];
}

/**
 * The tree that a list of namespaces makes: by owner, each one below the user namespace that owns it; or by parent, pid
 * and user namespaces below those they are nested in. What comes back are the roots: namespaces of which the owner or
 * parent is not in the list. The order is that of the list.
 *
 * @example
 * ```ts
 * import { listNamespaces, namespaceTree, type NamespaceNode } from 'netlace';
 *
 * const show = ({ type, ino, command, children }: NamespaceNode, indent = '') => {
 *   console.log(`${indent}${type} ${ino} ${command ?? ''}`);
 *   for (const child of children) show(child, `${indent}  `);
 * };
 * for (const root of namespaceTree(await listNamespaces())) show(root);
 * ```
 */
export function namespaceTree(namespaces: readonly NamespaceInfo[], by: 'owner' | 'parent' = 'owner'): NamespaceNode[] {
  checkInfos(namespaces);
  if (by !== 'owner' && by !== 'parent') throw new ArgumentError('by', `takes 'owner' or 'parent', not ${show(by)}`);
  const nodes = new Map(
    namespaces.map((info) => [info.ino, Object.assign({}, info, { children: [] as NamespaceNode[] })]),
  );
  const roots: NamespaceNode[] = [];
  for (const node of nodes.values()) {
    const above = by === 'owner' ? node.ownerIno : node.parentIno;
    const siblings = above === undefined ? roots : (nodes.get(above)?.children ?? roots);
    siblings.push(node);
  }
  return roots;
}

function checkInfos(namespaces: unknown): void {
  if (!Array.isArray(namespaces))
    throw new ArgumentError('namespaces', `takes what listNamespaces returns, not ${show(namespaces)}`);
  for (const [i, info] of (namespaces as unknown[]).entries())
    if (typeof (info as NamespaceInfo | null | undefined)?.ino !== 'bigint')
      throw new ArgumentError(`namespaces[${i}]`, `takes what listNamespaces returns, not ${show(info)}`);
}
