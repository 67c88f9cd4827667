import { describe, expect, test } from "vitest";
import { parseUserCertificate } from "../api/parse-user-certificate.ts";
import { USER_CERTIFICATE } from "../api/user-certificate.ts";
import type { UserCertificateStatus } from "../api/user-certificate-status.ts";
import {
  failure,
  NOW,
  reconciled,
  refused,
  resource,
  SETTLED_STATUS,
  settled,
  statusAfter,
} from "../controllers/user-certificate/testing/snapshots.ts";
import { SECRETS } from "../kube/core-types.ts";
import { KubeError } from "../kube/kube-error.ts";
import { statusOfAll } from "./status-table.ts";
import { EVENTS, statusOfOne } from "./status-tree.ts";
import { object, PAGE, TestCluster } from "./testing.ts";

/** Issued for a user that Atlas then no longer had. */
const USER_MISSING: UserCertificateStatus = statusAfter(
  reconciled(
    settled({
      atlas: refused("UserNotFound", {
        problem: "Atlas has no database user.",
        remedy: "Create it.",
        needsPerson: true,
      }),
      secret: { kind: "absent" },
    }),
  ),
);

/** The status after a reconcile of a resource whose certificate is good. */
function after(change: Parameters<typeof settled>[0]): UserCertificateStatus {
  return statusAfter(reconciled(settled(change)));
}

const render = async (report: Promise<{ lines: (page: typeof PAGE) => readonly string[] }>, page = PAGE) =>
  (await report).lines(page).join("\n");

describe("status", () => {
  test("shows all resources of the namespace in a table", async () => {
    const cluster = new TestCluster(object(), object("reports"));
    expect(await render(statusOfAll(cluster))).toMatchInlineSnapshot(`
      "NAME        READY  REASON  LIFETIME              RENEWAL  EXPIRES  SECRET
      orders-api  True   Issued  ━━●──────────◆──────  in 50d   in 80d   orders-api-mongodb
      reports     True   Issued  ━━●──────────◆──────  in 50d   in 80d   reports-mongodb

      2 certificates, all fine.  Lifetime: ━ passed  ● now  ◆ renewal  ─ left"
    `);
    expect((await statusOfAll(cluster)).exitCode).toBe(0);
  });

  test("says below the table what is wrong and what to do, and ends with 3", async () => {
    const cluster = new TestCluster(
      object(),
      object("billing", {}, USER_MISSING, "billing"),
      object("paused", { suspend: true }),
      object("new", {}, {}),
    );
    cluster.namespace = undefined;
    expect(await render(statusOfAll(cluster))).toMatchInlineSnapshot(`
      "NAMESPACE  NAME        READY    REASON        LIFETIME              RENEWAL  EXPIRES  SECRET
      billing    billing     False    UserNotFound  ━━●──────────◆──────  in 50d   in 80d   billing-mongo…
      shop       new         Unknown  Pending                                               new-mongodb
      shop       orders-api  True     Issued        ━━●──────────◆──────  in 50d   in 80d   orders-api-mo…
      shop       paused      True     Issued        ━━●─────────────────           in 80d   paused-mongodb

      billing/billing
        Atlas has no database user. Create it.

      shop/new
        The operator has not reconciled this resource yet.
        If this persists, run "kubectl atlascerts check shop".

      shop/paused
        Secret orders-api-mongodb holds certificate 1001 of user orders-api, valid until
        2030-04-01T00:00:00Z; it will be renewed at 2030-03-02T00:00:00Z.
        kubectl patch auc paused -n shop --type=merge -p '{"spec":{"suspend":false}}'

      1 fine, 3 to look at.  Lifetime: ━ passed  ● now  ◆ renewal  ─ left"
    `);
    expect((await statusOfAll(cluster)).exitCode).toBe(3);
  });

  test("fits 80 columns, without the names of the Secrets", async () => {
    const cluster = new TestCluster(object(), object("billing", {}, USER_MISSING, "billing"));
    cluster.namespace = undefined;
    const text = await render(statusOfAll(cluster), { ...PAGE, width: 80 });
    expect(text.split("\n").filter((line) => [...line].length > 80)).toEqual([]);
    expect(text).toContain("━●──────◆───");
    expect(text).not.toContain("orders-api-mongodb ");
  });

  test("says what to do of twenty resources, and counts the others", async () => {
    const names = Array.from({ length: 23 }, (_, index) => `paused-${String(index).padStart(2, "0")}`);
    const text = await render(statusOfAll(new TestCluster(...names.map((name) => object(name, { suspend: true })))));
    expect(text.match(/^ {2}kubectl patch auc/gm)).toHaveLength(20);
    expect(text).toContain('3 more: see "kubectl atlascerts status NAME".');
    expect(text).toContain("0 fine, 23 to look at.");
  });

  test("says that there is nothing", async () => {
    const cluster = new TestCluster();
    expect(await render(statusOfAll(cluster))).toMatch(/^No AtlasUserCertificates in namespace shop\. "-A"/);
    cluster.namespace = undefined;
    expect(await render(statusOfAll(cluster))).toBe("No AtlasUserCertificates in this cluster.");
  });

  test("shows a resource that it cannot read", async () => {
    const cluster = new TestCluster();
    cluster.memory.put(USER_CERTIFICATE, { ...object(), spec: {} } as never);
    expect(await render(statusOfAll(cluster))).toContain("Unreadable");
    expect(await render(statusOfOne(cluster, "orders-api"))).toContain("to one version");
  });

  test("gives the same as data", async () => {
    const { data } = await statusOfAll(new TestCluster(object("paused", { suspend: true })));
    expect(data).toMatchObject({
      items: [
        {
          name: "paused",
          ready: "True",
          suspended: true,
          action: `kubectl patch auc paused -n shop --type=merge -p '{"spec":{"suspend":false}}'`,
          secretName: "paused-mongodb",
        },
      ],
    });
  });
});

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

