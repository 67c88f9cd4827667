import { describe, expect, test } from "vitest";
import { CUSTOMER_X509_REMOVAL } from "../../api/customer-x509-removal.ts";
import { AtlasError } from "../../atlas/errors/atlas-error.ts";
import { HOUR_MS } from "../../clock.ts";
import { KubeError } from "../../kube/kube-error.ts";
import { Mortal } from "../user-certificate/testing/mortal.ts";
import { OTHER, ROOT, Scene } from "./testing/scene.ts";
import { PROJECT } from "./testing/snapshots.ts";

const AT = "2026-11-24T12:00:00Z";
const RESTART = `Atlas restarts the nodes of every cluster of project ${PROJECT}, one after the other.`;

function refusal(kind: "role" | "rateLimited" | "unavailable"): AtlasError {
  return new AtlasError({ kind, operation: "disableCustomerManagedX509", problem: `Atlas says ${kind}` });
}

describe("a request", () => {
  test("is recorded, made once, confirmed by reading, and over", async () => {
    const scene = new Scene();
    scene.apply();
    expect(await scene.reconcile()).toMatchObject({ kind: "again" });
    expect(scene.status).toMatchObject({ requestedAt: AT, projectId: PROJECT, observedGeneration: 1 });
    expect(scene.conditions).toEqual(["Reconciling Requested"]);
    await scene.reconcile();
    expect(scene.status).toMatchObject({ requestedAt: AT, completedAt: AT });
    expect(scene.conditions).toEqual(["Complete Removed"]);
    expect(await scene.reconcile()).toEqual({ kind: "done" });
    expect(scene.atlas.removals).toBe(1);
    expect(scene.told).toEqual(["Warning Requested", "Normal Removed"]);
  });

  test("says before the call, while it waits and afterwards what restarts", async () => {
    const scene = new Scene();
    scene.apply();
    let before: string | undefined;
    const onStep = (step: string) => {
      if (step === "call") before = scene.status?.message;
    };
    await scene.reconcile(scene.start({ onStep }));
    expect(before).toContain(RESTART);
    expect(scene.events[0]?.note).toContain(RESTART);
    expect(scene.status?.message).toContain(RESTART);
    await scene.reconcile();
    expect(scene.status?.message).toContain(RESTART);
  });

  test("upon a simulated Atlas says so in each message, once", async () => {
    const scene = new Scene();
    scene.apply();
    const process = scene.start({ mark: "[simulated] " });
    await scene.reconcile(process);
    await scene.reconcile(process);
    const messages = [...(scene.status?.conditions ?? []), scene.status].map((one) => one?.message ?? "");
    expect(messages.map((message) => message.lastIndexOf("[simulated] "))).toEqual([0, 0, 0, 0, 0]);
  });

  test("is on record before the call leaves", async () => {
    const scene = new Scene();
    scene.apply();
    const onStep = (step: string) => {
      if (step !== "call") return;
      expect(scene.atlas.removals).toBe(0);
      expect(scene.status?.requestedAt).toBe(AT);
    };
    await scene.reconcile(scene.start({ onStep }));
    expect(scene.atlas.removals).toBe(1);
  });

  test("waits until the authorities are gone, and writes nothing while it waits", async () => {
    const scene = new Scene();
    scene.atlas.removalFault = () => "requestLost";
    scene.apply();
    await scene.reconcile();
    await scene.reconcile();
    const writes = scene.cluster.writes.length;
    await scene.clock.advance(10 * 60_000);
    expect(await scene.reconcile()).toEqual({ kind: "again", at: scene.clock.now() + 60_000 });
    expect(scene.cluster.writes).toHaveLength(writes);
    scene.atlas.customerAuthorities.delete(PROJECT);
    await scene.reconcile();
    expect(scene.conditions).toEqual(["Complete Removed"]);
    expect(scene.atlas.removals).toBe(1);
  });

  test("whose answer is lost is confirmed by reading", async () => {
    const scene = new Scene();
    scene.atlas.removalFault = () => "answerLost";
    scene.apply();
    await scene.reconcile();
    expect(scene.conditions).toEqual(["Reconciling AnswerLost"]);
    await scene.reconcile();
    expect(scene.conditions).toEqual(["Complete Removed"]);
    expect(scene.atlas.removals).toBe(1);
    expect(scene.told).toEqual(["Warning Requested", "Warning AnswerLost", "Normal Removed"]);
  });

  test("that never reached Atlas fails after an hour, without a second call", async () => {
    const scene = new Scene();
    scene.atlas.removalFault = () => "requestLost";
    scene.apply();
    await scene.reconcile();
    await scene.clock.advance(HOUR_MS);
    expect(await scene.reconcile()).toEqual({ kind: "done" });
    expect(scene.conditions).toEqual(["Failed NotConfirmed", "Stalled NotConfirmed"]);
    await scene.reconcile();
    expect(scene.atlas.removals).toBe(1);
  });

  test.each(["role", "rateLimited", "unavailable"] as const)("that Atlas refuses (%s) fails for good", async (kind) => {
    const scene = new Scene();
    scene.atlas.removalFault = () => refusal(kind);
    scene.apply();
    expect(await scene.reconcile()).toEqual({ kind: "done" });
    expect(scene.conditions.map((condition) => condition.split(" ")[0])).toEqual(["Failed", "Stalled"]);
    expect(scene.status?.message).toContain("Nothing was changed.");
    scene.atlas.removalFault = () => undefined;
    await scene.reconcile();
    expect(scene.atlas.removals).toBe(1);
  });

  test.each([
    ["other authorities are set", OTHER?.pem ?? "", "Failed CertificateAuthoritiesDiffer"],
    ["one more is set", `${ROOT?.pem}${OTHER?.pem}`, "Failed CertificateAuthoritiesDiffer"],
    ["what is set can't be read", "no certificate", "Failed CertificateAuthoritiesDiffer"],
    ["nothing is set", "", "Complete AlreadyOff"],
  ])("does nothing if %s, and stays over", async (_what, pem, condition) => {
    const scene = new Scene();
    if (pem === "") scene.atlas.customerAuthorities.clear();
    else scene.atlas.customerAuthorities.set(PROJECT, pem);
    scene.apply();
    expect(await scene.reconcile()).toEqual({ kind: "done" });
    expect(scene.conditions[0]).toBe(condition);
    expect(scene.status).not.toHaveProperty("requestedAt");
    scene.atlas.customerAuthorities.set(PROJECT, ROOT?.pem ?? "");
    await scene.reconcile();
    expect(scene.atlas.removals).toBe(0);
  });

  test("expires on its own while its project can't be used, and asks Atlas nothing", async () => {
    const scene = new Scene();
    scene.blocker = { reason: "ProjectNotFound", problem: "No project.", remedy: "Make it.", needsPerson: true };
    scene.apply({ notAfter: "2026-11-24T12:00:30Z" });
    expect(await scene.reconcile()).toEqual({ kind: "again", at: scene.clock.now() + 30_000 });
    expect(scene.conditions).toEqual(["Stalled ProjectNotFound"]);
    await scene.clock.advance(30_000);
    expect(await scene.reconcile()).toEqual({ kind: "done" });
    expect(scene.conditions).toEqual(["Failed Expired", "Stalled Expired"]);
    scene.blocker = undefined;
    await scene.reconcile();
    expect(scene.atlas.removals).toBe(0);
    expect(scene.told).toEqual(["Warning ProjectNotFound", "Warning Expired"]);
  });

  test("acts once an blocker is gone, and reports the blocker once", async () => {
    const scene = new Scene();
    scene.atlas.securityFault = () => refusal("unavailable");
    scene.apply();
    await scene.reconcile();
    await scene.reconcile();
    expect(scene.conditions).toEqual(["Reconciling AtlasUnavailable"]);
    expect(scene.told).toEqual(["Warning AtlasUnavailable"]);
    scene.atlas.securityFault = () => undefined;
    await scene.reconcile();
    expect(scene.atlas.removals).toBe(1);
  });

  test("is judged by Atlas' clock too: a node whose clock is slow does not act late", async () => {
    const scene = new Scene();
    scene.atlas.clockOffsetMs = 5 * HOUR_MS;
    scene.apply();
    await scene.reconcile();
    expect(scene.conditions).toEqual(["Failed Expired", "Stalled Expired"]);
    expect(scene.atlas.removals).toBe(0);
  });

  test("is not made if it expires between record and call", async () => {
    const scene = new Scene();
    scene.apply({ notAfter: "2026-11-24T12:00:30Z" });
    const onStep = async (step: string) => {
      if (step === "call") await scene.clock.advance(30_000);
    };
    expect(await scene.reconcile(scene.start({ onStep }))).toEqual({ kind: "done" });
    expect(scene.conditions).toEqual(["Failed Expired", "Stalled Expired"]);
    expect(scene.atlas.removals).toBe(0);
  });
});

