import { describe, expect, test } from "vitest";
import { parseUserCertificate } from "../../../api/parse-user-certificate.ts";
import { USER_CERTIFICATE } from "../../../api/user-certificate.ts";
import type { StoreEvent } from "../../../kube/store.ts";
import { type CachedResource, ResourceCache } from "./resource-cache.ts";
import type { Snapshot } from "../core/model/snapshot.ts";
import type { Outcome } from "../core/model/decision.ts";
import { StatusWriter } from "./status-writer.ts";
import { kubeError, type MemoryCluster } from "../testing/memory-cluster.ts";
import { ABSENT, FACTS, failure, firstLook, issuance, listed, managed, NOW, round } from "../testing/snapshots.ts";
import { NAMESPACE, Scene } from "../testing/scene.ts";

const ref = { namespace: NAMESPACE, name: "orders-api" };
const signal = new AbortController().signal;
const OPEN = { spent: true, issuance: issuance({ id: "of this process" }), staysOpen: true };
const decision = { reason: "SecretMissing", message: "There is no Secret." } as const;

function rig() {
  const scene = new Scene();
  scene.apply();
  const cache = new ResourceCache();
  const { cluster, clock } = scene;
  cache.store.observe(scene.resource());
  const foreign: StoreEvent<CachedResource>[] = [];
  const onForeignChange = (event: StoreEvent<CachedResource>) => void foreign.push(event);
  const statuses = new StatusWriter({ kube: cluster, cache, onForeignChange, clock });
  const snapshot = firstLook({ resource: scene.resource(), secret: managed(), atlas: listed(FACTS.serialNumber) });
  const missing = { ...snapshot, secret: ABSENT, atlas: listed() };
  return { scene, cluster, cache, statuses, snapshot, missing, foreign };
}

