import type {
  Calls,
  Descriptor,
  ExchangeParameters,
  Failure,
  MadeNetns,
  MadeNetnsWith,
  NetlinkSocket,
} from '../native/addon.js';
import { addon } from '../native/load.js';
import { NETLINK_ROUTE } from '../netlink/constants.js';
import { REQUEST_OPTIONS } from '../netlink/kernel.js';
import { isFailure, orThrow } from '../netlink/system-call.js';

/** For the native call: whose rights the namespace is made with. */
const PRIVILEGED = -1;
const NEW_USER = -2;

/**
 * The user namespace that owns the namespaces made without root. They share one, as links between them take rights in both.
 * It lasts as long as this thread.
 */
let owner: Descriptor | undefined;
/** The first one is being made; the others wait for its user namespace. */
let making: Promise<unknown> | undefined;

function parameters(loopback: boolean, user: number): Parameters<Calls['newNetns']> {
  return [loopback ? 1 : 0, NETLINK_ROUTE, REQUEST_OPTIONS, user];
}

function keepOwner(made: MadeNetns | Failure): void {
  if (!isFailure(made)) owner ??= orThrow(addon.owningUserNamespace(made.netns.fd), 'the new user namespace');
}

/** Calls `make` with the rights of this process or with those that everybody has in a user namespace of his own. */
async function asUser<T extends MadeNetns>(
  rootless: boolean,
  make: (user: number) => Promise<T | Failure>,
): Promise<T | Failure> {
  if (!rootless) return make(PRIVILEGED);
  while (owner === undefined && making !== undefined) await making;
  if (owner !== undefined) return make(owner.fd);
  const first = make(NEW_USER);
  making = first;
  try {
    const made = await first;
    keepOwner(made);
    return made;
  } finally {
    making = undefined;
  }
}

/** A new network namespace. */
export function makeNetns(loopback: boolean, rootless: boolean): Promise<MadeNetns | Failure> {
  return asUser(rootless, (user) => addon.async.newNetns(...parameters(loopback, user)));
}

/** The same with exchanges, see the addon's `newNetnsWith`. */
export function makeNetnsWith(
  loopback: boolean,
  rootless: boolean,
  inside: ExchangeParameters,
  outside: readonly [socket: NetlinkSocket, ...ExchangeParameters] | readonly [],
): Promise<MadeNetnsWith | Failure> {
  return asUser(rootless, (user) => addon.newNetnsWith(...parameters(loopback, user), ...inside, ...outside));
}

export function makeNetnsSync(loopback: boolean, rootless: boolean): MadeNetns | Failure {
  if (!rootless) return addon.sync.newNetns(...parameters(loopback, PRIVILEGED));
  const made = addon.sync.newNetns(...parameters(loopback, owner?.fd ?? NEW_USER));
  keepOwner(made);
  return made;
}
