import { type MarkOption, marked } from "../../../api/condition-states.ts";
import type { Condition } from "../../../api/conditions.ts";
import { parseUserCertificate, type UserCertificate } from "../../../api/parse-user-certificate.ts";
import { USER_CERTIFICATE } from "../../../api/user-certificate.ts";
import type { Consumers, Issuance, UserCertificateStatus } from "../../../api/user-certificate-status.ts";
import type { StoreEvent } from "../../../kube/cache/store.ts";
import type { KubeApi } from "../../../kube/kube-api.ts";
import { KubeError } from "../../../kube/kube-error.ts";
import { mergePatchOf } from "../../../kube/merge-patch.ts";
import { objectKey } from "../../../kube/resource-type.ts";
import { StatusSender } from "../../../kube/status-sender.ts";
import type { Assessment } from "../core/status/assessment.ts";
import { nextStatus } from "../core/status/next-status.ts";
import type { CachedResource, ResourceCache } from "./resource-cache.ts";

export interface StatusWriterOptions extends MarkOption {
  readonly kube: Pick<KubeApi, "get" | "mergePatch">;
  readonly cache: ResourceCache;
  /** Called with a change of someone else if the response to a write shows it first. It must not throw. */
  readonly onForeignChange: (event: StoreEvent<CachedResource>) => void;
}

/** Whether an attempt is on record: `notKept` if the API server dropped a part of it. */
type RecordResult = "recorded" | "overtaken" | "notKept";

/** Writes status: only what differs, all of it in one write, and only onto the state that was read. */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #sender: StatusSender<CachedResource>;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
    const { cache, kube, onForeignChange } = options;
    const common = { kube, type: USER_CERTIFICATE, parse: parseUserCertificate };
    this.#sender = new StatusSender({ ...common, store: cache.store, onForeignChange });
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
    const { resource } = assessment.situation;
    try {
      const status = mergePatchOf(resource.status, this.#statusOf(assessment, resource)) ?? {};
      const written = await this.#sender.send(resource, status, signal);
      if (written.valid && mergePatchOf(attempt, written.status.issuance ?? {}) === undefined) return "recorded";
      await this.withdraw(written, attempt);
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
    await this.#sender.sendOnto(this.#current(assessment.situation.resource), (current) =>
      current.valid && !attemptedByOther(current, assessment)
        ? mergePatchOf(current.status, this.#statusOf(assessment, current))
        : undefined,
    );
  }

  /** Takes back the record of an attempt that was not made; never another's. */
  async withdraw(recorded: CachedResource, { id }: Issuance): Promise<void> {
    await this.#sender.sendOnto(recorded, (current) => {
      const onRecord = current.valid ? current.status.issuance : undefined;
      return onRecord !== undefined && onRecord.id !== id ? undefined : { issuance: null };
    });
  }

  /** Writes which pods use the certificate, unless another one has been issued since. */
  async reportConsumers(resource: UserCertificate, consumers: Consumers): Promise<void> {
    await this.#sender.sendOnto(resource, (current) => {
      const isSame = current.valid && current.status.serialNumber === resource.status.serialNumber;
      return isSame ? mergePatchOf({ consumers: current.status.consumers }, { consumers }) : undefined;
    });
  }

  /** Replaces the conditions of a resource that cannot be read. */
  async reportUnread(resource: UserCertificate, conditions: readonly Condition[]): Promise<void> {
    await this.#sender.send(resource, { conditions: marked(conditions, this.#options.mark) });
  }

  /** Tells a successor how long this process still tries to store the certificate of an attempt. */
  async announceParked(resource: UserCertificate, attempt: Issuance, parked: Issuance["parked"]): Promise<void> {
    await this.#sender.sendOnto(this.#current(resource), (current) =>
      current.valid && current.status.issuance?.id === attempt.id ? { issuance: { parked } } : undefined,
    );
  }

  #statusOf(assessment: Assessment, { status }: UserCertificate): UserCertificateStatus {
    const next = nextStatus(assessment, status);
    return { ...next, conditions: marked(next.conditions ?? [], this.#options.mark) };
  }

  /** The state that our own last write left, which the observation may be older than. */
  #current(resource: UserCertificate): UserCertificate {
    const cached = this.#options.cache.get(objectKey(resource));
    return cached?.valid && cached.uid === resource.uid ? cached : resource;
  }
}

/**
 * Whether another process has made an attempt, or closed the record of this one's, since the snapshot was taken: the
 * record is not the one that this process knows, or more certificates were issued.
 */
function attemptedByOther({ status }: UserCertificate, { situation, outcome }: Assessment): boolean {
  const before = situation.resource.status;
  const own = "attempt" in outcome ? outcome.attempt : undefined;
  return status.issuance?.id !== (own ?? before.issuance)?.id || status.revision !== before.revision;
}
