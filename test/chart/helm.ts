import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { type GoTool, type GoToolOptions, goTool } from "./go-tool.ts";

const execute = promisify(execFile);

/** A Helm that can be run. */
export interface Helm {
  readonly file: string;
  /** As in `v4.3.1`. */
  readonly version: string;
  /** Where it came from, as it stands in messages. */
  readonly source: string;
}

const HELM: GoTool = {
  name: "helm",
  moduleFolder: path.join(import.meta.dirname, "helm"),
  packagePath: "helm.sh/helm/v4/cmd/helm",
  modulePath: "helm.sh/helm/v4",
  versionVariable: "helm.sh/helm/v4/internal/version.version",
  about: "1 min",
};

/**
 * Finds a Helm: the HELM variable, then the PATH, where that one is of a version that the chart supports, then the cache
 * folder, then a build from the pinned Go module (a minute, once).
 *
 * @throws NoToolError, UnwritableCacheError
 */
export async function resolveHelm(options: GoToolOptions): Promise<Helm> {
  const { progress, environment = process.env } = options;
  for (const [source, file] of [
    ["HELM", environment.HELM],
    ["PATH", "helm"],
  ] as const) {
    if (file === undefined || file === "") continue;
    const version = await versionOf(file, environment);
    if (version !== undefined && isSupported(version)) return { file, version, source };
    // Not on the PATH is no news.
    if (version !== undefined) progress.line(`${source} passed over: helm ${version} is older than 3.18`);
    else if (source === "HELM") progress.line(`HELM passed over: ${file} doesn't run`);
  }
  const file = await goTool(HELM, options);
  return { file, version: (await versionOf(file, environment)) ?? "unknown", source: "build from source" };
}

/** Helm 4, or Helm 3 from 3.18 on: what is older has another judge of schemas, with other words. */
export function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  return major > 3 || (major === 3 && minor >= 18);
}

async function versionOf(file: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  try {
    const { stdout } = await execute(file, ["version", "--template", "{{.Version}}"], { env, timeout: 30_000 });
    return /^v?\d+\.\d+\S*/.exec(stdout.trim())?.[0];
  } catch {
    return undefined;
  }
}
