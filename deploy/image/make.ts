/**
 * `make image`: builds the image for this machine and writes its bill of materials into dist/. IMAGE is its name and
 * NODE_IMAGE what it is built with, if they are set.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { systemClock } from "../../src/clock.ts";
import { streamProgress } from "../../test/control-plane/progress.ts";
import { DEFAULT_TAG, dockerBuildCommand } from "./docker-build.ts";
import { compressedSize, layerSizes } from "./layer-sizes.ts";
import { licensedPackages } from "./license-texts.ts";
import { billOfMaterials } from "./sbom.ts";

const execute = promisify(execFile);
const progress = streamProgress(process.stdout, systemClock);
const DIST = path.join(import.meta.dirname, "../../dist");
/** `--network=host`, say, where the builder's own network does not reach the package registry. */
const flags = (process.env.DOCKER_BUILD_FLAGS ?? "").split(" ").filter((flag) => flag !== "");
const tag = process.env.IMAGE || DEFAULT_TAG;

process.exitCode = await make();

async function make(): Promise<number> {
  try {
    await progress.step("asking Docker whether it is there", () => execute("docker", ["info"]));
  } catch {
    say(
      "No Docker engine answers `docker info`: install Docker (https://docs.docker.com/engine/install), or start it.",
    );
    return 1;
  }
  const nodeImage = process.env.NODE_IMAGE ? { nodeImage: process.env.NODE_IMAGE } : {};
  const [file = "", ...args] = await dockerBuildCommand({ tag, flags, ...nodeImage });
  say(`building ${tag} …`);
  const [code] = await once(spawn(file, args, { stdio: "inherit" }), "close");
  if (code !== 0) {
    say(
      `docker build ended with ${code}: see above. Where ${nodeImage.nodeImage ?? "the base image"} can't be pulled, name another: make image NODE_IMAGE=…`,
    );
    return 1;
  }
  const read = 'process.stdout.write(require("node:fs").readFileSync("/app/LICENSES.txt"))';
  const [version, texts] = await progress.step("reading the licenses in the image", async () => [
    await ask("--entrypoint=/usr/bin/node", tag, "--version"),
    await ask("--entrypoint=/usr/bin/node", tag, "-e", read),
  ]);
  await mkdir(DIST, { recursive: true });
  const bomFile = path.join(DIST, "atlas-cert-operator.cdx.json");
  await writeFile(
    bomFile,
    await billOfMaterials({ nodeVersion: version.replace(/^v/, ""), packages: licensedPackages(texts) }),
  );
  say(`${tag} is built: ${await ask(tag, "--version")} on Node ${version}`);
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  for (const { madeBy, bytes } of await layerSizes(tag)) say(`  ${megabytes(bytes).padStart(9)}  ${madeBy}`);
  const compressed = await progress.step("compressing the image to tell its size", () => compressedSize(tag));
  say(`  ${megabytes(compressed).padStart(9)}  all of it, compressed`);
  say(`its bill of materials (CycloneDX): ${path.relative(process.cwd(), bomFile)}`);
  return 0;
}

/** What a container of the image prints. */
async function ask(...args: string[]): Promise<string> {
  return (await execute("docker", ["run", "--rm", "--network=none", ...args])).stdout.trim();
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
