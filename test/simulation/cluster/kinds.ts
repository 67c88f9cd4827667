import { USER_CERTIFICATE, type UserCertificateSpec } from "../../../src/api/user-certificate.ts";
import type { UserCertificateStatus } from "../../../src/api/user-certificate-status.ts";
import type { KubeObject, ResourceType } from "../../../src/kube/resource-type.ts";

/** An AtlasUserCertificate as the API server has it. */
export interface ResourceObject extends KubeObject {
  readonly spec: UserCertificateSpec;
  readonly status?: UserCertificateStatus;
}

export const RESOURCES: ResourceType<ResourceObject> = USER_CERTIFICATE;

/** As in Change.type. */
export const RESOURCE_TYPE = "atlasusercertificates.atlascerts.io";
export const SECRET_TYPE = "secrets";
export const EVENT_TYPE = "events.events.k8s.io";
