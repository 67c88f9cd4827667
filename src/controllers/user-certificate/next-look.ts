import type { CertificateFacts } from "../../certificate/certificate-facts.ts";
import { secretDifferences } from "./desired-secret.ts";
import {
  backoffEndMs,
  listedByAtlas,
  renewalDueMs,
  secondListWaitMs,
  unlistedSinceMs,
  verificationDueMs,
} from "./facts.ts";
import { heldAfter, type Round, troubleOf } from "./round.ts";

/** What is due at once comes after this: a cache that lags behind what was written is not asked without a pause. */
const SOON_MS = 1000;

/**
 * When the resource is looked at next, in milliseconds since the epoch, if nothing changes until then: when a wait is
 * over, when Atlas' list or the renewal is due, and when the certificate expires, for then Ready must turn False.
 * Undefined where only a change matters.
 *
 * A round takes time. What came due since it decided was not seen by it, so a time that has passed is one to come.
 *
 * @param round with the status as it was written
 */
export function nextLookMs(round: Round): number | undefined {
  const { decision, outcome, nowMs } = round;
  const soonMs = nowMs + SOON_MS;
  // Behind a repair, or the end of another process' issuance, there may be more to do.
  const hidMore = outcome.kind === "overtaken" || outcome.kind === "repaired" || decision.kind === "finish";
  if (hidMore || hidRepair(round)) return soonMs;
  const times = dueTimes(round).map((time) => Math.max(time, soonMs));
  const expiryMs = heldAfter(round)?.notAfter.getTime();
  if (expiryMs !== undefined && expiryMs > nowMs) times.push(expiryMs);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** A list was due before a repair, and Atlas refused it: the repair needs nothing of Atlas, and does not wait for it. */
function hidRepair({ observed, decision }: Round): boolean {
  const { atlas } = observed;
  const isRefused = atlas.kind === "refused" && decision.kind === "blocked" && decision.trouble === atlas.trouble;
  return isRefused && secretDifferences(observed).length > 0;
}

/** A list that does not hold the certificate is followed by another one soon, even if nobody kept that it was there. */
function listDueMs({ observed, outcome, nowMs }: Round, held: CertificateFacts | undefined): number {
  const isNew = outcome.kind === "issued";
  const isUnlisted = !isNew && held !== undefined && listedByAtlas(observed, held.serialNumber) === false;
  const isKept = unlistedSinceMs(observed, nowMs, held) !== undefined;
  return isUnlisted && !isKept ? nowMs + secondListWaitMs(observed) : verificationDueMs(observed, nowMs, held);
}

/** What a trouble stands in the way of is not looked at before the trouble is over. */
function dueTimes(round: Round): readonly number[] {
  const { observed, nowMs } = round;
  const trouble = troubleOf(round);
  if (trouble === undefined) {
    const held = heldAfter(round);
    return [renewalDueMs(observed, held), listDueMs(round, held)].filter((time) => time !== undefined);
  }
  switch (trouble.retry.kind) {
    case "onChange":
      return [];
    case "at": {
      // Of a fight over labels, the list is asked all the same.
      const listMs = trouble.reason === "SecretContended" ? listDueMs(round, heldAfter(round)) : 0;
      return listMs > nowMs ? [trouble.retry.atMs, listMs] : [trouble.retry.atMs];
    }
    case "running":
      return [trouble.retry.atMs];
    case "backoff":
      // An API server with another version's CRD may have dropped it from the status.
      return [backoffEndMs(observed, nowMs) ?? nowMs + observed.policy.recheckIntervalMs];
    default:
      return trouble.retry satisfies never;
  }
}
