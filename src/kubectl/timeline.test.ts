import { expect, test } from "vitest";
import { SETTLED_STATUS } from "../controllers/user-certificate/testing/snapshots.ts";
import { object, PAGE, TestCluster } from "./testing/test-cluster.ts";
import { timeline } from "./timeline.ts";

const EXPIRED = { ...SETTLED_STATUS, notAfter: "2030-01-10T00:00:00Z", renewalTime: "2030-01-05T00:00:00Z" };
const ATTEMPT = {
  ...{ time: "2030-01-11T00:00:00Z", reason: "UserNotFound", message: "Atlas has no database user." },
  ...{ needsPerson: true, failures: 1, nextAttemptTime: "2030-01-11T00:10:00Z", generation: 1 },
};

test("shows by day what is renewed and what expires", async () => {
  const consumers = {
    ...{ pods: 3, outdated: 2, outdatedValidUntil: "2030-01-20T08:00:00Z", observedAt: "2030-01-10T00:00:00Z" },
  };
  const leftBehind = [{ secretName: "old-mongodb", notAfter: "2030-01-15T00:00:00Z" }];
  const cluster = new TestCluster(
    object(),
    object("billing", {}, { ...SETTLED_STATUS, lastAttempt: ATTEMPT }, "billing"),
    object("new", {}, {}),
    object("paused", { suspend: true }),
    object("reports", {}, { ...SETTLED_STATUS, consumers, leftBehind }),
  );
  cluster.namespace = undefined;
  const report = await timeline(cluster, 90);
  expect(report.lines(PAGE).join("\n")).toMatchInlineSnapshot(`
    "DAY                      TIME    WHAT       RESOURCE         NOTE
    2030-01-15  Tue  in 4d   00:00Z  ○ expiry   shop/reports     left behind in Secret old-mongodb
    2030-01-20  Sun  in 9d   08:00Z  ✗ expiry   shop/reports     2 pods to restart before
    2030-03-02  Sat  in 50d  00:00Z  ◆ renewal  billing/billing  only after action: see status
                             00:00Z  ◆ renewal  shop/orders-api
                             00:00Z  ◆ renewal  shop/reports
    2030-04-01  Mon  in 80d  00:00Z  ✗ expiry   billing/billing  needs action: see status
                             00:00Z  ○ expiry   shop/orders-api  renewed before
                             00:00Z  ✗ expiry   shop/paused      suspended: not renewed
                             00:00Z  ○ expiry   shop/reports     renewed before

    The next 90 days: 3 renewals, 6 expiries; 4 need attention.
    1 resource without a certificate: see "kubectl atlascerts status"."
  `);
  expect(report.exitCode).toBe(3);
});

test.each([
  ["CredentialsMissing", 3, /renewal .*only after action: see status\n.*expiry .*needs action: see status/],
  // The PEM files are renewed nevertheless.
  ["KeystorePasswordMissing", 0, /renewal {2}shop\/orders-api\n.*expiry .*renewed before/],
])("of a good certificate with the problem %s ends with %i", async (reason, exitCode, text) => {
  const conditions = (SETTLED_STATUS.conditions ?? []).map((one) => ({ ...one, reason }));
  const report = await timeline(new TestCluster(object("orders-api", {}, { ...SETTLED_STATUS, conditions })), 90);
  expect([report.exitCode, report.lines(PAGE).join("\n")]).toEqual([exitCode, expect.stringMatching(text)]);
});

test("leaves out what comes later, and ends with 0 where nothing is at stake", async () => {
  const report = await timeline(new TestCluster(object()), 60);
  expect(report.lines(PAGE).join("\n")).toMatchInlineSnapshot(`
    "DAY                      TIME    WHAT       RESOURCE         NOTE
    2030-03-02  Sat  in 50d  00:00Z  ◆ renewal  shop/orders-api

    The next 60 days: 1 renewal, 0 expiries; no action is required."
  `);
  expect(report).toMatchObject({ exitCode: 0, data: { days: 60, milestones: [{ what: "renewal" }] } });
});

test("names a renewal that is overdue and a certificate that has expired", async () => {
  const text = (await timeline(new TestCluster(object("orders-api", {}, EXPIRED)), 1)).lines(PAGE).join("\n");
  expect(text).toMatch(/2030-01-05.*◆ renewal.*overdue\n2030-01-10.*✗ expiry.*has expired/);
});

test("says that nothing happens", async () => {
  const report = await timeline(new TestCluster(object()), 1);
  expect(report.lines(PAGE)).toEqual(["Nothing is renewed and nothing expires in the next 1 day."]);
});
