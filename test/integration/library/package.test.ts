import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { transform } from "esbuild";
import { publint } from "publint";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MANIFEST } from "../../../deploy/npm/manifest.ts";
import { startSimulator } from "../../../src/simulator/simulator.ts";
import { oldestNode } from "../../library/oldest-node.ts";
import { type Consumer, PackageWorkshop, type PackedPackage, ROOT } from "../../library/packed-package.ts";
import { readmeExamples } from "../../library/readme-examples.ts";
import { STRICT } from "../../library/strict-consumer.ts";

let workshop: PackageWorkshop;
let packed: PackedPackage;
let consumer: Consumer;
/** The packages that npm installed with it, before a test linked more. */
let installed: readonly string[];
/** What an import of the simulator ends with as long as its peers are not installed. */
let withoutPeers: string;
/** The oldest Node that is promised, and the one that runs the tests. */
let nodes: { readonly oldest: string; readonly newest: string };
beforeAll(async () => {
  workshop = await PackageWorkshop.open();
  packed = await workshop.packLibrary();
  consumer = await workshop.consumer(packed);
  installed = await consumer.packages();
  withoutPeers = await consumer
    .run(process.execPath, ["--input-type=module", "--eval", 'await import("atlas-x509/simulator")'])
    .then(() => "", String);
  await consumer.link("@types/node", ...Object.keys(MANIFEST.peerDependencies));
  nodes = { oldest: await oldestNode(), newest: process.execPath };
}, 300_000);
afterAll(() => workshop?.[Symbol.asyncDispose]());

/** A source as JavaScript, for a Node that does not strip types by itself. */
async function compiled(source: string): Promise<string> {
  return (await transform(source, { loader: "ts", target: "node22", format: "esm" })).code;
}

const MODULES = [
  { module: "nodenext" },
  { module: "esnext", moduleResolution: "bundler" },
  { module: "preserve", moduleResolution: "bundler" },
] as const;
const NODES = ["oldest", "newest"] as const;

