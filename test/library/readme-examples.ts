import { readFile } from "node:fs/promises";
import path from "node:path";
import { ROOT } from "./packed-package.ts";

/** The two TypeScript examples of the library's README: the client, and the simulator in a test. */
export async function readmeExamples(): Promise<{ readonly client: string; readonly simulator: string }> {
  const page = await readFile(path.join(ROOT, "docs/library.md"), "utf8");
  const [client, simulator, ...others] = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => code);
  if (client === undefined || simulator === undefined || others.length > 0) {
    throw new Error("docs/library.md must have two examples of TypeScript");
  }
  return { client, simulator };
}
