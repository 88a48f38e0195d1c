import { ArgumentError, CodecError, KernelError } from '../errors.js';
import type { CallOptions } from '../netlink/options.js';
import type { Request } from '../netlink/request.js';
import { last, lookUp, one, type List, type Mode, type Result, type Runner, type Steps } from '../netlink/runner.js';
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
  selectLink,
  type Link,
  type LinkChange,
  type LinkFilter,
  type NewLink,
} from './link.js';
import type { LinkAttrsIn } from './link-attrs.js';
import { checkHeeded, settable } from './later.js';
import { checkAltNames, createLink, createWithEcho, isSimple } from './new-link.js';
import type { LinkRef } from './link-index.js';
import { checkFilter } from './filters.js';
import { hasNames, indexOf, withIndexes } from './resolve.js';

const REFS = ['master', 'link'];

/** What is refused in a change, since the kernel would pass over it. */
function checkChange(change: LinkAttrsIn): void {
  const { altName, newIndex, netns, netnsPid, targetNetnsId } = change;
  checkHeeded(change, 'link');
  if (altName !== undefined) throw new CodecError('link.altName', 'is what addAltNames gives');
  if (newIndex !== undefined && netns === undefined && netnsPid === undefined && targetNetnsId === undefined)
    throw new CodecError('link.newIndex', 'is for a link that moves: needs netns beside it');
}

/** Before Linux 6.3 a link that is up could not even be given the name that it has. */
function withoutSameName(change: LinkAttrsIn, ref: LinkRef): LinkAttrsIn {
  return change.name !== undefined && change.name === ref ? Object.assign({}, change, { name: undefined }) : change;
}

/** A change of the link that `select` finds, and of no other: an index in what was read is another link's here. */
function selecting(change: object, select: LinkAttrsIn): LinkAttrsIn {
  const value: LinkAttrsIn = Object.assign({}, change, select);
  return select.index === undefined && value.index !== undefined
    ? Object.assign({}, value, { index: undefined })
    : value;
}

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

/** Links: physical and virtual network devices. `ip link`. */
export class Links<M extends Mode> {
  readonly #run: Runner<M>;

  constructor(run: Runner<M>) {
    this.#run = run;
  }

  /**
   * Creates a link, in this namespace or directly in `link.netns`. Fails with EEXIST when the name is taken, with
   * EOPNOTSUPP when the kernel does not know the kind.
   *
   * What the kernel takes only when the link is there (`alias`, `altNames`, `protoDown`, `port`, `afSpec`, ...) goes in
   * further requests. If one of them fails, the link is deleted.
   */
  add(link: NewLink, options?: CallOptions): Result<M, void> {
    return this.#run.one(
      (link: NewLink) => (needsLookup(link) || !isSimple(link as LinkAttrsIn) ? this.#add(link) : addLink(link)),
      options,
      link,
    );
  }

