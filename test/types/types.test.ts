/**
 * What must and what must not compile. Every other file in this folder is compiled but never run: a line that must be
 * an error has `// @ts-expect-error` and the reason above it, and that comment is an error itself when there is none.
 */
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import ts from 'typescript';

const folder = resolve('test/types');
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  .map((name) => join(folder, name));

const { config } = ts.readConfigFile('tsconfig.json', (path) => ts.sys.readFile(path)) as { config: object };
const { options } = ts.parseJsonConfigFileContent({ ...config, files, include: [] }, ts.sys, process.cwd());
const program = ts.createProgram(files, { ...options, incremental: false, noUnusedLocals: false });

test.each(files.map((file) => [file.slice(folder.length + 1), file]))('%s', (_name, file) => {
  const diagnostics = ts.getPreEmitDiagnostics(program, program.getSourceFile(file));
  expect(ts.formatDiagnostics(diagnostics, host)).toBe('');
});

const host: ts.FormatDiagnosticsHost = {
  getCanonicalFileName: (name) => name,
  getCurrentDirectory: () => process.cwd(),
  getNewLine: () => '\n',
};
