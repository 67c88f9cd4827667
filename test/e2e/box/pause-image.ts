import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { PAUSE_IMAGE } from "./box-configuration.ts";

const execute = promisify(execFile);
const SLEEP = "/bin/sleep";

/**
 * Writes the image of the container that every pod has besides its own, as `docker save` would: all it does is sleep, so
 * it is this machine's own `sleep` and what that links.
 *
 * @param folder where pause.tar goes, and what is needed meanwhile
 */
export async function writePauseImage(folder: string): Promise<void> {
  const work = path.join(folder, "pause");
  const root = path.join(work, "root");
  for (const file of [SLEEP, ...(await linkedLibraries(SLEEP))]) {
    const target = path.join(root, file);
    await mkdir(path.dirname(target), { recursive: true });
    await copyFile(file, target);
  }
  await tar(path.join(work, "layer.tar"), root, ["."]);
  const layer = await digest(path.join(work, "layer.tar"));
  const { arch } = process;
  const config = {
    architecture: arch === "x64" ? "amd64" : arch,
    os: "linux",
    config: { Entrypoint: [SLEEP, "infinity"] },
    rootfs: { type: "layers", diff_ids: [`sha256:${layer}`] },
    history: [{ created_by: "pause-image.ts" }],
  };
  await writeFile(path.join(work, "config.json"), JSON.stringify(config));
  const manifest = [{ Config: "config.json", RepoTags: [PAUSE_IMAGE], Layers: ["layer.tar"] }];
  await writeFile(path.join(work, "manifest.json"), JSON.stringify(manifest));
  await tar(path.join(folder, "pause.tar"), work, ["config.json", "layer.tar", "manifest.json"]);
  await rm(work, { recursive: true });
}

/** The shared libraries of a program, and the loader that finds them. Throws where the system has no ldd. */
async function linkedLibraries(file: string): Promise<string[]> {
  const { stdout } = await execute("ldd", [file]);
  const files = new Set([...stdout.matchAll(/(\/\S+)/g)].map(([, library = ""]) => library));
  const present = await Promise.all([...files].map(async (library) => (await stat(library)).isFile() && library));
  return present.filter((library) => library !== false);
}

function tar(file: string, folder: string, names: readonly string[]) {
  return execute("tar", ["--create", "--file", file, "--owner=0", "--group=0", "--directory", folder, ...names]);
}

async function digest(file: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
}
