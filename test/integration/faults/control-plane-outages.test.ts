import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { Scene } from "../operator/scene.ts";
import { OperatorProcess } from "../process/operator-process.ts";
import { fixturesWith, userNames } from "./many-users.ts";
import { expectRecovered } from "./outcome.ts";
import { ownControlPlane } from "./own-control-plane.ts";

/**
 * The control plane goes away in the middle of many issuances. The operator does not crash, so nothing may be lost:
 * exactly one certificate for each resource. Where it can't hold its lease it ends, and is started again; or, where it has
 * certificates that are not written yet, it gets the lease back.
 */

const own = ownControlPlane();
const RESOURCES = 40;
/** So many creates, and the fault comes: in the middle of all. */
const IN_THE_MIDDLE = 12;
const OUTAGE_MS = 20_000;

test("the API server is killed and started again", { timeout: 180_000 }, async () => {
  const { scene, users, supervised } = await startIssuing("api-server-killed");
  const { apiServer } = own().running;
  await apiServer.kill("SIGKILL");
  expect(scene.creates, "the fault was to come in the middle").toBeLessThan(RESOURCES);
  await apiServer.start();
  await expectOneEach(scene, users);
  expect(supervised.endedWith.filter((code) => code !== 1)).toEqual([]);
});

test("etcd stands still for 20 s", { timeout: 180_000 }, async () => {
  const { scene, users, supervised } = await startIssuing("etcd-stopped");
  const { etcd } = own().running;
  etcd.pause();
  onTestFinished(() => etcd.resume());
  expect(scene.creates, "the fault was to come in the middle").toBeLessThan(RESOURCES);
  await systemClock.sleep(OUTAGE_MS);
  expect(scene.creates, "nothing is created without a record").toBeLessThan(RESOURCES);
  etcd.resume();
  await expectOneEach(scene, users);
  // It could not renew its lease for longer than the lease allows. Whether it had it back before the last certificate
  // was written is a race.
  expect(supervised.first.log.map(({ msg }) => msg)).toContain("lost the lease");
  expect([[], [1]]).toContainEqual(supervised.endedWith);
});

/** An operator that has issued a part of many certificates, a few at a time. */
async function startIssuing(namespace: string) {
  const users = userNames(RESOURCES);
  const scene = await Scene.prepare({
    place: await own().place(namespace),
    simulator: { fixtures: fixturesWith(users) },
  });
  scene.atlas.faults.add({
    operation: "createDatabaseUserCertificate",
    effect: { kind: "delay", ms: 400 },
    times: "always",
  });
  for (const name of users) await scene.apply(name, { username: name });
  const supervised = await startSupervised(scene);
  await expect.poll(() => scene.creates, { timeout: 40_000, interval: 10 }).toBeGreaterThanOrEqual(IN_THE_MIDDLE);
  return { scene, users, supervised };
}

async function expectOneEach(scene: Scene, users: readonly string[]): Promise<void> {
  for (const name of users) await expectRecovered(scene, { certificates: 1, orphans: 0 }, { name });
}

/** Starts the operator, and again whenever it ends, as the kubelet does. */
async function startSupervised(scene: Scene) {
  const endedWith: (number | null)[] = [];
  let isOver = false;
  const start = async () => {
    const operator = await OperatorProcess.start(scene, ["--workers=6"]);
    // The last to be registered is the first to run: before this process is killed.
    onTestFinished(() => {
      isOver = true;
    });
    void operator.command.ended.then(async ({ exitCode }) => {
      if (isOver) return;
      endedWith.push(exitCode);
      await start();
    });
    return operator;
  };
  return { first: await start(), endedWith };
}
