import type { TestProject } from "vitest/node";
import { systemClock } from "../../src/clock.ts";
import { NoToolError } from "../chart/go-tool.ts";
import { resolveHelm } from "../chart/helm.ts";
import { UnwritableCacheError } from "../control-plane/cache-folder.ts";
import { NoProgramsError } from "../control-plane/program-source.ts";
import { formatElapsed, streamProgress } from "../control-plane/progress.ts";
import { NoDockerError } from "../image/operator-image.ts";
import { NoNodeError } from "./box/requirements.ts";
import { type ProvidedCluster, startCluster } from "./cluster.ts";

declare module "vitest" {
  interface ProvidedContext {
    cluster: ProvidedCluster;
    helm: string;
  }
}

/** The one cluster of the story. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const progress = streamProgress(process.stderr, systemClock);
  const startedMs = systemClock.monotonic();
  const helm = await resolveHelm({ progress }).catch(withoutStack);
  const cluster = await startCluster(progress).catch(withoutStack);
  project.provide("helm", helm.file);
  project.provide("cluster", cluster.provided);
  progress.line(`cluster and image are there after ${formatElapsed(systemClock.monotonic() - startedMs)}`);
  return async () => {
    await cluster.stop();
    progress.line(`all over after ${formatElapsed(systemClock.monotonic() - startedMs)}`);
  };
}

/** What a person has to mend on this machine reads better without the places in the code that found it. */
function withoutStack(error: unknown): never {
  for (const kind of [NoNodeError, NoDockerError, NoProgramsError, NoToolError, UnwritableCacheError]) {
    if (error instanceof kind) error.stack = error.message;
  }
  throw error;
}
