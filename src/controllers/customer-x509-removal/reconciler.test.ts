import { describe, expect, test } from "vitest";
import { AtlasError } from "../../atlas/errors/atlas-error.ts";
import { HOUR_MS } from "../../clock.ts";
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
    const { writes } = scene.cluster;
    const before = writes.length;
    await scene.reconcile();
    expect([scene.conditions, writes.length]).toEqual([["Reconciling AnswerLost"], before]);
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
    expect(scene.status?.message?.match(/nothing was changed/gi)).toEqual(["Nothing was changed"]);
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

  test("acts once a blocker is gone, and reports the blocker once", async () => {
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
