import type { Mode, Runner } from '../netlink/runner.js';
import { Addresses } from './addresses.js';
import { FdbEntries } from './fdb-entries.js';
import { Links } from './links.js';
import { Neighbours } from './neighbours.js';
import { Routes } from './routes.js';

/** The objects of rtnetlink, either with promises or at once. */
export interface Nouns<M extends Mode> {
  /** Network devices, `ip link`. */
  readonly link: Links<M>;
  /** IP addresses of links, `ip address`. */
  readonly address: Addresses<M>;
  /** Routes, `ip route`. */
  readonly route: Routes<M>;
  /** Neighbours: the ARP and NDP tables, `ip neigh`. */
  readonly neighbour: Neighbours<M>;
  /** Forwarding databases of bridges and VXLAN links, `bridge fdb`. */
  readonly fdb: FdbEntries<M>;
}

/** Each is made when it is first asked for: the code for some is only loaded then. */
export class LazyNouns<M extends Mode> implements Nouns<M> {
  readonly #run: Runner<M>;
  /** For links: after a change of one, its name may be another's. */
  readonly #runLinks: Runner<M>;
  #link: Links<M> | undefined;
  #address: Addresses<M> | undefined;
  #route: Routes<M> | undefined;
  #neighbour: Neighbours<M> | undefined;
  #fdb: FdbEntries<M> | undefined;

  /** @internal */
  constructor(run: Runner<M>, runLinks: Runner<M>) {
    this.#run = run;
    this.#runLinks = runLinks;
  }

  /** Network devices, `ip link`. */
  get link(): Links<M> {
    return (this.#link ??= new Links(this.#runLinks));
  }

  /** IP addresses of links, `ip address`. */
  get address(): Addresses<M> {
    return (this.#address ??= new Addresses(this.#run));
  }

  /** Routes, `ip route`. */
  get route(): Routes<M> {
    return (this.#route ??= new Routes(this.#run));
  }

  /** Neighbours: the ARP and NDP tables, `ip neigh`. */
  get neighbour(): Neighbours<M> {
    return (this.#neighbour ??= new Neighbours(this.#run));
  }

  /** Forwarding databases of bridges and VXLAN links, `bridge fdb`. */
  get fdb(): FdbEntries<M> {
    return (this.#fdb ??= new FdbEntries(this.#run));
  }
}
