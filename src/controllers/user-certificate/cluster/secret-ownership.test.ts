import { describe, expect, test } from "vitest";
import { MANAGED_LABEL, SECRET_ANNOTATIONS } from "../../../api/names.ts";
import type { SecretContent } from "../../../certificate/secret-data.ts";
import { FACTS, secretMetadataFor, UID } from "../testing/snapshots.ts";
import { foreignBecause, type OwnershipEvidence } from "./secret-ownership.ts";

const { certificateName, certificateUid } = SECRET_ANNOTATIONS;
const PAIR: SecretContent = { kind: "pair", facts: FACTS, formatsCurrent: true, extras: {} };
const STRIPPED = secretMetadataFor(FACTS, { annotations: {} });

function because(change: Partial<OwnershipEvidence>): string | undefined {
  const secret = { type: "kubernetes.io/tls" };
  return foreignBecause({
    secret,
    metadata: secretMetadataFor(FACTS),
    content: PAIR,
    fingerprint: undefined,
    ...change,
  });
}

const annotated = (annotations: Readonly<Record<string, string>>) => secretMetadataFor(FACTS, { annotations });

describe("a Secret is the operator's", () => {
  const cases: readonly (readonly [string, Partial<OwnershipEvidence>])[] = [
    ["if its annotations name a resource and its UUID", {}],
    ["whatever became of its label", { metadata: secretMetadataFor(FACTS, { labels: {} }) }],
    ["whatever became of its data", { content: { kind: "missing", problem: "tls.key is missing" } }],
    ["whatever other writers it has", { metadata: secretMetadataFor(FACTS, { otherWriters: ["argocd"] }) }],
    ["without annotations if the status has its fingerprint", { metadata: STRIPPED, fingerprint: FACTS.fingerprint }],
  ];
  test.each(cases)("%s", (_what, change) => {
    expect(because(change)).toBeUndefined();
  });
});

describe("a Secret is foreign, and the failing condition is named", () => {
  const cases: readonly (readonly [string, Partial<OwnershipEvidence>, string])[] = [
    ["if its type is Opaque", { secret: { type: "Opaque" } }, "its type is Opaque, not kubernetes.io/tls"],
    ["if it has no type", { secret: {} }, "its type is Opaque, not kubernetes.io/tls"],
    [
      "if it is a Helm release that carries the annotations",
      { secret: { type: "helm.sh/release.v1" } },
      "its type is helm.sh/release.v1, not kubernetes.io/tls",
    ],
    [
      "if its type is Opaque although the status has its fingerprint",
      { secret: { type: "Opaque" }, fingerprint: FACTS.fingerprint },
      "its type is Opaque, not kubernetes.io/tls",
    ],
    ["if it has no annotations", { metadata: STRIPPED }, `it lacks the annotation ${certificateUid}`],
    [
      "if it has the label alone",
      { metadata: secretMetadataFor(FACTS, { annotations: {}, labels: { [MANAGED_LABEL]: "true" } }) },
      `it lacks the annotation ${certificateUid}`,
    ],
    [
      "if its annotation certificate-uid says whatever",
      { metadata: annotated({ [certificateUid]: "whatever", [certificateName]: "orders-api" }) },
      `its annotation ${certificateUid} is not a UUID`,
    ],
    [
      "if its UUID has something before it",
      { metadata: annotated({ [certificateUid]: `x${UID}`, [certificateName]: "orders-api" }) },
      `its annotation ${certificateUid} is not a UUID`,
    ],
    [
      "if it names no resource",
      { metadata: annotated({ [certificateUid]: UID }) },
      `it lacks the annotation ${certificateName}`,
    ],
    [
      "if the resource's name is empty",
      { metadata: annotated({ [certificateUid]: UID, [certificateName]: "" }) },
      `it lacks the annotation ${certificateName}`,
    ],
    [
      "if it has no annotations and another fingerprint than the status",
      { metadata: STRIPPED, fingerprint: "EF:01" },
      `it lacks the annotation ${certificateUid}`,
    ],
    [
      "if its pair does not match and it has no annotations",
      { metadata: STRIPPED, content: { kind: "mismatch", problem: "x" }, fingerprint: FACTS.fingerprint },
      `it lacks the annotation ${certificateUid}`,
    ],
  ];
  test.each(cases)("%s", (_what, change, problem) => {
    expect(because(change)).toBe(problem);
  });

  test("with the writers that made it", () => {
    const metadata = secretMetadataFor(FACTS, { otherWriters: ["helm", "kubectl-edit"] });
    expect(because({ secret: { type: "Opaque" }, metadata })).toBe(
      "its type is Opaque, not kubernetes.io/tls (written by helm, kubectl-edit)",
    );
  });
});
