import {
  API_GROUP,
  API_VERSION,
  KEYSTORE_ANNOTATION,
  LAST_APPLIED_ANNOTATION,
  MANAGED_LABEL,
  SECRET_ANNOTATIONS,
} from "../../../../api/names.ts";
import type { UserCertificate } from "../../../../api/parse-user-certificate.ts";
import { USER_CERTIFICATE } from "../../../../api/user-certificate.ts";
import type { CertificateFacts } from "../../../../certificate/certificate-facts.ts";
import type { OwnerReference } from "../../../../kube/resource-type.ts";
import { wantsKeystore } from "./desired-data.ts";

export interface DesiredMetadata {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** The reference that lets the Secret go with its resource; undefined where it must stay. */
  readonly ownerReference: OwnerReference | undefined;
}

/** @param keystore the mark of the keystore in the Secret; undefined where there is none */
export function desiredMetadata(
  resource: UserCertificate,
  facts: CertificateFacts,
  keystore?: string,
): DesiredMetadata {
  const { spec, name, uid } = resource;
  // It is not kept of what is there (see secretMetadata): asked for, it would be written again and again.
  const { [LAST_APPLIED_ANNOTATION]: _kubectls, ...annotations } = spec.secretTemplate?.annotations ?? {};
  return {
    labels: { ...spec.secretTemplate?.labels, [MANAGED_LABEL]: "true" },
    annotations: {
      ...annotations,
      [SECRET_ANNOTATIONS.certificateName]: name,
      [SECRET_ANNOTATIONS.certificateUid]: uid,
      // While its AtlasProjectX509 is not known, what is there stays.
      ...(spec.projectId !== undefined && { [SECRET_ANNOTATIONS.projectId]: spec.projectId }),
      [SECRET_ANNOTATIONS.username]: spec.username,
      [SECRET_ANNOTATIONS.serialNumber]: facts.serialNumber,
      [SECRET_ANNOTATIONS.notAfter]: facts.notAfter.toISOString(),
      [SECRET_ANNOTATIONS.fingerprint]: facts.fingerprint,
      ...(keystore !== undefined && { [KEYSTORE_ANNOTATION]: keystore }),
    },
    ownerReference:
      spec.deletionPolicy === "Delete"
        ? {
            apiVersion: `${API_GROUP}/${API_VERSION}`,
            kind: USER_CERTIFICATE.kind,
            name,
            uid,
            controller: true,
            blockOwnerDeletion: false,
          }
        : undefined,
  };
}

/** The mark of the keystore that a Secret has, if the spec still asks for one. */
export function keptKeystoreMark(
  { spec }: UserCertificate,
  annotations: Readonly<Record<string, string>>,
): string | undefined {
  return wantsKeystore(spec) ? annotations[KEYSTORE_ANNOTATION] : undefined;
}

/** Keys that the operator once wrote and that are no longer requested. */
export function leftOver(
  present: Readonly<Record<string, string>>,
  desired: Readonly<Record<string, string>>,
  ownKeys: readonly string[],
): readonly string[] {
  return ownKeys.filter((key) => present[key] !== undefined && desired[key] === undefined);
}

/** The owner references that the Secret should have: those of others, and this resource's where it is wanted. */
export function desiredOwnerReferences(
  present: readonly OwnerReference[],
  desired: DesiredMetadata,
): readonly OwnerReference[] {
  const others = present.filter((reference) => !isOurKind(reference));
  return desired.ownerReference === undefined ? others : [...others, desired.ownerReference];
}

export function isOurKind({ kind, apiVersion }: OwnerReference): boolean {
  return kind === USER_CERTIFICATE.kind && apiVersion.startsWith(`${API_GROUP}/`);
}
