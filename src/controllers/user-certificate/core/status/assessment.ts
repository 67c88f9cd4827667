import { timestamp } from "../../../../api/timestamp.ts";
import type { RecentIssuance, UnaccountedCertificate } from "../../../../api/user-certificate-status.ts";
import type { CertificateFacts } from "../../../../certificate/certificate-facts.ts";
import { keystorePasswordMissing } from "../decide/blockers.ts";
import { renewalDueMs } from "../decide/held.ts";
import { backoffRunning, credentialsMissing, lastFailure } from "../decide/issue-blockers.ts";
import { identityChanged, notListedByAtlas, secretMissing } from "../decide/issue-triggers.ts";
import { entryOf } from "../decide/open-attempt.ts";
import { type Finding, findings, unaccounted } from "../decide/unaccounted.ts";
import type { Blocker } from "../model/blocker.ts";
import type { Decision, Outcome } from "../model/decision.ts";
import type { RestartResult } from "../model/restart.ts";
import type { Situation, Unlisted } from "../model/situation.ts";
import { type StandingRestart, standingRestarts } from "./pending-restarts.ts";
import { retryWaitMs } from "./retry-wait.ts";

/** One pass over one resource: what was seen, decided and done. */
interface Reconciliation {
  readonly situation: Situation;
  readonly decision: Decision;
  readonly outcome: Outcome;
  /** The restarts of workloads that were looked at. @default none */
  readonly restartResults?: readonly RestartResult[] | undefined;
  /** Now by Atlas' clock, after everything was done, in milliseconds since the epoch. */
  readonly nowMs: number;
  /** A number in [0, 1), for the jitter of the backoff. */
  readonly random: number;
}

/** The meaning of a reconciliation, computed once for the status, the Events, the metrics and the next reconcile. */
export interface Assessment extends Reconciliation {
  /** The certificate in the Secret now. */
  readonly held: CertificateFacts | undefined;
  /** The certificate that waits in this process for its Secret. */
  readonly parked: CertificateFacts | undefined;
  /** Why apps can't log in with it, and since when by the lists; undefined if they can. */
  readonly unusable: Unusable | undefined;
  readonly doubt: Unlisted | undefined;
  /** When Atlas last proved it, in milliseconds since the epoch. */
  readonly provenMs: number | undefined;
  readonly renewalDueMs: number | undefined;
  readonly history: readonly RecentIssuance[];
  readonly unaccounted: readonly UnaccountedCertificate[];
  readonly findings: readonly Finding[];
  /** Why nothing more happens now. */
  readonly blocker: Blocker | undefined;
  /** End of the backoff after a failed attempt, by Atlas' clock in milliseconds since the epoch. */
  readonly retryMs: number | undefined;
  /** The restarts that are still pending. */
  readonly restarts: readonly StandingRestart[];
}

type CertificateNow = Pick<Assessment, "held" | "doubt" | "provenMs" | "renewalDueMs">;

interface Unusable {
  readonly reason: string;
  readonly problem: string;
}

export function assess(reconciliation: Reconciliation): Assessment {
  const { situation, outcome } = reconciliation;
  const entries = historyAfter(reconciliation);
  const certificate = certificateAfter(reconciliation);
  const { held, provenMs } = certificate;
  const all = unaccounted(situation, entries);
  const failure = blockerOf(reconciliation);
  const useless = unusable(reconciliation, certificate, failure);
  // The keystore comes last: nothing else waits for its password.
  const isGood = held !== undefined && useless === undefined && outcome.kind !== "recorded";
  const blocker = failure ?? (isGood ? keystorePasswordMissing(situation) : undefined);
  return {
    ...reconciliation,
    ...certificate,
    parked: parkedAfter(reconciliation),
    unusable: useless,
    history: entries,
    unaccounted: all,
    findings: findings(situation, all, entries),
    blocker,
    retryMs: retryMs(reconciliation, held, blocker),
    restarts: standingRestarts(reconciliation, provenMs === undefined ? undefined : held),
  };
}

function retryMs(
  { situation, nowMs, random }: Reconciliation,
  held: CertificateFacts | undefined,
  blocker: Blocker | undefined,
): number | undefined {
  switch (blocker?.retry.kind) {
    case "running":
      return blocker.retry.atMs;
    case "backoff": {
      const failures = (situation.lastAttempt?.failures ?? 0) + 1;
      const waitMs = retryWaitMs({ blocker, failures, held, nowMs, random, policy: situation.policy });
      // Up to the next whole second: the API server keeps no fractions, and an early reconcile finds the backoff running.
      return Math.ceil((nowMs + waitMs) / 1000) * 1000;
    }
    default:
      return undefined;
  }
}

