import { z } from "zod";
import { systemClock } from "../../src/clock.ts";
import type { Progress } from "../control-plane/progress.ts";
import { fixturesFor, type Wanted, wanted } from "./fixtures.ts";
import { cpuBetween, cpuTimes, untilQuiet } from "./gauges.ts";
import { inParallel } from "./in-parallel.ts";
import { untilIssued } from "./issuing.ts";
import { OperatorLog } from "./operator-log.ts";
import { processUsage } from "./process-usage.ts";
import { certificatePath, createCertificates, createNamespaces } from "./resources.ts";
import { BenchScene } from "./scene.ts";
import { figure, mebibytes, rounded, table } from "./table.ts";

export interface ConsumersOptions {
  /** Pods of one namespace, all of which use the certificate. */
  readonly pods: number;
  readonly cpuProfileFolder?: string | undefined;
  readonly progress: Progress;
}

const CALLERS = 16;
/** Pods of one page of a list. */
const FIRST_PAGE = 100;
const SAMPLE_MS = 20;
/** By then an operator has collected the garbage of its start. */
const COLLECTED_MS = 10_000;
/** Renewals that fall into one minute share a list. */
const LIST_INTERVAL_MS = 65_000;
const QUIET_LIMIT_MS = 120_000;
const MERGE_PATCH = "application/merge-patch+json";

const statusSchema = z.object({
  status: z.object({
    serialNumber: z.string(),
    consumers: z.object({ pods: z.number(), outdated: z.number() }).optional(),
  }),
});

/**
 * What it costs to renew a certificate and to count the pods of its namespace, once the operator has done so before, beside
 * the same with one page of pods.
 *
 * @returns the table for people, and the object of the last line
 */
export async function consumers(options: ConsumersOptions): Promise<{ readonly text: string; readonly json: object }> {
  const { pods, progress } = options;
  await using scene = await BenchScene.open({
    progress,
    fixtures: fixturesFor(1, 1),
    cpuProfileFolder: options.cpuProfileFolder,
  });
  const one = wanted(0, 1);
  await createNamespaces(scene, 1);
  await scene.operator.start();
  await createCertificates(scene, { to: 1, projects: 1 });
  await untilIssued(scene, new OperatorLog(scene.operatorLogFile), 1);
  const create = (from: number, to: number) =>
    progress.step(`creating ${to - from} pods`, (report) =>
      inParallel(to - from, CALLERS, (index) => createPod(scene, one, `app-${from + index}`), report),
    );
  await create(0, FIRST_PAGE);
  await systemClock.sleep(COLLECTED_MS);
  const few = await progress.step("renewing, and counting one page of pods", () =>
    renewAndCount(scene, one, FIRST_PAGE),
  );
  await create(FIRST_PAGE, pods);
  await progress.step("renewing, and counting the pods", () => renewAndCount(scene, one, pods));
  await progress.step("waiting until the pods may be listed again", async () => {
    await systemClock.sleep(LIST_INTERVAL_MS);
    await untilQuiet(scene, QUIET_LIMIT_MS);
  });
  const counted = await progress.step("renewing, and counting the pods once more", () =>
    renewAndCount(scene, one, pods),
  );
  await untilQuiet(scene, QUIET_LIMIT_MS);
  const after = await usage(scene);
  const grown = counted.peakBytes - counted.beforeBytes;
  const grownForFew = few.peakBytes - few.beforeBytes;
  return {
    text: table(`\n${pods} pods of one namespace that use a renewed certificate`, [
      ["memory", `${mebibytes(counted.beforeBytes)} MiB before`, `${mebibytes(after.rssBytes)} MiB after`],
      [
        "memory at the most",
        `${mebibytes(grown)} MiB more`,
        `${mebibytes(grownForFew)} MiB more with ${FIRST_PAGE} pods`,
      ],
      ["renewed and counted after", `${figure(counted.elapsedMs / 1000)} s`],
      ["CPU of the operator", `${figure(counted.cpuMs)} ms`, `${figure(counted.apiServerCpuMs)} ms of the API server`],
    ]),
    json: {
      ...{ scenario: "consumers", pods, cpuMs: counted.cpuMs, apiServerCpuMs: counted.apiServerCpuMs },
      ...{ beforeMiB: mebibytes(counted.beforeBytes), grownMiB: mebibytes(grown) },
      grownForOnePageMiB: mebibytes(grownForFew),
      ...{ afterMiB: mebibytes(after.rssBytes), seconds: rounded(counted.elapsedMs / 1000) },
    },
  };
}

