import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UsageError } from "../flags.ts";
import { CertificateAuthority } from "./certificate-authority.ts";
import { SimulatorClient } from "./client.ts";
import { simulateCommand } from "./command.ts";
import { SIMULATE_FLAGS, SIMULATE_USAGE } from "./command-flags.ts";
import { certsPath, create, PRODUCTION } from "./testing.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "simulate-test-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** The command prints this when it is ready. */
interface Ready {
  readonly url: string;
  readonly adminUrl: string;
  readonly projects: readonly { readonly id: string }[];
  readonly credentials: readonly { readonly id: string }[];
  readonly caFile: string;
}

/** Runs the command to its end without waiting for it to be ready. */
async function run(...argv: string[]) {
  let stdout = "";
  let stderr = "";
  const io = {
    stdout: { write: (text: string) => (stdout += text) },
    stderr: { write: (text: string) => (stderr += text) },
    environment: {},
    signal: AbortSignal.abort(),
  };
  const code = await simulateCommand(argv, io);
  return { code, stdout, stderr };
}

/** Runs the command until `use` is done with it. */
async function runWhile<Result>(
  argv: readonly string[],
  use: (ready: Ready) => Promise<Result>,
  environment: Readonly<Record<string, string>> = {},
) {
  const controller = new AbortController();
  const { promise, resolve } = Promise.withResolvers<string>();
  const io = { stdout: { write: resolve }, stderr: { write: resolve }, environment, signal: controller.signal };
  const ended = simulateCommand(["--key-algorithm", "ec-p256", ...argv], io);
  const line = await promise;
  try {
    const ready: Ready = JSON.parse(line);
    return { ready, line, result: await use(ready), code: ended };
  } finally {
    controller.abort();
    await ended;
  }
}

