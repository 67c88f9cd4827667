import type { CallOptions, KubeApi, MergePatchOptions, WriteOptions } from "../kube-api.ts";
import { KubeError, type KubeErrorReason } from "../kube-error.ts";
import {
  type Desired,
  type KubeObject,
  type ObjectRef,
  objectKey,
  type ResourceType,
  typeName,
} from "../resource-type.ts";

export interface SeenCall {
  readonly verb: "get" | "create" | "mergePatch" | "delete";
  readonly key: string;
  readonly body: unknown;
}

/** A fault of a call. It strikes before the call takes effect or, for "answer lost", after that. */
export type CallFault = "fail" | "hang" | "answer lost";

/** Objects in memory behind the calls for single objects, with resourceVersions and preconditions. */
export class MemoryApi implements Pick<KubeApi, "get" | "create" | "mergePatch"> {
  readonly calls: SeenCall[] = [];
  /** Asked before each call. */
  fault: (call: SeenCall) => CallFault | KubeError | undefined = () => undefined;
  readonly #objects = new Map<string, KubeObject>();
  #version = 0;

  /** The object as it is stored; the test says what it is. */
  stored<T extends KubeObject>(type: ResourceType<T>, ref: ObjectRef): T | undefined {
    return this.#objects.get(this.#key(type, ref)) as T | undefined;
  }

  async get<T extends KubeObject>(
    type: ResourceType<T>,
    ref: ObjectRef,
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<T> {
    return this.#call({ verb: "get", key: this.#key(type, ref), body: undefined }, options.signal, () => {
      return this.stored(type, ref) ?? fail("NotFound");
    });
  }

  async create<T extends KubeObject>(
    type: ResourceType<T>,
    object: Desired<T>,
    options: WriteOptions = {},
  ): Promise<T> {
    const ref = { namespace: object.metadata.namespace, name: object.metadata.name ?? "" };
    return this.#call({ verb: "create", key: this.#key(type, ref), body: object }, options.signal, () => {
      if (this.stored(type, ref) !== undefined) {
        return fail("AlreadyExists");
      }
      return this.#store(type, ref, object, `uid-${this.#version + 1}`);
    });
  }

  async mergePatch<T extends KubeObject>(
    type: ResourceType<T>,
    ref: ObjectRef,
    patch: object,
    options: MergePatchOptions = {},
  ): Promise<T> {
    return this.#call({ verb: "mergePatch", key: this.#key(type, ref), body: patch }, options.signal, () => {
      const current = this.stored(type, ref) ?? fail("NotFound");
      const { metadata, ...rest } = patch as Partial<KubeObject>;
      if (metadata?.resourceVersion !== undefined && metadata.resourceVersion !== current.metadata.resourceVersion) {
        return fail("Conflict");
      }
      return this.#store(type, ref, merged(current, { ...rest, metadata: metadata ?? {} }), current.metadata.uid);
    });
  }

  /** A change by someone else, such as kubectl. */
  async delete(type: ResourceType, ref: ObjectRef, options: CallOptions = {}): Promise<void> {
    return this.#call({ verb: "delete", key: this.#key(type, ref), body: undefined }, options.signal, () => {
      if (!this.#objects.delete(this.#key(type, ref))) {
        fail("NotFound");
      }
    });
  }

  #store<T extends KubeObject>(type: ResourceType<T>, ref: ObjectRef, object: object, uid: string): T {
    this.#version += 1;
    const metadata = { ...(object as KubeObject).metadata, ...ref, uid, resourceVersion: String(this.#version) };
    const stored = { ...object, metadata } as unknown as T;
    this.#objects.set(this.#key(type, ref), stored);
    return stored;
  }

  async #call<R>(call: SeenCall, signal: AbortSignal | undefined, act: () => R): Promise<R> {
    signal?.throwIfAborted();
    this.calls.push(call);
    const fault = this.fault(call);
    await Promise.resolve();
    if (fault instanceof KubeError) {
      throw fault;
    }
    if (fault === "fail") {
      throw new KubeError({ reason: "Network", operation: call.verb });
    }
    if (fault === "hang") {
      await new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    }
    const result = act();
    if (fault === "answer lost") {
      throw new KubeError({ reason: "Network", operation: call.verb });
    }
    return result;
  }

  #key(type: ResourceType, ref: ObjectRef): string {
    return `${typeName(type)} ${objectKey(ref)}`;
  }
}

function fail(reason: KubeErrorReason): never {
  throw new KubeError({ reason, operation: "memory" });
}

/** RFC 7386. */
function merged(target: object, patch: object): object {
  const result: Record<string, unknown> = { ...target };
  for (const [name, value] of Object.entries(patch)) {
    const before = result[name];
    if (value === null) {
      delete result[name];
    } else if (typeof value === "object" && !Array.isArray(value)) {
      result[name] = merged(typeof before === "object" && before !== null ? before : {}, value);
    } else {
      result[name] = value;
    }
  }
  return result;
}
