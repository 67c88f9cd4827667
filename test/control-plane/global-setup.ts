import { existsSync } from "node:fs";
import path from "node:path";
import type { TestProject } from "vitest/node";
import { systemClock } from "../../src/clock.ts";
import { UnwritableCacheError } from "./cache-folder.ts";
import { NoProgramsError } from "./program-source.ts";
import { streamProgress } from "./progress.ts";
import { startControlPlane } from "./start.ts";

const CRDS = path.join(import.meta.dirname, "../../crds");

/** The one control plane of a test run, for as long as the run takes. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const progress = streamProgress(process.stderr, systemClock);
  const running = await startControlPlane({
    controllerManager: true,
    progress,
    crdDirectories: existsSync(CRDS) ? [CRDS] : [],
  }).catch(withoutStack);
  const { kubeconfigPath, binDirectory, version } = running;
  project.provide("controlPlane", { kubeconfigPath, binDirectory, version });
  return () => running.stop();
}

/** What a person has to mend on this machine reads better without the places in the code that found it. */
function withoutStack(error: unknown): never {
  if (error instanceof NoProgramsError || error instanceof UnwritableCacheError) error.stack = error.message;
  throw error;
}