describe("a copy", () => {
  async function done(): Promise<Scene> {
    const scene = new Scene();
    scene.apply();
    await scene.reconcile();
    await scene.reconcile();
    scene.delete();
    await scene.clock.advance(HOUR_MS);
    return scene;
  }

  test("within notAfter does nothing while customer-managed X.509 is off", async () => {
    const scene = await done();
    scene.apply();
    await scene.reconcile();
    expect(scene.conditions).toEqual(["Complete AlreadyOff"]);
    expect(scene.atlas.removals).toBe(1);
  });

  test("within notAfter does nothing to other authorities", async () => {
    const scene = await done();
    scene.atlas.customerAuthorities.set(PROJECT, OTHER?.pem ?? "");
    scene.apply();
    await scene.reconcile();
    expect(scene.atlas.removals).toBe(1);
  });

  test("within notAfter acts if exactly these authorities are set again", async () => {
    const scene = await done();
    scene.atlas.customerAuthorities.set(PROJECT, ROOT?.pem ?? "");
    scene.apply();
    await scene.reconcile();
    expect(scene.atlas.removals).toBe(2);
  });

  test("after notAfter never acts", async () => {
    const scene = await done();
    await scene.clock.advance(5 * HOUR_MS);
    scene.atlas.customerAuthorities.set(PROJECT, ROOT?.pem ?? "");
    scene.apply();
    await scene.reconcile();
    expect(scene.conditions).toEqual(["Failed Expired", "Stalled Expired"]);
    expect(scene.atlas.removals).toBe(1);
  });
});

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
