import { describe, expect, test } from "vitest";
import { USER_CERTIFICATE } from "../api/user-certificate.ts";
import type { UserCertificateStatus } from "../api/user-certificate-status.ts";
import { NOW, SETTLED_STATUS } from "../controllers/user-certificate/testing/snapshots.ts";
import { SECRETS } from "../kube/core-types.ts";
import { KubeError } from "../kube/kube-error.ts";
import { EVENTS, statusOfOne } from "./status-tree.ts";
import { USER_MISSING } from "./testing/statuses.ts";
import { object, PAGE, rendered, TestCluster } from "./testing/test-cluster.ts";

const RICH: UserCertificateStatus = {
  ...SETTLED_STATUS,
  revision: 3,
  previous: { serialNumber: "1000", notAfter: "2030-01-20T00:00:00Z", replacedAt: "2030-01-01T00:00:00Z" },
  consumers: {
    ...{ pods: 3, outdated: 2, outdatedPods: ["orders-api-7d9f-x2x", "orders-api-7d9f-q8w"] },
    ...{ outdatedValidUntil: "2030-01-20T00:00:00Z", observedAt: "2030-01-10T23:00:00Z" },
  },
  recentIssuances: [
    { time: "2029-12-01T00:00:00Z", reason: "SecretMissing", lost: "AnswerLost" },
    { time: "2030-01-01T00:00:00Z", reason: "NearingExpiry", serialNumber: "1001" },
  ],
  unaccounted: [{ serialNumber: "77", notAfter: "2030-02-01T00:00:00Z" }],
  leftBehind: [{ secretName: "old-mongodb", notAfter: "2030-01-15T00:00:00Z" }],
};

