// One jest project a suite: `npx jest --selectProjects unit`, or better `npm run test:unit -- pattern`, which builds first.
// Tests are ES modules and import the sources of lib/, not the build.

/** Types are stripped here, and checked by `npm run check`. */
const suites = ['unit', 'golden', 'types', 'uapi', 'kernel', 'oracle', 'fuzz', 'attacks'];

export default {
  // A busy machine is slow: a test that takes longer hangs.
  testTimeout: 60_000,
  projects: suites.map((suite) => ({
    displayName: suite,
    testMatch: [`<rootDir>/test/${suite}/**/*.test.ts`],
    testEnvironment: 'node',
    setupFiles: ['<rootDir>/test/support/preload.ts'],
    extensionsToTreatAsEsm: ['.ts'],
    moduleNameMapper: {
      '^(\\.{1,2}/.*)\\.js$': '$1',
      '^(\\.{1,2}/.*)\\.cjs$': '$1.cts',
      '^netlace$': '<rootDir>/lib/index.ts',
      '^netlace/testing$': '<rootDir>/lib/testing.ts',
    },
    moduleFileExtensions: ['ts', 'cts', 'mts', 'js', 'cjs', 'mjs', 'json', 'node'],
    transform: {
      '\\.c?ts$': ['ts-jest', { useESM: true, tsconfig: 'tsconfig.json' }],
    },
    modulePathIgnorePatterns: ['<rootDir>/(build|dist|out)'],
  })),
  reporters: ['default', '<rootDir>/scripts/skip-reporter.mjs'],
};
