import { timestamp } from "../../../../api/timestamp.ts";
import type { Consumers, UserCertificateStatus } from "../../../../api/user-certificate-status.ts";
import { MINUTE_MS } from "../../../../clock.ts";
import type { PodUse } from "./pod-uses.ts";

/**
 * How long the kubelet may take to update a mounted file: it looks at each pod every 60 s to 90 s. After twice that time a
 * container that starts reads the new file.
 */
const FILES_UPDATED_MS = 2 * 1.5 * MINUTE_MS;

/** Outdated pods beyond these are only counted: a status must stay small. */
const MAX_NAMED = 10;

/** Parts of the time between the replacement and the end of the old certificate after which outdated pods are announced. */
const WARNED_AT = [0.5, 0.9];

type Status = UserCertificateStatus;
/** Of a resource whose certificate before the current one is unexpired. */
export type RenewedStatus = Status & { readonly previous: NonNullable<Status["previous"]> };

export function isRenewed(status: Status, nowMs: number): status is RenewedStatus {
  return status.previous !== undefined && Date.parse(status.previous.notAfter) > nowMs;
}

/** The counts of one list, without its time. */
type Counts = Omit<Consumers, "observedAt">;

interface ConsumersSeen {
  readonly consumers: Consumers;
  /** Whether outdated pods are to be announced. */
  readonly isWarning: boolean;
  /** When they are to be announced next, in milliseconds since the epoch. */
  readonly nextWarningMs: number | undefined;
}

/** Counts the pods that use the certificate of one resource, pod by pod, so that a list takes no memory. */
export class ConsumerCounter {
  readonly #status: RenewedStatus;
  readonly #replacedMs: number;
  readonly #outdatedPods: string[] = [];
  #pods = 0;
  #outdated = 0;
  #unknown = 0;
  #untilMs = Number.POSITIVE_INFINITY;

  constructor(status: RenewedStatus) {
    this.#status = status;
    this.#replacedMs = Date.parse(status.previous.replacedAt);
  }

  add(use: PodUse): void {
    this.#pods += 1;
    const readMs = firstReadMs(use);
    if (readMs > this.#replacedMs) {
      if (mayBeOld(use, this.#replacedMs)) this.#unknown += 1;
      return;
    }
    this.#outdated += 1;
    this.#untilMs = Math.min(this.#untilMs, validUntilMs(this.#status, readMs));
    if (this.#outdatedPods.length < MAX_NAMED) this.#outdatedPods.push(use.name);
  }

  get counts(): Counts {
    const [pods, outdated, unknown] = [this.#pods, this.#outdated, this.#unknown];
    return {
      ...{ pods, outdated, ...(unknown > 0 && { unknown }) },
      ...(outdated > 0 && { outdatedPods: this.#outdatedPods, outdatedValidUntil: timestamp(this.#untilMs) }),
    };
  }
}

/**
 * The status of these counts, from a list of `nowMs`. It is the status before where nothing has changed: the time of
 * the list alone is no reason to write. The time of the status is also what tells which warnings were given.
 */
export function nextConsumers(
  { consumers: before, previous }: RenewedStatus,
  counts: Counts,
  nowMs: number,
): ConsumersSeen {
  const replacedMs = Date.parse(previous.replacedAt);
  const sinceMs = Date.parse(before?.observedAt ?? previous.replacedAt);
  const untilMs = Date.parse(counts.outdatedValidUntil ?? "");
  const times = warningTimes(replacedMs, untilMs);
  const isWarning = times.some((time) => sinceMs < time && time <= nowMs);
  const warning = { isWarning, nextWarningMs: times.find((time) => time > nowMs) };
  if (before !== undefined && !isWarning && isSame(before, { ...counts, observedAt: before.observedAt })) {
    return { consumers: before, ...warning };
  }
  return { consumers: { ...counts, observedAt: timestamp(nowMs) }, ...warning };
}

/** When the first container started that has it, in milliseconds since the epoch. */
function firstReadMs({ environmentMs, mountedMs }: PodUse): number {
  return Math.min(environmentMs ?? Number.POSITIVE_INFINITY, mountedMs ?? Number.POSITIVE_INFINITY);
}

/** A volume that was mounted before the renewal is updated only after a while. A new pod mounts what the Secret holds. */
function mayBeOld({ createdMs, mountedMs }: PodUse, replacedMs: number): boolean {
  return createdMs < replacedMs && mountedMs !== undefined && mountedMs <= replacedMs + FILES_UPDATED_MS;
}

/** When the certificate expires that the Secret held at that time: it may have been renewed twice since. */
function validUntilMs({ previous, recentIssuances = [], serialNumber }: RenewedStatus, readMs: number): number {
  const read = recentIssuances.findLast(
    (entry) => entry.lost === undefined && entry.serialNumber !== serialNumber && Date.parse(entry.time) <= readMs,
  );
  return Date.parse(read?.notAfter ?? previous.notAfter);
}

/** In whole seconds, as the times of a status are; no times without outdated pods. */
function warningTimes(replacedMs: number, untilMs: number): readonly number[] {
  return WARNED_AT.map((part) => Math.floor((replacedMs + part * (untilMs - replacedMs)) / 1000) * 1000);
}

function isSame(left: Consumers, right: Consumers): boolean {
  const text = (consumers: Consumers) => JSON.stringify(Object.entries(consumers).toSorted());
  return text(left) === text(right);
}
