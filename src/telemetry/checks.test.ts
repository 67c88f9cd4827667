import { expect, test } from "vitest";
import { ManualClock } from "../testing/manual-clock.ts";
import {
  cachesSynced,
  eventLoopTurns,
  leaseYoung,
  notShuttingDown,
  Pulse,
  type QueueSigns,
  queuesMove,
  type WatchSigns,
  watchesFresh,
} from "./checks.ts";

const MINUTE = 60_000;
const NOW = 100 * MINUTE;

function watch(isSynced: boolean, lastProgressAt: number | undefined, namespace?: string): WatchSigns {
  return { name: "secrets", namespace, reflector: { isSynced, lastProgressAt } };
}

test("caches are synced when every watch has listed", () => {
  expect(cachesSynced([watch(true, NOW), watch(true, NOW)]).problem()).toBeUndefined();
  expect(cachesSynced([watch(true, NOW), watch(false, undefined, "shop")]).problem()).toBe(
    "not listed yet: secrets in shop",
  );
});

test.each<[what: string, lastProgressAt: number | undefined, problem: string | undefined]>([
  ["just now", NOW, undefined],
  ["three minutes ago", NOW - 3 * MINUTE, undefined],
  ["never: that is not this check's business", undefined, undefined],
  ["more than three minutes ago", NOW - 3 * MINUTE - 1000, "heard nothing from the API server of secrets for 181 s"],
])("a watch is fresh, or not, that was last heard of %s", (_, lastProgressAt, problem) => {
  expect(watchesFresh([watch(true, NOW), watch(true, lastProgressAt)], () => NOW).problem()).toBe(problem);
});

test("the shutdown begins with the signal", () => {
  const stop = new AbortController();
  const check = notShuttingDown(stop.signal);
  expect(check.problem()).toBeUndefined();
  stop.abort();
  expect(check.problem()).toBe("this process is shutting down");
});

test("the event loop turns as long as a timer has run in the last ten seconds", () => {
  expect(eventLoopTurns({ ageMs: 10_000 }).problem()).toBeUndefined();
  expect(eventLoopTurns({ ageMs: 11_000 }).problem()).toBe("no timer has run for 11 s");
});

const MOVING = { oldestWaitMs: 0, lastFinishedAt: NOW };

type Signs = typeof MOVING;

function of(certificates: Signs, removals: Signs = MOVING): QueueSigns["queues"] {
  return new Map([
    ["certificates", certificates],
    ["removals", removals],
  ]);
}

const STANDSTILL: QueueSigns = {
  queues: of({ oldestWaitMs: 6 * MINUTE, lastFinishedAt: NOW - 6 * MINUTE }),
  runs: { holdCertificate: false, longestMs: 6 * MINUTE },
  workingSince: () => 1,
  monotonic: () => NOW,
};

test("a queue stands still when a key waits and no run ends for minutes, whatever the others do", () => {
  const problem = "has been due for 360 s, and no run has ended for 360 s";
  expect(queuesMove(STANDSTILL).problem()).toBe(`one of the certificates ${problem}`);
  const second = of(MOVING, { oldestWaitMs: 6 * MINUTE, lastFinishedAt: NOW - 6 * MINUTE });
  expect(queuesMove({ ...STANDSTILL, queues: second }).problem()).toBe(`one of the removals ${problem}`);
});

test.each<[what: string, change: Partial<QueueSigns>]>([
  ["nothing waits for long", { queues: of({ oldestWaitMs: 4 * MINUTE, lastFinishedAt: 1 }) }],
  ["a run has just ended", { queues: of({ oldestWaitMs: 60 * MINUTE, lastFinishedAt: NOW - 4 * MINUTE }) }],
  ["this process does not work: it is not the leader", { workingSince: () => undefined }],
  ["it has only begun to work", { workingSince: () => NOW - 4 * MINUTE }],
  ["a certificate is in memory and nowhere else", { runs: { holdCertificate: true, longestMs: 60 * MINUTE } }],
])("a restart would not help while %s", (_, change) => {
  expect(queuesMove({ ...STANDSTILL, ...change }).problem()).toBeUndefined();
});

test("a run that outlives its time limit by far is stuck, whatever the others do", () => {
  const check = (longestMs: number) =>
    queuesMove({ ...STANDSTILL, queues: of(MOVING), runs: { holdCertificate: false, longestMs } }).problem();
  expect([check(15 * MINUTE), check(16 * MINUTE)]).toEqual([undefined, "a run has gone on for 960 s"]);
});

test.each<[what: string, ageMs: number | undefined, problem: string | undefined]>([
  ["someone else leads", undefined, undefined],
  ["it was renewed in time", 15_000, undefined],
  ["it has run out", 16_000, "the last renewal was 16 s ago, and this process still takes itself for the leader"],
])("the age of the lease is checked: %s", (_, ageMs, problem) => {
  expect(leaseYoung({ ageMs }, 15_000).problem()).toBe(problem);
});

test("the pulse beats once a second, and not while the process stands still", async () => {
  const clock = new ManualClock();
  const pulse = new Pulse(clock);
  const stop = new AbortController();
  const beating = pulse.start(stop.signal);
  await clock.advance(60_500);
  expect(pulse.ageMs).toBe(500);
  clock.freeze(30_000);
  expect(pulse.ageMs).toBe(30_500);
  await clock.advance(0);
  expect(pulse.ageMs).toBe(0);
  stop.abort();
  await beating;
});
