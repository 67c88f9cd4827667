import { cp, mkdtemp, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { z } from "zod";
import { systemClock } from "../../src/clock.ts";
import { SimulatorClient } from "../../src/simulator/client.ts";
import type { Fixtures } from "../../src/simulator/fixtures.ts";
import { type CrashGuard, startCrashGuard } from "../control-plane/crash-guard.ts";
import { readCredentials } from "../control-plane/kubeconfig-credentials.ts";
import { Program } from "../control-plane/program.ts";
import type { Progress } from "../control-plane/progress.ts";
import { createRest, type Rest, type RestAnswer } from "../control-plane/rest.ts";
import { type RunningControlPlane, startControlPlane } from "../control-plane/start.ts";
import { countRequests } from "../control-plane/write-counts.ts";
import { podCommand } from "./pod.ts";

const ROOT = path.join(import.meta.dirname, "../..");
/** What `npm run build:image` makes: the script that users run. */
const BUNDLE = path.join(ROOT, "dist/image");

const simulatorSchema = z.object({ url: z.url(), adminUrl: z.url() });

export interface SceneOptions {
  readonly progress: Progress;
  readonly fixtures: Fixtures;
  /** Flags of `simulate` beside those that every scene has: EC keys, no rate limit. */
  readonly simulatorFlags?: readonly string[];
  /** Flags of `run` beside those that say where things are. */
  readonly operatorFlags?: readonly string[];
  /** Where the operator's V8 CPU profile goes when it ends; none without it. */
  readonly cpuProfileFolder?: string | undefined;
}

/**
 * A real control plane, the simulated Atlas and the bundled operator, each in a process of its own, so that what a
 * process uses is its own. The operator does not run yet.
 */
export class BenchScene implements AsyncDisposable {
  readonly controlPlane: RunningControlPlane;
  readonly simulator: Program;
  readonly operator: Program;
  readonly operatorLogFile: string;
  /** A client that is not the product's, of a user who may do everything. */
  readonly rest: Rest;
  readonly #guard: CrashGuard;
  readonly atlas: SimulatorClient;
  readonly atlasUrl: string;

  private constructor(parts: {
    readonly controlPlane: RunningControlPlane;
    readonly simulator: Program;
    readonly operator: Program;
    readonly operatorLogFile: string;
    readonly guard: CrashGuard;
    readonly url: string;
    readonly adminUrl: string;
  }) {
    this.controlPlane = parts.controlPlane;
    this.simulator = parts.simulator;
    this.operator = parts.operator;
    this.operatorLogFile = parts.operatorLogFile;
    this.#guard = parts.guard;
    this.atlasUrl = parts.url;
    this.atlas = new SimulatorClient(parts.adminUrl);
    this.rest = createRest(readCredentials(parts.controlPlane.kubeconfigPath));
  }

  static async open(options: SceneOptions): Promise<BenchScene> {
    const guard = startCrashGuard(await mkdtemp(path.join(tmpdir(), "atlas-cert-operator-bench-")));
    let controlPlane: RunningControlPlane | undefined;
    try {
      // A copy: a build in the meantime must not take the script away from under a restart.
      const script = path.join(guard.folder, "bundle/atlas-cert-operator.mjs");
      await cp(BUNDLE, path.dirname(script), { recursive: true });
      controlPlane = await startControlPlane({
        controllerManager: false,
        progress: options.progress,
        crdDirectories: [path.join(ROOT, "crds")],
      });
      const fixturesFile = path.join(guard.folder, "fixtures.json");
      await writeFile(fixturesFile, JSON.stringify(options.fixtures));
      const logFile = (name: string) => path.join(guard.folder, `${name}.log`);
      const simulator = new FreshProgram({
        ...{ name: "simulator", file: process.execPath, logFile: logFile("simulator"), guard, ready: /"caFile"/ },
        args: [
          script,
          "simulate",
          `--fixtures=${fixturesFile}`,
          "--key-algorithm=ec-p256",
          "--rate-limit=unlimited",
          ...(options.simulatorFlags ?? []),
        ],
      });
      await simulator.start();
      const { url, adminUrl } = simulatorSchema.parse(JSON.parse(await readFile(simulator.logFile, "utf8")));
      const profile = options.cpuProfileFolder;
      const pod = await podCommand(controlPlane.kubeconfigPath, guard.folder);
      const operator = new FreshProgram({
        ...{ name: "operator", file: pod.file, logFile: logFile("operator"), guard, ready: /"started leading"/ },
        args: [
          ...pod.args,
          ...(profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${path.resolve(profile)}`]),
          script,
          "run",
          `--atlas-base-url=${url}`,
          // Its renewals come by time and not by certificate: they would blur the counts.
          "--leader-elect=false",
          // Beside whatever else runs on this machine.
          "--metrics-bind-address=127.0.0.1:0",
          "--health-bind-address=127.0.0.1:0",
          "--log-format=json",
          ...(options.operatorFlags ?? []),
        ],
      });
      return new BenchScene({
        controlPlane,
        simulator,
        operator,
        operatorLogFile: operator.logFile,
        guard,
        url,
        adminUrl,
      });
    } catch (error: unknown) {
      await guard.close();
      await controlPlane?.stop();
      throw error;
    }
  }

  /** A request to the API server that must succeed. */
  async must(method: string, requestPath: string, body?: unknown, contentType?: string): Promise<RestAnswer> {
    const answer = await this.rest(method, requestPath, body, contentType);
    if (answer.status >= 300) {
      throw new Error(`${method} ${requestPath}: ${answer.status} ${JSON.stringify(answer.body).slice(0, 500)}`);
    }
    return answer;
  }

  /** Requests that the API server has counted since its start, by everybody: `POST secrets` to a number. */
  async apiRequests(): Promise<Map<string, number>> {
    const { body } = await this.must("GET", "/metrics");
    return countRequests(z.string().parse(body));
  }

  /** Requests to the simulated Atlas since the list was last emptied, by operation. */
  async atlasCalls(): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    for (const { operation } of await this.atlas.requests()) counts.set(operation, (counts.get(operation) ?? 0) + 1);
    return counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // In good order, so that a profile gets written.
    await this.operator.kill("SIGTERM");
    await this.simulator.kill("SIGTERM");
    await this.#guard.close();
    await this.controlPlane.stop();
  }
}

/** A program of Node's that is ready when it says so, at every start anew. */
class FreshProgram extends Program {
  readonly logFile: string;
  readonly #start: { offset: number };

  constructor(options: {
    readonly name: string;
    readonly file: string;
    readonly args: readonly string[];
    readonly logFile: string;
    readonly guard: CrashGuard;
    readonly ready: RegExp;
  }) {
    const { name, file, args, logFile, guard, ready } = options;
    const start = { offset: 0 };
    super({
      name,
      file,
      args,
      logFile,
      guard,
      clock: systemClock,
      isReady: async () => ready.test((await readFile(logFile)).subarray(start.offset).toString("utf8")),
    });
    this.logFile = logFile;
    this.#start = start;
  }

  override async start(): Promise<void> {
    // What an earlier run has said does not count.
    this.#start.offset = (await stat(this.logFile).catch(() => undefined))?.size ?? 0;
    await super.start();
  }
}
