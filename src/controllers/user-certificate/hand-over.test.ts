import { describe, expect, test } from "vitest";
import { USER_CERTIFICATE } from "../../api/user-certificate.ts";
import { HOUR_MS } from "../../clock.ts";
import { kubeError } from "./testing/memory-cluster.ts";
import type { Process } from "./testing/process.ts";
import { issuedScene, NAMESPACE, Scene } from "./testing/scene.ts";

/** A process stops leading while a certificate is parked in it. */
const SECOND_MS = 1000;
const STOP = new AbortController().signal;

const refuseWrites = (scene: Scene) => {
  scene.cluster.fault = ({ verb, what, dryRun }) =>
    what.startsWith("secrets") && verb !== "get" && !dryRun ? kubeError("Forbidden") : undefined;
};
const allowWrites = (scene: Scene) => {
  scene.cluster.fault = () => undefined;
};
const reasonOf = (scene: Scene) => scene.condition("Ready").reason;

/** A resource whose certificate is parked in a process that no longer leads, and has said so. */
async function handedOver() {
  const scene = new Scene();
  scene.apply();
  const old = scene.start({ identity: "pod-1", onStep: (step) => void (step === "write" && refuseWrites(scene)) });
  await scene.reconcile(old);
  await old.handOver.announce();
  return { scene, old };
}

/** The old process goes on storing, as after the end of its leadership. */
function storing(old: Process, signal = STOP): Promise<void> {
  return old.handOver.store(signal);
}

describe("at the end of its leadership", () => {
  test("a process writes until when its successor has to wait for it: 150 seconds", async () => {
    const { scene } = await handedOver();
    const { parked } = scene.status().issuance ?? {};
    expect(parked).toMatchObject({ pod: "pod-1", serialNumber: scene.atlas.issued[0]?.serialNumber });
    const waitMs = Date.parse(parked?.until ?? "") - scene.clock.now();
    expect(waitMs).toBeGreaterThan(148 * SECOND_MS);
    expect(waitMs).toBeLessThanOrEqual(150 * SECOND_MS);
  });

  test("a process without parked certificates writes nothing", async () => {
    const { scene, process } = await issuedScene();
    await process.handOver.announce();
    await process.handOver.store(STOP);
    expect(scene.cluster.calls).toEqual([]);
  });

  test("the announcement is fitted to a resource that changes at the same time", async () => {
    const scene = new Scene();
    scene.apply();
    const old = scene.start({ onStep: (step) => void (step === "write" && refuseWrites(scene)) });
    await scene.reconcile(old);
    scene.lagging = true;
    scene.apply({ monthsUntilExpiration: 6 });
    await old.handOver.announce();
    expect(scene.status().issuance?.parked?.until).toBeDefined();
  });

  test("the announcement does not touch the attempt of a successor", async () => {
    const { scene, old } = await handedOver();
    const { issuance } = scene.status();
    if (issuance === undefined) throw new Error("no attempt is on record");
    const successors = { ...issuance, id: "of the successor", parked: undefined };
    scene.putStatus({ ...scene.status(), issuance: successors });
    await old.handOver.announce();
    expect(scene.status().issuance?.parked).toBeUndefined();
  });
});

