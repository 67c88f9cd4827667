import { z } from "zod";
import { RENEW_REQUEST_ANNOTATION } from "./names.ts";
import { type UserCertificateSpec, userCertificateSpecSchema } from "./user-certificate.ts";
import { type UserCertificateStatus, userCertificateStatusSchema } from "./user-certificate-status.ts";

/** The part of a resource's metadata that the operator keeps. */
export interface UserCertificateIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  /** RFC 3339, as the API server sent it. */
  readonly creationTimestamp: string;
  readonly deleting: boolean;
  /** Value of the renew annotation, if there is one. */
  readonly renewRequest: string | undefined;
}

/** An AtlasUserCertificate, parsed. */
export interface UserCertificate extends UserCertificateIdentity {
  readonly valid: true;
  readonly spec: UserCertificateSpec;
  readonly status: UserCertificateStatus;
}

/** A resource that this version cannot read: the installed CRD is older or newer, or its validation was bypassed. */
export interface InvalidUserCertificate extends UserCertificateIdentity {
  readonly valid: false;
  /** One sentence that names the fields. */
  readonly problem: string;
}

const metadataSchema = z.object({
  namespace: z.string(),
  name: z.string(),
  uid: z.string(),
  resourceVersion: z.string(),
  generation: z.int().default(0),
  creationTimestamp: z.string(),
  deletionTimestamp: z.string().optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});

const resourceSchema = z.object({
  metadata: metadataSchema,
  spec: z.unknown().optional(),
  status: z.unknown().optional(),
});

const contentSchema = z.object({ spec: userCertificateSpecSchema, status: userCertificateStatusSchema.default({}) });

/**
 * Parses an object that the API server sent.
 *
 * @throws z.ZodError if it does not even have the metadata of a Kubernetes object.
 */
export function parseUserCertificate(object: unknown): UserCertificate | InvalidUserCertificate {
  const { metadata, spec, status } = resourceSchema.parse(object);
  const identity: UserCertificateIdentity = {
    namespace: metadata.namespace,
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    generation: metadata.generation,
    creationTimestamp: metadata.creationTimestamp,
    deleting: metadata.deletionTimestamp !== undefined,
    renewRequest: metadata.annotations?.[RENEW_REQUEST_ANNOTATION],
  };
  const parsed = contentSchema.safeParse({ spec, status });
  if (parsed.success) return { ...identity, valid: true, ...parsed.data };
  const problem = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ");
  return { ...identity, valid: false, problem };
}
