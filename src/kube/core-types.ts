import type { KubeObject, ResourceType } from "./resource-type.ts";

/** A Secret as the API server sends it: the values are base64. */
export interface Secret extends KubeObject {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

export const SECRETS: ResourceType<Secret> = {
  group: "",
  version: "v1",
  plural: "secrets",
  kind: "Secret",
  namespaced: true,
};

export const NAMESPACES: ResourceType = {
  group: "",
  version: "v1",
  plural: "namespaces",
  kind: "Namespace",
  namespaced: false,
};

interface Reference {
  readonly name?: string;
}

interface KeySelection {
  readonly items?: readonly { readonly key: string }[];
}

export interface Container {
  readonly name: string;
  readonly env?: readonly { readonly valueFrom?: { readonly secretKeyRef?: Reference & { readonly key: string } } }[];
  readonly envFrom?: readonly { readonly secretRef?: Reference }[];
  readonly volumeMounts?: readonly {
    readonly name: string;
    readonly subPath?: string;
    readonly subPathExpr?: string;
  }[];
}

export interface Volume {
  readonly name: string;
  readonly secret?: KeySelection & { readonly secretName?: string };
  readonly projected?: { readonly sources?: readonly { readonly secret?: KeySelection & Reference }[] };
}

export interface ContainerStatus {
  readonly name: string;
  readonly state?: {
    readonly running?: { readonly startedAt?: string };
    readonly terminated?: { readonly startedAt?: string };
  };
}

/** The parts of a pod that tell which Secrets its containers read, and when. */
export interface Pod extends KubeObject {
  readonly spec?: {
    readonly volumes?: readonly Volume[];
    readonly containers?: readonly Container[];
    readonly initContainers?: readonly Container[];
    readonly ephemeralContainers?: readonly Container[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly ephemeralContainerStatuses?: readonly ContainerStatus[];
  };
}

export const PODS: ResourceType<Pod> = { group: "", version: "v1", plural: "pods", kind: "Pod", namespaced: true };
