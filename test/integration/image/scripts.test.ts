import { execFile, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { issuePair } from "../../../src/certificate/testing.ts";
import { SensitiveText } from "../../../src/sensitive-text.ts";
import { imageNode } from "../../image/image-node.ts";

const execute = promisify(execFile);
const ROOT = path.join(import.meta.dirname, "../../..");
const OPERATOR = "atlas-cert-operator.mjs";
/** The operator's reader of kubeconfigs, and the rest of it that both need. */
const [KUBECONFIG, SHARED] = ["kubeconfig-file.mjs", "chunk.mjs"];
const SIMULATOR = "atlas-simulator.mjs";
const KEYSTORE = "keystore.mjs";
const KUBECTL = "kubectl-atlascerts.mjs";

/** Of an API server that is not there. JSON is YAML. */
const KUBECONFIG_OF_NO_ONE = JSON.stringify({
  clusters: [{ name: "none", cluster: { server: "https://127.0.0.1:1" } }],
  users: [{ name: "none", user: { token: "none" } }],
  contexts: [{ name: "none", context: { cluster: "none", user: "none" } }],
  "current-context": "none",
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "image-scripts-"));
  await execute(process.execPath, [path.join(ROOT, "deploy/image/bundle.ts"), folder]);
});
afterAll(() => rm(folder, { recursive: true }));

/** The simulator, what signs certificates for it, keystores and the client library, as far as a script holds them. */
async function apart(script: string): Promise<readonly string[]> {
  const map = await readFile(path.join(folder, `${script}.map`), "utf8");
  const { sources } = z.object({ sources: z.array(z.string()) }).parse(JSON.parse(map));
  const parts =
    /src\/simulator|src\/certificate\/keystore\.ts|node_modules\/(?:pkijs|@peculiar|tsyringe|reflect-metadata|@kubernetes)(?=\/)/;
  return [...new Set(sources.flatMap((source) => parts.exec(source)?.[0] ?? []))].toSorted();
}

async function run(...argv: readonly string[]) {
  const { environment, flags } = await imageNode();
  const env = { ...process.env, ...environment };
  return execute(process.execPath, [...flags, path.join(folder, OPERATOR), ...argv], { env }).then(
    ({ stdout, stderr }) => ({ code: 0 as unknown, stdout, stderr }),
    ({ code, stdout, stderr }: { code: unknown; stdout: string; stderr: string }) => ({ code, stdout, stderr }),
  );
}

test("the image has these scripts with their maps, and the licences of all", async () => {
  const scripts = [OPERATOR, KUBECONFIG, SHARED, SIMULATOR, KEYSTORE, KUBECTL];
  const expected = [...scripts, ...scripts.map((script) => `${script}.map`), "LICENSES.txt"];
  expect((await readdir(folder)).toSorted()).toEqual(expected.toSorted());
  const licences = await readFile(path.join(folder, "LICENSES.txt"), "utf8");
  expect(licences).toMatch(/^@peculiar\/x509 /m);
  expect(licences).toMatch(/^pino /m);
});

test("what a pod loads holds neither the simulator, nor the packages that sign certificates, keystores and the client library", async () => {
  expect([await apart(OPERATOR), await apart(SHARED)]).toEqual([[], []]);
});

test("the simulator's script holds the simulator and the packages that sign certificates", async () => {
  const packages = ["@peculiar", "reflect-metadata", "tsyringe"].map((name) => `node_modules/${name}`);
  expect(await apart(SIMULATOR)).toEqual([...packages, "src/simulator"]);
});

test("keystores are made by a script of their own", async () => {
  expect(await apart(KEYSTORE)).toEqual(["node_modules/pkijs", "src/certificate/keystore.ts"]);
  const { pkcs12 } = await import(path.join(folder, KEYSTORE));
  const pair = await issuePair();
  expect((await pkcs12(pair, new SensitiveText("keystore-1"))).length).toBeGreaterThan(1000);
});

test("a kubeconfig loads the client library's script, and an error of it is the operator's own", async () => {
  expect(await apart(KUBECONFIG)).toEqual(["node_modules/@kubernetes"]);
  const missing = path.join(folder, "missing");
  const { code, stderr } = await run("run", `--kubeconfig=${missing}`);
  expect([code, stderr]).toEqual([2, expect.stringContaining(missing)]);
});

test("a stack in the log is told in terms of the sources", async () => {
  const kubeconfig = path.join(folder, "kubeconfig");
  await writeFile(kubeconfig, KUBECONFIG_OF_NO_ONE);
  const servers = ["--metrics-bind-address=0", "--health-bind-address=0"];
  const argv = ["run", `--kubeconfig=${kubeconfig}`, "--log-format=json", ...servers];
  const { environment, flags } = await imageNode();
  const env = { ...process.env, ...environment };
  const operator = spawn(process.execPath, [...flags, path.join(folder, OPERATOR), ...argv], { env });
  let failed = "";
  for await (const line of createInterface(operator.stdout)) {
    if (!line.includes("watch failed")) continue;
    failed = line;
    operator.kill("SIGKILL");
  }
  const { err } = z.object({ err: z.object({ stack: z.string() }) }).parse(JSON.parse(failed));
  expect(err.stack).toMatch(/^ {4}at .*\(src\/kube\/client\/kube-client\.ts:\d+:\d+\)$/m);
  expect(err.stack).not.toContain(".mjs");
});

test("the verb kubectl loads the plugin's script, which holds no package that signs certificates", async () => {
  expect(await apart(KUBECTL)).toEqual(["node_modules/@kubernetes"]);
  expect(await run("kubectl", "status", "--help")).toMatchObject({ code: 0, stderr: "" });
});

test("the verb simulate loads the simulator's script", async () => {
  expect(await run("simulate", "--help")).toMatchObject({ code: 0, stderr: "" });
});

test("a wrong flag of the simulator is a usage error although the simulator is a script of its own", async () => {
  const stderr = "atlas-cert-operator: unknown flag --prt. See --help.\n";
  expect(await run("simulate", "--prt=1")).toMatchObject({ code: 2, stderr });
});

test("the part of undici in the scripts is the package's own, with the method that opens a proxy's tunnel", () => {
  const require = createRequire(import.meta.url);
  const part = require("../../../deploy/image/undici.cjs");
  expect(part.Pool.prototype.connect).toBeTypeOf("function");
  const whole = require("undici");
  for (const [name, value] of Object.entries(part)) expect(value).toBe(whole[name]);
});
