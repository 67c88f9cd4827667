import { z } from "zod";
import { systemClock } from "../../src/clock.ts";
import type { Progress, Report } from "../control-plane/progress.ts";
import { writesBetween } from "../control-plane/write-counts.ts";
import { fixturesFor } from "./fixtures.ts";
import { cpuBetween, cpuTimes } from "./gauges.ts";
import { untilIssued } from "./issuing.ts";
import { OperatorLog } from "./operator-log.ts";
import { processUsage } from "./process-usage.ts";
import { withFloorProject } from "./raw-atlas.ts";
import { type Calls, type Course, measureCalls, PROTOCOL, TWO_WRITES, WARM_UP } from "./raw-calls.ts";
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

/** How often it is asked whether all Events are there, and how long after the last certificate that may take. */
const EVENT_POLL_MS = 250;
const EVENT_LIMIT_MS = 120_000;

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
    fixtures: withFloorProject(fixturesFor(certificates, projects), Math.ceil(certificates / 2) + WARM_UP),
    cpuProfileFolder: options.cpuProfileFolder,
  });
  await createNamespaces(scene, projects);
  const half = Math.ceil(certificates / 2);
  const before = await measureHalf(scene, progress, "first", half);
  await progress.step(`creating ${certificates} resources of ${projects} projects`, (report) =>
    createCertificates(scene, { to: certificates, projects, report }),
  );
  const issued = await progress.step(`issuing ${certificates} certificates`, (report) =>
    issueAll(scene, certificates, report),
  );
  await expectAllIssued(scene, certificates);
  await scene.operator.kill("SIGTERM");
  const after = await measureHalf(scene, progress, "second", half);

  const certificatesPerSecond = (certificates * 1000) / issued.elapsedMs;
  const withEvents = (certificates * 1000) / issued.withEventsMs;
  const perSecond = (elapsedMs: number) => (half * 1000) / elapsedMs;
  const bothHalves = (of: "floor" | "protocol") => perSecond((before[of].elapsedMs + after[of].elapsedMs) / 2);
  const halves = (of: "floor" | "protocol") =>
    `before ${figure(perSecond(before[of].elapsedMs))}, after ${figure(perSecond(after[of].elapsedMs))}`;
  const floorRatio = certificatesPerSecond / bothHalves("floor");
  const protocolRatio = withEvents / bothHalves("protocol");
  const each = (ms: number) => figure(ms / certificates);
  const floorEach = (of: "apiServer" | "etcd") => figure((before.floor.cpu[of] + after.floor.cpu[of]) / (2 * half));
  const traffic = perCertificate(issued.traffic, certificates);
  const rows: readonly Row[] = [
    ["certificates a second", figure(certificatesPerSecond), "from going to work to the last one Ready"],
    ["the same, Events included", figure(withEvents), "until the last Event has arrived too"],
    ["floor a second", figure(bothHalves("floor")), `${halves("floor")}: two raw writes each`],
    ["share of the floor", figure(floorRatio)],
    [
      "raw protocol a second",
      figure(bothHalves("protocol")),
      `${halves("protocol")}: every request for a certificate and its Event, to Atlas too, from the floor's callers`,
    ],
    ["share of the raw protocol", figure(protocolRatio), "Events included"],
    ["writes a certificate", figure(traffic.writes), "without Events and dry runs"],
    ["Events", `${issued.events}`, "one for each certificate, or this would not have ended"],
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
    certificatesPerSecondWithEvents: rounded(withEvents),
    floorRatio: rounded(floorRatio),
    protocolRatio: rounded(protocolRatio),
    events: issued.events,
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
    progress.step(`${name}, ${which} half: ${certificates} times`, (report) =>
      measureCalls(scene, course, certificates, report),
    );
  return { floor: await measure("floor", TWO_WRITES), protocol: await measure("raw protocol", PROTOCOL) };
}

interface Issued {
  readonly elapsedMs: number;
  /** Until the Events are there too. */
  readonly withEventsMs: number;
  readonly events: number;
  readonly cpu: ReturnType<typeof cpuBetween>;
  readonly peakRssBytes: number;
  readonly traffic: Traffic;
}

/** Starts the operator and watches it until everything is issued and its Events are out. */
async function issueAll(scene: BenchScene, certificates: number, report: Report): Promise<Issued> {
  await scene.atlas.forgetRequests();
  const requestsBefore = await scene.apiRequests();
  const others = await cpuTimes(scene);
  const log = new OperatorLog(scene.operatorLogFile);
  const ended = new AbortController();
  const starting = operatorCpu(scene, ended.signal);
  await scene.operator.start();
  ended.abort();
  const samples = await starting;

  const { begunAt, lastAt } = await untilIssued(scene, log, certificates, report);
  if (begunAt === undefined) throw new Error("the operator did not say when it went to work");
  const eventsAt = await untilEventsAreOut(scene, log, { certificates, before: eventWrites(requestsBefore) });
  const cpu = cpuBetween(others, await cpuTimes(scene));
  const atStart = samples.findLast(({ at }) => at <= begunAt)?.cpuMs ?? 0;
  const { pid } = scene.operator;
  if (pid === undefined) throw new Error("the operator has ended");
  return {
    elapsedMs: lastAt - begunAt,
    withEventsMs: Math.max(lastAt, eventsAt) - begunAt,
    events: await countEvents(scene),
    cpu: { ...cpu, operator: cpu.operator - atStart },
    peakRssBytes: (await processUsage(pid)).peakRssBytes,
    traffic: trafficOf(writesBetween(requestsBefore, await scene.apiRequests()), await scene.atlasCalls()),
  };
}

/**
 * Events are written behind the work: waits until each certificate has its own.
 *
 * @returns when that was, in wall-clock milliseconds
 * @throws Error where one is missing in the end, or the operator says that it dropped some
 */
async function untilEventsAreOut(
  scene: BenchScene,
  log: OperatorLog,
  { certificates, before }: { readonly certificates: number; readonly before: number },
): Promise<number> {
  const deadline = systemClock.monotonic() + EVENT_LIMIT_MS;
  for (;;) {
    const written = eventWrites(await scene.apiRequests()) - before;
    if (written >= certificates && (await countEvents(scene)) >= certificates) return systemClock.now();
    const trouble = (await log.read()).find(({ level }) => level === "warn" || level === "error");
    if (trouble !== undefined) throw new Error(`the operator is in trouble: ${trouble.msg}`);
    if (systemClock.monotonic() > deadline) {
      throw new Error(`${await countEvents(scene)} of ${certificates} Events arrived in time`);
    }
    await systemClock.sleep(EVENT_POLL_MS);
  }
}

function eventWrites(requests: ReadonlyMap<string, number>): number {
  return requests.get("POST events") ?? 0;
}

const eventsSchema = z.object({
  metadata: z.object({ continue: z.string().optional() }),
  items: z.array(z.object({ reason: z.string(), reportingController: z.string() })),
});

/** Events `Issued` of the operator's that the API server holds. */
async function countEvents(scene: BenchScene): Promise<number> {
  let count = 0;
  let token = "";
  do {
    const page = `limit=500${token && `&continue=${token}`}`;
    const list = eventsSchema.parse((await scene.must("GET", `/apis/events.k8s.io/v1/events?${page}`)).body);
    const isOurs = (controller: string) => controller === "atlascerts.io/operator";
    count += list.items.filter((one) => one.reason === "Issued" && isOurs(one.reportingController)).length;
    token = list.metadata.continue ?? "";
  } while (token !== "");
  return count;
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
