import { describe, expect, test } from "vitest";
import { findCondition } from "../../../../api/conditions.ts";
import { BLOCKED_REASONS } from "../../../../api/reasons.ts";
import { HOUR_MS } from "../../../../clock.ts";
import {
  ABSENT,
  blocker,
  certificate,
  FACTS,
  FOREIGN,
  FRESH,
  failure,
  following,
  issuance,
  issued,
  listed,
  managed,
  NOW,
  parked,
  RENEWAL_MS,
  reconciled,
  refused,
  settled,
} from "../../testing/snapshots.ts";
import { expired, missing, overdue, person, recorded, renewing, statusOf } from "../../testing/statuses.ts";
import type { Retry } from "../model/blocker.ts";
import type { Outcome } from "../model/decision.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { nextConditions } from "./next-conditions.ts";

function conditionsAfter(snapshot: Snapshot, outcome?: Outcome, nowMs?: number) {
  const status = statusOf(snapshot, outcome, nowMs);
  return {
    ready: findCondition(status, "Ready"),
    issuing: findCondition(status, "Issuing"),
    stalled: findCondition(status, "Stalled"),
  };
}

const waiting = (change: Parameters<typeof settled>[0] = {}) =>
  settled({ parked: { facts: FRESH, attempt: issuance() }, ...change, status: { issuance: issuance() } });

describe("Stalled is True", () => {
  const cases: Readonly<Record<string, readonly [Snapshot, string, Outcome?]>> = {
    "if a person has to act and there is no certificate": [settled({ secret: FOREIGN }), "SecretForeign"],
    "if a person has to act and the certificate has expired": [
      settled({ secret: managed(expired), atlas: listed() }),
      "RoleMissing",
      person("RoleMissing"),
    ],
    "if a person has to act and the renewal is overdue": [overdue, "RoleMissing", person("RoleMissing")],
    "if Atlas does not know the user": [
      settled({ atlas: refused("UserNotFound", { needsPerson: true }) }),
      "UserNotFound",
    ],
    "if the credentials are missing and the renewal is overdue": [
      settled({ credentials: { kind: "unnamed", version: undefined }, nowMs: RENEWAL_MS }),
      "CredentialsMissing",
    ],
    "if a certificate is parked, although the one in the Secret is good": [
      settled({ atlas: listed("1001") }),
      "SecretNotWritable",
      parked(),
    ],
    "if a parked certificate waits behind a foreign Secret": [waiting({ secret: FOREIGN }), "SecretForeign"],
    "if a parked certificate waits for a Secret that is being deleted": [
      waiting({ secret: managed(FACTS, { deleting: true }) }),
      "SecretTerminating",
    ],
  };
  test.each(Object.entries(cases))("%s", (_what, [snapshot, reason, outcome]) => {
    expect(conditionsAfter(snapshot, outcome).stalled).toMatchObject({ status: "True", reason });
  });

  test("still, while the backoff of an overdue renewal runs", () => {
    const { stalled } = conditionsAfter(following(reconciled(overdue, person("RoleMissing"))));
    expect(stalled).toMatchObject({ status: "True", message: "RoleMissing happened. Fix RoleMissing." });
  });

  test("still, when a rate limit follows", () => {
    const failed = following(reconciled(overdue, person("RoleMissing")));
    const { stalled } = conditionsAfter({ ...failed, nowMs: failed.nowMs + HOUR_MS, atlas: refused("RateLimited") });
    expect(stalled).toMatchObject({ status: "True", reason: "RoleMissing" });
    expect(stalled?.message).toContain("Not rechecked since");
  });
});

