import { KubeError, type KubeErrorReason } from "../../../src/kube/kube-error.ts";
import {
  type Desired,
  type KubeObject,
  type ObjectRef,
  objectKey,
  type ResourceType,
  typeName,
} from "../../../src/kube/resource-type.ts";
import { isSame, mergePatched } from "./json-patch.ts";
import { withManagedFields } from "./managed-fields.ts";

/** What happened to an object, as watches and invariants are told. */
export interface Change {
  readonly type: string;
  readonly key: string;
  readonly version: number;
  readonly before: KubeObject | undefined;
  readonly after: KubeObject | undefined;
  /** Who did it: the field manager of a write, or a part of the cluster. */
  readonly by: string;
}

export interface Write {
  readonly by: string;
  readonly dryRun?: boolean | undefined;
  readonly subresource?: "status" | undefined;
}

/**
 * An API server: what one call does to the objects, at once. When calls arrive and whether their answers do is the
 * network's. Objects are never changed in place, so that everybody may be given the same ones.
 */
export class ApiServer {
  /** Told of each change, after it. */
  readonly observers: ((change: Change) => void)[] = [];
  /** Everything that happened since `compactedAt`. */
  readonly history: Change[] = [];
  compactedAt = 0;
  /** Fields of the status that the installed CRD does not know, and drops. */
  readonly droppedStatus = new Set<string>();
  readonly #now: () => number;
  /** By type and key. */
  readonly #objects = new Map<ResourceType, Map<string, KubeObject>>();
  #version = 1000;
  #uids = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  get version(): number {
    return this.#version;
  }

  all<T extends KubeObject>(type: ResourceType<T>): readonly T[] {
    return [...this.#of(type).values()];
  }

  find<T extends KubeObject>(type: ResourceType<T>, ref: ObjectRef): T | undefined {
    return this.#of(type).get(objectKey(ref));
  }

  get<T extends KubeObject>(type: ResourceType<T>, ref: ObjectRef): T {
    return this.find(type, ref) ?? fail("NotFound", `get ${typeName(type)} ${objectKey(ref)}`);
  }

  create<T extends KubeObject>(type: ResourceType<T>, desired: Desired<T>, write: Write): T {
    const { namespace, name = "" } = desired.metadata;
    const operation = `create ${typeName(type)} ${objectKey({ namespace, name })}`;
    if (this.find(type, { namespace, name }) !== undefined) fail("AlreadyExists", operation);
    this.#uids += 1;
    const metadata = {
      ...desired.metadata,
      name,
      uid: `00000000-0000-4000-8000-${String(this.#uids).padStart(12, "0")}`,
      resourceVersion: "",
      generation: 1,
      creationTimestamp: seconds(this.#now()),
    };
    return this.#store(type, undefined, { ...desired, metadata } as unknown as T, write);
  }

  patch<T extends KubeObject>(type: ResourceType<T>, ref: ObjectRef, patch: object, write: Write): T {
    const operation = `patch ${typeName(type)} ${objectKey(ref)}`;
    const before = this.find(type, ref) ?? fail("NotFound", operation);
    const { metadata } = patch as Partial<KubeObject>;
    for (const field of ["uid", "resourceVersion"] as const) {
      const wanted = metadata?.[field];
      if (wanted !== undefined && wanted !== before.metadata[field]) fail("Conflict", operation);
    }
    const change = write.subresource === "status" ? { status: Reflect.get(patch, "status") } : patch;
    const merged = this.#pruned(mergePatched(before, change) as T);
    const after = { ...merged, metadata: { ...merged.metadata, resourceVersion: before.metadata.resourceVersion } };
    // A write that changes nothing is none.
    if (isSame(before, after)) return before;
    const isSpecSame = isSame(Reflect.get(before, "spec"), Reflect.get(after, "spec"));
    const generation = (before.metadata.generation ?? 1) + (isSpecSame ? 0 : 1);
    return this.#store(type, before, { ...after, metadata: { ...after.metadata, generation } }, write);
  }

  /** Where it has finalizers it stays, marked, until they are gone. */
  delete(type: ResourceType, ref: ObjectRef, by: string): void {
    const before = this.find(type, ref);
    if (before === undefined) return;
    if ((before.metadata.finalizers ?? []).length > 0) {
      if (before.metadata.deletionTimestamp !== undefined) return;
      const metadata = { ...before.metadata, deletionTimestamp: seconds(this.#now()) };
      this.#store(type, before, { ...before, metadata }, { by });
      return;
    }
    this.#of(type).delete(objectKey(ref));
    this.#version += 1;
    this.#tell(type, before, undefined, by);
  }

  /** Forgets what happened before now: a watch from there gets 410. */
  compact(): void {
    this.compactedAt = this.#version;
    this.history.length = 0;
  }

  /** Drops what the installed CRD does not know from what is about to be stored. */
  #pruned<T extends KubeObject>(object: T): T {
    const status: unknown = Reflect.get(object, "status");
    if (this.droppedStatus.size === 0 || typeof status !== "object" || status === null) return object;
    const known = Object.entries(status).filter(([name]) => !this.droppedStatus.has(name));
    return { ...object, status: Object.fromEntries(known) };
  }

  #store<T extends KubeObject>(type: ResourceType<T>, before: T | undefined, object: T, write: Write): T {
    const managed = this.#managed(type, before, object, write.by);
    if (write.dryRun) return managed;
    this.#version += 1;
    const { metadata } = managed;
    // In place: nobody else has it yet, and the managed fields are known by this very object.
    Object.assign(metadata, { resourceVersion: String(this.#version) });
    const ref = { namespace: metadata.namespace, name: metadata.name };
    if (metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0) {
      this.#of(type).delete(objectKey(ref));
      this.#tell(type, before, undefined, write.by);
      return managed;
    }
    this.#of(type).set(objectKey(ref), managed);
    this.#tell(type, before, managed, write.by);
    return managed;
  }

  /** Who wrote which fields of a Secret; of a workload only when someone last wrote to it, which is what a restart asks for. */
  #managed<T extends KubeObject>(type: ResourceType<T>, before: T | undefined, object: T, by: string): T {
    if (type.plural === "secrets") return withManagedFields(before, object, by) as T;
    if (type.plural !== "deployments") return object;
    const others = (before?.metadata.managedFields ?? []).filter(({ manager }) => manager !== by);
    const own = { manager: by, operation: "Update", time: seconds(this.#now()) };
    return { ...object, metadata: { ...object.metadata, managedFields: [...others, own] } };
  }

  #tell(type: ResourceType, before: KubeObject | undefined, after: KubeObject | undefined, by: string): void {
    const some = after ?? before;
    if (some === undefined) return;
    const change = { type: typeName(type), key: objectKey(some.metadata), version: this.#version, before, after, by };
    if (type.plural !== "leases" && type.plural !== "events") this.history.push(change);
    for (const observer of this.observers) observer(change);
  }

  #of<T extends KubeObject>(type: ResourceType<T>): Map<string, T> {
    const objects = this.#objects.get(type) ?? new Map<string, KubeObject>();
    this.#objects.set(type, objects);
    // Only objects of this type are stored under it.
    return objects as Map<string, T>;
  }
}

export function fail(reason: KubeErrorReason, operation: string, explanation?: string): never {
  throw new KubeError({ reason, operation, explanation });
}

/** RFC 3339 with whole seconds, as the API server writes times. */
export function seconds(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19)}Z`;
}
