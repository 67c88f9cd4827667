import { z } from "zod";
import { FIELD_MANAGER, SECRET_ANNOTATIONS } from "../../api/names.ts";
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
 * What the operator keeps of a Secret, from a whole one or from its metadata alone.
 *
 * @throws z.ZodError where it is no Kubernetes object.
 */
export function secretMetadata(object: unknown): SecretMetadata {
  const { metadata } = metadataSchema.parse(object);
  const { managedFields } = metadata;
  const own = managedFields.filter(({ manager }) => manager === FIELD_MANAGER);
  const others = managedFields.filter(({ manager }) => manager !== FIELD_MANAGER);
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    deleting: metadata.deletionTimestamp !== undefined,
    labels: metadata.labels,
    annotations: metadata.annotations,
    ownerReferences: metadata.ownerReferences.map(withoutUndefined),
    ownLabelKeys: own.flatMap(({ fieldsV1 }) => fieldNames(fieldsV1?.["f:metadata"]?.["f:labels"])),
    ownAnnotationKeys: own.flatMap(({ fieldsV1 }) => fieldNames(fieldsV1?.["f:metadata"]?.["f:annotations"])),
    otherWriters: [...new Set(others.flatMap(({ manager }) => (manager === undefined ? [] : [manager])))],
  };
}

/** A Secret is the operator's when it says for which resource it was issued, whatever became of its label. */
export function isManaged(metadata: SecretMetadata): boolean {
  return metadata.annotations[SECRET_ANNOTATIONS.certificateUid] !== undefined;
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
