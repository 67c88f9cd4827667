import * as z from "zod";
import { RENEW_REQUEST_ANNOTATION } from "./names.ts";
import { contentOf, type InvalidContent, identityOf, type ObjectIdentity, type ValidContent } from "./parse-object.ts";
import { type UserCertificateSpec, userCertificateSpecSchema } from "./user-certificate.ts";
import { type UserCertificateStatus, userCertificateStatusSchema } from "./user-certificate-status.ts";

/** The part of a resource's metadata that the operator keeps. */
export interface UserCertificateIdentity extends ObjectIdentity {
  readonly namespace: string;
  /** Value of the renew annotation, if there is one. */
  readonly renewRequest: string | undefined;
}

/** An AtlasUserCertificate, parsed. */
export interface UserCertificate
  extends UserCertificateIdentity,
    ValidContent<UserCertificateSpec, UserCertificateStatus> {}

export interface InvalidUserCertificate extends UserCertificateIdentity, InvalidContent {}

const schemas = { spec: userCertificateSpecSchema, status: userCertificateStatusSchema };

const namespacedSchema = z.object({
  metadata: z.object({ namespace: z.string(), annotations: z.record(z.string(), z.string()).optional() }),
});

/**
 * Parses an object that the API server sent.
 *
 * @throws z.ZodError if it does not even have the metadata of a Kubernetes object.
 */
export function parseUserCertificate(object: unknown): UserCertificate | InvalidUserCertificate {
  const { namespace, annotations } = namespacedSchema.parse(object).metadata;
  const identity = { ...identityOf(object), namespace, renewRequest: annotations?.[RENEW_REQUEST_ANNOTATION] };
  return { ...identity, ...contentOf(object, schemas) };
}