describe("status NAME", () => {
  test("shows everything that belongs to the resource", async () => {
    const cluster = new TestCluster(
      object("orders-api", { projectId: undefined, projectRef: { name: "production" } }, RICH),
    );
    cluster.memory.put(SECRETS, { metadata: { namespace: "shop", name: "orders-api-mongodb" } });
    cluster.memory.put(EVENTS, {
      metadata: { namespace: "shop", name: "orders-api.1" },
      type: "Warning",
      reason: "PodsOutdated",
      message: "2 pods still use the old certificate.",
      eventTime: new Date(NOW - 300_000).toISOString(),
      series: { count: 3, lastObservedTime: new Date(NOW - 60_000).toISOString() },
    });
    cluster.memory.put(EVENTS, {
      metadata: { namespace: "shop", name: "orders-api.2" },
      ...{
        type: "Normal",
        reason: "Issued",
        message: "Issued certificate 1001.",
        lastTimestamp: "2030-01-01T00:00:00Z",
      },
    });
    const report = await statusOfOne(cluster, "orders-api");
    expect(report.lines(PAGE).join("\n")).toMatchInlineSnapshot(`
      "shop/orders-api  Ready: Issued
      Secret orders-api-mongodb holds certificate 1001 of user orders-api, valid until
      2030-04-01T00:00:00Z; it will be renewed at 2030-03-02T00:00:00Z.
      ├─ Lifetime     ━━━━━━●─────────────────────────────────◆───────────────────
      │               2030-01-01 issue, 2030-03-02 renewal (in 50d), 2030-04-01 expiry (in 80d)
      ├─ Certificate  serial number 1001, revision 3, Atlas confirmed it 1h ago
      │               the one before it, 1000, can log in until 2030-01-20 00:00Z
      ├─ User         orders-api
      ├─ Project      AtlasProjectX509 production
      ├─ Secret       orders-api-mongodb
      │               old-mongodb is left behind: its certificate is valid until 2030-01-15 00:00Z
      ├─ Consumers    2 of 3 pods with an older certificate, valid until 2030-01-20 00:00Z:
      │                 orders-api-7d9f-x2x
      │                 orders-api-7d9f-q8w
      ├─ Issued       2030-01-01 00:00Z  NearingExpiry  1001
      │               2029-12-01 00:00Z  SecretMissing  serial number unknown,  lost: AnswerLost
      ├─ Unaccounted  1 certificate of the user that no resource here explains:
      │                 77, valid until 2030-02-01 00:00Z
      ├─ Events       1m ago  PodsOutdated (3 times): 2 pods still use the old certificate.
      │               10d ago  Issued: Issued certificate 1001.
      └─ Next step    Restart the pods that still use an older certificate before 2030-01-20T00:00:00Z."
    `);
    expect(report).toMatchObject({
      exitCode: 3,
      data: { secretExists: true, events: [{ reason: "PodsOutdated" }, {}] },
    });
  });

  test("shows a resource without a certificate, its missing Secret, and that Events may not be read", async () => {
    const cluster = new TestCluster(object("orders-api", {}, USER_MISSING));
    cluster.failing.set("events", new KubeError({ reason: "Forbidden", operation: "list events shop" }));
    const report = await statusOfOne(cluster, "orders-api");
    expect(report.lines(PAGE).join("\n")).toMatchInlineSnapshot(`
      "shop/orders-api  Not ready: UserNotFound
      Atlas has no database user. Create it.
      ├─ Lifetime     ━━━━━━●─────────────────────────────────◆───────────────────
      │               2030-01-01 issue, 2030-03-02 renewal (in 50d), 2030-04-01 expiry (in 80d)
      ├─ Certificate  serial number 1001, revision 1, Atlas confirmed it 1h ago
      ├─ User         orders-api
      ├─ Project      32b6e34b3d91647abb20e7b8, credentials in Secret atlas-api
      ├─ Secret       orders-api-mongodb does not exist
      ├─ Events       you may not list Events in this namespace
      └─ Next step    Action is required: see the message at the top."
    `);
  });

  test("says nothing of a Secret that the user may not read", async () => {
    const cluster = new TestCluster(object());
    cluster.memory.fault = ({ what }) =>
      what.startsWith("secrets") ? new KubeError({ reason: "Forbidden", operation: "get" }) : undefined;
    const report = await statusOfOne(cluster, "orders-api");
    expect([report.exitCode, report.lines(PAGE).join("\n")]).toEqual([
      0,
      expect.not.stringContaining("does not exist"),
    ]);
  });

  test("says that the operator has not seen the latest change", async () => {
    const cluster = new TestCluster(object());
    cluster.memory.put(USER_CERTIFICATE, {
      ...object("orders-api", { monthsUntilExpiration: 6 }),
      status: { ...SETTLED_STATUS, observedGeneration: 0 },
    } as never);
    expect(await rendered(statusOfOne(cluster, "orders-api"))).toContain("latest change yet.");
  });

  test("names the workload whose restart is blocked", async () => {
    const pendingRestarts = [
      {
        kind: "Deployment",
        name: "orders-api",
        writtenAt: "2030-01-01T00:00:00Z",
        reason: "WorkloadPaused",
        message: "It is paused: resume it.",
      },
      { kind: "Deployment", name: "worker", writtenAt: "2030-01-01T00:00:00Z" },
    ] as const;
    const cluster = new TestCluster(
      object("orders-api", {}, { ...SETTLED_STATUS, pendingRestarts: [...pendingRestarts] }),
    );
    const text = await rendered(statusOfOne(cluster, "orders-api"));
    expect(text).toContain("Consumers    Deployment orders-api: It is paused: resume it.");
    expect(text).toContain("Next step    It is paused: resume it.");
  });

  test.each([
    [0, 0, "Consumers 5 pods with the current certificate └"],
    [0, 3, "Consumers 3 of 5 pods may still use an older certificate └"],
    [1, 3, "│ pod-a │ 3 of 5 pods may still use an older certificate └"],
  ])("of 5 pods says that %i are outdated and %i may be", async (outdated, unknown, text) => {
    const observed = { pods: 5, outdated, observedAt: "2030-01-10T23:00:00Z" };
    const consumers = {
      ...observed,
      ...(unknown > 0 && { unknown }),
      ...(outdated > 0 && { outdatedPods: ["pod-a"] }),
    };
    const cluster = new TestCluster(object("orders-api", {}, { ...SETTLED_STATUS, consumers }));
    expect((await rendered(statusOfOne(cluster, "orders-api"))).replaceAll(/\s+/g, " ")).toContain(text);
  });

  test("is a sentence where there is no such resource", async () => {
    await expect(statusOfOne(new TestCluster(), "none")).rejects.toThrow(
      "AtlasUserCertificate none does not exist in namespace shop",
    );
  });
});
