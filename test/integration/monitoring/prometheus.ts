import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { expect, onTestFinished } from "vitest";
import { stringify } from "yaml";
import { z } from "zod";
import { http } from "../../../src/testing/http.ts";
import { resolvePrometheus } from "../../chart/prometheus.ts";
import { freePort } from "../../control-plane/port.ts";
import { silentProgress } from "../../control-plane/progress.ts";
import { temporaryFile, temporaryFolder } from "../temporary-file.ts";
import type { ShippedMonitoring } from "./shipped-rules.ts";

const seriesSchema = z
  .object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) })
  .transform(({ metric, value: [, value] }) => ({ labels: metric, value: Number(value) }));
const querySchema = z.object({ data: z.object({ result: z.array(seriesSchema) }) });
const alertsSchema = z.object({
  data: z.object({
    alerts: z.array(
      z.object({ labels: z.record(z.string(), z.string()), annotations: z.record(z.string(), z.string()) }),
    ),
  }),
});

export interface Target {
  /** As `host:port`. */
  readonly address: string;
  /** What the release of that operator ships. */
  readonly shipped: ShippedMonitoring;
}

/** A Prometheus that scrapes operators every second, as the chart's ServiceMonitors tell it. It goes with the test. */
export class Prometheus {
  readonly #url: string;

  private constructor(url: string) {
    this.#url = url;
  }

  /** Resolves when it has scraped each of them three times: rates need two samples. */
  static async start(targets: readonly Target[]): Promise<Prometheus> {
    const program = await resolvePrometheus({ progress: silentProgress });
    const ruleFiles = targets.map(({ shipped }) =>
      temporaryFile(`${shipped.target.job}.yaml`, stringify(shipped.rules)),
    );
    const configuration = {
      global: { scrape_interval: "1s", evaluation_interval: "1s" },
      rule_files: await Promise.all(ruleFiles),
      scrape_configs: targets.map(({ address, shipped: { honorLabels, target } }) => ({
        ...{ job_name: target.job, honor_labels: honorLabels },
        static_configs: [{ targets: [address], labels: { namespace: target.namespace, pod: target.pod } }],
      })),
    };
    const address = `127.0.0.1:${await freePort()}`;
    const child = spawn(
      program,
      [
        `--config.file=${await temporaryFile("prometheus.yaml", stringify(configuration))}`,
        `--storage.tsdb.path=${path.join(await temporaryFolder(), "data")}`,
        `--web.listen-address=${address}`,
      ],
      { stdio: "ignore" },
    );
    onTestFinished(async () => {
      if (child.exitCode !== null) return;
      child.kill("SIGTERM");
      await once(child, "exit");
    });
    const prometheus = new Prometheus(`http://${address}/api/v1`);
    await expect
      .poll(() => prometheus.query("count_over_time(up[1m]) >= 3").catch(() => []), { timeout: 30_000 })
      .toHaveLength(targets.length);
    return prometheus;
  }

  /** What a query gives at this moment. @throws where Prometheus can't answer it */
  async query(query: string): Promise<readonly z.output<typeof seriesSchema>[]> {
    const answer = await http(`${this.#url}/query`, { searchParams: { query } });
    if (answer.status !== 200) throw new Error(`${query}: ${await answer.text()}`);
    return querySchema.parse(await answer.json()).data.result;
  }

  /** Alerts that are pending or fire, with their annotations as Alertmanager gets them. */
  async alerts() {
    return alertsSchema.parse(await http(`${this.#url}/alerts`).json()).data.alerts;
  }
}
