import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { expect, onTestFinished, test } from "vitest";
import { withSources } from "./source-stacks.ts";

const SOURCE = `export interface Unused { readonly of: "types" }

function fail(): never {
  throw new Error("broken");
}

try {
  fail();
} catch (error) {
  console.log(error.stack);
}
`;

/** The stack of an error that a bundled script throws. */
async function stackOf({ sourcemap }: { readonly sourcemap: boolean }): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "source-stacks-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(path.join(folder, "source.ts"), SOURCE);
  const outfile = path.join(folder, "script.mjs");
  await build({
    ...{ absWorkingDir: folder, entryPoints: ["source.ts"], outfile, format: "esm", minifyWhitespace: true },
    ...(sourcemap && { sourcemap: "external" }),
  });
  return (await promisify(execFile)(process.execPath, [outfile])).stdout;
}

test("a stack names the sources", async () => {
  const stack = withSources(await stackOf({ sourcemap: true }));
  expect(stack.split("\n").slice(0, 2)).toEqual(["Error: broken", "    at fail (source.ts:4:9)"]);
});

test("a stack stays as it is where there is no map", async () => {
  const stack = await stackOf({ sourcemap: false });
  expect(stack).toContain("script.mjs:1:");
  expect(withSources(stack)).toBe(stack);
});
