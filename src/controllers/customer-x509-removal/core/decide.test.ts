import { describe, expect, test } from "vitest";
import type { Condition } from "../../../api/conditions.ts";
import type { CustomerX509Removal } from "../../../api/customer-x509-removal.ts";
import { HOUR_MS } from "../../../clock.ts";
import type { ProjectBlocker } from "../../access/project-directory.ts";
import { CA, isSet, NOW, OTHER_CA, PROJECT, recorded, removal, snapshot } from "../testing/snapshots.ts";
import { CONFIRMATION_MS, decide } from "./decide.ts";
import type { ProjectState, Snapshot } from "./snapshot.ts";

const BLOCKER: ProjectBlocker = { reason: "RoleMissing", problem: "No role.", needsPerson: true };
const UNUSABLE: ProjectState = { kind: "unusable", blocker: BLOCKER };
const UNKNOWN: Snapshot["atlas"] = { kind: "unknown", blocker: BLOCKER };
const NOT_ASKED: Snapshot["atlas"] = { kind: "notAsked" };

function withSpec(spec: Partial<CustomerX509Removal["spec"]>): CustomerX509Removal {
  return removal({ spec: { ...removal().spec, ...spec } });
}

/** The kind of the decision, and its reason if it has one. */
function summary(of: Snapshot): string {
  const decision = decide(of);
  switch (decision.kind) {
    case "fail":
      return `fail ${decision.failure.reason}`;
    case "blocked":
      return `blocked ${decision.blocker.reason}`;
    case "complete":
      return `complete ${decision.reason}`;
    default:
      return decision.kind;
  }
}

describe("a request that is not on record", () => {
  test.each<readonly [string, Partial<Snapshot>, string]>([
    ["acts if exactly the named authorities are set", {}, "request"],
    [
      "acts whatever the order of its authorities",
      { removal: withSpec({ certificateAuthorities: [OTHER_CA, CA] }), atlas: isSet(CA, OTHER_CA) },
      "request",
    ],
    ["asks Atlas before anything else", { atlas: NOT_ASKED }, "ask"],
    ["fails if another authority is set", { atlas: isSet(OTHER_CA) }, "fail CertificateAuthoritiesDiffer"],
    ["fails if one more is set", { atlas: isSet(CA, OTHER_CA) }, "fail CertificateAuthoritiesDiffer"],
    [
      "fails if one fewer is set",
      { removal: withSpec({ certificateAuthorities: [CA, OTHER_CA] }) },
      "fail CertificateAuthoritiesDiffer",
    ],
    [
      "fails if as many are set, and one of them is another",
      { removal: withSpec({ certificateAuthorities: [CA, OTHER_CA] }), atlas: isSet(CA, `sha256:${"ef".repeat(32)}`) },
      "fail CertificateAuthoritiesDiffer",
    ],
    ["fails if what is set can't be read", { atlas: { kind: "unreadable" } }, "fail CertificateAuthoritiesDiffer"],
    ["is complete if nothing is set", { atlas: isSet() }, "complete AlreadyOff"],
    ["waits while Atlas does not answer", { atlas: UNKNOWN }, "blocked RoleMissing"],
    ["waits for its project", { project: UNUSABLE, atlas: NOT_ASKED }, "blocked RoleMissing"],
    ["acts right before notAfter", { nowMs: NOW + 5 * HOUR_MS - 1 }, "request"],
    ["never acts from notAfter on", { nowMs: NOW + 5 * HOUR_MS }, "fail Expired"],
    ["expires without asking Atlas", { nowMs: NOW + 5 * HOUR_MS, atlas: NOT_ASKED }, "fail Expired"],
    ["expires although its project is not usable", { nowMs: NOW + 6 * HOUR_MS, project: UNUSABLE }, "fail Expired"],
    ["expires although nothing is set any more", { nowMs: NOW + 5 * HOUR_MS, atlas: isSet() }, "fail Expired"],
    [
      "acts if notAfter is 24 hours after creation",
      { removal: withSpec({ notAfter: "2026-11-25T11:00:00Z" }) },
      "request",
    ],
    [
      "fails if notAfter is any later",
      { removal: withSpec({ notAfter: "2026-11-25T11:00:01Z" }), atlas: NOT_ASKED },
      "fail NotAfterTooLate",
    ],
    ["fails if notAfter is no time", { removal: withSpec({ notAfter: "later" }) }, "fail NotAfterTooLate"],
    ["fails if its age is unknown", { removal: removal({ creationTimestamp: "" }) }, "fail NotAfterTooLate"],
  ])("%s", (_what, change, expected) => {
    expect(summary(snapshot(change))).toBe(expected);
  });

  test("names the project that it was decided for", () => {
    expect(decide(snapshot())).toEqual({ kind: "request", projectId: PROJECT });
  });

  test("says which authorities are set if they differ", () => {
    expect(decide(snapshot({ atlas: isSet(OTHER_CA) }))).toMatchObject({
      failure: { problem: expect.stringContaining(`${OTHER_CA} (CN=Root)`) },
    });
  });
});