describe("the package atlas-x509", () => {
  test("installs undici and zod, and nothing else", () => {
    expect(installed).toEqual(["atlas-x509", "undici", "zod"]);
  });

  test("holds what its two entry points load, and nothing of the operator", () => {
    const [folders, plain] = [new Set<string>(), new Set<string>()];
    for (const file of packed.files) {
      const [, folder] = /^src\/([^/]+)\//.exec(file) ?? [];
      if (folder === undefined) plain.add(file.replace(/\.(?:js|d\.ts)$/, ""));
      else folders.add(folder);
    }
    expect([...folders]).toEqual(["atlas", "certificate", "simulator"]);
    expect([...plain].filter((file) => !file.startsWith("src/"))).toEqual(["LICENSE", "README.md", "package.json"]);
    expect(packed.files.filter((file) => /command|testing|test\./.test(file))).toEqual([]);
  });

  test("names files that are there", () => {
    const { ".": client, "./simulator": simulator } = MANIFEST.exports;
    for (const file of [...Object.values(client), ...Object.values(simulator)]) {
      expect(packed.files).toContain(path.normalize(file));
    }
  });

  test("points to no source map", async () => {
    for (const file of packed.files.filter((name) => name.endsWith(".js"))) {
      expect(await readFile(path.join(packed.folder, file), "utf8"), file).not.toContain("sourceMappingURL");
    }
  });

  test("has nothing that publint objects to", async () => {
    const { messages } = await publint({ pkgDir: packed.folder, pack: false, strict: true });
    expect(messages).toEqual([]);
  });

  test("has types that attw finds right from ESM, from require() and for bundlers", async () => {
    const analysis = await checkPackage(createPackageFromTarballData(await readFile(packed.tarball)));
    if (!analysis.types) throw new Error("attw found no types");
    const entryPoints = Object.keys(analysis.entrypoints).toSorted();
    expect(entryPoints).toEqual([".", "./package.json", "./simulator"]);
    // The module resolution of Node 10 knows no exports; every Node that is promised can require() ES modules.
    const problems = analysis.problems.filter(
      (problem) =>
        !("resolutionKind" in problem && problem.resolutionKind === "node10") && problem.kind !== "CJSResolvesToESM",
    );
    expect(problems).toEqual([]);
  });

  test("says on npm what the README says of the library", async () => {
    const text = await readFile(path.join(packed.folder, "README.md"), "utf8");
    expect(text).toMatch(/^# atlas-x509\n\n`npm install atlas-x509`/);
    // Relative links lead nowhere there.
    expect(text).not.toMatch(/\]\((?!https:)/);
  });
});

describe("who imports atlas-x509", () => {
  test("loads two packages, and of the library neither the simulator nor anything for Kubernetes", async () => {
    const script = `
      import { registerHooks } from "node:module";
      const urls = [];
      registerHooks({ load: (url, context, next) => { urls.push(url); return next(url, context); } });
      await import("atlas-x509");
      console.log(JSON.stringify(urls));
    `;
    const { stdout } = await consumer.run(nodes.newest, ["--input-type=module", "--eval", script]);
    const urls: string[] = JSON.parse(stdout);
    const files = urls.filter((url) => url.startsWith("file:")).map((url) => url.split("/node_modules/").at(-1) ?? "");
    const packages = new Set(files.map((file) => /^(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]));
    expect([...packages].toSorted()).toEqual(["atlas-x509", "undici", "zod"]);

    const ours = files.flatMap((file) => /^atlas-x509\/(.*)/.exec(file)?.[1] ?? []);
    expect(ours.filter((file) => !/^src\/(?:atlas|certificate)\//.test(file)).toSorted()).toEqual([
      "package.json",
      "src/backoff.js",
      "src/clock.js",
      "src/deadline.js",
      "src/http-dates.js",
      "src/index.js",
      "src/sensitive-text.js",
      "src/wiped-bytes.js",
    ]);
  });

  test.each(NODES)("gets it from require() too, without a warning, on the %s Node", async (node) => {
    const script = 'const { X509AuthenticationApi } = require("atlas-x509"); console.log(X509AuthenticationApi.name)';
    expect(await consumer.run(nodes[node], ["--input-type=commonjs", "--eval", script])).toEqual({
      stdout: "X509AuthenticationApi\n",
      stderr: "",
    });
  });

  test("names itself to Atlas as the library", async () => {
    const script = `
      import { createServer } from "node:http";
      import { AtlasTransport } from "atlas-x509";
      const server = createServer(({ headers }, response) => response.end(headers["user-agent"])).listen(0, "127.0.0.1");
      await new Promise((resolve) => server.once("listening", resolve));
      await using transport = new AtlasTransport({ baseUrl: "http://127.0.0.1:" + server.address().port });
      console.log((await transport.exchange({ method: "GET", path: "/", headers: {} })).body.reveal());
      server.close();
    `;
    const { stdout } = await consumer.run(nodes.newest, ["--input-type=module", "--eval", script]);
    expect(stdout).toBe(`atlas-x509/${MANIFEST.version}\n`);
  });

  test.each(MODULES)("gets types that hold under strict rules, as do the README's examples: %j", async (options) => {
    const { client, simulator } = await readmeExamples();
    const sources = { "strict.ts": STRICT, "client.ts": client, "simulator.ts": simulator };
    expect(await consumer.typeCheck(sources, options)).toBe("");
  });

  test("gets types in CommonJS too", async () => {
    const source =
      'import x509 = require("atlas-x509");\nlet kind: x509.AtlasErrorKind = "role";\nkind = "badAnswer";\n';
    // The extension makes it CommonJS.
    expect(await consumer.typeCheck({ "main.cts": source }, { module: "nodenext" })).toBe("");
  });

  test.each(["index", "simulator/index"])("finds a comment at everything that %s exports", async (entry) => {
    const folder = path.join(packed.folder, "src", path.dirname(entry));
    const index = await readFile(path.join(packed.folder, `src/${entry}.d.ts`), "utf8");
    const undocumented: string[] = [];
    let count = 0;
    for (const [, names = "", file = ""] of index.matchAll(/^export (?:type )?\{([^}]*)\} from "\.\/([^"]*)\.ts";/gm)) {
      const declarations = await readFile(path.join(folder, `${file}.d.ts`), "utf8");
      for (const name of names.split(",").map((each) => each.replace("type ", "").trim())) {
        if (name === "") continue;
        count += 1;
        const declared = new RegExp(`\\*/\\nexport (?:declare )?(?:abstract )?\\w+ ${name}\\b`);
        if (!declared.test(declarations)) undocumented.push(name);
      }
    }
    expect(undocumented).toEqual([]);
    expect(count).toBeGreaterThan(15);
  });
});

