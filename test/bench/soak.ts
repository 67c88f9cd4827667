/** `npm run soak`: certificates of a minute's life, everything goes wrong now and then, and in the end all is well. */
import { copyFile, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { HOUR_MS, systemClock } from "../../src/clock.ts";
import { type Progress, streamProgress } from "../control-plane/progress.ts";
import { fixturesFor } from "./fixtures.ts";
import { inParallel } from "./in-parallel.ts";
import { assertProcFileSystem } from "./process-usage.ts";
import { seededRandom } from "./random.ts";
import { createCertificates, createNamespaces, type ListedResource } from "./resources.ts";
import { BenchScene } from "./scene.ts";
import { fitLine } from "./slope.ts";
import { type Sample, SoakRun } from "./soak-run.ts";
import { figure, type Row, rounded, table } from "./table.ts";
import { runProgram, wholeNumber } from "./usage.ts";
import { flawOf } from "./validity.ts";

const USAGE = `Usage: npm run soak -- --minutes N [flags]

Certificates live for three months of twenty seconds each and are renewed all the time, while Atlas fails, loses
answers and refuses, the operator is killed (in the first half, at times with a request to Atlas on its way) and the API
server restarts. In the end every certificate must be valid, and every certificate that Atlas ever issued must be in a
Secret or in a report, and none in both; else the exit code is 1. Memory and open sockets are printed as slopes. The last
line is JSON.

Flags:
  --minutes N    how long everything is disturbed (default 10)
  --resources N  how many certificates are kept fresh (default 60)
  --projects N   over how many Atlas projects they are spread (default 4)
  --seed N       which disturbances come when (default: from the clock; printed)
  --help         print this and exit
`;

const MONTH = "20s";
const OPERATOR_FLAGS = [
  `--simulated-month=${MONTH}`,
  "--verify-interval=15s",
  "--max-backoff=5s",
  "--recheck-interval=5s",
  // What a day and a user bear in real life is over in minutes here.
  "--max-issues-per-day=100000",
  "--max-unexpired-per-user=100000",
];
const CALM_LIMIT_MS = 90_000;
/** The memory of a process that has just started rises for a while: that is no slope. */
const WARM_UP_MS = 60_000;

async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      minutes: { type: "string" },
      resources: { type: "string" },
      projects: { type: "string" },
      seed: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) {
    process.stdout.write(USAGE);
    return 0;
  }
  await assertProcFileSystem();
  const minutes = wholeNumber("--minutes", values.minutes, 10);
  const resources = wholeNumber("--resources", values.resources, 60);
  const projects = wholeNumber("--projects", values.projects, 4);
  const seed = wholeNumber("--seed", values.seed, (Date.now() % 999_999) + 1);
  const progress = streamProgress(process.stderr, systemClock);
  progress.line(`seed ${seed}`);
  await using scene = await BenchScene.open({
    progress,
    fixtures: fixturesFor(resources, projects),
    simulatorFlags: [`--month=${MONTH}`],
    operatorFlags: OPERATOR_FLAGS,
  });
  await createNamespaces(scene, projects);
  await createCertificates(scene, { to: resources, projects });
  await scene.operator.start();
  const run = new SoakRun({ scene, random: seededRandom(seed), progress });
  await progress.step(`disturbing everything for ${minutes} min`, () => run.disturb(minutes * 60_000));
  const flaws = await progress.step("waiting until all is well", () => untilWell(scene, run));
  const unaccounted = await lost(scene, run, resources);
  const code = report({ seed, minutes, resources, run, flaws, unaccounted });
  if (code !== 0) await keepEvidence(scene, seed, progress);
  return code;
}

/** Gives what is still wrong when the time for it to become right is over. */
async function untilWell(scene: BenchScene, run: SoakRun): Promise<ReadonlyMap<string, string>> {
  const deadline = systemClock.monotonic() + CALM_LIMIT_MS;
  for (;;) {
    const flaws = await flawsOf(scene, await run.note());
    if (flaws.size === 0 || systemClock.monotonic() > deadline) return flaws;
    await systemClock.sleep(1000);
  }
}

async function flawsOf(scene: BenchScene, resources: readonly ListedResource[]) {
  const flaws = new Map<string, string>();
  await inParallel(resources.length, 8, async (index) => {
    const resource = resources[index];
    const flaw = resource && (openRecord(resource) ?? (await flawOf(scene, resource)));
    if (resource !== undefined && flaw !== undefined) flaws.set(resource.metadata.name, flaw);
  });
  return flaws;
}

/** A renewal whose answer was lost leaves an app nothing to complain of; what became of it is not told yet. */
function openRecord({ status: { issuance } }: ListedResource): string | undefined {
  return issuance && `the attempt of ${issuance.startedAt} is still on record`;
}

