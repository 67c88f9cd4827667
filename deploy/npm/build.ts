/** Makes the package `atlas-x509` in dist/atlas-x509, ready for `npm publish`: `npm run build:library`. */
import { execFile } from "node:child_process";
import { copyFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { MANIFEST } from "./manifest.ts";

const ROOT = path.join(import.meta.dirname, "../..");
const FOLDER = path.join(ROOT, "dist/atlas-x509");

await rm(FOLDER, { recursive: true, force: true });
await promisify(execFile)(path.join(ROOT, "node_modules/.bin/tsc"), ["-p", import.meta.dirname]);
// In place of the repository's own manifest, which the compiler copies because the sources read the version from it.
await writeFile(path.join(FOLDER, "package.json"), `${JSON.stringify(MANIFEST, undefined, 2)}\n`);
await copyFile(path.join(ROOT, "docs/library.md"), path.join(FOLDER, "README.md"));
await copyFile(path.join(ROOT, "LICENSE"), path.join(FOLDER, "LICENSE"));
