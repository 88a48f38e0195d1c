/** Network namespaces for tests: each test has fresh ones, and they are gone when it ends, however it ends. */
import { release } from 'node:os';
import { Netns } from '../../lib/namespaces/netns.js';
import { Rtnetlink } from '../../lib/rtnetlink/client.js';

/** A namespace and a client in it. */
export interface Sandbox {
  readonly netns: Netns;
  readonly client: Rtnetlink;
}

/** Who is not root tests in namespaces in which he is. */
export const rootless = process.getuid!() !== 0;

/** Why this process cannot become another user, if so. */
export const notRoot: string | undefined = rootless ? 'needs root, to become somebody else' : undefined;

/** A namespace such as this user can have. */
export function newNetns(options: { readonly loopback?: boolean } = {}): Promise<Netns> {
  return Netns.create({ ...options, rootless });
}

/** The same at once. */
export function newNetnsSync(options: { readonly loopback?: boolean } = {}): Netns {
  return Netns.createSync({ ...options, rootless });
}

/** Why a namespace can have no name here, if so. */
export const noNames: string | undefined = rootless ? 'names are files in /run/netns, which is root’s' : undefined;

/** Why no namespace can be made here, if so. */
export const noNetns: string | undefined = (() => {
  try {
    newNetnsSync().close();
    return undefined;
  } catch (error) {
    return `no network namespaces: ${(error as Error).message}`;
  }
})();

/** Why there is not this kernel or a later one, if so. */
export function olderThan(major: number, minor: number): string | undefined {
  const [hereMajor = 0, hereMinor = 0] = release().split('.').map(Number);
  return hereMajor > major || (hereMajor === major && hereMinor >= minor) ? undefined : `needs Linux ${major}.${minor}`;
}

async function openSandbox(): Promise<Sandbox> {
  const netns = await newNetns();
  return { netns, client: await Rtnetlink.open({ netns }) };
}

function closeSandbox({ netns, client }: Sandbox): void {
  client.close();
  netns.close();
}

/** Runs `body` in a fresh namespace, or with several. */
export async function inSandbox(body: (sandbox: Sandbox) => Promise<void>): Promise<void> {
  const sandbox = await openSandbox();
  try {
    await body(sandbox);
  } finally {
    closeSandbox(sandbox);
  }
}

/** Whether `attempt` works in a namespace of its own: undefined, or why not, for `testUnless`. */
export async function unavailable(
  what: string,
  attempt: (client: Rtnetlink) => Promise<unknown>,
): Promise<string | undefined> {
  if (noNetns !== undefined) return noNetns;
  const sandbox = await openSandbox();
  try {
    await attempt(sandbox.client);
    return undefined;
  } catch (error) {
    return `${what}: ${(error as Error).message}`;
  } finally {
    closeSandbox(sandbox);
  }
}
