import fc from "fast-check";
import { timestamp } from "../../../api/timestamp.ts";
import type { Issuance, UserCertificateStatus } from "../../../api/user-certificate-status.ts";
import { DAY_MS, HOUR_MS } from "../../../clock.ts";
import { decide, needsAtlas } from "../core/decide/decide.ts";
import { situationOf } from "../core/decide/situation.ts";
import type { Decision, Outcome } from "../core/model/decision.ts";
import type { Situation } from "../core/model/situation.ts";
import type { ListedCertificate, ListState, OthersOfUser, ParkedView } from "../core/model/snapshot.ts";
import { type Assessment, assess } from "../core/status/assessment.ts";
import {
  blocker,
  certificate,
  failure,
  firstReconcile,
  issuance,
  listed,
  NO_OTHERS,
  NOW,
  POLICY,
  recent,
  resource,
  statusAfter,
} from "./snapshots.ts";
import { manyOthers, type Step, steps } from "./walk-steps.ts";

/** A resource with a history, in its last reconcile: statuses that no sequence of reconciles can leave do not occur. */
export const walks: fc.Arbitrary<Assessment> = fc.array(steps, { minLength: 1, maxLength: 6 }).map((walk) => {
  // Times are not whole seconds.
  let nowMs = NOW + 123;
  let last: Assessment | undefined;
  for (const [index, step] of walk.entries()) {
    nowMs += step.waitMs;
    last = reconcile({ ...step, index }, last, nowMs);
  }
  if (last === undefined) throw new Error("a walk has at least one step");
  return last;
});

/** Its place in the walk tells attempts apart. */
type PlacedStep = Step & { readonly index: number };

function reconcile(step: PlacedStep, before: Assessment | undefined, nowMs: number): Assessment {
  const status = before === undefined ? {} : statusLeft(before, step);
  const { renewal, suspend, username, secretName, generation, renewRequest, secret, credentials, secretHolder } = step;
  const percentage = renewal?.kind === "percentage" ? { renewBeforePercentage: renewal.percentage } : {};
  const isAsked = credentials.kind === "usable" && step.atlas.kind !== "notAsked";
  const atlas: ListState = isAsked ? unexpired(step.atlas, nowMs) : { kind: "notAsked" };
  const isOfOther = isAsked && status.issuance !== undefined && status.issuance.username !== username;
  const isElsewhere = isOfOther && step.attempted.kind !== "notAsked";
  const situation = situationOf(
    firstReconcile({
      nowMs,
      resource: resource({ spec: { suspend, username, secretName, ...percentage }, status, generation, renewRequest }),
      secret,
      atlas,
      attempted: isElsewhere ? unexpired(step.attempted, nowMs) : atlas,
      credentials,
      secretHolder,
      others: othersOf(step, nowMs),
      parked: step.process === "same" ? parkedIn(before) : undefined,
      recentRepairs: Array.from({ length: step.recentRepairs }, () => nowMs - 60_000),
      // So that a short walk can use it up.
      policy: { ...POLICY, maxIssuesPerDay: 2 },
    }),
  );
  const decision = decide(situation);
  const outcome = outcomeOf(step, situation, decision);
  return assess({ situation, decision, outcome, nowMs: nowMs + 45, random: step.random });
}

/** An overtaken reconcile writes nothing; a process that stops leading announces its parked certificate. */
function statusLeft(before: Assessment, { process }: Step): UserCertificateStatus {
  const status = before.outcome.kind === "overtaken" ? before.situation.resource.status : statusAfter(before);
  const { issuance: open } = status;
  if (process !== "stoppedLeading" || open?.parked === undefined) return status;
  const until = timestamp(before.nowMs + 150_000);
  return { ...status, issuance: { ...open, parked: { ...open.parked, until } } };
}

/** The certificate that the process still holds in memory. */
function parkedIn(before: Assessment | undefined): ParkedView | undefined {
  if (before === undefined) return undefined;
  const { outcome, situation } = before;
  if (outcome.kind === "parked") return { facts: outcome.facts, attempt: outcome.attempt };
  return outcome.kind === "issued" || outcome.kind === "discarded" ? undefined : situation.parked;
}

