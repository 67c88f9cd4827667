import { describe, expect, test } from "vitest";
import type { ConditionType } from "../../../../api/conditions.ts";
import { nextStatus } from "./next-status.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { Outcome } from "../model/decision.ts";
import {
  ABSENT,
  certificate,
  DAY_MS,
  damaged,
  FACTS,
  FOREIGN,
  failure,
  firstLook,
  following,
  HOUR_MS,
  issuance,
  listed,
  managed,
  NOW,
  refused,
  reconciled,
  settled,
  blocker,
} from "../../testing/snapshots.ts";

function conditionsAfter(snapshot: Snapshot, outcome?: Outcome, nowMs = NOW) {
  const { conditions = [] } = nextStatus(reconciled(snapshot, outcome, nowMs));
  const one = (type: ConditionType) => conditions.find((condition) => condition.type === type);
  return { ready: one("Ready"), issuing: one("Issuing"), stalled: one("Stalled"), all: conditions };
}

const expired = certificate("1001", { notAfter: new Date(NOW - DAY_MS) });
const issued: Outcome = {
  kind: "issued",
  facts: certificate("1002", { notBefore: new Date(NOW), notAfter: new Date(NOW + 90 * DAY_MS) }),
  issuance: issuance(),
};
const person = (reason: Parameters<typeof blocker>[0]) =>
  failure(reason, { blocker: blocker(reason, { needsPerson: true }) });

describe("Ready is True", () => {
  const cases: readonly [string, Snapshot, string, Outcome?][] = [
    ["when Atlas lists the certificate", firstLook({ atlas: listed("1001") }), "Issued"],
    ["when it was verified a while ago", settled(), "Issued"],
    ["when a certificate was just issued", settled({ secret: ABSENT, atlas: listed() }), "Issued", issued],
    ["while a renewal is on record", settled({ renewRequest: "a", atlas: listed("1001") }), "Issued"],
    ["while the resource is suspended", settled({ spec: { suspend: true } }), "Suspended"],
    [
      "while a renewal fails",
      settled({ renewRequest: "a", atlas: listed("1001") }),
      "RoleMissing",
      person("RoleMissing"),
    ],
    ["while a verification fails", settled({ atlas: refused("AtlasUnavailable") }), "AtlasUnavailable"],
    [
      "while the backoff of either runs",
      following(reconciled(settled({ atlas: refused("AtlasUnavailable") })), {
        atlas: { kind: "notAsked" },
      }),
      "AtlasUnavailable",
    ],
    [
      "while the credentials are gone",
      settled({ credentials: { kind: "unusable", version: undefined, problem: "Gone." } }),
      "CredentialsMissing",
    ],
    [
      "while a label is off",
      settled({ secret: managed(FACTS, { labels: {} }) }),
      "Issued",
      { kind: "repaired", differences: ["label x"] },
    ],
  ];
  test.each(cases)("%s", (_what, snapshot, reason, outcome) => {
    expect(conditionsAfter(snapshot, outcome).ready).toMatchObject({ status: "True", reason });
  });
});

describe("Ready is False", () => {
  const cases: readonly [string, Snapshot, string, Outcome?][] = [
    ["when there is no Secret", settled({ secret: ABSENT, atlas: listed() }), "SecretMissing"],
    [
      "when the Secret lost its key",
      settled({ secret: damaged("missing"), atlas: listed("1001") }),
      "SecretDataMissing",
    ],
    ["when a foreign Secret is in the way", settled({ secret: FOREIGN }), "SecretForeign"],
    ["when another resource holds the Secret", settled({ secretHolder: "billing" }), "SecretClaimedTwice"],
    ["when the certificate has expired", settled({ secret: managed(expired), atlas: listed() }), "Expired"],
    [
      "when it has expired and nothing can be done",
      settled({ secret: managed(expired), spec: { suspend: true } }),
      "Suspended",
    ],
    ["when Atlas no longer lists it", settled({ atlas: listed() }), "NotListedByAtlas"],
    ["when Atlas has no such user", settled({ atlas: refused("UserNotFound") }), "UserNotFound"],
    [
      "while the backoff after that runs",
      following(reconciled(settled({ atlas: refused("UserNotFound") })), { atlas: { kind: "notAsked" } }),
      "UserNotFound",
    ],
    ["when Atlas was never asked about it", settled({ secret: managed(certificate("1002")) }), "NotListedByAtlas"],
    ["when it is another user's", settled({ spec: { username: "billing" }, atlas: listed() }), "IdentityChanged"],
    [
      "when the first issue fails",
      firstLook({ secret: ABSENT, atlas: listed() }),
      "UserNotFound",
      person("UserNotFound"),
    ],
    [
      "when an issuance that was finished after a crash is another user's by now",
      settled({ spec: { username: "billing" }, status: { issuance: issuance() } }),
      "IdentityChanged",
      { kind: "issued", facts: FACTS, issuance: issuance() },
    ],
  ];
  test.each(cases)("%s", (_what, snapshot, reason, outcome) => {
    expect(conditionsAfter(snapshot, outcome).ready).toMatchObject({ status: "False", reason });
  });

  test("by itself when the certificate expires", () => {
    const { ready } = conditionsAfter(settled({ spec: { suspend: true } }), undefined, FACTS.notAfter.getTime());
    expect(ready).toMatchObject({
      status: "False",
      message:
        "The certificate expired at 2030-04-01T00:00:00Z. Nothing is issued, repaired or verified while spec.suspend is true.",
    });
  });
});

