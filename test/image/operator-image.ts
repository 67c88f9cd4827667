import { DEFAULT_TAG, dockerBuildCommand } from "../../deploy/image/docker-build.ts";
import { systemClock } from "../../src/clock.ts";
import { type Progress, streamProgress } from "../control-plane/progress.ts";
import { runCommand } from "../run-command.ts";
import { nodeImage } from "./base-image.ts";
import { dockerEngine } from "./docker-engine.ts";

export { NoDockerError } from "./docker-engine.ts";

/** The machine's own network: a Docker network may not reach what this machine does. */
export const BUILD_FLAGS = ["--network=host"];

export interface OperatorImageOptions {
  /** @default to stderr */
  readonly progress?: Progress;
  /** As the chart names it when it is told nothing else, unless another is asked for. */
  readonly tag?: string;
  /** Whether what an earlier build made is used. @default true */
  readonly cache?: boolean;
}

export interface OperatorImage {
  readonly tag: string;
  /** Ends the Docker engine if it was started for this. Without it, it ends with this process. */
  stop(): Promise<void>;
}

/**
 * Builds the product's image from the Dockerfile, by the Docker engine of this machine, which is started and even
 * installed where there is none.
 *
 * @throws NoDockerError
 */
export async function buildOperatorImage(options: OperatorImageOptions = {}): Promise<OperatorImage> {
  const { progress = streamProgress(process.stderr, systemClock), tag = DEFAULT_TAG, cache = true } = options;
  const engine = await dockerEngine({ progress });
  try {
    const flags = cache ? BUILD_FLAGS : [...BUILD_FLAGS, "--no-cache"];
    const command = await dockerBuildCommand({ tag, nodeImage: await nodeImage(), flags });
    await progress.step("building the image", () => runCommand(command));
    return { tag, stop: engine.stop };
  } catch (error: unknown) {
    await engine.stop();
    throw error;
  }
}
