import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { freshNamespace, kubectlWithInput } from "../control-plane/control-plane.ts";

/** What people copy out of the documents must be taken by a real API server, to the letter. */

const ROOT = path.join(import.meta.dirname, "../..");

const documents = [
  "README.md",
  ...(await readdir(path.join(ROOT, "docs"))).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`),
];
const samples = (await readdir(path.join(ROOT, "deploy/samples"))).filter((name) => name.endsWith(".yaml"));

/** YAML blocks, and those that a shell block feeds to kubectl. */
function manifestsOf(markdown: string): readonly string[] {
  const blocks = [...markdown.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text]) => text ?? "");
  const fed = [...markdown.matchAll(/<<'YAML'\n(.*?)^YAML/gms)].map(([, text]) => text ?? "");
  return [...blocks, ...fed].filter((text) => text.includes("apiVersion:"));
}

const apply = async (manifest: string) => {
  const namespace = await freshNamespace("documents");
  const flags = ["--dry-run=server", "--validate=strict", "-n", namespace];
  return kubectlWithInput(manifest, "apply", ...flags, "-f", "-");
};

describe.each(documents)("%s", (document) => {
  test("has only manifests that the API server takes", async () => {
    for (const manifest of manifestsOf(await readFile(path.join(ROOT, document), "utf8"))) {
      expect(await apply(manifest)).toMatch(/created \(server dry run\)/);
    }
  });

  test("has no link to a file that is not there", async () => {
    const text = await readFile(path.join(ROOT, document), "utf8");
    for (const [, target = ""] of text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)) {
      const file = path.join(ROOT, path.dirname(document), target);
      await expect(readFile(file), `${document} links to ${target}`).resolves.toBeDefined();
    }
  });
});

test.each(samples)("deploy/samples/%s is taken by the API server", async (name) => {
  expect(await apply(await readFile(path.join(ROOT, "deploy/samples", name), "utf8"))).toMatch(/server dry run/);
});

test("finds the manifests that it is about", async () => {
  const found = await Promise.all(
    documents.map(async (document) => manifestsOf(await readFile(path.join(ROOT, document), "utf8")).length),
  );
  expect(found.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(4);
});
