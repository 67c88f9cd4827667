import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import packageJson from "../../package.json" with { type: "json" };
import { runCommand } from "../e2e/command.ts";
import { nodeImage } from "./base-image.ts";

const execute = promisify(execFile);
const ROOT = path.join(import.meta.dirname, "../..");

/** There is no Docker engine to build with. The message says what to do. */
export class NoDockerError extends Error {
  override readonly name = "NoDockerError";
}

export interface OperatorImage {
  /** As the chart names it when it is told nothing else. */
  readonly tag: string;
}

/** Builds the product's image from the Dockerfile, by the Docker engine of this machine. @throws NoDockerError */
export async function buildOperatorImage(): Promise<OperatorImage> {
  try {
    await execute("docker", ["info"]);
  } catch (error: unknown) {
    throw new NoDockerError("The image is built by a Docker engine, and `docker info` finds none: start one.", {
      cause: error,
    });
  }
  const base = await nodeImage();
  const tag = `atlas-cert-operator:${packageJson.version}`;
  const commit = await runCommand(["git", "rev-parse", "HEAD"], { cwd: ROOT }).catch(() => "");
  const settings = { NODE_IMAGE: base, COMMIT: commit.trim() };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]);
  // The machine's own network: a Docker network may not reach what this machine does.
  await runCommand(["docker", "build", "--network=host", ...flags, "--tag", tag, "."], { cwd: ROOT });
  return { tag };
}
