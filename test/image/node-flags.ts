import { readFile } from "node:fs/promises";
import path from "node:path";

/** The image's own flags for Node: what they cost and save is a part of every figure. */
export async function nodeFlagsOfImage(): Promise<readonly string[]> {
  const dockerfile = await readFile(path.join(import.meta.dirname, "../../Dockerfile"), "utf8");
  const flags = /NODE_OPTIONS="([^"]*)"/.exec(dockerfile)?.[1];
  if (flags === undefined) throw new Error("the Dockerfile sets no NODE_OPTIONS");
  return flags.split(" ");
}
