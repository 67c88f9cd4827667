import { expect, test } from "vitest";
import type { UserCertificate } from "../../../../api/parse-user-certificate.ts";
import { ABSENT, issuance, managed, resource, UID } from "../../testing/snapshots.ts";
import { type SecretClaims, secretHolder } from "./secret-holder.ts";

const OWN = resource();
const OLDER = { ...resource({ name: "older", uid: "uid-older" }), creationTimestamp: "2029-12-31T00:00:00Z" };
const YOUNGER = { ...resource({ name: "younger", uid: "uid-younger" }), creationTimestamp: "2030-01-02T00:00:00Z" };

/** A resource with an attempt on record. */
function issuing(of: UserCertificate, reason = "NotIssuedYet"): UserCertificate {
  const condition = {
    ...{ type: "Issuing" as const, status: "True" as const, reason, message: "" },
    ...{ observedGeneration: 1, lastTransitionTime: "2030-01-01T00:00:00Z" },
  };
  return { ...of, status: { issuance: issuance(), conditions: [condition] } };
}

const cases: readonly (readonly [string, Partial<SecretClaims>, ReturnType<typeof secretHolder>])[] = [
  ["is this resource's if no other one claims it", {}, undefined],
  ["is the oldest claimant's while it does not exist", { claimants: [OWN, OLDER] }, { name: "older" }],
  ["is this resource's if the other claimant is younger", { claimants: [YOUNGER, OWN] }, undefined],
  ["is not a deleted claimant's", { claimants: [OWN, { ...OLDER, deleting: true }] }, undefined],
  ["is a younger claimant's with an attempt on record", { claimants: [OWN, issuing(YOUNGER)] }, { name: "younger" }],
  [
    "is not a claimant's whose attempt waits only because the Secret was another's",
    { claimants: [OWN, issuing(YOUNGER, "SecretClaimedTwice")] },
    undefined,
  ],
  [
    "is this resource's if it was issued for it, whatever an older one claims",
    { secret: managed(), annotated: OWN, claimants: [OLDER, OWN] },
    undefined,
  ],
  [
    "is the resource's that it was issued for, although that one names another Secret by now",
    { secret: managed(), annotated: { ...YOUNGER, uid: UID, spec: { ...YOUNGER.spec, secretName: "moved" } } },
    { name: "younger", movedTo: "moved" },
  ],
  [
    "is the resource's that it was issued for, although that one cannot be parsed",
    { secret: managed(), annotated: { ...YOUNGER, uid: UID, valid: false, problem: "spec" } },
    { name: "younger" },
  ],
  [
    "is free if the resource that it was issued for was recreated under its name",
    { secret: managed(), annotated: YOUNGER },
    undefined,
  ],
  [
    "is free if the resource that it was issued for is being deleted",
    { secret: managed(), annotated: { ...YOUNGER, uid: UID, deleting: true } },
    undefined,
  ],
];

test.each(cases)("a Secret %s", (_what, claims, holder) => {
  const isOwn = claims.annotated === OWN || claims.secret === undefined;
  const asking = isOwn ? OWN : { ...OWN, uid: "uid-asking" };
  const secret = claims.secret ?? ABSENT;
  expect(secretHolder(asking, { annotated: undefined, claimants: [asking], ...claims, secret })).toEqual(holder);
});
