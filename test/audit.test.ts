import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";

const AUDIT = path.join(import.meta.dirname, "../deploy/audit.ts");

/** The audit with an npm that gives this answer, and its exit code and text. */
async function auditWith(answer: string): Promise<readonly [code: number, printed: string]> {
  const folder = await mkdtemp(path.join(tmpdir(), "audit-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(path.join(folder, "answer"), answer);
  // As npm does, it fails for what it found and for what it could not do alike.
  await writeFile(path.join(folder, "npm"), `#!/bin/sh\ncat "${folder}/answer"\nexit 1\n`);
  await chmod(path.join(folder, "npm"), 0o755);
  const audit = spawn(process.execPath, [AUDIT], {
    env: { PATH: `${folder}:${process.env.PATH}` },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [printed, [code]] = await Promise.all([text(audit.stdout), once(audit, "close")]);
  return [code, printed];
}

function report(vulnerabilities: Readonly<Record<string, { severity: string; range: string }>>): string {
  const total = Object.keys(vulnerabilities).length;
  return JSON.stringify({ vulnerabilities, metadata: { vulnerabilities: { total }, dependencies: { total: 350 } } });
}

test("packages without known vulnerabilities pass", async () => {
  expect(await auditWith(report({}))).toEqual([0, "none of the 350 packages has a known vulnerability\n"]);
});

test("a known vulnerability is a failure with a name", async () => {
  const [code, printed] = await auditWith(report({ leftpad: { severity: "high", range: "<1.3.0" } }));
  expect(code).toBe(1);
  expect(printed).toMatch(/^leftpad <1\.3\.0: high\n/);
});

test("an audit that npm can't even begin is a failure", async () => {
  const error = { code: "ENOLOCK", summary: "This command requires an existing lockfile." };
  expect(await auditWith(JSON.stringify({ error }))).toEqual([1, `npm audit could not be run: ${error.summary}\n`]);
});

test.each([
  ["a name that can't be resolved", '{"error": {"code": "ENOTFOUND", "summary": "no address"}}', "no report came back"],
  ["a registry that has no audit", '{"message": "405 Method Not Allowed"}', "405 Method Not Allowed"],
  ["a registry that can't be reached", '{"message": "request failed, reason: ENOTFOUND"}', "ENOTFOUND"],
  ["no answer", "", "no report came back"],
  ["an answer of another shape", '{"metadata": {}}', "no report came back"],
])("%s is no success, and is said", async (_, answer, why) => {
  const [code, printed] = await auditWith(answer);
  expect(code).toBe(3);
  expect(printed).toMatch(/^NOT CHECKED: /);
  expect(printed).toContain(why);
});
