/** The examples in the documentation compile. */
import { resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import ts from 'typescript';
import { examples } from '../support/documentation.js';

const { config } = ts.readConfigFile('tsconfig.json', (path) => ts.sys.readFile(path)) as { config: object };
const { options } = ts.parseJsonConfigFileContent({ ...config, files: ['lib/index.ts'], include: [] }, ts.sys, '.');

/** Modules that exist in memory only, in the folder of the package. */
const modules = new Map(examples.map(({ code }, index) => [resolve(`example-${index}.ts`), code]));

const host = ts.createCompilerHost(options);
const { fileExists, readFile, getSourceFile } = host;
host.fileExists = (path) => modules.has(path) || fileExists(path);
host.readFile = (path) => modules.get(path) ?? readFile(path);
host.getSourceFile = (path, language, ...rest) => {
  const code = modules.get(path);
  return code === undefined ? getSourceFile(path, language, ...rest) : ts.createSourceFile(path, code, language);
};

const program = ts.createProgram([...modules.keys()], { ...options, incremental: false, noUnusedLocals: false }, host);

test.each(examples.map(({ where }, index) => [where, index]))('%s', (_where, index) => {
  const diagnostics = ts.getPreEmitDiagnostics(program, program.getSourceFile(resolve(`example-${index}.ts`)));
  expect(ts.formatDiagnostics(diagnostics, host)).toBe('');
});
