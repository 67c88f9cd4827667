import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { systemClock } from "../../src/clock.ts";
import { SERVER_PROGRAMS } from "../control-plane/program-source.ts";
import { resolvePrograms } from "../control-plane/programs.ts";
import type { Progress } from "../control-plane/progress.ts";
import { buildOperatorImage } from "../image/operator-image.ts";
import { runCommand } from "../run-command.ts";
import { type Box, startBox } from "./box/box.ts";
import { NoNodeError } from "./box/requirements.ts";
import { startK3s } from "./k3s.ts";

/** What the steps of the story use of a cluster: plain data, which crosses from the set-up to the tests. */
export interface ProvidedCluster {
  readonly kubeconfigPath: string;
  /** What to put before a command that talks to the cluster. */
  readonly enter: readonly string[];
  /** The folder with kubectl. */
  readonly binDirectory: string;
  /** The operator's image, which the cluster has or can pull. */
  readonly image: string;
  /** The same image by another name, for an upgrade. */
  readonly otherImage: string;
  /** By when a changed Secret is in a pod, at the latest. */
  readonly syncLimitMs: number;
  /** How long a month of the simulated Atlas lasts: the kubelet's delay must fit into a third of it. */
  readonly month: string;
}

export interface Cluster {
  readonly provided: ProvidedCluster;
  stop(): Promise<void>;
}

/**
 * The cluster that E2E_KUBECONFIG names, with the image that E2E_IMAGE names, which it can pull; else one of its own on
 * this machine, with an image built here: a box, or K3s in a container where this machine can't have a box.
 */
export async function startCluster(progress: Progress): Promise<Cluster> {
  const { E2E_KUBECONFIG: kubeconfigPath, E2E_IMAGE: image } = process.env;
  if (kubeconfigPath) return namedCluster(kubeconfigPath, image, progress);
  const { tag, stop: stopDocker } = await buildOperatorImage({ progress });
  let node: Box | undefined;
  const stop = async () => {
    await node?.stop();
    await stopDocker();
  };
  try {
    const started = await progress.step("starting a node", () => startNode(progress));
    node = started;
    // A released version has a tag of its own: this one stands for the next.
    const otherTag = `${tag}-next`;
    await runCommand(["docker", "tag", tag, otherTag]);
    await progress.step("loading the image", () => loadImage(started, [tag, otherTag]));
    return { provided: ofNode(started, tag, otherTag), stop };
  } catch (error: unknown) {
    await stop();
    throw error;
  }
}

async function startNode(progress: Progress): Promise<Box> {
  const options = { progress, syncFrequency: "1s" };
  try {
    return await startBox({ ...options, clock: systemClock });
  } catch (error: unknown) {
    if (!(error instanceof NoNodeError)) throw error;
    progress.line(`no box: ${error.message}`);
    try {
      return await startK3s(options);
    } catch (cause: unknown) {
      throw new NoNodeError(`${error.message} K3s in a container was tried too: ${String(cause)}`, { cause });
    }
  }
}

async function loadImage(node: Box, tags: readonly string[]): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), "atlas-e2e-image-"));
  try {
    const file = path.join(folder, "image.tar");
    await runCommand(["docker", "save", "--output", file, ...tags]);
    await node.loadImage(file);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function ofNode({ kubeconfigPath, enter, binDirectory }: Box, image: string, otherImage: string): ProvidedCluster {
  return {
    ...{ kubeconfigPath, enter, binDirectory, image, otherImage },
    // The kubelet looks every second here; the rest is for a machine that is busy.
    syncLimitMs: 10_000,
    month: "45s",
  };
}

async function namedCluster(kubeconfigPath: string, image: string | undefined, progress: Progress): Promise<Cluster> {
  if (!image) throw new Error("E2E_KUBECONFIG names a cluster: name the image that it can pull in E2E_IMAGE.");
  const { directory } = await resolvePrograms({ need: SERVER_PROGRAMS, progress });
  return {
    provided: {
      ...{ kubeconfigPath: path.resolve(kubeconfigPath), enter: [], binDirectory: directory, image, otherImage: image },
      // The kubelet's period of a minute, stretched by half, and the age of what it remembers of a Secret.
      syncLimitMs: 150_000,
      month: "8m",
    },
    stop: async () => {},
  };
}
