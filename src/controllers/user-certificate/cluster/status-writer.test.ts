import { describe, expect, test } from "vitest";
import { parseUserCertificate } from "../../../api/parse-user-certificate.ts";
import { timestamp } from "../../../api/timestamp.ts";
import { USER_CERTIFICATE } from "../../../api/user-certificate.ts";
import type { Issuance } from "../../../api/user-certificate-status.ts";
import type { StoreEvent } from "../../../kube/cache/store.ts";
import type { Outcome } from "../core/model/decision.ts";
import type { Snapshot } from "../core/model/snapshot.ts";
import { kubeError, type MemoryCluster } from "../testing/memory-cluster.ts";
import { NAMESPACE, Scene } from "../testing/scene.ts";
import {
  ABSENT,
  FACTS,
  failure,
  firstReconcile,
  issuance,
  listed,
  managed,
  NOW,
  reconciled,
} from "../testing/snapshots.ts";
import { type CachedResource, ResourceCache } from "./resource-cache.ts";
import { StatusWriter } from "./status-writer.ts";

const ref = { namespace: NAMESPACE, name: "orders-api" };
const signal = new AbortController().signal;
const OPEN = { attempt: issuance({ id: "of this process" }), staysOpen: true };

function rig() {
  const scene = new Scene();
  scene.apply();
  const cache = new ResourceCache();
  const { cluster } = scene;
  cache.store.observe(scene.resource());
  const foreign: StoreEvent<CachedResource>[] = [];
  const onForeignChange = (event: StoreEvent<CachedResource>) => void foreign.push(event);
  const statuses = new StatusWriter({ kube: cluster, cache, onForeignChange });
  const snapshot = firstReconcile({ resource: scene.resource(), secret: managed(), atlas: listed(FACTS.serialNumber) });
  const missing = { ...snapshot, secret: ABSENT, atlas: listed() };
  const record = (attempt: Issuance, of: Snapshot = missing) =>
    statuses.record(reconciled(of, { kind: "recorded", attempt }), attempt, signal);
  return { scene, cluster, cache, statuses, snapshot, missing, foreign, record };
}

/** The API server drops the status of the first write that it answers; then someone else changes the resource. */
function dropFirstStatus(cluster: MemoryCluster, meanwhile: () => void | Promise<void>): void {
  const patch = cluster.mergePatch.bind(cluster);
  cluster.mergePatch = async (type, of, body, options) => {
    cluster.mergePatch = patch;
    const answer = await patch(type, of, body, options);
    await meanwhile();
    return { ...answer, status: {} };
  };
}

