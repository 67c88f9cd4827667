import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

export const ROOT = path.join(import.meta.dirname, "../..");
const BIN = path.join(ROOT, "node_modules/.bin");
const ENVIRONMENT = { ...process.env, PATH: `${BIN}${path.delimiter}${process.env.PATH}` };

/** What of the repository goes into a package, or makes what goes into it. */
const SOURCES = [
  "src",
  "crds",
  "deploy/npm",
  "package.json",
  "tsconfig.json",
  "tsconfig.build.json",
  "README.md",
  "docs/library.md",
  "LICENSE",
  "CHANGELOG.md",
];

/** A package as `npm publish` would send it. */
export interface PackedPackage {
  readonly tarball: string;
  /** Its unpacked files: a folder outside of the repository. */
  readonly folder: string;
  /** The files by their paths in the package, sorted. */
  readonly files: readonly string[];
}

/** A copy of the sources in which packages are built, so that no one else who uses dist/ at the same time is disturbed. */
export class PackageWorkshop implements AsyncDisposable {
  readonly folder: string;
  readonly #staging: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.#staging = path.join(folder, "staging");
  }

  static async open(): Promise<PackageWorkshop> {
    const workshop = new PackageWorkshop(await realpath(await mkdtemp(path.join(tmpdir(), "packed-package-"))));
    for (const source of SOURCES) {
      await cp(path.join(ROOT, source), path.join(workshop.#staging, source), { recursive: true });
    }
    await symlink(path.join(ROOT, "node_modules"), path.join(workshop.#staging, "node_modules"));
    return workshop;
  }

  /** Packs the operator's package, which builds itself. */
  packOperator(): Promise<PackedPackage> {
    return this.#pack(this.#staging);
  }

  /** Builds and packs `atlas-x509`. */
  async packLibrary(): Promise<PackedPackage> {
    await execute("npm", ["run", "--silent", "build:library"], { cwd: this.#staging, env: ENVIRONMENT });
    return this.#pack(path.join(this.#staging, "dist/atlas-x509"));
  }

  /**
   * A project of someone who uses the library: `npm install` has put it there with what it depends on, from packages of
   * the same versions as here and without a registry.
   */
  async consumer(library: PackedPackage): Promise<Consumer> {
    const folder = path.join(this.folder, "consumer");
    await mkdir(folder);
    const installed = ["undici", "zod"].map((name) => path.join(ROOT, "node_modules", name));
    const tarballs = [library.tarball, ...(await Promise.all(installed.map((each) => this.#tarballOf(each))))];
    await writeFile(path.join(folder, "package.json"), '{"type":"module"}');
    const flags = ["--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"];
    await execute("npm", ["install", ...flags, ...tarballs], { cwd: folder, env: ENVIRONMENT });
    return new Consumer(folder);
  }

  async #pack(source: string): Promise<PackedPackage> {
    const tarball = await this.#tarballOf(source);
    const folder = path.join(this.folder, path.basename(tarball, ".tgz"));
    await mkdir(folder);
    await execute("tar", ["-xzf", tarball, "-C", folder, "--strip-components=1"]);
    return { tarball, folder, files: await filesIn(folder) };
  }

  /** Packs with a package's own scripts where it is ours: the operator's builds it. */
  async #tarballOf(source: string): Promise<string> {
    const scripts = source === this.#staging ? [] : ["--ignore-scripts"];
    const { name, version } = JSON.parse(await readFile(path.join(source, "package.json"), "utf8"));
    await execute("npm", ["pack", "--silent", ...scripts, "--pack-destination", this.folder], {
      cwd: source,
      env: ENVIRONMENT,
    });
    return path.join(this.folder, `${name}-${version}.tgz`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return rm(this.folder, { recursive: true });
  }
}

/** The folder of a project that uses the library. */
export class Consumer {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** The packages that are installed, by name. */
  async packages(): Promise<readonly string[]> {
    const names = await readdir(path.join(this.folder, "node_modules"));
    return names.filter((name) => !name.startsWith(".")).toSorted();
  }

  /** Makes packages of this repository's node_modules available to it. */
  async link(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      const target = path.join(this.folder, "node_modules", name);
      await mkdir(path.dirname(target), { recursive: true });
      await symlink(path.join(ROOT, "node_modules", name), target);
    }
  }

  write(file: string, text: string): Promise<void> {
    return writeFile(path.join(this.folder, file), text);
  }

  /** Runs a program in the folder and gives what it prints; rejects unless it ends with 0. */
  async run(
    program: string,
    argv: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly stdout: string; readonly stderr: string }> {
    return execute(program, argv, {
      cwd: this.folder,
      env: { PATH: ENVIRONMENT.PATH, HOME: this.folder, ...environment },
    });
  }

  /** What TypeScript has to say of these sources, by their names, with these options; "" where it is content. */
  async typeCheck(
    sources: Readonly<Record<string, string>>,
    options: Readonly<Record<string, unknown>>,
  ): Promise<string> {
    const folder = await mkdtemp(path.join(this.folder, "checked-"));
    const compilerOptions = {
      target: "es2024",
      lib: ["es2024", "esnext.disposable"],
      types: ["node"],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
      ...options,
    };
    await writeFile(path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions }));
    await writeFile(path.join(folder, "package.json"), '{"type":"module"}');
    for (const [name, source] of Object.entries(sources)) await writeFile(path.join(folder, name), source);
    const checked = this.run(path.join(BIN, "tsc"), ["-p", folder]);
    return checked.then(({ stdout }) => stdout).catch((error: { stdout?: string }) => error.stdout || String(error));
  }
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"))
    .toSorted();
}
