import type { CallOptions } from '../netlink/options.js';
import type { Request } from '../netlink/request.js';
import { kept, last, many, type List, type Mode, type Result, type Runner, type Steps } from '../netlink/runner.js';
import {
  checkNeighbourFilter,
  deleteNeighbour,
  getNeighbour,
  listNeighbours,
  newNeighbour,
  type Neighbour,
  type NeighbourFilter,
  type NeighbourLookup,
  type NeighbourVerb,
  type NewNeighbour,
} from './neighbour.js';
import type { NeighbourAttrsIn } from './neighbour-attrs.js';
import { checkNarrows } from './filters.js';
import { hasNames, withIndexes } from './resolve.js';

const REFS = ['link', 'master'];
type IndexedFilter = Parameters<typeof listNeighbours>[0];
type IndexedLookup = Parameters<typeof getNeighbour>[0];

function* deletions(neighbours: Iterable<Neighbour>, filter: NeighbourFilter): Generator<Request<void>> {
  for (const neighbour of neighbours) {
    const stays = neighbour.state.some((name) => name === 'permanent' || name === 'noarp');
    if (filter.state !== undefined || !stays) yield deleteNeighbour(neighbour);
  }
}

/** IP neighbours: the ARP and neighbour discovery tables. `ip neighbour`. */
export class Neighbours<M extends Mode> {
  readonly #run: Runner<M>;

  constructor(run: Runner<M>) {
    this.#run = run;
  }

  /** Makes an entry; EEXIST when there is one. */
  add(neighbour: NewNeighbour, options?: CallOptions): Result<M, void> {
    return this.#make('add', neighbour, options);
  }

  /** Makes an entry, in place of the one that is there. */
  replace(neighbour: NewNeighbour, options?: CallOptions): Result<M, void> {
    return this.#make('replace', neighbour, options);
  }

  /** Changes an entry that is there; ENOENT when there is none. */
  change(neighbour: NewNeighbour, options?: CallOptions): Result<M, void> {
    return this.#make('change', neighbour, options);
  }

  #make(verb: NeighbourVerb, neighbour: NewNeighbour, options?: CallOptions): Result<M, void> {
    return this.#run.one(
      (neighbour: NewNeighbour) =>
        hasNames(neighbour, REFS, 'neighbour')
          ? this.#resolveAndMake(verb, neighbour)
          : newNeighbour(verb, neighbour as NeighbourAttrsIn),
      options,
      neighbour,
    );
  }

  *#resolveAndMake(verb: NeighbourVerb, neighbour: NewNeighbour): Steps<void> {
    return yield* last(newNeighbour(verb, yield* withIndexes(neighbour, REFS, 'neighbour')));
  }

  /** Deletes an entry; ENOENT when there is none. */
  delete(neighbour: NewNeighbour, options?: CallOptions): Result<M, void> {
    return this.#run.one(
      (neighbour: NewNeighbour) =>
        hasNames(neighbour, REFS, 'neighbour')
          ? this.#delete(neighbour)
          : deleteNeighbour(neighbour as NeighbourAttrsIn),
      options,
      neighbour,
    );
  }

  *#delete(neighbour: NewNeighbour): Steps<void> {
    return yield* last(deleteNeighbour(yield* withIndexes(neighbour, REFS, 'neighbour')));
  }

  /** One entry; ENOENT when there is none. */
  get(lookup: NeighbourLookup, options?: CallOptions): Result<M, Neighbour> {
    return this.#run.one(
      (lookup: NeighbourLookup) =>
        hasNames(lookup, REFS, 'neighbour') ? this.#get(lookup) : getNeighbour(lookup as IndexedLookup),
      options,
      lookup,
    );
  }

  *#get(lookup: NeighbourLookup): Steps<Neighbour> {
    return yield* last(getNeighbour((yield* withIndexes(lookup, REFS, 'neighbour')) as unknown as IndexedLookup));
  }

  /** All entries, or those that the filter says. */
  list(filter: NeighbourFilter = {}, options?: CallOptions): List<M, Neighbour> {
    return this.#run.list(
      (filter: NeighbourFilter) =>
        hasNames(filter, REFS, 'neighbour') ? this.#list(filter) : listNeighbours(filter as IndexedFilter),
      options,
      filter,
    );
  }

  *#list(filter: NeighbourFilter): Steps<Request<Neighbour>> {
    return listNeighbours(yield* withIndexes(filter, REFS, 'neighbour'));
  }

  /** Deletes all entries that `list` gives for this filter, which has to say something; as with `ip neigh flush`, permanent and noarp ones only when `state` asks for them. */
  flush(filter: NeighbourFilter, options?: CallOptions): Result<M, void> {
    return this.#run.one((filter: NeighbourFilter) => this.#flush(filter), options, filter);
  }

  *#flush(filter: NeighbourFilter): Steps<void> {
    checkNeighbourFilter(filter);
    checkNarrows(filter, 'neighbour');
    const neighbours = yield* kept(listNeighbours(yield* withIndexes(filter, REFS, 'neighbour')));
    yield* many(deletions(neighbours, filter), 'ENOENT');
  }
}
