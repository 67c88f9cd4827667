import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SIMULATE_USAGE, simulateCommand } from "./command.ts";
import { certsPath, create, PRODUCTION } from "./testing.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "simulate-test-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** What the command prints when it is ready. */
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
    signal: AbortSignal.abort(),
  };
  const code = await simulateCommand(argv, io);
  return { code, stdout, stderr };
}

/** Runs the command until `use` is done with it. */
async function runWhile<Result>(argv: readonly string[], use: (ready: Ready) => Promise<Result>) {
  const controller = new AbortController();
  const { promise, resolve } = Promise.withResolvers<string>();
  const io = { stdout: { write: resolve }, stderr: { write: resolve }, signal: controller.signal };
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

  test("makes months as long as told", async () => {
    const { result } = await runWhile(["--month", "30s"], async ({ url, adminUrl }) => {
      await create(url, 1);
      const path = `/projects/${PRODUCTION}/users/orders-api/certificates`;
      return (await fetch(adminUrl + path)).json();
    });
    const { certificates } = result as { certificates: readonly { notBefore: string; notAfter: string }[] };
    const [one] = certificates;
    const lifetimeMs = Date.parse(one?.notAfter ?? "") - Date.parse(one?.notBefore ?? "");
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

  test("tells of every flag in order", () => {
    const flags = SIMULATE_USAGE.match(/^ {2}(?:-\w, )?--[\w-]+/gm)?.map((flag) => flag.replace(/^.*--/, "")) ?? [];
    expect(flags).toEqual(flags.toSorted());
    expect(flags).toHaveLength(14);
  });

  test.each([
    [["--colour"], "--colour"],
    [["serve"], "serve"],
    [["--port"], "--port"],
    [["--port", "65536"], "--port takes a port"],
    [["--admin-port", "x"], "--admin-port takes a port"],
    [["--month", "1y"], "--month takes a duration"],
    [["--month", "0s"], "--month takes a duration"],
    [["--key-algorithm", "dsa"], "--key-algorithm takes one of"],
    [["--digest-algorithm", "SHA-1"], "--digest-algorithm takes one of"],
    [["--rate-limit", "10"], "--rate-limit takes"],
    [["--rate-limit", "10/5/1500ms"], "--rate-limit takes"],
    [["--role-missing-status", "404"], "--role-missing-status takes"],
    [["--certificate-limit", "0"], "--certificate-limit takes"],
    [["--tls=yes"], "--tls"],
  ])("refuses %j with its usage and the exit code 2", async (argv, message) => {
    const { code, stdout, stderr } = await run(...argv);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(message);
    expect(stderr).toContain("Usage: atlas-cert-operator simulate");
  });

  test.each([
    ["that is not there", undefined, "can't be read"],
    ["that is not JSON", "{", "is not JSON"],
    ["that is not valid", '{"projects": []}', "projects:"],
  ])("refuses a fixtures file %s with the exit code 2", async (_, content, message) => {
    const file = join(folder, "bad.json");
    await rm(file, { force: true });
    if (content !== undefined) await writeFile(file, content);
    const { code, stderr } = await run("--fixtures", file);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  test("ends with 1 and the reason when it can't have its port", async () => {
    const { result } = await runWhile([], ({ url }) => run("--key-algorithm", "ec-p256", "--port", new URL(url).port));
    expect(result).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("EADDRINUSE") });
  });
});