describe("Stalled is False", () => {
  const SOON = "Action is required before 2030-03-02T00:00:00Z, when the renewal is due; see Ready.";
  const NONE = "No action is required.";
  const cases: Readonly<Record<string, readonly [Snapshot, string, string, Outcome?]>> = {
    "if nothing is wrong": [settled(), "Issued", NONE],
    "if waiting helps": [settled({ atlas: refused("RateLimited") }), "RateLimited", NONE],
    "if waiting helps, although there is no certificate": [
      missing(),
      "AtlasUnavailable",
      NONE,
      failure("AtlasUnavailable"),
    ],
    "while the resource is suspended, as someone asked for": [settled({ spec: { suspend: true } }), "Suspended", NONE],
    "if a person has to act and the renewal is not due": [renewing, "RoleMissing", SOON, person("RoleMissing")],
    "a millisecond before the renewal is due": [
      settled({ credentials: { kind: "unnamed", version: undefined }, nowMs: RENEWAL_MS - 1 }),
      "CredentialsMissing",
      SOON,
    ],
    "once a parked certificate is stored": [waiting(), "Issued", NONE, issued()],
    "once a parked certificate is discarded": [
      waiting({
        nowMs: FRESH.notAfter.getTime(),
        secret: managed(certificate("1003", { notAfter: new Date("2031-01-01") })),
      }),
      "Issued",
      NONE,
      { kind: "discarded" },
    ],
  };
  test.each(Object.entries(cases))("%s", (_what, [snapshot, reason, message, outcome]) => {
    expect(conditionsAfter(snapshot, outcome).stalled).toMatchObject({ status: "False", reason, message });
  });
});

describe("a parked certificate", () => {
  test("is said to exist only in memory, whatever it waits for", () => {
    expect(conditionsAfter(waiting({ secret: FOREIGN })).stalled?.message).toBe(
      "Secret orders-api-mongodb does not belong to the operator: its type is Opaque, not kubernetes.io/tls. " +
        "Certificate 1002 has been issued but not stored yet. " +
        "It exists only in the operator's memory and is lost if the pod is killed. " +
        "Choose another spec.secretName, or delete that Secret if nothing needs it.",
    );
  });

  test("is said to exist only in memory after a write that failed", () => {
    expect(conditionsAfter(missing(), parked()).stalled?.message).toBe(
      "SecretNotWritable happened. Certificate 1002 has been issued but not stored yet. " +
        "It exists only in the operator's memory and is lost if the pod is killed.",
    );
  });

  test.each([
    ["after a write that failed", missing(), parked()],
    ["while another Secret is in the way", waiting({ secret: FOREIGN }), undefined],
  ])("is being issued %s", (_what, snapshot: Snapshot, outcome) => {
    expect(conditionsAfter(snapshot, outcome).issuing).toMatchObject({
      status: "True",
      message: "Certificate 1002 has been issued but not stored yet.",
    });
  });
});

describe("Issuing is", () => {
  test("True while an attempt is on record, with its reason", () => {
    expect(conditionsAfter(missing(), recorded).issuing).toMatchObject({
      status: "True",
      reason: "SecretMissing",
      message: "A certificate for user orders-api is being issued.",
    });
  });

  test("True with its cause if the certificate in the Secret is good, so that Ready does not name the cause", () => {
    const snapshot = settled({ renewRequest: "again", atlas: listed(FACTS.serialNumber) });
    const { ready, issuing } = conditionsAfter(snapshot, {
      kind: "recorded",
      attempt: issuance({ reason: "RenewRequested" }),
    });
    expect(ready?.status).toBe("True");
    expect(issuing).toMatchObject({
      status: "True",
      message: "A renewal was requested (again). A certificate for user orders-api is being issued.",
    });
  });

  test.each([
    ["once it is issued", issued(), "Issued"],
    ["once it failed", failure("AtlasUnavailable"), "AtlasUnavailable"],
    ["while its answer is lost", failure("AnswerLost", { attempt: issuance(), staysOpen: true }), "AnswerLost"],
  ])("False %s", (_what, outcome: Outcome, reason) => {
    expect(conditionsAfter(missing(), outcome).issuing).toMatchObject({
      status: "False",
      reason,
      message: "No certificate is being issued.",
    });
  });
});

