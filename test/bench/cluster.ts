import type { Progress } from "../control-plane/progress.ts";
import { fixturesFor, namespaceOf } from "./fixtures.ts";
import { inParallel } from "./in-parallel.ts";
import { startAndIssue } from "./issuing.ts";
import { BenchScene } from "./scene.ts";
import { type Start, start } from "./steady.ts";
import { figure, mebibytes, type Row, rounded, table } from "./table.ts";

export interface ClusterOptions {
  readonly resources: number;
  /** Each in a namespace of its own. */
  readonly projects: number;
  /** Secrets that are not the operator's. */
  readonly foreignSecrets: number;
  readonly cpuProfileFolder?: string | undefined;
  readonly progress: Progress;
}

const CALLERS = 16;

/**
 * What the Secrets of others cost in a large cluster: the operator is started over its resources alone, and again when the
 * others are there.
 *
 * @returns the table for people, and the object of the last line
 */
export async function cluster(options: ClusterOptions): Promise<{ readonly text: string; readonly json: object }> {
  const { resources, projects, foreignSecrets, progress } = options;
  await using scene = await BenchScene.open({
    progress,
    fixtures: fixturesFor(resources, projects),
    cpuProfileFolder: options.cpuProfileFolder,
  });
  await startAndIssue(scene, options);
  const alone = await progress.step("starting over the resources alone", () => start(scene, resources));
  await progress.step(`creating ${foreignSecrets} other Secrets`, (report) =>
    inParallel(foreignSecrets, CALLERS, (index) => createForeignSecret(scene, index, projects), report),
  );
  const among = await progress.step("starting over all of it", () => start(scene, resources));
  const bytesEach = (among.rssBytes - alone.rssBytes) / foreignSecrets;
  const row = (name: string, of: (one: Start) => string): Row => [name, of(among), `${of(alone)} without the others`];
  const rows: readonly Row[] = [
    row("memory", ({ rssBytes }) => `${mebibytes(rssBytes)} MiB`),
    ["memory of a foreign Secret", `${Math.round(bytesEach)} bytes`],
    row("synced after", ({ syncedMs }) => `${figure(syncedMs / 1000)} s`),
    row("settled after", ({ settledMs }) => `${figure(settledMs / 1000)} s`),
    row("CPU of the start", ({ cpuMs }) => `${figure(cpuMs)} ms`),
  ];
  const figures = ({ rssBytes, syncedMs, settledMs, cpuMs }: Start) => ({
    rssMiB: mebibytes(rssBytes),
    syncedSeconds: rounded(syncedMs / 1000),
    settledSeconds: rounded(settledMs / 1000),
    startCpuMs: cpuMs,
  });
  const what = `${foreignSecrets} Secrets of others beside ${resources} resources in ${projects} namespaces`;
  return {
    text: table(`\n${what}`, rows),
    json: {
      scenario: "cluster",
      ...{ resources, projects, foreignSecrets, bytesPerForeignSecret: Math.round(bytesEach) },
      ...{ alone: figures(alone), among: figures(among) },
    },
  };
}

/** A Secret as Helm or an app makes it: some labels, and a kilobyte of data. */
async function createForeignSecret(scene: BenchScene, index: number, projects: number): Promise<void> {
  const namespace = namespaceOf(index % projects);
  const labels = { "app.kubernetes.io/name": `app-${index}`, "app.kubernetes.io/managed-by": "Helm" };
  await scene.must("POST", `/api/v1/namespaces/${namespace}/secrets`, {
    metadata: { name: `foreign-${index}`, labels },
    stringData: { config: "x".repeat(1000) },
  });
}
