import type { Blocker } from "../model/blocker.ts";
import type { Situation } from "../model/situation.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { notGranted, ownCredentialsForbidden, usernameTaken } from "./grant-blockers.ts";

type Check = (situation: Situation) => Blocker | undefined;

/** Reasons against every write: the first that applies is reported. */
export const BLOCKERS: readonly Check[] = [
  suspended,
  secretForeign,
  secretClaimedTwice,
  secretTerminating,
  ownCredentialsForbidden,
  notGranted,
  usernameTaken,
];

function suspended({ resource }: Snapshot): Blocker | undefined {
  if (!resource.spec.suspend) return undefined;
  return {
    reason: "Suspended",
    problem: "spec.suspend is true, so the operator issues, repairs and verifies nothing.",
    remedy: "Set spec.suspend to false to resume.",
    needsPerson: false,
    retry: { kind: "onChange" },
  };
}

export function secretForeign({ secret, resource }: Pick<Snapshot, "secret" | "resource">): Blocker | undefined {
  if (secret.kind !== "foreign") return undefined;
  return {
    reason: "SecretForeign",
    problem: `Secret ${resource.spec.secretName} does not belong to the operator: ${secret.problem}.`,
    remedy: "Choose another spec.secretName, or delete that Secret if nothing needs it.",
    needsPerson: true,
    retry: { kind: "onChange" },
  };
}

export function secretClaimedTwice({
  secretHolder,
  resource,
}: Pick<Snapshot, "secretHolder" | "resource">): Blocker | undefined {
  if (secretHolder === undefined) return undefined;
  const { secretName } = resource.spec;
  const { name, movedTo } = secretHolder;
  return {
    reason: "SecretClaimedTwice",
    problem:
      movedTo === undefined
        ? `Secret ${secretName} belongs to AtlasUserCertificate ${name}.`
        : `Secret ${secretName} holds a certificate of AtlasUserCertificate ${name}, which now uses Secret ${movedTo}.`,
    remedy:
      movedTo === undefined
        ? "Choose another spec.secretName, or delete one of the two resources."
        : `Choose another spec.secretName, or delete Secret ${secretName} once no app uses it.`,
    needsPerson: true,
    retry: { kind: "onChange" },
  };
}

/** Whatever is written into it is lost with it. */
export function secretTerminating({ secret, resource }: Pick<Snapshot, "secret" | "resource">): Blocker | undefined {
  if (secret.kind === "absent" || !secret.metadata.deleting) return undefined;
  return {
    reason: "SecretTerminating",
    problem: `Secret ${resource.spec.secretName} is being deleted, and a finalizer still holds it.`,
    remedy: "The operator continues once the Secret is gone.",
    needsPerson: false,
    retry: { kind: "onChange" },
  };
}

/** Blocks the keystore alone. */
export function keystorePasswordMissing({ keystorePassword }: Snapshot): Blocker | undefined {
  if (keystorePassword.kind !== "unusable") return undefined;
  return {
    reason: "KeystorePasswordMissing",
    problem: `The keystore cannot be written, because its password cannot be used: ${keystorePassword.problem}`,
    remedy:
      "Put the password into the Secret that spec.keystores.pkcs12.passwordSecretRef names; until then the operator renews the PEM files without the keystore.",
    needsPerson: true,
    retry: { kind: "onChange" },
  };
}
