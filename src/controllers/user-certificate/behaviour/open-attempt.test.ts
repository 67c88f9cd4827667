import { describe, expect, test } from "vitest";
import { DAY_MS, HOUR_MS } from "../../../clock.ts";
import { SECRETS } from "../../../kube/core-types.ts";
import { atlasError } from "../testing/memory-atlas.ts";
import { kubeError } from "../testing/memory-cluster.ts";
import { Scene, SECRET } from "../testing/scene.ts";

/** A resource with an open record, and a certificate at Atlas that nothing else shows. */
async function lost(): Promise<Scene> {
  const scene = new Scene();
  scene.atlas.createFault = (create) => (create === 1 ? "answerLost" : undefined);
  scene.apply();
  const process = scene.start();
  await scene.settle(process);
  scene.stop(process);
  expect(scene.status().issuance).toBeDefined();
  scene.clock.advanceNow(HOUR_MS);
  return scene;
}

describe("an open attempt is followed by a list", () => {
  async function expectToldOnce(scene: Scene): Promise<void> {
    const orphan = scene.atlas.issued[0]?.serialNumber;
    expect([scene.orphanEvents().length, scene.orphansFound]).toEqual([1, 1]);
    expect(scene.orphanEvents()[0]?.note).toContain(`Certificate ${orphan} of user orders-api `);
    expect(scene.status().unaccounted?.map(({ serialNumber }) => serialNumber)).toEqual([orphan]);
    expect(scene.status()).not.toHaveProperty("issuance");
  }

  test("although the resource is suspended", async () => {
    const scene = await lost();
    scene.apply({ suspend: true });
    await scene.run(scene.start(), { forMs: 12 * HOUR_MS });
    await expectToldOnce(scene);
    expect([scene.ready(), scene.atlas.creates]).toEqual(["False Suspended", 1]);
  });

  test("although the Secret is foreign", async () => {
    const scene = await lost();
    scene.cluster.put(SECRETS, { metadata: SECRET, data: { a: "eA==" } });
    await scene.run(scene.start(), { forMs: 12 * HOUR_MS });
    await expectToldOnce(scene);
    expect([scene.ready(), scene.atlas.creates]).toEqual(["False SecretForeign", 1]);
  });

  test("as soon as the credentials allow it", async () => {
    const scene = await lost();
    scene.apply({ suspend: true, credentialsRef: { name: "later" } });
    const process = scene.start();
    await scene.run(process, { forMs: HOUR_MS });
    expect(scene.status()).toHaveProperty("issuance");
    scene.apply({ suspend: true });
    await scene.run(process, { forMs: HOUR_MS });
    await expectToldOnce(scene);
  });

  test("although the spec names another user by now, from the list of the attempt's user", async () => {
    const scene = await lost();
    scene.apply({ username: "billing" });
    await scene.run(scene.start(), { forMs: 12 * HOUR_MS });
    await expectToldOnce(scene);
    expect([scene.ready(), scene.atlas.creates]).toEqual(["True Issued", 2]);
  });

  test("or announced as unknown, once, if the list of the attempt's user can no longer be read", async () => {
    const scene = await lost();
    scene.apply({ username: "billing" });
    const list = scene.atlas.listAllDatabaseUserCertificates.bind(scene.atlas);
    scene.atlas.listAllDatabaseUserCertificates = (parameters) =>
      parameters.username === "billing" ? list(parameters) : Promise.reject(atlasError("role"));
    await scene.run(scene.start(), { forMs: 12 * HOUR_MS });
    expect(scene.orphanEvents()).toEqual([]);
    expect(scene.events.filter(({ reason }) => reason === "CertificateUnaccountedFor")).toMatchObject([
      { note: expect.stringContaining("Atlas may have issued a certificate for user orders-api") },
    ]);
    expect(scene.unaccountedFound).toBe(1);
    expect([scene.ready(), scene.atlas.creates]).toEqual(["True Issued", 2]);
    expect(scene.status()).not.toHaveProperty("issuance");
  });

  test("or announced as unknown, once, if its certificate has expired before the credentials allow a list", async () => {
    const scene = await lost();
    scene.apply({ suspend: true, credentialsRef: { name: "later" } });
    const process = scene.start();
    await scene.run(process, { forMs: HOUR_MS });
    scene.clock.advanceNow(100 * DAY_MS);
    scene.apply({ suspend: true });
    await scene.run(process, { forMs: 12 * HOUR_MS });
    expect(scene.orphanEvents()).toEqual([]);
    expect(scene.events.filter(({ reason }) => reason === "CertificateUnaccountedFor")).toMatchObject([
      { note: expect.stringContaining("Atlas may have issued a certificate for user orders-api") },
    ]);
    expect([scene.unaccountedFound, scene.atlas.creates]).toEqual([1, 1]);
    expect(scene.status()).not.toHaveProperty("issuance");
  });

  test("no more often than every ten minutes while the list of the attempt's user alone is refused", async () => {
    const scene = await lost();
    scene.apply({ username: "billing" });
    const list = scene.atlas.listAllDatabaseUserCertificates.bind(scene.atlas);
    let refusals = 0;
    scene.atlas.listAllDatabaseUserCertificates = (parameters) => {
      if (parameters.username === "billing") return list(parameters);
      refusals++;
      return Promise.reject(atlasError("unavailable"));
    };
    await scene.run(scene.start(), { forMs: HOUR_MS });
    expect(refusals).toBeGreaterThan(0);
    expect(refusals).toBeLessThan(40);
  });

  test.each<[string, Parameters<Scene["apply"]>[0]]>([
    ["a suspended resource", { suspend: true }],
    ["a resource that names another user", { username: "billing" }],
  ])("no more often than the backoff allows while Atlas refuses it, for %s", async (_what, spec) => {
    const scene = await lost();
    scene.apply(spec);
    const before = scene.atlas.lists;
    scene.atlas.listFault = () => atlasError("unavailable");
    await scene.run(scene.start(), { forMs: HOUR_MS });
    expect(scene.atlas.lists).toBeGreaterThan(before);
    expect(scene.atlas.lists - before).toBeLessThan(40);
    scene.atlas.listFault = () => undefined;
    await scene.run(scene.start(), { forMs: 3 * HOUR_MS });
    await expectToldOnce(scene);
  });
});

