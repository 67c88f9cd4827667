import { systemClock } from "../../src/clock.ts";
import type { Progress } from "../control-plane/progress.ts";
import { writesBetween } from "../control-plane/write-counts.ts";
import { fixturesFor } from "./fixtures.ts";
import { cpuBetween, cpuTimes, untilQuiet } from "./gauges.ts";
import { AT_WORK, untilIssued } from "./issuing.ts";
import { OperatorLog } from "./operator-log.ts";
import { processUsage } from "./process-usage.ts";
import { createCertificates, createNamespaces, expectAllIssued } from "./resources.ts";
import { BenchScene } from "./scene.ts";
import { fitLine } from "./slope.ts";
import { figure, mebibytes, type Row, rounded, table } from "./table.ts";
import { type Traffic, total, trafficOf } from "./traffic.ts";

export interface SteadyOptions {
  /** How many there are in the end. */
  readonly resources: number;
  readonly projects: number;
  /** How long the rest is watched. */
  readonly seconds: number;
  readonly cpuProfileFolder?: string | undefined;
  readonly progress: Progress;
}

/** In so many steps the resources are added, and after each the operator is started anew. */
const STEPS = 5;
/** A start over thousands of resources reads each Secret once. */
const SETTLE_LIMIT_MS = 180_000;
/** Memory is looked at this long after everything is quiet: the operator collects garbage five seconds after its start. */
const REST_MS = 10_000;

/** A start of the operator over resources that are all issued already. */
export interface Start {
  readonly resources: number;
  readonly syncedMs: number;
  readonly settledMs: number;
  readonly rssBytes: number;
  readonly cpuMs: number;
  /** Processor time of the API server, in milliseconds. */
  readonly apiServerCpuMs: number;
  readonly traffic: Traffic;
}

/**
 * What resources at rest cost. The operator issues all of them once, and is started anew after each fifth; the last start
 * is then watched at rest.
 *
 * @returns the tables for people, and the object of the last line
 */
export async function steady(options: SteadyOptions): Promise<{ readonly text: string; readonly json: object }> {
  const { resources, projects, seconds, progress } = options;
  await using scene = await BenchScene.open({
    progress,
    fixtures: fixturesFor(resources, projects),
    cpuProfileFolder: options.cpuProfileFolder,
  });
  await createNamespaces(scene, projects);
  const starts: Start[] = [await progress.step("starting over nothing", () => start(scene, 0))];
  for (let step = 1; step <= STEPS; step++) {
    const there = starts.at(-1)?.resources ?? 0;
    const to = Math.round((resources * step) / STEPS);
    await progress.step(`issuing ${to - there} certificates`, async (report) => {
      const log = new OperatorLog(scene.operatorLogFile);
      await log.read();
      await createCertificates(scene, { from: there, to, projects });
      await untilIssued(scene, log, to - there, report);
    });
    await progress.step(`starting over ${to} resources`, async () => starts.push(await start(scene, to)));
  }
  await expectAllIssued(scene, resources);
  const rest = await progress.step(`watching ${resources} resources at rest for ${seconds} s`, () =>
    watchRest(scene, seconds),
  );

  const last = starts.at(-1);
  const line = fitLine(starts.map((one) => ({ x: one.resources, y: one.rssBytes })));
  if (last === undefined || line === undefined) throw new Error("the operator was not started often enough");
  const secondsOf = (ms: number) => `${figure(ms / 1000)} s`;
  const rows: readonly Row[] = [
    ["synced after", secondsOf(last.syncedMs), "from the start of the process to going to work"],
    ["settled after", secondsOf(last.settledMs), "nothing more to do: every Secret has been read and checked"],
    ["CPU of that start", `${figure(last.cpuMs)} ms`],
    ["the API server's", `${figure(last.apiServerCpuMs)} ms`],
    ["memory at rest", `${mebibytes(rest.rssBytes)} MiB`, "resident"],
    [
      "memory of a resource",
      `${figure(line.slope / 1024)} KiB`,
      `beyond ${mebibytes(line.base)} MiB, by least squares`,
    ],
    ["CPU at rest", `${figure(rest.cpuMs / rest.seconds)} ms a second`],
    ["writes at rest", `${total(rest.traffic.writes) + total(rest.traffic.events)}`, `in ${seconds} s`],
    ["calls to Atlas at rest", `${total(rest.traffic.atlasCalls)}`, `in ${seconds} s`],
  ];
  const json = {
    scenario: "steady",
    resources,
    projects,
    syncedSeconds: rounded(last.syncedMs / 1000),
    settledSeconds: rounded(last.settledMs / 1000),
    startCpuMs: last.cpuMs,
    startApiServerCpuMs: last.apiServerCpuMs,
    rssMiB: mebibytes(rest.rssBytes),
    baseRssMiB: mebibytes(line.base),
    rssKiBPerResource: rounded(line.slope / 1024),
    rssMiBByResources: Object.fromEntries(starts.map((one) => [one.resources, mebibytes(one.rssBytes)])),
    cpuMsPerSecond: rounded(rest.cpuMs / rest.seconds),
    start: plain(last.traffic),
    rest: plain(rest.traffic),
  };
  const memory = starts.map(
    (one): Row => [`${one.resources}`, `${mebibytes(one.rssBytes)} MiB`, secondsOf(one.settledMs)],
  );
  const text = [
    table(`\n${resources} resources of ${projects} projects, issued once, nothing due`, rows),
    table("Memory after a start over so many resources, and the time until it settled", memory),
    table("Requests at the last start", requestRows(last.traffic)),
    table(`Requests at rest, in ${seconds} s`, requestRows(rest.traffic)),
  ].join("\n");
  return { text, json };
}

