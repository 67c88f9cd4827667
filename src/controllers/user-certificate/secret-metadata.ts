import { z } from "zod";
import { FIELD_MANAGER, LAST_APPLIED_ANNOTATION, SECRET_ANNOTATIONS } from "../../api/names.ts";
import type { SecretMetadata } from "./observed.ts";

const managedFieldsSchema = z.object({
  manager: z.string().optional(),
  fieldsV1: z
    .object({
      "f:metadata": z
        .object({
          "f:labels": z.record(z.string(), z.unknown()).optional(),
          "f:annotations": z.record(z.string(), z.unknown()).optional(),
        })
        .optional(),
      "f:data": z.unknown().optional(),
    })
    .optional(),
});

const ownerReferenceSchema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  name: z.string(),
  uid: z.string(),
  controller: z.boolean().optional(),
  blockOwnerDeletion: z.boolean().optional(),
});

const metadataSchema = z.object({
  metadata: z.object({
    namespace: z.string(),
    name: z.string(),
    uid: z.string(),
    resourceVersion: z.string(),
    deletionTimestamp: z.string().optional(),
    labels: z.record(z.string(), z.string()).default({}),
    annotations: z.record(z.string(), z.string()).default({}),
    ownerReferences: z.array(ownerReferenceSchema).default([]),
    managedFields: z.array(managedFieldsSchema).default([]),
  }),
});

/**
 * What is kept beside a Secret's identity where nothing is: of one that is not the operator's it is never asked for. One
 * for all: a cluster has thousands.
 */
export const NOTHING_MORE: Omit<SecretMetadata, "namespace" | "name" | "uid" | "resourceVersion" | "deleting"> = {
  labels: {},
  annotations: {},
  ownerReferences: [],
  ownLabelKeys: [],
  ownAnnotationKeys: [],
  otherWriters: [],
};

/**
 * What the operator keeps of a Secret, from a whole one or from its metadata alone. Of one that is not its own that is
 * who it is and in which state: others put into annotations what they like, whole copies of the data among it.
 *
 * @throws z.ZodError where it is no Kubernetes object.
 */
export function secretMetadata(object: unknown): SecretMetadata {
  const { metadata } = metadataSchema.parse(object);
  const identity = {
    namespace: metadata.namespace,
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    deleting: metadata.deletionTimestamp !== undefined,
  };
  if (!isManaged(metadata)) return { ...identity, ...NOTHING_MORE };
  const { managedFields } = metadata;
  const own = managedFields.filter(({ manager }) => manager === FIELD_MANAGER);
  const others = managedFields.filter(({ manager }) => manager !== FIELD_MANAGER);
  // Whoever applies a backup of the operator's own Secret puts the private key in there too.
  const { [LAST_APPLIED_ANNOTATION]: _copyOfTheData, ...annotations } = metadata.annotations;
  return {
    ...identity,
    labels: metadata.labels,
    annotations,
    ownerReferences: metadata.ownerReferences.map(withoutUndefined),
    ownLabelKeys: own.flatMap(({ fieldsV1 }) => fieldNames(fieldsV1?.["f:metadata"]?.["f:labels"])),
    ownAnnotationKeys: own.flatMap(({ fieldsV1 }) => fieldNames(fieldsV1?.["f:metadata"]?.["f:annotations"])),
    otherWriters: [...new Set(others.flatMap(({ manager }) => (manager === undefined ? [] : [manager])))],
  };
}

/** A Secret is the operator's when it says for which resource it was issued, whatever became of its label. */
export function isManaged({ annotations }: Pick<SecretMetadata, "annotations">): boolean {
  return annotations[SECRET_ANNOTATIONS.certificateUid] !== undefined;
}

/** `f:app.kubernetes.io/name` names the field `app.kubernetes.io/name`; `.` is the map itself. */
function fieldNames(fields: Readonly<Record<string, unknown>> | undefined): readonly string[] {
  return Object.keys(fields ?? {})
    .filter((key) => key.startsWith("f:"))
    .map((key) => key.slice(2));
}

function withoutUndefined<T extends object>(object: T) {
  // zod gives optional fields as `undefined`; the type says "absent", and the API server takes only that.
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}
