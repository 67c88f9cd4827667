import { expect, vi } from "vitest";
import { z } from "zod";
import { http } from "../../../src/testing/http.ts";
import { rest } from "../../control-plane/control-plane.ts";
import { type RunningCommand, startCommand } from "../command-process.ts";
import { Scene, type SceneOptions } from "../operator/scene.ts";

/** What a process may take to start, with a wide margin for a busy machine. */
const STARTED = { timeout: 30_000, interval: 50 };

const lineSchema = z.looseObject({ level: z.string(), msg: z.string() });
const leaseSchema = z.object({ spec: z.object({ holderIdentity: z.string().optional() }) });

/** The operator as a process of its own, with its servers on free ports of this machine. */
export class OperatorProcess {
  readonly command: RunningCommand;

  private constructor(command: RunningCommand) {
    this.command = command;
  }

  /** Starts it for the scene's namespace and Atlas, its lease in that namespace. Resolves when it serves. */
  static async start(
    scene: Scene,
    flags: readonly string[] = [],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<OperatorProcess> {
    const command = await startCommand(
      [
        "run",
        `--kubeconfig=${scene.operatorKubeconfigPath}`,
        `--watch-namespaces=${scene.namespace}`,
        `--lease-namespace=${scene.namespace}`,
        `--atlas-base-url=${scene.atlas.url}`,
        "--metrics-bind-address=127.0.0.1:0",
        "--health-bind-address=127.0.0.1:0",
        ...flags,
      ],
      environment,
    );
    const operator = new OperatorProcess(command);
    await vi.waitFor(() => operator.line("serving health"), STARTED);
    return operator;
  }

  /** The lines of its log so far. */
  get log(): readonly z.output<typeof lineSchema>[] {
    const lines = this.command.stdout().split("\n").slice(0, -1);
    return lines.map((line) => lineSchema.parse(JSON.parse(line)));
  }

  /** The last line with this message. Throws where there is none. */
  line(message: string): z.output<typeof lineSchema> {
    const line = this.log.findLast(({ msg }) => msg === message);
    if (line === undefined) throw new Error(`it has not said "${message}":\n${this.command.stdout()}`);
    return line;
  }

  /** Waits until it has said this. */
  async until(message: string): Promise<void> {
    await vi.waitFor(() => this.line(message), STARTED);
  }

  get(path: `/${string}`, method = "GET"): Promise<Response> {
    const what = path.startsWith("/metrics") ? "serving metrics" : "serving health";
    return http(`http://${z.string().parse(this.line(what).address)}${path}`, { method });
  }

  /** A path of the health server: its status and its text. */
  async health(path: `/${string}`): Promise<readonly [status: number, body: string]> {
    const response = await this.get(path);
    return [response.status, await response.text()];
  }

  /** The series by their name and labels, as they are written, and the whole text. */
  async metrics(): Promise<{ readonly series: ReadonlyMap<string, number>; readonly text: string }> {
    const response = await this.get("/metrics");
    expect(response.status).toBe(200);
    const text = await response.text();
    const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    const cut = (line: string) => line.lastIndexOf(" ");
    return {
      text,
      series: new Map(lines.map((line) => [line.slice(0, cut(line)), Number(line.slice(cut(line) + 1))])),
    };
  }
}

/** A scene whose operator is a process of its own, started by the test. */
export async function openScene(options?: SceneOptions): Promise<Scene> {
  const scene = await Scene.open(options);
  await scene.stopOperator();
  return scene;
}

/** Who holds the operator's lease in the scene's namespace; "" for nobody. */
export async function leaseHolder({ namespace }: Scene): Promise<string> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/atlas-cert-operator`;
  return leaseSchema.parse((await rest("GET", path)).body).spec.holderIdentity ?? "";
}
