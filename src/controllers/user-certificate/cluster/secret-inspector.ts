import type { UserCertificate } from "../../../api/parse-user-certificate.ts";
import { judgeData, type SecretContent } from "../../../certificate/secret-data.ts";
import { internStrings } from "../../../kube/cache/intern-strings.ts";
import { SECRETS, type Secret } from "../../../kube/core-types.ts";
import type { KubeApi } from "../../../kube/kube-api.ts";
import { KubeError } from "../../../kube/kube-error.ts";
import { type ObjectRef, objectKey } from "../../../kube/resource-type.ts";
import type { SecretIdentity, SecretMetadata, SecretState } from "../core/model/snapshot.ts";
import type { SecretCache } from "./resource-cache.ts";
import { secretIdentity, secretMetadata } from "./secret-metadata.ts";
import { foreignBecause } from "./secret-ownership.ts";

/** The Secret of a resource, and what its status knows of it. */
interface SecretQuery extends ObjectRef {
  /** The fingerprint in the status of the resource. */
  readonly fingerprint?: string | undefined;
}

/** The Secret that a resource names. */
export function secretOf({ namespace, spec, status }: UserCertificate): SecretQuery {
  return { namespace, name: spec.secretName, fingerprint: status.fingerprint };
}

interface Judged {
  readonly secret: Exclude<SecretState, { kind: "absent" }>;
  /** The fingerprint for which the Secret is foreign. */
  readonly fingerprint?: string | undefined;
}

/** Longest metadata of a Secret that is kept, as JSON. */
const MAX_KEPT_LENGTH = 65_536;

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

  /** As the caches have it; reads the body if it has changed since. */
  async cached(query: SecretQuery, signal?: AbortSignal): Promise<SecretState> {
    const key = objectKey(query);
    const metadata = this.#cache.get(key);
    if (metadata === undefined) return { kind: "absent" };
    return this.#verdict(metadata, query) ?? this.live(query, signal);
  }

  /** Whether `cached` reads nothing. */
  knows(query: SecretQuery): boolean {
    const metadata = this.#cache.get(objectKey(query));
    return metadata === undefined || this.#verdict(metadata, query) !== undefined;
  }

  /** Judges a body that a list brought. `cached` reads the Secret again if it has changed since. */
  judgeListed(secret: Secret, { fingerprint }: SecretQuery): void {
    this.#judge(secret, fingerprint);
  }

  /**
   * As the API server has it now. That there is none is taken from the cache: a write that then wants to create it is
   * told that the cache lagged behind, already by a dry run, and doubts it.
   */
  async current(query: SecretQuery, signal?: AbortSignal): Promise<SecretState> {
    const key = objectKey(query);
    if (this.#cache.get(key) === undefined && !this.#doubted.has(key)) return { kind: "absent" };
    const secret = await this.live(query, signal);
    this.#doubted.delete(key);
    return secret;
  }

  /** The API server has this Secret, whatever the cache says. */
  doubt(ref: ObjectRef): void {
    this.#doubted.add(objectKey(ref));
  }

  /** As the API server has it now, whatever the cache says. */
  async live(query: SecretQuery, signal?: AbortSignal): Promise<SecretState> {
    const secret = await this.read(query, signal);
    if (secret === undefined) {
      this.forget(objectKey(query));
      return { kind: "absent" };
    }
    return this.#judge(secret, query.fingerprint);
  }

  /** The whole Secret, for the one write that copies from it; undefined if there is none. */
  async read(ref: ObjectRef, signal?: AbortSignal): Promise<Secret | undefined> {
    try {
      return await this.#kube.get(SECRETS, { namespace: ref.namespace, name: ref.name }, { signal });
    } catch (error: unknown) {
      if (KubeError.is(error, "NotFound")) return undefined;
      throw error;
    }
  }

  /** Keeps the verdict on a Secret of the operator's that was just written. */
  remember(metadata: SecretMetadata, content: SecretContent): void {
    this.#keep({ secret: { kind: "managed", metadata, content } });
  }

  forget(key: string): void {
    this.#judged.delete(key);
  }

  /** The verdict on this state of a Secret, if there is one. */
  #verdict({ namespace, name, uid, resourceVersion }: SecretIdentity, { fingerprint }: SecretQuery) {
    const judged = this.#judged.get(objectKey({ namespace, name }));
    const isCurrent =
      judged?.secret.metadata.uid === uid &&
      judged.secret.metadata.resourceVersion === resourceVersion &&
      (judged.secret.kind === "managed" || judged.fingerprint === fingerprint);
    return isCurrent ? judged.secret : undefined;
  }

  #judge(secret: Secret, fingerprint: string | undefined): SecretState {
    const metadata = secretMetadata(secret);
    const content = judgeData(secret.data ?? {});
    const problem = foreignBecause({ secret, metadata, content, fingerprint });
    const observed: Judged["secret"] =
      problem === undefined
        ? { kind: "managed", metadata, content }
        : { kind: "foreign", metadata: secretIdentity(secret), problem };
    this.#keep({ secret: observed, fingerprint });
    return observed;
  }

  /** A Secret with a megabyte of labels is read again each time rather than kept. */
  #keep(judged: Judged): void {
    const { metadata } = judged.secret;
    if (JSON.stringify(metadata).length <= MAX_KEPT_LENGTH)
      this.#judged.set(objectKey(metadata), internStrings(judged));
    else this.forget(objectKey(metadata));
  }
}