  *#add(link: NewLink): Steps<void> {
    yield* createLink(needsLookup(link) ? yield* resolved(link) : (link as LinkAttrsIn));
  }

  /**
   * The same, and has the kernel send back what it made, before anything reacts to that: addresses that come by themselves, say, are not
   * in it. `ip -echo link add`. Undefined where the kernel sends nothing: before Linux 6.2, and of links in other namespaces. Takes
   * only what is given at creation. Kernel: net/core/rtnetlink.c, rtnl_configure_link.
   */
  addWithEcho(link: NewLink, options?: CallOptions): Result<M, Link | undefined> {
    return this.#run.one(
      (link: NewLink) =>
        needsLookup(link) || !isSimple(link as LinkAttrsIn) ? this.#addWithEcho(link) : addLinkWithEcho(link),
      options,
      link,
    );
  }

  *#addWithEcho(link: NewLink): Steps<Link | undefined> {
    return yield* createWithEcho(needsLookup(link) ? yield* resolved(link) : (link as LinkAttrsIn));
  }

  /**
   * Changes what `change` says and nothing else: name, flags, MTU, address, master, namespace, or the kind's own data in
   * place. `kind` is looked up when `data` comes without it, `portKind` when `port` does.
   *
   * A link that was read can be given back: what is state, or set at creation only, is passed over.
   */
  set(link: LinkRef, change: LinkChange, options?: CallOptions): Result<M, void> {
    return this.#run.one(
      (change: LinkChange) => {
        checkObject(change, 'link');
        checkChange(change as LinkAttrsIn);
        const value = withoutSameName(settable(change as LinkAttrsIn, link), link);
        const { kind, data, portKind, port, name, group, mtu } = value;
        const needsKinds = (data !== undefined && kind === undefined) || (port !== undefined && portKind === undefined);
        // VXLAN refuses both in one request. Kernel: drivers/net/vxlan/vxlan_core.c, vxlan_nl2conf.
        const isSplit = data !== undefined && mtu !== undefined;
        // Before Linux 5.18 a group that is given with a name that nobody has is changed as a whole.
        const hidesName = name !== undefined || group !== undefined;
        const byIndex = needsKinds || isSplit || (typeof link === 'string' && (hidesName || isLongName(link)));
        if (byIndex || needsLookup(value)) return this.#set(link, value, needsKinds, byIndex);
        return changeLink(selecting(value, selectLink(link)));
      },
      options,
      change,
    );
  }

  /** What was looked up is changed by its index: its name may be another's by then. */
  *#set(link: LinkRef, change: LinkAttrsIn, needsKinds: boolean, byIndex: boolean): Steps<void> {
    const value = yield* resolved(change);
    let select = selectLink(link);
    if (needsKinds) {
      const { index, kind, portKind } = yield* lookUp(getLink(link));
      if (value['data'] !== undefined) value['kind'] ??= kind;
      if (value['port'] !== undefined) value['portKind'] ??= portKind;
      select = { index };
    } else if (byIndex) {
      select = { index: yield* indexOf(link, 'link') };
    }
    if (value['kind'] !== 'vxlan' || value['data'] === undefined || value['mtu'] === undefined)
      return yield* last(changeLink(selecting(value, select)));
    const { mtu, ...rest } = value;
    yield* one(changeLink(selecting(rest, select)));
    yield* last(changeLink(selecting({ mtu }, select)));
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
        checkFilter(link, ['group'], 'link');
        return deleteLink({ group: link.group });
      },
      options,
      link,
    );
  }

  /**
   * Gives a link more names to be found by, of 1 to 127 bytes: all of them, or none if one is taken. Since Linux 5.5.
   */
  addAltNames(link: LinkRef, names: readonly string[], options?: CallOptions): Result<M, void> {
    return this.#run.one((names: readonly string[]) => this.#changeAltNames('add', link, names), options, names);
  }

  /** Takes alternative names away: all of them, or none if the link does not have one. Since Linux 5.5. */
  deleteAltNames(link: LinkRef, names: readonly string[], options?: CallOptions): Result<M, void> {
    return this.#run.one((names: readonly string[]) => this.#changeAltNames('delete', link, names), options, names);
  }

  /** One by one: the kernel leaves what it did of a list until the first that it cannot do. */
  *#changeAltNames(verb: 'add' | 'delete', link: LinkRef, names: readonly string[]): Steps<void> {
    checkAltNames(names);
    const index = yield* indexOf(link, 'link');
    const change = names.length === 1 ? last : one;
    const done: string[] = [];
    try {
      for (const name of names) {
        yield* change(changeAltNames(verb, index, [name]));
        done.push(name);
      }
    } catch (error) {
      const at = done.length;
      for (const name of done.reverse()) yield* one(changeAltNames(verb === 'add' ? 'delete' : 'add', index, [name]));
      const isOfName = error instanceof KernelError && ['EEXIST', 'ENOENT', 'EINVAL'].includes(error.code);
      throw isOfName ? error.at(`link.altNames[${at}]`, names[at]) : error;
    }
  }
}
