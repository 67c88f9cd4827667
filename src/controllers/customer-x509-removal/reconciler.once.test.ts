import { describe, expect, test } from "vitest";
import { CUSTOMER_X509_REMOVAL } from "../../api/customer-x509-removal.ts";
import { HOUR_MS } from "../../clock.ts";
import { KubeError } from "../../kube/kube-error.ts";
import { Mortal } from "../user-certificate/testing/mortal.ts";
import { Scene } from "./testing/scene.ts";

const AT = "2026-11-24T12:00:00Z";

/** The call that restarts databases is made at most once. */

describe("of two operators", () => {
  test("that decided upon the same state, one makes the call", async () => {
    const scene = new Scene();
    scene.apply();
    const other = scene.start();
    const onStep = async (step: string) => {
      if (step === "record") expect(await scene.reconcile(other)).toMatchObject({ kind: "again" });
    };
    expect(await scene.reconcile(scene.start({ onStep }))).toMatchObject({ kind: "again" });
    expect(scene.atlas.removals).toBe(1);
  });

  test("an old one does not fail the request that another has recorded", async () => {
    const scene = new Scene();
    scene.apply();
    const old = scene.start();
    await scene.reconcile();
    const recorded = scene.status;
    await scene.clock.advance(6 * HOUR_MS);
    expect(await scene.reconcile(old)).toMatchObject({ kind: "again" });
    expect(scene.status).toEqual(recorded);
  });

  test.each(["record", "call"])("one that lost its lease before the %s does not act", async (at) => {
    const scene = new Scene();
    scene.apply();
    let isLeading = true;
    const leadership = () => () => {
      if (!isLeading) throw new Error("the lease ran out");
    };
    const onStep = (step: string) => {
      if (step === at) isLeading = false;
    };
    await expect(scene.reconcile(scene.start({ leadership, onStep }))).rejects.toThrow("the lease ran out");
    // A record of a call that was never made would keep the successor from making it.
    expect(scene.status?.requestedAt).toBe(at === "record" ? undefined : AT);
    expect(scene.atlas.removals).toBe(0);
  });
});

test.each([1, 2, 3, 4, 5].flatMap((at) => (["before", "after"] as const).map((moment) => [moment, at] as const)))(
  "a process that dies %s call %i of a request leaves at most one call, and its successor reads",
  async (moment, at) => {
    const scene = new Scene();
    scene.apply();
    const mortal = new Mortal(at, moment);
    const { atlas, cluster } = scene;
    const api = {
      getUserSecurity: (parameters: { groupId: string }) => mortal.call(() => atlas.getUserSecurity(parameters)),
      disableCustomerManagedX509: (...call: Parameters<typeof atlas.disableCustomerManagedX509>) =>
        mortal.call(() => atlas.disableCustomerManagedX509(...call)),
    };
    const victim = scene.start({ kube: mortal.kube(cluster), api });
    const life = async () => {
      for (let round = 0; round < 3; round++) await scene.reconcile(victim);
    };
    await Promise.race([life(), mortal.died]);
    for (let round = 0; round < 3; round++) await scene.reconcile();
    expect(atlas.removals).toBeLessThanOrEqual(1);
    await scene.clock.advance(HOUR_MS);
    await scene.reconcile();
    expect(["Complete Removed", "Failed NotConfirmed"]).toContain(scene.conditions[0]);
    expect(atlas.removals).toBeLessThanOrEqual(1);
  },
);

describe("nothing is called", () => {
  test("if the API server drops the record", async () => {
    const scene = new Scene();
    scene.apply();
    const patch = scene.cluster.mergePatch.bind(scene.cluster);
    scene.cluster.mergePatch = async (type, ref, body, options) => {
      const { status, ...rest } = body as { status: { requestedAt?: string } };
      const { requestedAt: _dropped, ...kept } = status;
      return patch(type, ref, { ...rest, status: kept }, options);
    };
    expect(await scene.reconcile()).toEqual({ kind: "done" });
    expect(scene.conditions).toEqual(["Failed CrdOutdated", "Stalled CrdOutdated"]);
    expect(scene.atlas.removals).toBe(0);
  });

  test("if the answer to the record is lost", async () => {
    const scene = new Scene();
    scene.apply();
    scene.cluster.fault = ({ verb }) => (verb === "patch status" ? "answerLost" : undefined);
    await expect(scene.reconcile()).rejects.toSatisfy((error) => KubeError.is(error));
    scene.cluster.fault = () => undefined;
    await scene.reconcile();
    expect(scene.conditions).toEqual(["Reconciling Requested"]);
    expect(scene.atlas.removals).toBe(0);
  });

  test("for an object that can't be parsed, and its status stays", async () => {
    const scene = new Scene();
    scene.apply({ notAfter: 5 as never });
    expect(await scene.reconcile()).toEqual({ kind: "done" });
    expect(scene.cluster.writes).toEqual([]);
  });

  test("for one that is being deleted", async () => {
    const scene = new Scene();
    scene.apply();
    const stored = scene.cluster.peek(CUSTOMER_X509_REMOVAL, { name: "now" });
    if (stored === undefined) throw new Error("it is not stored");
    scene.cluster.put(CUSTOMER_X509_REMOVAL, { ...stored, metadata: { ...stored.metadata, deletionTimestamp: AT } });
    expect(await scene.reconcile()).toEqual({ kind: "done" });
    expect(scene.atlas.removals).toBe(0);
  });
});
