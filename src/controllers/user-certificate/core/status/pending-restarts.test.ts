import { describe, expect, test } from "vitest";
import type { Workload } from "../../../../api/rollout-restart.ts";
import { timestamp } from "../../../../api/timestamp.ts";
import { DAY_MS, MINUTE_MS } from "../../../../clock.ts";
import type { RestartResult } from "../../core/model/restart.ts";
import {
  ABSENT,
  certificate,
  entryFor,
  FACTS,
  FRESH,
  issuance,
  issued,
  listed,
  managed,
  NOW,
  reconciled,
  settled,
  statusAfter,
} from "../../testing/snapshots.ts";

const APP: Workload = { kind: "Deployment", name: "app" };
const JOBS: Workload = { kind: "StatefulSet", name: "jobs" };
const SPEC = { rolloutRestart: [APP] };
const RECORDED = [{ ...APP, writtenAt: timestamp(NOW) }];
const NEW_IN_SECRET = { spec: SPEC, secret: managed(FRESH), atlas: listed(entryFor(FRESH)) };

describe("a restart is recorded", () => {
  test("when an attempt closes whose certificate replaced another one", () => {
    const done = reconciled(settled({ spec: SPEC }), issued({ replaces: FACTS.serialNumber }));
    expect(statusAfter(done).pendingRestarts).toEqual(RECORDED);
  });

  test("when an attempt closes for a Secret whose damaged data did not tell what it replaced", () => {
    const done = reconciled(settled({ spec: SPEC }), issued({ reason: "KeyMismatch" }));
    expect(statusAfter(done).pendingRestarts).toEqual(RECORDED);
  });

  test("when the process that stored the certificate died before it could close the attempt", () => {
    const status = { issuance: issuance({ knownSerials: [FACTS.serialNumber], replaces: FACTS.serialNumber }) };
    expect(statusAfter(reconciled(settled({ ...NEW_IN_SECRET, status }))).pendingRestarts).toEqual(RECORDED);
  });

  test("when the list that closed the attempt of a process that died did not show its certificate yet", () => {
    expect(statusAfter(reconciled(settled(NEW_IN_SECRET))).pendingRestarts).toEqual(RECORDED);
  });

  test("again when another certificate replaces the one whose restart is pending", () => {
    const pendingRestarts = [{ ...APP, writtenAt: timestamp(NOW - MINUTE_MS), reason: "WorkloadPaused", message: "x" }];
    const snapshot = settled({ spec: SPEC, status: { pendingRestarts } });
    const done = reconciled(snapshot, issued({ replaces: FACTS.serialNumber }));
    expect(statusAfter(done).pendingRestarts).toEqual(RECORDED);
  });
});

test("a restart is recorded for a replacement that a process did not live to note, of a certificate that none had noted", () => {
  const { resource, ...rest } = settled(NEW_IN_SECRET);
  const status = { issuance: issuance({ knownSerials: [FACTS.serialNumber], replaces: FACTS.serialNumber }) };
  const done = reconciled({ ...rest, resource: { ...resource, status } });
  expect(statusAfter(done).pendingRestarts).toEqual(RECORDED);
});

describe("no restart is recorded", () => {
  const pendingAfter = (...call: Parameters<typeof reconciled>) => statusAfter(reconciled(...call)).pendingRestarts;

  test("for the first certificate", () => {
    expect(pendingAfter(settled({ spec: SPEC, secret: ABSENT }), issued())).toBeUndefined();
  });

  test("for a certificate that Atlas has not listed yet", () => {
    expect(pendingAfter(settled({ ...NEW_IN_SECRET, atlas: listed(FACTS.serialNumber) }))).toBeUndefined();
  });

  test("for an older certificate that someone put back", () => {
    const older = certificate("1000", { notBefore: new Date(FACTS.notBefore.getTime() - DAY_MS) });
    const snapshot = settled({ spec: SPEC, secret: managed(older), atlas: listed(entryFor(older)) });
    expect(pendingAfter(snapshot)).toBeUndefined();
  });

  test("for a Secret that the status does not know", () => {
    const { resource, ...rest } = settled(NEW_IN_SECRET);
    expect(pendingAfter({ ...rest, resource: { ...resource, status: {} } })).toBeUndefined();
  });

  test("for another Secret than the one that the status names", () => {
    expect(pendingAfter(settled({ ...NEW_IN_SECRET, status: { secretName: "before" } }))).toBeUndefined();
  });
});

describe("RestartPending", () => {
  const pending = (workload: Workload) => ({ ...workload, writtenAt: timestamp(NOW - MINUTE_MS) });
  const spec = { rolloutRestart: [APP, JOBS] };
  const status = { pendingRestarts: [pending(APP), pending(JOBS)] };
  const blocked = (workload: Workload): RestartResult => ({
    ...{ kind: "blocked", pending: pending(workload), untilMs: NOW + MINUTE_MS },
    blocker: { reason: "WorkloadMissing", message: `${workload.name} is missing.`, retryMs: MINUTE_MS },
  });
  const waiting = (workload: Workload): RestartResult => ({
    ...{ kind: "waiting", pending: pending(workload), untilMs: NOW + MINUTE_MS },
  });

  function conditionAfter(results: readonly RestartResult[], change: object = {}) {
    const done = reconciled(settled({ spec, status, ...change }), { kind: "nothing" }, NOW, 0, results);
    const condition = statusAfter(done).conditions?.find(({ type }) => type === "RestartPending");
    return [condition?.reason, condition?.message];
  }

  test("says of each workload why it is not restarted, or when it will be", () => {
    const message = "Deployment app will be restarted at 2030-01-11T00:01:00Z. jobs is missing.";
    const retry = "The operator retries within 10 minutes.";
    expect(conditionAfter([waiting(APP), blocked(JOBS)])).toEqual(["WorkloadMissing", `${message} ${retry}`]);
  });

  test("says until when pods with the previous certificate can log in, while that is valid", () => {
    const notAfter = timestamp(NOW + DAY_MS);
    const previous = { serialNumber: "1000", notAfter, replacedAt: timestamp(NOW) };
    const [, message] = conditionAfter([blocked(APP), blocked(JOBS)], { status: { ...status, previous } });
    expect(message).toContain(`Pods that still use the previous certificate can log in until ${notAfter}.`);
  });

  test("names no time for a workload that was not looked at", () => {
    const [reason, message] = conditionAfter([waiting(APP)]);
    expect(reason).toBe("RestartDue");
    expect(message).toMatch(/^Deployment app will be restarted at \S+\. StatefulSet jobs will be restarted\.$/);
  });

  test("names all workloads of a suspended resource", () => {
    const [reason, message] = conditionAfter([], { spec: { ...spec, suspend: true } });
    expect([reason, message]).toEqual([
      "Suspended",
      "Deployment app, StatefulSet jobs: not restarted while spec.suspend is true.",
    ]);
  });
});
