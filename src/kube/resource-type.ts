/** One of an object's owners: when the last owner goes, the garbage collector removes the object. */
export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** One field manager and its fields, as the API server records them for server-side apply. */
export interface ManagedFieldsEntry {
  readonly manager?: string;
  readonly operation?: string;
  readonly subresource?: string;
  readonly time?: string;
  readonly fieldsV1?: unknown;
}

/** The metadata of an object that the API server has answered with. Times are RFC 3339 texts. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
  readonly managedFields?: readonly ManagedFieldsEntry[];
}

/** Any object of the API server. A metadata-only answer is no more than this. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
}

/** Which object of a kind: the namespace is left out for a cluster-scoped kind. */
export interface ObjectRef {
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** A kind of object and where the API server serves it. */
export interface ResourceType<T extends KubeObject = KubeObject> {
  /** API group; "" is the core group. */
  readonly group: string;
  readonly version: string;
  /** Lower-case plural, as it stands in the path. */
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Never set: it only ties the type of the objects to the value. */
  readonly object?: T;
}

/** The body of a create: what the API server fills in may be missing. */
export type Desired<T extends KubeObject = KubeObject> = Omit<T, "metadata"> & {
  readonly metadata: Partial<ObjectMeta>;
};

/** The `apiVersion` text of a type, such as `v1` or `events.k8s.io/v1`. */
export function apiVersionOf(type: ResourceType): string {
  return type.group === "" ? type.version : `${type.group}/${type.version}`;
}

/** The key of an object in stores and queues: `namespace/name`, or the name alone for a cluster-scoped kind. */
export function objectKey(ref: ObjectRef): string {
  // V8 keeps the result of a template as a pair of its parts, which takes 32 bytes more for each key.
  return ref.namespace === undefined ? ref.name : [ref.namespace, ref.name].join("/");
}

/**
 * The path of a collection, or of one object when `name` is given. A namespaced kind without a namespace means all
 * namespaces.
 */
export function resourcePath(
  type: ResourceType,
  target: { readonly namespace?: string | undefined; readonly name?: string; readonly subresource?: string } = {},
): string {
  const root = type.group === "" ? `/api/${type.version}` : `/apis/${encodeURIComponent(type.group)}/${type.version}`;
  const scope =
    type.namespaced && target.namespace !== undefined ? `/namespaces/${encodeURIComponent(target.namespace)}` : "";
  const name = target.name === undefined ? "" : `/${encodeURIComponent(target.name)}`;
  const subresource = target.subresource === undefined ? "" : `/${target.subresource}`;
  return `${root}${scope}/${type.plural}${name}${subresource}`;
}

/** A type for messages: `secrets`, or `events.events.k8s.io` as RBAC and kubectl write it. */
export function typeName(type: ResourceType): string {
  return type.group === "" ? type.plural : `${type.plural}.${type.group}`;
}
