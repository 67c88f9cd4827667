import { expect, test } from "vitest";
import type { UserCertificateStatus } from "../../../../api/user-certificate-status.ts";
import { FACTS, resource, SETTLED_STATUS } from "../../testing/snapshots.ts";
import { expiredUnread, type ReadFailure } from "./expired-unread.ts";

const EXPIRY_MS = FACTS.notAfter.getTime();
const PASSING: ReadFailure = { problem: "etcd is away", remedy: undefined };
const FORBIDDEN: ReadFailure = { problem: "access is forbidden", remedy: "Grant the right." };

function reported(status: UserCertificateStatus, failure = PASSING, nowMs = EXPIRY_MS) {
  return expiredUnread(resource({ status, generation: 3 }), failure, nowMs);
}

test("the expiry of a certificate that cannot be read is reported at its moment, and not before", () => {
  expect(reported(SETTLED_STATUS, PASSING, EXPIRY_MS - 1)).toBeUndefined();
  const conditions = reported(SETTLED_STATUS)?.map(({ type, status, reason }) => [type, status, reason]);
  expect(conditions).toEqual([
    ["Ready", "False", "Expired"],
    ["Issuing", "False", "Expired"],
    ["Stalled", "False", "Expired"],
  ]);
});

test("a resource that cannot be read says what has expired, what is not known and what happens next", () => {
  expect(reported(SETTLED_STATUS)?.map(({ message }) => message)).toEqual([
    "Certificate 1001 expired at 2030-04-01T00:00:00Z. " +
      "The operator cannot tell whether Secret orders-api-mongodb holds a newer one (etcd is away). The operator retries with a backoff.",
    "No certificate is being issued.",
    "No action is required.",
  ]);
});

test("a resource that cannot be read is Stalled if a person has to act", () => {
  expect(reported(SETTLED_STATUS, FORBIDDEN)?.[2]).toMatchObject({
    status: "True",
    message:
      "The operator cannot tell whether Secret orders-api-mongodb holds a newer one (access is forbidden). Grant the right.",
  });
});

test("the conditions of a resource that cannot be read keep the time of their last change of status", () => {
  const [ready, issuing] = reported(SETTLED_STATUS, PASSING, EXPIRY_MS + 1999) ?? [];
  expect(ready).toMatchObject({ lastTransitionTime: "2030-04-01T00:00:01Z", observedGeneration: 3 });
  expect(issuing).toMatchObject({ lastTransitionTime: "2030-01-10T23:00:00Z", observedGeneration: 3 });
});

test("a resource that cannot be read and is not Ready, or has no known certificate, is left as it is", () => {
  const { notAfter: _expiry, ...withoutExpiry } = SETTLED_STATUS;
  const notReady = SETTLED_STATUS.conditions?.map((condition) => ({ ...condition, status: "False" as const })) ?? [];
  expect(reported({ ...SETTLED_STATUS, conditions: notReady })).toBeUndefined();
  expect(reported(withoutExpiry)).toBeUndefined();
  expect(reported({})).toBeUndefined();
});
