/** The commands that README tells a person to type, as the person would run them. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { inject } from "vitest";
import { DEFAULT_TAG } from "../../deploy/image/docker-build.ts";
import { inCluster, ROOT } from "./commands.ts";
import { imageValues } from "./installation.ts";

/** The shell blocks under a heading of the second level, to the letter and in their order. */
export async function readmeCommands(heading: string): Promise<readonly string[]> {
  const text = await readFile(path.join(ROOT, "README.md"), "utf8");
  const section = text.split(/^## /m).find((each) => each.startsWith(`${heading}\n`)) ?? "";
  return [...section.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = ""]) => block);
}

/** Runs a block in a shell that stops at the first failure, and gives what it prints. @throws CommandError */
export function runBlock(block: string): Promise<string> {
  const { binDirectory } = inject("cluster");
  const script = `set -euo pipefail\nPATH="$BIN:$PATH"\nhelm() { "$HELM_FILE" "$@"; }\n${ALREADY_DONE}\n${withImage(block)}`;
  return inCluster(["bash", "-c", script], { variables: { BIN: binDirectory, HELM_FILE: inject("helm") } });
}

/** The story has a cluster with the image in it: of the commands that make both, it only checks what they say. */
const ALREADY_DONE = `
make() { [[ "$*" = image ]]; }
kind() { [[ "$*" = "create cluster" || "$*" = "load docker-image ${DEFAULT_TAG}" ]]; }`;

/** Where the cluster has the image by the name that the chart gives it the block stays as it is. */
function withImage(block: string): string {
  const { image } = inject("cluster");
  if (image === DEFAULT_TAG) return block;
  return block.replace(
    /^helm install /gm,
    `helm install --set-json='image=${JSON.stringify(imageValues(image).image)}' `,
  );
}
