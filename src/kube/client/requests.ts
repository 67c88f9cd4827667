import type {
  AnswerOptions,
  ListOptions,
  MergePatchOptions,
  SelectOptions,
  WatchOptions,
  WriteOptions,
} from "../kube-api.ts";
import {
  apiVersionOf,
  type Desired,
  type KubeObject,
  type ObjectRef,
  objectKey,
  type ResourceType,
  resourcePath,
  typeName,
} from "../resource-type.ts";

/** A call to the API server, ready to be sent. */
export interface KubeRequest {
  /** For messages: verb, type and object. */
  readonly operation: string;
  readonly method: "GET" | "POST" | "PATCH";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly isWatch?: true;
  /** Its answer is stored nowhere, and has no name. */
  readonly isReview?: boolean;
}

const METADATA_ONLY = "g=meta.k8s.io;v=v1";

export function get(type: ResourceType, ref: ObjectRef, options: AnswerOptions): KubeRequest {
  return {
    operation: operation("get", type, ref),
    method: "GET",
    path: resourcePath(type, ref),
    headers: { accept: accept("PartialObjectMetadata", options) },
  };
}

export function list(type: ResourceType, options: ListOptions, continueToken: string | undefined): KubeRequest {
  const { limit = 0 } = options;
  return {
    operation: operation("list", type, { namespace: options.namespace, name: "" }),
    method: "GET",
    path: `${resourcePath(type, { namespace: options.namespace })}${query({
      ...selection(options),
      limit: limit > 0 ? String(limit) : undefined,
      continue: continueToken,
    })}`,
    headers: { accept: accept("PartialObjectMetadataList", options) },
  };
}

export function watch(type: ResourceType, options: WatchOptions): KubeRequest {
  return {
    operation: operation("watch", type, { namespace: options.namespace, name: "" }),
    method: "GET",
    path: `${resourcePath(type, { namespace: options.namespace })}${query({
      watch: "1",
      allowWatchBookmarks: "true",
      resourceVersion: options.resourceVersion,
      timeoutSeconds: options.timeoutSeconds === undefined ? undefined : String(options.timeoutSeconds),
      ...selection(options),
    })}`,
    headers: { accept: accept("PartialObjectMetadata", options) },
    isWatch: true,
  };
}

export function create<T extends KubeObject>(
  type: ResourceType<T>,
  object: Desired<T>,
  options: WriteOptions,
): KubeRequest {
  const { name = "", namespace } = object.metadata;
  return {
    operation: operation("create", type, { namespace, name }),
    method: "POST",
    path: `${resourcePath(type, { namespace })}${query(writeQuery(options))}`,
    headers: writeHeaders("application/json", options),
    // apiVersion and kind come from the type, so that no caller can say them wrong.
    isReview: type.group === "authorization.k8s.io",
    body: JSON.stringify({ ...object, apiVersion: apiVersionOf(type), kind: type.kind }),
  };
}

export function mergePatch(type: ResourceType, ref: ObjectRef, patch: object, options: MergePatchOptions): KubeRequest {
  return {
    operation: operation("patch", type, ref, options.subresource),
    method: "PATCH",
    path: `${resourcePath(type, { ...ref, ...subresource(options) })}${query(writeQuery(options))}`,
    headers: writeHeaders("application/merge-patch+json", options),
    body: JSON.stringify(patch),
  };
}

/** The first word of the operation. */
export function verbOf({ operation }: KubeRequest): string {
  return operation.slice(0, operation.indexOf(" "));
}

function operation(verb: string, type: ResourceType, ref: ObjectRef, sub?: string): string {
  const target = ref.name === "" ? (ref.namespace ?? "") : objectKey(ref);
  return `${verb} ${typeName(type)}${sub === undefined ? "" : `/${sub}`}${target === "" ? "" : ` ${target}`}`;
}

function accept(as: string, options: AnswerOptions): string {
  return options.metadataOnly ? `application/json;as=${as};${METADATA_ONLY}` : "application/json";
}

function writeHeaders(contentType: string, options: AnswerOptions): Readonly<Record<string, string>> {
  return { accept: accept("PartialObjectMetadata", options), "content-type": contentType };
}

function writeQuery(options: WriteOptions): Readonly<Record<string, string | undefined>> {
  return {
    dryRun: options.dryRun ? "All" : undefined,
    fieldManager: options.fieldManager,
    // Else the API server decodes everything once more, to warn in a header of fields that it does not know: measured
    // at a third of its work for the create of a Secret, and nothing reads the header.
    fieldValidation: "Ignore",
  };
}

function selection(options: SelectOptions): Readonly<Record<string, string | undefined>> {
  return { labelSelector: options.labelSelector, fieldSelector: options.fieldSelector };
}

function subresource(options: { readonly subresource?: "status" | undefined }): { readonly subresource?: "status" } {
  return options.subresource === undefined ? {} : { subresource: options.subresource };
}

function query(parameters: Readonly<Record<string, string | undefined>>): string {
  const pairs = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}
