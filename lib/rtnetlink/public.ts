// The table of links comes first: kinds refer to it.
export type { LinkAttrsIn, LinkAttrsOut, KindData } from './link-attrs.js';
export { Rtnetlink, type RtnetlinkOptions } from './client.js';
export type { Nouns } from './nouns.js';
export type { Address, AddressFilter, NewAddress } from './address.js';
export type { Addresses } from './addresses.js';
export type { FdbEntry, FdbFilter, FdbFlush, FdbLookup, NewFdbEntry } from './fdb.js';
export type { FdbEntries } from './fdb-entries.js';
export type { Family } from './family.js';
export type { DataIn, DataOut, Kind } from './kinds/index.js';
export type { OtherKind, OtherPortKind } from './kinds/other.js';
export type { Link, LinkChange, LinkFilter, NewLink } from './link.js';
export type { LinkFlag, LinkFlagsIn } from './link-flags.js';
export type { LinkRef } from './link-index.js';
export type { Links } from './links.js';
export type { Neighbour, NeighbourFilter, NeighbourLookup, NewNeighbour } from './neighbour.js';
export type { Neighbours } from './neighbours.js';
export type { PortIn, PortKind, PortOut } from './ports/index.js';
export type { NewNexthop, NewRoute, Route } from './route.js';
export type { RouteTable } from './route-attrs.js';
export type { RouteProtocol, RouteType, Scope } from './route-enums.js';
export type { NewRouteLookup, RouteFilter, RouteToDelete, Routes } from './routes.js';
export {
  Watch,
  type ObjectEvent,
  type StateEvent,
  type Watched,
  type WatchedObject,
  type WatchEvent,
  type WatchOptions,
} from './watch.js';
export { watchAll } from './watch-all.js';
export * as requests from './requests.js';
