import { describe, expect, test } from "vitest";
import { timestamp } from "../../../../api/timestamp.ts";
import { DAY_MS } from "../../../../clock.ts";
import { ABSENT, failure, following, listed, NOW, POLICY, reconciled, settled } from "../../testing/snapshots.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { situationOf } from "./situation.ts";

const backoffEndMs = (snapshot: Snapshot) => situationOf(snapshot).backoffEndMs;

describe("a backoff", () => {
  const failed = following(reconciled(settled({ secret: ABSENT, atlas: listed() }), failure("UserNotFound")));
  const { resource } = failed;
  const until = (ms: number, change: Partial<Snapshot> = {}): Snapshot => {
    const { lastAttempt } = resource.status;
    if (lastAttempt === undefined) throw new Error("nothing failed");
    const status = { ...resource.status, lastAttempt: { ...lastAttempt, nextAttemptTime: timestamp(NOW + ms) } };
    return { ...failed, resource: { ...resource, status }, ...change };
  };

  test("runs until its time", () => {
    const endMs = backoffEndMs(failed) ?? 0;
    expect(endMs).toBeGreaterThan(NOW);
    expect(backoffEndMs({ ...failed, nowMs: endMs - 1 })).toBe(endMs);
    expect(backoffEndMs({ ...failed, nowMs: endMs })).toBeUndefined();
  });

  test("binds a process that did not see it begin", () => {
    expect(reconciled({ ...failed, atlas: listed() }).decision).toMatchObject({
      kind: "blocked",
      blocker: { reason: "UserNotFound", retry: { kind: "running" } },
    });
  });

  test("that ends a day or more from now was written by a wrong clock, and binds no one", () => {
    expect(backoffEndMs(until(DAY_MS - 1000))).toBe(NOW + DAY_MS - 1000);
    expect(backoffEndMs(until(DAY_MS))).toBeUndefined();
  });

  test("may be as long as the flag allows", () => {
    const patient = { policy: { ...POLICY, maxBackoffMs: 3 * DAY_MS } };
    expect(backoffEndMs(until(3 * DAY_MS, patient))).toBe(NOW + 3 * DAY_MS);
    expect(backoffEndMs(until(6 * DAY_MS, patient))).toBeUndefined();
  });

  test.each([
    ["a change of the spec", { ...failed, resource: { ...resource, generation: 2 } }],
    ["a renewal request", { ...failed, resource: { ...resource, renewRequest: "now" } }],
    ["other credentials", { ...failed, credentials: { kind: "usable", version: "32" } }],
    ["the loss of the credentials", { ...failed, credentials: { kind: "unusable", version: undefined, problem: "" } }],
  ] as const)("is ended by %s", (_what, snapshot: Snapshot) => {
    expect(backoffEndMs(snapshot)).toBeUndefined();
  });

  describe("over customer-managed X.509", () => {
    const blocked = reconciled(settled({ secret: ABSENT, atlas: listed() }), failure("CustomerManagedX509On"));
    const granted = (customerManagedOffMs?: number) =>
      ({ kind: "granted", isTaken: false, customerManagedOffMs }) as const;

    test.each<readonly [string, Snapshot["project"], boolean]>([
      ["runs while Atlas has not said that it is off", granted(), true],
      ["runs if Atlas said so before the attempt", granted(NOW - 1000), true],
      ["is ended by an answer of the same second", granted(NOW), false],
      ["is ended by an answer after the attempt", granted(NOW + 1000), false],
      ["runs with credentials of the namespace's own", { kind: "own" }, true],
    ])("%s", (_what, project, runs) => {
      expect(backoffEndMs(following(blocked, { project })) !== undefined).toBe(runs);
    });
  });

  test("over another reason does not end because customer-managed X.509 is off", () => {
    const project = { kind: "granted", isTaken: false, customerManagedOffMs: NOW + 1000 } as const;
    expect(backoffEndMs({ ...failed, project })).toBeDefined();
  });
});
