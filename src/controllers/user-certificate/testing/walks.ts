import fc from "fast-check";
import type { RenewalRule } from "../../../certificate/renewal-time.ts";
import { decide } from "../core/decide/decide.ts";
import { heldCertificate } from "../core/decide/held.ts";
import { nextStatus } from "../core/status/next-status.ts";
import type { Decision, Snapshot, ObservedList, ObservedCredentials, ObservedSecret } from "../core/model/snapshot.ts";
import type { Outcome } from "../core/model/decision.ts";
import type { Assessment } from "../core/status/assessment.ts";
import {
  ABSENT,
  certificate,
  DAY_MS,
  damaged,
  FOREIGN,
  failure,
  firstLook,
  HOUR_MS,
  issuance,
  listed,
  managed,
  NOW,
  POLICY,
  refused,
  resource,
  blocker,
} from "./snapshots.ts";

/** What happens to a resource between two looks at it, and how the second one ends. */
interface Step {
  readonly waitMs: number;
  readonly secret: ObservedSecret;
  readonly atlas: ObservedList;
  readonly credentials: ObservedCredentials;
  readonly secretHolder: string | undefined;
  readonly suspend: boolean;
  readonly username: string;
  readonly renewal: RenewalRule | undefined;
  readonly generation: number;
  readonly renewRequest: string | undefined;
  readonly end: "well" | "person" | "waiting" | "lost" | "crash";
}

/** The certificates of the user: when each of them expires. */
const CERTIFICATES = [-1, 1, 20, 90].map((days, index) =>
  certificate(String(1001 + index), {
    notBefore: new Date(NOW - 30 * DAY_MS),
    notAfter: new Date(NOW + days * DAY_MS),
  }),
);

const pairs: fc.Arbitrary<ObservedSecret> = fc
  .record({ facts: fc.constantFrom(...CERTIFICATES), labelled: fc.boolean() })
  .map(({ facts, labelled }) => managed(facts, labelled ? {} : { labels: {} }));

const secrets: fc.Arbitrary<ObservedSecret> = fc.oneof(
  { weight: 5, arbitrary: pairs },
  { weight: 2, arbitrary: fc.constant(ABSENT) },
  fc.constantFrom<ObservedSecret>(FOREIGN, damaged("missing"), damaged("undecodable"), damaged("mismatch")),
);

const lists: fc.Arbitrary<ObservedList> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<ObservedList>({ kind: "notAsked" }) },
  { weight: 3, arbitrary: fc.subarray(CERTIFICATES).map((some) => listed(...some)) },
  fc.constant(listed(...CERTIFICATES, ...Array.from({ length: 10 }, (_, index) => String(1901 + index)))),
  fc.constantFrom<ObservedList>(
    refused("AtlasUnavailable"),
    refused("RoleMissing", { needsPerson: true }),
    refused("UserNotFound", { needsPerson: true }),
    refused("RateLimited", { retry: { kind: "backoff", atLeastMs: 2 * HOUR_MS } }),
  ),
);

const steps: fc.Arbitrary<Step> = fc.record({
  waitMs: fc.constantFrom(0, 1, 700, 5000, 60_000, HOUR_MS, 7 * HOUR_MS, DAY_MS, 30 * DAY_MS),
  secret: secrets,
  atlas: lists,
  credentials: mostly<ObservedCredentials>(
    { kind: "usable", version: "31" },
    { kind: "usable", version: "32" },
    { kind: "unusable", version: undefined, problem: "there is none." },
    { kind: "unnamed", version: undefined },
  ),
  secretHolder: mostly<string | undefined>(undefined, "billing"),
  suspend: mostly(false, true),
  username: mostly("orders-api", "billing"),
  renewal: mostly<RenewalRule | undefined>(undefined, { kind: "percentage", percentage: 80 }),
  generation: mostly(1, 2),
  renewRequest: mostly<string | undefined>(undefined, "a", "b"),
  end: fc.constantFrom("well", "person", "waiting", "lost", "crash"),
});

/** A resource with a history, in the last look at it: statuses that no sequence of rounds can leave do not occur. */
export const walks: fc.Arbitrary<Assessment> = fc.array(steps, { minLength: 1, maxLength: 6 }).map((walk) => {
  let nowMs = NOW;
  let last: Assessment | undefined;
  for (const step of walk) {
    nowMs += step.waitMs;
    last = look(step, last, nowMs);
  }
  if (last === undefined) throw new Error("a walk has at least one step");
  return last;
});

function look(step: Step, before: Assessment | undefined, nowMs: number): Assessment {
  const status = before === undefined ? {} : statusLeft(before);
  const { renewal, suspend, username, generation, renewRequest, secret, atlas, credentials, secretHolder } = step;
  const percentage = renewal?.kind === "percentage" ? { renewBeforePercentage: renewal.percentage } : {};
  const snapshot = firstLook({
    resource: resource({ spec: { suspend, username, ...percentage }, status, generation, renewRequest }),
    secret,
    atlas: unexpired(atlas, nowMs),
    credentials,
    secretHolder,
    // So that a short walk can spend it.
    policy: { ...POLICY, maxIssuesPerDay: 2 },
  });
  const decision = decide(snapshot, nowMs);
  return { snapshot, decision, outcome: outcomeOf(step, snapshot, decision, nowMs), nowMs, random: 0.5 };
}

/** Atlas lists no others. */
function unexpired(atlas: ObservedList, nowMs: number): ObservedList {
  if (atlas.kind !== "listed") return atlas;
  return listed(...atlas.certificates.filter(({ notAfter }) => notAfter.getTime() > nowMs));
}

/** A crash in the middle of an attempt leaves its record; everything else what the report writes. */
function statusLeft(round: Assessment) {
  const status = nextStatus(round);
  if (round.decision.kind !== "issue" || round.outcome.kind !== "nothing") return status;
  const { atlas, resource: seen } = round.snapshot;
  const held = heldCertificate(round.snapshot)?.serialNumber;
  const inList = atlas.kind === "listed" ? atlas.certificates.map(({ serialNumber }) => serialNumber) : [];
  return {
    ...status,
    issuance: issuance({
      startedAt: new Date(round.nowMs).toISOString(),
      username: seen.spec.username,
      knownSerials: [...inList, ...(held === undefined ? [] : [held])],
    }),
  };
}

function outcomeOf({ end }: Step, snapshot: Snapshot, decision: Decision, nowMs: number): Outcome {
  const open = snapshot.resource.status.issuance;
  const held = heldCertificate(snapshot);
  const person = blocker("SecretNotWritable", { needsPerson: true });
  switch (decision.kind) {
    case "finish":
      if (held === undefined || open === undefined) throw new Error("there is nothing to finish");
      return { kind: "issued", facts: held, issuance: open };
    case "repair":
      return end === "person"
        ? failure("SecretNotWritable", { blocker: person })
        : { kind: "repaired", differences: [] };
    case "issue": {
      const facts = certificate("1099", { notBefore: new Date(nowMs), notAfter: new Date(nowMs + 90 * DAY_MS) });
      if (end === "crash") return { kind: "nothing" };
      if (end === "well") return { kind: "issued", facts, issuance: issuance() };
      if (end === "person") return failure("SecretNotWritable", { blocker: person });
      if (end === "waiting") return failure("AtlasUnavailable");
      return failure("AnswerLost", { spent: true, staysOpen: true, issuance: issuance() });
    }
    case "blocked":
    case "keep":
      return { kind: "nothing" };
    default:
      return decision satisfies never;
  }
}

function mostly<T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> {
  return fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, fc.constantFrom(...others));
}
