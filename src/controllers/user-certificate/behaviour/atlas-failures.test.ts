import { describe, expect, test } from "vitest";
import { DAY_MS, HOUR_MS } from "../../../clock.ts";
import { DeadlineReached, untilAborted } from "../../../deadline.ts";
import { SECRETS } from "../../../kube/core-types.ts";
import type { CertificateApi } from "../../access/atlas-api.ts";
import { atlasError } from "../testing/memory-atlas.ts";
import { CREDENTIALS, issuedScene, Scene } from "../testing/scene.ts";

/** An Atlas that refuses, or never answers. */

describe("if Atlas refuses a list", () => {
  test("the reason is in the status, and the resource gets its certificate once the problem is fixed", async () => {
    const scene = new Scene();
    scene.apply();
    scene.atlas.listFault = () => atlasError("userNotFound");
    const process = scene.start();
    const next = await scene.settle(process);
    expect([scene.ready(), scene.stalled()]).toEqual(["False UserNotFound", "True UserNotFound"]);
    expect(scene.status().lastAttempt).toMatchObject({
      reason: "UserNotFound",
      message: expect.stringContaining("Atlas says userNotFound."),
      needsPerson: true,
      failures: 1,
    });
    expect(next.kind === "again" && next.at).toBe(Date.parse(scene.status().lastAttempt?.nextAttemptTime ?? ""));
    scene.atlas.listFault = () => undefined;
    scene.clock.advanceNow(7000);
    await scene.settle(process);
    expect(scene.ready()).toBe("True Issued");
    expect(scene.status()).not.toHaveProperty("lastAttempt");
  });

  test("Atlas is not asked again while the backoff runs", async () => {
    const scene = new Scene();
    scene.apply();
    scene.atlas.listFault = () => atlasError("unavailable");
    const process = scene.start();
    await scene.settle(process);
    scene.cluster.calls.length = 0;
    for (let count = 0; count < 5; count++) await scene.settle(process);
    expect(scene.atlas.lists).toBe(1);
    expect(scene.cluster.writes).toEqual([]);
  });

  test("a process that did not see the backoff begin does not ask Atlas while it runs either", async () => {
    const scene = new Scene();
    scene.apply();
    scene.atlas.listFault = () => atlasError("unavailable");
    await scene.settle(scene.start());
    for (let life = 0; life < 3; life++) {
      const process = scene.start();
      await scene.settle(process);
      scene.stop(process);
    }
    expect(scene.atlas.lists).toBe(1);
  });

  test("the waits grow to an hour, also over restarts", async () => {
    const scene = new Scene();
    scene.apply();
    scene.atlas.listFault = () => atlasError("unavailable");
    for (let life = 0; life < 4; life++) {
      const process = scene.start();
      await scene.run(process, { forMs: 6 * HOUR_MS });
      scene.stop(process);
    }
    // 5 s doubling to an hour takes ten tries; then one an hour, a little more often for the jitter.
    expect(scene.atlas.lists).toBeGreaterThan(30);
    expect(scene.atlas.lists).toBeLessThan(45);
    expect(scene.status().lastAttempt?.failures).toBe(scene.atlas.lists);
  });

  test("Atlas is asked at once when the credentials change", async () => {
    const scene = new Scene();
    scene.apply();
    scene.atlas.listFault = () => atlasError("credentials");
    const process = scene.start();
    await scene.settle(process);
    scene.atlas.listFault = () => undefined;
    scene.cluster.put(SECRETS, { metadata: CREDENTIALS, data: { clientId: "eA==", clientSecret: "eQ==" } });
    await scene.settle(process);
    expect(scene.ready()).toBe("True Issued");
  });

  test("Atlas is asked at once when the spec changes", async () => {
    const scene = new Scene();
    scene.apply();
    scene.atlas.listFault = () => atlasError("userNotFound");
    const process = scene.start();
    await scene.settle(process);
    scene.atlas.listFault = () => undefined;
    scene.apply({ username: "billing" });
    await scene.settle(process);
    expect(scene.ready()).toBe("True Issued");
  });

  test("Ready stays True with the blocker named, as long as the certificate lasts", async () => {
    const { scene, process } = await issuedScene();
    scene.atlas.listFault = () => atlasError("unavailable");
    scene.clock.advanceNow(DAY_MS);
    await scene.settle(process);
    expect([scene.ready(), scene.stalled()]).toEqual(["True AtlasUnavailable", "False AtlasUnavailable"]);
    scene.clock.advanceNow(88 * DAY_MS);
    await scene.run(process, { forMs: HOUR_MS });
    expect(scene.ready()).toBe("True AtlasUnavailable");
    await scene.run(process, { forMs: 2 * DAY_MS });
    expect(scene.ready()).toBe("False AtlasUnavailable");
    expect(scene.condition("Ready").message).toMatch(/^Certificate \d+ expired at /);
  });

  test("because the user is gone, Ready is False until Atlas lists the certificate again", async () => {
    const { scene, process } = await issuedScene();
    scene.clock.advanceNow(7 * HOUR_MS);
    scene.atlas.listFault = () => atlasError("userNotFound");
    await scene.settle(process);
    expect(scene.ready()).toBe("False UserNotFound");
    scene.atlas.listFault = () => undefined;
    scene.clock.advanceNow(10_000);
    await scene.settle(process);
    expect([scene.ready(), scene.atlas.creates]).toEqual(["True Issued", 1]);
  });
});

