import { expect, test } from "vitest";
import type { UserCertificate } from "../../../../api/parse-user-certificate.ts";
import { issuance, NOW, OTHER_PROJECT, PROJECT, recent, resource } from "../../testing/snapshots.ts";
import { isTaken } from "./first-holder.ts";

const EARLIER = "2030-01-01T00:00:00Z";
const LATER = "2030-01-02T00:00:00Z";

function made(creationTimestamp: string, namespace: string, status: UserCertificate["status"] = {}): UserCertificate {
  return { ...resource({ status, uid: `uid in ${namespace}` }), namespace, creationTimestamp };
}

function issuedAt(time: string, change: { readonly projectId?: string; readonly username?: string } = {}) {
  return { recentIssuances: [recent({ time, projectId: PROJECT, username: "orders-api", ...change })] };
}

const OWN = made(LATER, "shop");

const cases: readonly (readonly [string, UserCertificate, UserCertificate, boolean])[] = [
  ["is taken by an older resource", OWN, made(EARLIER, "other"), true],
  ["is not taken by a younger resource", made(EARLIER, "shop"), made(LATER, "other"), false],
  ["of two made in the same second is that of the first namespace", OWN, made(LATER, "other"), true],
  ["of two made in the same second is not that of the last namespace", OWN, made(LATER, "zoo"), false],
  ["is not taken by an older resource of the same namespace", OWN, made(EARLIER, "shop"), false],
  ["is not taken by a resource that is being deleted", OWN, { ...made(EARLIER, "other"), deleting: true }, false],
  [
    "is not taken from the one that was issued a certificate first, however old the other one is",
    made(LATER, "shop", issuedAt("2030-01-03T00:00:00Z")),
    made(EARLIER, "other", issuedAt("2030-01-04T00:00:00Z")),
    false,
  ],
  [
    "is taken by one that attempts to issue already",
    made(EARLIER, "shop"),
    made(LATER, "other", { issuance: issuance({ startedAt: new Date(NOW).toISOString() }) }),
    true,
  ],
  [
    "is not taken by the certificate of another user",
    made(EARLIER, "shop"),
    made(LATER, "other", issuedAt("2030-01-03T00:00:00Z", { username: "billing" })),
    false,
  ],
  [
    "is not taken by a certificate in another project",
    made(EARLIER, "shop"),
    made(LATER, "other", issuedAt("2030-01-03T00:00:00Z", { projectId: OTHER_PROJECT })),
    false,
  ],
];

test.each(cases)("a user %s", (_what, own, other, taken) => {
  expect(isTaken(own, { rivals: [own, other], projectId: PROJECT, isGranted: () => true })).toBe(taken);
  expect(isTaken(own, { rivals: [own, other], projectId: PROJECT, isGranted: () => false })).toBe(false);
});
