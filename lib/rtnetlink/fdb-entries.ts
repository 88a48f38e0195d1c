import { KernelError, UnsupportedError } from '../errors.js';
import type { CallOptions } from '../netlink/options.js';
import type { Request } from '../netlink/request.js';
import { last, type List, type Mode, type Result, type Runner, type Steps } from '../netlink/runner.js';
import {
  deleteFdbEntry,
  flushFdb,
  getFdbEntry,
  listFdb,
  newFdbEntry,
  type FdbEntry,
  type FdbFilter,
  type FdbFlush,
  type FdbLookup,
  type FdbVerb,
  type NewFdbEntry,
} from './fdb.js';
import type { FdbAttrsIn } from './neighbour-attrs.js';
import { hasNames, withIndexes } from './resolve.js';

const REFS = ['link', 'via', 'master'];
type IndexedFilter = Parameters<typeof listFdb>[0];
type IndexedLookup = Parameters<typeof getFdbEntry>[0];

/** Before Linux 6.0, the kernel ignores NLM_F_BULK and wants the address of one entry. Kernel: net/core/rtnetlink.c, rtnl_fdb_del. */
function isAskedForOne(error: unknown): boolean {
  return (
    error instanceof KernelError && error.code === 'EINVAL' && error.kernelMessage?.toLowerCase() === 'invalid address'
  );
}

/** Forwarding databases of bridges, VXLAN and other links. `bridge fdb`. */
export class FdbEntries<M extends Mode> {
  readonly #run: Runner<M>;

  constructor(run: Runner<M>) {
    this.#run = run;
  }

  /** Makes an entry; EEXIST when there is one for the MAC. */
  add(entry: NewFdbEntry, options?: CallOptions): Result<M, void> {
    return this.#make('add', entry, options);
  }

  /** Makes an entry, in place of the one that is there. */
  replace(entry: NewFdbEntry, options?: CallOptions): Result<M, void> {
    return this.#make('replace', entry, options);
  }

  /** Changes an entry that is there; ENOENT when there is none. */
  change(entry: NewFdbEntry, options?: CallOptions): Result<M, void> {
    return this.#make('change', entry, options);
  }

  /** Gives the MAC of all zeros, or a multicast one, of a VXLAN link one more destination. */
  append(entry: NewFdbEntry, options?: CallOptions): Result<M, void> {
    return this.#make('append', entry, options);
  }

  #make(verb: FdbVerb, entry: NewFdbEntry, options?: CallOptions): Result<M, void> {
    return this.#run.one(
      (entry: NewFdbEntry) =>
        hasNames(entry, REFS, 'fdb') ? this.#resolveAndMake(verb, entry) : newFdbEntry(verb, entry as FdbAttrsIn),
      options,
      entry,
    );
  }

  *#resolveAndMake(verb: FdbVerb, entry: NewFdbEntry): Steps<void> {
    return yield* last(newFdbEntry(verb, yield* withIndexes(entry, REFS, 'fdb')));
  }

  /**
   * Deletes one destination when `dst` says which, else the entry; ENOENT when there is none. The kernel says nothing of a
   * destination that an entry does not have. Without `vlan` a bridge that filters VLANs deletes the entries of all VLANs.
   */
  delete(entry: NewFdbEntry, options?: CallOptions): Result<M, void> {
    return this.#run.one(
      (entry: NewFdbEntry) =>
        hasNames(entry, REFS, 'fdb') ? this.#delete(entry) : deleteFdbEntry(entry as FdbAttrsIn),
      options,
      entry,
    );
  }

  *#delete(entry: NewFdbEntry): Steps<void> {
    return yield* last(deleteFdbEntry(yield* withIndexes(entry, REFS, 'fdb')));
  }

  /** One entry; ENOENT when there is none. Since Linux 5.0. */
  get(lookup: FdbLookup, options?: CallOptions): Result<M, FdbEntry> {
    return this.#run.one(
      (lookup: FdbLookup) => (hasNames(lookup, REFS, 'fdb') ? this.#get(lookup) : getFdbEntry(lookup as IndexedLookup)),
      options,
      lookup,
    );
  }

  *#get(lookup: FdbLookup): Steps<FdbEntry> {
    return yield* last(getFdbEntry((yield* withIndexes(lookup, REFS, 'fdb')) as unknown as IndexedLookup));
  }

  /** All entries, or those that the filter says; the kernel chooses. */
  list(filter: FdbFilter = {}, options?: CallOptions): List<M, FdbEntry> {
    return this.#run.list(
      (filter: FdbFilter) => (hasNames(filter, REFS, 'fdb') ? this.#list(filter) : listFdb(filter as IndexedFilter)),
      options,
      filter,
    );
  }

  *#list(filter: FdbFilter): Steps<Request<FdbEntry>> {
    return listFdb(yield* withIndexes(filter, REFS, 'fdb'));
  }

  /**
   * Deletes all entries that match, in one request. Bridges since Linux 6.0, else `UnsupportedError`; VXLAN since 6.7,
   * else EOPNOTSUPP.
   */
  flush(filter: FdbFlush, options?: CallOptions): Result<M, void> {
    return this.#run.one((filter: FdbFlush) => this.#flush(filter), options, filter);
  }

  *#flush(filter: FdbFlush): Steps<void> {
    const indexes = hasNames(filter, REFS, 'fdb') ? yield* withIndexes(filter, REFS, 'fdb') : filter;
    try {
      return yield* last(flushFdb(indexes as Parameters<typeof flushFdb>[0]));
    } catch (error) {
      throw isAskedForOne(error)
        ? new UnsupportedError('fdb.flush: the kernel deletes only one entry at a time; Linux 6.0 deletes many', {
            cause: error,
          })
        : error;
    }
  }
}
