import { systemClock } from "../../src/clock.ts";
import type { Progress } from "../control-plane/progress.ts";
import { writesBetween } from "../control-plane/write-counts.ts";
import { fixturesFor } from "./fixtures.ts";
import { cpuBetween, cpuTimes } from "./gauges.ts";
import { untilIssued } from "./issuing.ts";
import { OperatorLog } from "./operator-log.ts";
import { processUsage } from "./process-usage.ts";
import { type Calls, type Course, measureCalls, PROTOCOL, TWO_WRITES } from "./raw-calls.ts";
import { createCertificates, createNamespaces, expectAllIssued } from "./resources.ts";
import { BenchScene } from "./scene.ts";
import { figure, mebibytes, type Row, rounded, table } from "./table.ts";
import { perCertificate, type Traffic, trafficOf } from "./traffic.ts";

export interface BurstOptions {
  readonly certificates: number;
  /** Over how many Atlas projects they are spread. */
  readonly projects: number;
  /** Where a V8 CPU profile of the operator goes. @default none is made */
  readonly cpuProfileFolder?: string | undefined;
  readonly progress: Progress;
}

/** How often it is asked whether there are more Events, and how long that goes on. */
const EVENT_POLL_MS = 1000;
const EVENT_POLLS = 60;

/**
 * How fast waiting resources become certificates, and what each costs.
 *
 * The clock runs from the moment in which the operator, its caches filled, goes to work on resources that are all there,
 * until it has written the status of the last one (both by the operator's log; that all are Ready is then checked).
 *
 * @returns the tables for people, and the object of the last line
 */
export async function burst(options: BurstOptions): Promise<{ readonly text: string; readonly json: object }> {
  const { certificates, projects, progress } = options;
  await using scene = await BenchScene.open({
    progress,
    fixtures: fixturesFor(certificates, projects),
    cpuProfileFolder: options.cpuProfileFolder,
  });
  await createNamespaces(scene, projects);
  const half = Math.ceil(certificates / 2);
  const before = await measureHalf(scene, progress, "first", half);
  await progress.step(`creating ${certificates} resources of ${projects} projects`, () =>
    createCertificates(scene, { to: certificates, projects }),
  );
  const issued = await progress.step(`issuing ${certificates} certificates`, () => issueAll(scene, certificates));
  await expectAllIssued(scene, certificates);
  await scene.operator.kill("SIGTERM");
  const after = await measureHalf(scene, progress, "second", half);

  const certificatesPerSecond = (certificates * 1000) / issued.elapsedMs;
  const perSecond = (elapsedMs: number) => (half * 1000) / elapsedMs;
  const bothHalves = (of: "floor" | "protocol") => perSecond((before[of].elapsedMs + after[of].elapsedMs) / 2);
  const halves = (of: "floor" | "protocol") =>
    `before ${figure(perSecond(before[of].elapsedMs))}, after ${figure(perSecond(after[of].elapsedMs))}`;
  const floorRatio = certificatesPerSecond / bothHalves("floor");
  const each = (ms: number) => figure(ms / certificates);
  const floorEach = (of: "apiServer" | "etcd") => figure((before.floor.cpu[of] + after.floor.cpu[of]) / (2 * half));
  const traffic = perCertificate(issued.traffic, certificates);
  const rows: readonly Row[] = [
    ["certificates a second", figure(certificatesPerSecond), "from going to work to the last one Ready"],
    ["floor a second", figure(bothHalves("floor")), `${halves("floor")}: two raw writes each`],
    ["share of the floor", figure(floorRatio)],
    [
      "raw protocol a second",
      figure(bothHalves("protocol")),
      `${halves("protocol")}: the dry run, three writes and the Event of a certificate, from the floor's callers`,
    ],
    ["share of the raw protocol", figure(certificatesPerSecond / bothHalves("protocol"))],
    ["writes a certificate", figure(traffic.writes), "without Events and dry runs"],
    ["Events a certificate", figure(traffic.events)],
    ["calls to Atlas a certificate", figure(traffic.atlasCalls)],
    ["operator's CPU a certificate", `${each(issued.cpu.operator)} ms`],
    ["operator's memory at its peak", `${mebibytes(issued.peakRssBytes)} MiB`, "resident"],
    [
      "others' CPU a certificate",
      `${each(issued.cpu.apiServer)} ms`,
      `kube-apiserver; ${floorEach("apiServer")} ms for the floor`,
    ],
    ["", `${each(issued.cpu.etcd)} ms`, `etcd; ${floorEach("etcd")} ms for the floor`],
    ["", `${each(issued.cpu.simulator)} ms`, "simulated Atlas, which makes the keys"],
  ];
  // What is not among these stands in the tables.
  const json = {
    certificatesPerSecond: rounded(certificatesPerSecond),
    floorRatio: rounded(floorRatio),
    writesPerCertificate: rounded(traffic.writes),
    eventsPerCertificate: rounded(traffic.events),
    writes: Object.fromEntries(issued.traffic.writes),
    atlasCallsPerCertificate: rounded(traffic.atlasCalls),
    cpuMsPerCertificate: rounded(issued.cpu.operator / certificates),
    rssMiB: mebibytes(issued.peakRssBytes),
  };
  const text = [
    table(`\n${certificates} certificates of ${projects} projects, EC keys, no rate limit at Atlas`, rows),
    table("Requests to the API server, as it counted them", traffic.apiRows),
    table("Requests to Atlas, as it logged them", traffic.atlasRows),
  ].join("\n");
  return { text, json };
}