describe("a request on record", () => {
  test.each<readonly [string, Partial<Snapshot>, string]>([
    ["never acts again, though the authorities are still set", {}, "wait"],
    ["is complete once they are gone", { atlas: isSet() }, "complete Removed"],
    ["is complete if others were set since", { atlas: isSet(OTHER_CA) }, "complete Removed"],
    ["waits while one of them is left", { atlas: isSet(CA, OTHER_CA) }, "wait"],
    ["waits while what is set can't be read", { atlas: { kind: "unreadable" } }, "wait"],
    ["waits while Atlas does not answer", { atlas: UNKNOWN }, "blocked RoleMissing"],
    ["waits for its project", { project: UNUSABLE }, "blocked RoleMissing"],
    [
      "does not look into another project",
      { project: { kind: "usable", projectId: "0".repeat(24) }, atlas: NOT_ASKED },
      "blocked ProjectChanged",
    ],
    ["asks Atlas", { atlas: NOT_ASKED }, "ask"],
    ["goes on after notAfter", { nowMs: NOW + 5 * HOUR_MS, atlas: NOT_ASKED }, "ask"],
    ["fails if Atlas has not confirmed it after an hour", { nowMs: late() }, "fail NotConfirmed"],
    ["fails if Atlas can't be asked for an hour", { nowMs: late(), atlas: UNKNOWN }, "fail NotConfirmed"],
    ["fails if its project is gone for an hour", { nowMs: late(), project: UNUSABLE }, "fail NotConfirmed"],
    ["waits right before that", { nowMs: late() - 1 }, "wait"],
    ["is complete however late it is seen", { nowMs: late() + 1000 * HOUR_MS, atlas: isSet() }, "complete Removed"],
    ["asks Atlas once more however late", { nowMs: late() + 1000 * HOUR_MS, atlas: NOT_ASKED }, "ask"],
  ])("%s", (_what, change, expected) => {
    expect(summary(snapshot({ removal: recorded(), ...change }))).toBe(expected);
  });

  test("whose record is no time never acts", () => {
    const odd = removal({ status: { requestedAt: "once", projectId: PROJECT } });
    expect(summary(snapshot({ removal: odd }))).toBe("fail NotConfirmed");
  });
});

describe.each(["Complete", "Failed"] as const)("a request that is %s", (type) => {
  const over: readonly Condition[] = [
    { type, status: "True", reason: "Any", message: "", lastTransitionTime: "2026-11-24T11:55:00Z" },
  ];

  test.each<readonly [string, CustomerX509Removal]>([
    ["with its record", recorded({ status: { ...recorded().status, conditions: [...over] } })],
    ["without a record", removal({ status: { conditions: [...over] } })],
  ])("rests, %s, whatever is set", (_what, finished) => {
    for (const atlas of [isSet(CA), isSet(), isSet(OTHER_CA), NOT_ASKED]) {
      expect(summary(snapshot({ removal: finished, atlas }))).toBe("rest");
    }
  });
});

function late(): number {
  return NOW - 10 * 60_000 + CONFIRMATION_MS;
}