describe("the example of the client in the README", () => {
  const PROJECT = "32b6e34b3d91647abb20e7b8";

  test.each(NODES)("creates a certificate, checks and lists it, on the %s Node", async (node) => {
    await using atlas = await startSimulator({ keyAlgorithm: "ec-p256" });
    const account = atlas.credentials.find(({ kind, role }) => kind === "serviceAccount" && role === "GROUP_OWNER");
    if (account?.kind !== "serviceAccount") throw new Error("the simulator has no service account");
    await consumer.write("client.mjs", await compiled((await readmeExamples()).client));
    const { stdout } = await consumer.run(nodes[node], ["client.mjs"], {
      ATLAS_BASE_URL: atlas.url,
      ATLAS_CLIENT_ID: account.clientId,
      ATLAS_CLIENT_SECRET: account.clientSecret,
      ATLAS_PROJECT_ID: PROJECT,
    });
    const [certificate, ...others] = atlas.certificates(PROJECT, "orders-api");
    expect(others).toEqual([]);
    expect(stdout.split("\n")).toEqual([
      expect.stringMatching(/^renew at 20\d\d-/),
      `${certificate?.serialNumber} ${certificate?.notAfter.toISOString()}`,
      "",
    ]);
    const file = path.join(consumer.folder, "orders-api.pem");
    expect(await readFile(file, "utf8")).toMatch(/BEGIN CERTIFICATE[\s\S]*BEGIN PRIVATE KEY/);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test("says what is missing when the environment holds no credentials", async () => {
    await consumer.write("client.mjs", await compiled((await readmeExamples()).client));
    await expect(consumer.run(nodes.newest, ["client.mjs"])).rejects.toThrow(
      "The credentials hold neither clientId and clientSecret (a service account), nor publicApiKey and privateApiKey",
    );
  });
});

describe("the subpath atlas-x509/simulator", () => {
  test("names the package that is missing where its optional peers are not installed", () => {
    expect(withoutPeers).toMatch(/Cannot find package '(?:ky|@peculiar\/x509|reflect-metadata)'/);
  });

  test.each(NODES)("runs the README's example on the %s Node", async (node) => {
    await consumer.write("simulator.mjs", await compiled((await readmeExamples()).simulator));
    expect(await consumer.run(nodes[node], ["simulator.mjs"])).toEqual({
      stdout: "ambiguous\n1 request\n1 certificate\n0 certificates\n",
      stderr: "",
    });
  });

  test("gives itself to require() too, on the oldest Node", async () => {
    const script = 'console.log(Object.keys(require("atlas-x509/simulator")).toSorted().join())';
    expect(await consumer.run(nodes.oldest, ["--input-type=commonjs", "--eval", script])).toEqual({
      stdout: "SimulatorClient,SimulatorError,startSimulator\n",
      stderr: "",
    });
  });
});

test("the packages that npm shows of the project name the same repository", async () => {
  const { repository, homepage, bugs } = JSON.parse(await readFile(path.join(ROOT, "package.json"), "utf8"));
  expect(homepage).toMatch(/^https:\/\/github\.com\/[\w-]+\/atlas-cert-operator#readme$/);
  const base = homepage.replace("#readme", "");
  expect({ repository, bugs }).toEqual({
    repository: { type: "git", url: `git+${base}.git` },
    bugs: { url: `${base}/issues` },
  });
  expect(MANIFEST).toMatchObject({ repository, homepage, bugs });
});
