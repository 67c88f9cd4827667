import { execFile } from "node:child_process";
import { access, copyFile, mkdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { digestOf } from "../../src/certificate/secret-data.ts";
import { systemClock } from "../../src/clock.ts";
import { withLock } from "../control-plane/build-lock.ts";
import { cacheFolder, ensureWritable } from "../control-plane/cache-folder.ts";
import type { ProgramCommand } from "./driver-program.ts";
import { writeSnippets } from "./snippets.ts";

const PROGRAMS = path.join(import.meta.dirname, "programs");
const NODE_MODULES = path.join(import.meta.dirname, "../../node_modules");

/** Plain: the client is made once. Reloading: the code of its page that needs no restart. */
export type Kind = "plain" | "reloading";

/** Java's key store settings are the JVM's. */
export interface JavaFiles {
  readonly trustStore: string;
  readonly keystore: string;
  readonly password: string;
}

export interface Driver {
  readonly name: "node" | "python" | "go" | "java";
  /** Builds the program of the driver into a folder, with the code of its page. */
  prepare(folder: string): Promise<(kind: Kind, java: JavaFiles) => ProgramCommand>;
}

export const DRIVERS: readonly Driver[] = [
  { name: "node", prepare: prepareNode },
  { name: "python", prepare: preparePython },
  { name: "go", prepare: prepareGo },
  { name: "java", prepare: prepareJava },
];

async function prepareNode(folder: string) {
  await writeSnippets("node.md", folder);
  await copyFile(path.join(PROGRAMS, "app.mjs"), path.join(folder, "app.mjs"));
  await symlink(NODE_MODULES, path.join(folder, "node_modules"));
  return (kind: Kind) => ({ command: process.execPath, args: ["app.mjs", kind], folder });
}

async function preparePython(folder: string) {
  await writeSnippets("python.md", folder);
  await copyFile(path.join(PROGRAMS, "app.py"), path.join(folder, "app.py"));
  const requirements = path.join(PROGRAMS, "requirements.txt");
  const environment = await cached("python", requirements, async (made) => {
    await run("python3", ["-m", "venv", "--copies", made], "Python 3 with venv");
    await run(path.join(made, "bin/python3"), ["-m", "pip", "install", "--quiet", "-r", requirements], "pip");
  });
  const command = path.join(environment, "bin/python3");
  return (kind: Kind) => ({ command, args: ["app.py", kind], folder });
}

async function prepareGo(folder: string) {
  await writeSnippets("go.md", folder);
  for (const file of ["go.mod", "go.sum", "main.go"])
    await copyFile(path.join(PROGRAMS, file), path.join(folder, file));
  await run("go", ["build", "-mod=readonly", "-buildvcs=false", "-o", "app", "."], "Go", folder);
  return (kind: Kind) => ({ command: path.join(folder, "app"), args: [kind], folder });
}

async function prepareJava(folder: string) {
  const snippets = await writeSnippets("java.md", folder);
  await copyFile(path.join(PROGRAMS, "App.java"), path.join(folder, "App.java"));
  const pom = path.join(PROGRAMS, "pom.xml");
  const jars = await cached("java", pom, async (made) => {
    const options = ["-q", "-B", "-f", pom, "dependency:copy-dependencies", `-DoutputDirectory=${made}`];
    await run("mvn", options, "Maven");
  });
  const classpath = `${folder}:${jars}/*`;
  await run("javac", ["-cp", classpath, "App.java", ...snippets], "a JDK of version 17 or newer", folder);
  return (kind: Kind, { trustStore, keystore, password }: JavaFiles) => ({
    command: "java",
    args: [
      ...["-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", classpath],
      // The locale of a clean machine is ASCII.
      ...["-Dfile.encoding=UTF-8", "-Dsun.stdout.encoding=UTF-8"],
      ...[`-Djavax.net.ssl.trustStore=${trustStore}`, `-Djavax.net.ssl.trustStorePassword=${password}`],
      ...(kind === "plain"
        ? [`-Djavax.net.ssl.keyStore=${keystore}`, `-Djavax.net.ssl.keyStorePassword=${password}`]
        : []),
      ...["App", kind],
    ],
    folder,
  });
}

/** Makes a keystore that holds one authority, as Java wants it. */
export async function trustStore(file: string, caFile: string, password: string): Promise<void> {
  const options = ["-importcert", "-noprompt", "-alias", "ca", "-file", caFile];
  await run("keytool", [...options, "-keystore", file, "-storepass", password], "a JDK of version 17 or newer");
}

/** A folder that is made once for each content of a file, and kept between runs. */
async function cached(name: string, file: string, make: (folder: string) => Promise<void>): Promise<string> {
  const parent = path.join(cacheFolder(process.env, homedir()), "drivers");
  await ensureWritable(parent);
  const folder = path.join(parent, `${name}-${digestOf(await readFile(file, "utf8")).slice(0, 12)}`);
  const done = path.join(folder, ".complete");
  const isThere = () =>
    access(done).then(
      () => true,
      () => false,
    );
  await withLock(`${folder}.lock`, { clock: systemClock, whileWaiting: (wait) => wait() }, async () => {
    if (await isThere()) return;
    await rm(folder, { recursive: true, force: true });
    await make(folder);
    await mkdir(`${done}.part`);
    await rename(`${done}.part`, done);
  });
  return folder;
}

/** @throws Error that says what to install, or what the program printed */
export async function run(command: string, args: readonly string[], what: string, folder?: string): Promise<string> {
  try {
    const options = { timeout: 500_000, ...(folder !== undefined && { cwd: folder }) };
    return (await promisify(execFile)(command, args, options)).stdout;
  } catch (error: unknown) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (!isMissing) throw error;
    throw new Error(`${command} is missing: install ${what} for the tests of the drivers.`, { cause: error });
  }
}