/** The API server drops the status of the first write that it answers; then somebody else changes the resource. */
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
  test("is one write that holds what differs, upon the state that was looked at", async () => {
    const { scene, cluster, statuses, snapshot } = rig();
    await statuses.report(reconciled(snapshot));
    expect(scene.ready()).toBe("True Issued");
    expect(cluster.calls).toHaveLength(1);
    expect(cluster.calls[0]).toMatchObject({
      verb: "patch status",
      body: { metadata: { uid: snapshot.resource.uid, resourceVersion: snapshot.resource.resourceVersion } },
    });
  });

  test("writes nothing where nothing differs", async () => {
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

  test("tells of what others changed before it, which a watch that comes later will not", async () => {
    const { scene, cache, statuses, snapshot, foreign } = rig();
    scene.apply({ monthsUntilExpiration: 6 });
    await statuses.report(reconciled(snapshot));
    expect(foreign).toEqual([
      { kind: "modified", key: "shop/orders-api", object: scene.resource(), previous: snapshot.resource },
    ]);
    expect(cache.store.knows(scene.resource())).toBe(true);
  });

  test("tells of nothing where nobody else changed anything, nor where the watch has told of it", async () => {
    const { scene, cache, statuses, snapshot, foreign } = rig();
    await statuses.report(reconciled(snapshot, failure("AtlasUnavailable")));
    scene.apply({ monthsUntilExpiration: 6 });
    cache.store.observe(scene.resource());
    await statuses.report(reconciled(snapshot));
    expect([foreign, scene.status().serialNumber]).toEqual([[], FACTS.serialNumber]);
  });

  test("takes away what is no longer so", async () => {
    const { scene, statuses, missing } = rig();
    await statuses.report(reconciled(missing, failure("AtlasUnavailable")));
    expect(scene.status()).toHaveProperty("nextAttemptTime");
    const again = { ...missing, resource: scene.resource(), secret: managed(), atlas: listed(FACTS.serialNumber) };
    await statuses.report(reconciled(again));
    expect(scene.status()).not.toHaveProperty("nextAttemptTime");
    expect(scene.status()).not.toHaveProperty("lastAttempt");
  });

  test("is fitted to a resource that changed meanwhile, and says of which generation it speaks", async () => {
    const { scene, statuses, snapshot } = rig();
    scene.apply({ monthsUntilExpiration: 6 });
    await statuses.report(reconciled(snapshot));
    expect(scene.resource().generation).toBe(2);
    expect(scene.status()).toMatchObject({ observedGeneration: 1, serialNumber: FACTS.serialNumber });
  });

  describe("of a look that another process has overtaken is dropped", () => {
    const looks: readonly (readonly [string, Partial<Snapshot>, Outcome | undefined])[] = [
      ["a verification", {}, undefined],
      ["one without a list", { atlas: { kind: "notAsked" } }, undefined],
      ["an attempt whose answer was lost", { secret: ABSENT }, failure("AnswerLost", OPEN)],
      ["an attempt that was refused", { secret: ABSENT }, failure("RoleMissing", { ...OPEN, staysOpen: false })],
    ];
    const others = {
      "an attempt on record": { issuance: issuance({ id: "of another process" }) },
      "a certificate issued": { revision: 1, serialNumber: "1002" },
    };
    const cases = looks.flatMap((look) => Object.entries(others).map((other) => [...look, ...other] as const));
    test.each(cases)("%s", async (_what, change, outcome, _other, status) => {
      const { cluster, scene, statuses, snapshot } = rig();
      await cluster.mergePatch(USER_CERTIFICATE, ref, { status }, { subresource: "status" });
      await statuses.report(reconciled({ ...snapshot, ...change }, outcome));
      expect(scene.status()).toEqual(status);
    });
  });

  test("closes the record of its own attempt, and keeps it where the list is to tell", async () => {
    const { scene, statuses, missing } = rig();
    for (const staysOpen of [true, false]) {
      const attempt = issuance({ id: `stays open: ${staysOpen}` });
      const before = { ...missing, resource: scene.resource() };
      expect(await statuses.record(before, decision, attempt, signal)).toBe("recorded");
      await statuses.report(reconciled(before, failure("AtlasUnavailable", { issuance: attempt, staysOpen })));
      expect(scene.status().issuance).toEqual(staysOpen ? attempt : undefined);
    }
  });

  test("is dropped where the resource is gone", async () => {
    const { cluster, statuses, snapshot } = rig();
    cluster.remove(USER_CERTIFICATE, ref);
    await expect(statuses.report(reconciled(snapshot))).resolves.toBeUndefined();
  });

  test("is dropped where the resource was made anew", async () => {
    const { cluster, scene, statuses, snapshot } = rig();
    cluster.remove(USER_CERTIFICATE, ref);
    scene.apply({}, { uid: "another" });
    await statuses.report(reconciled(snapshot));
    expect(scene.status()).toEqual({});
  });

  test("gives up after a few conflicts, and says so", async () => {
    const { cluster, statuses, snapshot } = rig();
    cluster.fault = ({ verb }) => (verb === "patch status" ? kubeError("Conflict") : undefined);
    await expect(statuses.report(reconciled(snapshot))).rejects.toMatchObject({ reason: "Conflict" });
    expect(cluster.calls.filter(({ verb }) => verb === "patch status")).toHaveLength(6);
  });

  test.each([["Network"], ["Forbidden"], ["Invalid"]] as const)("goes on with %s", async (reason) => {
    const { cluster, statuses, snapshot } = rig();
    cluster.fault = () => kubeError(reason);
    await expect(statuses.report(reconciled(snapshot))).rejects.toMatchObject({ reason });
  });
});