/** Has the certificate renewed, and waits until the status says that all pods use the old one. */
async function renewAndCount(scene: BenchScene, one: Wanted, pods: number) {
  const cpu = await cpuTimes(scene);
  const { rssBytes: beforeBytes } = await usage(scene);
  const startedMs = systemClock.monotonic();
  const { serialNumber } = await statusOf(scene, one);
  const annotations = { "atlascerts.io/renew-requested-at": new Date().toISOString() };
  await scene.must("PATCH", certificatePath(one), { metadata: { annotations } }, MERGE_PATCH);
  let peakBytes = beforeBytes;
  for (;;) {
    peakBytes = Math.max(peakBytes, (await usage(scene)).rssBytes);
    const status = await statusOf(scene, one);
    if (status.serialNumber !== serialNumber && status.consumers?.pods === pods) {
      if (status.consumers.outdated !== pods) throw new Error(`outdated pods: ${status.consumers.outdated} of ${pods}`);
      break;
    }
    if (systemClock.monotonic() - startedMs > 180_000) throw new Error(`not counted: ${JSON.stringify(status)}`);
    await systemClock.sleep(SAMPLE_MS);
  }
  const elapsedMs = systemClock.monotonic() - startedMs;
  const { operator: cpuMs, apiServer: apiServerCpuMs } = cpuBetween(cpu, await cpuTimes(scene));
  return { beforeBytes, peakBytes, elapsedMs, cpuMs, apiServerCpuMs };
}

async function statusOf(scene: BenchScene, one: Wanted) {
  return statusSchema.parse((await scene.must("GET", certificatePath(one))).body).status;
}

async function usage({ operator: { pid } }: BenchScene) {
  if (pid === undefined) throw new Error("the operator has ended");
  return processUsage(pid);
}

/** A pod as a Deployment makes it, with a side car; it has run for an hour. */
async function createPod(scene: BenchScene, { namespace, secretName }: Wanted, name: string): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const container = (of: string) => ({
    name: of,
    image: `registry.example.com/shop/${of}:1.2.3`,
    env: Array.from({ length: 10 }, (_, index) => ({ name: `SETTING_${index}`, value: "x".repeat(40) })),
    resources: { requests: { cpu: "50m", memory: "128Mi" }, limits: { memory: "512Mi" } },
    readinessProbe: { httpGet: { path: "/ready", port: 8080 } },
    livenessProbe: { httpGet: { path: "/live", port: 8080 } },
    volumeMounts: [{ name: "mongodb", mountPath: "/etc/mongodb", readOnly: true }],
  });
  const containers = ["app", "proxy"].map(container);
  const labels = {
    "app.kubernetes.io/name": "app",
    "app.kubernetes.io/instance": "shop",
    "pod-template-hash": "7d4b9",
  };
  const volumes = [{ name: "mongodb", secret: { secretName } }];
  await scene.must("POST", path, { metadata: { name, labels }, spec: { containers, volumes } });
  const startedAt = `${new Date(Date.now() - 3_600_000).toISOString().slice(0, 19)}Z`;
  const containerStatuses = containers.map(({ name, image }) => ({
    ...{ name, image, imageID: `${image}@sha256:${"0".repeat(64)}`, ready: true, restartCount: 0 },
    state: { running: { startedAt } },
  }));
  await scene.must("PATCH", `${path}/${name}/status`, { status: { phase: "Running", containerStatuses } }, MERGE_PATCH);
}
