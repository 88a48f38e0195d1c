import { ArgumentError, KernelError } from '../errors.js';
import type { CallOptions } from '../netlink/options.js';
import type { Request } from '../netlink/request.js';
import { last, one, type List, type Mode, type Result, type Runner, type Steps } from '../netlink/runner.js';
import { checkObject } from '../wire/codec.js';
import {
  addLink,
  addLinkWithEcho,
  changeAltNames,
  changeLink,
  deleteLink,
  getLink,
  isLongName,
  listLinks,
  peerOf,
  saysSeveral,
  selectLink,
  type Link,
  type LinkChange,
  type LinkFilter,
  type NewLink,
} from './link.js';
import type { LinkAttrsIn } from './link-attrs.js';
import type { LinkRef } from './link-index.js';
import { hasNames, indexOf, withIndexes } from './resolve.js';

const REFS = ['master', 'link'];

/** Where else links are referred to: in the kind's own attributes, and in those of a port. */
const NESTED_REFS = { data: REFS, port: ['backupPort'] } as const;

interface WithKinds {
  readonly kind?: string | undefined;
  readonly data?: unknown;
  readonly portKind?: string | undefined;
  readonly port?: unknown;
}

function nested(link: object, key: keyof typeof NESTED_REFS): object {
  const value = (link as WithKinds)[key];
  return typeof value === 'object' && value !== null ? value : {};
}

function needsLookup(link: object): boolean {
  return (
    hasNames(link, REFS, 'link') ||
    hasNames(nested(link, 'data'), NESTED_REFS.data, 'link.data') ||
    hasNames(nested(link, 'port'), NESTED_REFS.port, 'link.port')
  );
}

/** The link with indexes for the names of other links. */
function* resolved(link: object): Steps<Record<string, unknown>> {
  const out = yield* withIndexes(link, REFS, 'link');
  for (const key of ['data', 'port'] as const) {
    const refs = NESTED_REFS[key];
    const inside = nested(link, key);
    if (!hasNames(inside, refs, `link.${key}`)) continue;
    const kind = String((link as WithKinds)[key === 'data' ? 'kind' : 'portKind'] ?? '');
    out[key] = yield* withIndexes(inside, refs, kind === '' ? `link.${key}` : `link.${key}(${kind})`);
  }
  return out;
}

/** The error with what is taken already, which the kernel does not say. */
function* atTaken(error: unknown, link: LinkAttrsIn): Steps<unknown> {
  const isOpen = error instanceof KernelError && error.code === 'EEXIST' && error.path === undefined;
  // The names of another namespace are not looked up.
  const isElsewhere = link.netns !== undefined || link.netnsPid !== undefined || link.targetNetnsId !== undefined;
  if (!isOpen || error.kernelMessage !== undefined || isElsewhere) return error;
  const { name, index } = link;
  try {
    if (name !== undefined && (yield* isThere(name))) return error.at('link.name', name);
    if (index !== undefined && (yield* isThere(index))) return error.at('link.index', index);
  } catch {
    return error;
  }
  const peer = peerOf(link);
  return peer.name === undefined || peer.index !== undefined
    ? error
    : error.at(`link.data(${link.kind}).peer.name`, peer.name);
}

function* isThere(ref: LinkRef): Steps<boolean> {
  try {
    yield* one(getLink(ref));
    return true;
  } catch (error) {
    if (error instanceof KernelError && error.code === 'ENODEV') return false;
    throw error;
  }
}

/** Links: physical and virtual network devices. `ip link`. */
export class Links<M extends Mode> {
  readonly #run: Runner<M>;

  constructor(run: Runner<M>) {
    this.#run = run;
  }

  /**
   * Creates a link, in this namespace or directly in `link.netns`. Fails with EEXIST when the name is taken, with
   * EOPNOTSUPP when the kernel does not know the kind.
   */
  add(link: NewLink, options?: CallOptions): Result<M, void> {
    return this.#add(link, addLink, options);
  }

  /**
   * The same, and has the kernel send back what it made, before anything reacts to that: addresses that come by themselves, say, are not
   * in it. `ip -echo link add`. Undefined where the kernel sends nothing: before Linux 6.2, and of links in other namespaces. Kernel:
   * net/core/rtnetlink.c, rtnl_configure_link.
   */
  addWithEcho(link: NewLink, options?: CallOptions): Result<M, Link | undefined> {
    return this.#add(link, addLinkWithEcho, options);
  }