describe("a certificate whose answer was lost is announced once", () => {
  test("if the process dies in the next attempt, whose record takes the place of the old one", async () => {
    const scene = await lost();
    const before = scene.status().issuance?.startedAt;
    const dying = scene.start({
      onStep: (step) => {
        if (step === "create") throw new Error("killed");
      },
    });
    await expect(scene.reconcile(dying)).rejects.toThrow("killed");
    expect(scene.status().issuance?.startedAt).not.toBe(before);
    expect(scene.orphanEvents()).toHaveLength(1);
    scene.stop(dying);
    scene.clock.advanceNow(HOUR_MS);
    await scene.settle(scene.start());
    expect(scene.ready()).toBe("True Issued");
    expect([scene.orphanEvents().length, scene.orphansFound]).toEqual([1, 1]);
  });

  test("if the API server's answer to the status write that closes the record is lost", async () => {
    const scene = await lost();
    let writes = 0;
    scene.cluster.fault = ({ verb }) => (verb === "patch status" && ++writes === 2 ? "answerLost" : undefined);
    const process = scene.start();
    await expect(scene.reconcile(process)).rejects.toThrow();
    await scene.settle(process);
    expect(scene.ready()).toBe("True Issued");
    expect([scene.orphanEvents().length, scene.orphansFound]).toEqual([1, 1]);
    expect(scene.reasons().filter((reason) => reason === "Issued")).toHaveLength(1);
  });

  test("if the reconcile is repeated before its record is closed", async () => {
    const scene = await lost();
    let writes = 0;
    scene.cluster.fault = ({ verb }) =>
      verb === "patch status" && ++writes <= 2 ? kubeError("Unavailable") : undefined;
    const process = scene.start();
    for (let count = 0; count < 2; count++) await expect(scene.reconcile(process)).rejects.toThrow();
    await scene.settle(process);
    expect(scene.ready()).toBe("True Issued");
    expect([scene.orphanEvents().length, scene.orphansFound]).toEqual([1, 1]);
  });
});

