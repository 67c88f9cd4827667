import { z } from "zod";
import { FIELD_MANAGER, LAST_APPLIED_ANNOTATION, SECRET_ANNOTATIONS } from "../../../api/names.ts";
import type { SecretMetadata } from "../core/model/snapshot.ts";

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
 * What is kept beside a Secret's identity if it is not the operator's. One
 * for all: a cluster has thousands.
 */
const NOTHING_MORE: Omit<SecretMetadata, "namespace" | "name" | "uid" | "resourceVersion" | "deleting"> = {
  labels: {},
  annotations: {},
  ownerReferences: [],
  ownLabelKeys: [],
  ownAnnotationKeys: [],
  otherWriters: [],
};

/**
 * What the operator keeps of a Secret, from a whole one or from its metadata alone. Of one that is not its own that is
 * only its identity: others put into annotations what they like, even whole copies of the data.
 *
 * @throws z.ZodError if it is no Kubernetes object
 */
export function secretMetadata(object: unknown): SecretMetadata {
  const { metadata } = metadataSchema.parse(object);
  return isAnnotated(metadata) ? wholeMetadata(metadata) : { ...identityOf(metadata), ...NOTHING_MORE };
}

/** Everything that a write needs to know of a Secret that is the operator's, whatever its annotations say. */
export function ownSecretMetadata(object: unknown): SecretMetadata {
  return wholeMetadata(metadataSchema.parse(object).metadata);
}

type Metadata = z.output<typeof metadataSchema>["metadata"];

function identityOf({ namespace, name, uid, resourceVersion, deletionTimestamp }: Metadata) {
  return { namespace, name, uid, resourceVersion, deleting: deletionTimestamp !== undefined };
}

function wholeMetadata(metadata: Metadata): SecretMetadata {
  const own = metadata.managedFields.filter(({ manager }) => manager === FIELD_MANAGER);
  // Whoever applies a backup of the operator's own Secret puts the private key in there too.
  const { [LAST_APPLIED_ANNOTATION]: _copyOfTheData, ...annotations } = metadata.annotations;
  return {
    ...identityOf(metadata),
    labels: metadata.labels,
    annotations,
    ownerReferences: metadata.ownerReferences.map(withoutUndefined),
    ownLabelKeys: own.flatMap(({ fieldsV1 }) => fieldNames(fieldsV1?.["f:metadata"]?.["f:labels"])),
    ownAnnotationKeys: own.flatMap(({ fieldsV1 }) => fieldNames(fieldsV1?.["f:metadata"]?.["f:annotations"])),
    otherWriters: otherManagers(metadata),
  };
}

/** Field managers of a Secret other than the operator. */
function otherManagers({ managedFields }: Pick<Metadata, "managedFields">): readonly string[] {
  const managers = managedFields.flatMap(({ manager }) => (manager === undefined ? [] : [manager]));
  return [...new Set(managers)].filter((manager) => manager !== FIELD_MANAGER);
}

/** Whether a Secret says for which resource it was issued. That alone does not make it the operator's. */
function isAnnotated({ annotations }: Pick<SecretMetadata, "annotations">): boolean {
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