describe("simulate", () => {
  test("prints one line of JSON with all one needs, and serves", async () => {
    const { ready, line, result } = await runWhile([], async ({ url }) => (await create(url)).status);
    expect(result).toBe(201);
    expect(line.trimEnd().split("\n")).toHaveLength(1);
    expect(Object.keys(ready)).toEqual(["url", "adminUrl", "projects", "credentials", "caFile"]);
    expect(ready.projects[0]?.id).toBe(PRODUCTION);
  });

  test("ends with 0 when the signal aborts, and takes its temporary file along", async () => {
    const { ready, result, code } = await runWhile([], async ({ caFile }) => existsSync(caFile));
    expect([result, existsSync(ready.caFile), await code]).toEqual([true, false, 0]);
  });

  test("leaves the file that was asked for", async () => {
    const caFile = join(folder, "ca.pem");
    const { ready } = await runWhile(["--ca-file", caFile], async () => undefined);
    expect(ready.caFile).toBe(caFile);
    expect(await readFile(caFile, "utf8")).toMatch(/^-----BEGIN CERTIFICATE-----/);
  });

  test("serves HTTPS that the file vouches for", async () => {
    const { result } = await runWhile(["--tls"], async ({ url, caFile }) => {
      const ca = await readFile(caFile, "utf8");
      const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
      get(url + certsPath(), { ca }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).on("error", reject);
      return promise;
    });
    expect(result).toBe(401);
  });

  test("serves HTTPS with the pair that it is given", async () => {
    const authority = await CertificateAuthority.create("someone-else", "ec-p256");
    const pair = await authority.issueServer("127.0.0.1");
    const [certFile, keyFile] = [join(folder, "tls.crt"), join(folder, "tls.key")];
    await writeFile(certFile, pair.certificatePem);
    await writeFile(keyFile, pair.privateKeyPem);
    const { result } = await runWhile([`--tls-cert-file=${certFile}`, `--tls-key-file=${keyFile}`], async ({ url }) => {
      const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
      get(url + certsPath(), { ca: authority.pem }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).on("error", reject);
      return promise;
    });
    expect(result).toBe(401);
  });

  test("makes months as long as told", async () => {
    const { result } = await runWhile(["--month", "30s"], async ({ url, adminUrl }) => {
      await create(url, 1);
      return new SimulatorClient(adminUrl).certificates(PRODUCTION, "orders-api");
    });
    const [one] = result;
    const lifetimeMs = Number(one?.notAfter) - Number(one?.notBefore);
    expect(lifetimeMs).toBeGreaterThanOrEqual(30_000);
    expect(lifetimeMs).toBeLessThanOrEqual(32_000);
  });

  test("limits the rate as told", async () => {
    const { result } = await runWhile(["--rate-limit", "1/1/1h"], async ({ url }) => {
      await create(url);
      return (await create(url)).headers.get("retry-after");
    });
    expect(Number(result)).toBeGreaterThan(3_500);
  });

  test("takes its fixtures from a file", async () => {
    const file = join(folder, "fixtures.json");
    const project = { id: "a".repeat(24), name: "mine", users: ["me"] };
    const access = { role: "GROUP_OWNER", projectIds: [project.id] };
    const key = { kind: "apiKey", id: "k", publicApiKey: "pub", privateApiKey: "x", ...access };
    await writeFile(file, JSON.stringify({ projects: [project], credentials: [key] }));
    const { ready } = await runWhile(["--fixtures", file], async () => undefined);
    expect([ready.projects, ready.credentials]).toEqual([[project], [key]]);
  });

  test.each(["--help", "-h"])("prints its usage for %s", async (flag) => {
    expect(await run(flag)).toEqual({ code: 0, stdout: SIMULATE_USAGE, stderr: "" });
  });

  test("lists every flag in the order of the table, and fits a terminal", () => {
    const flags = [...SIMULATE_USAGE.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, flag]) => flag);
    expect(flags).toEqual([...Object.keys(SIMULATE_FLAGS), "help"]);
    expect(SIMULATE_USAGE.split("\n").filter((line) => line.length > 100)).toEqual([]);
  });

  test("takes its flags from the environment too", async () => {
    const { result } = await runWhile(
      ["--month=30s"],
      async ({ url }) => {
        await create(url);
        return (await create(url)).status;
      },
      { ATLAS_CERTS_RATE_LIMIT: "1/1/1h", ATLAS_CERTS_MONTH: "1h" },
    );
    expect(result).toBe(429);
  });

  test.each([
    [["--colour"], "unknown flag --colour"],
    [["serve"], 'unexpected argument "serve"'],
    [["--port"], "--port needs a value: --port=N"],
    [["--port=65536"], '--port must be a whole number from 0 to 65535, not "65536"'],
    [["--admin-port", "x"], '--admin-port must be a whole number from 0 to 65535, not "x"'],
    [["--month=1y"], '--month must be a duration such as 6h, 1h30m, 10s or 500ms, not "1y"'],
    [["--month=0s"], '--month must be a duration such as 6h, 1h30m, 10s or 500ms, not "0s"'],
    [["--key-algorithm=dsa"], '--key-algorithm must be one of rsa-2048, rsa-4096, ec-p256, not "dsa"'],
    [["--digest-algorithm=SHA-1"], '--digest-algorithm must be one of MD5, SHA-256, not "SHA-1"'],
    [["--rate-limit=10"], "--rate-limit must be capacity/refill/interval in whole seconds"],
    [["--rate-limit=10/5/1500ms"], "--rate-limit must be capacity/refill/interval in whole seconds"],
    [["--role-missing-status=404"], '--role-missing-status must be one of 403, 401, not "404"'],
    [["--certificate-limit=0"], '--certificate-limit must be a whole number from 1 to 999999999, not "0"'],
    [["--tls=yes"], '--tls must be true or false, not "yes"'],
    [["--tls-cert-file=x"], "--tls-cert-file and --tls-key-file require each other"],
    [["--tls-cert-file=/none", "--tls-key-file=/none"], "--tls-cert-file /none cannot be read"],
    [["--tls-cert-file=package.json", "--tls-key-file=package.json"], "are not a PEM certificate and its private key"],
  ])("refuses %j", async (argv, message) => {
    const refused = run(...argv);
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow(message);
  });

  test.each([
    ["that is not there", undefined, "cannot be read"],
    ["that is not JSON", "{", "is not JSON"],
    ["that is not valid", '{"projects": []}', "projects:"],
  ])("refuses a fixtures file %s", async (_, content, message) => {
    const file = join(folder, "bad.json");
    await rm(file, { force: true });
    if (content !== undefined) await writeFile(file, content);
    const refused = run("--fixtures", file);
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow(message);
  });

  test("ends with 1 and the reason when it can't have its port", async () => {
    const { result } = await runWhile([], ({ url }) => run("--key-algorithm", "ec-p256", "--port", new URL(url).port));
    expect(result).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("EADDRINUSE") });
  });
});
