import path from "node:path";
import { build } from "esbuild";
import { APPS, type Script } from "./manifests.ts";

/** A script of test/e2e/apps in one file with its packages, small enough for a ConfigMap. */
export async function bundled(name: string): Promise<Script> {
  const { outputFiles } = await build({
    entryPoints: [path.join(APPS, `${name}.ts`)],
    bundle: true,
    minify: true,
    platform: "node",
    target: "node24",
    format: "esm",
    logLevel: "warning",
    write: false,
    // Packages in CommonJS ask for Node's own modules with require().
    banner: {
      js: 'import{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);',
    },
  });
  return { name: `${name}.mjs`, text: outputFiles[0]?.text ?? "" };
}
