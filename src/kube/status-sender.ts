import type { Store, Stored, StoreEvent } from "./cache/store.ts";
import type { KubeApi } from "./kube-api.ts";
import { KubeError } from "./kube-error.ts";
import type { KubeObject, ResourceType } from "./resource-type.ts";

export interface StatusSenderOptions<T extends Stored> {
  readonly kube: Pick<KubeApi, "get" | "mergePatch">;
  readonly type: ResourceType;
  readonly parse: (object: KubeObject) => T;
  /** Takes in the answers of the writes. */
  readonly store: Store<T>;
  /** Called with a change of someone else if the response to a write shows it first. It must not throw. */
  readonly onForeignChange: (event: StoreEvent<T>) => void;
}

/** How often a change is fitted to an object that others change at the same time. */
const MAX_CONFLICTS = 5;

/** Writes the status of one kind, and only onto the state that was read. */
export class StatusSender<T extends Stored> {
  readonly #options: StatusSenderOptions<T>;

  constructor(options: StatusSenderOptions<T>) {
    this.#options = options;
  }

  /**
   * The precondition is also what tells our own change from those of others.
   *
   * @param status JSON merge patch of the status
   * @throws KubeError `Conflict` where the object is no longer the one that was read
   */
  async send(object: T, status: object, signal?: AbortSignal): Promise<T> {
    const { kube, type, parse, store, onForeignChange } = this.#options;
    const { namespace, name, uid, resourceVersion } = object;
    const patch = { metadata: { uid, resourceVersion }, status };
    const options = { subresource: "status", signal } as const;
    const written = parse(await kube.mergePatch(type, { namespace, name }, patch, options));
    for (const event of store.assume(written, resourceVersion)) onForeignChange(event);
    return written;
  }

  /**
   * Writes onto an object that others change at the same time: after a conflict onto what they left. Nothing is written
   * to one that is gone.
   *
   * @param patchOf the change of the status; undefined if nothing is to be written
   */
  async sendOnto(object: T, patchOf: (current: T) => object | undefined): Promise<void> {
    let current: T | undefined = object;
    for (let conflicts = 0; current !== undefined; conflicts++) {
      const patch = patchOf(current);
      if (patch === undefined) return;
      try {
        await this.send(current, patch);
        return;
      } catch (error: unknown) {
        if (KubeError.is(error, "NotFound")) return;
        if (!KubeError.is(error, "Conflict") || conflicts === MAX_CONFLICTS) throw error;
        current = await readSame(this.#options, object);
      }
    }
  }
}

/** Gives an object as the API server has it now; undefined where it is gone or was recreated. */
export async function readSame<T extends Stored>(
  { kube, type, parse }: Pick<StatusSenderOptions<T>, "type" | "parse"> & { readonly kube: Pick<KubeApi, "get"> },
  { namespace, name, uid }: Pick<Stored, "namespace" | "name" | "uid">,
): Promise<T | undefined> {
  try {
    const found = parse(await kube.get(type, { namespace, name }));
    return found.uid === uid ? found : undefined;
  } catch (error: unknown) {
    if (KubeError.is(error, "NotFound")) return undefined;
    throw error;
  }
}