function othersOf({ others }: Step, nowMs: number): OthersOfUser {
  switch (others) {
    case "none":
      return NO_OTHERS;
    case "issued":
      return {
        ...NO_OTHERS,
        count: 1,
        issuances: [recent({ time: timestamp(nowMs - HOUR_MS), serialNumber: "1801" })],
      };
    case "attempting": {
      const attempt = issuance({
        id: "attempt-of-other",
        startedAt: timestamp(nowMs - 30_000),
        knownSerials: ["1001"],
      });
      return { ...NO_OTHERS, count: 1, attempts: [attempt] };
    }
    case "explaining":
      return { ...NO_OTHERS, count: 1, explained: new Set(["1003", ...manyOthers]) };
    default:
      return others satisfies never;
  }
}

/** Atlas lists no others. */
function unexpired(atlas: ListState, nowMs: number): ListState {
  if (atlas.kind !== "listed") return atlas;
  return listed(...atlas.certificates.filter(({ notAfter }) => notAfter.getTime() > nowMs));
}

function attemptFor(situation: Situation, reason: string, id: string): Issuance {
  const { atlas, nowMs, resource } = situation;
  const { renewRequest, spec, status } = resource;
  const held = situation.held?.serialNumber;
  const inList: readonly ListedCertificate[] = atlas.kind === "listed" ? atlas.certificates : [];
  const replaces = held ?? status.serialNumber;
  return issuance({
    id,
    startedAt: timestamp(nowMs),
    reason,
    username: spec.username,
    knownSerials: [...inList.map(({ serialNumber }) => serialNumber), ...(held === undefined ? [] : [held])],
    ...(replaces !== undefined && { replaces }),
    ...(renewRequest !== undefined && { renewRequest }),
  });
}

function outcomeOf({ end, index }: PlacedStep, situation: Situation, decision: Decision): Outcome {
  const { nowMs } = situation;
  // A decision from the caches that needs a list is never acted upon.
  const isPreliminary = situation.atlas.kind === "notAsked" && needsAtlas(situation, decision, false);
  if (end === "overtaken" || isPreliminary) return { kind: "overtaken" };
  switch (decision.kind) {
    case "blocked":
    case "keep":
      return { kind: "nothing" };
    case "repair":
      return end === "person" ? failedWrite() : { kind: "repaired", differences: decision.differences };
    case "store": {
      const { attempt, facts } = decision.parked;
      return end === "well" ? { kind: "issued", facts, attempt } : parkedAgain(decision.parked, nowMs);
    }
    case "discard":
      return { kind: "discarded" };
    case "issue": {
      const attempt = attemptFor(situation, decision.reason, `attempt-${index}`);
      const subject = [{ type: "CN", value: situation.resource.spec.username }];
      const dates = { notBefore: new Date(nowMs), notAfter: new Date(nowMs + 90 * DAY_MS) };
      const facts = certificate(String(1100 + index), { subject, ...dates });
      switch (end) {
        case "crash":
          return { kind: "recorded", attempt };
        case "well":
          return { kind: "issued", facts, attempt };
        case "parked":
          return parkedAgain({ facts, attempt }, nowMs);
        case "person":
          return failedWrite();
        case "waiting":
          return failure("RateLimited", { attempt });
        case "lost":
          return failure("AnswerLost", { attempt, staysOpen: true });
        default:
          return end satisfies never;
      }
    }
    default:
      return decision satisfies never;
  }
}

function failedWrite(): Outcome {
  return failure("SecretNotWritable", { blocker: blocker("SecretNotWritable", { needsPerson: true }) });
}

function parkedAgain(view: ParkedView, nowMs: number): Outcome {
  const waits = blocker("SecretNotWritable", { needsPerson: true, retry: { kind: "onChange" } });
  return { kind: "parked", ...view, pod: "pod-1", nextTryMs: nowMs + 1500, blocker: waits };
}
