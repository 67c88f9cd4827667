import { chmod, copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { GenericContainer, type StartedTestContainer, Wait } from "testcontainers";
import { onTestFinished } from "vitest";
import { z } from "zod";
import { http } from "../../../src/testing/http.ts";
import { controlPlane } from "../../control-plane/control-plane.ts";
import type { Scene } from "../../integration/operator/scene.ts";
import { runCommand } from "../../run-command.ts";

const KUBECONFIG = "/etc/atlas-cert-operator/kubeconfig";
const MEBIBYTE = 1024 * 1024;
export const MEMORY_LIMIT_MIB = 128;
/** What a container may take to start, with a wide margin for a busy machine. */
const STARTED_MS = 30_000;

/** With all that the chart takes away from it. */
class LockedDownContainer extends GenericContainer {
  constructor(image: string) {
    super(image);
    this.withDroppedCapabilities("ALL")
      .withSecurityOpt("no-new-privileges")
      .withResourcesQuota({ memory: MEMORY_LIMIT_MIB / 1024 })
      .withStartupTimeout(STARTED_MS);
    this.hostConfig.ReadonlyRootfs = true;
    // Without it the limit would be on what is not swapped.
    this.hostConfig.MemorySwap = MEMORY_LIMIT_MIB * MEBIBYTE;
  }
}

const inspectionSchema = z.tuple([
  z.object({
    State: z.object({ Pid: z.int(), ExitCode: z.int(), OOMKilled: z.boolean(), Status: z.string() }),
    // 0 where the kernel knows no such limit.
    HostConfig: z.object({ Memory: z.int(), MemorySwap: z.int() }),
  }),
]);
const lineSchema = z.looseObject({ msg: z.string() });

/** A container of the operator's image. It goes when the test is over. */
export class OperatorContainer {
  readonly #container: StartedTestContainer;
  readonly #printed: () => string;

  private constructor(container: StartedTestContainer, printed: () => string) {
    this.#container = container;
    this.#printed = printed;
  }

  /** The operator, locked down, for the scene's namespace and Atlas. Resolves when it serves its probes. */
  static run(image: string, scene: Scene, overrides: readonly string[] = []): Promise<OperatorContainer> {
    const flags = [
      `--kubeconfig=${KUBECONFIG}`,
      `--watch-namespaces=${scene.namespace}`,
      `--lease-namespace=${scene.namespace}`,
      `--atlas-base-url=${scene.atlas.url}`,
      // The network is the machine's, where the usual ports may be in use.
      "--metrics-bind-address=127.0.0.1:0",
      "--health-bind-address=127.0.0.1:0",
      ...overrides,
    ];
    return OperatorContainer.start(image, ["run", ...flags], "serving health");
  }

  /** @param until resolves when it has printed this */
  static async start(image: string, command: readonly string[], until: string): Promise<OperatorContainer> {
    let printed = "";
    const folder = await mkdtemp(path.join(tmpdir(), "operator-container-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    // The original is its owner's alone, and the container runs as another user.
    const kubeconfig = path.join(folder, "kubeconfig");
    await copyFile(controlPlane().kubeconfigPath, kubeconfig);
    await chmod(kubeconfig, 0o444);
    const container = await new LockedDownContainer(image)
      // API server and Atlas of the tests listen on this machine's loopback.
      .withNetworkMode("host")
      .withBindMounts([{ source: kubeconfig, target: KUBECONFIG, mode: "ro" }])
      .withCommand([...command])
      .withLogConsumer((stream) => {
        stream.on("data", (chunk: Buffer | string) => {
          printed += String(chunk);
        });
      })
      .withWaitStrategy(Wait.forLogMessage(until))
      .start();
    onTestFinished(async () => {
      await container.stop();
    });
    return new OperatorContainer(container, () => printed);
  }

  get id(): string {
    return this.#container.getId();
  }

  get printed(): string {
    return this.#printed();
  }

  /** A path of the health or of the metrics server: its status and its text. */
  async get(server: "health" | "metrics", path: string): Promise<readonly [status: number, body: string]> {
    const lines = this.printed.split("\n").filter((line) => line.startsWith("{"));
    const serving = lines
      .map((line) => lineSchema.parse(JSON.parse(line)))
      .find(({ msg }) => msg === `serving ${server}`);
    const response = await http(`http://${z.string().parse(serving?.address)}${path}`);
    return [response.status, await response.text()];
  }

  async state(): Promise<z.output<typeof inspectionSchema>[0]["State"]> {
    return (await this.#inspect()).State;
  }

  /** Of its memory, swapped or not, in MiB. */
  async memoryLimitsMib(): Promise<readonly number[]> {
    const { Memory, MemorySwap } = (await this.#inspect()).HostConfig;
    return [Memory / MEBIBYTE, MemorySwap / MEBIBYTE];
  }

  async #inspect(): Promise<z.output<typeof inspectionSchema>[0]> {
    return inspectionSchema.parse(JSON.parse(await runCommand(["docker", "inspect", this.id])))[0];
  }

  /** What the kernel says of its process: a line of /proc/PID/status each. */
  async process(): Promise<ReadonlyMap<string, string>> {
    const text = await readFile(`/proc/${(await this.state()).Pid}/status`, "utf8");
    return new Map(text.split("\n").map((line) => [line.split(":")[0] ?? "", line.split(/:\s*/)[1] ?? ""]));
  }

  /** SIGTERM, and how long it took to end, in milliseconds. */
  async terminate(): Promise<number> {
    const start = performance.now();
    await runCommand(["docker", "kill", "--signal=TERM", this.id]);
    await runCommand(["docker", "wait", this.id]);
    return performance.now() - start;
  }
}
