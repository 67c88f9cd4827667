import { describe, expect, test } from "vitest";
import { USER_CERTIFICATE } from "../api/user-certificate.ts";
import { statusOfAll } from "./status-table.ts";
import { statusOfOne } from "./status-tree.ts";
import { USER_MISSING } from "./testing/statuses.ts";
import { object, PAGE, rendered, TestCluster } from "./testing/test-cluster.ts";

describe("status", () => {
  test("shows all resources of the namespace in a table", async () => {
    const cluster = new TestCluster(object(), object("reports"));
    expect(await rendered(statusOfAll(cluster))).toMatchInlineSnapshot(`
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
    expect(await rendered(statusOfAll(cluster))).toMatchInlineSnapshot(`
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
    const text = await rendered(statusOfAll(cluster), { ...PAGE, width: 80 });
    expect(text.split("\n").filter((line) => [...line].length > 80)).toEqual([]);
    expect(text).toContain("━●──────◆───");
    expect(text).not.toContain("orders-api-mongodb ");
  });

  test("says what to do of twenty resources, and counts the others", async () => {
    const names = Array.from({ length: 23 }, (_, index) => `paused-${String(index).padStart(2, "0")}`);
    const text = await rendered(statusOfAll(new TestCluster(...names.map((name) => object(name, { suspend: true })))));
    expect(text.match(/^ {2}kubectl patch auc/gm)).toHaveLength(20);
    expect(text).toContain('3 more: see "kubectl atlascerts status NAME".');
    expect(text).toContain("0 fine, 23 to look at.");
  });

  test("says that there is nothing", async () => {
    const cluster = new TestCluster();
    expect(await rendered(statusOfAll(cluster))).toMatch(/^No AtlasUserCertificates in namespace shop\. "-A"/);
    cluster.namespace = undefined;
    expect(await rendered(statusOfAll(cluster))).toBe("No AtlasUserCertificates in this cluster.");
  });

  test("shows a resource that it cannot read", async () => {
    const cluster = new TestCluster();
    cluster.memory.put(USER_CERTIFICATE, { ...object(), spec: {} } as never);
    expect(await rendered(statusOfAll(cluster))).toContain("Unreadable");
    expect(await rendered(statusOfOne(cluster, "orders-api"))).toContain("to one version");
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
