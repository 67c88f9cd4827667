import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";

const execute = promisify(execFile);
const ROOT = path.join(import.meta.dirname, "../../..");
const OPERATOR = "atlas-cert-operator.mjs";
const SIMULATOR = "atlas-simulator.mjs";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "image-scripts-"));
  await execute(process.execPath, [path.join(ROOT, "deploy/image/bundle.ts"), folder]);
});
afterAll(() => rm(folder, { recursive: true }));

/** The simulator and what signs certificates for it, as far as a script holds them. */
async function simulatorSources(script: string): Promise<readonly string[]> {
  const map = await readFile(path.join(folder, `${script}.map`), "utf8");
  const { sources } = z.object({ sources: z.array(z.string()) }).parse(JSON.parse(map));
  const found = sources.flatMap(
    (source) => /src\/simulator|node_modules\/(?:@peculiar|tsyringe|reflect-metadata)(?=\/)/.exec(source)?.[0] ?? [],
  );
  return [...new Set(found)].toSorted();
}

function run(...argv: readonly string[]): Promise<{ readonly code: unknown; readonly stderr: string }> {
  return execute(process.execPath, [path.join(folder, OPERATOR), ...argv]).then(
    ({ stderr }) => ({ code: 0, stderr }),
    ({ code, stderr }: { code: unknown; stderr: string }) => ({ code, stderr }),
  );
}

test("the image has two scripts with their maps, and the licences of both", async () => {
  const expected = [OPERATOR, `${OPERATOR}.map`, SIMULATOR, `${SIMULATOR}.map`, "LICENSES.txt"];
  expect((await readdir(folder)).toSorted()).toEqual(expected.toSorted());
  const licences = await readFile(path.join(folder, "LICENSES.txt"), "utf8");
  expect(licences).toMatch(/^@peculiar\/x509 /m);
  expect(licences).toMatch(/^pino /m);
});

test("the operator's script holds neither the simulator nor the packages that sign certificates", async () => {
  expect(await simulatorSources(OPERATOR)).toEqual([]);
});

test("the simulator's script holds the simulator and the packages that sign certificates", async () => {
  const packages = ["@peculiar", "reflect-metadata", "tsyringe"].map((name) => `node_modules/${name}`);
  expect(await simulatorSources(SIMULATOR)).toEqual([...packages, "src/simulator"]);
});

test("the verb simulate loads the simulator's script", async () => {
  expect(await run("simulate", "--help")).toEqual({ code: 0, stderr: "" });
});

test("a wrong flag of the simulator is a usage error although the simulator is a script of its own", async () => {
  const stderr = "atlas-cert-operator: unknown flag --prt. See --help.\n";
  expect(await run("simulate", "--prt=1")).toEqual({ code: 2, stderr });
});
