import type { KubeObject, ResourceType } from "../kube/resource-type.ts";

/** Kinds of Kubernetes that only a check reads. */

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
}

export interface Definition extends KubeObject {
  readonly spec?: {
    readonly versions?: readonly {
      readonly name: string;
      readonly schema?: { readonly openAPIV3Schema?: Schema };
    }[];
  };
}

export const DEFINITIONS: ResourceType<Definition> = {
  group: "apiextensions.k8s.io",
  version: "v1",
  plural: "customresourcedefinitions",
  kind: "CustomResourceDefinition",
  namespaced: false,
};

export interface Deployment extends KubeObject {
  readonly spec?: {
    readonly template?: {
      readonly spec?: {
        readonly serviceAccountName?: string;
        readonly containers?: readonly {
          readonly args?: readonly string[];
          readonly env?: readonly { readonly name: string; readonly value?: string }[];
        }[];
      };
    };
  };
  readonly status?: { readonly readyReplicas?: number };
}

export const DEPLOYMENTS: ResourceType<Deployment> = {
  group: "apps",
  version: "v1",
  plural: "deployments",
  kind: "Deployment",
  namespaced: true,
};

export const POLICIES: ResourceType = {
  group: "admissionregistration.k8s.io",
  version: "v1",
  plural: "validatingadmissionpolicies",
  kind: "ValidatingAdmissionPolicy",
  namespaced: false,
};

interface Review extends KubeObject {
  readonly spec: { readonly user: string; readonly resourceAttributes: object };
  readonly status?: { readonly allowed?: boolean };
}

/** Answered, and stored nowhere. */
export const REVIEWS: ResourceType<Review> = {
  group: "authorization.k8s.io",
  version: "v1",
  plural: "subjectaccessreviews",
  kind: "SubjectAccessReview",
  namespaced: false,
};