describe("a report", () => {
  test("is one write of what differs, with the state that was seen as precondition", async () => {
    const { scene, cluster, statuses, snapshot } = rig();
    await statuses.report(reconciled(snapshot));
    expect(scene.ready()).toBe("True Issued");
    expect(cluster.calls).toHaveLength(1);
    expect(cluster.calls[0]).toMatchObject({
      verb: "patch status",
      body: { metadata: { uid: snapshot.resource.uid, resourceVersion: snapshot.resource.resourceVersion } },
    });
  });

  test("writes nothing if nothing differs", async () => {
    const { scene, cluster, statuses, snapshot } = rig();
    await statuses.report(reconciled(snapshot));
    cluster.calls.length = 0;
    await statuses.report(reconciled({ ...snapshot, resource: scene.resource() }));
    expect(cluster.calls).toEqual([]);
  });

  test("is known to the cache at once", async () => {
    const { cache, statuses, snapshot } = rig();
    await statuses.report(reconciled(snapshot));
    expect(cache.get("shop/orders-api")).toMatchObject({ status: { serialNumber: FACTS.serialNumber } });
  });

  test("makes known what others changed before it, since a later watch event will not", async () => {
    const { scene, cache, statuses, snapshot, foreign } = rig();
    scene.apply({ monthsUntilExpiration: 6 });
    await statuses.report(reconciled(snapshot));
    expect(foreign).toEqual([
      { kind: "modified", key: "shop/orders-api", object: scene.resource(), previous: snapshot.resource },
    ]);
    expect(cache.store.knows(scene.resource())).toBe(true);
  });

  test("reports no change of others if there is none, or if the watch has already reported it", async () => {
    const { scene, cache, statuses, snapshot, foreign } = rig();
    await statuses.report(reconciled(snapshot, failure("AtlasUnavailable")));
    scene.apply({ monthsUntilExpiration: 6 });
    cache.store.observe(scene.resource());
    await statuses.report(reconciled(snapshot));
    expect([foreign, scene.status().serialNumber]).toEqual([[], FACTS.serialNumber]);
  });

  test("removes what is no longer true", async () => {
    const { scene, statuses, missing } = rig();
    await statuses.report(reconciled(missing, failure("AtlasUnavailable")));
    expect(scene.status()).toHaveProperty("lastAttempt");
    const again = { ...missing, resource: scene.resource(), secret: managed(), atlas: listed(FACTS.serialNumber) };
    await statuses.report(reconciled(again));
    expect(scene.status()).not.toHaveProperty("lastAttempt");
  });

  test("is fitted to a resource that changed meanwhile, and names the generation that it describes", async () => {
    const { scene, statuses, snapshot } = rig();
    scene.apply({ monthsUntilExpiration: 6 });
    await statuses.report(reconciled(snapshot));
    expect(scene.resource().generation).toBe(2);
    expect(scene.status()).toMatchObject({ observedGeneration: 1, serialNumber: FACTS.serialNumber });
  });

  describe("is dropped if another process has made an attempt meanwhile", () => {
    const reports: readonly (readonly [string, Partial<Snapshot>, Outcome | undefined])[] = [
      ["a verification", {}, undefined],
      ["a reconcile without a list", { atlas: { kind: "notAsked" } }, undefined],
      ["an attempt whose answer was lost", { secret: ABSENT }, failure("AnswerLost", OPEN)],
      ["an attempt that was refused", { secret: ABSENT }, failure("RoleMissing", { ...OPEN, staysOpen: false })],
    ];
    const others = {
      "an attempt was recorded": { issuance: issuance({ id: "of another process" }) },
      "a certificate was issued": { revision: 1, serialNumber: "1002" },
    };
    const cases = reports.flatMap(([what, change, outcome]) =>
      Object.entries(others).map(([other, status]) => [what, other, change, outcome, status] as const),
    );
    test.each(cases)("%s, after %s", async (_what, _other, change, outcome, status) => {
      const { cluster, scene, statuses, snapshot } = rig();
      await cluster.mergePatch(USER_CERTIFICATE, ref, { status }, { subresource: "status" });
      await statuses.report(reconciled({ ...snapshot, ...change }, outcome));
      expect(scene.status()).toEqual(status);
    });
  });

  test("closes the record of its own attempt, and keeps it if only a list can show its outcome", async () => {
    const { scene, statuses, missing, record } = rig();
    for (const staysOpen of [true, false]) {
      const attempt = issuance({ id: `stays open: ${staysOpen}` });
      const before = { ...missing, resource: scene.resource() };
      expect(await record(attempt, before)).toBe("recorded");
      await statuses.report(reconciled(before, failure("AtlasUnavailable", { attempt, staysOpen })));
      expect(scene.status().issuance).toEqual(staysOpen ? attempt : undefined);
    }
  });

  test("is dropped if the resource is gone", async () => {
    const { cluster, statuses, snapshot } = rig();
    cluster.remove(USER_CERTIFICATE, ref);
    await expect(statuses.report(reconciled(snapshot))).resolves.toBeUndefined();
  });

  test("is dropped if the resource was recreated", async () => {
    const { cluster, scene, statuses, snapshot } = rig();
    cluster.remove(USER_CERTIFICATE, ref);
    scene.apply({}, { uid: "another" });
    await statuses.report(reconciled(snapshot));
    expect(scene.status()).toEqual({});
  });

  test("gives up after six conflicts and throws", async () => {
    const { cluster, statuses, snapshot } = rig();
    cluster.fault = ({ verb }) => (verb === "patch status" ? kubeError("Conflict") : undefined);
    await expect(statuses.report(reconciled(snapshot))).rejects.toMatchObject({ reason: "Conflict" });
    expect(cluster.calls.filter(({ verb }) => verb === "patch status")).toHaveLength(6);
  });

  test.each([["Network"], ["Forbidden"], ["Invalid"]] as const)("throws %s", async (reason) => {
    const { cluster, statuses, snapshot } = rig();
    cluster.fault = () => kubeError(reason);
    await expect(statuses.report(reconciled(snapshot))).rejects.toMatchObject({ reason });
  });
});

