import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseCredentials, readCredentials } from "../control-plane/control-plane.ts";
import { silentProgress } from "../control-plane/progress.ts";
import { createRest, type Rest } from "../control-plane/rest.ts";
import { type RunningControlPlane, startControlPlane } from "../control-plane/start.ts";

/** From the call to a control plane that answers, with its programs in the cache. */
const START_LIMIT_MS = 10_000;

describe("a control plane of one's own", () => {
  let running: RunningControlPlane;
  let rest: Rest;
  let startMs: number;

  beforeAll(async () => {
    const before = performance.now();
    running = await startControlPlane({ controllerManager: false, progress: silentProgress, audit: true });
    startMs = performance.now() - before;
    rest = createRest(readCredentials(running.kubeconfigPath));
  });

  afterAll(() => running.stop());

  const createSecret = (name: string) =>
    rest("POST", "/api/v1/namespaces/default/secrets", { apiVersion: "v1", kind: "Secret", metadata: { name } });
  const secretStatus = async (name: string) => (await rest("GET", `/api/v1/namespaces/default/secrets/${name}`)).status;

  it("starts in under ten seconds", () => {
    expect(startMs).toBeLessThan(START_LIMIT_MS);
  });

  it("gives a new user no rights", async () => {
    const kubeconfig = await running.addUser({ name: "nobody", groups: [] });
    const answer = await createRest(parseCredentials(kubeconfig))("GET", "/api/v1/secrets");
    expect(answer).toMatchObject({
      status: 403,
      body: { message: expect.stringContaining('User "nobody" cannot list resource "secrets"') },
    });
  });

  it("takes a new user's groups into account", async () => {
    const kubeconfig = await running.addUser({ name: "somebody", groups: ["system:masters"] });
    expect((await createRest(parseCredentials(kubeconfig))("GET", "/api/v1/secrets")).status).toBe(200);
  });

  it("has its API server killed and started again at the same address, with its data", async () => {
    await createSecret("before-the-kill");
    await running.apiServer.kill("SIGKILL");
    await expect(secretStatus("before-the-kill")).rejects.toThrow();
    await running.apiServer.start();
    expect(await secretStatus("before-the-kill")).toBe(200);
  });

  it("has its etcd restarted with its data", async () => {
    await createSecret("before-the-restart");
    const { pid } = running.etcd;
    await running.etcd.restart();
    expect(running.etcd.pid).not.toBe(pid);
    await expect.poll(() => secretStatus("before-the-restart"), { timeout: 30_000 }).toBe(200);
  });

  it("answers again after a pause of its API server", async () => {
    running.apiServer.pause();
    const answer = rest("GET", "/version");
    running.apiServer.resume();
    expect((await answer).status).toBe(200);
  });

  it("writes down who did what", async () => {
    await createSecret("audited");
    const log = await readFile(running.auditLogPath ?? "", "utf8");
    const entries = log
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(entries).toContainEqual(
      expect.objectContaining({
        verb: "create",
        user: expect.objectContaining({ username: "admin" }),
        objectRef: expect.objectContaining({ resource: "secrets", namespace: "default", name: "audited" }),
      }),
    );
  });
});
