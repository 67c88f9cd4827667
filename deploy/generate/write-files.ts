import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";

const ROOT = path.join(import.meta.dirname, "../..");

/**
 * Writes generated files, and says which.
 *
 * @param files file, from the root of the repository, to its text
 * @param ownFolders folders that hold nothing but generated files: what is no longer generated goes
 */
export async function writeFiles(files: ReadonlyMap<string, string>, ownFolders: readonly string[] = []) {
  for (const folder of ownFolders) {
    await mkdir(path.join(ROOT, folder), { recursive: true });
    for (const name of await readdir(path.join(ROOT, folder))) {
      if (!files.has(`${folder}/${name}`)) await rm(path.join(ROOT, folder, name));
    }
  }
  for (const [file, text] of files) {
    await writeFile(path.join(ROOT, file), text);
    process.stdout.write(`${file}\n`);
  }
}
