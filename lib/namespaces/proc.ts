import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { fileError } from './names.js';

/**
 * What /proc answers about processes that have ended meanwhile or are somebody else's. EINVAL: mountinfo of one that is
 * just ending; fs/proc_namespace.c, mounts_open_common.
 */
const NOTHING = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'EINVAL']);

function ifThere<T>(path: string, read: (path: string) => T): T | undefined {
  try {
    return read(path);
  } catch (error) {
    if (NOTHING.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw fileError(error, path);
  }
}

/** The text of a file in /proc; undefined when there is no such process any more, or it is not ours to look at. */
export function textOf(path: string): string | undefined {
  return ifThere(path, (file) => readFileSync(file, 'utf8'));
}

/** Where a link of /proc leads, likewise. */
export function linkOf(path: string): string | undefined {
  return ifThere(path, (link) => readlinkSync(link));
}

/** The entries of a folder of /proc that are numbers, in order: processes, or descriptors. None likewise. */
export function numbersIn(path: string): number[] {
  const names = ifThere(path, (folder) => readdirSync(folder)) ?? [];
  return names
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** What a process is called and whose it is. */
export interface ProcessInfo {
  readonly command: string | undefined;
  readonly uid: number | undefined;
}

/** The command line, or the name alone of a kernel thread; and the effective user, who is what counts. */
export function processInfo(pid: number): ProcessInfo {
  const status = textOf(`/proc/${pid}/status`) ?? '';
  const words = (textOf(`/proc/${pid}/cmdline`) ?? '').split('\0').filter((word) => word !== '');
  const name = /^Name:\t(.*)$/m.exec(status)?.[1];
  const uid = /^Uid:\t\d+\t(\d+)/m.exec(status)?.[1];
  return {
    command: words.length > 0 ? words.join(' ') : name,
    uid: uid === undefined ? undefined : Number(uid),
  };
}

/** Names of users, from /etc/passwd: other sources take the C library's plugins. */
export function userNames(): ReadonlyMap<number, string> {
  const lines = (textOf('/etc/passwd') ?? '').split('\n').reverse();
  // The first line of several with the same number counts.
  return new Map(
    lines.map((line) => line.split(':')).map(([name = '', , uid = '']) => [uid === '' ? -1 : Number(uid), name]),
  );
}
