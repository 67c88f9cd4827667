import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { inject } from "vitest";
import { stringify } from "yaml";
import { systemClock } from "../../src/clock.ts";
import { resolvePrometheus } from "../chart/prometheus.ts";
import { streamProgress } from "../control-plane/progress.ts";
import { runCommand } from "../run-command.ts";
import { eventually } from "./commands.ts";

const LISTEN = "127.0.0.1:19090";
const PROXY_PORT = "18001";

/** An alert, as `GET /api/v1/alerts` gives it. */
export interface FiringAlert {
  readonly state: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly value: string;
}

/** A Prometheus on this machine that scrapes pods of the story's cluster through the API server. */
export class Prometheus implements AsyncDisposable {
  readonly #children: readonly ChildProcess[];
  readonly #folder: string;

  private constructor(children: readonly ChildProcess[], folder: string) {
    this.#children = children;
    this.#folder = folder;
  }

  /** @param rules the spec of a PrometheusRule */
  static async start(
    rules: object,
    pods: { readonly namespace: string; readonly names: readonly string[] },
  ): Promise<Prometheus> {
    const { binDirectory, enter, kubeconfigPath } = inject("cluster");
    const program = await resolvePrometheus({ progress: streamProgress(process.stderr, systemClock) });
    const folder = await mkdtemp(path.join(tmpdir(), "atlas-e2e-prometheus-"));
    const file = (name: string) => path.join(folder, name);
    const metrics = (name: string) => `/api/v1/namespaces/${pods.namespace}/pods/${name}:8080/proxy/metrics`;
    const configuration = {
      global: { scrape_interval: "1s", evaluation_interval: "1s" },
      rule_files: [file("rules.yaml")],
      scrape_configs: pods.names.map((name) => ({
        ...{ job_name: name, metrics_path: metrics(name), honor_labels: true },
        static_configs: [{ targets: [`127.0.0.1:${PROXY_PORT}`] }],
      })),
    };
    await writeFile(file("rules.yaml"), stringify(rules));
    await writeFile(file("prometheus.yaml"), stringify(configuration));
    const start = ([command = "", ...args]: readonly string[]) =>
      spawn(command, args, { stdio: "ignore", env: { ...process.env, KUBECONFIG: kubeconfigPath } });
    const proxy = [path.join(binDirectory, "kubectl"), "proxy", `--port=${PROXY_PORT}`];
    const prometheus = [
      ...[program, `--config.file=${file("prometheus.yaml")}`, `--storage.tsdb.path=${file("data")}`],
      `--web.listen-address=${LISTEN}`,
    ];
    const children = [proxy, prometheus].map((command) => start([...enter, ...command]));
    return new Prometheus(children, folder);
  }

  /** Waits until an alert of this name fires for a resource. */
  firing(alertname: string, resource: string, limitMs: number): Promise<FiringAlert> {
    return eventually(`alert ${alertname} of ${resource}`, limitMs, async () =>
      (await this.#alerts()).find(
        ({ labels, state }) => labels.alertname === alertname && labels.name === resource && state === "firing",
      ),
    );
  }

  async #alerts(): Promise<readonly FiringAlert[]> {
    const script = `process.stdout.write(await (await fetch("http://${LISTEN}/api/v1/alerts")).text())`;
    const { enter } = inject("cluster");
    const said = await runCommand([...enter, process.execPath, "--input-type=module", "--eval", script]);
    // The answer of Prometheus.
    return (JSON.parse(said) as { data: { alerts: FiringAlert[] } }).data.alerts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGTERM");
      await once(child, "exit");
    }
    await rm(this.#folder, { recursive: true });
  }
}
