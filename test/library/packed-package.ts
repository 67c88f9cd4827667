import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

export const ROOT = path.join(import.meta.dirname, "../..");
const BIN = path.join(ROOT, "node_modules/.bin");

/** What of the repository goes into a package, or makes what goes into it. */
const SOURCES = [
  "src",
  "crds",
  "package.json",
  "tsconfig.json",
  "tsconfig.build.json",
  "README.md",
  "LICENSE",
  "CHANGELOG.md",
];

/** The package as `npm publish` would send it, unpacked outside of the repository. */
export interface PackedPackage extends AsyncDisposable {
  /** The files of the package by their paths in it, sorted. */
  readonly files: readonly string[];
  /** A folder of somebody who uses the package: it is in its node_modules, with what the library needs and no more. */
  readonly consumer: string;
  /** Runs one of this repository's programs in the consumer's folder; rejects unless it ends with 0. */
  run(
    program: "node" | "tsc",
    argv: readonly string[],
    environment?: Readonly<Record<string, string>>,
  ): Promise<string>;
}

/** The packages that the library may need at run time, and those that types are checked with. */
const LINKED = ["undici", "zod", "@types/node"];

/** Packs a copy of the sources, so that nothing else that builds or reads dist/ at the same time is disturbed. */
export async function packPackage(): Promise<PackedPackage> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), "packed-package-")));
  const env = { ...process.env, PATH: `${BIN}${path.delimiter}${process.env.PATH}` };
  try {
    const staging = path.join(folder, "staging");
    for (const source of SOURCES) await cp(path.join(ROOT, source), path.join(staging, source), { recursive: true });
    await symlink(path.join(ROOT, "node_modules"), path.join(staging, "node_modules"));
    await execute("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: staging, env });
    const tarball = (await readdir(folder)).find((name) => name.endsWith(".tgz"));
    if (tarball === undefined) throw new Error("npm pack made no package");

    const consumer = path.join(folder, "consumer");
    const modules = path.join(consumer, "node_modules");
    await mkdir(path.join(modules, "@types"), { recursive: true });
    await execute("tar", ["-xzf", path.join(folder, tarball), "-C", modules]);
    const unpacked = path.join(modules, "atlas-cert-operator");
    await cp(path.join(modules, "package"), unpacked, { recursive: true });
    await rm(path.join(modules, "package"), { recursive: true });
    for (const name of LINKED) await symlink(path.join(ROOT, "node_modules", name), path.join(modules, name));

    return {
      files: await filesIn(unpacked),
      consumer,
      run: async (program, argv, environment = {}) => {
        const options = { cwd: consumer, env: { PATH: env.PATH, HOME: folder, ...environment } };
        return (await execute(path.join(BIN, program), argv, options)).stdout;
      },
      [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
    };
  } catch (error: unknown) {
    await rm(folder, { recursive: true });
    throw error;
  }
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"))
    .toSorted();
}
