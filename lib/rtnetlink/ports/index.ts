/** What links have as ports of a master, by the master's kind. One file a kind, as in `kinds/`. */
import type { AttrSet, AttrsIn, AttrsOut, Rows } from '../../wire/attrs.js';
import * as all from './all.js';

/** Tables by the name in IFLA_INFO_SLAVE_KIND. A function, since a kind may refer to the table of links that refers to it. */
export const tables = (): Readonly<Record<string, AttrSet<Rows>>> => all;

type Tables = typeof all;
/** The kinds of master with a table for their ports. */
export type PortKind = keyof Tables;
export type PortIn<K extends PortKind> = K extends PortKind
  ? Tables[K] extends AttrSet<infer T>
    ? AttrsIn<T>
    : never
  : never;
export type PortOut<K extends PortKind> = K extends PortKind
  ? Tables[K] extends AttrSet<infer T>
    ? AttrsOut<T>
    : never
  : never;
