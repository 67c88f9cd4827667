import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

const ROOT = path.join(import.meta.dirname, "../..");

/** A Markdown file: its path from the root of the repository, and its text. */
export interface Document {
  readonly name: string;
  readonly text: string;
}

/** All that people read, and copy from. */
export async function readDocuments(): Promise<readonly Document[]> {
  const inFolder = async (folder: string) =>
    (await readdir(path.join(ROOT, folder), { recursive: folder !== "." }))
      .filter((name) => name.endsWith(".md"))
      .map((name) => path.join(folder, name));
  const names = (await Promise.all([".", "docs", "deploy"].map(inFolder))).flat().toSorted();
  return Promise.all(names.map(async (name) => ({ name, text: await readFile(path.join(ROOT, name), "utf8") })));
}

/** The YAML blocks of a document, and those that a shell block feeds to kubectl. */
function yamlBlocks({ text }: Document): readonly string[] {
  const blocks = [...text.matchAll(/^```yaml\n(.*?)^```/gms), ...text.matchAll(/<<'YAML'\n(.*?)^YAML/gms)];
  return blocks.map(([, block = ""]) => block);
}

/** The blocks with Kubernetes objects. */
export function manifestsIn(document: Document): readonly string[] {
  return yamlBlocks(document).filter((text) => /^apiVersion:/m.test(text));
}

/** The other blocks: values of the chart. */
export function valuesIn(document: Document): readonly string[] {
  return yamlBlocks(document).filter((text) => !/^apiVersion:/m.test(text));
}
