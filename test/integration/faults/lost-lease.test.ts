import { expect, onTestFinished, test } from "vitest";
import { rest } from "../../control-plane/control-plane.ts";
import { condition, Scene } from "../operator/scene.ts";
import { expectRecovered } from "./outcome.ts";
import { startReplica } from "./replica.ts";

/** A leader that loses its lease while it holds a certificate that can't be written. */

const SECRET = "orders-api-mongodb";

/** Writes somebody's name into the lease, for a second. */
async function takeLease({ namespace }: Scene): Promise<void> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/atlas-cert-operator`;
  const spec = { holderIdentity: "somebody", leaseDurationSeconds: 1, renewTime: "2030-01-01T00:00:00.000000Z" };
  expect((await rest("PATCH", path, { spec }, "application/merge-patch+json")).status).toBe(200);
}

test("it leads again when nobody else does, works on the others, and the certificate is not lost", async () => {
  const scene = await Scene.prepare();
  let isInTheWay = false;
  const replica = await startReplica(scene, {
    identity: "the-only-one",
    onStep: async (step, { name }) => {
      if (step !== "write" || name !== "orders-api" || isInTheWay) return;
      isInTheWay = true;
      await scene.putSecret(SECRET, { some: "thing" });
    },
  });
  // Otherwise it would not end where this test fails.
  onTestFinished(() => scene.deleteSecret(SECRET));
  await scene.apply();
  const parked = await scene.untilReason("SecretForeign");
  expect(condition(parked, "Stalled")).toMatchObject({
    status: "True",
    message: expect.stringContaining("has been issued but not stored yet"),
  });
  await takeLease(scene);
  await expect.poll(() => replica.log(), { timeout: 20_000 }).toContain("lost the lease");

  await scene.apply("billing", { username: "billing" });
  await expectRecovered(scene, { certificates: 1, orphans: 0 }, { name: "billing" });
  expect(replica.log()).toContain("work of the lost leadership continues; contending for the lease again meanwhile");
  // A second run of it would have found the record of the attempt, and its certificate in nobody's hands.
  expect((await scene.get()).status.unaccounted).toBeUndefined();

  await scene.deleteSecret(SECRET);
  await expectRecovered(scene, { certificates: 1, orphans: 0 });
  expect(scene.creates).toBe(2);
  await replica.stop();
  expect(await replica.ended).toBeUndefined();
});
