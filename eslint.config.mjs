// The rules of the code. The first part is the architecture: which folder of lib/ may import which (ARCHITECTURE.md).
import { defineConfig, globalIgnores } from 'eslint/config';
import ts from 'typescript-eslint';

const families = [
  'rtnetlink',
  'nftables',
  'conntrack',
  'genetlink',
  'sockdiag',
  'namespaces',
  'process',
  'mount',
  'cgroup',
];

/** Per folder of lib/: the folders it may import any file of, and those it may only import the index.js of. */
const layers = {
  native: { any: [] },
  wire: { any: [] },
  netlink: { any: ['native', 'wire'] },
  'system-calls': { any: ['native', 'wire'] },
  ...Object.fromEntries(families.map((family) => [family, { any: ['native', 'wire', 'netlink', 'system-calls'] }])),
  helpers: { any: [], index: families },
  cnm: { any: [], index: [...families, 'helpers'] },
};
const folders = Object.keys(layers);

/** Above lib/wire/, and what a library of system calls can do without. */
const node = {
  never: { regex: '^(node:)?child_process$', message: 'netlace starts no process: that is its point.' },
  prefix: {
    regex: '^(?!node:|\\.{1,2}/)',
    message: 'netlace has no runtime dependencies; Node.js modules are node:*.',
  },
  testing: { regex: '/testing(/|\\.js$)', message: 'lib/testing/ is for tests: nothing of the library imports it.' },
  none: { regex: '^node:', message: 'lib/wire/ is pure: it knows no Node.js module.' },
};

const layerRules = folders.map((folder) => {
  const { any, index = [] } = layers[folder];
  const forbidden = folders.filter((other) => other !== folder && !any.includes(other) && !index.includes(other));
  const patterns = [
    node.never,
    node.prefix,
    node.testing,
    {
      regex: `/(${forbidden.join('|')})/`,
      message: `lib/${folder}/ may import ${[...any, ...index.map((name) => `${name}/index`)].join(', ') || 'no other folder'}.`,
    },
  ];
  if (folder === 'wire') patterns.push(node.none);
  if (index.length > 0) {
    patterns.push({
      regex: `/(${index.join('|')})/(?!index\\.js$)`,
      message: `lib/${folder}/ stands on the public clients: import the folder's index.js.`,
    });
  }
  return { files: [`lib/${folder}/**/*.{ts,cts}`], rules: { 'no-restricted-imports': ['error', { patterns }] } };
});

export default defineConfig(
  globalIgnores(['build', 'dist', 'out', 'docs/api', 'prebuilds', 'test/consumers']),

  {
    files: ['**/*.{ts,cts}'],
    extends: [ts.configs.recommendedTypeChecked, ts.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-deprecated': 'error',
      // `bytes[at]!` costs nothing at run time; a check for what cannot be missing does.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Codecs pass the functions of literal objects on; none of them uses `this`.
      '@typescript-eslint/unbound-method': 'off',
      // What was caught is passed on as it is.
      '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingUnknown: true }],
      // What implements an interface is asynchronous, or does nothing, where another implementation is not.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      // An interface says less than a type where the keys are a table's.
      '@typescript-eslint/consistent-type-definitions': 'off',
      // `{ readonly [Name in Names]?: boolean }` says in one go what takes Readonly<Partial<Record<...>>> otherwise.
      '@typescript-eslint/consistent-indexed-object-style': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // `process.env['NAME']`: an index signature is read as one.
      '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
    },
  },

  {
    files: ['lib/**/*.{ts,cts}'],
    rules: { 'no-restricted-imports': ['error', { patterns: [node.never, node.prefix] }], 'no-console': 'error' },
  },
  ...layerRules,
  {
    // What runs for each request.
    files: ['lib/{netlink,rtnetlink,namespaces,process,system-calls,helpers}/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: ':function ObjectExpression > SpreadElement:first-child ~ *',
          message:
            'V8 of Node.js 20 makes a hidden class anew for what comes behind a spread: Object.assign({}, a, { b }), or { b, ...a }.',
        },
      ],
    },
  },
  {
    // Loading an addon takes `require`, in a CommonJS file.
    files: ['lib/native/native.cts'],
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },

  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: {
      // Tests pass wrong values on purpose and look into JSON of other programs.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    // Compiled and never run: an expression is there for its type.
    files: ['test/types/**/*.ts'],
    rules: { '@typescript-eslint/no-unused-expressions': 'off' },
  },
);