describe("an attempt that was recorded and not made", () => {
  const losingTheRecord = (scene: Scene) => {
    let isLost = false;
    scene.cluster.fault = ({ verb, body }) => {
      const isRecord = verb === "patch status" && JSON.stringify(body).includes('"startedAt"');
      if (!isRecord || isLost) return undefined;
      isLost = true;
      return "answerLost";
    };
  };

  test("is withdrawn by the process that knows it, if the API server's answer to the record was lost", async () => {
    const scene = new Scene();
    losingTheRecord(scene);
    scene.apply();
    const process = scene.start();
    await expect(scene.reconcile(process)).rejects.toThrow("Network");
    expect([scene.status().issuance?.id, scene.atlas.creates]).toEqual(["attempt-1", 0]);
    await scene.settle(process);
    expect([scene.ready(), scene.atlas.creates]).toEqual(["True Issued", 1]);
    expect(scene.status().recentIssuances?.map(({ lost }) => lost)).toEqual([undefined]);
  });

  test("does not use up the exempt renewal of the day", async () => {
    const scene = new Scene();
    scene.policy = { ...scene.policy, maxIssuesPerDay: 1 };
    scene.apply();
    const process = scene.start();
    await scene.settle(process);
    scene.clock.advanceNow(61 * DAY_MS);
    losingTheRecord(scene);
    await expect(scene.reconcile(process)).rejects.toThrow("Network");
    await scene.settle(process);
    expect([scene.ready(), scene.atlas.creates]).toEqual(["True Issued", 2]);
  });

  test("is withdrawn when the process leads again, if it lost its lease before it asked Atlas", async () => {
    const scene = new Scene();
    scene.apply();
    let isLeading = true;
    const process = scene.start({
      assertLeading: () => {
        if (!isLeading) throw new Error("lost");
      },
      onStep: (step) => {
        isLeading = step !== "create";
      },
    });
    await expect(scene.reconcile(process)).rejects.toThrow("lost");
    expect(scene.status().issuance?.id).toBe("attempt-1");
    isLeading = true;
    await scene.reconcile(process);
    expect([scene.status().issuance, scene.atlas.creates]).toEqual([undefined, 0]);
  });

  test("counts for another process, which cannot know whether Atlas was asked", async () => {
    const scene = new Scene();
    losingTheRecord(scene);
    scene.apply();
    const first = scene.start();
    await expect(scene.reconcile(first)).rejects.toThrow("Network");
    scene.stop(first);
    await scene.settle(scene.start());
    expect(scene.status().recentIssuances?.map(({ lost }) => lost)).toEqual(["AnswerLost", undefined]);
  });
});

test("a certificate that was stored is found although the caches have not seen its Secret", async () => {
  const scene = new Scene();
  scene.apply();
  const standby = scene.start();
  const process = scene.start({
    onStep: (step) => {
      if (step !== "write") return;
      scene.lagging = true;
      scene.cluster.fault = ({ verb }) => (verb === "patch status" ? kubeError("Network") : undefined);
    },
  });
  await expect(scene.reconcile(process)).rejects.toThrow();
  scene.stop(process);
  scene.cluster.fault = () => undefined;
  const stored = scene.serialIn();
  expect(stored).toBeDefined();
  await scene.settle(standby);
  expect([scene.atlas.creates, scene.status().serialNumber, scene.ready()]).toEqual([1, stored, "True Issued"]);
});

test("a stored certificate is not taken for lost by a standby whose cache has not seen its Secret", async () => {
  const scene = new Scene();
  scene.apply();
  const standby = scene.start({ identity: "pod-2" });
  const stored = Promise.withResolvers<void>();
  const { cluster } = scene;
  const doomed = scene.start({
    kube: {
      get: cluster.get.bind(cluster),
      create: cluster.create.bind(cluster),
      mergePatch: (type, ref, patch, options) => {
        if (scene.secret() === undefined) return cluster.mergePatch(type, ref, patch, options);
        stored.resolve();
        return new Promise(() => {});
      },
    },
    onStep: (step) => {
      if (step === "write") scene.lagging = true;
    },
  });
  void scene.reconcile(doomed);
  await stored.promise;
  scene.stop(doomed);
  scene.apply({ suspend: true });
  standby.resources.store.observe(scene.resource());
  await scene.settle(standby);
  expect(scene.orphanEvents()).toEqual([]);
  expect(scene.status()).not.toHaveProperty("issuance");
  expect(scene.status()).toMatchObject({
    serialNumber: scene.serialIn(),
    recentIssuances: [{ serialNumber: scene.serialIn() }],
  });
});
