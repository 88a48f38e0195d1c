/** Making links: in one request, or in several where the kernel takes something only later. */
import { CodecError, KernelError } from '../errors.js';
import { elsewhere, type Place } from '../netlink/elsewhere.js';
import { encodeRequest, type Request } from '../netlink/request.js';
import { last, one, type Steps } from '../netlink/runner.js';
import { show } from '../wire/codec.js';
import {
  addLink,
  addLinkWithEcho,
  changeAltNames,
  changeLink,
  deleteLink,
  getLink,
  isSure,
  NO_PEER,
  peerOf,
  type Link,
} from './link.js';
import { checkPeer, parted, type Parted } from './later.js';
import type { LinkAttrsIn } from './link-attrs.js';
import type { LinkRef } from './link-index.js';

/** Whether one request makes the link, and its error says what is wrong. */
export function isSimple(link: LinkAttrsIn): boolean {
  return isSure(link) && parted(link).first === link && peerOf(link) === NO_PEER;
}

/** Where a new link goes, if not into this namespace; `undefined` in place of what nobody here can open. */
function placeOf({ netns, netnsPid, targetNetnsId }: LinkAttrsIn): { readonly place: Place | undefined } | undefined {
  if (netns !== undefined) return { place: netns };
  if (netnsPid !== undefined) return { place: { pid: netnsPid } };
  return targetNetnsId === undefined ? undefined : { place: undefined };
}

/** A request in another namespace, or in this one. */
function* at<T>(place: Place | undefined, request: Request<T>): Steps<T> {
  return place === undefined ? yield* one(request) : yield* elsewhere(place, request);
}

/** Whether an error says that something is taken, and nothing of what. */
function isTaken(error: unknown): error is KernelError {
  return (
    error instanceof KernelError &&
    error.code === 'EEXIST' &&
    error.path === undefined &&
    error.kernelMessage === undefined
  );
}

/** The error with what is taken already, which the kernel does not say. */
function* atTaken(error: KernelError, link: LinkAttrsIn): Steps<unknown> {
  const { name, index } = link;
  try {
    if (name !== undefined && (yield* isThere(name))) return error.at('link.name', name);
    if (index !== undefined && (yield* isThere(index))) return error.at('link.index', index);
    const peer = peerOf(link);
    // The kernel looks at the index of the other end, too, and that may be what is taken.
    if (link.kind === 'veth' && peer.name !== undefined && peer.index === undefined)
      return error.at(`link.data(${link.kind}).peer.name`, peer.name);
  } catch {
    // Then it stays with what the kernel said.
  }
  return error;
}

function* isThere(ref: LinkRef, place?: Place): Steps<boolean> {
  try {
    yield* at(place, getLink(ref));
    return true;
  } catch (error) {
    if (error instanceof KernelError && error.code === 'ENODEV') return false;
    throw error;
  }
}

/** A name that nobody has, for a moment. */
function passingName(): string {
  return `nl${Math.random().toString(36).slice(2, 13)}`;
}

/**
 * Creates a link that goes to another namespace under a name that a link here has, too. Before Linux 6.14 the kernel
 * looks the name up here: so it gets another one, and is renamed there. Kernel: net/core/rtnetlink.c, __rtnl_newlink.
 */
function* addAndRename<T>(link: LinkAttrsIn, place: Place, request: (link: object) => Request<T>): Steps<T> {
  const name = passingName();
  const { name: wanted, up, flags, ...rest } = link;
  const answer = yield* one(request(Object.assign({}, rest, { name })));
  const { index } = yield* elsewhere(place, getLink(name));
  try {
    yield* elsewhere(place, changeLink({ index, name: wanted, up, flags }));
  } catch (error) {
    yield* remove(index, place);
    throw error;
  }
  return answer;
}

/** A new link in its namespace; errors say what is taken. `isWhole`: it gets nothing in further requests. */
function* create<T>(link: LinkAttrsIn, request: (link: object) => Request<T>, isWhole: boolean): Steps<T> {
  try {
    return yield* isWhole && placeOf(link) === undefined ? last(request(link)) : one(request(link));
  } catch (error) {
    if (!isTaken(error)) throw error;
    const there = placeOf(link);
    if (there === undefined) throw yield* atTaken(error, link);
    const { place } = there;
    const { name } = link;
    if (place === undefined || name === undefined) throw error;
    if (yield* isThere(name, place)) throw error.at('link.name', name);
    if (!(yield* isThere(name))) throw error;
    return yield* addAndRename(link, place, request);
  }
}

