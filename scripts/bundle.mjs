// Bundles what tsc made of lib/ into a few files in dist/: Node.js takes four times as long to load a hundred small modules.
// Does nothing when the bundles are newer than that.
import { copyFileSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { rollup } from 'rollup';
import ts from 'typescript';
import { root } from './lib.mjs';

const compiled = join(root, 'out/lib');
const dist = join(root, 'dist');
// As in "exports" of package.json. What is large and not for every program is an entry of its own: most of the time that
// loading takes goes into compiling.
const entries = ['index', 'testing', 'process/index', 'mount/index', 'cgroup/index'];
/**
 * What several entries stand on, layers 0 to 2; what `testing` writes messages with; and programs of system calls. A `late`
 * one is for some programs only, too, but part of the main entry: loaded when the first of its functions is called. What
 * that and others need has to be in a chunk that is not.
 */
const chunks = [
  {
    name: 'foundation',
    modules: /^(native|wire|netlink)\/|^system-calls\/constants|^namespaces\/(open|names)\.|^(?!index|testing)[^/]*$/,
  },
  { name: 'addressing', modules: /^rtnetlink\/address(es|-attrs)?\./, late: true },
  {
    name: 'linking',
    modules:
      /^rtnetlink\/(kinds|ports)\/|^rtnetlink\/(link(s|-attrs|-flags|-stats)?|af-spec|arphrd|bridge-id|vlan-protocol|address-pair)\./,
    late: true,
  },
  { name: 'neighbouring', modules: /^rtnetlink\/(neighbour|fdb)/, late: true },
  { name: 'routing', modules: /^rtnetlink\/route(s|-attrs)?\./, late: true },
  { name: 'rtnetlink', modules: /^rtnetlink\// },
  { name: 'system-calls', modules: /^system-calls\// },
  { name: 'surveying', modules: /^namespaces\/(survey|proc|nsid|pins)\./, late: true },
  {
    name: 'sockets',
    modules: /^namespaces\/(agent|dns-message|packet|resolver|sockaddr|sockets|tun|whole-packets)/,
    late: true,
  },
];
const loader = join(compiled, 'native/native.cjs');

const last = join(dist, 'cjs/package.json');
const bundledAt = existsSync(last) ? statSync(last).mtimeMs : 0;
const inputs = readdirSync(compiled, { recursive: true })
  .filter((name) => /\.c?js$/.test(name))
  .map((name) => join(compiled, name));

if ([...inputs, join(root, 'scripts/bundle.mjs')].some((path) => statSync(path).mtimeMs > bundledAt)) {
  const bundle = await rollup({
    input: Object.fromEntries(entries.map((entry) => [entry, join(compiled, `${entry}.js`)])),
    external: /^node:/,
    plugins: [keepSourceMaps(), withoutComments(), loaderApart(), loadingLate()],
    onwarn: ({ code, message }) => {
      // Attribute tables nest in each other: a veth link's data holds a link. Late chunks need what needs them. What tsc
      // makes of `using` looks at `this`.
      if (!['CIRCULAR_DEPENDENCY', 'CIRCULAR_CHUNK', 'THIS_IS_UNDEFINED'].includes(code)) throw new Error(message);
    },
  });
  const { output } = await bundle.write({
    dir: join(dist, 'cjs'),
    format: 'cjs',
    manualChunks: (id) => chunks.find(({ modules }) => modules.test(relative(compiled, id)))?.name,
    chunkFileNames: '[name].js',
    hoistTransitiveImports: false,
    sourcemap: true,
  });
  for (const { isEntry, fileName, exports } of output) if (isEntry) writeWrapper(fileName, exports);
  await bundle.close();

  copyFileSync(loader, join(dist, 'native.cjs'));
  // What Node.js and TypeScript go by, in a package whose "type" is "module".
  writeFileSync(last, '{ "type": "commonjs" }\n');
}

/** Hands the maps that tsc wrote on, so that the bundle's maps lead to lib/. */
function keepSourceMaps() {
  return {
    name: 'keep-source-maps',
    load: (id) => ({ code: readFileSync(id, 'utf8'), map: JSON.parse(readFileSync(`${id}.map`, 'utf8')) }),
  };
}

/** Comments are half of the code, and take time whenever it is loaded; editors have them in the declarations. */
function withoutComments() {
  const compilerOptions = { removeComments: true, sourceMap: true, target: 'ES2022', module: 'ESNext' };
  return {
    name: 'without-comments',
    transform(code, fileName) {
      const { outputText, sourceMapText } = ts.transpileModule(code, { fileName, compilerOptions });
      return { code: outputText, map: JSON.parse(sourceMapText) };
    },
  };
}

/** The loader is CommonJS in both builds and stays a file of its own. */
function loaderApart() {
  return {
    name: 'loader-apart',
    resolveId: (source) => (source.endsWith('/native.cjs') ? { id: '../native.cjs', external: true } : null),
  };
}

/** Has late chunks required by the first use of what they export: also where an object that is made before has it for a value. */
function loadingLate() {
  const late = chunks.filter(({ late }) => late);
  return {
    name: 'loading-late',
    renderChunk(code) {
      for (const { name } of late) {
        const load = `require('./${name}.js')`;
        code = code
          .replace(`\n${load};`, '')
          .replace(load, `new Proxy({}, { get(_, name) { return (this.loaded ??= ${load})[name]; } })`)
          .replace(new RegExp(`^( +)(\\w+): (${name}\\.\\w+)(,?)$`, 'gm'), '$1get $2() { return $3; }$4');
      }
      return { code, map: null };
    },
  };
}

/**
 * The ES module of an entry: the CommonJS one's exports. So there is one copy of every class in a process, however it is
 * loaded; and `require` takes Node.js less long than `import` of as much.
 */
function writeWrapper(fileName, exports) {
  const module = join(dist, 'esm', fileName);
  const target = relative(dirname(module), join(dist, 'cjs', fileName));
  writeFileSync(
    module,
    `import { createRequire } from 'node:module';
export const { ${exports.join(', ')} } = createRequire(import.meta.url)('${target}');
`,
  );
}