const KEYSTORE = { pkcs12: { passwordSecretRef: { name: "keystore", key: "password" } } };

/** Problems of a resource whose certificate is good. None of them leaves an attempt. */
const PERSONS_PROBLEMS: readonly (readonly [reason: string, status: UserCertificateStatus, remedy: string])[] = [
  [
    "CredentialsMissing",
    after({ credentials: { kind: "unusable", version: undefined, problem: "Secret atlas-api does not exist." } }),
    "Create it",
  ],
  ["NotGranted", after({ project: { kind: "refused", refusal: { because: "notNamed" } } }), "Ask the platform team"],
  [
    "KeystorePasswordMissing",
    after({
      resource: resource({ spec: { keystores: KEYSTORE }, status: SETTLED_STATUS }),
      keystorePassword: { kind: "unusable", problem: "Secret keystore does not exist." },
    }),
    "Put the password into the Secret",
  ],
];

describe.each(PERSONS_PROBLEMS)("a good certificate with the problem %s", (_, status, remedy) => {
  const cluster = () => new TestCluster(object("orders-api", {}, status));

  test("is not fine in the table, which says the remedy once", async () => {
    const report = await statusOfAll(cluster());
    const text = report.lines(PAGE).join("\n");
    expect([report.exitCode, text]).toEqual([3, expect.stringContaining("0 fine, 1 to look at.")]);
    expect(text.replaceAll(/\s+/g, " ").split(remedy)).toHaveLength(2);
  });

  test("has a next step", async () => {
    const report = await statusOfOne(cluster(), "orders-api");
    const text = report.lines(PAGE).join("\n").replaceAll(/\s+/g, " ");
    expect([report.exitCode, text]).toEqual([
      3,
      expect.stringContaining("Next step Action is required: see the message"),
    ]);
    expect(text.split(remedy)).toHaveLength(2);
  });
});

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
    expect(await render(statusOfOne(cluster, "orders-api"))).toContain("latest change yet.");
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
    const text = await render(statusOfOne(cluster, "orders-api"));
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
    expect((await render(statusOfOne(cluster, "orders-api"))).replaceAll(/\s+/g, " ")).toContain(text);
  });

  test("is a sentence where there is no such resource", async () => {
    await expect(statusOfOne(new TestCluster(), "none")).rejects.toThrow(
      "AtlasUserCertificate none does not exist in namespace shop",
    );
  });
});

test("an attempt that fails for now needs no person", async () => {
  const status = statusAfter(reconciled(settled({ secret: { kind: "absent" } }), failure("AtlasUnavailable")));
  const resource = parseUserCertificate({
    ...object("orders-api", {}, status),
    metadata: { ...object().metadata, resourceVersion: "1", generation: 1, creationTimestamp: "2030-01-01T00:00:00Z" },
  });
  const { standingOf } = await import("./resources.ts");
  expect(standingOf(resource)).toMatchObject({ ready: "False", reason: "AtlasUnavailable", action: undefined });
});
