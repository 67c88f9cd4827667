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

export interface ConsumersSeen {
  readonly consumers: Consumers;
  /** Whether outdated pods are to be announced. */
  readonly isWarning: boolean;
}

/**
 * The pods that use the certificate, from a list of `nowMs`. It is the status before where nothing has changed: the time of
 * the list alone is no reason to write. The time of the status is also what tells which warnings were given.
 *
 * @returns undefined where no certificate has been replaced
 */
export function nextConsumers(
  status: UserCertificateStatus,
  uses: readonly PodUse[],
  nowMs: number,
): ConsumersSeen | undefined {
  const { consumers: before, previous } = status;
  if (previous === undefined) return undefined;
  const replacedMs = Date.parse(previous.replacedAt);
  const outdated = uses.filter((use) => firstReadMs(use) <= replacedMs);
  const unknown = uses.filter((use) => firstReadMs(use) > replacedMs && mayBeOld(use, replacedMs));
  const untilMs = Math.min(...outdated.map((use) => validUntilMs(status, previous, firstReadMs(use))));
  const counts = {
    pods: uses.length,
    outdated: outdated.length,
    ...(unknown.length > 0 && { unknown: unknown.length }),
    ...(outdated.length > 0 && {
      outdatedPods: outdated.slice(0, MAX_NAMED).map(({ name }) => name),
      outdatedValidUntil: timestamp(untilMs),
    }),
  };
  const sinceMs = Date.parse(before?.observedAt ?? previous.replacedAt);
  const isWarning =
    outdated.length > 0 && warningTimes(replacedMs, untilMs).some((time) => sinceMs < time && time <= nowMs);
  if (before !== undefined && !isWarning && isSame(before, { ...counts, observedAt: before.observedAt })) {
    return { consumers: before, isWarning };
  }
  return { consumers: { ...counts, observedAt: timestamp(nowMs) }, isWarning };
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
function validUntilMs(
  { recentIssuances = [], serialNumber }: UserCertificateStatus,
  previous: NonNullable<UserCertificateStatus["previous"]>,
  readMs: number,
): number {
  const read = recentIssuances.findLast(
    (entry) => entry.lost === undefined && entry.serialNumber !== serialNumber && Date.parse(entry.time) <= readMs,
  );
  return Date.parse(read?.notAfter ?? previous.notAfter);
}

/** In whole seconds, as the times of a status are. */
function warningTimes(replacedMs: number, untilMs: number): readonly number[] {
  return WARNED_AT.map((part) => Math.floor((replacedMs + part * (untilMs - replacedMs)) / 1000) * 1000);
}

function isSame(left: Consumers, right: Consumers): boolean {
  const text = (consumers: Consumers) => JSON.stringify(Object.entries(consumers).toSorted());
  return text(left) === text(right);
}
