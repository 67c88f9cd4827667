import type { UserCertificate } from "../../../../api/parse-user-certificate.ts";
import type { UserCertificateSpec } from "../../../../api/user-certificate.ts";
import type { ObjectRef } from "../../../../kube/resource-type.ts";

/**
 * The Secret with the Atlas credentials of a resource: the one that it names, in its own namespace, else the operator's
 * default one; undefined where there is neither.
 */
export function credentialsSecret(
  { namespace, spec }: Pick<UserCertificate, "namespace" | "spec">,
  defaultCredentials: ObjectRef | undefined,
): ObjectRef | undefined {
  return spec.credentialsRef === undefined ? defaultCredentials : { namespace, name: spec.credentialsRef.name };
}

/** The name of that Secret in the middle of a sentence. */
export function credentialsPlace({ credentialsRef }: UserCertificateSpec): string {
  return credentialsRef === undefined
    ? "the Secret with the operator's default credentials"
    : `Secret ${credentialsRef.name}`;
}
