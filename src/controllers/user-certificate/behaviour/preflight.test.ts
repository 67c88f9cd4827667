import { describe, expect, test } from "vitest";
import { WRITE_CHECK_ANNOTATION } from "../../../api/names.ts";
import { HOUR_MS, MINUTE_MS } from "../../../clock.ts";
import { SECRETS } from "../../../kube/core-types.ts";
import { kubeError } from "../testing/memory-cluster.ts";
import { issuedScene, Scene, SECRET } from "../testing/scene.ts";

/** A certificate that could not be stored is not created. */

/** A storage whose encryption is broken: a dry run does not reach it. */
function breakStorage(scene: Scene): void {
  scene.cluster.fault = ({ verb, what, dryRun }) =>
    what.startsWith("secrets") && verb !== "get" && !dryRun
      ? kubeError("InternalError", "kms: connection refused")
      : undefined;
}

test("nothing is created if the dry run is refused, and the API server's words are in the status", async () => {
  const scene = new Scene();
  scene.apply();
  scene.cluster.fault = ({ verb, dryRun }) =>
    verb === "create" && dryRun ? kubeError("Forbidden", "exceeded quota: secrets") : undefined;
  await scene.run(scene.start(), { forMs: 2 * HOUR_MS });
  expect(scene.atlas.creates).toBe(0);
  expect([scene.ready(), scene.stalled()]).toEqual(["False SecretNotWritable", "True SecretNotWritable"]);
  expect(scene.condition("Ready").message).toContain("exceeded quota: secrets");
});

test("a Secret that someone else made meanwhile is read again without an Event", async () => {
  const scene = new Scene();
  scene.apply();
  let faults = 0;
  scene.cluster.fault = ({ dryRun }) => (dryRun && ++faults === 1 ? kubeError("AlreadyExists") : undefined);
  await scene.settle(scene.start());
  expect([scene.ready(), scene.reasons()]).toEqual(["True Issued", ["Issued"]]);
});

describe("after a certificate was lost because it could not be stored", () => {
  async function lostFirst() {
    const scene = new Scene();
    scene.apply();
    const process = scene.start({ onStep: (step) => void (step === "write" && breakStorage(scene)) });
    await scene.reconcile(process);
    scene.stop(process);
    scene.clock.advanceNow(MINUTE_MS);
    return scene;
  }

  async function lostRenewal() {
    const { scene, process: before } = await issuedScene();
    scene.stop(before);
    scene.apply({}, { renewRequest: "a" });
    const process = scene.start({ onStep: (step) => void (step === "write" && breakStorage(scene)) });
    await scene.reconcile(process);
    scene.stop(process);
    scene.clock.advanceNow(MINUTE_MS);
    return scene;
  }

  test.each([
    ["an absent Secret", lostFirst],
    ["an existing Secret", lostRenewal],
  ])("the next preflight is a real write, so that a broken storage costs no second one: %s", async (_what, lost) => {
    const scene = await lost();
    const before = scene.atlas.creates;
    await scene.run(scene.start(), { forMs: 6 * HOUR_MS });
    expect(scene.atlas.creates).toBe(before);
    expect(scene.condition("Ready").reason).toBe("SecretNotWritable");
    expect(scene.condition("Ready").message).toContain("kms: connection refused");
  });

  test.each([
    ["an absent Secret", lostFirst],
    ["an existing Secret", lostRenewal],
  ])(
    "one certificate is issued once the storage works again, and no trace of the check stays: %s",
    async (_what, lost) => {
      const scene = await lost();
      const before = scene.atlas.creates;
      const process = scene.start();
      await scene.run(process, { forMs: HOUR_MS });
      scene.cluster.fault = () => undefined;
      scene.cluster.calls.length = 0;
      await scene.run(process, { forMs: 2 * HOUR_MS });
      expect([scene.atlas.creates - before, scene.ready()]).toEqual([1, "True Issued"]);
      expect(scene.serialIn()).toBe(scene.atlas.issued.at(-1)?.serialNumber);
      expect(scene.secret()?.metadata.annotations).not.toHaveProperty([WRITE_CHECK_ANNOTATION]);
      // The check, the write onto the state before it, which conflicts, and the one that stores the certificate.
      expect(scene.cluster.writes.filter(({ what }) => what.startsWith("secrets"))).toHaveLength(3);
      expect(scene.orphanEvents()).toHaveLength(1);
    },
  );

  test("an existing certificate is served all the time", async () => {
    const scene = await lostRenewal();
    await scene.run(scene.start(), { forMs: HOUR_MS });
    expect([scene.condition("Ready").status, scene.serialIn()]).toEqual(["True", scene.atlas.issued[0]?.serialNumber]);
  });

  test("a Secret that someone deletes after each check does not make the operator loop", async () => {
    const scene = await lostFirst();
    scene.cluster.fault = () => undefined;
    scene.cluster.onChange = ((tell) => (what, object) => {
      tell(what, object);
      const isCheck = object?.metadata.annotations?.[WRITE_CHECK_ANNOTATION] !== undefined;
      if (isCheck) scene.cluster.remove(SECRETS, SECRET);
    })(scene.cluster.onChange);
    const process = scene.start();
    scene.cluster.calls.length = 0;
    await scene.run(process, { forMs: HOUR_MS });
    expect(scene.cluster.writes.filter(({ what }) => what.startsWith("secrets")).length).toBeLessThan(60);
    expect(scene.atlas.lists).toBeLessThan(100);
  });
});