describe("a record", () => {
  test("is stored, with the condition Issuing, when it says so", async () => {
    const { scene, record } = rig();
    expect(await record(issuance())).toBe("recorded");
    expect(scene.status().issuance).toEqual(issuance());
    expect(scene.status().conditions?.find(({ type }) => type === "Issuing")).toMatchObject({
      status: "True",
      reason: "SecretMissing",
    });
  });

  test("is known to the cache at once", async () => {
    const { cache, record } = rig();
    await record(issuance());
    expect(cache.get("shop/orders-api")).toMatchObject({ status: { issuance: issuance() } });
  });

  test("is refused if anything changed since the snapshot: of two processes one wins", async () => {
    const { scene, missing, record } = rig();
    const other = new StatusWriter({ kube: scene.cluster, cache: new ResourceCache(), onForeignChange: () => {} });
    const attempt = issuance({ id: "other" });
    const results = await Promise.all([
      record(issuance({ id: "one" })),
      other.record(reconciled(missing, { kind: "recorded", attempt }), attempt, signal),
    ]);
    expect(results).toEqual(["recorded", "overtaken"]);
    expect(scene.status().issuance?.id).toBe("one");
  });

  test("takes the place of an older one", async () => {
    const { cluster, scene, missing, record } = rig();
    const older = issuance({ id: "older", renewRequest: "a", knownSerials: ["1"] });
    await cluster.mergePatch(USER_CERTIFICATE, ref, { status: { issuance: older } }, { subresource: "status" });
    const snapshot = { ...missing, resource: scene.resource() };
    expect(await record(issuance({ id: "new" }), snapshot)).toBe("recorded");
    expect(scene.status().issuance).toEqual(issuance({ id: "new" }));
  });

  test.each([["id"], ["username"], ["knownSerials"], ["startedAt"], ["renewRequest"]])(
    "counts as not kept if the API server dropped its %s",
    async (field) => {
      const { cluster, scene, record } = rig();
      const patch = cluster.mergePatch.bind(cluster);
      cluster.mergePatch = async (type, of, body, options) => {
        const answer = await patch(type, of, body, options);
        const kept = Object(Reflect.get(Object(Reflect.get(answer, "status")), "issuance"));
        Reflect.deleteProperty(kept, field);
        return answer;
      };
      expect(await record(issuance({ renewRequest: "a" }))).toBe("notKept");
      expect(scene.status()).not.toHaveProperty("issuance");
    },
  );

  test("that was not kept is taken back from a resource that others change meanwhile, and their change is made known", async () => {
    const { cluster, scene, foreign, record } = rig();
    dropFirstStatus(cluster, () => scene.apply({ monthsUntilExpiration: 6 }));
    expect(await record(issuance())).toBe("notKept");
    expect(scene.status()).not.toHaveProperty("issuance");
    expect(foreign).toMatchObject([{ kind: "modified", object: { spec: { monthsUntilExpiration: 6 } } }]);
  });

  test("that was not kept is not taken back if another process' record has taken its place", async () => {
    const { cluster, scene, record } = rig();
    const other = issuance({ id: "of another process" });
    dropFirstStatus(cluster, async () => {
      await cluster.mergePatch(USER_CERTIFICATE, ref, { status: { issuance: other } }, { subresource: "status" });
    });
    expect(await record(issuance())).toBe("notKept");
    expect(scene.status().issuance).toEqual(other);
  });

  test("has times without fractions of a second, which the API server refuses", async () => {
    const { scene, record } = rig();
    await record(issuance());
    expect(scene.status().conditions?.[0]?.lastTransitionTime).toBe(new Date(NOW).toISOString().replace(".000", ""));
  });
});

test("a status that this version cannot parse is not overwritten", async () => {
  const { cluster, statuses, snapshot } = rig();
  await cluster.mergePatch(USER_CERTIFICATE, ref, { status: { issuance: { id: 7 } } }, { subresource: "status" });
  await statuses.report(reconciled(snapshot));
  expect(parseUserCertificate(cluster.peek(USER_CERTIFICATE, ref))).toMatchObject({ valid: false });
});

describe("the counts of pods", () => {
  const consumers = { pods: 3, outdated: 1, observedAt: timestamp(NOW) };
  const change = (cluster: MemoryCluster, status: object) =>
    cluster.mergePatch(USER_CERTIFICATE, ref, { status }, { subresource: "status" });

  test("are written beside what others have changed meanwhile", async () => {
    const { scene, cluster, statuses, snapshot } = rig();
    await change(cluster, { revision: 7 });
    await statuses.reportConsumers(snapshot.resource, consumers);
    expect(scene.status()).toMatchObject({ revision: 7, consumers });
  });

  test.each([
    ["of which another certificate has been issued meanwhile", { serialNumber: "1009" }],
    ["whose status this version cannot parse", { issuance: { id: 7 } }],
  ])("are not written for a resource %s", async (_, status) => {
    const { cluster, statuses, snapshot } = rig();
    await change(cluster, status);
    await statuses.reportConsumers(snapshot.resource, consumers);
    expect(cluster.peek(USER_CERTIFICATE, ref)).not.toHaveProperty("status.consumers");
  });
});
