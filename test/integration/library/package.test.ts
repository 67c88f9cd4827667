import { readdirSync } from "node:fs";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startSimulator } from "../../../src/simulator/simulator.ts";
import { type PackedPackage, packPackage, ROOT } from "../../library/packed-package.ts";

let packed: PackedPackage;
beforeAll(async () => {
  packed = await packPackage();
}, 120_000);
afterAll(() => packed?.[Symbol.asyncDispose]());

const inPackage = (file: string) => path.join(packed.consumer, "node_modules/atlas-cert-operator", file);

/** What a user of the package compiles with, libraries' declarations included. */
const TSCONFIG = {
  compilerOptions: {
    module: "nodenext",
    target: "es2024",
    lib: ["es2024", "esnext.disposable"],
    types: ["node"],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
  },
};

async function typeCheck(folder: string, source: string): Promise<string> {
  await mkdir(path.join(packed.consumer, folder), { recursive: true });
  const write = (name: string, text: string) => writeFile(path.join(packed.consumer, folder, name), text);
  await write("package.json", '{"type":"module"}');
  await write("tsconfig.json", JSON.stringify(TSCONFIG));
  await write("main.ts", source);
  return packed.run("tsc", ["-p", folder]).catch((error: { stdout?: string }) => error.stdout ?? String(error));
}

