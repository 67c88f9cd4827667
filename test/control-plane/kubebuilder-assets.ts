import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { missingPrograms } from "./program-folder.ts";
import type { ProgramName, ProgramSource } from "./program-source.ts";

const execute = promisify(execFile);
/** A program that doesn't tell its version by then is broken. */
const VERSION_LIMIT_MS = 15_000;

/** Gives what the program prints when asked for its version. */
export type AskVersion = (file: string, args: readonly string[]) => Promise<string>;

/** How each program of Kubernetes is asked; etcd counts versions of its own. */
const VERSION_ARGUMENTS: Readonly<Partial<Record<ProgramName, readonly string[]>>> = {
  "kube-apiserver": ["--version"],
  "kube-controller-manager": ["--version"],
  kubectl: ["version", "--client"],
  kubelet: ["--version"],
  "kube-scheduler": ["--version"],
  "kube-proxy": ["--version"],
};

/** The folder that a person names in KUBEBUILDER_ASSETS, as for the tests of Go operators. */
export function kubebuilderAssets(
  directory: string | undefined,
  askVersion: AskVersion = runForVersion,
): ProgramSource {
  return {
    name: "KUBEBUILDER_ASSETS",
    find: async (need) => {
      if (!directory) return { kind: "notAskedFor", reason: "not set" };
      const missing = await missingPrograms(directory, need);
      if (missing.length > 0) return { kind: "passedOver", reason: `${directory} lacks ${missing.join(", ")}` };
      const versions = new Map<ProgramName, string>();
      for (const program of need) {
        const args = VERSION_ARGUMENTS[program];
        if (args === undefined) continue;
        try {
          versions.set(program, parseVersion(await askVersion(path.join(directory, program), args)));
        } catch (error: unknown) {
          const cause = error instanceof Error ? error.message.split("\n", 1)[0] : String(error);
          return { kind: "passedOver", reason: `${program} in ${directory} doesn't tell its version: ${cause}` };
        }
      }
      const version = versions.get("kube-apiserver") ?? "unknown";
      if (new Set(versions.values()).size > 1) {
        const list = [...versions].map(([program, its]) => `${program} ${its}`).join(", ");
        return { kind: "passedOver", reason: `${directory} holds programs of different versions: ${list}` };
      }
      return { kind: "found", directory, version };
    },
  };
}

/** Takes `Kubernetes v1.37.2` or `Client Version: v1.37.2` and further lines. */
function parseVersion(output: string): string {
  const version = /^(?:Kubernetes|Client Version:)\s+(v\S+)/m.exec(output)?.[1];
  if (version === undefined) throw new Error(`unknown answer ${JSON.stringify(output.slice(0, 80))}`);
  return version;
}

async function runForVersion(file: string, args: readonly string[]): Promise<string> {
  return (await execute(file, args, { timeout: VERSION_LIMIT_MS })).stdout;
}