describe("a record", () => {
  test("is there when it says so, with the condition", async () => {
    const { scene, statuses, missing } = rig();
    expect(await statuses.record(missing, decision, issuance(), signal)).toBe("recorded");
    expect(scene.status().issuance).toEqual(issuance());
    expect(scene.status().conditions?.find(({ type }) => type === "Issuing")).toMatchObject({
      status: "True",
      reason: "SecretMissing",
    });
  });

  test("is known to the cache at once", async () => {
    const { cache, statuses, missing } = rig();
    await statuses.record(missing, decision, issuance(), signal);
    expect(cache.get("shop/orders-api")).toMatchObject({ status: { issuance: issuance() } });
  });

  test("is refused where anything changed since the look: of two processes one wins", async () => {
    const { scene, statuses, missing } = rig();
    const { cluster: kube, clock } = scene;
    const other = new StatusWriter({ kube, cache: new ResourceCache(), onForeignChange: () => {}, clock });
    const results = await Promise.all([
      statuses.record(missing, decision, issuance({ id: "one" }), signal),
      other.record(missing, decision, issuance({ id: "other" }), signal),
    ]);
    expect(results).toEqual(["recorded", "overtaken"]);
    expect(scene.status().issuance?.id).toBe("one");
  });

  test("takes the place of an older one", async () => {
    const { cluster, scene, statuses, missing } = rig();
    const older = issuance({ id: "older", renewRequest: "a", knownSerials: ["1"] });
    await cluster.mergePatch(USER_CERTIFICATE, ref, { status: { issuance: older } }, { subresource: "status" });
    const snapshot = { ...missing, resource: scene.resource() };
    expect(await statuses.record(snapshot, decision, issuance({ id: "new" }), signal)).toBe("recorded");
    expect(scene.status().issuance).toEqual(issuance({ id: "new" }));
  });

  test.each([["id"], ["username"], ["knownSerials"], ["startedAt"], ["renewRequest"]])(
    "is not kept where the API server dropped its %s",
    async (field) => {
      const { cluster, scene, statuses, missing } = rig();
      const patch = cluster.mergePatch.bind(cluster);
      cluster.mergePatch = async (type, of, body, options) => {
        const answer = await patch(type, of, body, options);
        const kept = Object(Reflect.get(Object(Reflect.get(answer, "status")), "issuance"));
        Reflect.deleteProperty(kept, field);
        return answer;
      };
      expect(await statuses.record(missing, decision, issuance({ renewRequest: "a" }), signal)).toBe("notKept");
      expect(scene.status()).not.toHaveProperty("issuance");
    },
  );

  test("that is not kept is taken back from a resource that others change meanwhile, and that is told of", async () => {
    const { cluster, scene, statuses, missing, foreign } = rig();
    dropFirstStatus(cluster, () => scene.apply({ monthsUntilExpiration: 6 }));
    expect(await statuses.record(missing, decision, issuance(), signal)).toBe("notKept");
    expect(scene.status()).not.toHaveProperty("issuance");
    expect(foreign).toMatchObject([{ kind: "modified", object: { spec: { monthsUntilExpiration: 6 } } }]);
  });

  test("that is not kept is not taken back where another process has one by now", async () => {
    const { cluster, scene, statuses, missing } = rig();
    const other = issuance({ id: "of another process" });
    dropFirstStatus(cluster, async () => {
      await cluster.mergePatch(USER_CERTIFICATE, ref, { status: { issuance: other } }, { subresource: "status" });
    });
    expect(await statuses.record(missing, decision, issuance(), signal)).toBe("notKept");
    expect(scene.status().issuance).toEqual(other);
  });

  test("has times that the API server takes", async () => {
    const { statuses, missing, scene } = rig();
    await statuses.record(missing, decision, issuance(), signal);
    expect(scene.status().conditions?.[0]?.lastTransitionTime).toBe(new Date(NOW).toISOString().replace(".000", ""));
  });
});

test("a status that this version can't read is not written over", async () => {
  const { cluster, statuses, snapshot } = rig();
  await cluster.mergePatch(USER_CERTIFICATE, ref, { status: { issuance: { id: 7 } } }, { subresource: "status" });
  await statuses.report(reconciled(snapshot));
  expect(parseUserCertificate(cluster.peek(USER_CERTIFICATE, ref))).toMatchObject({ valid: false });
});
