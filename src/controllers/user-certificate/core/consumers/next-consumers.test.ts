import { describe, expect, test } from "vitest";
import { timestamp } from "../../../../api/timestamp.ts";
import type { UserCertificateStatus } from "../../../../api/user-certificate-status.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../../../clock.ts";
import { NOW, SECOND_MS } from "../../testing/snapshots.ts";
import { ConsumerCounter, isRenewed, nextConsumers, type RenewedStatus } from "./next-consumers.ts";
import type { PodUse } from "./pod-uses.ts";

/** Certificate 1002 replaced 1001 at NOW, a hundred days before that one expires. */
const UNTIL_MS = NOW + 100 * DAY_MS;
const STATUS: RenewedStatus = {
  serialNumber: "1002",
  previous: { serialNumber: "1001", notAfter: timestamp(UNTIL_MS), replacedAt: timestamp(NOW) },
};

const use = (change: Partial<PodUse> = {}): PodUse => ({
  name: "orders-0",
  createdMs: NOW - HOUR_MS,
  environmentMs: undefined,
  mountedMs: undefined,
  ...change,
});
const OLD = use({ mountedMs: NOW - HOUR_MS });
const NEW = use({ name: "orders-1", createdMs: NOW, mountedMs: NOW + SECOND_MS });
const see = (uses: readonly PodUse[], nowMs = NOW + MINUTE_MS, status = STATUS) => {
  const counter = new ConsumerCounter(status);
  for (const one of uses) counter.add(one);
  return nextConsumers(status, counter.counts, nowMs);
};
const counts = (...uses: readonly PodUse[]) => see(uses).consumers;
const issued = (serialNumber: string, time: number, days: number, change = {}) => ({
  ...{ serialNumber, time: timestamp(time), reason: "NearingExpiry", notAfter: timestamp(NOW + days * DAY_MS) },
  ...change,
});

describe("a pod is outdated", () => {
  test.each([
    ["a container that mounts it started before the renewal", { mountedMs: NOW - SECOND_MS }, 1],
    ["a container that mounts it started in the same second", { mountedMs: NOW }, 1],
    ["a container with it in its environment started before", { environmentMs: NOW - SECOND_MS }, 1],
    ["one of two started before", { environmentMs: NOW + HOUR_MS, mountedMs: NOW - HOUR_MS }, 1],
    ["a container with it in its environment started after", { environmentMs: NOW + SECOND_MS }, 0],
    ["no container has started", {}, 0],
  ])("if %s: %j", (_, change, outdated) => {
    expect(counts(use(change))).toMatchObject({ pods: 1, outdated });
    expect(counts(use(change))).not.toHaveProperty("unknown");
  });

  test("and is named, up to ten of them", () => {
    const pods = Array.from({ length: 12 }, (_, index) => ({ ...OLD, name: `orders-${index}` }));
    const names = pods.slice(0, 10).map(({ name }) => name);
    expect(counts(NEW, ...pods)).toMatchObject({ pods: 13, outdated: 12, outdatedPods: names });
    expect(counts(NEW)).toEqual({ pods: 1, outdated: 0, observedAt: timestamp(NOW + MINUTE_MS) });
  });
});

describe("it is unknown whether a pod is outdated", () => {
  const restarted = (afterMs: number, change: Partial<PodUse> = {}) =>
    counts(use({ mountedMs: NOW + afterMs, ...change }));

  test("if a container started while the file of an older pod may not have been updated", () => {
    expect(restarted(SECOND_MS)).toMatchObject({ pods: 1, outdated: 0, unknown: 1 });
    expect(restarted(3 * MINUTE_MS)).toMatchObject({ unknown: 1 });
    expect(restarted(3 * MINUTE_MS + SECOND_MS)).not.toHaveProperty("unknown");
  });

  test("but not of a new pod, which mounts what the Secret holds", () => {
    expect(restarted(SECOND_MS, { createdMs: NOW })).not.toHaveProperty("unknown");
  });

  test("but not of one that is outdated anyway", () => {
    const both = use({ environmentMs: NOW - HOUR_MS, mountedMs: NOW + SECOND_MS });
    expect(counts(both)).toMatchObject({ outdated: 1 });
    expect(counts(both)).not.toHaveProperty("unknown");
  });
});

