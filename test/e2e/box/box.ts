import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Clock } from "../../../src/clock.ts";
import { goTool } from "../../chart/go-tool.ts";
import { NODE_PROGRAMS, SERVER_PROGRAMS } from "../../control-plane/program-source.ts";
import { resolvePrograms } from "../../control-plane/programs.ts";
import type { Progress } from "../../control-plane/progress.ts";
import { runCommand } from "../../run-command.ts";
import { writeBoxConfiguration } from "./box-configuration.ts";
import { writeBoxCredentials } from "./box-credentials.ts";
import { writePauseImage } from "./pause-image.ts";
import { NoNodeError, nodeRequirements } from "./requirements.ts";

const SCRIPT = path.join(import.meta.dirname, "box.sh");

export interface BoxOptions {
  readonly progress: Progress;
  readonly clock: Clock;
  /** How often the kubelet looks after a pod: a changed Secret is in the pod by then. */
  readonly syncFrequency: string;
}

/** A Kubernetes of one node that runs. It ends with stop(), and by itself with the process that started it. */
export interface Box {
  /** Of a user who may do everything. Of use in the box's network alone: see `enter`. */
  readonly kubeconfigPath: string;
  /** The folder with kubectl. */
  readonly binDirectory: string;
  /** What to put before a command so that it runs in the box's network. */
  readonly enter: readonly string[];
  /** Takes an image from a file made by `docker save`. */
  loadImage(file: string): Promise<void>;
  /** Ends everything in it and leaves nothing behind. */
  stop(): Promise<void>;
}

/**
 * Starts a node with a control plane: seconds, once the programs are built and cached.
 *
 * @throws NoNodeError where this machine can't have one; NoProgramsError, NoToolError
 */
export async function startBox({ progress, clock, syncFrequency }: BoxOptions): Promise<Box> {
  const requirements = await nodeRequirements(progress);
  const need = [...SERVER_PROGRAMS, "kube-controller-manager", ...NODE_PROGRAMS] as const;
  const programs = await resolvePrograms({ need, progress, clock });
  const coredns = await goTool(COREDNS, { progress, clock });
  const folder = await mkdtemp(path.join(tmpdir(), "atlas-e2e-"));
  try {
    await Promise.all([
      writeBoxCredentials(folder),
      writeBoxConfiguration(folder, { ...requirements, syncFrequency, cgroup: `/${path.basename(folder)}` }),
      writePauseImage(folder),
    ]);
  } catch (error: unknown) {
    await rm(folder, { recursive: true });
    throw error;
  }
  const PATH = [programs.directory, path.dirname(coredns), requirements.folders].join(":");
  // From here on the script removes the folder, however this ends.
  const { child, init } = await launch(folder, PATH);
  const enter = (...namespaces: readonly string[]) => ["nsenter", "--target", init, ...namespaces, "--"];
  return {
    kubeconfigPath: path.join(folder, "admin.kubeconfig"),
    binDirectory: programs.directory,
    enter: enter("--net"),
    loadImage: async (file) => {
      const socket = path.join(folder, "containerd.sock");
      const load = ["ctr", "--address", socket, "--namespace", "k8s.io", "images", "import", file];
      await runCommand([...enter("--mount", "--pid"), ...load], { env: { ...process.env, PATH } });
    },
    stop: async () => {
      child.ref();
      child.stdin?.end();
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

const COREDNS = {
  name: "coredns",
  moduleFolder: path.join(import.meta.dirname, "../dns"),
  packagePath: ".",
  modulePath: "github.com/coredns/coredns",
  about: "1 min",
};

async function launch(folder: string, PATH: string): Promise<{ child: ChildProcess; init: string }> {
  const errors = path.join(folder, "errors.log");
  const log = await open(errors, "a+");
  const child = spawn("bash", [SCRIPT, "run", folder], {
    // Ctrl-C is for the one who runs the tests; the end of its standard input is what ends the box.
    detached: true,
    env: { ...process.env, PATH },
    stdio: ["pipe", "pipe", log.fd],
  });
  if (child.stdin === null || child.stdout === null) throw new Error("the box has no pipes");
  child.stdin.on("error", () => {});
  const lines = createInterface({ input: child.stdout });
  const line = await new Promise<string | undefined>((resolve) => {
    lines.once("line", resolve).once("close", () => resolve(undefined));
  });
  const init = /^ready (\d+)$/.exec(line ?? "")?.[1];
  if (init === undefined) {
    // Its last words; the folder may be gone, the open file is not.
    const { buffer, bytesRead } = await log.read({ position: 0, buffer: Buffer.alloc(64 * 1024) });
    await log.close();
    throw new NoNodeError(`The node did not start:\n${buffer.toString("utf8", 0, bytesRead).trim()}`);
  }
  await log.close();
  child.unref();
  return { child, init };
}
