import { PROJECT_X509, type ProjectX509Spec } from "../../../src/api/project-x509.ts";

import { USER_CERTIFICATE, type UserCertificateSpec } from "../../../src/api/user-certificate.ts";
import type { UserCertificateStatus } from "../../../src/api/user-certificate-status.ts";

import { WORKLOADS, type WorkloadObject } from "../../../src/controllers/user-certificate/cluster/workloads.ts";
import type { KubeObject, ResourceType } from "../../../src/kube/resource-type.ts";

/** An AtlasUserCertificate as the API server has it. */
export interface ResourceObject extends KubeObject {
  readonly spec: UserCertificateSpec;
  readonly status?: UserCertificateStatus;
}

export const RESOURCES: ResourceType<ResourceObject> = USER_CERTIFICATE;

/** An AtlasProjectX509 as the API server has it. */
export interface ProjectObject extends KubeObject {
  readonly spec: ProjectX509Spec;
}

export const PROJECTS: ResourceType<ProjectObject> = PROJECT_X509;

/** The app of a tenant: what its resources restart. */
export const DEPLOYMENTS: ResourceType<WorkloadObject> = WORKLOADS.Deployment;
export const APP = { kind: "Deployment", name: "app" } as const;

/** The project of a resource: every AtlasProjectX509 here is called like its project's ID. */
export function projectIdOf({ projectId, projectRef }: Pick<UserCertificateSpec, "projectId" | "projectRef">): string {
  return projectId ?? projectRef?.name ?? "";
}

/** As in Change.type. */
export const RESOURCE_TYPE = "atlasusercertificates.atlascerts.io";
export const PROJECT_TYPE = "atlasprojectx509s.atlascerts.io";
export const DEPLOYMENT_TYPE = "deployments.apps";
export const SECRET_TYPE = "secrets";
export const EVENT_TYPE = "events.events.k8s.io";
