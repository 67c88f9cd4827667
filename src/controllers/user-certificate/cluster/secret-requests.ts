import type { UserCertificate } from "../../../api/parse-user-certificate.ts";
import { SECRET_TYPE, type SecretData } from "../../../certificate/secret-data.ts";
import type { ObjectRef } from "../../../kube/resource-type.ts";
import { wantedExtras } from "../core/model/desired-data.ts";
import { type DesiredMetadata, desiredOwnerReferences, leftOver } from "../core/model/desired-secret.ts";
import type { SecretMetadata } from "../core/model/snapshot.ts";

/** A Secret that is not there yet. */
export function newSecret(ref: ObjectRef, desired: DesiredMetadata, data: SecretData) {
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: SECRET_TYPE,
    metadata: {
      name: ref.name,
      ...(ref.namespace !== undefined && { namespace: ref.namespace }),
      labels: desired.labels,
      annotations: desired.annotations,
      ownerReferences: desiredOwnerReferences([], desired),
    },
    data,
  };
}

/** The change of a Secret that is there: what others put into it stays. */
export function patchFor(
  seen: SecretMetadata,
  { spec }: UserCertificate,
  desired: DesiredMetadata,
  data: SecretData | undefined,
): object {
  const unwanted = seen.ownDataKeys.filter((key) => !wantedExtras(spec).includes(key));
  return {
    metadata: {
      uid: seen.uid,
      resourceVersion: seen.resourceVersion,
      labels: { ...nulls(leftOver(seen.labels, desired.labels, seen.ownLabelKeys)), ...desired.labels },
      annotations: {
        ...nulls(leftOver(seen.annotations, desired.annotations, seen.ownAnnotationKeys)),
        ...desired.annotations,
      },
      ownerReferences: desiredOwnerReferences(seen.ownerReferences, desired),
    },
    ...(data !== undefined && { data: { ...nulls(unwanted), ...data } }),
  };
}

/** In a merge patch null takes a key away. */
function nulls(keys: readonly string[]): Readonly<Record<string, null>> {
  return Object.fromEntries(keys.map((key) => [key, null]));
}