/** What the machine gives to callers who do nothing else: half of it before the operator's work, half of it after. */
async function measureHalf(scene: BenchScene, progress: Progress, which: "first" | "second", certificates: number) {
  const measure = (name: string, course: Course): Promise<Calls> =>
    progress.step(`${name}, ${which} half: ${certificates} times`, () => measureCalls(scene, course, certificates));
  return { floor: await measure("floor", TWO_WRITES), protocol: await measure("raw protocol", PROTOCOL) };
}

interface Issued {
  readonly elapsedMs: number;
  readonly cpu: ReturnType<typeof cpuBetween>;
  readonly peakRssBytes: number;
  readonly traffic: Traffic;
}

/** Starts the operator and watches it until everything is issued and its Events are out. */
async function issueAll(scene: BenchScene, certificates: number): Promise<Issued> {
  await scene.atlas.forgetRequests();
  const requestsBefore = await scene.apiRequests();
  const others = await cpuTimes(scene);
  const log = new OperatorLog(scene.operatorLogFile);
  const ended = new AbortController();
  const starting = operatorCpu(scene, ended.signal);
  await scene.operator.start();
  ended.abort();
  const samples = await starting;

  const { begunAt, lastAt } = await untilIssued(scene, log, certificates);
  if (begunAt === undefined) throw new Error("the operator did not say when it went to work");
  await untilEventsAreOut(scene);
  const cpu = cpuBetween(others, await cpuTimes(scene));
  const atStart = samples.findLast(({ at }) => at <= begunAt)?.cpuMs ?? 0;
  const { pid } = scene.operator;
  if (pid === undefined) throw new Error("the operator has ended");
  return {
    elapsedMs: lastAt - begunAt,
    cpu: { ...cpu, operator: cpu.operator - atStart },
    peakRssBytes: (await processUsage(pid)).peakRssBytes,
    traffic: trafficOf(writesBetween(requestsBefore, await scene.apiRequests()), await scene.atlasCalls()),
  };
}

/** Events are written behind the work: waits until there is no further one for a while. */
async function untilEventsAreOut(scene: BenchScene): Promise<void> {
  for (let [before, polls] = [-1, 0]; polls < EVENT_POLLS; polls++) {
    const now = (await scene.apiRequests()).get("POST events") ?? 0;
    if (now === before) return;
    before = now;
    await systemClock.sleep(EVENT_POLL_MS);
  }
  throw new Error("Events are still being written");
}

/** The operator's processor time every few milliseconds while it starts: what it has used up before it goes to work. */
async function operatorCpu(scene: BenchScene, signal: AbortSignal) {
  const samples: { readonly at: number; readonly cpuMs: number }[] = [];
  while (!signal.aborted) {
    const { pid } = scene.operator;
    if (pid !== undefined) {
      const usage = await processUsage(pid).catch(() => undefined);
      if (usage !== undefined) samples.push({ at: systemClock.now(), cpuMs: usage.cpuMs });
    }
    await systemClock.sleep(10);
  }
  return samples;
}