/** Certificates that Atlas issued and of which nobody knows. */
async function lost(scene: BenchScene, run: SoakRun, resources: number) {
  // Stopped, so that nothing is issued between the two looks.
  await scene.operator.kill("SIGTERM");
  const listed = await run.noteLast();
  if (listed.length !== resources) throw new Error(`${listed.length} of ${resources} resources are there`);
  const issued = await Promise.all(
    listed.map(async ({ spec }) =>
      (await scene.atlas.certificates(spec.projectId, spec.username)).map((record) => ({
        ...record,
        username: spec.username,
      })),
    ),
  );
  const all = issued.flat();
  return { issued: all.length, lost: run.ledger.unaccounted(all) };
}

/** Puts what explains a failure where the end of the run does not delete it. */
async function keepEvidence(scene: BenchScene, seed: number, progress: Progress): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), `atlas-cert-operator-soak-${seed}-`));
  await copyFile(scene.operatorLogFile, path.join(folder, "operator.log"));
  await writeFile(path.join(folder, "atlas-requests.json"), JSON.stringify(await scene.atlas.requests()));
  progress.line(`the operator's log and the requests to Atlas are kept in ${folder}`);
}

function report(end: {
  readonly seed: number;
  readonly minutes: number;
  readonly resources: number;
  readonly run: SoakRun;
  readonly flaws: ReadonlyMap<string, string>;
  readonly unaccounted: Awaited<ReturnType<typeof lost>>;
}): number {
  const { run, flaws, unaccounted } = end;
  const { counts, ledger, strange } = run;
  const steady = run.samples.filter(({ at }) => at - (run.samples[0]?.at ?? 0) >= WARM_UP_MS);
  const watchedMs = (steady.at(-1)?.at ?? 0) - (steady[0]?.at ?? 0);
  const memory = trendOf(steady, (one) => one.rssBytes / 2 ** 20);
  const sockets = trendOf(steady, (one) => one.sockets);
  const rows: readonly Row[] = [
    ["certificates issued", `${unaccounted.issued}`, `${counts.issued} of them told by the operator`],
    ["reported lost", `${ledger.reported}`, `${ledger.falseAlarms} of them held by a Secret all the same`],
    ["orphans unaccounted", `${unaccounted.lost.length}`],
    ["certificates not valid", `${flaws.size}`, `of ${end.resources}`],
    ["Atlas faults", `${counts.faults}`],
    ["kills of the operator", `${counts.kills}`],
    ["restarts of the API server", `${counts.apiServerRestarts}`],
    ["memory", ...described(memory, " MiB", watchedMs)],
    ["open sockets", ...described(sockets, "", watchedMs)],
  ];
  process.stdout.write(`${table(`\n${end.minutes} min, seed ${end.seed}`, rows)}\n`);
  for (const [name, flaw] of flaws) process.stdout.write(`not valid: ${name}: ${flaw}\n`);
  for (const { username, serialNumber } of unaccounted.lost) {
    process.stdout.write(`unaccounted: certificate ${serialNumber} of user ${username}\n`);
  }
  for (const text of strange.slice(0, 20)) process.stdout.write(`not a line of the log: ${text}\n`);
  const json = {
    seed: end.seed,
    minutes: end.minutes,
    issued: unaccounted.issued,
    orphansReported: ledger.reported,
    falseAlarms: ledger.falseAlarms,
    orphansUnaccounted: unaccounted.lost.length,
    notValid: flaws.size,
    faults: counts.faults,
    kills: counts.kills,
    apiServerRestarts: counts.apiServerRestarts,
    rssMiBPerHour: memory && rounded(memory.perHour),
    socketsPerHour: sockets && rounded(sockets.perHour),
    slopeMinutes: rounded(watchedMs / 60_000),
  };
  process.stdout.write(`${JSON.stringify({ scenario: "soak", ...json })}\n`);
  return flaws.size === 0 && unaccounted.lost.length === 0 && ledger.falseAlarms === 0 ? 0 : 1;
}

interface Trend {
  readonly perHour: number;
  readonly first: number;
  readonly last: number;
}

/** Undefined where no process lived for long enough. */
function trendOf(samples: readonly Sample[], of: (sample: Sample) => number): Trend | undefined {
  const [first, last] = [samples[0], samples.at(-1)];
  const line = fitLine(samples.map((sample) => ({ x: sample.at / HOUR_MS, y: of(sample) })));
  if (first === undefined || last === undefined || line === undefined) return undefined;
  return { perHour: line.slope, first: of(first), last: of(last) };
}

function described(trend: Trend | undefined, unit: string, watchedMs: number): [value: string, note: string] {
  if (trend === undefined)
    return ["not known", "no process lived for longer than its first minute: give it more minutes"];
  const { perHour, first, last } = trend;
  const overTime = `${figure(rounded(watchedMs / 60_000))} min without a kill`;
  return [
    `${perHour < 0 ? "" : "+"}${figure(rounded(perHour))}${unit} an hour`,
    `by least squares over ${overTime}, from ${figure(rounded(first))} to ${figure(rounded(last))}${unit}`,
  ];
}

await runProgram(main);
