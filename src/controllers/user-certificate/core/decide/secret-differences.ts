import type { UserCertificate } from "../../../../api/parse-user-certificate.ts";
import { type DesiredMetadata, desiredMetadata, isOurKind, leftOver } from "../model/desired-secret.ts";
import type { SecretMetadata, Snapshot } from "../model/snapshot.ts";
import { heldCertificate } from "./held.ts";

/** How the Secret differs from what it must hold, if a write without a new certificate fixes it: objects of sentences. */
export function secretDifferences(snapshot: Snapshot): readonly string[] {
  const held = heldCertificate(snapshot);
  if (snapshot.secret.kind !== "managed" || snapshot.secret.content.kind !== "pair" || held === undefined) return [];
  const { metadata, content } = snapshot.secret;
  const desired = desiredMetadata(snapshot.resource, held);
  return [
    ...mapDifferences("label", metadata.labels, desired.labels, metadata.ownLabelKeys),
    ...mapDifferences("annotation", metadata.annotations, desired.annotations, metadata.ownAnnotationKeys),
    ...(ownerReferencesAreRight(metadata, desired, snapshot.resource) ? [] : ["owner reference"]),
    ...(content.formatsCurrent ? [] : ["formats"]),
  ];
}

function mapDifferences(
  what: string,
  present: Readonly<Record<string, string>>,
  desired: Readonly<Record<string, string>>,
  ownKeys: readonly string[],
): readonly string[] {
  const changed = Object.keys(desired).filter((key) => present[key] !== desired[key]);
  return [...changed, ...leftOver(present, desired, ownKeys)].map((key) => `${what} ${key}`);
}

function ownerReferencesAreRight(
  metadata: SecretMetadata,
  desired: DesiredMetadata,
  resource: UserCertificate,
): boolean {
  const ours = metadata.ownerReferences.filter(isOurKind);
  if (desired.ownerReference === undefined) return ours.length === 0;
  return ours.length === 1 && ours[0]?.uid === resource.uid;
}
