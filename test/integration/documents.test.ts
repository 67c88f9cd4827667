import { access, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { freshNamespace, kubectlWithInput } from "../control-plane/control-plane.ts";
import { manifestsIn, readDocuments, valuesIn } from "./documents.ts";

/** What people copy out of the documents must be taken by a real API server, to the letter. */

const ROOT = path.join(import.meta.dirname, "../..");

const documents = await readDocuments();
const samples = (await readdir(path.join(ROOT, "deploy/samples"))).filter((name) => name.endsWith(".yaml"));

const apply = async (manifest: string) => {
  const namespace = await freshNamespace("documents");
  const flags = ["--dry-run=server", "--validate=strict", "-n", namespace];
  return kubectlWithInput(manifest, "apply", ...flags, "-f", "-");
};

describe.each(documents)("$name", (document) => {
  test("has only manifests that the API server takes", async () => {
    for (const manifest of manifestsIn(document)) expect(await apply(manifest)).toMatch(/created \(server dry run\)/);
  });

  test("has no link to a file that is not there", async () => {
    for (const [, target = ""] of document.text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)) {
      const file = path.join(ROOT, path.dirname(document.name), target);
      await expect(access(file), `${document.name} links to ${target}`).resolves.toBeUndefined();
    }
  });
});

test.each(samples)("deploy/samples/%s is taken by the API server", async (name) => {
  expect(await apply(await readFile(path.join(ROOT, "deploy/samples", name), "utf8"))).toMatch(/server dry run/);
});

test("finds the documents, manifests and values that it is about", () => {
  expect(documents.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["README.md", "docs/install.md", "deploy/samples/gitops/README.md"]),
  );
  expect(documents.flatMap(manifestsIn).length).toBeGreaterThanOrEqual(4);
  expect(documents.flatMap(valuesIn).length).toBeGreaterThanOrEqual(2);
});
