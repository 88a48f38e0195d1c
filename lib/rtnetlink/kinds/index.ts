/**
 * The kinds of link that have a table: one line each here, one file each beside this one.
 *
 * The tables are exported, not collected in an object, so that their types stay references in the published
 * declarations.
 */
import type { AttrSet, AttrsIn, AttrsOut, Rows } from '../../wire/attrs.js';
import * as all from './all.js';

/** Tables by the name in IFLA_INFO_KIND. A function, since a kind may refer to the table of links that refers to it. */
export const tables = (): Readonly<Record<string, AttrSet<Rows>>> => all;

type Tables = typeof all;
/** The kinds of link with a table. */
export type Kind = keyof Tables;

/** The data of a kind, as written. */
export type DataIn<K extends Kind> = K extends Kind ? (Tables[K] extends AttrSet<infer T> ? AttrsIn<T> : never) : never;
/** The data of a kind, as read. */
export type DataOut<K extends Kind> = K extends Kind
  ? Tables[K] extends AttrSet<infer T>
    ? AttrsOut<T>
    : never
  : never;
