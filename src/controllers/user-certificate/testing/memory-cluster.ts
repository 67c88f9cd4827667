import { FIELD_MANAGER } from "../../../api/names.ts";
import { timestamp } from "../../../api/timestamp.ts";
import type { KubeApi, MergePatchOptions, WriteOptions } from "../../../kube/kube-api.ts";
import { KubeError, type KubeErrorReason } from "../../../kube/kube-error.ts";
import {
  type Desired,
  type KubeObject,
  type ManagedFieldsEntry,
  type ObjectRef,
  objectKey,
  type ResourceType,
  typeName,
} from "../../../kube/resource-type.ts";

/** A call as it was made; a dry run is one too. */
export interface Call {
  readonly verb: "get" | "create" | "patch" | "patch status";
  /** `secrets shop/orders-api-mongodb`. */
  readonly what: string;
  readonly dryRun: boolean;
  readonly body: unknown;
}

/** `answerLost`: it happened, and no one hears of it. */
export type Fault = KubeError | "answerLost";

type Api = Pick<KubeApi, "get" | "create" | "mergePatch">;

/**
 * An API server in memory, as far as the controller's single-object calls go: preconditions, dry runs, generations,
 * status beside spec, and managed fields of labels and annotations.
 */
export class MemoryCluster implements Api {
  readonly calls: Call[] = [];
  /** Asked before each call. */
  fault: (call: Call) => Fault | undefined = () => undefined;
  /** Wall-clock time, in milliseconds since the epoch, for creation timestamps. */
  now = (): number => Date.parse("2030-01-01T00:00:00Z");
  /** Called with each object after it changed; undefined when it is gone. */
  onChange: (what: string, object: KubeObject | undefined) => void = () => {};
  readonly #objects = new Map<string, KubeObject>();
  #version = 100;

  /** Writes that changed something. */
  get writes(): readonly Call[] {
    return this.calls.filter(({ verb, dryRun }) => verb !== "get" && !dryRun);
  }

  /** The stored object, read behind the controller's back. */
  peek<T extends KubeObject>(type: ResourceType<T>, ref: ObjectRef): T | undefined {
    // It is stored under its type's name and nowhere else.
    return this.#objects.get(keyOf(type, ref)) as T | undefined;
  }

  /** Creates or replaces an object as another client would, the status included. */
  put<T extends KubeObject>(type: ResourceType<T>, object: Desired<T>, manager = "kubectl"): T {
    const ref = { namespace: object.metadata.namespace, name: object.metadata.name ?? "" };
    const before = this.peek(type, ref);
    // A test gives whole objects.
    return this.#store(type, ref, before, object as unknown as KubeObject, manager) as T;
  }

  remove(type: ResourceType, ref: ObjectRef): void {
    this.#objects.delete(keyOf(type, ref));
    this.onChange(keyOf(type, ref), undefined);
  }

  all(): readonly (readonly [string, KubeObject])[] {
    return [...this.#objects];
  }

  async get<T extends KubeObject>(type: ResourceType<T>, ref: ObjectRef): Promise<T> {
    const call: Call = { verb: "get", what: keyOf(type, ref), dryRun: false, body: undefined };
    return this.#call(call, () => this.peek(type, ref) ?? fail("NotFound", call));
  }

  async create<T extends KubeObject>(
    type: ResourceType<T>,
    object: Desired<T>,
    options: WriteOptions = {},
  ): Promise<T> {
    const ref = { namespace: object.metadata.namespace, name: object.metadata.name ?? "" };
    const call: Call = { verb: "create", what: keyOf(type, ref), dryRun: options.dryRun === true, body: object };
    return this.#call(call, () => {
      if (this.peek(type, ref) !== undefined) fail("AlreadyExists", call);
      const created = object as unknown as KubeObject;
      return this.#store(type, ref, undefined, created, FIELD_MANAGER, call.dryRun) as T;
    });
  }

  async mergePatch<T extends KubeObject>(
    type: ResourceType<T>,
    ref: ObjectRef,
    patch: object,
    options: MergePatchOptions = {},
  ): Promise<T> {
    const verb = options.subresource === "status" ? "patch status" : "patch";
    const call: Call = { verb, what: keyOf(type, ref), dryRun: options.dryRun === true, body: patch };
    return this.#call(call, () => {
      const current = this.peek(type, ref) ?? fail("NotFound", call);
      const { metadata } = patch as Partial<KubeObject>;
      const isSame = (field: "uid" | "resourceVersion") =>
        metadata?.[field] === undefined || metadata[field] === current.metadata[field];
      if (!isSame("uid") || !isSame("resourceVersion")) fail("Conflict", call);
      const change = verb === "patch status" ? { status: Reflect.get(patch, "status") } : patch;
      const changed = merged(current, change) as KubeObject;
      return this.#store(type, ref, current, changed, FIELD_MANAGER, call.dryRun) as T;
    });
  }

  #store(
    type: ResourceType,
    ref: ObjectRef,
    before: KubeObject | undefined,
    object: KubeObject,
    manager: string,
    dryRun = false,
  ): KubeObject {
    const version = String(++this.#version);
    const isSpecSame = JSON.stringify(specOf(before)) === JSON.stringify(specOf(object));
    const stored: KubeObject = {
      ...object,
      metadata: {
        creationTimestamp: before?.metadata.creationTimestamp ?? timestamp(this.now()),
        ...object.metadata,
        ...(ref.namespace !== undefined && { namespace: ref.namespace }),
        name: ref.name,
        uid: before?.metadata.uid ?? object.metadata.uid ?? uidOf(version),
        resourceVersion: version,
        generation: (before?.metadata.generation ?? 0) + (isSpecSame ? 0 : 1),
        managedFields: managedFields(before, object, manager).map((entry) => ({
          ...entry,
          time: entry.manager === manager ? timestamp(this.now()) : timeOf(before, entry.manager),
        })),
      },
    };
    if (dryRun) return stored;
    this.#objects.set(keyOf(type, ref), stored);
    this.onChange(keyOf(type, ref), stored);
    return stored;
  }

  async #call<R>(call: Call, act: () => R): Promise<R> {
    this.calls.push(call);
    const fault = this.fault(call);
    await Promise.resolve();
    if (fault instanceof KubeError) throw fault;
    const result = act();
    if (fault === "answerLost") fail("Network", call);
    return structuredClone(result);
  }
}

