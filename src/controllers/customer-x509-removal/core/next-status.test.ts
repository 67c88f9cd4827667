import { expect, test } from "vitest";
import type { Condition } from "../../../api/conditions.ts";
import type { ProjectBlocker } from "../../access/project-directory.ts";
import { isSet, NOW, OTHER_CA, PROJECT, recorded, removal, snapshot } from "../testing/snapshots.ts";
import { CONFIRMATION_MS, decide, type Failure } from "./decide.ts";
import { nextStatus, nextTimeMs } from "./next-status.ts";
import type { Outcome } from "./outcome.ts";
import type { Snapshot } from "./snapshot.ts";

const RECORD = { projectId: PROJECT, requestedAt: "2026-11-24T12:00:00Z" };
const FAILURE: Failure = { reason: "RoleMissing", problem: "No role.", remedy: "Grant it." };
const busy: ProjectBlocker = { reason: "RateLimited", problem: "Too many.", needsPerson: false, atLeastMs: 25_000 };
const blocked = (blocker: ProjectBlocker): Partial<Snapshot> => ({ atlas: { kind: "unknown", blocker } });

const STATES: readonly (readonly [string, Partial<Snapshot>, Outcome, kstatus: string])[] = [
  ["recorded", {}, { kind: "recorded", ...RECORD }, "InProgress"],
  ["accepted", {}, { kind: "accepted", ...RECORD }, "InProgress"],
  ["answer lost", {}, { kind: "answerLost", ...RECORD, problem: "No answer." }, "InProgress"],
  ["refused", {}, { kind: "refused", ...RECORD, failure: FAILURE }, "Failed"],
  ["waiting", { removal: recorded() }, { kind: "nothing" }, "InProgress"],
  ["removed", { removal: recorded(), atlas: isSet() }, { kind: "nothing" }, "Current"],
  ["already off", { atlas: isSet() }, { kind: "nothing" }, "Current"],
  ["different", { atlas: isSet(OTHER_CA) }, { kind: "nothing" }, "Failed"],
  ["rate limited", blocked(busy), { kind: "nothing" }, "InProgress"],
  ["stuck", blocked({ ...busy, needsPerson: true, remedy: "Do it." }), { kind: "nothing" }, "Failed"],
  ["stuck without advice", blocked({ ...busy, needsPerson: true }), { kind: "nothing" }, "Failed"],
];

test.each(STATES)("kstatus reports the state '%s' as it is", (_what, change, outcome, expected) => {
  const of = snapshot(change);
  const status = nextStatus({ snapshot: of, decision: decide(of), outcome }, []);
  const isTrue = (type: string) => status?.conditions?.find((one) => one.type === type)?.status === "True";
  const kstatus = isTrue("Reconciling") ? "InProgress" : isTrue("Stalled") ? "Failed" : "Current";
  expect([kstatus, status?.observedGeneration]).toEqual([expected, 1]);
  expect(isTrue("Complete")).toBe(expected === "Current");
  expect(isTrue("Complete") && isTrue("Failed")).toBe(false);
  expect(isTrue("Reconciling") && isTrue("Stalled")).toBe(false);
});

test.each(STATES)("of the state '%s' only one condition tells the story", (_what, change, outcome) => {
  const of = snapshot(change);
  const status = nextStatus({ snapshot: of, decision: decide(of), outcome }, []);
  const texts = (status?.conditions ?? []).map(({ message }) => message);
  expect(new Set(texts).size).toBe(4);
  expect(texts).toContain(status?.message);
});

test("a condition keeps the time of its transition", () => {
  const of = snapshot({ removal: recorded() });
  const before: Condition = {
    ...{ type: "Reconciling", status: "True", reason: "Requested", message: "" },
    lastTransitionTime: "2026-11-24T11:50:00Z",
  };
  const status = nextStatus({ snapshot: of, decision: decide(of), outcome: { kind: "nothing" } }, [before]);
  expect(status?.conditions?.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual(
    ["12:00", "12:00", "11:50", "12:00"].map((time) => `2026-11-24T${time}:00Z`),
  );
});

test.each<readonly [string, Partial<Snapshot>, Outcome, number | undefined]>([
  ["soon after the call", {}, { kind: "accepted", ...RECORD }, 2000],
  ["less and less often while it waits", { removal: recorded() }, { kind: "nothing" }, 60_000],
  ["no later than the hour ends", { removal: recorded(), nowMs: end() - 5000 }, { kind: "nothing" }, 5000],
  ["after the wait that Atlas asks for", blocked(busy), { kind: "nothing" }, 25_000],
  ["rarely while a person has to act", blocked({ ...busy, needsPerson: true }), { kind: "nothing" }, 600_000],
  [
    "no later than notAfter",
    { ...blocked({ ...busy, needsPerson: true }), nowMs: Date.parse(removal().spec.notAfter) - 7000 },
    { kind: "nothing" },
    7000,
  ],
  ["never once it is complete", { atlas: isSet() }, { kind: "nothing" }, undefined],
  ["never once it has failed", {}, { kind: "refused", ...RECORD, failure: FAILURE }, undefined],
])("a request is reconciled again %s", (_what, change, outcome, waitMs) => {
  const of = snapshot(change);
  const at = nextTimeMs({ snapshot: of, decision: decide(of), outcome }, 600_000);
  expect(at).toBe(waitMs === undefined ? undefined : of.nowMs + waitMs);
});

function end(): number {
  return NOW - 10 * 60_000 + CONFIRMATION_MS;
}
