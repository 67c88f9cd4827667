import { expect, test } from "vitest";
import { apiServerUrl } from "../kube/connect.ts";
import { FaultProxy } from "../kube/fault-proxy.ts";
import { PRODUCTION, Scene } from "../operator/scene.ts";
import { OperatorProcess } from "../process/operator-process.ts";
import { kubeconfigThrough } from "./kubeconfig-through.ts";
import { fixturesWith, userNames } from "./many-users.ts";
import { expectRecovered } from "./outcome.ts";

/** Replicas as they are shipped: processes of their own, with the default times of the lease (15 s, 10 s, 2 s). */

const AT_WORK = "started leading";
const STOPPED_LEADER_LIMIT_MS = 3_000;
const KILLED_LEADER_LIMIT_MS = 20_000;
const RENEW_DEADLINE_MS = 10_000;

/** Waits until a replica leads; gives the milliseconds since that moment of `performance.now()`. */
async function leadsAfter(replica: OperatorProcess, sinceMs: number): Promise<number> {
  await expect.poll(() => isLeading(replica), { timeout: 40_000, interval: 20 }).toBe(true);
  return performance.now() - sinceMs;
}

function isLeading(replica: OperatorProcess): boolean {
  return replica.command.stdout().includes(AT_WORK);
}

/** A leader at work, a standby, and a first certificate. */
async function openWithTwo() {
  const scene = await Scene.prepare();
  const leader = await OperatorProcess.start(scene);
  await leader.until(AT_WORK);
  const standby = await OperatorProcess.start(scene);
  await standby.until("waiting for the lease");
  await scene.apply();
  await scene.untilIssued();
  expect([scene.creates, isLeading(standby)], "one create, and the standby waits").toEqual([1, false]);
  return { scene, leader, standby };
}

test("a stopped leader is replaced in under 3 s", async () => {
  const { scene, leader, standby } = await openWithTwo();
  const stoppedAt = performance.now();
  leader.command.kill("SIGTERM");
  expect(await leadsAfter(standby, stoppedAt)).toBeLessThan(STOPPED_LEADER_LIMIT_MS);
  expect((await leader.command.ended).exitCode).toBe(0);

  await scene.apply("billing", { username: "billing" });
  await expectRecovered(scene, { certificates: 1, orphans: 0 }, { name: "billing" });
  expect(scene.creates).toBe(2);
});

test("a killed leader is replaced in under 20 s, and what waited for that is issued once", async () => {
  const { scene, leader, standby } = await openWithTwo();
  const killedAt = performance.now();
  leader.command.kill("SIGKILL");
  await leader.command.ended;
  await scene.apply("billing", { username: "billing" });
  expect(await leadsAfter(standby, killedAt)).toBeLessThan(KILLED_LEADER_LIMIT_MS);
  await expectRecovered(scene, { certificates: 1, orphans: 0 }, { name: "billing" });
  expect(scene.creates).toBe(2);
});

test("a leader that is cut off from the API server issues nothing more when its lease has run out, and ends", async () => {
  const users = userNames(30);
  const scene = await Scene.prepare({ simulator: { fixtures: fixturesWith(users) } });
  // Two at a time, each of which takes a while: there is always something left to issue.
  scene.atlas.faults.add({
    operation: "createDatabaseUserCertificate",
    effect: { kind: "delay", ms: 400 },
    times: "always",
  });
  await using proxy = await FaultProxy.start(await apiServerUrl());
  const leader = await OperatorProcess.start(scene, [
    `--kubeconfig=${await kubeconfigThrough(proxy, scene)}`,
    "--workers=2",
  ]);
  await leader.until(AT_WORK);
  const standby = await OperatorProcess.start(scene);
  await standby.until("waiting for the lease");
  for (const name of users) await scene.apply(name, { username: name });
  await expect.poll(() => scene.creates, { timeout: 30_000, interval: 20 }).toBeGreaterThan(4);

  proxy.weather = "blackhole";
  const cutOffAt = Date.now();
  // The one that is cut off does not learn of it: from here on these credentials tell who asked for a certificate.
  await scene.putCredentials(scene.credentials("owner-api-key"));
  await leadsAfter(standby, performance.now());
  for (const name of users) await scene.untilIssued(name);
  const late = scene.atlas.log
    .entries("createDatabaseUserCertificate")
    .filter(({ credentialsId, time }) => credentialsId === "owner-service-account" && time > cutOffAt);
  expect(late.length, "what was on record already").toBeLessThanOrEqual(2);
  expect(late.filter(({ time }) => time > cutOffAt + RENEW_DEADLINE_MS)).toEqual([]);

  proxy.weather = "fair";
  proxy.reset();
  expect((await leader.command.ended).exitCode).toBe(1);
  expect(leader.log.some(({ msg }) => msg === "lost the lease")).toBe(true);
  for (const name of users) {
    expect(scene.atlas.certificates(PRODUCTION, name).length, name).toBeLessThanOrEqual(2);
    expect((await scene.get(name)).status.issuance, name).toBeUndefined();
  }
});
