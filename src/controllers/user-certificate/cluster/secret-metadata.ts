import * as z from "zod";
import { FIELD_MANAGER, LAST_APPLIED_ANNOTATION } from "../../../api/names.ts";
import { EXTRA_KEYS } from "../../../certificate/secret-data.ts";
import type { SecretIdentity, SecretMetadata } from "../core/model/snapshot.ts";

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
      "f:data": z.record(z.string(), z.unknown()).optional(),
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

const identitySchema = z.object({
  metadata: metadataSchema.shape.metadata.pick({
    namespace: true,
    name: true,
    uid: true,
    resourceVersion: true,
    deletionTimestamp: true,
  }),
});

/**
 * The part of a Secret that the caches keep, taken from a whole Secret or from its metadata alone. Labels and
 * annotations may hold anything, even whole copies of the data.
 *
 * @throws z.ZodError if it is no Kubernetes object
 */
export function secretIdentity(object: unknown): SecretIdentity {
  return identityOf(identitySchema.parse(object).metadata);
}

type Identity = z.output<typeof identitySchema>["metadata"];

function identityOf({ namespace, name, uid, resourceVersion, deletionTimestamp }: Identity): SecretIdentity {
  return { namespace, name, uid, resourceVersion, deleting: deletionTimestamp !== undefined };
}

/** Everything that a decision or a write needs to know of a Secret that a resource names. */
export function secretMetadata(object: unknown): SecretMetadata {
  const { metadata } = metadataSchema.parse(object);
  const own = metadata.managedFields.filter(({ manager }) => manager === FIELD_MANAGER);
  // A backup of the operator's own Secret that was applied puts the private key in there too.
  const { [LAST_APPLIED_ANNOTATION]: _copyOfTheData, ...annotations } = metadata.annotations;
  const ownData = own.flatMap(({ fieldsV1 }) => fieldNames(fieldsV1?.["f:data"]));
  return {
    ...identityOf(metadata),
    labels: metadata.labels,
    annotations,
    ownerReferences: metadata.ownerReferences.map(withoutUndefined),
    ownLabelKeys: shared(own.flatMap(({ fieldsV1 }) => fieldNames(fieldsV1?.["f:metadata"]?.["f:labels"]))),
    ownAnnotationKeys: shared(own.flatMap(({ fieldsV1 }) => fieldNames(fieldsV1?.["f:metadata"]?.["f:annotations"]))),
    ownDataKeys: shared(EXTRA_KEYS.filter((key) => ownData.includes(key))),
    otherWriters: shared(otherManagers(metadata)),
  };
}

type Metadata = z.output<typeof metadataSchema>["metadata"];

/** Messages name the other writers, and anyone can write under thousands of names. */
const MAX_WRITERS = 5;

/** Field managers of a Secret other than the operator. */
function otherManagers({ managedFields }: Pick<Metadata, "managedFields">): readonly string[] {
  const managers = managedFields.flatMap(({ manager }) => (manager === undefined ? [] : [manager]));
  return [...new Set(managers)].filter((manager) => manager !== FIELD_MANAGER).slice(0, MAX_WRITERS);
}

/** `f:app.kubernetes.io/name` names the field `app.kubernetes.io/name`; `.` is the map itself. */
function fieldNames(fields: Readonly<Record<string, unknown>> | undefined): readonly string[] {
  return Object.keys(fields ?? {})
    .filter((key) => key.startsWith("f:"))
    .map((key) => key.slice(2));
}

/** Lists of names that are kept once, however many Secrets have them. */
const SHARED = new Map<string, readonly string[]>();
/** Anyone can label a Secret: beyond this number or this length, each list is kept for itself. */
const [MOST_SHARED, MOST_SHARED_LENGTH] = [100, 1000];

/** Nearly all of the operator's Secrets have the same lists: a separate copy for each would take 500 bytes. */
function shared<T extends string>(names: readonly T[]): readonly T[] {
  const text = names.join("\n");
  const known = SHARED.get(text);
  if (known === undefined && SHARED.size < MOST_SHARED && text.length <= MOST_SHARED_LENGTH) SHARED.set(text, names);
  // Of the same text, so of the same names.
  return (known as readonly T[] | undefined) ?? names;
}

function withoutUndefined<T extends object>(object: T) {
  // zod gives optional fields as `undefined`; the type says "absent", and the API server takes only that.
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}
