import { expect, test } from "vitest";
import { kubeconfigThrough } from "../faults/kubeconfig-through.ts";
import { apiServerUrl } from "../kube/connect.ts";
import { FaultProxy } from "../kube/fault-proxy.ts";
import { condition, PRODUCTION } from "../operator/scene.ts";
import { leaseHolder, OperatorProcess, openScene } from "./operator-process.ts";

/** Longer than a test takes from the record of the attempt to the signal, on a busy machine too. */
const SLOW_CREATE_MS = 4_000;

test("SIGTERM in the middle of a create: the certificate is kept, the lease given back, the Event written", async () => {
  const scene = await openScene();
  scene.atlas.faults.add({
    operation: "createDatabaseUserCertificate",
    effect: { kind: "delay", ms: SLOW_CREATE_MS },
  });
  const operator = await OperatorProcess.start(scene);
  await scene.apply();
  await scene.until("recorded", ({ status }) => status.issuance !== undefined);
  expect(await leaseHolder(scene)).not.toBe("");

  operator.command.kill("SIGTERM");
  await operator.until("shutting down: finishing the certificates that are being issued");
  expect(await operator.health("/readyz")).toEqual([
    500,
    expect.stringContaining("[-]shutdown failed: this process is shutting down\n"),
  ]);
  expect((await operator.health("/livez"))[0]).toBe(200);
  await scene.apply("too-late");
  expect(scene.atlas.certificates(PRODUCTION, "orders-api"), "the create was to be under way still").toEqual([]);
  const { exitCode, stderr } = await operator.command.ended;

  expect([exitCode, stderr]).toEqual([0, ""]);
  const resource = await scene.get();
  const certificate = await scene.certificate();
  expect(resource.status.serialNumber).toBe(BigInt(`0x${certificate.serialNumber}`).toString());
  expect(resource.status.issuance).toBeUndefined();
  expect(condition(resource, "Ready")?.status).toBe("True");
  expect(scene.creates).toBe(1);
  expect(await leaseHolder(scene)).toBe("");
  expect((await scene.events()).map(({ reason }) => reason)).toEqual(["Issued"]);
  expect((await scene.get("too-late")).status).toEqual({ observedGeneration: -1 });
});

test("a second signal ends it at once, with 1", async () => {
  const scene = await openScene();
  scene.atlas.faults.add({ operation: "createDatabaseUserCertificate", effect: { kind: "hang" } });
  const operator = await OperatorProcess.start(scene, ["--leader-elect=false"]);
  await scene.apply();
  await scene.until("recorded", ({ status }) => status.issuance !== undefined);

  operator.command.kill("SIGTERM");
  await operator.until("shutting down: finishing the certificates that are being issued");
  const start = performance.now();
  operator.command.kill("SIGINT");
  const { exitCode } = await operator.command.ended;
  expect(exitCode).toBe(1);
  expect(performance.now() - start).toBeLessThan(2_000);
});

/** What a shutdown may take that has nothing to finish: the default grace period of a pod is 30 s. */
const IDLE_SHUTDOWN_MS = 10_000;

test("SIGTERM while the API server does not answer: it gives up what it can't give back, and ends with 0", async () => {
  const scene = await openScene();
  await using proxy = await FaultProxy.start(await apiServerUrl());
  const operator = await OperatorProcess.start(scene, [`--kubeconfig=${await kubeconfigThrough(proxy, scene)}`]);
  await operator.until("started leading");
  proxy.weather = "blackhole";
  const start = performance.now();
  operator.command.kill("SIGTERM");
  const { exitCode, stderr } = await operator.command.ended;
  expect([exitCode, stderr]).toEqual([0, ""]);
  expect(performance.now() - start).toBeLessThan(IDLE_SHUTDOWN_MS);
  expect(operator.line("could not release the lease")).toMatchObject({ level: "warn" });
});

/** Lets a signal bring a defect about. */
const DEFECT = (what: string) => ({
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(`process.on("SIGUSR2", () => { ${what} })`)}`,
});

test.each([
  ["an unhandled rejection", 'Promise.reject(new Error("a defect"))'],
  ["an exception that nobody catches", 'throw new Error("a defect")'],
])("%s is one line in the log, and the end, with 1", async (_, what) => {
  const scene = await openScene();
  const operator = await OperatorProcess.start(scene, [], DEFECT(what));
  await operator.until("started leading");
  operator.command.kill("SIGUSR2");
  const { exitCode, stderr } = await operator.command.ended;
  expect([exitCode, stderr]).toEqual([1, ""]);
  expect(operator.log.at(-1)).toMatchObject({
    level: "fatal",
    msg: "crashed",
    err: { type: "Error", message: "a defect", stack: expect.stringContaining("SIGUSR2") },
  });
  expect(operator.log.filter(({ level }) => level === "fatal").length).toBe(1);
});
