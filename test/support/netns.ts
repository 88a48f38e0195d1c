/** Network namespaces for tests: each test has fresh ones, and they are gone when it ends, however it ends. */
import { release } from 'node:os';
import { addon } from '../../lib/native/load.js';
import type { Descriptor } from '../../lib/native/addon.js';
import { Rtnetlink } from '../../lib/rtnetlink/client.js';

const CLONE_NEWNET = 0x40000000;

/** A namespace and a client in it. */
export interface Sandbox {
  readonly netns: Descriptor;
  readonly client: Rtnetlink;
}

/** Why no namespace can be made here, if so. */
export const noNetns: string | undefined = (() => {
  const made = addon.sync.unshare(CLONE_NEWNET);
  if ('errno' in made) return `no right to make network namespaces (errno ${made.errno})`;
  made.close();
  return undefined;
})();

/** Why there is not this kernel or a later one, if so. */
export function olderThan(major: number, minor: number): string | undefined {
  const [hereMajor = 0, hereMinor = 0] = release().split('.').map(Number);
  return hereMajor > major || (hereMajor === major && hereMinor >= minor) ? undefined : `needs Linux ${major}.${minor}`;
}

async function openSandbox(): Promise<Sandbox> {
  const netns = await addon.async.unshare(CLONE_NEWNET);
  if ('errno' in netns) throw new Error(`unshare: errno ${netns.errno}`);
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
