import type { UserCertificateSpec } from "../../../../api/user-certificate.ts";

/** The name of the Secret with the credentials of a resource, in the middle of a sentence. */
export function credentialsPlace({ credentialsRef, projectRef }: UserCertificateSpec): string {
  // The name of the Secret is the platform team's affair.
  if (projectRef !== undefined) return `the Secret of AtlasProjectX509 ${projectRef.name}`;
  return `Secret ${credentialsRef?.name}`;
}
