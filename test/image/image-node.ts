import { readFile } from "node:fs/promises";
import path from "node:path";

/** How the image starts Node: what that costs and saves is a part of every figure. */
export interface ImageNode {
  readonly environment: Readonly<Record<string, string>>;
  /** Flags of the command line, which NODE_OPTIONS does not take. */
  readonly flags: readonly string[];
}

/** Reads it from the Dockerfile. */
export async function imageNode(): Promise<ImageNode> {
  const dockerfile = await readFile(path.join(import.meta.dirname, "../../Dockerfile"), "utf8");
  const variables = /^ENV (NODE_ENV=.*)$/m.exec(dockerfile)?.[1] ?? "";
  const environment = Object.fromEntries(
    [...variables.matchAll(/(\w+)=(?:"([^"]*)"|(\S+))/g)].map(([, name, quoted, plain]) => [name, quoted ?? plain]),
  );
  const flags = /^ENTRYPOINT \["\/usr\/bin\/node", (.*)"\/app\/[^"]*"\]$/m.exec(dockerfile)?.[1]?.match(/--[^"]+/g);
  if (environment.NODE_OPTIONS === undefined || !flags) {
    throw new Error("the Dockerfile sets no NODE_OPTIONS, or its ENTRYPOINT no flags of Node");
  }
  return { environment, flags };
}
