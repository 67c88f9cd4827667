/**
 * Makes the image's scripts, `npm run build:image`: the program, and those that it loads only when it needs them. The first argument is the folder they go to. COMMIT, if it is set, is the commit that `--version`
 * names.
 */
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { licenseTexts } from "./license-texts.ts";

const ROOT = path.join(import.meta.dirname, "../..");
const FOLDER = path.resolve(process.argv[2] ?? path.join(ROOT, "dist/image"));
/** Scripts of their own: the simulator, for the verb `simulate`, keystores, for resources that ask for one, and the kubectl plugin. */
const APART = [
  { source: "src/simulator/command.ts", script: "atlas-simulator.mjs" },
  { source: "src/certificate/keystore.ts", script: "keystore.mjs" },
  { source: "src/kubectl/command.ts", script: "kubectl-atlascerts.mjs" },
];
/** A source map that says nothing (https://esbuild.github.io/plugins/): of one source, without a name. */
const EMPTY_MAP = Buffer.from('{"version":3,"sources":[""],"sourcesContent":[""],"mappings":"AAAA"}').toString(
  "base64",
);

/** Leaves the packages out of the source map: it is read where a stack is logged, and with them it is six times as large. */
const ownSourcesMapped: Plugin = {
  name: "own-sources-mapped",
  setup: (setup) => {
    setup.onLoad({ filter: /\/node_modules\/.*\.[cm]?js$/ }, async ({ path: file }) => ({
      contents: `${await readFile(file, "utf8")}\n//# sourceMappingURL=data:application/json;base64,${EMPTY_MAP}`,
      loader: "default",
    }));
  },
};

/** Leaves these scripts, with their packages, out of the operator's process. */
const apart: Plugin = {
  name: "apart",
  setup: (setup) => {
    setup.onResolve({ filter: /^\./ }, ({ kind, path: file, resolveDir }) => {
      if (kind !== "dynamic-import") return undefined;
      const found = APART.find(({ source }) => path.join(ROOT, source) === path.resolve(resolveDir, file));
      return found && { path: `./${found.script}`, external: true };
    });
  },
};

/** Bundles only the parts of undici that the operator uses: the package does not export them separately. */
const partOfUndici: Plugin = {
  name: "part-of-undici",
  setup: (setup) => {
    setup.onResolve({ filter: /^undici$/ }, () => ({ path: path.join(import.meta.dirname, "undici.cjs") }));
  },
};

/**
 * Takes node:http without an import statement, which would evaluate every export. One of them is WebSocket, for which Node
 * loads its own copy of undici: 2 MiB, and 80 ms of the start.
 */
const httpAlone: Plugin = {
  name: "http-alone",
  setup: (setup) => {
    setup.onResolve({ filter: /^node:http$/ }, ({ kind }) =>
      kind === "import-statement" ? { path: "http", namespace: "built-in" } : undefined,
    );
    setup.onLoad({ filter: /./, namespace: "built-in" }, () => ({
      contents: 'module.exports = process.getBuiltinModule("node:http");',
    }));
  },
};

/** A stack names `src/main.ts`, wherever the scripts lie. */
async function nameFromRoot(mapFile: string): Promise<void> {
  const map: { readonly sources: readonly string[] } = JSON.parse(await readFile(mapFile, "utf8"));
  const sources = map.sources.map((source) => path.relative(ROOT, path.resolve(FOLDER, source)));
  await writeFile(mapFile, JSON.stringify({ ...map, sources }));
}

const options = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: "node",
  target: "node24",
  format: "esm",
  // A quarter off the memory that the text of the script takes; no line is too long to be printed.
  minifySyntax: true,
  minifyWhitespace: true,
  lineLimit: 200,
  // The log tells the kind of an error by the name of its class, which bundling changes otherwise.
  keepNames: true,
  // No comment names the maps, and they hold no sources: the log reads them where it has a stack to tell.
  sourcemap: "external",
  sourcesContent: false,
  // The texts stand in a file of their own, whole, and not only for the packages whose sources say so.
  legalComments: "none",
  logLevel: "warning",
  metafile: true,
  plugins: [ownSourcesMapped, apart, partOfUndici, httpAlone],
  define: { BUILD_COMMIT: JSON.stringify(process.env.COMMIT ?? "") },
  // Packages in CommonJS ask for Node's own modules with require().
  banner: {
    js: 'import{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);',
  },
} satisfies BuildOptions;

await rm(FOLDER, { recursive: true, force: true });
const built = await Promise.all([
  build({
    ...options,
    entryPoints: { "atlas-cert-operator": "src/main.ts" },
    outdir: FOLDER,
    outExtension: { ".js": ".mjs" },
    // The reader of kubeconfigs, which a pod never loads, is a script of its own, and so is what both need. A third shared
    // one would need a name too, and esbuild refuses it.
    splitting: true,
    chunkNames: "[name]",
  }),
  ...APART.map(({ source, script }) =>
    build({ ...options, entryPoints: [source], outfile: path.join(FOLDER, script) }),
  ),
]);
for (const name of await readdir(FOLDER)) {
  if (name.endsWith(".map")) await nameFromRoot(path.join(FOLDER, name));
}
const inputs = built.flatMap(({ metafile }) => Object.keys(metafile.inputs));
await writeFile(path.join(FOLDER, "LICENSES.txt"), await licenseTexts(ROOT, inputs));
