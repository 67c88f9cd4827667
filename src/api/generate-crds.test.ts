import { readdir, readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { generatedCrds } from "./generate-crds.ts";

const FOLDER = new URL("../../crds/", import.meta.url);

describe("crds/ is up to date with `make crds`:", () => {
  test("the same files", async () => {
    expect((await readdir(FOLDER)).toSorted()).toEqual([...generatedCrds().keys()].toSorted());
  });

  test.each([...generatedCrds()])("%s", async (name, text) => {
    expect(await readFile(new URL(name, FOLDER), "utf8")).toBe(text);
  });
});

test("the generated definitions are valid YAML", () => {
  for (const text of generatedCrds().values()) {
    expect(parse(text)).toMatchObject({ apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition" });
  }
});
