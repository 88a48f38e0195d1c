/** What lists and flushes are narrowed by. The kernel takes 0 for "any" in most of these, and passes over families it does not know. */
import { CodecError } from '../errors.js';
import { checkObject, show } from '../wire/codec.js';
import { familyNumber } from './family.js';
import { AF_INET, AF_INET6 } from './constants.js';

/** Refuses what is no object, and members that do not narrow. `where` is what errors call the filter. */
export function checkFilter(filter: object, keys: readonly string[], where: string): void {
  checkObject(filter, where);
  for (const [key, value] of Object.entries(filter))
    if (!keys.includes(key) && value !== undefined)
      throw new CodecError(`${where}.${key}`, `is nothing to choose by; ${keys.join(', ')} are`);
}

/** Refuses a filter that leaves out nothing: what would be deleted may be more than was meant. */
export function checkNarrows(filter: object, where: string): void {
  checkObject(filter, where);
  for (const value of Object.values(filter)) if (value !== undefined && value !== false) return;
  throw new CodecError(where, 'says nothing of what to delete; all of a family are { family }');
}

/** Refuses what is no link: to the kernel 0 is any. */
export function checkLinkFilter(index: unknown, path: string): void {
  if (index === undefined || typeof index === 'string') return;
  if (typeof index !== 'number' || !Number.isInteger(index) || index < 1 || index > 0x7fffffff)
    throw new CodecError(path, `takes the name or the index of a link, not ${show(index)}`);
}

/** Refuses other families than IPv4 and IPv6: for 'unspec' and unknown ones the kernel gives all. */
export function checkIpFamily(family: unknown, path: string): void {
  if (family === undefined) return;
  const number = familyNumber(family, path);
  if (number !== AF_INET && number !== AF_INET6)
    throw new CodecError(path, `takes 'inet' or 'inet6', not ${show(family)}; without it both count`);
}

/** Refuses values that stand for "any" to the kernel. */
export function checkNotAny(value: unknown, any: readonly unknown[], path: string): void {
  if (any.includes(value)) throw new CodecError(path, `${show(value)} is any to the kernel: leave it out for that`);
}