export function kubeError(reason: KubeErrorReason, explanation?: string): KubeError {
  return new KubeError({ reason, operation: "test", explanation });
}

function fail(reason: KubeErrorReason, { verb, what }: Call): never {
  throw new KubeError({ reason, operation: `${verb} ${what}` });
}

function uidOf(version: string): string {
  return `00000000-0000-4000-8000-${version.padStart(12, "0")}`;
}

function keyOf(type: ResourceType, ref: ObjectRef): string {
  return `${typeName(type)} ${objectKey(ref)}`;
}

function specOf(object: KubeObject | undefined): unknown {
  return object === undefined ? undefined : Reflect.get(object, "spec");
}

/** Each label, annotation and data key belongs to the manager that changed it last. */
function managedFields(
  before: KubeObject | undefined,
  object: KubeObject,
  manager: string,
): readonly ManagedFieldsEntry[] {
  const owners = new Map<string, string>();
  for (const entry of before?.metadata.managedFields ?? []) {
    for (const field of fieldsOf(entry)) owners.set(field, entry.manager ?? "");
  }
  const present = new Set<string>();
  for (const kind of OWNED) {
    const [was, is] = [mapIn(before, kind), mapIn(object, kind)];
    for (const [key, value] of Object.entries(is)) {
      const field = `${kind} ${key}`;
      present.add(field);
      if (was[key] !== value) owners.set(field, manager);
    }
  }
  const managers = new Set([...owners.values(), manager]);
  return [...managers].map((name) => {
    const own = [...owners].filter(([field, owner]) => owner === name && present.has(field)).map(([field]) => field);
    const fields = (kind: string) =>
      Object.fromEntries(
        own.filter((field) => field.startsWith(`${kind} `)).map((field) => [`f:${field.slice(kind.length + 1)}`, {}]),
      );
    return {
      manager: name,
      operation: "Update",
      fieldsV1: {
        "f:metadata": { "f:labels": fields("labels"), "f:annotations": fields("annotations") },
        "f:data": fields("data"),
      },
    };
  });
}

const OWNED = ["labels", "annotations", "data"] as const;

function timeOf(object: KubeObject | undefined, manager: string | undefined): string {
  return object?.metadata.managedFields?.find((entry) => entry.manager === manager)?.time ?? "";
}

function mapIn(object: KubeObject | undefined, kind: (typeof OWNED)[number]): Readonly<Record<string, unknown>> {
  return (kind === "data" ? Reflect.get(Object(object), "data") : object?.metadata[kind]) ?? {};
}

function fieldsOf(entry: ManagedFieldsEntry): readonly string[] {
  const metadata = Reflect.get(Object(entry.fieldsV1), "f:metadata");
  return OWNED.flatMap((kind) => {
    const fields = Reflect.get(Object(kind === "data" ? entry.fieldsV1 : metadata), `f:${kind}`);
    return Object.keys(Object(fields)).map((key) => `${kind} ${key.slice(2)}`);
  });
}

/** RFC 7386. */
function merged(target: object, patch: object): object {
  const result: Record<string, unknown> = { ...target };
  for (const [name, value] of Object.entries(patch)) {
    const before = result[name];
    if (value === null) delete result[name];
    else if (typeof value === "object" && !Array.isArray(value)) {
      result[name] = merged(typeof before === "object" && before !== null ? before : {}, value);
    } else if (value !== undefined) result[name] = value;
  }
  return result;
}
