import { describe, expect, test } from "vitest";
import { DAY_MS, HOUR_MS } from "../../clock.ts";
import { DeadlineReached } from "../../deadline.ts";
import { kubeError } from "./testing/memory-cluster.ts";
import { issuedScene, SECRET } from "./testing/scene.ts";

describe("while the Secret cannot be read", () => {
  /** The Secret changed, so that it has to be read, and the API server refuses. */
  async function unreadable(reason: Parameters<typeof kubeError>[0]) {
    const { scene, process } = await issuedScene();
    scene.changeSecret((secret) => ({
      ...secret,
      metadata: { ...secret.metadata, labels: { ...secret.metadata.labels, a: "b" } },
    }));
    const status = scene.status();
    scene.cluster.fault = ({ verb, what }) =>
      verb === "get" && what.includes(SECRET.name) ? kubeError(reason, "reading failed") : undefined;
    return { scene, reconcile: () => scene.reconcile(process), status };
  }

  test("the reconcile fails, and the status stays as it is as long as the certificate is valid", async () => {
    const { scene, reconcile, status } = await unreadable("Forbidden");
    scene.clock.advanceNow(89 * DAY_MS);
    await expect(reconcile()).rejects.toMatchObject({ reason: "Forbidden" });
    expect(scene.status()).toEqual(status);
    expect(scene.events).toEqual([]);
  });

  test.each([
    ["Forbidden", "True", "Grant the operator the RBAC permissions of its chart."],
    ["Unavailable", "False", "No action is required."],
  ] as const)(
    "(%s) Ready turns False once the certificate has expired, and says what is in the way",
    async (reason, stalled, step) => {
      const { scene, reconcile, status } = await unreadable(reason);
      scene.clock.advanceNow(90 * DAY_MS + HOUR_MS);
      await expect(reconcile()).rejects.toMatchObject({ reason });
      expect([scene.ready(), scene.stalled()]).toEqual(["False Expired", `${stalled} Expired`]);
      expect(scene.condition("Ready").message).toMatch(/^Certificate \d+ expired at 20.*reading failed/);
      expect(scene.condition("Stalled").message).toContain(step);
      expect({ ...scene.status(), conditions: [] }).toEqual({ ...status, conditions: [] });
    },
  );

  test("the expiry is written once, and the next certificate is issued as soon as the Secret can be read", async () => {
    const { scene, reconcile } = await unreadable("Forbidden");
    scene.clock.advanceNow(90 * DAY_MS + HOUR_MS);
    for (let count = 0; count < 3; count++) await expect(reconcile()).rejects.toMatchObject({ reason: "Forbidden" });
    expect(scene.cluster.writes).toHaveLength(1);
    scene.cluster.fault = () => undefined;
    await reconcile();
    expect(scene.ready()).toBe("True Issued");
  });

  test("the expiry is reported although the time limit of the whole reconcile has ended the read", async () => {
    const { scene } = await unreadable("Forbidden");
    scene.clock.advanceNow(90 * DAY_MS + HOUR_MS);
    const timedOut = AbortSignal.abort(new DeadlineReached(120_000));
    await expect(scene.reconcile(scene.start(), "orders-api", timedOut)).rejects.toThrow();
    expect(scene.ready()).toBe("False Expired");
  });

  test("a process that was told to stop writes nothing", async () => {
    const { scene } = await unreadable("Forbidden");
    scene.clock.advanceNow(90 * DAY_MS + HOUR_MS);
    const stopped = AbortSignal.abort(new Error("the lease is lost"));
    await expect(scene.reconcile(scene.start(), "orders-api", stopped)).rejects.toThrow();
    expect(scene.ready()).toBe("True Issued");
  });
});
