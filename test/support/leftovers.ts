/** What the tests of a file leave behind: nothing. */
import { afterAll, beforeAll, expect } from '@jest/globals';
import { readdirSync, readlinkSync } from 'node:fs';
import { Netns } from '../../lib/namespaces/netns.js';

/** Descriptors of sockets, namespaces, epoll and the like; files and pipes are the test runner's. */
export function openDescriptors(): string[] {
  const found: string[] = [];
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      if (/^(socket|net|anon_inode):|nsfs|netns|\/ns\//.test(target)) found.push(`${fd} ${target}`);
    } catch {
      // The descriptor of the folder itself.
    }
  }
  return found;
}

export function threadCount(): number {
  return readdirSync('/proc/self/task').length;
}

/** The namespaces of a type that threads of this process are in, each once; one that has just ended counts for a moment. */
export function threadNamespaces(type = 'net'): string[] {
  const found = new Set<string>();
  for (const thread of readdirSync('/proc/self/task')) {
    try {
      found.add(readlinkSync(`/proc/self/task/${thread}/ns/${type}`));
    } catch {
      // The thread has ended since.
    }
  }
  return [...found];
}

/** Until `holds`, which becomes true soon: sockets of Node.js, say, close in the next turns of the event loop. */
export async function until(holds: () => boolean, milliseconds = 30_000): Promise<boolean> {
  const end = Date.now() + milliseconds;
  while (!holds() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 1));
  return holds();
}

/** Whether all threads of this process are, soon, in the same namespace of a type as the process. */
export function threadsAreHome(type = 'net'): Promise<boolean> {
  const home = readlinkSync(`/proc/self/ns/${type}`);
  return until(() => threadNamespaces(type).join() === home);
}

/** Asserts, after the file's tests, that there are no more names of namespaces and no more descriptors than before. */
export function leavesNothing(): void {
  let names: string[] = [];
  let descriptors: string[] = [];
  beforeAll(() => {
    names = Netns.list();
    descriptors = openDescriptors();
  });
  afterAll(async () => {
    const left = () => openDescriptors().filter((each) => !descriptors.includes(each));
    await until(() => left().length === 0);
    expect(left()).toEqual([]);
    expect(Netns.list()).toEqual(names);
  });
}
