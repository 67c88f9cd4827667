import { expect, test } from "vitest";
import { DAY_MS, HOUR_MS } from "../clock.ts";
import {
  ABSENT,
  entryFor,
  FRESH,
  issuance,
  issued,
  listed,
  NOW,
  recent,
  reconciled,
  resource,
  SETTLED_STATUS,
  settled,
} from "../controllers/user-certificate/testing/snapshots.ts";
import { IssuesLeft } from "./issues-left.ts";

const RESOURCE = { namespace: "shop", name: "orders-api" };
const OTHER = { namespace: "shop", name: "billing" };

function issuedOnce(name = "orders-api", nowMs = NOW) {
  const recentIssuances = [recent({ serialNumber: "7", time: new Date(nowMs - HOUR_MS).toISOString() })];
  const base = settled({ nowMs });
  const shown = resource({ name, status: { ...SETTLED_STATUS, recentIssuances } });
  return reconciled({ ...base, resource: shown });
}

test("what is left of a user's daily limit is known while a certificate of the last 24 hours counts", () => {
  const issuesLeft = new IssuesLeft();
  expect(issuesLeft.of(RESOURCE, NOW)).toBeUndefined();
  issuesLeft.reconciled(issuedOnce());
  expect(issuesLeft.of(RESOURCE, NOW)).toBe(3);
  expect(issuesLeft.of(RESOURCE, NOW + DAY_MS)).toBeUndefined();
});

test("the certificate that was just issued counts", () => {
  const issuesLeft = new IssuesLeft();
  issuesLeft.reconciled(reconciled(settled({ secret: ABSENT, atlas: listed() }), issued()));
  expect(issuesLeft.of(RESOURCE, NOW)).toBe(3);
});

test("a certificate that was parked counts once when it is stored", () => {
  const issuesLeft = new IssuesLeft();
  const attempt = issuance();
  const status = { issuance: { ...attempt, parked: { pod: "pod-1", serialNumber: FRESH.serialNumber, notAfter: "" } } };
  issuesLeft.reconciled(reconciled(settled({ secret: ABSENT, status, parked: { attempt, facts: FRESH } }), issued()));
  expect(issuesLeft.of(RESOURCE, NOW)).toBe(3);
});

test("a certificate that only Atlas' list shows still counts after a reconcile without a list", () => {
  const issuesLeft = new IssuesLeft();
  const elsewhere = entryFor(FRESH, { createdAt: new Date(NOW - HOUR_MS) });
  issuesLeft.reconciled(reconciled(settled({ atlas: listed("1001", elsewhere) })));
  issuesLeft.reconciled(reconciled(settled()));
  expect(issuesLeft.of(RESOURCE, NOW)).toBe(3);
  issuesLeft.reconciled(reconciled(settled({ atlas: listed("1001") })));
  expect(issuesLeft.of(RESOURCE, NOW)).toBeUndefined();
});

test("another user has a budget of its own, and a limit that has grown counts at once, even without a list", () => {
  const issuesLeft = new IssuesLeft();
  const elsewhere = entryFor(FRESH, { createdAt: new Date(NOW - HOUR_MS) });
  const base = settled({ atlas: listed("1001", elsewhere) });
  issuesLeft.reconciled(reconciled(base));
  const unlisted = settled();
  issuesLeft.reconciled(reconciled({ ...unlisted, others: { ...unlisted.others, count: 1 } }));
  expect(issuesLeft.of(RESOURCE, NOW)).toBe(4);
  const spec = { ...unlisted.resource.spec, username: "someone-else" };
  issuesLeft.reconciled(reconciled({ ...unlisted, resource: { ...unlisted.resource, spec } }));
  expect(issuesLeft.of(RESOURCE, NOW)).toBeUndefined();
});

test("what is a day old is forgotten, whether or not its resource is still there", () => {
  const issuesLeft = new IssuesLeft();
  issuesLeft.reconciled(issuedOnce("billing"));
  issuesLeft.reconciled(issuedOnce("orders-api", NOW + 1000));
  expect(issuesLeft.of(OTHER, NOW)).toBe(3);
  issuesLeft.reconciled(issuedOnce("orders-api", NOW + DAY_MS + 2000));
  expect(issuesLeft.of(OTHER, NOW)).toBeUndefined();
});
