import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import * as z from "zod";

const packageSchema = z.object({ name: z.string(), version: z.string(), license: z.string() });
/** LICENSE, LICENCE.md, NOTICE, license.txt … */
const LICENSE_FILE = /^(licen[cs]e|notice|copying)([.-].*)?$/i;
/** The folder of the package that a file belongs to, behind the last node_modules of its path. */
const PACKAGE_FOLDER = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//;
const BETWEEN_SECTIONS = `\n${"-".repeat(80)}\n\n`;

/**
 * The licence texts of the packages that these files are of, in the order of their names, as one text.
 *
 * @param files relative to `root`, as esbuild's metafile names them; those outside node_modules are the product's own
 * @throws Error for a package without a text or without an SPDX expression: it can't be handed on
 */
export async function licenseTexts(root: string, files: readonly string[]): Promise<string> {
  const folders = new Set(files.map((file) => PACKAGE_FOLDER.exec(file)?.[1]).filter((folder) => folder !== undefined));
  const sections = [...folders].toSorted().map((folder) => licenseSection(path.join(root, folder)));
  return `${(await Promise.all(sections)).join(BETWEEN_SECTIONS)}`;
}

/** The packages, as `name@version`, that a text of `licenseTexts` is of. */
export function licensedPackages(texts: string): readonly string[] {
  return texts.split(BETWEEN_SECTIONS).map((section) => section.slice(0, section.indexOf("\n")).replace(" ", "@"));
}

async function licenseSection(folder: string): Promise<string> {
  const { name, version, license } = packageSchema.parse(
    JSON.parse(await readFile(path.join(folder, "package.json"), "utf8")),
  );
  const names = (await readdir(folder)).filter((file) => LICENSE_FILE.test(file)).toSorted();
  if (names.length === 0) throw new Error(`${name} ${version} (${license}) has no file with its licence`);
  const texts = await Promise.all(names.map((file) => readFile(path.join(folder, file), "utf8")));
  return `${name} ${version}\n${license}\n\n${texts.map((text) => `${text.trim()}\n`).join("\n")}`;
}
