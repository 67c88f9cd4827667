import { askedWaitMs, backoffMs } from "../../../../backoff.ts";
import type { CertificateFacts } from "../../../../certificate/certificate-facts.ts";
import type { Blocker } from "../model/blocker.ts";
import type { Policy } from "../model/snapshot.ts";

/** First wait after a failure, in milliseconds; it doubles with each further one. */
const FIRST_BACKOFF_MS = 5000;
/** Longest wait right before a certificate expires: every attempt reads Atlas' list, and many resources may expire together. */
const URGENT_BACKOFF_MS = 30_000;

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
 * Wait before the next attempt, in milliseconds: it doubles from 5 s to the longest wait and is shorter near expiry. It is never
 * shorter than the blocker asks for.
 */
export function retryWaitMs({ blocker, failures, held, nowMs, random, policy }: Failure): number {
  const { maxBackoffMs, recheckIntervalMs } = policy;
  const longestMs = blocker.needsPerson ? Math.min(recheckIntervalMs, maxBackoffMs) : maxBackoffMs;
  const askedMs = blocker.retry.kind === "backoff" ? blocker.retry.atLeastMs : undefined;
  // Otherwise a resource that was turned away often would return last, when others have used up the limit.
  const count = blocker.reason === "RateLimited" && askedMs !== undefined ? 1 : failures;
  const leftMs = held === undefined ? Number.POSITIVE_INFINITY : held.notAfter.getTime() - nowMs;
  const urgentMs = leftMs > 0 ? Math.max(URGENT_BACKOFF_MS, leftMs / 10) : longestMs;
  const waitMs = backoffMs({ firstMs: FIRST_BACKOFF_MS, maxMs: Math.min(longestMs, urgentMs) }, count, random);
  const atLeastMs = askedWaitMs(askedMs ?? 0, random);
  return Math.max(waitMs, atLeastMs);
}
