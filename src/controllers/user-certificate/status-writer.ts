import { parseUserCertificate, type UserCertificate } from "../../api/parse-user-certificate.ts";
import type { IssueReason } from "../../api/reasons.ts";
import { type Issuance, USER_CERTIFICATE, type UserCertificateStatus } from "../../api/user-certificate.ts";
import type { Clock } from "../../clock.ts";
import type { KubeApi } from "../../kube/kube-api.ts";
import { KubeError } from "../../kube/kube-error.ts";
import { mergePatchOf } from "../../kube/merge-patch.ts";
import { type ObjectRef, objectKey } from "../../kube/resource-type.ts";
import type { StoreEvent } from "../../kube/store.ts";
import type { CachedCertificate, CertificateCache } from "./caches.ts";
import { nextStatus } from "./next-status.ts";
import type { Observed } from "./observed.ts";
import type { Round } from "./round.ts";

export interface StatusWriterOptions {
  readonly kube: Pick<KubeApi, "get" | "mergePatch">;
  readonly cache: CertificateCache;
  /** Told of what others changed where the answer of a write shows it first. It must not throw. */
  readonly onForeignChange: (event: StoreEvent<CachedCertificate>) => void;
  readonly clock: Clock;
}

/** Whether an attempt is on record: `notKept` where the API server dropped a part of it. */
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
   * What came back is compared with what was sent: a CRD of another version drops fields that it does not know, and an
   * attempt that is not on record must not be made.
   */
  async record(
    observed: Observed,
    decision: { readonly reason: IssueReason; readonly message: string },
    issuance: Issuance,
    signal: AbortSignal,
  ): Promise<RecordResult> {
    const status = nextStatus({
      observed,
      decision: { kind: "issue", ...decision },
      outcome: { kind: "nothing" },
      nowMs: this.#options.clock.now(),
      random: 0,
    });
    try {
      const written = await this.#write(observed.resource, { ...status, issuance }, signal);
      if (written?.valid && mergePatchOf(issuance, written.status.issuance ?? {}) === undefined) return "recorded";
      await this.#withdraw(written ?? observed.resource, issuance);
      return "notKept";
    } catch (error: unknown) {
      if (KubeError.is(error, "Conflict", "NotFound")) return "overtaken";
      throw error;
    }
  }

  /**
   * Writes what a round left. Where the resource changed meanwhile, the result is fitted to what it is now; what was
   * decided was decided for the spec as it was seen, and observedGeneration says so. What came of a look that another
   * process has overtaken with an attempt of its own is dropped: its list is older than that attempt, and must not close
   * the record of it.
   */
  async report(round: Round): Promise<void> {
    let current = this.#current(round.observed.resource);
    for (let conflicts = 0; ; conflicts++) {
      if (current === undefined || attemptedByOther(current, round)) return;
      const status = nextStatus({ ...round, observed: onTopOf(current, round.observed) });
      try {
        await this.#write(current, status);
        return;
      } catch (error: unknown) {
        if (KubeError.is(error, "NotFound")) return;
        if (!KubeError.is(error, "Conflict") || conflicts === MAX_CONFLICTS) throw error;
        current = await this.#live(round.observed.resource);
      }
    }
  }

  /** Writes what differs; undefined where nothing does. */
  async #write(resource: UserCertificate, status: UserCertificateStatus, signal?: AbortSignal) {
    const patch = mergePatchOf(resource.status, status);
    if (patch === undefined) return undefined;
    return this.#send(resource, patch, signal);
  }

  /** Takes back a record of which a part was dropped, whatever else changes meanwhile; never another's. */
  async #withdraw(recorded: CachedCertificate, { id }: Issuance): Promise<void> {
    let current: CachedCertificate | undefined = recorded;
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

  /** The precondition is also what tells our own change from those of others. */
  async #send(resource: CachedCertificate, status: object, signal?: AbortSignal): Promise<CachedCertificate> {
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

  /** As the API server has it now; undefined where it is gone or was made anew. */
  async #read({ namespace, name, uid }: CachedCertificate): Promise<CachedCertificate | undefined> {
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
 * Whether another process has made an attempt, or closed the record of this one's, since the round's look: the record is
 * not the one that the round knows, or more certificates were issued.
 */
function attemptedByOther({ status }: UserCertificate, { observed, outcome }: Round): boolean {
  const before = observed.resource.status;
  const own = "issuance" in outcome ? outcome.issuance : undefined;
  return status.issuance?.id !== (own ?? before.issuance)?.id || status.revision !== before.revision;
}

/** The observation, with the status as it is now. Spec, generation and renew request stay those that were acted upon. */
function onTopOf(current: UserCertificate, observed: Observed): Observed {
  const { status, resourceVersion } = current;
  return { ...observed, resource: { ...observed.resource, status, resourceVersion } };
}