function certificateAfter({ situation, outcome, nowMs }: Reconciliation): CertificateNow {
  if (outcome.kind !== "issued") {
    const { held, doubt, provenMs, renewalDueMs } = situation;
    return { held, doubt, provenMs, renewalDueMs };
  }
  const { facts: held } = outcome;
  return { held, doubt: undefined, provenMs: nowMs, renewalDueMs: renewalDueMs(situation.resource, held) };
}

function historyAfter({ situation, outcome }: Reconciliation): readonly RecentIssuance[] {
  if (outcome.kind !== "issued") return situation.history;
  const { facts, attempt } = outcome;
  const { serialNumber, notAfter } = facts;
  return [...situation.history, { ...entryOf(attempt), serialNumber, notAfter: timestamp(notAfter.getTime()) }];
}

function parkedAfter({ outcome, situation }: Reconciliation): CertificateFacts | undefined {
  if (outcome.kind === "parked") return outcome.facts;
  if (outcome.kind === "issued" || outcome.kind === "discarded" || !situation.isParkedHere) return undefined;
  return situation.parked?.facts;
}

function unusable(
  { situation, outcome, decision, nowMs }: Reconciliation,
  { held, provenMs }: CertificateNow,
  blocker: Blocker | undefined,
): Unusable | undefined {
  const { secretName, username } = situation.resource.spec;
  if (held === undefined) {
    if (decision.kind === "issue") return { reason: decision.reason, problem: decision.message };
    const missing = secretMissing(situation);
    const problem = missing ?? `Secret ${secretName} holds no usable certificate of this resource.`;
    return { reason: "SecretMissing", problem };
  }
  const notAfterMs = held.notAfter.getTime();
  if (notAfterMs <= nowMs) {
    return { reason: "Expired", problem: `Certificate ${held.serialNumber} expired at ${timestamp(notAfterMs)}.` };
  }
  if (outcome.kind === "issued") return undefined;
  const change = identityChanged(situation);
  if (change !== undefined) return { reason: "IdentityChanged", problem: change };
  if (decision.kind === "issue" && decision.reason === "KeyMismatch") {
    return { reason: decision.reason, problem: decision.message };
  }
  if (blocker?.reason === "UserNotFound") {
    return { reason: "UserNotFound", problem: `Atlas does not know user ${username}.` };
  }
  const unlisted = notListedByAtlas(situation);
  if (unlisted !== undefined) return { reason: "NotListedByAtlas", problem: unlisted };
  if (provenMs === undefined) {
    return {
      reason: "NotListedByAtlas",
      problem: `Atlas has not listed certificate ${held.serialNumber} yet; the operator replaces it if it stays missing from the list.`,
    };
  }
  return undefined;
}

/** The failure that blocks now: that of this reconcile, or one that still holds. */
function blockerOf({ situation, decision, outcome }: Reconciliation): Blocker | undefined {
  if (outcome.kind === "failed" || outcome.kind === "parked") return sticky(situation, outcome.blocker);
  // An attempt that has only been recorded refutes nothing.
  if (outcome.kind === "recorded") return personsFailure(situation);
  if (outcome.kind === "issued") return undefined;
  if (decision.kind === "blocked") return sticky(situation, decision.blocker);
  if (situation.atlas.kind === "listed") return undefined;
  // Nothing has to be written any more.
  const isMoot = situation.lastAttempt?.reason === "SecretNotWritable" && situation.provenMs !== undefined;
  const { atlas } = situation;
  if (atlas.kind === "refused") return isMoot ? atlas.blocker : sticky(situation, atlas.blocker);
  return credentialsMissing(situation) ?? (isMoot ? undefined : backoffRunning(situation));
}

/** Failures that say nothing about whether an earlier one persists. */
const INCONCLUSIVE: ReadonlySet<string> = new Set(["RateLimited", "AtlasUnavailable"]);

/** A problem that needs a person stands until an answer of Atlas refutes it: a rate limit or an outage does not. */
function sticky(situation: Situation, blocker: Blocker): Blocker {
  const before =
    INCONCLUSIVE.has(blocker.reason) && blocker.retry.kind === "backoff" ? personsFailure(situation) : undefined;
  if (before === undefined) return blocker;
  const { lastAttempt } = situation;
  return {
    ...before,
    notRechecked: `Not rechecked since ${lastAttempt?.time}: ${blocker.problem}`,
    retry: blocker.retry,
  };
}

function personsFailure(situation: Situation): Blocker | undefined {
  const { lastAttempt } = situation;
  if (lastAttempt?.needsPerson !== true) return undefined;
  return lastFailure(situation, Date.parse(lastAttempt.nextAttemptTime));
}
