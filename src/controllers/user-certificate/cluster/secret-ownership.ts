import { SECRET_ANNOTATIONS } from "../../../api/names.ts";
import type { UserCertificate } from "../../../api/parse-user-certificate.ts";
import { SECRET_TYPE, type SecretContent } from "../../../certificate/secret-data.ts";
import type { Secret } from "../../../kube/core-types.ts";
import type { SecretHolder, SecretMetadata, SecretState } from "../core/model/snapshot.ts";
import type { LiveResource } from "./live-resource.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export interface OwnershipEvidence {
  readonly secret: Pick<Secret, "type">;
  readonly metadata: SecretMetadata;
  readonly content: SecretContent;
  /** The fingerprint in the status of the resource that names the Secret. */
  readonly fingerprint: string | undefined;
}

/**
 * Why a Secret is not the operator's; undefined if it is: of the type kubernetes.io/tls, and with annotations that name a
 * resource and its UUID, or with the certificate that the status of the resource has on record (then someone stripped the
 * annotations, and they are restored). A single annotation proves nothing: anyone may have copied it.
 */
export function foreignBecause({ secret, metadata, content, fingerprint }: OwnershipEvidence): string | undefined {
  const { certificateUid, certificateName } = SECRET_ANNOTATIONS;
  const { annotations, otherWriters } = metadata;
  const madeBy = otherWriters.length === 0 ? "" : ` (written by ${otherWriters.join(", ")})`;
  if (secret.type !== SECRET_TYPE) return `its type is ${secret.type ?? "Opaque"}, not ${SECRET_TYPE}${madeBy}`;
  if (content.kind === "pair" && fingerprint !== undefined && content.facts.fingerprint === fingerprint)
    return undefined;
  const uid = annotations[certificateUid];
  if (uid === undefined) return `it lacks the annotation ${certificateUid}${madeBy}`;
  if (!UUID.test(uid)) return `its annotation ${certificateUid} is not a UUID${madeBy}`;
  return annotations[certificateName] ? undefined : `it lacks the annotation ${certificateName}${madeBy}`;
}

/**
 * The other resource that the Secret belongs to, if it lives: also one that names another Secret by now, for its apps
 * may still use this one. What a deleted resource left behind is free.
 */
export async function otherHolder(
  live: LiveResource,
  resource: UserCertificate,
  seen: SecretState,
): Promise<SecretHolder | undefined> {
  if (seen.kind !== "managed") return undefined;
  const { namespace, name: secretName, annotations } = seen.metadata;
  const { [SECRET_ANNOTATIONS.certificateUid]: uid, [SECRET_ANNOTATIONS.certificateName]: name } = annotations;
  if (uid === undefined || name === undefined || uid === resource.uid) return undefined;
  const holder = await live({ namespace, name, uid });
  if (holder?.valid !== true) return undefined;
  return { name, ...(holder.spec.secretName !== secretName && { movedTo: holder.spec.secretName }) };
}
