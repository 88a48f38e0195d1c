import type { CallOptions } from '../netlink/options.js';
import type { Request } from '../netlink/request.js';
import { all, last, many, type List, type Mode, type Result, type Runner, type Steps } from '../netlink/runner.js';
import {
  checkAddressFilter,
  deleteAddress,
  listAddresses,
  newAddress,
  type Address,
  type AddressFilter,
  type AddressVerb,
  type NewAddress,
} from './address.js';
import type { AddressAttrsIn } from './address-attrs.js';
import { CodecError } from '../errors.js';
import { checkNarrows } from './filters.js';
import { hasNames, withIndexes } from './resolve.js';

const REFS = ['link'];
type IndexedFilter = Parameters<typeof listAddresses>[0];

/** IP addresses of links. `ip address`. */
export class Addresses<M extends Mode> {
  readonly #run: Runner<M>;

  constructor(run: Runner<M>) {
    this.#run = run;
  }

  /** Gives a link an address; EEXIST when it has it. */
  add(address: NewAddress, options?: CallOptions): Result<M, void> {
    return this.#make('add', address, options);
  }

  /** The same, or changes the lifetimes, the metric and the protocol of the address that is there. */
  replace(address: NewAddress, options?: CallOptions): Result<M, void> {
    return this.#make('replace', address, options);
  }

  #make(verb: AddressVerb, address: NewAddress, options?: CallOptions): Result<M, void> {
    return this.#run.one(
      (address: NewAddress) =>
        hasNames(address, REFS, 'address')
          ? this.#resolveAndMake(verb, address)
          : newAddress(verb, address as AddressAttrsIn),
      options,
      address,
    );
  }

  *#resolveAndMake(verb: AddressVerb, address: NewAddress): Steps<void> {
    return yield* last(newAddress(verb, yield* withIndexes(address, REFS, 'address')));
  }

  /**
   * Takes an address away; EADDRNOTAVAIL when the link does not have it. With an IPv4 primary address the kernel takes the
   * secondaries of its subnet, unless the sysctl `net.ipv4.conf.LINK.promote_secondaries` is on.
   */
  delete(address: NewAddress, options?: CallOptions): Result<M, void> {
    return this.#run.one(
      (address: NewAddress) =>
        hasNames(address, REFS, 'address') ? this.#delete(address) : deleteAddress(address as AddressAttrsIn),
      options,
      address,
    );
  }

  *#delete(address: NewAddress): Steps<void> {
    return yield* last(deleteAddress(yield* withIndexes(address, REFS, 'address')));
  }

  /** All addresses, or those that the filter says. */
  list(filter: AddressFilter = {}, options?: CallOptions): List<M, Address> {
    return this.#run.list(
      (filter: AddressFilter) =>
        hasNames(filter, REFS, 'address') ? this.#list(filter) : listAddresses(filter as IndexedFilter),
      options,
      filter,
    );
  }

  *#list(filter: AddressFilter): Steps<Request<Address>> {
    checkAddressFilter(filter);
    return listAddresses(yield* withIndexes(filter, REFS, 'address'));
  }

  /**
   * Deletes all addresses that `list` gives for this filter, which has to say something. By `label` it may take more: with
   * an IPv4 primary address the kernel takes the secondaries of its subnet, whatever their label, see `delete`.
   */
  flush(filter: AddressFilter, options?: CallOptions): Result<M, void> {
    return this.#run.one((filter: AddressFilter) => this.#flush(filter), options, filter);
  }

  *#flush(filter: AddressFilter): Steps<void> {
    checkAddressFilter(filter);
    checkNarrows(filter, 'address');
    if (filter.targetNetnsId !== undefined)
      throw new CodecError(
        'address.targetNetnsId',
        'is only for lists: the kernel deletes addresses of this namespace',
      );
    const addresses = yield* all(listAddresses(yield* withIndexes(filter, REFS, 'address')));
    // With a primary address go its secondaries, unless net.ipv4.conf.*.promote_secondaries: so these go first.
    const secondaryFirst = [...addresses].sort(
      (a, b) => Number(b.flags?.includes('secondary') ?? false) - Number(a.flags?.includes('secondary') ?? false),
    );
    yield* many(
      secondaryFirst.map((address) => deleteAddress(address as AddressAttrsIn)),
      'EADDRNOTAVAIL',
    );
  }
}