/** What is wrong with the values themselves is found before there is a link. */
function checkLater({ later, altNames }: Parted): void {
  checkAltNames(altNames);
  if (later !== undefined && (later.port === undefined || later.portKind !== undefined))
    encodeRequest(changeLink(Object.assign({ index: 1 }, later)));
}

/** Deletes a link that could not be completed; the error that comes says why. */
function* remove(index: number, place: Place | undefined): Steps<void> {
  try {
    yield* at(place, deleteLink({ index }));
  } catch {
    // It has gone by itself, or the call was given up.
  }
}

/** Gives a new link what it did not take at once; if it does not take that, it goes again. */
function* complete(index: number, place: Place | undefined, { later, altNames }: Parted): Steps<void> {
  try {
    if (later !== undefined) {
      const needsKind = later.port !== undefined && later.portKind === undefined;
      const kind = needsKind ? portKindOf(yield* at(place, getLink(index))) : {};
      try {
        yield* at(place, changeLink(Object.assign({ index }, later, kind)));
      } catch (error) {
        throw withOnlyKey(error, later);
      }
    }
    if (altNames.length > 0) yield* at(place, changeAltNames('add', index, altNames));
  } catch (error) {
    yield* remove(index, place);
    throw error;
  }
}

function portKindOf({ portKind }: Link): { readonly portKind: string | undefined } {
  return { portKind };
}

/** If only one thing was asked for, that is what went wrong. */
function withOnlyKey(error: unknown, asked: LinkAttrsIn): unknown {
  const keys = Object.keys(asked).filter((key) => asked[key as keyof LinkAttrsIn] !== undefined && key !== 'portKind');
  const [key] = keys;
  return error instanceof KernelError && error.path === undefined && error.missing === undefined && keys.length === 1
    ? error.at(`link.${key}`, asked[key as keyof LinkAttrsIn])
    : error;
}

export function checkAltNames(names: unknown): void {
  if (!Array.isArray(names)) throw new CodecError('link.altNames', `takes an array, not ${show(names)}`);
  for (const [i, name] of (names as readonly unknown[]).entries())
    if (typeof name !== 'string' || name === '' || Buffer.byteLength(name) > 127 || name.includes('\0'))
      throw new CodecError(`link.altNames[${i}]`, `takes a name of 1 to 127 bytes, not ${show(name)}`);
}

/** A new link, and in it all that it says; other links by their indexes. */
export function* createLink(link: LinkAttrsIn): Steps<void> {
  const parts = checkedParts(link);
  if (parts.later === undefined && parts.altNames.length === 0) return yield* create(parts.first, addLink, true);
  const place = placeToComplete(link);
  checkLater(parts);
  // By its index: its name may be another's by then, or have been before, if this one was not made.
  const made = yield* create(parts.first, addLinkWithEcho, false);
  const index = made?.index ?? (yield* at(place, getLink(link.name ?? Number(link.index)))).index;
  yield* complete(index, place, parts);
}

/** A new link as the kernel sends it back. */
export function* createWithEcho(link: LinkAttrsIn): Steps<Link | undefined> {
  const { first, later, altNames } = checkedParts(link);
  if (altNames.length > 0) throw new CodecError('link.altNames', 'cannot be given here, but to add');
  for (const key in later) throw new CodecError(`link.${key}`, 'cannot be given here, but to add');
  return yield* create(first, addLinkWithEcho, true);
}

function checkedParts(link: LinkAttrsIn): Parted {
  const peer = peerOf(link);
  if (peer !== NO_PEER) checkPeer(peer, `link.data(${link.kind}).peer`);
  return parted(link);
}

/** Where to find a new link again. */
function placeToComplete(link: LinkAttrsIn): Place | undefined {
  const there = placeOf(link);
  if (there !== undefined && there.place === undefined)
    throw new CodecError('link.targetNetnsId', 'takes only what is given at creation: set the rest from inside');
  if (link.name === undefined && link.index === undefined)
    throw new CodecError('link.name', 'is missing, by which to find the link to give it the rest');
  return there?.place;
}
