import type { CertificateFacts } from "../../../../certificate/certificate-facts.ts";
import type { Blocker } from "../model/blocker.ts";
import type { Policy } from "../model/snapshot.ts";

/** First wait after a failure, in milliseconds; it doubles with each further one. */
const FIRST_BACKOFF_MS = 5000;
const HOUR_MS = 3_600_000;

export interface Failure {
  readonly blocker: Blocker;
  /** Number of consecutive failures, this one included. */
  readonly failures: number;
  readonly held: CertificateFacts | undefined;
  readonly nowMs: number;
  /** A number in [0, 1). */
  readonly random: number;
  readonly policy: Policy;
}

/**
 * Wait before the next attempt, in milliseconds: doubling from 5 s to the longest wait; sooner near expiry, and where the
 * rate limit tells when there is room; never sooner than Atlas asks for, nor than an hour (or a day of a simulator's month) if a certificate was spent for nothing, which
 * the next attempt would probably do too.
 */
export function backoffMs({ blocker, failures, held, nowMs, random, policy }: Failure): number {
  const { maxBackoffMs, recheckIntervalMs, monthMs } = policy;
  const longestMs = blocker.needsPerson ? Math.min(recheckIntervalMs, maxBackoffMs) : maxBackoffMs;
  const askedMs = blocker.retry.kind === "backoff" ? blocker.retry.atLeastMs : undefined;
  // Whoever was turned away often would otherwise come back last, when others have used up what there was.
  const doublings = blocker.reason === "RateLimited" && askedMs !== undefined ? 0 : Math.min(failures - 1, 30);
  const doubledMs = Math.min(FIRST_BACKOFF_MS * 2 ** doublings, longestMs);
  const leftMs = held === undefined ? Number.POSITIVE_INFINITY : held.notAfter.getTime() - nowMs;
  const urgentMs = leftMs > 0 ? Math.max(FIRST_BACKOFF_MS, leftMs / 10) : longestMs;
  const waitMs = Math.min(doubledMs, urgentMs) * (0.75 + random / 4);
  // Whatever one answer of Atlas has turned away would otherwise come back in the same second.
  const atLeastMs = (askedMs ?? 0) * (1 + random / 4);
  const isSpent = blocker.reason === "AnswerUnusable";
  return Math.max(waitMs, atLeastMs, isSpent ? Math.min(HOUR_MS, monthMs / 30) : 0);
}