  #add<T>(link: NewLink, request: (link: object) => Request<T>, options: CallOptions | undefined): Result<M, T> {
    return this.#run.one(
      (link: NewLink) =>
        needsLookup(link) || saysSeveral(link as LinkAttrsIn) ? this.#resolveAndAdd(link, request) : request(link),
      options,
      link,
    );
  }

  *#resolveAndAdd<T>(link: NewLink, request: (link: object) => Request<T>): Steps<T> {
    const value = yield* resolved(link);
    try {
      return yield* last(request(value));
    } catch (error) {
      throw yield* atTaken(error, value);
    }
  }

  /**
   * Changes what `change` says and nothing else: name, flags, MTU, address, master, namespace, or the kind's own data in
   * place. `kind` is looked up when `data` comes without it, `portKind` when `port` does.
   */
  set(link: LinkRef, change: LinkChange, options?: CallOptions): Result<M, void> {
    return this.#run.one(
      (change: LinkChange) => {
        checkObject(change, 'link');
        const { kind, data, portKind, port } = change as WithKinds;
        const needsKinds = (data !== undefined && kind === undefined) || (port !== undefined && portKind === undefined);
        const byIndex = typeof link === 'string' && (change.name !== undefined || isLongName(link));
        if (needsKinds || byIndex || needsLookup(change)) return this.#set(link, change, needsKinds, byIndex);
        return changeLink(Object.assign({}, change, selectLink(link)));
      },
      options,
      change,
    );
  }

  *#set(link: LinkRef, change: LinkChange, needsKinds: boolean, byIndex: boolean): Steps<void> {
    const value = yield* resolved(change);
    if (needsKinds) {
      const { kind, portKind } = yield* one(getLink(link));
      if (value['data'] !== undefined) value['kind'] ??= kind;
      if (value['port'] !== undefined) value['portKind'] ??= portKind;
    }
    const select = byIndex ? { index: yield* indexOf(link, 'link') } : selectLink(link);
    return yield* last(changeLink(Object.assign({}, value, select)));
  }

  /** One link by index, name or alternative name. Fails with ENODEV when there is none. */
  get(link: LinkRef, options?: CallOptions): Result<M, Link> {
    return this.#run.one((link: LinkRef) => getLink(link), options, link);
  }

  /** All links, or those that the filter says; the kernel chooses. */
  list(filter: LinkFilter = {}, options?: CallOptions): List<M, Link> {
    return this.#run.list(
      (filter: LinkFilter) =>
        hasNames(filter, REFS, 'link') ? this.#list(filter) : listLinks(filter as Parameters<typeof listLinks>[0]),
      options,
      filter,
    );
  }

  *#list(filter: LinkFilter): Steps<Request<Link>> {
    return listLinks(yield* withIndexes(filter, REFS, 'link'));
  }

  /**
   * Deletes a link, or all links of a group. One deletion takes some 30 ms, most of it waiting for readers; those issued
   * together wait together only when they are of one group or go with their namespace.
   */
  delete(link: LinkRef | { readonly group: number }, options?: CallOptions): Result<M, void> {
    return this.#run.one(
      (link: LinkRef | { readonly group: number }) => {
        if (typeof link !== 'object') return deleteLink(selectLink(link));
        // Without a group the kernel would look for a link without a name.
        if ((link as typeof link | null)?.group === undefined)
          throw new ArgumentError('link', 'takes a name, an index or { group }');
        return deleteLink({ group: link.group });
      },
      options,
      link,
    );
  }

  /** Gives a link more names to be found by, of up to 127 bytes. Since Linux 5.5. */
  addAltNames(link: LinkRef, names: readonly string[], options?: CallOptions): Result<M, void> {
    return this.#run.one((names: readonly string[]) => changeAltNames('add', link, names), options, names);
  }

  /** Takes alternative names away. Since Linux 5.5. */
  deleteAltNames(link: LinkRef, names: readonly string[], options?: CallOptions): Result<M, void> {
    return this.#run.one((names: readonly string[]) => changeAltNames('delete', link, names), options, names);
  }
}
