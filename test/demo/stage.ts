import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { z } from "zod";
import { systemClock } from "../../src/clock.ts";
import { type CrashGuard, startCrashGuard } from "../control-plane/crash-guard.ts";
import { Program } from "../control-plane/program.ts";
import type { Progress } from "../control-plane/progress.ts";
import { type RunningControlPlane, startControlPlane } from "../control-plane/start.ts";
import { runCommand } from "../run-command.ts";

/** How long a month of the simulated Atlas lasts: long enough to read, short enough to wait for. */
export const MONTH = "10s";

const ROOT = path.join(import.meta.dirname, "../..");
const MAIN = path.join(ROOT, "src/main.ts");

const simulatorSchema = z.object({
  url: z.string(),
  caFile: z.string(),
  credentials: z
    .array(z.object({ id: z.string(), clientId: z.string().optional(), clientSecret: z.string().optional() }))
    .readonly(),
});

/** Everything that runs, each in a process of its own: control plane, simulated Atlas, operator. */
export interface Stage {
  readonly controlPlane: RunningControlPlane;
  readonly simulator: z.output<typeof simulatorSchema>;
  /** Ends other programs that run beside them, if this process is killed. */
  readonly guard: CrashGuard;
  /** Runs kubectl in the root of the repository and gives what it prints. */
  kubectl(...args: readonly string[]): Promise<string>;
  /** Where the operator serves metrics, as `host:port`. */
  metricsAddress(): Promise<string>;
  /** The last lines that the operator logged. */
  operatorLog(): Promise<string>;
  /** Ends everything; the operator in good order first. */
  close(): Promise<void>;
}

export async function setStage(progress: Progress): Promise<Stage> {
  const controlPlane = await startControlPlane({
    controllerManager: false,
    progress,
    crdDirectories: [path.join(ROOT, "crds")],
  });
  const guard = startCrashGuard(await mkdtemp(path.join(tmpdir(), "atlas-cert-operator-demo-")));
  const logFile = (name: string) => path.join(guard.folder, `${name}.log`);
  const program = (name: string, args: readonly string[], readyWhen: RegExp) =>
    new Program({
      name,
      file: process.execPath,
      args: [MAIN, ...args],
      logFile: logFile(name),
      guard,
      clock: systemClock,
      isReady: async () => readyWhen.test(await readFile(logFile(name), "utf8")),
    });
  const close = async () => {
    await operator?.kill("SIGTERM");
    await guard.close();
    await controlPlane.stop();
  };
  let operator: Program | undefined;
  try {
    const simulate = program("simulator", ["simulate", `--month=${MONTH}`], /"caFile"/);
    await progress.step("starting the simulated Atlas", () => simulate.start());
    const simulator = simulatorSchema.parse(JSON.parse(await readFile(logFile("simulator"), "utf8")));
    const flags = [
      `--kubeconfig=${controlPlane.kubeconfigPath}`,
      `--atlas-base-url=${simulator.url}`,
      `--simulated-month=${MONTH}`,
      // A demo renews every few seconds; a real day sees none.
      "--max-issues-per-day=100000",
      "--max-unexpired-per-user=100",
      // Whatever else runs on this machine keeps its ports.
      "--metrics-bind-address=127.0.0.1:0",
      "--health-bind-address=127.0.0.1:0",
    ];
    const started = program("operator", ["run", ...flags], /"started leading"/);
    operator = started;
    await progress.step("starting the operator", () => started.start());
    return {
      ...{ controlPlane, simulator, guard },
      kubectl: (...args) =>
        runCommand([path.join(controlPlane.binDirectory, "kubectl"), ...args], {
          cwd: ROOT,
          env: { ...process.env, KUBECONFIG: controlPlane.kubeconfigPath },
        }),
      metricsAddress: async () =>
        /"address":"([^"]+)"[^\n]*serving metrics/.exec(await readFile(logFile("operator"), "utf8"))?.[1] ?? "",
      operatorLog: async () => (await readFile(logFile("operator"), "utf8")).split("\n").slice(-12).join("\n"),
      close,
    };
  } catch (error: unknown) {
    await close();
    throw error;
  }
}
