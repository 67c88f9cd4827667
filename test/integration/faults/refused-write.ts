import { expect } from "vitest";
import type { UserCertificate } from "../../../src/api/parse-user-certificate.ts";
import { condition, Scene, type ScenePlace } from "../operator/scene.ts";
import { OperatorProcess } from "../process/operator-process.ts";
import type { Obstacle } from "./obstacles.ts";
import { expectRecovered, orphansTold } from "./outcome.ts";
import { RequestGate, WRITES } from "./request-gate.ts";

/** The certificate is parked, its conditions say so, and it is stored once the obstacle has ended. */
export async function expectParkedThenStored(obstacle: Obstacle, place?: ScenePlace): Promise<void> {
  let isMet = false;
  const scene = await Scene.open({
    ...(place !== undefined && { place }),
    onStep: async (step) => {
      if (step !== "write" || isMet) return;
      isMet = true;
      await obstacle.put(scene);
    },
  });
  await scene.apply();
  expectSaid(await untilParked(scene), obstacle);
  expect((await scene.secret())?.data["tls.key"]).toBeUndefined();
  const since = performance.now();
  await obstacle.end(scene);
  await expectRecovered(scene, { certificates: 1, orphans: 0 }, { since });
}

/**
 * A process is killed while its certificate is parked: its successor announces one orphan and asks Atlas for nothing more
 * before Secrets can be written.
 */
export async function expectOneLostAndNoMore(obstacle: Obstacle, place?: ScenePlace): Promise<void> {
  const scene = await Scene.prepare(place === undefined ? {} : { place });
  const gate = await RequestGate.open(scene);
  const write = gate.stop({ ...WRITES.write, at: "request" });
  const victim = await OperatorProcess.start(scene, [
    `--kubeconfig=${await gate.kubeconfigFile()}`,
    "--leader-elect=false",
  ]);
  await scene.apply();
  await write.reached;
  await obstacle.put(scene);
  write.letGo();
  await untilParked(scene);
  victim.command.kill("SIGKILL");
  await victim.command.ended;

  await OperatorProcess.start(scene, ["--leader-elect=false", "--max-backoff=1s"]);
  await scene.until("refused twice", ({ status: { lastAttempt } }) => (lastAttempt?.failures ?? 0) >= 2);
  expect(condition(await scene.get(), "Ready")).toMatchObject({ status: "False", reason: "SecretNotWritable" });
  expect([scene.creates, await orphansTold(scene)]).toEqual([1, 1]);
  const since = performance.now();
  await obstacle.end(scene);
  await expectRecovered(scene, { certificates: 2, orphans: 1 }, { since });
}

function untilParked(scene: Scene): Promise<UserCertificate> {
  return scene.until("parked", ({ status }) => status.issuance?.parked !== undefined);
}

function expectSaid(parked: UserCertificate, { says }: Obstacle): void {
  const reason = "SecretNotWritable";
  expect(condition(parked, "Ready")).toMatchObject({ status: "False", reason, message: expect.stringContaining(says) });
  expect(condition(parked, "Issuing")).toMatchObject({ status: "True", reason });
  expect(condition(parked, "Stalled")).toMatchObject({
    status: "True",
    reason,
    message: expect.stringContaining("It exists only in the operator's memory and is lost if the pod is killed."),
  });
}
