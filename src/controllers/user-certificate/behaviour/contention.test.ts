import { describe, expect, test } from "vitest";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../../clock.ts";
import { SECRETS } from "../../../kube/core-types.ts";
import { issuedScene, type Scene, SECRET } from "../testing/scene.ts";

/** Other writers that fight with the operator over the Secret: it gives way before that costs too many certificates. */

describe("a writer that overwrites labels", () => {
  const strip = (scene: Scene) =>
    scene.changeSecret((secret) => ({ ...secret, metadata: { ...secret.metadata, labels: {} } }), "argocd");

  test("is given way to after five repairs in an hour, and is named", async () => {
    const { scene, process } = await issuedScene();
    for (let count = 0; count < 10; count++) {
      strip(scene);
      await scene.settle(process);
    }
    expect(scene.cluster.writes.filter(({ what }) => what.startsWith("secrets"))).toHaveLength(5);
    expect([scene.ready(), scene.atlas.creates]).toEqual(["True SecretContended", 1]);
    expect(scene.condition("Ready").message).toMatch(
      /^argocd keeps overwriting Secret orders-api-mongodb \(5 times in an hour\), so the operator has stopped restoring it\./,
    );
  });

  test("does not make a working app fail its rollout: Stalled stays False while Ready is True", async () => {
    const { scene, process } = await issuedScene();
    for (let count = 0; count < 10; count++) {
      strip(scene);
      await scene.settle(process);
    }
    expect(scene.stalled()).toBe("False SecretContended");
    expect(scene.condition("Stalled").message).toMatch(/^Action is required before 2030-/);
  });

  test("does not keep Atlas' list from being asked", async () => {
    const { scene, process } = await issuedScene();
    scene.atlas.issued.length = 0;
    let count = 0;
    await scene.run(process, {
      forMs: 7 * HOUR_MS,
      everyMs: 5 * MINUTE_MS,
      happens: () => {
        const labels = { other: String(count++) };
        scene.changeSecret((secret) => ({ ...secret, metadata: { ...secret.metadata, labels } }), "argocd");
      },
    });
    expect(scene.atlas.creates).toBe(2);
  });
});

describe("a writer that damages the data", () => {
  async function fight() {
    const { scene, process } = await issuedScene();
    for (let count = 0; count < 6; count++) {
      scene.changeSecret((secret) => ({ ...secret, data: { "tls.crt": "eA==", "tls.key": "eA==" } }), "argocd");
      await scene.settle(process);
    }
    return { scene, process };
  }

  test("costs two certificates: the third time the operator stops and says who it is", async () => {
    const { scene } = await fight();
    expect(scene.atlas.creates).toBe(3);
    expect([scene.ready(), scene.stalled()]).toEqual(["False SecretContended", "True SecretContended"]);
    expect(scene.condition("Stalled").message).toMatch(/^argocd keeps overwriting Secret .* \(3 times in 24 hours\)/);
  });

  test("is overruled by a renewal request", async () => {
    const { scene, process } = await fight();
    scene.apply({}, { renewRequest: "a" });
    await scene.settle(process);
    expect([scene.atlas.creates, scene.ready()]).toEqual([4, "True Issued"]);
  });

  test("costs two certificates a day, for as long as it goes on", async () => {
    const { scene, process } = await fight();
    await scene.run(process, {
      forMs: 3 * DAY_MS,
      everyMs: HOUR_MS,
      happens: () =>
        scene.changeSecret((secret) => ({ ...secret, data: { "tls.crt": "eA==", "tls.key": "eA==" } }), "argocd"),
    });
    expect(scene.atlas.creates).toBeLessThanOrEqual(3 + 3 * 2);
  });
});

describe("someone who deletes the Secret every ten minutes", () => {
  test("costs two certificates: the third time the operator stops, and says that it is being deleted", async () => {
    const { scene, process } = await issuedScene();
    const happens = () => void (scene.secret() && scene.cluster.remove(SECRETS, SECRET));
    await scene.run(process, { forMs: 12 * HOUR_MS, everyMs: 10 * MINUTE_MS, happens });
    expect(scene.atlas.creates).toBe(3);
    expect([scene.ready(), scene.stalled()]).toEqual(["False SecretContended", "True SecretContended"]);
    expect(scene.condition("Ready").message).toMatch(
      /^Secret orders-api-mongodb keeps being deleted \(3 times in 24 hours\)/,
    );
  });

  test("costs no more than two certificates a day over days, and the app has one again when the deleter stops", async () => {
    const { scene, process } = await issuedScene();
    const happens = () => void (scene.secret() && scene.cluster.remove(SECRETS, SECRET));
    await scene.run(process, { forMs: 3 * DAY_MS, everyMs: 10 * MINUTE_MS, happens });
    expect(scene.atlas.creates).toBeLessThanOrEqual(1 + 2 + 2 * 3);
    await scene.run(process, { forMs: DAY_MS + HOUR_MS });
    expect(scene.ready()).toBe("True Issued");
  });
});

test("a fight over a Secret does not stop the issue into another one that spec.secretName names instead", async () => {
  const { scene, process } = await issuedScene();
  for (let count = 0; count < 3; count++) {
    scene.cluster.remove(SECRETS, SECRET);
    await scene.settle(process);
  }
  expect(scene.ready()).toBe("False SecretContended");
  scene.apply({ secretName: "elsewhere" });
  await scene.settle(process);
  expect(scene.ready()).toBe("True Issued");
});

test("a spec.secretName that changes three times a day is no contention", async () => {
  const { scene, process } = await issuedScene();
  for (const secretName of ["second", "third", "fourth"]) {
    scene.apply({ secretName });
    await scene.settle(process);
    expect([secretName, scene.ready()]).toEqual([secretName, "True Issued"]);
  }
  expect(scene.atlas.creates).toBe(4);
});

describe("a writer that restores an old Secret again and again", () => {
  test.each([
    ["whose certificate is due", async (scene: Scene) => scene.clock.advanceNow(61 * DAY_MS)],
    [
      "whose certificate Atlas no longer lists",
      async (scene: Scene) => {
        scene.atlas.issued.length = 0;
        scene.clock.advanceNow(7 * HOUR_MS);
      },
    ],
  ])("%s, costs two certificates a day", async (_what, pass) => {
    const { scene, process } = await issuedScene();
    const old = structuredClone(scene.secret());
    await pass(scene);
    await scene.run(process, { forMs: HOUR_MS });
    expect(scene.atlas.creates).toBe(2);
    await scene.run(process, {
      forMs: 20 * HOUR_MS,
      everyMs: HOUR_MS / 4,
      happens: () =>
        scene.changeSecret((secret) => ({
          ...secret,
          ...(old?.data !== undefined && { data: old.data }),
          metadata: { ...secret.metadata, annotations: { ...old?.metadata.annotations } },
        })),
    });
    expect(scene.atlas.creates).toBe(4);
    expect(scene.ready()).toContain("SecretContended");
  });
});