describe("a Secret that could not be repaired", () => {
  const unlabelled = { secret: managed(FACTS, { labels: {} }) };
  const failed = following(reconciled(settled(unlabelled), person("SecretNotWritable")));

  test("is reported while that lasts", () => {
    expect(conditionsAfter(failed, person("SecretNotWritable")).ready).toMatchObject({ reason: "SecretNotWritable" });
  });

  test.each([
    ["repaired, although the backoff runs", failed, { kind: "repaired" as const, differences: ["label"] }],
    ["right by someone else's change", { ...failed, secret: managed() }, undefined],
  ])("is no longer reported once it is %s", (_what, snapshot: Snapshot, outcome) => {
    expect(conditionsAfter(snapshot, outcome).ready).toMatchObject({ status: "True", reason: "Issued" });
  });

  test("is still reported while a certificate for it is due", () => {
    const due = following(reconciled(missing(), person("SecretNotWritable")));
    expect(conditionsAfter(due).ready).toMatchObject({ status: "False", reason: "SecretNotWritable" });
  });
});

describe("the three conditions", () => {
  test("describe the generation that was reconciled", () => {
    const { ready, issuing, stalled } = conditionsAfter(settled({ generation: 5 }));
    expect([ready, issuing, stalled].map((condition) => condition?.observedGeneration)).toEqual([5, 5, 5]);
  });

  test("keep the time of their last change while only their reason changes", () => {
    const { ready } = conditionsAfter(settled({ atlas: refused("RateLimited") }));
    expect(ready).toMatchObject({ reason: "RateLimited", lastTransitionTime: "2030-01-10T23:00:00Z" });
  });

  test("take the time of a change of status, in whole seconds", () => {
    const { ready } = conditionsAfter(settled({ secret: FOREIGN }), undefined, NOW + HOUR_MS + 987);
    expect(ready).toMatchObject({ status: "False", lastTransitionTime: "2030-01-11T01:00:00Z" });
  });

  const situations: Readonly<Record<string, Snapshot>> = {
    "beside a good certificate": renewing,
    "without a Secret": missing(),
    "beside an expired certificate": settled({ secret: managed(expired), atlas: listed() }),
    "while the renewal is overdue": overdue,
    "while a certificate is parked": waiting({ secret: ABSENT, atlas: listed("1001") }),
  };
  const RETRIES: readonly Retry[] = [{ kind: "onChange" }, { kind: "at", atMs: NOW + HOUR_MS }, { kind: "backoff" }];
  const stories = Object.entries(situations).flatMap(([situation, snapshot]) =>
    BLOCKED_REASONS.flatMap((reason) =>
      RETRIES.flatMap((retry) => [
        { situation, snapshot, blocker: blocker(reason, { retry }) },
        { situation, snapshot, blocker: blocker(reason, { retry, needsPerson: true, remedy: `Fix ${reason}.` }) },
      ]),
    ),
  );
  const textsAfter = (snapshot: Snapshot, outcome?: Outcome) =>
    nextConditions(reconciled(snapshot, outcome), []).map(({ message }) => message);

  test.each(stories)("do not repeat one text on $blocker.reason $situation ($blocker)", ({ snapshot, blocker }) => {
    const texts = textsAfter(snapshot, { kind: "failed", blocker, attempt: undefined, staysOpen: false });
    expect(new Set(texts).size).toBe(3);
  });

  const examples: Readonly<Record<string, readonly [Snapshot, Outcome?]>> = {
    "while nothing is wrong": [settled()],
    "while a first attempt is on record": [missing(), recorded],
    "while a replacement is parked": [settled({ atlas: listed("1001") }), parked()],
    "while the resource is suspended": [settled({ spec: { suspend: true } })],
    "while a foreign Secret is in the way": [settled({ secret: FOREIGN })],
    "while a parked certificate waits behind a foreign Secret": [waiting({ secret: FOREIGN })],
    "while another resource holds the Secret": [settled({ secretHolder: { name: "billing" } })],
  };
  test.each(Object.entries(examples))("do not repeat one text %s", (_what, [snapshot, outcome]) => {
    expect(new Set(textsAfter(snapshot, outcome)).size).toBe(3);
  });

  test("leave the remedy to Stalled where it is True", () => {
    const { ready, stalled } = conditionsAfter(settled({ secret: FOREIGN }));
    expect(ready?.message).not.toContain("Choose another spec.secretName");
    expect(stalled?.message).toContain("Choose another spec.secretName");
  });
});
