import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";

const PAGES = path.join(import.meta.dirname, "../../docs/drivers");

/**
 * Writes the code of a page of docs/drivers into a folder: each block whose first line is a comment with a file name.
 *
 * @returns the names of the files
 */
export async function writeSnippets(page: string, folder: string): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true });
  const text = await readFile(path.join(PAGES, page), "utf8");
  const blocks = [...text.matchAll(/^```\w+\n((?:\/\/|#) (\S+\.\w+)\n.*?)^```/gms)];
  for (const [, code = "", name = ""] of blocks) await writeFile(path.join(folder, name), code);
  return blocks.map(([, , name = ""]) => name);
}
