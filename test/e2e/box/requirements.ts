import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import type { Progress } from "../../control-plane/progress.ts";

const execute = promisify(execFile);

/** Folders that hold programs, the system's own among them: a PATH may leave them out. */
const FOLDERS = [
  ...(process.env.PATH ?? "").split(":"),
  ...["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"],
];
const CNI_FOLDERS = ["/usr/lib/cni", "/opt/cni/bin"];

/** What the box runs beside Kubernetes, by Debian's package. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  containerd: ["containerd", "ctr"],
  runc: ["runc"],
  iptables: ["iptables"],
  iproute2: ["ip"],
  "util-linux": ["unshare", "nsenter", "setpriv"],
};
const CNI_PACKAGE = "containernetworking-plugins";

/** This machine can't run a node of its own. The message says why and what to do. */
export class NoNodeError extends Error {
  override readonly name = "NoNodeError";
}

export interface NodeRequirements {
  /** As a PATH. */
  readonly folders: string;
  readonly containerdMajor: number;
  readonly cniPlugins: string;
}

/**
 * Finds what a node needs, and installs what is missing where it can: as root on Debian and its kin.
 *
 * @throws NoNodeError
 */
export async function nodeRequirements(progress: Progress): Promise<NodeRequirements> {
  const elsewhere = "name a cluster's kubeconfig in E2E_KUBECONFIG and an image that it can pull in E2E_IMAGE";
  if (process.platform !== "linux") throw new NoNodeError(`A node of its own needs Linux: ${elsewhere}.`);
  if (process.getuid?.() !== 0) throw new NoNodeError(`A node of its own needs root: ${elsewhere}.`);
  const missing = await missingPackages();
  if (missing.length > 0) {
    if ((await find("apt-get", FOLDERS)) === undefined) {
      throw new NoNodeError(`A node of its own needs ${missing.join(", ")} (Debian's names): install them.`);
    }
    await progress.step(`installing ${missing.join(", ")}`, () => install(missing));
    const still = await missingPackages();
    if (still.length > 0) throw new NoNodeError(`${still.join(", ")} could not be installed.`);
  }
  const { stdout } = await execute((await find("containerd", FOLDERS)) ?? "containerd", ["--version"]);
  return {
    folders: FOLDERS.join(":"),
    containerdMajor: Number(/\bv?(\d+)\.\d+\.\d+/.exec(stdout)?.[1] ?? 1),
    cniPlugins: (await cniFolder()) ?? "",
  };
}

async function missingPackages(): Promise<string[]> {
  const missing: string[] = [];
  for (const [name, programs] of Object.entries(NEEDED)) {
    const found = await Promise.all(programs.map((program) => find(program, FOLDERS)));
    if (found.includes(undefined)) missing.push(name);
  }
  if ((await cniFolder()) === undefined) missing.push(CNI_PACKAGE);
  return missing;
}

async function install(packages: readonly string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  try {
    await execute("apt-get", ["update", "--quiet"], { env });
    await execute("apt-get", ["install", "--yes", "--quiet", "--no-install-recommends", ...packages], { env });
  } catch (error: unknown) {
    throw new NoNodeError(`${packages.join(", ")} could not be installed by apt-get.`, { cause: error });
  }
}

async function cniFolder(): Promise<string | undefined> {
  const bridge = await find("bridge", CNI_FOLDERS);
  return bridge === undefined ? undefined : path.dirname(bridge);
}

async function find(program: string, folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    const file = path.join(folder, program);
    try {
      await access(file, constants.X_OK);
      return file;
    } catch {
      // The next one may have it.
    }
  }
  return undefined;
}
