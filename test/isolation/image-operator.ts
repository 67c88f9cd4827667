import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { onTestFinished, vi } from "vitest";
import { http } from "../../src/testing/http.ts";
import { imageNode } from "../image/image-node.ts";
import type { Scene } from "../integration/operator/scene.ts";

const ROOT = path.join(import.meta.dirname, "../..");
const SCRIPT = path.join(ROOT, "dist/image/atlas-cert-operator.mjs");
const STARTED = { timeout: 60_000, interval: 50 };

/** Where the operator runs, and the simulated Atlas that it is sent to. */
type Home = Pick<Scene, "operatorKubeconfigPath" | "namespace"> & { readonly atlas: Pick<Scene["atlas"], "url"> };

/** The operator as users run it: the image's script with the image's flags, the shipped defaults and a ServiceAccount. */
export class ImageOperator {
  readonly #process: ChildProcess;
  readonly #output: () => string;

  private constructor(child: ChildProcess, output: () => string) {
    this.#process = child;
    this.#output = output;
  }

  /** Resolves when its caches hold what the API server has. It does not outlive the test. */
  static async start(scene: Home, namespaces: readonly string[], flags: readonly string[] = []) {
    const { environment, flags: nodeFlags } = await imageNode();
    const argv = [
      ...nodeFlags,
      SCRIPT,
      "run",
      `--kubeconfig=${scene.operatorKubeconfigPath}`,
      `--watch-namespaces=${namespaces.join(",")}`,
      `--lease-namespace=${scene.namespace}`,
      `--atlas-base-url=${scene.atlas.url}`,
      "--metrics-bind-address=127.0.0.1:0",
      "--health-bind-address=127.0.0.1:0",
      "--log-format=json",
      ...flags,
    ];
    const child = spawn(path.join(ROOT, "node_modules/.bin/node"), argv, {
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    const ended = new Promise((resolve) => child.once("close", resolve));
    onTestFinished(async () => {
      child.kill("SIGKILL");
      await ended;
    });
    const operator = new ImageOperator(child, () => output);
    await vi.waitFor(() => operator.address("health"), STARTED);
    await vi.waitFor(async () => {
      const { ok } = await http(`http://${operator.address("health")}/readyz`, { retry: 0, throwHttpErrors: false });
      if (!ok) throw new Error(`not ready:\n${output.slice(-2000)}`);
    }, STARTED);
    return operator;
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  get log(): string {
    return this.#output();
  }

  /** @throws Error before it serves */
  address(what: "health" | "metrics"): string {
    const found = new RegExp(`"address":"([^"]+)"[^\\n]*serving ${what}`).exec(this.#output())?.[1];
    if (found === undefined) throw new Error(`it does not serve ${what} yet:\n${this.#output()}`);
    return found;
  }

  metrics(): Promise<string> {
    return http(`http://${this.address("metrics")}/metrics`).text();
  }

  /** The most memory that it has had at one time, in MiB. */
  async peakMiB(): Promise<number> {
    const status = await readFile(`/proc/${this.#process.pid}/status`, "utf8");
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
  }
}
