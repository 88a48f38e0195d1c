// node test/kernels/table.mjs FOLDER: writes what `run --logs FOLDER` found into the tables of docs/kernels.md. A column is a
// kernel, a row a reason for which tests were skipped there, the number how many.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';

const DOCUMENT = new URL('../../docs/kernels.md', import.meta.url);
const START = '<!-- Made by test/kernels/table.mjs -->\n';
const END = '<!-- End -->';

/** What the log of one kernel says: see scripts/skip-reporter.mjs for the lines about what was skipped. */
function read(file) {
  const log = readFileSync(file, 'utf8');
  const [, release] = /^Linux (\S+)$/m.exec(log) ?? [];
  const [, passed, failed, skipped] = /^(\d+) passed, (\d+) failed, (\d+) skipped$/m.exec(log) ?? [];
  if (release === undefined || passed === undefined) throw new Error(`${file} has no totals: the run did not end`);
  const skips = new Map();
  for (const [, reason, lines] of log.matchAll(/^Skipped, (.*) \(\d+\):\n((?: {2}.*\n)+)/gm))
    skips.set(reason, lines.trim().split(/\n */));
  return { release, passed, failed, skipped, skips };
}

const byVersion = ({ release: a }, { release: b }) => a.localeCompare(b, 'en', { numeric: true });

/** A Markdown table, with numbers to the right. */
function table(kernels, head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const titles = kernels.map(({ name }) => `\`${name}\``);
  return [line([head, ...titles]), line(['---', ...titles.map(() => '--:')]), ...rows.map(line)].join('\n');
}

const [, , folder] = process.argv;
if (folder === undefined) throw new Error('which folder? node test/kernels/table.mjs FOLDER');

const kernels = readdirSync(folder)
  .filter((name) => name.endsWith('.log'))
  .map((name) => ({ name: name.slice(0, -'.log'.length), ...read(join(folder, name)) }))
  .sort(byVersion);

const testsOf = (reason) => kernels.flatMap(({ skips }) => skips.get(reason) ?? []);
const reasons = [...new Set(kernels.flatMap(({ skips }) => [...skips.keys()]))].sort(
  (a, b) => testsOf(b).length - testsOf(a).length || a.localeCompare(b, 'en', { numeric: true }),
);
/** Text, whatever of it Markdown would read as something else. */
const plain = (text) => text.replaceAll(/[\\`*_{}[\]<>|]/g, '\\$&');

const counts = ['release', 'passed', 'failed', 'skipped'].map((what) => [
  what,
  ...kernels.map((kernel) => kernel[what]),
]);
const skips = reasons.map((reason) => [
  plain(reason),
  ...kernels.map((kernel) => kernel.skips.get(reason)?.length ?? ''),
]);
const names = reasons.map((reason) => `- ${plain(reason)}: ${[...new Set(testsOf(reason))].map(plain).join('; ')}.`);

const document = readFileSync(DOCUMENT, 'utf8');
const start = document.indexOf(START);
const end = document.indexOf(END);
if (start === -1 || end < start) throw new Error(`docs/kernels.md has no ${START.trim()} and ${END} behind it`);
const parts = [
  table(kernels, 'tests', counts),
  table(kernels, 'skipped, because', skips),
  '<details><summary>Which tests these are</summary>',
  names.join('\n'),
  '</details>',
];
const written = document.slice(0, start + START.length) + `\n${parts.join('\n\n')}\n\n` + document.slice(end);
const path = DOCUMENT.pathname;
writeFileSync(DOCUMENT, await format(written, { ...(await resolveConfig(path)), filepath: path }));
