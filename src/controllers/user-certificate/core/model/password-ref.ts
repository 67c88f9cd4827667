import type { UserCertificate } from "../../../../api/parse-user-certificate.ts";

/** The place of a keystore's password. */
export interface PasswordRef {
  readonly namespace: string;
  readonly name: string;
  readonly key: string;
}

/** The place of the keystore's password; undefined if the resource wants no keystore. */
export function passwordRef({ namespace, spec }: UserCertificate): PasswordRef | undefined {
  const ref = spec.keystores?.pkcs12?.passwordSecretRef;
  return ref && { namespace, ...ref };
}