/** Starts the operator, stopping it before if it runs, and waits until it has nothing more to do. */
export async function start(scene: BenchScene, resources: number): Promise<Start> {
  await scene.operator.kill("SIGTERM");
  const log = new OperatorLog(scene.operatorLogFile);
  if (resources > 0) await log.read();
  await scene.atlas.forgetRequests();
  const before = await scene.apiRequests();
  const cpuBefore = await cpuTimes(scene);
  const startedAt = systemClock.now();
  await scene.operator.start();
  const settledAt = await untilQuiet(scene, SETTLE_LIMIT_MS);
  await systemClock.sleep(REST_MS);
  const lines = await log.read();
  const syncedAt = lines.find(({ msg }) => msg === AT_WORK)?.time;
  if (syncedAt === undefined) throw new Error("the operator did not go to work");
  return {
    resources,
    syncedMs: Date.parse(syncedAt) - startedAt,
    settledMs: settledAt - startedAt,
    ...(await operatorUsage(scene)),
    apiServerCpuMs: cpuBetween(cpuBefore, await cpuTimes(scene)).apiServer,
    traffic: trafficOf(writesBetween(before, await scene.apiRequests()), await scene.atlasCalls()),
  };
}

async function watchRest(scene: BenchScene, seconds: number) {
  await scene.atlas.forgetRequests();
  const requests = await scene.apiRequests();
  const before = await operatorUsage(scene);
  const startedAt = systemClock.monotonic();
  await systemClock.sleep(seconds * 1000);
  const after = await operatorUsage(scene);
  return {
    seconds: (systemClock.monotonic() - startedAt) / 1000,
    cpuMs: after.cpuMs - before.cpuMs,
    rssBytes: after.rssBytes,
    traffic: trafficOf(writesBetween(requests, await scene.apiRequests()), await scene.atlasCalls()),
  };
}

async function operatorUsage(scene: BenchScene) {
  const { pid } = scene.operator;
  if (pid === undefined) throw new Error("the operator has ended");
  return processUsage(pid);
}

function requestRows({ writes, events, dryRuns, reads, atlasCalls }: Traffic): readonly Row[] {
  const rows = [writes, events, dryRuns, reads].flatMap((counts) => [...counts]);
  return [...rows, ["calls to Atlas", total(atlasCalls)] as const].map(([key, count]) => [key, `${count}`]);
}

function plain({ writes, events, dryRuns, reads, atlasCalls }: Traffic) {
  return {
    writes: Object.fromEntries([...writes, ...events, ...dryRuns]),
    reads: Object.fromEntries(reads),
    atlasCalls: Object.fromEntries(atlasCalls),
  };
}
