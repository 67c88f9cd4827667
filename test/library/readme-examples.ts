import { readFile } from "node:fs/promises";
import path from "node:path";
import { ROOT } from "./packed-package.ts";

/** The two TypeScript examples under "As a library" in the README: the client, and the simulator in a test. */
export async function readmeExamples(): Promise<{ readonly client: string; readonly simulator: string }> {
  const readme = await readFile(path.join(ROOT, "README.md"), "utf8");
  const section = readme.split(/^## /m).find((text) => text.startsWith("As a library\n")) ?? "";
  const [client, simulator, ...others] = [...section.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => code);
  if (client === undefined || simulator === undefined || others.length > 0) {
    throw new Error('README.md must have two examples of TypeScript under "As a library"');
  }
  return { client, simulator };
}
