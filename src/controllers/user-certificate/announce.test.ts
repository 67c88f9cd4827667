import { describe, expect, test } from "vitest";
import { HOUR_MS } from "../../clock.ts";
import type { Outcome } from "./core/model/decision.ts";
import type { Snapshot } from "./core/model/snapshot.ts";
import { announcing, issued, missing } from "./testing/announced.ts";
import {
  ABSENT,
  blocker,
  FOREIGN,
  failure,
  following,
  listed,
  NOW,
  parked,
  reconciled,
  refused,
  resource,
  settled,
} from "./testing/snapshots.ts";

test("a certificate that was issued is announced, with the reason", () => {
  const { announce, events, logged } = announcing();
  announce(reconciled(missing, issued));
  expect(events).toEqual([
    {
      regarding: {
        apiVersion: "atlascerts.io/v1alpha1",
        kind: "AtlasUserCertificate",
        namespace: "shop",
        name: "orders-api",
        uid: resource().uid,
        resourceVersion: "7",
      },
      type: "Normal",
      reason: "Issued",
      action: "Issue",
      note: "Issued certificate 1001 for user orders-api and stored it in Secret orders-api-mongodb; it is valid until 2030-04-01T00:00:00Z (reason: SecretMissing).",
    },
  ]);
  expect(logged).toEqual([`info: ${events[0]?.note}`]);
});

test("a repair is announced, with what was repaired", () => {
  const { announce, events } = announcing();
  announce(reconciled(settled(), { kind: "repaired", differences: ["label a", "PEM files"] }));
  expect(events).toMatchObject([
    {
      type: "Normal",
      reason: "Repaired",
      note: "Repaired label a, PEM files of Secret orders-api-mongodb; the certificate is unchanged.",
    },
  ]);
});

describe("a blocker is announced when it begins and not again", () => {
  const cases: readonly (readonly [string, Snapshot, Outcome | undefined, string])[] = [
    ["a failed attempt", missing, failure("RoleMissing"), "Warning RoleMissing"],
    ["a foreign Secret", settled({ secret: FOREIGN }), undefined, "Warning SecretForeign"],
    ["a failed verification", settled({ atlas: refused("AtlasUnavailable") }), undefined, "Warning AtlasUnavailable"],
    ["spec.suspend", settled({ spec: { suspend: true } }), undefined, "Normal Suspended"],
  ];
  test.each(cases)("%s", (_what, snapshot, outcome, told) => {
    const { announce, events } = announcing();
    const first = reconciled(snapshot, outcome);
    announce(first, reconciled(following(first), outcome));
    expect(events.map(({ type, reason }) => `${type} ${reason}`)).toEqual([told]);
  });

  test.each([
    ["a remedy", { remedy: "Fix it." }, "RoleMissing happened. Fix it."],
    ["no remedy", {}, "RoleMissing happened. The operator retries."],
  ])("a blocker with %s says what happens next", (_what, change, note) => {
    const { announce, events } = announcing();
    announce(reconciled(missing, failure("RoleMissing", { blocker: blocker("RoleMissing", change) })));
    expect(events).toMatchObject([{ note }]);
  });

  test("a blocker that keeps an issued certificate out of its Secret says what is at stake", () => {
    const { announce, events } = announcing();
    announce(reconciled(missing, parked()));
    expect(events.at(-1)?.note).toBe(
      "SecretNotWritable happened. Certificate 1002 has been issued but not stored yet. " +
        "It exists only in the operator's memory and is lost if the pod is killed. The operator retries.",
    );
  });

  test("not while its backoff runs", () => {
    const { announce, events } = announcing();
    const first = reconciled(missing, failure("RoleMissing"));
    announce(reconciled(following(first, { atlas: { kind: "notAsked" } })));
    expect(events).toEqual([]);
  });

  test("and again if another one has taken its place", () => {
    const { announce, reasons } = announcing();
    const first = reconciled(missing, failure("RoleMissing"));
    announce(first, reconciled(following(first), failure("UserNotFound")));
    expect(reasons()).toEqual(["RoleMissing", "UserNotFound"]);
  });

  test("and a rate limit that follows does not count as another one", () => {
    const { announce, reasons } = announcing();
    const person = { kind: "refused", blocker: { ...refusalOf("RoleMissing"), needsPerson: true } } as const;
    const first = reconciled({ ...missing, atlas: person, attempted: person });
    const later = following(first, { nowMs: NOW + 2 * HOUR_MS, atlas: refused("RateLimited") });
    announce(first, reconciled(later));
    expect(reasons()).toEqual(["RoleMissing"]);
  });
});

function refusalOf(reason: Parameters<typeof refused>[0]) {
  const list = refused(reason);
  if (list.kind !== "refused") throw new Error("it is refused");
  return list.blocker;
}

test("nothing is announced while all is well", () => {
  const { announce, events, logged } = announcing();
  announce(reconciled(settled()), reconciled(settled({ atlas: listed("1001") })));
  expect([...events, ...logged]).toEqual([]);
});

test("an attempt that was overtaken is not announced", () => {
  const { announce, events } = announcing();
  announce(reconciled(missing, { kind: "overtaken" }));
  expect(events).toEqual([]);
});

describe("a Secret that is left behind when spec.secretName changes", () => {
  const moved = settled({ spec: { secretName: "elsewhere" }, secret: ABSENT, atlas: listed("1001") });

  test("is announced once, with the time until which its certificate is valid", () => {
    const { announce, events } = announcing();
    const first = reconciled(moved, failure("AtlasUnavailable"));
    announce(first, reconciled(following(first)));
    expect(events.filter(({ reason }) => reason === "SecretLeftBehind")).toMatchObject([
      {
        type: "Warning",
        note:
          "Secret orders-api-mongodb is no longer renewed, because spec.secretName is now elsewhere. Its certificate is valid " +
          "until 2030-04-01T00:00:00Z. Move the apps that use it to the new Secret, then delete it.",
      },
    ]);
  });
});

test.each([
  [40 * 24 * HOUR_MS, "behind Atlas' clock"],
  [-40 * 24 * HOUR_MS, "ahead of Atlas' clock"],
])("a clock that differs from Atlas' is announced with the difference (%d ms)", (skewMs, words) => {
  const { announcer, events } = announcing();
  announcer.announceSkew(resource(), skewMs);
  expect(events).toMatchObject([{ type: "Warning", reason: "ClockSkewed", note: expect.stringContaining(words) }]);
});

test("outdated pods are announced with their names, and how many more there are", () => {
  const { announcer, events } = announcing();
  const times = { outdatedValidUntil: "2030-04-01T00:00:00Z", observedAt: "2030-01-11T00:00:00Z" };
  const consumers = { pods: 5, outdated: 4, outdatedPods: ["orders-0", "orders-1"], ...times };
  announcer.announceOutdated(resource({ status: { secretName: "orders-api-mongodb" } }), consumers);
  announcer.announceOutdated(resource(), { pods: 1, outdated: 1, ...times });
  expect(events).toMatchObject([
    {
      type: "Warning",
      reason: "PodsOutdated",
      note:
        "4 of 5 pods still use an old certificate of Secret orders-api-mongodb, which is valid until 2030-04-01T00:00:00Z. " +
        "Restart them before then: orders-0, orders-1 and 2 more.",
    },
    { note: expect.stringMatching(/^1 of 1 pods still uses an old certificate/) },
  ]);
});