describe("an old certificate can be used", () => {
  const validUntil = (recentIssuances: UserCertificateStatus["recentIssuances"], ...uses: readonly PodUse[]) =>
    see(uses, NOW, { ...STATUS, recentIssuances }).consumers.outdatedValidUntil;
  const history = [issued("1000", NOW - 50 * DAY_MS, 40), issued("1001", NOW - DAY_MS, 100), issued("1002", NOW, 130)];
  const ancient = use({ mountedMs: NOW - 2 * DAY_MS });

  test("until the certificate expires that was in the Secret when the pod started", () => {
    expect(validUntil(history, OLD)).toBe(timestamp(UNTIL_MS));
    expect(validUntil(history, ancient)).toBe(timestamp(NOW + 40 * DAY_MS));
    expect(validUntil(history, OLD, ancient)).toBe(timestamp(NOW + 40 * DAY_MS));
  });

  test("until the previous one expires, if the history does not reach back to the start", () => {
    expect(validUntil(undefined, OLD)).toBe(timestamp(UNTIL_MS));
    expect(validUntil(history, use({ mountedMs: NOW - 60 * DAY_MS }))).toBe(timestamp(UNTIL_MS));
  });

  test("whatever was issued and lost, or is in the Secret now", () => {
    const lost = issued("1003", NOW - 2 * HOUR_MS, 1, { lost: "AnswerLost" });
    const late = use({ mountedMs: NOW });
    expect(validUntil([...history.slice(0, 2), lost, issued("1002", NOW, 130)], late)).toBe(timestamp(UNTIL_MS));
  });

  test("as long as nothing says, without outdated pods", () => {
    expect(validUntil(history, NEW)).toBeUndefined();
  });
});

describe("what is in the status", () => {
  const counted = () => {
    const before = see([OLD, NEW]).consumers;
    return { before, status: { ...STATUS, consumers: before } };
  };

  test("stays as it is while the counts are the same", () => {
    const { before, status } = counted();
    expect(see([OLD, NEW], NOW + DAY_MS, status)).toMatchObject({ consumers: before, isWarning: false });
    expect(see([OLD, NEW], NOW + DAY_MS, status).consumers).toBe(before);
    expect(before.observedAt).toBe(timestamp(NOW + MINUTE_MS));
  });

  test.each([
    ["a pod is new", [OLD, NEW, NEW]],
    ["a pod was restarted", [NEW, NEW]],
    ["another pod is outdated", [{ ...OLD, name: "orders-2" }, NEW]],
    ["a pod is unknown", [OLD, use({ mountedMs: NOW + SECOND_MS })]],
  ])("changes if %s", (_, uses) => {
    expect(see(uses, NOW + DAY_MS, counted().status).consumers).toMatchObject({ observedAt: timestamp(NOW + DAY_MS) });
  });

  test("is compared whatever the order of its fields", () => {
    const { before } = counted();
    const reordered = Object.fromEntries(Object.entries(before).toReversed()) as typeof before;
    expect(see([OLD, NEW], NOW + DAY_MS, { ...STATUS, consumers: reordered }).consumers).toBe(reordered);
  });
});

test("pods are counted while the certificate before is unexpired", () => {
  const at = (nowMs: number, status: UserCertificateStatus = STATUS) => isRenewed(status, nowMs);
  expect([at(NOW), at(UNTIL_MS - 1), at(UNTIL_MS)]).toEqual([true, true, false]);
  expect(at(NOW, { serialNumber: "1002" })).toBe(false);
});

describe("outdated pods are announced", () => {
  const half = NOW + 50 * DAY_MS;
  const tenth = NOW + 90 * DAY_MS;
  /** Counts at these times, each time with the status that the time before left. */
  const warnings = (times: readonly number[], uses: readonly PodUse[] = [OLD]) => {
    let status = STATUS;
    return times.filter((nowMs) => {
      const seen = see(uses, nowMs, status);
      status = { ...status, consumers: seen.consumers };
      return seen.isWarning;
    });
  };

  test("when half and when a tenth of the time is left, each once", () => {
    const times = [NOW + 1, half - 1, half, half + 1, half + DAY_MS, tenth - 1, tenth + 999, tenth + DAY_MS];
    expect(warnings(times)).toEqual([half, tenth + 999]);
  });

  test("once, if both times passed unseen", () => {
    expect(warnings([tenth + DAY_MS, tenth + 2 * DAY_MS])).toEqual([tenth + DAY_MS]);
  });

  test("once at a time that is no whole second", () => {
    const untilMs = NOW + 101 * SECOND_MS;
    const previous = { serialNumber: "1001", notAfter: timestamp(untilMs), replacedAt: timestamp(NOW) };
    const nowMs = NOW + 50_700;
    const first = see([OLD], nowMs, { ...STATUS, previous });
    expect(first.isWarning).toBe(true);
    const again = see([OLD], nowMs + 100, { ...STATUS, previous, consumers: first.consumers });
    expect(again.isWarning).toBe(false);
  });

  test("but not if there are none", () => {
    expect(warnings([half, tenth], [NEW])).toEqual([]);
  });
});
