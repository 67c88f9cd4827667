import type { Condition } from "../../../api/conditions.ts";
import { parseUserCertificate, type UserCertificate } from "../../../api/parse-user-certificate.ts";
import { type Issuance, USER_CERTIFICATE, type UserCertificateStatus } from "../../../api/user-certificate.ts";
import type { StoreEvent } from "../../../kube/cache/store.ts";
import type { KubeApi } from "../../../kube/kube-api.ts";
import { KubeError } from "../../../kube/kube-error.ts";
import { mergePatchOf } from "../../../kube/merge-patch.ts";
import { type ObjectRef, objectKey } from "../../../kube/resource-type.ts";
import type { Assessment } from "../core/status/assessment.ts";
import { nextStatus } from "../core/status/next-status.ts";
import type { CachedResource, ResourceCache } from "./resource-cache.ts";

export interface StatusWriterOptions {
  readonly kube: Pick<KubeApi, "get" | "mergePatch">;
  readonly cache: ResourceCache;
  /** Told of what others changed if the answer of a write shows it first. It must not throw. */
  readonly onForeignChange: (event: StoreEvent<CachedResource>) => void;
  /** Stands before each message of a condition. @default nothing */
  readonly mark?: string | undefined;
}

/** Whether an attempt is on record: `notKept` if the API server dropped a part of it. */
export type RecordResult = "recorded" | "overtaken" | "notKept";

/** How often a report is fitted to a resource that others change at the same time. */
const MAX_CONFLICTS = 5;

/** Writes status: only what differs, all of it in one write, and only onto the state that was looked at. */
export class StatusWriter {
  readonly #options: StatusWriterOptions;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /**
   * Puts an attempt on record before anything is created. The resourceVersion is the precondition: of two processes
   * that want to issue for one resource, one loses here and creates nothing.
   *
   * The answer is compared with the request: a CRD of another version drops fields that it does not know, and an
   * attempt that is not on record must not be made.
   *
   * @param assessment with the outcome `recorded`
   */
  async record(assessment: Assessment, attempt: Issuance, signal: AbortSignal): Promise<RecordResult> {
    const { resource } = assessment.snapshot;
    try {
      const status = this.#statusOf(assessment, resource);
      const written = await this.#write(resource, status, signal);
      if (written?.valid && mergePatchOf(attempt, written.status.issuance ?? {}) === undefined) return "recorded";
      await this.withdraw(written ?? resource, attempt);
      return "notKept";
    } catch (error: unknown) {
      if (KubeError.is(error, "Conflict", "NotFound")) return "overtaken";
      throw error;
    }
  }

  /**
   * Writes what a reconciliation left, whatever else changed meanwhile: it was decided for the spec as it was seen, and
   * observedGeneration says so. It is dropped if another process has made an attempt of its own: this list is older than
   * that attempt, and must not close the record of it.
   */
  async report(assessment: Assessment): Promise<void> {
    const { resource } = assessment.snapshot;
    let current = this.#current(resource);
    for (let conflicts = 0; ; conflicts++) {
      if (current === undefined || attemptedByOther(current, assessment)) return;
      try {
        await this.#write(current, this.#statusOf(assessment, current));
        return;
      } catch (error: unknown) {
        if (KubeError.is(error, "NotFound")) return;
        if (!KubeError.is(error, "Conflict") || conflicts === MAX_CONFLICTS) throw error;
        current = await this.#live(resource);
      }
    }
  }

  /** Takes back the record of an attempt that was not made, whatever else changes meanwhile; never another's. */
  async withdraw(recorded: CachedResource, { id }: Issuance): Promise<void> {
    let current: CachedResource | undefined = recorded;
    for (let conflicts = 0; current !== undefined; conflicts++) {
      try {
        await this.#send(current, { issuance: null });
        return;
      } catch (error: unknown) {
        if (!KubeError.is(error, "Conflict") || conflicts === MAX_CONFLICTS) throw error;
        current = await this.#read(recorded);
        const onRecord = current?.valid ? current.status.issuance : undefined;
        if (onRecord !== undefined && onRecord.id !== id) return;
      }
    }
  }

  /** Replaces the conditions of a resource that cannot be read. */
  async reportUnread(resource: UserCertificate, conditions: readonly Condition[]): Promise<void> {
    await this.#send(resource, { conditions });
  }

  /** Tells a successor how long this process still tries to store the certificate of an attempt. */
  async announceParked(resource: UserCertificate, attempt: Issuance, parked: Issuance["parked"]): Promise<void> {
    let current = this.#current(resource);
    for (let conflicts = 0; current?.status.issuance?.id === attempt.id; conflicts++) {
      try {
        await this.#send(current, { issuance: { parked } });
        return;
      } catch (error: unknown) {
        if (!KubeError.is(error, "Conflict") || conflicts === MAX_CONFLICTS) throw error;
        current = await this.#live(resource);
      }
    }
  }

  #statusOf(assessment: Assessment, { status }: UserCertificate): UserCertificateStatus {
    return nextStatus(assessment, { before: status.conditions ?? [], mark: this.#options.mark });
  }

  /** Writes what differs; undefined if nothing does. */
  async #write(resource: UserCertificate, status: UserCertificateStatus, signal?: AbortSignal) {
    const patch = mergePatchOf(resource.status, status);
    if (patch === undefined) return undefined;
    return this.#send(resource, patch, signal);
  }

  /** The precondition is also what tells our own change from those of others. */
  async #send(resource: CachedResource, status: object, signal?: AbortSignal): Promise<CachedResource> {
    const { kube, cache, onForeignChange } = this.#options;
    const { namespace, name, uid, resourceVersion } = resource;
    const patch = { metadata: { uid, resourceVersion }, status };
    const options = { subresource: "status", signal } as const;
    const written = parseUserCertificate(await kube.mergePatch(USER_CERTIFICATE, { namespace, name }, patch, options));
    for (const event of cache.store.assume(written, resourceVersion)) onForeignChange(event);
    return written;
  }

  /** The state that our own last write left, which the observation may be older than. */
  #current(resource: UserCertificate): UserCertificate | undefined {
    const cached = this.#options.cache.get(objectKey(resource));
    return cached?.valid && cached.uid === resource.uid ? cached : resource;
  }

  async #live(resource: UserCertificate): Promise<UserCertificate | undefined> {
    const live = await this.#read(resource);
    return live?.valid ? live : undefined;
  }

  /** As the API server has it now; undefined if it is gone or was made anew. */
  async #read({ namespace, name, uid }: CachedResource): Promise<CachedResource | undefined> {
    const ref: ObjectRef = { namespace, name };
    try {
      const live = parseUserCertificate(await this.#options.kube.get(USER_CERTIFICATE, ref));
      return live.uid === uid ? live : undefined;
    } catch (error: unknown) {
      if (KubeError.is(error, "NotFound")) return undefined;
      throw error;
    }
  }
}

/**
 * Whether another process has made an attempt, or closed the record of this one's, since the snapshot was taken: the
 * record is not the one that this process knows, or more certificates were issued.
 */
function attemptedByOther({ status }: UserCertificate, { snapshot, outcome }: Assessment): boolean {
  const before = snapshot.resource.status;
  const own = "attempt" in outcome ? outcome.attempt : undefined;
  return status.issuance?.id !== (own ?? before.issuance)?.id || status.revision !== before.revision;
}
