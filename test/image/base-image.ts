import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { access, chmod, copyFile, cp, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** As in the Dockerfile. */
const PUBLIC_IMAGE = "node:24-bookworm-slim";
/** What a Dockerfile of this product runs in its build stage, beside node and npm. */
const PROGRAMS = [
  "sh",
  "cat",
  "chmod",
  "cp",
  "env",
  "find",
  "grep",
  "ldd",
  "ls",
  "mkdir",
  "rm",
  "sort",
  "touch",
  "xargs",
];
/** Where systems keep the certificates that they trust, as one file. */
const TRUSTED = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
const TRUSTED_IN_IMAGE = "/etc/ssl/certs/ca-certificates.crt";

/**
 * The image with Node.js that the Dockerfile builds with: the public one where it is there or can be pulled; else one made
 * of this machine's own files (the node of node_modules, the npm on the PATH, a shell and its tools), in seconds.
 */
export async function nodeImage(): Promise<string> {
  if (await isThere(PUBLIC_IMAGE)) return PUBLIC_IMAGE;
  try {
    await execute("docker", ["pull", "--quiet", PUBLIC_IMAGE]);
    return PUBLIC_IMAGE;
  } catch {
    return localImage();
  }
}

async function localImage(): Promise<string> {
  const node = await realpath(path.join(import.meta.dirname, "../../node_modules/node/bin/node"));
  // The command is a link to npm/bin/npm-cli.js.
  const npm = path.join(await realpath(await locate("npm")), "../..");
  const npmVersion: unknown = JSON.parse(await readFile(path.join(npm, "package.json"), "utf8")).version;
  const made = createHash("sha256").update(await readFile(import.meta.filename));
  const tag = `local.test/node:${process.version}-npm${npmVersion}-${made.digest("hex").slice(0, 12)}`;
  if (await isThere(tag)) return tag;
  const root = await mkdtemp(path.join(tmpdir(), "node-image-"));
  try {
    await fill(root, node, npm);
    const archive = `${root}.tar`;
    await execute("tar", ["--create", "--file", archive, "--owner=0", "--group=0", "--directory", root, "."]);
    const settings = ["ENV PATH=/usr/bin:/bin", `ENV NODE_EXTRA_CA_CERTS=${TRUSTED_IN_IMAGE}`];
    await execute("docker", ["import", ...settings.flatMap((each) => ["--change", each]), archive, tag]);
    await rm(archive);
    return tag;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function fill(root: string, node: string, npm: string): Promise<void> {
  const put = async (source: string, target: string) => {
    const file = path.join(root, target);
    await mkdir(path.dirname(file), { recursive: true });
    // What stands behind a symbolic link: the image has files only.
    await copyFile(await realpath(source), file);
    return file;
  };
  const programs = new Map([["/usr/bin/node", node]]);
  for (const name of PROGRAMS) programs.set(`/bin/${name}`, await locate(name));
  // ldd is a script of bash's; this machine's sh may be another.
  programs.set("/bin/bash", await locate("bash"));
  for (const [target, source] of programs) {
    await chmod(await put(source, target), 0o755);
    for (const library of await linkedLibraries(source)) await chmod(await put(library, library), 0o755);
  }
  await put(await firstOf(TRUSTED), TRUSTED_IN_IMAGE);
  await cp(npm, path.join(root, "usr/lib/node_modules/npm"), { recursive: true, dereference: true });
  await mkdir(path.join(root, "tmp"));
  const launcher = path.join(root, "usr/bin/npm");
  await writeFile(launcher, '#!/bin/sh\nexec /usr/bin/node /usr/lib/node_modules/npm/bin/npm-cli.js "$@"\n', {
    mode: 0o755,
  });
  await writeFile(path.join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  // Programs that node packages bring as scripts begin with it.
  await mkdir(path.join(root, "root"));
}

/** What ldd names of a program; nothing where it is a script or links nothing. */
async function linkedLibraries(file: string): Promise<string[]> {
  try {
    const { stdout } = await execute("ldd", [file]);
    return [...stdout.matchAll(/(\/\S+)/g)].map(([, library = ""]) => library);
  } catch {
    return [];
  }
}

async function locate(program: string): Promise<string> {
  return firstOf((process.env.PATH ?? "").split(":").map((folder) => path.join(folder, program)));
}

async function firstOf(files: readonly string[]): Promise<string> {
  for (const file of files) {
    try {
      await access(file);
      return file;
    } catch {
      // The next one may be there.
    }
  }
  throw new Error(`none of these is there: ${files.join(", ")}`);
}

async function isThere(tag: string): Promise<boolean> {
  try {
    await execute("docker", ["image", "inspect", tag]);
    return true;
  } catch {
    return false;
  }
}
