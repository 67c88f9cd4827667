import type { KubeObject, ResourceType } from "../kube/resource-type.ts";

/** Kinds of Kubernetes that only a check reads. */

/** @param plural lower-case, as it stands in the path */
function kindOf<T extends KubeObject = KubeObject>(
  group: string,
  kind: string,
  plural: string,
  scope: "namespaced" | "cluster",
): ResourceType<T> {
  return { group, version: "v1", plural, kind, namespaced: scope === "namespaced" };
}

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

export const DEFINITIONS = kindOf<Definition>(
  "apiextensions.k8s.io",
  "CustomResourceDefinition",
  "customresourcedefinitions",
  "cluster",
);

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

export const DEPLOYMENTS = kindOf<Deployment>("apps", "Deployment", "deployments", "namespaced");

export const POLICIES = kindOf(
  "admissionregistration.k8s.io",
  "ValidatingAdmissionPolicy",
  "validatingadmissionpolicies",
  "cluster",
);

interface Review extends KubeObject {
  readonly spec: { readonly user: string; readonly resourceAttributes: object };
  readonly status?: { readonly allowed?: boolean };
}

/** Answered, and stored nowhere. */
export const REVIEWS = kindOf<Review>("authorization.k8s.io", "SubjectAccessReview", "subjectaccessreviews", "cluster");
