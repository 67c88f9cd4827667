import type { KubeObject, ManagedFieldsEntry } from "../../../src/kube/resource-type.ts";

/** The fields whose writers anybody asks for: labels and annotations one by one, the data as a whole. */
type Owners = ReadonlyMap<string, string>;

const ownersOf = new WeakMap<KubeObject, Owners>();

/** Notes who wrote which labels, annotations and data: whoever changed one last, as the API server does for updates. */
export function withManagedFields(before: KubeObject | undefined, object: KubeObject, manager: string): KubeObject {
  const known: Owners = (before && ownersOf.get(before)) ?? new Map();
  const owners = new Map<string, string>();
  const previous = before === undefined ? new Map<string, unknown>() : new Map(fields(before));
  for (const [field, value] of fields(object)) {
    const isUnchanged = previous.get(field) === value;
    owners.set(field, isUnchanged ? (known.get(field) ?? manager) : manager);
  }
  const managers = [...new Set(owners.values())];
  const managedFields = managers.map((name): ManagedFieldsEntry => {
    const own = [...owners].filter(([, owner]) => owner === name).map(([field]) => field);
    const named = (kind: string) =>
      Object.fromEntries(
        own.filter((field) => field.startsWith(`${kind}/`)).map((field) => [`f:${field.slice(kind.length + 1)}`, {}]),
      );
    return {
      manager: name,
      operation: "Update",
      fieldsV1: {
        "f:metadata": { "f:labels": named("labels"), "f:annotations": named("annotations") },
        ...(own.includes("data") && { "f:data": {} }),
      },
    };
  });
  const managed = { ...object, metadata: { ...object.metadata, managedFields } };
  ownersOf.set(managed, owners);
  return managed;
}

function* fields(object: KubeObject): Iterable<[string, unknown]> {
  for (const kind of ["labels", "annotations"] as const) {
    for (const [key, value] of Object.entries(object.metadata[kind] ?? {})) yield [`${kind}/${key}`, value];
  }
  const data: unknown = Reflect.get(object, "data");
  if (data !== undefined) yield ["data", data];
}