describe("Ready says", () => {
  test("until when the certificate is valid and when the next one comes", () => {
    expect(conditionsAfter(settled()).ready?.message).toBe(
      "Secret orders-api-mongodb holds certificate 1001 of user orders-api, valid until 2030-04-01T00:00:00Z; the next one is issued at 2030-03-02T00:00:00Z.",
    );
  });

  test("what is wrong and that apps can still log in", () => {
    expect(conditionsAfter(settled({ atlas: refused("RateLimited") })).ready?.message).toBe(
      "RateLimited happened. The certificate in Secret orders-api-mongodb is valid until 2030-04-01T00:00:00Z.",
    );
  });
});

describe("Stalled is", () => {
  test.each([
    ["True where somebody has to do something", settled({ secret: FOREIGN }), "True", "SecretForeign"],
    ["False where waiting helps", settled({ atlas: refused("RateLimited") }), "False", "RateLimited"],
    ["False where all is well", settled(), "False", "Issued"],
    [
      "False while the resource is suspended, which somebody wanted",
      settled({ spec: { suspend: true } }),
      "False",
      "Suspended",
    ],
  ])("%s", (_what, snapshot: Snapshot, status, reason) => {
    expect(conditionsAfter(snapshot).stalled).toMatchObject({ status, reason });
  });

  test("still True while the backoff runs", () => {
    const failed = following(reconciled(settled({ renewRequest: "a", atlas: listed("1001") }), person("RoleMissing")));
    expect(conditionsAfter({ ...failed, atlas: { kind: "notAsked" } }).stalled).toMatchObject({
      status: "True",
      reason: "RoleMissing",
      message: "RoleMissing happened.",
    });
  });
});

describe("Issuing is", () => {
  test("True while an attempt is on record, with its reason", () => {
    expect(conditionsAfter(settled({ secret: ABSENT, atlas: listed() })).issuing).toMatchObject({
      status: "True",
      reason: "SecretMissing",
      message: "There is no Secret orders-api-mongodb.",
    });
  });

  test.each([
    ["once it is issued", issued, "Issued"],
    ["once it failed", failure("AtlasUnavailable"), "AtlasUnavailable"],
  ])("False %s", (_what, outcome, reason) => {
    const { issuing } = conditionsAfter(settled({ secret: ABSENT, atlas: listed() }), outcome);
    expect(issuing).toMatchObject({ status: "False", reason });
  });
});

describe("a Secret that could not be repaired", () => {
  const spoiled = { secret: managed(FACTS, { labels: {} }) };
  const failed = following(reconciled(settled(spoiled), person("SecretNotWritable")));

  test("is reported while it lasts", () => {
    expect(conditionsAfter(failed, person("SecretNotWritable")).stalled).toMatchObject({ status: "True" });
  });

  test("is no longer reported once it is repaired, although the backoff runs", () => {
    const { ready, stalled } = conditionsAfter(failed, { kind: "repaired", differences: ["label"] });
    expect(ready).toMatchObject({ status: "True", reason: "Issued" });
    expect(stalled).toMatchObject({ status: "False", reason: "Issued" });
  });

  test("is no longer reported once it is repaired, although Atlas was never asked about its certificate", () => {
    const adopted = following(reconciled(firstLook(spoiled), person("SecretNotWritable")));
    expect(conditionsAfter(adopted, { kind: "repaired", differences: ["label"] }).stalled).toMatchObject({
      status: "False",
    });
  });

  test("is still reported while it is a new certificate that could not be written", () => {
    const unlisted = following(reconciled(settled({ atlas: listed() }), person("SecretNotWritable")));
    expect(conditionsAfter({ ...unlisted, atlas: { kind: "notAsked" } }).stalled).toMatchObject({ status: "True" });
  });

  test("is no longer reported once somebody else mended it", () => {
    expect(conditionsAfter({ ...failed, secret: managed() }).stalled).toMatchObject({ status: "False" });
  });
});

describe("the three conditions", () => {
  test("speak of the generation that was looked at", () => {
    const { all } = conditionsAfter(settled({ generation: 5 }));
    expect(all.map(({ type, observedGeneration }) => [type, observedGeneration])).toEqual([
      ["Ready", 5],
      ["Issuing", 5],
      ["Stalled", 5],
    ]);
  });

  test("keep the time of their last change while only their reason changes", () => {
    const { ready } = conditionsAfter(settled({ atlas: refused("RateLimited") }));
    expect(ready).toMatchObject({ reason: "RateLimited", lastTransitionTime: "2030-01-10T23:00:00Z" });
  });

  test("take the time of a change of status", () => {
    const { ready } = conditionsAfter(settled({ secret: FOREIGN }), undefined, NOW + HOUR_MS);
    expect(ready).toMatchObject({ status: "False", lastTransitionTime: "2030-01-11T01:00:00Z" });
  });
});
