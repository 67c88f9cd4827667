import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { silentProgress } from "../control-plane/progress.ts";
import { checkProse } from "../prose/prose.ts";

/** The first build of Vale. */
const BUILD_MS = 300_000;

async function check(name: string, text: string) {
  const folder = await mkdtemp(path.join(tmpdir(), "prose-test-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = path.join(folder, name);
  await writeFile(file, text);
  return checkProse([file], { progress: silentProgress });
}

describe("make lint rejects", { timeout: BUILD_MS }, () => {
  test.each([
    ["a word to avoid in Markdown", "page.md", "# Renewal\n\nNobody renews it.\n", "Write 'no one'"],
    ["a paragraph that opens with What", "page.md", "# Renewal\n\nWhat is old goes.\n", "Put the subject first"],
    ["a word to avoid in a comment", "code.ts", "// The operator mends it.\nrun();\n", "Write 'fix'"],
    ["a word to avoid in a string", "code.ts", 'log.info("nobody leads");\n', "Write 'no one'"],
    ["a comment that opens with What", "code.ts", "/** What it does. */\nrun();\n", "Put the subject first"],
    ["a line of a comment that opens with Whoever", "code.ts", "/**\n * Whoever asks.\n */\n", "Put the subject first"],
    ["a comment of values that opens with What", "values.yaml", "# -- What it does.\na: 1\n", "Put the subject first"],
  ])("%s", async (_what, name, text, complaint) => {
    const { isGood, output } = await check(name, text);
    expect(output).toContain(complaint);
    expect(isGood).toBe(false);
  });
});

describe("make lint accepts", { timeout: BUILD_MS }, () => {
  test.each([
    ["plain sentences and code in Markdown", "page.md", "# What is it?\n\nThe operator renews it with `nobody`.\n"],
    ["plain comments, questions and code", "code.ts", '// The owner.\n// What is it?\nconst byNobody = "no one";\n'],
  ])("%s", async (_what, name, text) => {
    expect(await check(name, text)).toEqual({ isGood: true, output: "" });
  });
});
