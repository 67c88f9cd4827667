import { byAge } from "../../../../api/by-age.ts";
import { findCondition } from "../../../../api/conditions.ts";
import { SECRET_ANNOTATIONS } from "../../../../api/names.ts";
import type { InvalidUserCertificate, UserCertificate } from "../../../../api/parse-user-certificate.ts";
import type { SecretHolder, SecretState } from "../model/snapshot.ts";

/** The Secret that a resource names, and the resources that it may belong to. */
export interface SecretClaims {
  readonly secret: SecretState;
  /** The resource whose name the annotations of the Secret hold. */
  readonly annotated: UserCertificate | InvalidUserCertificate | undefined;
  /** All that name the Secret in spec.secretName. */
  readonly claimants: readonly UserCertificate[];
}

/**
 * The owner of the Secret, if not this resource: 1. the living resource that it was issued for, even if that one names
 * another Secret by now; 2. a claimant with an attempt on record, whose certificate cannot be returned; 3. the oldest
 * claimant.
 */
export function secretHolder(
  { spec, uid }: UserCertificate,
  { annotated, claimants, secret }: SecretClaims,
): SecretHolder | undefined {
  if (annotated !== undefined && isIssuedFor(secret, annotated)) {
    if (annotated.uid === uid) return undefined;
    const isMoved = annotated.valid && annotated.spec.secretName !== spec.secretName;
    return { name: annotated.name, ...(isMoved && { movedTo: annotated.spec.secretName }) };
  }
  const living = claimants.filter(({ deleting }) => !deleting).toSorted(byAge);
  const first = living.find(isIssuing) ?? living[0];
  return first === undefined || first.uid === uid ? undefined : { name: first.name };
}

function isIssuedFor(secret: SecretState, { deleting, uid }: NonNullable<SecretClaims["annotated"]>): boolean {
  return (
    secret.kind === "managed" && secret.metadata.annotations[SECRET_ANNOTATIONS.certificateUid] === uid && !deleting
  );
}

/**
 * Whether an attempt into the Secret is on record. One whose Secret turned out to be another's only waits for a list, and
 * may wait forever: it must not take the Secret when that one's is gone for a moment.
 */
function isIssuing({ status }: UserCertificate): boolean {
  return status.issuance !== undefined && findCondition(status, "Issuing")?.reason !== "SecretClaimedTwice";
}
