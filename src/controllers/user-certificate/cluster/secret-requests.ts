import type { UserCertificate } from "../../../api/parse-user-certificate.ts";
import { SECRET_TYPE, type SecretData } from "../../../certificate/secret-data.ts";
import { SECRETS, type Secret } from "../../../kube/core-types.ts";
import type { KubeApi, MergePatchOptions } from "../../../kube/kube-api.ts";
import { KubeError } from "../../../kube/kube-error.ts";
import type { ObjectRef } from "../../../kube/resource-type.ts";
import { wantedExtras } from "../core/model/desired-data.ts";
import { type DesiredMetadata, desiredOwnerReferences, leftOver } from "../core/model/desired-secret.ts";
import type { SecretMetadata, SecretState } from "../core/model/snapshot.ts";

/**
 * Writes the Secret, with what was seen of it as precondition: its resourceVersion, or that there was none. A merge patch
 * leaves the labels, annotations and data keys of others alone; a create fails if someone was faster, which an apply does
 * not.
 */
export async function sendSecret(
  kube: Pick<KubeApi, "create" | "mergePatch">,
  resource: UserCertificate,
  seen: SecretState,
  desired: DesiredMetadata,
  data: SecretData | undefined,
  options: Pick<MergePatchOptions, "dryRun" | "metadataOnly" | "signal">,
): Promise<Secret> {
  const ref: ObjectRef = { namespace: resource.namespace, name: resource.spec.secretName };
  switch (seen.kind) {
    case "absent":
      return kube.create(SECRETS, newSecret(ref, desired, data ?? {}), options);
    case "managed":
      return kube.mergePatch(SECRETS, ref, patchFor(seen.metadata, resource, desired, data), options);
    case "foreign":
      throw new KubeError({
        reason: "AlreadyExists",
        operation: `write secrets ${resource.namespace}/${ref.name}`,
        explanation: "the Secret is not the operator's",
      });
    default:
      return seen satisfies never;
  }
}

/** Whether the write was refused because the Secret is no longer as it was seen: only a reason to reconcile again. */
export function isOvertaken(seen: SecretState, error: KubeError): boolean {
  return seen.kind === "absent" ? error.reason === "AlreadyExists" : KubeError.is(error, "Conflict", "NotFound");
}

/** A Secret that is not there yet. */
function newSecret(ref: ObjectRef, desired: DesiredMetadata, data: SecretData) {
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
function patchFor(
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
