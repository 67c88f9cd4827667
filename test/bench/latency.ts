import { Agent, get } from "node:https";
import { z } from "zod";
import { systemClock } from "../../src/clock.ts";
import { readCredentials } from "../control-plane/kubeconfig-credentials.ts";
import type { Progress } from "../control-plane/progress.ts";
import { fixturesFor, wanted } from "./fixtures.ts";
import { untilQuiet } from "./gauges.ts";
import { startAndIssue } from "./issuing.ts";
import { withFloorProject } from "./raw-atlas.ts";
import { timesUntilReady, WARM_UP } from "./raw-calls.ts";
import { CERTIFICATES_ROOT, createCertificate } from "./resources.ts";
import { BenchScene } from "./scene.ts";
import { figure, type Row, rounded, table } from "./table.ts";

export interface LatencyOptions {
  /** How many resources are at rest meanwhile. */
  readonly resources: number;
  /** How many are applied, one after the other. */
  readonly applies: number;
  readonly projects: number;
  readonly cpuProfileFolder?: string | undefined;
  readonly progress: Progress;
}

/** Between two applies, so that each meets an operator that has nothing else to do. */
const PAUSE_MS = 50;
const QUIET_LIMIT_MS = 180_000;

/**
 * How long a person waits: from the apply of one resource until a watch shows it Ready, while thousands are at rest.
 *
 * @returns the table for people, and the object of the last line
 */
export async function latency(options: LatencyOptions): Promise<{ readonly text: string; readonly json: object }> {
  const { resources, applies, projects, progress } = options;
  await using scene = await BenchScene.open({
    progress,
    fixtures: withFloorProject(fixturesFor(resources + applies, projects), applies + WARM_UP),
    cpuProfileFolder: options.cpuProfileFolder,
  });
  await startAndIssue(scene, options);
  await progress.step("waiting until they are at rest", () => untilQuiet(scene, QUIET_LIMIT_MS));
  const ready = await ReadyWatch.open(scene);
  const times = await progress.step(`applying ${applies} resources, one after the other`, async (report) => {
    const measured: number[] = [];
    for (let index = 0; index < applies; index++) {
      const one = wanted(resources + index, projects);
      const seen = ready.of(one.name);
      const started = systemClock.monotonic();
      await createCertificate(scene, one);
      measured.push((await seen) - started);
      report(`${index + 1} of ${applies}`);
      await systemClock.sleep(PAUSE_MS);
    }
    return measured;
  });
  ready.close();
  await scene.operator.kill("SIGTERM");
  const raw = await progress.step(`the same requests, ${applies} times, from a caller that does nothing else`, () =>
    timesUntilReady(scene, applies),
  );
  const percentile = (percent: number) => percentileOf(times, percent);
  const rawMedian = percentileOf(raw, 50);
  const row = (name: string, ms: number): Row => [name, `${figure(ms)} ms`];
  const rows = [row("median", percentile(50)), row("90 %", percentile(90)), row("99 %", percentile(99))];
  const heading = `\nFrom the apply to Ready, ${applies} times, beside ${resources} resources at rest`;
  return {
    text: table(heading, [
      ...rows,
      row("longest", percentile(100)),
      ["median of a raw caller", `${figure(rawMedian)} ms`, "the same requests, one after the other, without watches"],
    ]),
    json: {
      scenario: "latency",
      ...{ resources, applies, projects },
      p50Ms: rounded(percentile(50)),
      p90Ms: rounded(percentile(90)),
      p99Ms: rounded(percentile(99)),
      rawP50Ms: rounded(rawMedian),
    },
  };
}

function percentileOf(times: readonly number[], percent: number): number {
  const sorted = times.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? 0;
}

const eventSchema = z.object({
  object: z.object({
    metadata: z.object({ name: z.string() }),
    status: z
      .object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]) })
      .optional(),
  }),
});

/** A watch that is not the product's, which tells when a resource is Ready. */
class ReadyWatch {
  readonly #waiting = new Map<string, (at: number) => void>();
  readonly #agent: Agent;
  #isClosed = false;

  private constructor(agent: Agent) {
    this.#agent = agent;
  }

  /** Of the changes from now on. */
  static async open(scene: BenchScene): Promise<ReadyWatch> {
    const { server, caPem: ca, certPem: cert, keyPem: key } = readCredentials(scene.controlPlane.kubeconfigPath);
    const list = await scene.must("GET", `${CERTIFICATES_ROOT}/atlasusercertificates?limit=1`);
    const { resourceVersion } = z
      .object({ metadata: z.object({ resourceVersion: z.string() }) })
      .parse(list.body).metadata;
    const watch = new ReadyWatch(new Agent({ ca, cert, key }));
    const path = `${CERTIFICATES_ROOT}/atlasusercertificates?watch=1&resourceVersion=${resourceVersion}`;
    get(new URL(path, server), { agent: watch.#agent }, (answer) => {
      let rest = "";
      answer.setEncoding("utf8").on("data", (text: string) => {
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) watch.#take(line);
      });
      // The agent's end cuts it off.
      answer.on("error", (error) => {
        if (!watch.#isClosed) throw error;
      });
    });
    return watch;
  }

  /** Resolves with the monotonic time at which the resource was seen Ready. Names are used once. */
  of(name: string): Promise<number> {
    return new Promise((resolve) => this.#waiting.set(name, resolve));
  }

  close(): void {
    this.#isClosed = true;
    this.#agent.destroy();
  }

  #take(line: string): void {
    const at = systemClock.monotonic();
    const { metadata, status } = eventSchema.parse(JSON.parse(line)).object;
    if (status?.conditions.some(({ type, status: value }) => type === "Ready" && value === "True")) {
      this.#waiting.get(metadata.name)?.(at);
      this.#waiting.delete(metadata.name);
    }
  }
}
