/**
 * The examples in the documentation: what stands between ```ts and ```, and in doc comments after `@example`. They are
 * type-checked (test/types) and run (test/kernel).
 *
 * One with imports is a whole program. One without finds the names of `SURROUNDINGS` around it, as the text there says.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

export interface Example {
  /** The file and the line that it begins in. */
  readonly where: string;
  /** A module. */
  readonly code: string;
  /** It shows what a program does, and not how this package is written. */
  readonly runs: boolean;
}

const PAGES = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md'];

const SURROUNDINGS = [
  "import { KernelError, Netns, Rtnetlink } from 'netlace';",
  "import { spawn } from 'netlace/process';",
  'await using netns = await Netns.create();',
  'await using client = await Rtnetlink.open({ netns });',
].join(' ');

function program(code: string): string {
  return /^import /m.test(code) ? code : `${SURROUNDINGS} ${code}`;
}

function examplesIn(name: string, text: string, fence: RegExp): Example[] {
  return [...text.matchAll(fence)].map((match) => {
    const where = `${name}:${text.slice(0, match.index).split('\n').length + 1}`;
    const code = program(match[1]!.replaceAll(/^ *\* ?/gm, ''));
    return { where, code, runs: !code.includes("from './lib/") };
  });
}

function read(name: string): string {
  return readFileSync(resolve(name), 'utf8');
}

export const examples: readonly Example[] = [
  ...PAGES.flatMap((page) => examplesIn(page, read(page), /^```ts\n(.*?)^```$/gms)),
  ...readdirSync('lib', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => examplesIn(`lib/${name}`, read(`lib/${name}`), /@example\n *\* ```ts\n(.*?)^ *\* ```$/gms)),
];