describe("the successor", () => {
  test("waits for the certificate and issues none meanwhile, and its message names the process and the time", async () => {
    const { scene, old } = await handedOver();
    scene.stop(old);
    const successor = scene.start({ identity: "pod-2" });
    await scene.run(successor, { forMs: 140 * SECOND_MS });
    expect([scene.atlas.creates, scene.ready()]).toEqual([1, "False CertificateParked"]);
    const { until } = scene.status().issuance?.parked ?? {};
    expect(scene.condition("Ready").message).toMatch(
      new RegExp(
        `Pod pod-1, the previous leader, is still storing certificate \\d+\\. The operator waits for it until ${until}\\.`,
      ),
    );
    expect(scene.status().issuance?.parked).toMatchObject({ pod: "pod-1", until });
  });

  test("issues one itself after 150 seconds at most, and announces the lost one as orphaned", async () => {
    const { scene, old } = await handedOver();
    scene.stop(old);
    const successor = scene.start({ identity: "pod-2" });
    await scene.run(successor, { forMs: 149 * SECOND_MS });
    allowWrites(scene);
    await scene.run(successor, { forMs: 10 * SECOND_MS });
    expect([scene.atlas.creates, scene.ready()]).toEqual([2, "True Issued"]);
    expect(scene.serialIn()).toBe(scene.atlas.issued[1]?.serialNumber);
    await scene.run(successor, { forMs: HOUR_MS });
    expect(scene.orphanEvents()).toHaveLength(1);
    expect(scene.status().recentIssuances?.[0]).toMatchObject({
      serialNumber: scene.atlas.issued[0]?.serialNumber,
      lost: "NotStored",
    });
  });

  test("adopts the certificate that the old process stores meanwhile", async () => {
    const { scene, old } = await handedOver();
    const ended = storing(old);
    const successor = scene.start({ identity: "pod-2" });
    await scene.reconcile(successor);
    expect(reasonOf(scene)).toBe("CertificateParked");
    await scene.clock.advance(30 * SECOND_MS);
    allowWrites(scene);
    await scene.clock.advance(3 * SECOND_MS);
    await ended;
    expect(scene.serialIn()).toBe(scene.atlas.issued[0]?.serialNumber);
    await scene.run(successor, { forMs: HOUR_MS });
    expect([scene.atlas.creates, scene.ready()]).toEqual([1, "True Issued"]);
    expect(scene.status()).toMatchObject({ revision: 1, serialNumber: scene.serialIn() });
    expect(scene.status()).not.toHaveProperty("issuance");
    expect(scene.orphanEvents()).toEqual([]);
  });

  test("keeps a working certificate Ready while it waits for the renewal", async () => {
    const { scene, process: before } = await issuedScene();
    scene.stop(before);
    scene.apply({}, { renewRequest: "a" });
    const old = scene.start({ onStep: (step) => void (step === "write" && refuseWrites(scene)) });
    await scene.reconcile(old);
    await old.handOver.announce();
    scene.stop(old);
    await scene.run(scene.start({ identity: "pod-2" }), { forMs: 60 * SECOND_MS });
    expect([scene.ready(), scene.stalled(), scene.atlas.creates]).toEqual([
      "True CertificateParked",
      "False CertificateParked",
      2,
    ]);
  });

  test("does not wait for a process that was killed before it could say until when", async () => {
    const scene = new Scene();
    scene.apply();
    const old = scene.start({ onStep: (step) => void (step === "write" && refuseWrites(scene)) });
    await scene.reconcile(old);
    scene.stop(old);
    allowWrites(scene);
    await scene.run(scene.start({ identity: "pod-2" }), { forMs: 20 * SECOND_MS });
    expect([scene.atlas.creates, scene.ready()]).toEqual([2, "True Issued"]);
  });

  test("does not wait for a time that a wrong clock wrote", async () => {
    const { scene, old } = await handedOver();
    scene.stop(old);
    const { issuance } = scene.status();
    if (issuance?.parked === undefined) throw new Error("nothing is parked");
    const parked = { ...issuance.parked, until: "2031-01-01T00:00:00Z" };
    scene.putStatus({ ...scene.status(), issuance: { ...issuance, parked } });
    allowWrites(scene);
    await scene.run(scene.start({ identity: "pod-2" }), { forMs: 20 * SECOND_MS });
    expect([scene.atlas.creates, scene.ready()]).toEqual([2, "True Issued"]);
  });
});

describe("the old process", () => {
  test("stops trying half a minute before its successor stops waiting, and logs that the key is lost, without the key", async () => {
    const { scene, old } = await handedOver();
    const ended = storing(old);
    await scene.clock.advance(120 * SECOND_MS);
    await ended;
    allowWrites(scene);
    await scene.clock.advance(HOUR_MS);
    expect(scene.secret()).toBeUndefined();
    expect(scene.logged.at(-1)).toContain(
      "could not store a certificate before the process stopped: its private key is lost",
    );
    expect(scene.logged.join()).not.toContain("PRIVATE KEY");
  });

  test("stops trying when it is told to end", async () => {
    const { scene, old } = await handedOver();
    const stop = new AbortController();
    const ended = storing(old, stop.signal);
    await scene.clock.advance(10 * SECOND_MS);
    stop.abort(new Error("the grace period is over"));
    await ended;
    expect(scene.clock.sleeping).toBe(0);
  });

  test("stores the certificate in the Secret that the resource names by then", async () => {
    const { scene, old } = await handedOver();
    const ended = storing(old);
    scene.apply({ secretName: "elsewhere" });
    allowWrites(scene);
    await scene.clock.advance(3 * SECOND_MS);
    await ended;
    const elsewhere = { namespace: NAMESPACE, name: "elsewhere" };
    expect(scene.serialIn(elsewhere)).toBe(scene.atlas.issued[0]?.serialNumber);
    expect(scene.secret()).toBeUndefined();
  });

  test.each<[string, (scene: Scene) => void]>([
    ["whose resource names another user by then", (scene) => scene.apply({ username: "billing" })],
    [
      "whose resource is gone, at once",
      (scene) => scene.cluster.remove(USER_CERTIFICATE, { namespace: NAMESPACE, name: "orders-api" }),
    ],
    [
      "whose place the successor's attempt has taken",
      (scene) => {
        const { issuance } = scene.status();
        if (issuance === undefined) throw new Error("no attempt is on record");
        scene.putStatus({ ...scene.status(), issuance: { ...issuance, id: "of the successor", parked: undefined } });
      },
    ],
  ])("stores no certificate %s", async (_what, change) => {
    const { scene, old } = await handedOver();
    change(scene);
    const ended = storing(old);
    allowWrites(scene);
    await scene.clock.advance(200 * SECOND_MS);
    await ended;
    expect(scene.secret()).toBeUndefined();
  });

  test("goes on although the API server fails in between", async () => {
    const { scene, old } = await handedOver();
    scene.cluster.fault = () => kubeError("Network");
    const ended = storing(old);
    await scene.clock.advance(20 * SECOND_MS);
    allowWrites(scene);
    await scene.clock.advance(3 * SECOND_MS);
    await ended;
    expect(scene.serialIn()).toBe(scene.atlas.issued[0]?.serialNumber);
  });
});
