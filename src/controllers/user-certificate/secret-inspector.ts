import { judgeData, type SecretContent } from "../../certificate/secret-data.ts";
import { SECRETS, type Secret } from "../../kube/core-types.ts";
import type { KubeApi } from "../../kube/kube-api.ts";
import { KubeError } from "../../kube/kube-error.ts";
import { type ObjectRef, objectKey } from "../../kube/resource-type.ts";
import type { SecretCache } from "./caches.ts";
import type { ObservedSecret, SecretMetadata } from "./observed.ts";
import { isManaged, secretMetadata } from "./secret-metadata.ts";

interface Judged {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly content: SecretContent;
}

/**
 * Says what a Secret holds. Its body is read once for each resourceVersion, judged, and dropped: what stays in memory
 * is the verdict, never the key.
 */
export class SecretInspector {
  readonly #kube: Pick<KubeApi, "get">;
  readonly #cache: SecretCache;
  readonly #judged = new Map<string, Judged>();
  /** Secrets that the API server has and the cache had not: read before it is believed again. */
  readonly #doubted = new Set<string>();

  constructor(options: { readonly kube: Pick<KubeApi, "get">; readonly cache: SecretCache }) {
    this.#kube = options.kube;
    this.#cache = options.cache;
  }

  /** As the caches have it; reads the body where it has changed since. */
  async cached(ref: ObjectRef, signal?: AbortSignal): Promise<ObservedSecret> {
    const key = objectKey(ref);
    const metadata = this.#cache.get(key);
    if (metadata === undefined) return { kind: "absent" };
    if (!isManaged(metadata)) return { kind: "foreign", metadata };
    const judged = this.#judged.get(key);
    if (judged?.uid === metadata.uid && judged.resourceVersion === metadata.resourceVersion) {
      return { kind: "managed", metadata, content: judged.content };
    }
    return this.live(ref, signal);
  }

  /**
   * As the API server has it now. That there is none is taken from the cache: whoever then wants to create it is told
   * where the cache lagged behind, already by a dry run, and doubts it.
   */
  async current(ref: ObjectRef, signal?: AbortSignal): Promise<ObservedSecret> {
    const key = objectKey(ref);
    if (this.#cache.get(key) === undefined && !this.#doubted.has(key)) return { kind: "absent" };
    const secret = await this.live(ref, signal);
    this.#doubted.delete(key);
    return secret;
  }

  /** The API server has this Secret, whatever the cache says. */
  doubt(ref: ObjectRef): void {
    this.#doubted.add(objectKey(ref));
  }

  /** As the API server has it now, whatever the cache says. */
  async live(ref: ObjectRef, signal?: AbortSignal): Promise<ObservedSecret> {
    const secret = await this.read(ref, signal);
    if (secret === undefined) {
      this.forget(objectKey(ref));
      return { kind: "absent" };
    }
    const metadata = secretMetadata(secret);
    if (!isManaged(metadata)) return { kind: "foreign", metadata };
    const content = judgeData(secret.data ?? {});
    this.remember(metadata, content);
    return { kind: "managed", metadata, content };
  }

  /** The whole Secret, for the one write that copies from it; undefined where there is none. */
  async read(ref: ObjectRef, signal?: AbortSignal): Promise<Secret | undefined> {
    try {
      return await this.#kube.get(SECRETS, ref, { signal });
    } catch (error: unknown) {
      if (KubeError.is(error, "NotFound")) return undefined;
      throw error;
    }
  }

  /** Keeps the verdict on a Secret that was just read or written. */
  remember(metadata: SecretMetadata, content: SecretContent): void {
    const { uid, resourceVersion } = metadata;
    this.#judged.set(objectKey(metadata), { uid, resourceVersion, content });
  }

  forget(key: string): void {
    this.#judged.delete(key);
  }
}