describe("a reason that needs a person", () => {
  async function roleMissing() {
    const scene = new Scene();
    scene.apply();
    scene.atlas.listFault = () => atlasError("role");
    const process = scene.start();
    await scene.settle(process);
    return { scene, process };
  }

  test.each([["rateLimited"], ["unavailable"]] as const)("outlasts %s, which is added to it", async (kind) => {
    const { scene, process } = await roleMissing();
    const since = scene.status().lastAttempt?.time;
    scene.atlas.listFault = () => atlasError(kind);
    await scene.run(process, { forMs: HOUR_MS });
    expect([scene.ready(), scene.stalled()]).toEqual(["False RoleMissing", "True RoleMissing"]);
    expect(scene.condition("Ready").message).toContain(`Not rechecked since ${since}: Atlas says ${kind}.`);
    expect(scene.condition("Stalled").message).toContain("the role Project Owner");
    expect(scene.status().lastAttempt).toMatchObject({ reason: "RoleMissing", time: since, needsPerson: true });
    expect(scene.reasons()).toEqual(["RoleMissing"]);
  });

  test("is refuted by a list, also after an outage", async () => {
    const { scene, process } = await roleMissing();
    scene.atlas.listFault = () => atlasError("unavailable");
    await scene.run(process, { forMs: HOUR_MS });
    scene.atlas.listFault = () => undefined;
    await scene.run(process, { forMs: HOUR_MS });
    expect([scene.ready(), scene.stalled()]).toEqual(["True Issued", "False Issued"]);
  });

  test("is replaced by another reason that needs a person", async () => {
    const { scene, process } = await roleMissing();
    scene.atlas.listFault = () => atlasError("credentials");
    await scene.run(process, { forMs: HOUR_MS });
    expect(scene.stalled()).toBe("True CredentialsRejected");
    expect(scene.condition("Ready").message).not.toContain("Not rechecked");
  });

  test("leaves Stalled False while the certificate works, and turns it True once the renewal is overdue", async () => {
    const { scene, process } = await issuedScene();
    scene.atlas.listFault = () => atlasError("role");
    scene.clock.advanceNow(59 * DAY_MS + 20 * HOUR_MS);
    await scene.run(process, { forMs: HOUR_MS });
    expect([scene.ready(), scene.stalled()]).toEqual(["True RoleMissing", "False RoleMissing"]);
    expect(scene.status().lastAttempt?.needsPerson).toBe(true);
    await scene.run(process, { forMs: 6 * HOUR_MS });
    expect([scene.ready(), scene.stalled()]).toEqual(["True RoleMissing", "True RoleMissing"]);
  });
});

test("a create that Atlas refuses closes its record and counts nowhere", async () => {
  const scene = new Scene();
  scene.apply();
  scene.atlas.createFault = () => ({ refuse: "customerManagedOn" });
  await scene.settle(scene.start());
  expect(scene.ready()).toBe("False CustomerManagedX509On");
  expect(scene.status()).not.toHaveProperty("issuance");
  expect(scene.status()).not.toHaveProperty("recentIssuances");
});

describe("if Atlas never answers", () => {
  /** Ends as the Atlas client does: a deadline is its error, anything else is the caller's will. */
  const silentAtlas: CertificateApi = {
    createDatabaseUserCertificate: () => Promise.reject(new Error("nothing may be created without a list")),
    listAllDatabaseUserCertificates: (_user, { signal } = {}) =>
      untilAborted(new Promise<never>(() => {}), signal ?? AbortSignal.abort()).catch((reason: unknown) => {
        throw atlasError(reason instanceof DeadlineReached ? "unavailable" : "aborted");
      }),
  };

  async function expired() {
    const { scene } = await issuedScene();
    scene.clock.advanceNow(91 * DAY_MS);
    return { scene, process: scene.start({ atlas: silentAtlas }) };
  }

  test("the status says so before the queue gives the reconcile up, with the certificate that expired meanwhile", async () => {
    const { scene, process } = await expired();
    const reconcile = scene.reconcile(process);
    await scene.clock.advance(75_000);
    expect(await reconcile).toMatchObject({ kind: "again" });
    expect(scene.ready()).toBe("False AtlasUnavailable");
    expect(scene.condition("Ready").message).toMatch(/^Certificate \d+ expired at /);
    expect(scene.status().lastAttempt?.failures).toBe(1);
  });

  test("the status says so even if the queue gives the reconcile up first", async () => {
    const { scene, process } = await expired();
    const limit = new AbortController();
    const reconcile = scene.reconcile(process, "orders-api", limit.signal);
    await scene.clock.advance(1000);
    limit.abort(new DeadlineReached(120_000));
    await reconcile;
    expect(scene.ready()).toBe("False AtlasUnavailable");
  });

  test("a reconcile that was called off, as after a lost lease, writes nothing", async () => {
    const { scene, process } = await expired();
    const leave = new AbortController();
    const reconcile = scene.reconcile(process, "orders-api", leave.signal);
    await scene.clock.advance(1000);
    leave.abort(new Error("the lease is lost"));
    await expect(reconcile).rejects.toMatchObject({ kind: "aborted" });
    expect(scene.cluster.writes).toEqual([]);
  });
});