/** The block of TypeScript in the README that shows the library. */
async function readmeExample(): Promise<string> {
  const readme = await readFile(path.join(ROOT, "README.md"), "utf8");
  const section = readme.split(/^## /m).find((text) => text.startsWith("As a library\n"));
  const block = /^```ts\n([\s\S]*?)^```$/m.exec(section ?? "")?.[1];
  if (block === undefined) throw new Error('README.md has no TypeScript under "As a library"');
  return block;
}

describe("the package", () => {
  test("holds the compiled sources, the CRDs and what a reader wants, and nothing else", () => {
    const sources = readdirSync(path.join(ROOT, "src"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .filter((file) => !/\.test\.ts$|(^|\/)testing(\.ts$|\/)|^api\/generate-crds\.ts$/.test(file));
    const compiled = sources.flatMap((file) => {
      const stem = `dist/package/src/${file.slice(0, -".ts".length)}`;
      return [`${stem}.js`, `${stem}.d.ts`];
    });
    const crds = readdirSync(path.join(ROOT, "crds")).map((file) => `crds/${file}`);
    const plain = ["CHANGELOG.md", "LICENSE", "README.md", "package.json", "dist/package/package.json"];
    expect(packed.files).toEqual([...compiled, ...crds, ...plain].toSorted());
  });

  test("points to no source map", async () => {
    for (const file of packed.files.filter((name) => name.endsWith(".js"))) {
      expect(await readFile(inPackage(file), "utf8"), file).not.toContain("sourceMappingURL");
    }
  });

  test("names files that are there", async () => {
    const { bin, exports } = JSON.parse(await readFile(inPackage("package.json"), "utf8"));
    for (const file of [...Object.values<string>(bin), exports["."].types, exports["."].default]) {
      expect(packed.files).toContain(path.normalize(file));
    }
  });

  test("runs as a command", async () => {
    // The command needs more packages than the library does.
    const { version } = JSON.parse(await readFile(path.join(ROOT, "package.json"), "utf8"));
    const main = path.join(packed.consumer, "../staging/dist/package/src/main.js");
    expect(await packed.run("node", [main, "--version"])).toBe(`atlas-cert-operator ${version}\n`);
  });
});

describe("who imports the library", () => {
  test("loads no Kubernetes code, nothing of the operator and two packages", async () => {
    const script = `
      import { registerHooks } from "node:module";
      const urls = [];
      registerHooks({ load: (url, context, next) => { urls.push(url); return next(url, context); } });
      await import("atlas-cert-operator");
      console.log(JSON.stringify(urls));
    `;
    const urls: string[] = JSON.parse(await packed.run("node", ["--input-type=module", "--eval", script]));
    const files = urls.filter((url) => url.startsWith("file:")).map((url) => url.split("/node_modules/").at(-1) ?? "");
    const packages = new Set(files.map((file) => /^(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]));
    expect([...packages].toSorted()).toEqual(["atlas-cert-operator", "undici", "zod"]);

    const ours = files.flatMap((file) => /^atlas-cert-operator\/dist\/package\/(.*)/.exec(file)?.[1] ?? []);
    expect(ours.filter((file) => !file.startsWith("src/atlas/")).toSorted()).toEqual([
      "package.json",
      "src/clock.js",
      "src/deadline.js",
      "src/index.js",
      "src/sensitive-text.js",
      "src/wiped-bytes.js",
    ]);
  });

  test("gets types that hold under strict rules, and that refuse what is wrong", async () => {
    const problems = await typeCheck(
      "strict",
      `
        import {
          AtlasError, type AtlasErrorKind, AtlasTransport, type CertificatePage, type Clock, DEFAULT_BASE_URL,
          DEFAULT_RATE_LIMITS, Pacer, parseCredentials, readExtraCaFile, SensitiveText, type IssuedCertificate,
          type UserSecurity, X509AuthenticationApi,
        } from "atlas-cert-operator";

        const clock: Clock = { now: () => 0, monotonic: () => 0, sleep: async () => {} };
        await using transport = new AtlasTransport({ baseUrl: DEFAULT_BASE_URL, extraCa: await readExtraCaFile("ca.pem") });
        const api = new X509AuthenticationApi({
          credentials: { kind: "apiKeys", publicApiKey: "abcdefgh", privateApiKey: new SensitiveText("x") },
          transport,
          pacer: new Pacer({ clock, limits: DEFAULT_RATE_LIMITS }),
        });
        const user = { groupId: "32b6e34b3d91647abb20e7b8", username: "orders-api" };
        const pem: SensitiveText = await api.createDatabaseUserCertificate(user, { signal: AbortSignal.timeout(1000) });
        const page: CertificatePage = await api.listDatabaseUserCertificates({ ...user, includeCount: true });
        const first: IssuedCertificate | undefined = page.results[0];
        const serial: string | undefined = first?.serialNumber;
        const settings: UserSecurity = await api.disableCustomerManagedX509({ groupId: user.groupId });
        const all = await api.listAllDatabaseUserCertificates(user);
        const atAtlas: Date | undefined = all.answeredAt;

        const parsed = parseCredentials(process.env);
        const text: string = parsed.ok ? parsed.credentials.kind : parsed.problem;

        export function advise(error: AtlasError): string {
          const kind: AtlasErrorKind = error.kind;
          switch (kind) {
            case "credentials": case "role": case "accessList": case "userNotFound": case "projectNotFound":
            case "customerManagedOn": case "certificateLimit": case "badRequest":
              return error.requiredRole ?? error.message;
            case "rateLimited": case "unavailable":
              return String(error.retryAfterMs);
            case "ambiguous": case "badAnswer": case "aborted":
              return error.operation;
            default:
              throw new Error(kind satisfies never);
          }
        }
        export { atAtlas, pem, serial, settings, text };

        // @ts-expect-error: there is no such kind
        if (new AtlasError({ kind: "badRequest", operation: "authenticate", problem: "" }).kind === "teapot") {}
        // @ts-expect-error: a user is named by project and name
        api.listDatabaseUserCertificates({ username: "orders-api" });
        // @ts-expect-error: what is read can't be changed
        page.results.push(first);
        // @ts-expect-error: a secret is no text
        const leaked: string = pem;
      `,
    );
    expect(problems).toBe("");
  });

  test("finds a comment at everything that is exported", async () => {
    const index = await readFile(inPackage("dist/package/src/index.d.ts"), "utf8");
    const undocumented: string[] = [];
    let count = 0;
    for (const [, names = "", file = ""] of index.matchAll(/^export (?:type )?\{([^}]*)\} from "\.\/([^"]*)\.ts";/gm)) {
      const declarations = await readFile(inPackage(`dist/package/src/${file}.d.ts`), "utf8");
      for (const name of names.split(",").map((each) => each.replace("type ", "").trim())) {
        if (name === "") continue;
        count += 1;
        const declared = new RegExp(`\\*/\\nexport (?:declare )?(?:abstract )?\\w+ ${name}\\b`);
        if (!declared.test(declarations)) undocumented.push(name);
      }
    }
    expect(undocumented).toEqual([]);
    expect(count).toBeGreaterThan(25);
  });
});

describe("the example in the README", () => {
  const PROJECT = "32b6e34b3d91647abb20e7b8";

  test("compiles", async () => {
    expect(await typeCheck("example", await readmeExample())).toBe("");
  });

  test("creates a certificate and lists it, against the simulator", async () => {
    await using atlas = await startSimulator({ keyAlgorithm: "ec-p256" });
    const account = atlas.credentials.find(({ kind, role }) => kind === "serviceAccount" && role === "GROUP_OWNER");
    if (account?.kind !== "serviceAccount") throw new Error("the simulator has no service account");
    await writeFile(path.join(packed.consumer, "example.mts"), await readmeExample());
    const printed = await packed.run("node", ["example.mts"], {
      ATLAS_BASE_URL: atlas.url,
      ATLAS_CLIENT_ID: account.clientId,
      ATLAS_CLIENT_SECRET: account.clientSecret,
      ATLAS_PROJECT_ID: PROJECT,
    });
    const [certificate, ...others] = atlas.certificates(PROJECT, "orders-api");
    expect(others).toEqual([]);
    expect(printed).toBe(`${certificate?.serialNumber} ${certificate?.notAfter.toISOString()}\n`);
    const file = path.join(packed.consumer, "orders-api.pem");
    expect(await readFile(file, "utf8")).toMatch(/BEGIN CERTIFICATE[\s\S]*BEGIN PRIVATE KEY/);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test("says what is missing when nobody says who is calling", async () => {
    await writeFile(path.join(packed.consumer, "example.mts"), await readmeExample());
    await expect(packed.run("node", ["example.mts"])).rejects.toThrow(
      "The credentials hold neither clientId and clientSecret (a service account), nor publicApiKey and privateApiKey",
    );
  });
});
